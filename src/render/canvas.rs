//! The sheet that figures are drawn on: antialiased shapes, text, and rasters copied pixel by pixel.
//!
//! A thin wrapper around tiny-skia. The sheet is always opaque, so that premultiplied and straight colours are the
//! same thing, and every coordinate is clipped in f64 before it becomes an f32.

use super::colour::Colour;
use super::text::{self, Align, Weight};
use crate::error::{Error, Problem, Result};
use image::RgbaImage;
use tiny_skia::{FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, StrokeDash, Transform};

/// The largest number of pixels of a sheet (1 GiB of RGBA8).
pub const MAX_PIXELS: u64 = 1 << 28;

/// How a text is drawn.
#[derive(Debug, Clone, Copy)]
pub struct TextStyle {
    /// Font size in pixels.
    pub size: f64,
    /// Weight.
    pub weight: Weight,
    /// Colour.
    pub colour: Colour,
    /// Alignment along the line.
    pub align: Align,
    /// Reads upwards (the label of a vertical axis).
    pub upwards: bool,
}

/// An opaque sheet of pixels.
pub struct Canvas {
    pixmap: Pixmap,
}

impl Canvas {
    /// A sheet of one colour.
    pub fn new(width: u32, height: u32, ground: Colour) -> Result<Self> {
        let pixels = u64::from(width) * u64::from(height);
        let pixmap = if pixels <= MAX_PIXELS { Pixmap::new(width, height) } else { None };
        let Some(mut pixmap) = pixmap else {
            let problem =
                Problem::new("the size of the picture is out of range").found(format!("{width} x {height} pixels"));
            return Err(Error::usage(problem.expected(format!("1 to {MAX_PIXELS} pixels in all"))));
        };
        let [r, g, b, _] = ground.0;
        pixmap.fill(tiny_skia::Color::from_rgba8(r, g, b, 255));
        Ok(Self { pixmap })
    }
    /// Width and height in pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.pixmap.width(), self.pixmap.height())
    }
    /// A filled rectangle; whole-numbered edges stay sharp.
    pub fn rectangle(&mut self, x: f64, y: f64, w: f64, h: f64, colour: Colour) {
        let (x1, y1) = (self.bound(x + w), self.bound(y + h));
        let (x0, y0) = (self.bound(x), self.bound(y));
        if let Some(rect) = Rect::from_ltrb(x0, y0, x1, y1) {
            self.pixmap.fill_rect(rect, &paint(colour), Transform::identity(), None);
        }
    }
    /// A filled circle.
    pub fn circle(&mut self, x: f64, y: f64, radius: f64, colour: Colour) {
        if let Some(path) = PathBuilder::from_circle(self.bound(x), self.bound(y), radius as f32) {
            self.fill(&path, colour);
        }
    }
    /// A filled polygon.
    pub fn polygon(&mut self, points: &[(f64, f64)], colour: Colour) {
        if let Some(path) = self.path(points, true) {
            self.fill(&path, colour);
        }
    }
    /// A polyline with round joins; `dash` is (on, off) in pixels.
    pub fn line(&mut self, points: &[(f64, f64)], width: f64, colour: Colour, dash: Option<(f64, f64)>, round: bool) {
        let Some(path) = self.path(points, false) else { return };
        let stroke = Stroke {
            width: width as f32,
            line_cap: if round { LineCap::Round } else { LineCap::Butt },
            line_join: LineJoin::Round,
            dash: dash.and_then(|(on, off)| StrokeDash::new(vec![on as f32, off as f32], 0.0)),
            ..Stroke::default()
        };
        self.pixmap.stroke_path(&path, &paint(colour), &stroke, Transform::identity(), None);
    }
    /// A text with its baseline at (x, y); an upright text's baseline falls on a whole pixel, which keeps it crisp.
    pub fn text(&mut self, x: f64, y: f64, text: &str, style: &TextStyle) {
        let (x, y) = if style.upwards { (x.round(), y) } else { (x, y.round()) };
        let path = text::outline(text, x, y, style.size, style.weight, style.align, style.upwards);
        if let Some(path) = path {
            self.fill(&path, style.colour);
        }
    }
    /// Blends a straight-alpha raster over the sheet, its corner at pixel (x, y); what lies outside is dropped.
    pub fn blend(&mut self, raster: &RgbaImage, x: i64, y: i64) {
        let (width, height) = (i64::from(self.pixmap.width()), i64::from(self.pixmap.height()));
        let data = self.pixmap.data_mut();
        for (column, row, pixel) in raster.enumerate_pixels() {
            let (px, py) = (x + i64::from(column), y + i64::from(row));
            if pixel.0[3] == 0 || px < 0 || py < 0 || px >= width || py >= height {
                continue;
            }
            let at = 4 * (py * width + px) as usize;
            let alpha = u32::from(pixel.0[3]);
            for channel in 0..3 {
                let mixed = u32::from(pixel.0[channel]) * alpha + u32::from(data[at + channel]) * (255 - alpha);
                data[at + channel] = ((mixed + 127) / 255) as u8;
            }
        }
    }
    /// The sheet as an image.
    pub fn into_image(self) -> RgbaImage {
        let (width, height) = self.size();
        // the pixmap's length is exactly 4 * width * height, so the fallback is never taken
        RgbaImage::from_raw(width, height, self.pixmap.take()).unwrap_or_else(|| RgbaImage::new(width, height))
    }

    fn fill(&mut self, path: &Path, colour: Colour) {
        self.pixmap.fill_path(path, &paint(colour), FillRule::Winding, Transform::identity(), None);
    }
    /// Far-away coordinates pulled to where f32 and the rasteriser are exact enough; NaN becomes 0.
    fn bound(&self, value: f64) -> f32 {
        if value.is_nan() { 0.0 } else { value.clamp(-1e5, 1e5) as f32 }
    }
    fn path(&self, points: &[(f64, f64)], close: bool) -> Option<Path> {
        let (first, rest) = points.split_first()?;
        let mut path = PathBuilder::new();
        path.move_to(self.bound(first.0), self.bound(first.1));
        for point in rest {
            path.line_to(self.bound(point.0), self.bound(point.1));
        }
        if close {
            path.close();
        }
        path.finish()
    }
}

fn paint(colour: Colour) -> Paint<'static> {
    let [r, g, b, a] = colour.0;
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color_rgba8(r, g, b, a);
    paint
}
