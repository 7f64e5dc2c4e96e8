//! Colours: perceptual maps, a categorical palette and the two themes.
//!
//! `viridis` and `magma` are the published tables (CC0, see `assets/colour/README.md`). The other maps are drawn
//! through a few colours in OKLab (Ottosson 2020), where equal steps look equal; they begin exactly at a theme's
//! background, so that an empty density melts into the page.

use crate::error::{Error, Problem, Result, nearest};
use std::str::FromStr;
use std::sync::LazyLock;

/// Red, green, blue and opacity, each 0..=255, sRGB, straight alpha.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour(pub [u8; 4]);

impl Colour {
    /// An opaque colour from `0xrrggbb`.
    pub const fn hex(rgb: u32) -> Self {
        Self([(rgb >> 16) as u8, (rgb >> 8) as u8, rgb as u8, 255])
    }
    /// The same colour with opacity `alpha` in 0..=1.
    pub fn with_alpha(self, alpha: f64) -> Self {
        let [r, g, b, _] = self.0;
        Self([r, g, b, (alpha.clamp(0.0, 1.0) * 255.0).round() as u8])
    }
    /// The colour as a packed little-endian RGBA8 word, as the shaders store it.
    pub fn packed(self) -> u32 {
        u32::from_le_bytes(self.0)
    }
    /// This colour mixed with `other` (weight `t` in 0..=1) in OKLab.
    pub fn mix(self, other: Self, t: f64) -> Self {
        let (a, b) = (to_oklab(self), to_oklab(other));
        from_oklab(std::array::from_fn(|i| a[i] + (b[i] - a[i]) * t.clamp(0.0, 1.0)))
    }
}

/// A colour map of 256 entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColourMap {
    /// Dark violet to yellow.
    Viridis,
    /// Black to pale yellow.
    Magma,
    /// White to deep blue and violet: densities on light pages.
    Dusk,
    /// Near-black to warm white: densities on dark pages.
    Dawn,
    /// Blue over pale grey to red, for signed values; the middle is zero.
    Balance,
    /// Blue over near-black to red, for signed values on dark pages; the middle is zero.
    Night,
    /// Orange to dark red: magnitudes of arrows over a `Dusk` density.
    Ember,
    /// Teal to pale mint: magnitudes of arrows over a `Dawn` density.
    Frost,
}

/// A table of 256 colours.
pub type Table = [[u8; 3]; 256];

static TABLES: LazyLock<[Table; 8]> = LazyLock::new(|| {
    [
        parse_table(include_str!("../../assets/colour/viridis.txt")),
        parse_table(include_str!("../../assets/colour/magma.txt")),
        through(&[0xFFFFFF, 0xDFE8F7, 0xA9C2EC, 0x6E8FDA, 0x4A59BC, 0x3B2F8C, 0x281052]),
        through(&[0x0E1116, 0x1A2348, 0x3F3486, 0x843E99, 0xCB5384, 0xF58A63, 0xFDC873, 0xFFF7DC]),
        through(&[0x173B7A, 0x3F74C0, 0x97B9E3, 0xF2F1EF, 0xEBAA92, 0xC5513F, 0x741325]),
        through(&[0xB8DBFF, 0x5B9BEA, 0x24528F, 0x0E1116, 0x8A3227, 0xE8694F, 0xFFC9AE]),
        through(&[0xF0A04B, 0xDD6B2F, 0xB23A2E, 0x6E1423]),
        through(&[0x2E8C8A, 0x4FC3B0, 0xA6ECD2, 0xF2FFF8]),
    ]
});

impl ColourMap {
    /// Every map with its name.
    pub const ALL: &[(&str, Self)] = &[
        ("viridis", Self::Viridis),
        ("magma", Self::Magma),
        ("dusk", Self::Dusk),
        ("dawn", Self::Dawn),
        ("balance", Self::Balance),
        ("night", Self::Night),
        ("ember", Self::Ember),
        ("frost", Self::Frost),
    ];
    /// The 256 colours.
    pub fn table(self) -> &'static Table {
        &TABLES[self as usize]
    }
    /// The table as packed RGBA8 words with opacity 255, as `shaders/render/tone.wgsl` reads it.
    pub fn packed(self) -> [u32; 256] {
        self.table().map(|[r, g, b]| Colour([r, g, b, 255]).packed())
    }
    /// The colour at `t` in 0..=1, interpolated; anything that is not a number is the first colour.
    pub fn at(self, t: f64) -> Colour {
        let place = if t.is_finite() { t.clamp(0.0, 1.0) * 255.0 } else { 0.0 };
        let (low, part) = (place as usize, place.fract());
        let (a, b) = (self.table()[low], self.table()[(low + 1).min(255)]);
        let [r, g, b] =
            std::array::from_fn(|i| (f64::from(a[i]) * (1.0 - part) + f64::from(b[i]) * part).round() as u8);
        Colour([r, g, b, 255])
    }
}

impl FromStr for ColourMap {
    type Err = Error;
    fn from_str(name: &str) -> Result<Self> {
        find("colour map", name, Self::ALL)
    }
}

/// The look of a figure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Theme {
    /// Dark ink on white.
    #[default]
    Light,
    /// Light ink on near-black.
    Dark,
}

impl Theme {
    /// Every theme with its name.
    pub const ALL: &[(&str, Self)] = &[("light", Self::Light), ("dark", Self::Dark)];

    fn pick(self, light: u32, dark: u32) -> Colour {
        Colour::hex(if self == Self::Light { light } else { dark })
    }
    /// The page, and the ground of every panel.
    pub fn background(self) -> Colour {
        self.pick(0xFFFFFF, 0x0E1116)
    }
    /// Text.
    pub fn foreground(self) -> Colour {
        self.pick(0x1F2430, 0xE6E9EF)
    }
    /// Captions, tick labels and axes: text that steps back.
    pub fn muted(self) -> Colour {
        self.pick(0x5B6372, 0x9AA3B2)
    }
    /// Axis lines and ticks.
    pub fn axis(self) -> Colour {
        self.pick(0x8D95A3, 0x5C6675)
    }
    /// Grid lines.
    pub fn grid(self) -> Colour {
        self.pick(0xE9ECF1, 0x1E242D)
    }
    /// What the figure is about: generated samples, the model.
    pub fn accent(self) -> Colour {
        self.pick(0xD9541E, 0x4FD6C4)
    }
    /// What it is compared with: data, the truth.
    pub fn reference(self) -> Colour {
        self.pick(0x3D5FB5, 0xF2A25C)
    }
    /// Limits that cannot be crossed: floors, bounds.
    pub fn floor(self) -> Colour {
        self.pick(0x6B7280, 0xA6AEBB)
    }
    /// The colour map of densities.
    pub fn density_map(self) -> ColourMap {
        if self == Self::Light { ColourMap::Dusk } else { ColourMap::Dawn }
    }
    /// The colour map of signed values.
    pub fn signed_map(self) -> ColourMap {
        if self == Self::Light { ColourMap::Balance } else { ColourMap::Night }
    }
    /// The colour map of arrow magnitudes, legible over a density.
    pub fn arrow_map(self) -> ColourMap {
        if self == Self::Light { ColourMap::Ember } else { ColourMap::Frost }
    }
    /// Colour `index` of the categorical palette (blue, orange, green, rose, violet, olive, cyan, grey; then again).
    pub fn category(self, index: usize) -> Colour {
        const LIGHT: [u32; 8] = [0x2E6DB4, 0xDE7A35, 0x2A9476, 0xB8426E, 0x7A5FB0, 0x8C8A2E, 0x3F9CC2, 0x6B7280];
        const DARK: [u32; 8] = [0x6FA8F0, 0xF2A25C, 0x5CCBA8, 0xEE7FA3, 0xB39BEA, 0xCFCB6A, 0x7FD3F0, 0xA6AEBB];
        self.pick(LIGHT[index % 8], DARK[index % 8])
    }
}

impl FromStr for Theme {
    type Err = Error;
    fn from_str(name: &str) -> Result<Self> {
        find("theme", name, Self::ALL)
    }
}

/// The row of `table` called `name`, or a usage error that names the nearest one.
fn find<T: Copy>(kind: &str, name: &str, table: &[(&str, T)]) -> Result<T> {
    if let Some(row) = table.iter().find(|row| row.0 == name) {
        return Ok(row.1);
    }
    let names: Vec<&str> = table.iter().map(|row| row.0).collect();
    let problem = Problem::new(format!("unknown {kind}")).found(format!("'{name}'")).expected(names.join(", "));
    Err(Error::usage(match nearest(name, names) {
        Some(near) => problem.hint(format!("did you mean '{near}'?")),
        None => problem,
    }))
}

fn parse_table(text: &str) -> Table {
    let mut table = [[0; 3]; 256];
    for (row, line) in table.iter_mut().zip(text.lines()) {
        let [_, r, g, b] = u32::from_str_radix(line.trim(), 16).unwrap_or(0).to_be_bytes();
        *row = [r, g, b];
    }
    table
}

/// 256 colours through `stops`, equally spaced and interpolated in OKLab; the ends are exact.
fn through(stops: &[u32]) -> Table {
    std::array::from_fn(|i| {
        let place = i as f64 / 255.0 * (stops.len() - 1) as f64;
        let low = (place as usize).min(stops.len() - 2);
        let [r, g, b, _] = Colour::hex(stops[low]).mix(Colour::hex(stops[low + 1]), place - low as f64).0;
        [r, g, b]
    })
}

fn to_oklab(colour: Colour) -> [f64; 3] {
    let [r, g, b] = [0, 1, 2].map(|i| {
        let c = f64::from(colour.0[i]) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    });
    let l = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b).cbrt();
    let m = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b).cbrt();
    let s = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b).cbrt();
    [
        0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
        1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
        0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s,
    ]
}

fn from_oklab([lightness, a, b]: [f64; 3]) -> Colour {
    let l = (lightness + 0.3963377774 * a + 0.2158037573 * b).powi(3);
    let m = (lightness - 0.1055613458 * a - 0.0638541728 * b).powi(3);
    let s = (lightness - 0.0894841775 * a - 1.2914855480 * b).powi(3);
    let linear = [
        4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
        -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
        -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s,
    ];
    let [r, g, b] = linear.map(|c: f64| {
        let c = if c <= 0.0031308 { 12.92 * c } else { 1.055 * c.powf(1.0 / 2.4) - 0.055 };
        (c.clamp(0.0, 1.0) * 255.0).round() as u8
    });
    Colour([r, g, b, 255])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn density_maps_begin_at_the_page() {
        for (_, theme) in Theme::ALL {
            assert_eq!(theme.density_map().at(0.0), theme.background());
        }
    }

    #[test]
    fn sequential_maps_change_lightness_in_one_direction() {
        for map in
            [ColourMap::Viridis, ColourMap::Magma, ColourMap::Dusk, ColourMap::Dawn, ColourMap::Ember, ColourMap::Frost]
        {
            let light: Vec<f64> = map.table().iter().map(|&[r, g, b]| to_oklab(Colour([r, g, b, 255]))[0]).collect();
            let sign = (light[255] - light[0]).signum();
            // 8-bit rounding may step back by a hair
            assert!(light.windows(2).all(|w| (w[1] - w[0]) * sign > -0.01), "{map:?}");
        }
        assert_eq!(ColourMap::Viridis.table()[255], [0xfd, 0xe7, 0x25]);
    }

    #[test]
    fn names_round_trip_and_slips_are_explained() {
        assert_eq!("dark".parse::<Theme>().ok(), Some(Theme::Dark));
        assert_eq!("magma".parse::<ColourMap>().ok(), Some(ColourMap::Magma));
        let error = "drak".parse::<Theme>().unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert_eq!(ColourMap::Dusk.at(f64::NAN), Colour::hex(0xFFFFFF));
    }
}
