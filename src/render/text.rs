//! Text as outlines: three embedded fonts, pair kerning, measuring.
//!
//! Inter for reading, its semi-bold cut for titles, and a few signs of DejaVu Sans that Inter lacks (∇, ∈). All are
//! subsets, free to embed; see `assets/fonts`. There is no shaping: scripts that need it come out letter by letter.

use std::sync::LazyLock;
use tiny_skia::{Path, PathBuilder, Transform};
use ttf_parser::{Face, GlyphId, OutlineBuilder};

/// How heavy the letters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Labels and captions.
    Regular,
    /// Titles.
    Bold,
}

/// Where a text lies with respect to its point, along the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// The text begins there.
    Start,
    /// The text is centred there.
    Middle,
    /// The text ends there.
    End,
}

/// Height of the capitals and digits as a part of the font size.
pub const CAP_HEIGHT: f64 = 0.727;

static FONTS: LazyLock<[Option<Face<'static>>; 3]> = LazyLock::new(|| {
    [
        Face::parse(include_bytes!("../../assets/fonts/Inter-Regular.otf"), 0).ok(),
        Face::parse(include_bytes!("../../assets/fonts/Inter-SemiBold.otf"), 0).ok(),
        Face::parse(include_bytes!("../../assets/fonts/DejaVuSans-signs.ttf"), 0).ok(),
    ]
});

/// A placed letter: font, glyph and pen position in units of the font size.
struct Letter {
    font: &'static Face<'static>,
    glyph: GlyphId,
    x: f64,
}

/// Places the letters of `text`; also returns the pen's end. Control characters become spaces.
fn place(text: &str, weight: Weight) -> (Vec<Letter>, f64) {
    let main = if weight == Weight::Bold { &FONTS[1] } else { &FONTS[0] };
    let fonts: Vec<&'static Face<'static>> = [main, &FONTS[2]].into_iter().flatten().collect();
    let mut letters: Vec<Letter> = Vec::with_capacity(text.len());
    let mut pen = 0.0;
    for c in text.chars() {
        let c = if c.is_control() { ' ' } else { c };
        let found = fonts.iter().find_map(|font| font.glyph_index(c).map(|glyph| (*font, glyph)));
        let Some((font, glyph)) = found.or_else(|| fonts.first().map(|font| (*font, GlyphId(0)))) else { continue };
        let em = f64::from(font.units_per_em());
        if let Some(last) = letters.last().filter(|last| std::ptr::eq(last.font, font)) {
            pen += f64::from(kern(font, last.glyph, glyph)) / em;
        }
        letters.push(Letter { font, glyph, x: pen });
        pen += f64::from(font.glyph_hor_advance(glyph).unwrap_or(0)) / em;
    }
    (letters, pen)
}

fn kern(font: &Face, left: GlyphId, right: GlyphId) -> i16 {
    let tables = font.tables().kern.into_iter().flat_map(|kern| kern.subtables);
    tables.filter(|table| table.horizontal).find_map(|table| table.glyphs_kerning(left, right)).unwrap_or(0)
}

/// Width of `text` at `size` pixels.
pub fn width(text: &str, size: f64, weight: Weight) -> f64 {
    place(text, weight).1 * size
}

/// The outline of `text` with its baseline point at (x, y); turned by a quarter to read upwards if `upwards`.
pub fn outline(text: &str, x: f64, y: f64, size: f64, weight: Weight, align: Align, upwards: bool) -> Option<Path> {
    let (letters, end) = place(text, weight);
    let shift = match align {
        Align::Start => 0.0,
        Align::Middle => -end / 2.0,
        Align::End => -end,
    };
    let mut pen = Pen { path: PathBuilder::new(), x: 0.0, scale: 1.0 };
    for letter in letters {
        pen.x = ((letter.x + shift) * size) as f32;
        pen.scale = (size / f64::from(letter.font.units_per_em())) as f32;
        // a letter without an outline is a space
        let _ = letter.font.outline_glyph(letter.glyph, &mut pen);
    }
    let (x, y) = (x as f32, y as f32);
    let turn = if upwards { Transform::from_row(0.0, -1.0, 1.0, 0.0, x, y) } else { Transform::from_translate(x, y) };
    pen.path.finish()?.transform(turn)
}

/// `text` cut with an ellipsis so that it is at most `limit` pixels wide.
pub fn cut(text: &str, size: f64, weight: Weight, limit: f64) -> String {
    if width(text, size, weight) <= limit {
        return text.to_owned();
    }
    let mut kept: Vec<char> = text.chars().collect();
    while kept.pop().is_some() {
        let shorter: String = kept.iter().collect::<String>().trim_end().to_owned() + "…";
        if width(&shorter, size, weight) <= limit {
            return shorter;
        }
    }
    String::new()
}

/// `text` broken at spaces into lines at most `limit` pixels wide; a longer word is cut.
pub fn wrap(text: &str, size: f64, weight: Weight, limit: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        // only the plain space breaks: thin and non-breaking spaces hold numbers and units together
        for word in paragraph.split(' ').filter(|word| !word.is_empty()) {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if !line.is_empty() && width(&longer, size, weight) > limit {
                lines.push(cut(&line, size, weight, limit));
                line = word.to_owned();
            } else {
                line = longer;
            }
        }
        if !line.is_empty() {
            lines.push(cut(&line, size, weight, limit));
        }
    }
    lines
}

struct Pen {
    path: PathBuilder,
    x: f32,
    scale: f32,
}

impl Pen {
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        (self.x + x * self.scale, -y * self.scale)
    }
}

impl OutlineBuilder for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.move_to(x, y);
    }
    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.line_to(x, y);
    }
    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.at(x1, y1), self.at(x, y));
        self.path.quad_to(x1, y1, x, y);
    }
    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }
    fn close(&mut self) {
        self.path.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fonts_parse_and_know_the_signs_that_figures_use() {
        assert!(FONTS.iter().all(Option::is_some));
        for c in "∇σεθ²⁻⁰₀∞−×·≤≈√∈→|é".chars() {
            let (letters, _) = place(&c.to_string(), Weight::Regular);
            assert!(letters.iter().all(|letter| letter.glyph.0 != 0), "{c}");
        }
    }

    #[test]
    fn kerning_pulls_letters_together() {
        let apart = width("A", 100.0, Weight::Regular) + width("V", 100.0, Weight::Regular);
        assert!(width("AV", 100.0, Weight::Regular) < apart - 1.0);
    }

    #[test]
    fn any_text_can_be_cut_and_wrapped() {
        for text in ["", " ", "a\u{0}b\u{1b}[31m", "\u{1F600}\u{202E}", &"word ".repeat(200), &"x".repeat(500)] {
            for limit in [-1.0, 0.0, 3.0, 100.0, f64::NAN] {
                assert!(
                    width(&cut(text, 12.0, Weight::Bold, limit), 12.0, Weight::Bold) <= limit.max(0.0)
                        || limit.is_nan()
                );
                wrap(text, 12.0, Weight::Regular, limit);
                outline(text, 0.0, 0.0, 12.0, Weight::Regular, Align::Middle, true);
            }
        }
    }
}
