//! The box-counting dimension of a cloud: the slope of `ln N(e)` over `ln 1/e`, N the number of boxes of side e that hold a
//! point (Falconer, Fractal Geometry, chapter 3).
//!
//! N is the least over several shifts of the grid, because the least number of boxes is meant. Only sides are used at which
//! the cloud is neither one lump (few boxes) nor a heap of single points (boxes nearly as many as points).

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};

/// Shifts of the grid.
const SHIFTS: u32 = 8;
/// Sides of boxes fall by the square root of two, from a quarter of the extent: in larger ones the edge of the cloud counts.
const SCALES: std::ops::Range<i32> = 4..64;
/// Fewest boxes at a side that is used.
const LEAST_BOXES: f64 = 4.0;
/// Fewest different points a box at a side that is used: with 5, one box in 150 goes unseen.
const POINTS_A_BOX: f64 = 5.0;
/// Fewest sides of a fit.
const LEAST_SCALES: usize = 4;

/// A dimension with the range of sides it was fitted over.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct BoxDimension {
    /// The slope.
    pub value: f64,
    /// Standard error of the slope as a least-squares fit; says how straight the line is, not how good the range.
    pub error: f64,
    /// Largest and smallest side of the boxes, units of the data.
    pub sides: (f64, f64),
    /// Number of sides.
    pub scales: usize,
    /// Different points.
    pub points: usize,
}

type Cells = HashSet<u64, BuildHasherDefault<DefaultHasher>>;

/// Least number of boxes of side `side` that hold a row of `rows` (n, dim).
fn boxes(rows: &[f32], dim: usize, low: &[f64], side: f64) -> f64 {
    let count = |shift: u32| {
        let mut cells = Cells::default();
        for row in rows.chunks_exact(dim) {
            let mut hasher = DefaultHasher::new();
            for (d, x) in row.iter().enumerate() {
                // multiples of the golden ratio spread the shifts over every axis
                let offset = f64::from(shift) / f64::from(SHIFTS) + 0.618_033_988_749_895 * d as f64;
                let offset = if shift == 0 { 0.0 } else { offset.fract() };
                (((f64::from(*x) - low[d]) / side + offset).floor() as i64).hash(&mut hasher);
            }
            cells.insert(hasher.finish());
        }
        cells.len() as f64
    };
    (0..SHIFTS).map(count).fold(f64::INFINITY, f64::min)
}

/// The dimension of `rows` (n, dim), all finite; nothing where too few sides can be used.
pub fn box_dimension(rows: &[f32], dim: usize) -> Option<BoxDimension> {
    let mut low = vec![f64::INFINITY; dim];
    let mut high = vec![f64::NEG_INFINITY; dim];
    let mut different = Cells::default();
    for row in rows.chunks_exact(dim) {
        let mut hasher = DefaultHasher::new();
        for (d, x) in row.iter().enumerate() {
            low[d] = low[d].min(f64::from(*x));
            high[d] = high[d].max(f64::from(*x));
            x.to_bits().hash(&mut hasher);
        }
        different.insert(hasher.finish());
    }
    let extent = low.iter().zip(&high).map(|(l, h)| h - l).fold(0.0, f64::max);
    let points = different.len();
    if !(extent > 0.0 && extent.is_finite()) {
        return None;
    }
    let (mut x, mut y, mut sides) = (Vec::new(), Vec::new(), Vec::new());
    for k in SCALES {
        let side = extent * 0.5f64.powf(0.5 * f64::from(k));
        let n = boxes(rows, dim, &low, side);
        if n * POINTS_A_BOX > points as f64 {
            break;
        }
        if n >= LEAST_BOXES {
            x.push(-side.ln());
            y.push(n.ln());
            sides.push(side);
        }
    }
    if x.len() < LEAST_SCALES {
        return None;
    }
    let (value, error) = slope(&x, &y);
    Some(BoxDimension { value, error, sides: (sides[0], sides[sides.len() - 1]), scales: x.len(), points })
}

/// The slope of a least-squares line and its standard error.
fn slope(x: &[f64], y: &[f64]) -> (f64, f64) {
    let n = x.len() as f64;
    let mean = |v: &[f64]| v.iter().sum::<f64>() / n;
    let (mx, my) = (mean(x), mean(y));
    let sxx: f64 = x.iter().map(|x| (x - mx).powi(2)).sum();
    let b = x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum::<f64>() / sxx;
    let rest: f64 = x.iter().zip(y).map(|(x, y)| (y - my - b * (x - mx)).powi(2)).sum();
    (b, (rest / (n - 2.0) / sxx).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::gaussian;

    #[test]
    fn sets_of_whole_dimension_have_it() {
        let line: Vec<f32> = (0..20_000).flat_map(|i| [i as f32 / 2e4, 0.5 * i as f32 / 2e4]).collect();
        let d = box_dimension(&line, 2).unwrap();
        assert!((d.value - 1.0).abs() < 0.03 && d.scales > 10 && d.points == 20_000, "{d:?}");
        let mut stream = crate::random::Stream::new(1, crate::random::Purpose::Test, 0, 0);
        let square: Vec<f32> = (0..50_000).map(|_| stream.unit() as f32).collect();
        let d = box_dimension(&square, 2).unwrap();
        assert!((d.value - 2.0).abs() < 0.05, "{d:?}");
    }

    #[test]
    fn a_cantor_set_has_the_dimension_of_its_maps() {
        let point = |i: u32| (0..12).map(|b| f64::from(i >> b & 1) * 2.0 / 3f64.powi(b + 1)).sum::<f64>() as f32;
        let set: Vec<f32> = (0..1 << 12).map(point).collect();
        let d = box_dimension(&set, 1).unwrap();
        assert!((d.value - 2f64.ln() / 3f64.ln()).abs() < 0.03, "{d:?}");
    }

    #[test]
    fn a_point_and_a_small_cloud_have_no_dimension() {
        assert_eq!(box_dimension(&[1.0; 200], 2), None);
        assert_eq!(box_dimension(&gaussian(20, 2, 0.0, 1.0, 1), 2), None);
    }
}
