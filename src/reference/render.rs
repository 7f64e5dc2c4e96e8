//! Twins of `shaders/render`.

use super::Call;
use crate::error::Result;

/// Where counters stop growing, as the kernels say.
const CEILING: u32 = 0xF000_0000;

/// Empty counters
pub fn clear(call: &mut Call) -> Result<()> {
    let cells = call.u("cells")?;
    let mut counts = call.words("counts")?;
    counts[..cells].fill(0);
    call.set_words("counts", &counts)
}

/// The points of a cloud in pixels; those that are not finite are left out.
fn places(call: &Call) -> Result<Vec<(f64, f64)>> {
    let (points, d) = (call.u("points")?, call.u("dimensions")?);
    let (cx, cy) = (call.u("column_x")?, call.u("column_y")?);
    let (x_low, x_scale, y_high, y_scale) =
        (call.p("x_low")?, call.p("x_scale")?, call.p("y_high")?, call.p("y_scale")?);
    let cloud = call.f("cloud")?;
    let place = |i: usize| ((cloud[i * d + cx] - x_low) * x_scale, (y_high - cloud[i * d + cy]) * y_scale);
    Ok((0..points).map(place).filter(|(u, v)| u.is_finite() && v.is_finite()).collect())
}

fn add(cell: &mut u32, amount: u32) {
    if *cell < CEILING {
        *cell += amount;
    }
}

/// A histogram over the pixels of a window
pub fn count(call: &mut Call) -> Result<()> {
    let (width, height) = (call.u("width")?, call.u("height")?);
    let mut counts = call.words("counts")?;
    for (u, v) in places(call)? {
        if u >= 0.0 && v >= 0.0 && u < width as f64 && v < height as f64 {
            add(&mut counts[v as usize * width + u as usize], 1);
        }
    }
    call.set_words("counts", &counts)
}

/// An antialiased disc a point
pub fn splat(call: &mut Call) -> Result<()> {
    let (width, height, radius) = (call.u("width")?, call.u("height")?, call.p("radius")?);
    let (reach, weight) = (radius.max(0.5) + 0.5, (4.0 * radius * radius).min(1.0));
    let mut coverage = call.words("coverage")?;
    for (u, v) in places(call)? {
        for row in 0..height {
            for column in 0..width {
                let d = (column as f64 + 0.5 - u).hypot(row as f64 + 0.5 - v);
                let share = (reach - d).clamp(0.0, 1.0) * weight;
                add(&mut coverage[row * width + column], (256.0 * share + 0.5).floor() as u32);
            }
        }
    }
    call.set_words("coverage", &coverage)
}

/// Counters to colours
pub fn tone(call: &mut Call) -> Result<()> {
    let (unit, exposure, opacity, fade) =
        (call.p("unit")?, call.p("exposure")?, call.p("opacity")?, call.u("fade")? == 1);
    let (counts, colours) = (call.words("counts")?, call.words("colours")?);
    let byte = |v: f64| (255.0 * v + 0.5).floor() as u32;
    let shade = |count: &u32| {
        let s = 1.0 - (-exposure * unit * f64::from((*count).min(CEILING))).exp();
        let alpha = if fade { opacity * s } else { opacity };
        colours[byte(s) as usize] & 0x00FF_FFFF | byte(alpha) << 24
    };
    let pixels: Vec<u32> = counts.iter().map(shade).collect();
    call.set_words("pixels", &pixels)
}
