//! Distance of samples to the set on which the data would lie without noise.

use super::floor::Z95;
use super::parallel::{self, mean_variance};
use super::{Measurement, Points};

/// The Euclidean distance of a row (D) to the support of a law without its noise.
pub type Distance<'a> = &'a (dyn Fn(&[f32]) -> f64 + Sync);

/// Rows per task of a thread.
const CHUNK: usize = 64;

fn distances(points: &Points, to: Distance, threads: usize) -> Vec<f64> {
    let rows = points.rows();
    let chunk = |_: &mut (), c: usize| -> Vec<f64> {
        (c * CHUNK..((c + 1) * CHUNK).min(rows)).map(|i| to(points.row(i))).collect()
    };
    parallel::map(threads, rows.div_ceil(CHUNK), || (), chunk).concat()
}

/// Mean distance.
pub fn mean_distance(points: &Points, to: Distance, threads: usize) -> f64 {
    mean_variance(&distances(points, to, threads)).0
}

/// Mean distance to the support, with the largest in the note.
pub fn support_distance(samples: &Points, to: Distance, threads: usize) -> Measurement {
    let all = distances(samples, to, threads);
    let (value, variance) = mean_variance(&all);
    let error = (variance / all.len() as f64).sqrt();
    let definition = format!(
        "mean Euclidean distance of {} rows of {} to the nearest point of the law's support without its noise (curve, surface, \
         boxes, shells or atoms; curves and surfaces by their quadrature nodes); the interval is 1.96 standard errors",
        all.len(),
        samples.name()
    );
    let mut out = Measurement::new("distance to the support", definition, value, all.len());
    out.interval = Some(((value - Z95 * error).max(0.0), value + Z95 * error));
    let most = all.iter().fold(0.0f64, |m, d| m.max(*d));
    out.noted(format!("largest {}", super::short(most)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_over_rows() {
        let points = Points::new("p", &[3.0, 4.0, 0.0, 1.0], 2).unwrap();
        let origin = |x: &[f32]| x.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
        let got = support_distance(&points, &origin, 3);
        assert_eq!((got.value, got.n, got.note.as_deref()), (3.0, 2, Some("largest 5.00")));
        assert_eq!(mean_distance(&points, &origin, 1), 3.0);
    }
}
