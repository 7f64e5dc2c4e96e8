//! Plain twins of the drawing kernels in `shaders/render`, written to be read; also the host's own way to draw clouds.
//!
//! Pixels are counted from the top left; pixel (i, j) covers `[i, i + 1) x [j, j + 1)` of the window.

/// One part of a pixel's coverage in the units of [`splat`].
pub const FULL: u32 = 256;
/// Where counters stop growing, far enough below 2^32 that no addition in flight can wrap around.
pub const CEILING: u32 = 0xF000_0000;

/// What part of the plane is drawn, on how many pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The value at the left edge of the first column.
    pub x_low: f64,
    /// The value at the right edge of the last column.
    pub x_high: f64,
    /// The value at the bottom edge of the last row.
    pub y_low: f64,
    /// The value at the top edge of the first row.
    pub y_high: f64,
}

impl Window {
    /// Columns a unit of x and rows a unit of y.
    pub fn scales(&self) -> (f64, f64) {
        (f64::from(self.width) / (self.x_high - self.x_low), f64::from(self.height) / (self.y_high - self.y_low))
    }
    /// The place of a point in pixels; None where a coordinate is not finite.
    pub fn place(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let (sx, sy) = self.scales();
        let (u, v) = ((x - self.x_low) * sx, (self.y_high - y) * sy);
        (u.is_finite() && v.is_finite()).then_some((u, v))
    }
    fn pixels(&self) -> usize {
        self.width as usize * self.height as usize
    }
}

/// Twin of `shaders/render/clear.wgsl`.
pub fn clear(counts: &mut [u32]) {
    counts.fill(0);
}

/// Twin of `shaders/render/splat.wgsl`: adds an antialiased disc a point to `coverage` (height, width).
///
/// A pixel whose centre is `d` from the point gains `clamp(max(r, 1/2) + 1/2 - d, 0, 1) min(1, 4 r²)` of [`FULL`].
/// Returns how many points were left out because a coordinate is not finite.
pub fn splat(points: impl IntoIterator<Item = (f64, f64)>, window: &Window, radius: f64, coverage: &mut [u32]) -> u64 {
    let mut skipped = 0;
    let (reach, weight) = (radius.max(0.5) + 0.5, (4.0 * radius * radius).min(1.0));
    let (w, h) = (f64::from(window.width), f64::from(window.height));
    for (x, y) in points {
        let Some((u, v)) = window.place(x, y) else {
            skipped += 1;
            continue;
        };
        if u < -reach || v < -reach || u > w + reach || v > h + reach {
            continue;
        }
        let columns = (u - reach).floor().max(0.0) as u32..(u + reach).ceil().min(w) as u32;
        for row in (v - reach).floor().max(0.0) as u32..(v + reach).ceil().min(h) as u32 {
            for column in columns.clone() {
                let distance = (f64::from(column) + 0.5 - u).hypot(f64::from(row) + 0.5 - v);
                let share = (reach - distance).clamp(0.0, 1.0) * weight;
                add(coverage, window, column, row, (share * f64::from(FULL) + 0.5).floor() as u32);
            }
        }
    }
    skipped
}

/// Twin of `shaders/render/count.wgsl`: adds 1 to the cell of `counts` (height, width) that holds each point.
///
/// Returns how many points were left out because a coordinate is not finite; points outside the window are not counted.
pub fn count(points: impl IntoIterator<Item = (f64, f64)>, window: &Window, counts: &mut [u32]) -> u64 {
    let mut skipped = 0;
    for (x, y) in points {
        match window.place(x, y) {
            None => skipped += 1,
            Some((u, v)) => {
                if u >= 0.0 && v >= 0.0 && u < f64::from(window.width) && v < f64::from(window.height) {
                    add(counts, window, u as u32, v as u32, 1);
                }
            }
        }
    }
    skipped
}

fn add(cells: &mut [u32], window: &Window, column: u32, row: u32, amount: u32) {
    let place = row as usize * window.width as usize + column as usize;
    if let Some(cell) = cells.get_mut(place).filter(|cell| **cell < CEILING) {
        *cell = cell.saturating_add(amount);
    }
}

/// Parameters of [`tone`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tone {
    /// What a counter of 1 stands for: 1/256 for coverage, 1 over the expected count for histograms.
    pub unit: f64,
    /// k in 1 - exp(-k c).
    pub exposure: f64,
    /// Opacity of a fully covered pixel.
    pub opacity: f64,
    /// Whether the opacity follows the tone (clouds) or is the same everywhere (densities).
    pub fade: bool,
}

/// Twin of `shaders/render/tone.wgsl`: counters to packed RGBA8 through a table of 256 colours.
pub fn tone(counts: &[u32], table: &[u32; 256], tone: &Tone) -> Vec<u32> {
    let shade = |count: u32| {
        let amount = f64::from(count.min(CEILING)) * tone.unit;
        let value = 1.0 - (-tone.exposure * amount).exp();
        let colour = table[(255.0 * value + 0.5).floor().clamp(0.0, 255.0) as usize];
        let alpha = tone.opacity * if tone.fade { value } else { 1.0 };
        (colour & 0x00FF_FFFF) | (((255.0 * alpha + 0.5).floor().clamp(0.0, 255.0) as u32) << 24)
    };
    counts.iter().map(|count| shade(*count)).collect()
}

/// An image from packed RGBA8 words, as the device hands them back. None if their number does not fit.
pub fn image_of(words: &[u32], width: u32, height: u32) -> Option<image::RgbaImage> {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    if words.len() != width as usize * height as usize {
        return None;
    }
    image::RgbaImage::from_raw(width, height, bytes)
}

/// The exposure at which a single point can be seen and the densest part of a cloud is not yet flat.
pub fn exposure(coverage: &[u32]) -> f64 {
    let mut covered: Vec<u32> = coverage.iter().copied().filter(|c| *c > 0).collect();
    if covered.is_empty() {
        return 1.0;
    }
    let place = covered.len() * 98 / 100;
    let dense = f64::from(*covered.select_nth_unstable(place).1) / f64::from(FULL);
    (2.2 / dense.max(1e-3)).clamp(0.22, 2.2)
}

/// A cloud of one colour as a transparent raster, on the host. Also returns how many points were left out.
pub fn cloud(
    points: impl IntoIterator<Item = (f64, f64)>,
    window: &Window,
    radius: f64,
    colour: super::colour::Colour,
) -> (image::RgbaImage, u64) {
    let mut coverage = vec![0; window.pixels()];
    let skipped = splat(points, window, radius, &mut coverage);
    let (opacity, exposure) = (f64::from(colour.0[3]) / 255.0, exposure(&coverage));
    let words =
        tone(&coverage, &[colour.packed(); 256], &Tone { unit: 1.0 / f64::from(FULL), exposure, opacity, fade: true });
    let empty = || image::RgbaImage::new(window.width, window.height);
    (image_of(&words, window.width, window.height).unwrap_or_else(empty), skipped)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window { width: 8, height: 4, x_low: 0.0, x_high: 8.0, y_low: 0.0, y_high: 4.0 };

    #[test]
    fn a_point_lands_in_the_cell_that_holds_it() {
        let mut counts = vec![0; 32];
        let skipped = count(
            [(0.0, 4.0), (7.99, 0.01), (8.0, 2.0), (-0.01, 2.0), (f64::NAN, 1.0), (1.0, f64::INFINITY)],
            &WINDOW,
            &mut counts,
        );
        // y = 4 is the upper edge of row 0
        assert_eq!((counts[0], counts[31], counts.iter().sum::<u32>(), skipped), (1, 1, 2, 2));
    }

    #[test]
    fn a_disc_covers_its_area() {
        for (radius, x, y) in [(1.0, 4.3, 2.1), (1.5, 3.9, 1.77), (0.5, 4.5, 2.5)] {
            let mut coverage = vec![0; 32];
            splat([(x, y)], &WINDOW, radius, &mut coverage);
            let area = f64::from(coverage.iter().sum::<u32>()) / f64::from(FULL);
            let truth = std::f64::consts::PI * radius * radius;
            // the linear ramp of the rim adds pi/12 to the area of a disc
            assert!((area - truth).abs() < 0.35 + 0.05 * truth, "{radius}: {area} against {truth}");
        }
    }

    #[test]
    fn counters_stop_before_they_wrap() {
        let mut counts = vec![CEILING - 1; 32];
        count([(0.5, 3.5), (0.5, 3.5), (0.5, 3.5)], &WINDOW, &mut counts);
        assert_eq!(counts[0], CEILING);
    }

    #[test]
    fn tone_runs_from_nothing_to_the_last_colour() {
        let table: [u32; 256] = std::array::from_fn(|i| i as u32);
        let fade = tone(&[0, u32::MAX], &table, &Tone { unit: 1.0, exposure: 1.0, opacity: 1.0, fade: true });
        assert_eq!(fade, [0, 0xFF00_00FF]);
    }
}
