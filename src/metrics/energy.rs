//! Energy distance: 2 E|X - Y| - E|X - X'| - E|Y - Y'|, zero exactly when the laws agree.
//!
//! Source: Székely and Rizzo, "Energy statistics: a class of statistics based on distances" (JSPI 2013).
//! The value here is that expression itself, as R's `energy` has it; its square root, which is the metric and
//! what `scipy.stats.energy_distance` returns up to a factor sqrt(2) in one dimension, is not taken, because
//! the unbiased estimate may be negative and is not clamped.

use super::floor::Z95;
use super::parallel::{self, Columns, mean_variance};
use super::points::{finite, same_dim};
use super::{Measurement, Points, Settings};
use crate::error::{Error, Problem, Result};

/// Rows per task of a thread.
const CHUNK: usize = 64;

/// The unbiased estimate and its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Energy {
    /// The U-statistic; may be negative.
    pub value: f64,
    /// Its standard error (see [`estimate`]).
    pub error: f64,
}

/// The U-statistic over all pairs of rows, which needs two rows of each cloud; the sizes may differ.
///
/// The standard error is that of the Hoeffding projection: row x_i moves the estimate by
/// 2 (mean_j |x_i - y_j| - mean_k |x_i - x_k|) / n and y_j likewise, so the variance is the sum of the sample
/// variances of those terms. It is of the kind of a jackknife, which at equal laws, where the projection
/// vanishes, errs on the wide side (Efron and Stein, Ann. Stat. 1981).
pub fn estimate(x: &Points, y: &Points, threads: usize) -> Result<Energy> {
    same_dim(x, y)?;
    if let Some(small) = [x, y].iter().find(|p| p.rows() < 2) {
        let problem = Problem::new("the energy distance needs pairs of rows").at(small.name()).found(small.rows());
        return Err(Error::data(problem.expected("at least 2 rows")));
    }
    let (n, m) = (x.rows() as f64, y.rows() as f64);
    let [in_x, in_y] = [Columns::new(x), Columns::new(y)];
    // a row's distance to itself is exactly zero, so sums over k != i are sums over all k
    let mean = |rows: &Points, to: &Columns, count: f64| -> Vec<f64> {
        row_sums(rows, to, threads).iter().map(|s| s / count).collect()
    };
    let (xy, yx) = (mean(x, &in_y, m), mean(y, &in_x, n));
    let (xx, yy) = (mean(x, &in_x, n - 1.0), mean(y, &in_y, m - 1.0));
    let (cross, of_x) = projection(&xy, &xx);
    let (_, of_y) = projection(&yx, &yy);
    let value = 2.0 * cross - mean_variance(&xx).0 - mean_variance(&yy).0;
    Ok(Energy { value: finite("the energy distance", value)?, error: (4.0 * of_x / n + 4.0 * of_y / m).sqrt() })
}

/// Mean of `across`, and variance of `across - within`.
fn projection(across: &[f64], within: &[f64]) -> (f64, f64) {
    let difference: Vec<f64> = across.iter().zip(within).map(|(a, w)| a - w).collect();
    (mean_variance(across).0, mean_variance(&difference).1)
}

fn row_sums(rows: &Points, to: &Columns, threads: usize) -> Vec<f64> {
    let chunk = |_: &mut (), c: usize| -> Vec<f64> {
        let end = ((c + 1) * CHUNK).min(rows.rows());
        (c * CHUNK..end).map(|i| to.distance_sum(rows.row(i))).collect()
    };
    parallel::map(threads, rows.rows().div_ceil(CHUNK), || (), chunk).concat()
}

/// The energy distance of at most `settings.rows` rows of each cloud, drawn without replacement.
pub fn energy_distance(samples: &Points, reference: &Points, settings: &Settings) -> Result<Measurement> {
    same_dim(samples, reference)?;
    let x = samples.capped(settings.rows, settings.seed, 2);
    let y = reference.capped(settings.rows, settings.seed, 3);
    let got = estimate(&x, &y, settings.threads)?;
    let (n, m) = (x.rows(), y.rows());
    let definition = format!(
        "2 E|x - y| - E|x - x'| - E|y - y'| (no square root, unbiased, may be negative) over {n} rows of {} {} and {m} \
         of {} {}; the interval is 1.96 standard errors of the Hoeffding projection",
        samples.name(),
        of_all(n, samples.rows()),
        reference.name(),
        of_all(m, reference.rows()),
    );
    let mut out = Measurement::new("energy distance", definition, got.value, n);
    out.interval = Some((got.value - Z95 * got.error, got.value + Z95 * got.error));
    let drawn = n < samples.rows() || m < reference.rows();
    Ok(if drawn { out.noted(format!("rows drawn without replacement, at most {}", settings.rows)) } else { out })
}

fn of_all(n: usize, all: usize) -> String {
    if n == all { "(all)".into() } else { format!("(drawn from {all} without replacement)") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::gaussian;
    use std::f64::consts::PI;

    fn points(data: &[f32], dim: usize) -> Points<'_> {
        Points::new("p", data, dim).unwrap()
    }

    #[test]
    fn it_is_the_sum_over_all_pairs() {
        let (x, y) = (gaussian(300, 3, 0.0, 1.0, 1), gaussian(411, 3, 0.4, 1.2, 2));
        let distance = |a: &[f32], b: &[f32]| {
            a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>().sqrt()
        };
        let sum = |a: &[f32], b: &[f32]| -> f64 {
            a.chunks(3).map(|a| b.chunks(3).map(|b| distance(a, b)).sum::<f64>()).sum()
        };
        let naive = 2.0 * sum(&x, &y) / (300.0 * 411.0) - sum(&x, &x) / (300.0 * 299.0) - sum(&y, &y) / (411.0 * 410.0);
        let one = estimate(&points(&x, 3), &points(&y, 3), 1).unwrap();
        assert!((one.value - naive).abs() < 1e-12);
        for threads in [2, 3, 16] {
            assert_eq!(one, estimate(&points(&x, 3), &points(&y, 3), threads).unwrap());
        }
    }

    #[test]
    fn gaussians_have_their_closed_form() {
        // shift 1 on the line: E|N(1, 2)| = 2/sqrt(pi) e^(-1/4) + erf(1/2); scale 2 in the plane:
        // E|N(0, v I_2)| = sqrt(pi v / 2)
        let erf_half = 0.520_499_877_813_046_5;
        let shift = 2.0 * (2.0 / PI.sqrt() * (-0.25f64).exp() + erf_half) - 4.0 / PI.sqrt();
        let root = |v: f64| (PI * v / 2.0).sqrt();
        let scale = 2.0 * root(5.0) - root(2.0) - root(8.0);
        for (dim, mean, sd, exact) in [(1, 1.0, 1.0, shift), (2, 0.0, 2.0, scale)] {
            let (x, y) = (gaussian(4000, dim, 0.0, 1.0, 11), gaussian(4000, dim, mean, sd, 12));
            let got = estimate(&points(&x, dim), &points(&y, dim), 2).unwrap();
            assert!((got.value - exact).abs() < 5.0 * got.error, "{got:?} {exact}");
            assert!(got.error < 0.1 * exact);
        }
    }

    #[test]
    fn it_is_unbiased_and_its_interval_covers() {
        for (mean, exact) in [(0.0, 0.0), (1.0, 0.541_808)] {
            let runs: Vec<Energy> = (0..200u64)
                .map(|s| {
                    let (x, y) = (gaussian(200, 1, 0.0, 1.0, 2 * s + 500), gaussian(200, 1, mean, 1.0, 2 * s + 501));
                    estimate(&points(&x, 1), &points(&y, 1), 1).unwrap()
                })
                .collect();
            let values: Vec<f64> = runs.iter().map(|r| r.value).collect();
            let (average, variance) = mean_variance(&values);
            assert!((average - exact).abs() < 5.0 * (variance / 200.0).sqrt(), "{average} {exact}");
            // Binomial(200, 0.95): five sd below the mean is 174
            let covered = runs.iter().filter(|r| (r.value - exact).abs() < Z95 * r.error).count();
            assert!(covered >= 174, "{covered}");
        }
    }

    #[test]
    fn the_cap_is_stated() {
        let x = gaussian(500, 2, 0.0, 1.0, 1);
        let settings = Settings { rows: 100, ..Settings::default() };
        let got = energy_distance(&points(&x, 2), &points(&x, 2), &settings).unwrap();
        assert!(got.n == 100 && got.definition.contains("drawn from 500") && got.note.is_some());
        let all = energy_distance(&points(&x, 2), &points(&x, 2), &Settings::default()).unwrap();
        assert!(all.n == 500 && all.note.is_none());
        assert!(energy_distance(&points(&x[..2], 2), &points(&x, 2), &settings).is_err());
        assert!(energy_distance(&points(&x, 4), &points(&x, 2), &settings).is_err());
    }

    #[test]
    #[ignore = "timing at the default cap; run with --release --ignored --nocapture"]
    fn timing() {
        let (x, y) = (gaussian(20_000, 2, 0.0, 1.0, 6), gaussian(20_000, 2, 0.0, 1.0, 7));
        let start = std::time::Instant::now();
        let got = estimate(&points(&x, 2), &points(&y, 2), 2).unwrap();
        println!("{:?} {got:?}", start.elapsed());
    }
}
