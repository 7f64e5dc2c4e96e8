//! Maximum mean discrepancy with Gaussian kernels of several widths.
//!
//! MMD^2 = E k(x, x') + E k(y, y') - 2 E k(x, y), k the mean over c of exp(-|x - y|^2 / (2 (c h)^2)), c = 1/4, 1/2, 1, 2, 4, h the
//! median distance of two rows of the reference (Gretton et al., "A kernel two-sample test", JMLR 2012; several widths as in Li,
//! Swersky, Zemel 2015). The energy distance is the same with the kernel -|x - y|.

use super::floor::Z95;
use super::parallel::{self, Columns, mean_variance};
use super::points::{finite, same_dim};
use super::{Measurement, Points, Settings};
use crate::error::{Error, Problem, Result};

/// Widths, in units of the median distance.
const WIDTHS: [f64; 5] = [0.25, 0.5, 1.0, 2.0, 4.0];
/// Rows whose distances give the median.
const MEDIAN_ROWS: usize = 500;
/// Rows per task of a thread.
const CHUNK: usize = 64;
/// Most rows of each cloud: the kernel costs an exponential for each pair.
pub const MOST: usize = 4000;

/// The median distance between two different rows, of the first 500; 1 where that is 0.
pub fn median_distance(points: &Points) -> f64 {
    let n = points.rows().min(MEDIAN_ROWS);
    let columns = Columns::new(points);
    let mut squares = Vec::with_capacity(n * (n - 1) / 2);
    for i in 0..n {
        columns.squared(points.row(i), |first, s| {
            squares.extend(s.iter().enumerate().filter(|(j, _)| first + j < i).map(|(_, s)| *s));
        });
    }
    squares.sort_unstable_by(f64::total_cmp);
    let median = squares.get(squares.len() / 2).map_or(0.0, |s| s.sqrt());
    if median > 0.0 { median } else { 1.0 }
}

/// The kernel at a squared distance: every width is four powers of the next larger one.
fn kernel(square: f64, median: f64) -> f64 {
    let widest = WIDTHS[4] * median;
    let mut power = (-square / (2.0 * widest * widest)).exp();
    let mut sum = power;
    for _ in 1..WIDTHS.len() {
        power = (power * power) * (power * power);
        sum += power;
    }
    sum / WIDTHS.len() as f64
}

/// The unbiased estimate of MMD^2, which may be negative, and its standard error by the Hoeffding projection (as that of the
/// energy distance); needs two rows of each cloud.
pub fn estimate(x: &Points, y: &Points, median: f64, threads: usize) -> Result<(f64, f64)> {
    same_dim(x, y)?;
    if let Some(small) = [x, y].iter().find(|p| p.rows() < 2) {
        let problem = Problem::new("MMD needs pairs of rows").at(small.name()).found(small.rows());
        return Err(Error::data(problem.expected("at least 2 rows")));
    }
    let (n, m) = (x.rows() as f64, y.rows() as f64);
    let [in_x, in_y] = [Columns::new(x), Columns::new(y)];
    // a row's kernel with itself is 1
    let means = |rows: &Points, to: &Columns, own: f64, count: f64| -> Vec<f64> {
        let sums = row_sums(rows, to, median, threads);
        sums.iter().map(|s| (s - own) / count).collect()
    };
    let (xy, yx) = (means(x, &in_y, 0.0, m), means(y, &in_x, 0.0, n));
    let (xx, yy) = (means(x, &in_x, 1.0, n - 1.0), means(y, &in_y, 1.0, m - 1.0));
    let projected =
        |own: &[f64], cross: &[f64]| mean_variance(&own.iter().zip(cross).map(|(a, b)| a - b).collect::<Vec<_>>());
    let ((a, of_x), (b, of_y)) = (projected(&xx, &xy), projected(&yy, &yx));
    Ok((finite("MMD", a + b)?, (4.0 * of_x / n + 4.0 * of_y / m).sqrt()))
}

fn row_sums(rows: &Points, to: &Columns, median: f64, threads: usize) -> Vec<f64> {
    let sum = |i: usize| {
        let mut sum = 0.0;
        to.squared(rows.row(i), |_, squares| sum += squares.iter().map(|s| kernel(*s, median)).sum::<f64>());
        sum
    };
    let chunk =
        |_: &mut (), c: usize| -> Vec<f64> { (c * CHUNK..((c + 1) * CHUNK).min(rows.rows())).map(sum).collect() };
    parallel::map(threads, rows.rows().div_ceil(CHUNK), || (), chunk).concat()
}

/// [`estimate`] as a measurement; the widths come from the reference.
pub fn mmd(samples: &Points, reference: &Points, settings: &Settings) -> Result<Measurement> {
    let median = median_distance(reference);
    let (value, error) = estimate(samples, reference, median, settings.threads)?;
    let n = samples.rows();
    let definition = format!(
        "E k(x, x') + E k(y, y') - 2 E k(x, y) (MMD^2, unbiased, may be negative), k the mean of five Gaussian kernels of widths \
         1/4 to 4 times {median:.3e}, the median distance in {}; {n} rows of {} and {} of {}; the interval is 1.96 standard \
         errors of the Hoeffding projection",
        reference.name(),
        samples.name(),
        reference.rows(),
        reference.name()
    );
    let mut out = Measurement::new("MMD^2", definition, value, n);
    out.interval = Some((value - Z95 * error, value + Z95 * error));
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::gaussian;

    fn points(data: &[f32], dim: usize) -> Points<'_> {
        Points::new("p", data, dim).unwrap()
    }

    #[test]
    fn normals_have_their_closed_form() {
        // E exp(-|z|^2 / (2 w)) for z ~ N(m, v I) is (w / (w + v))^(D/2) exp(-|m|^2 / (2 (w + v)))
        let (h, shift, dim) = (1.3, 0.6f64, 2);
        let mean_kernel = |v: f64, m2: f64| {
            let one = |c: &f64| {
                let w = (c * h).powi(2);
                (w / (w + v)).powf(0.5 * dim as f64) * (-0.5 * m2 / (w + v)).exp()
            };
            WIDTHS.iter().map(one).sum::<f64>() / 5.0
        };
        // each coordinate is moved
        let exact = 2.0 * mean_kernel(2.0, 0.0) - 2.0 * mean_kernel(2.0, dim as f64 * shift * shift);
        let (x, y) = (gaussian(3000, dim, 0.0, 1.0, 31), gaussian(3000, dim, shift, 1.0, 32));
        let (value, error) = estimate(&points(&x, dim), &points(&y, dim), h, 2).unwrap();
        assert!((value - exact).abs() < 5.0 * error && error < 0.2 * exact, "{value} +- {error}, {exact}");
        let y = gaussian(3000, dim, 0.0, 1.0, 33);
        let (value, error) = estimate(&points(&x, dim), &points(&y, dim), h, 2).unwrap();
        assert!(value.abs() < 5.0 * error);
    }

    #[test]
    fn the_median_distance_is_that_of_the_line() {
        let x: Vec<f32> = (0..5).map(|i| i as f32).collect();
        // ten distances: 1 four times, 2 three times, 3 twice, 4 once
        assert_eq!(median_distance(&points(&x, 1)), 2.0);
        assert_eq!(median_distance(&points(&[3.0; 7], 1)), 1.0);
    }
}
