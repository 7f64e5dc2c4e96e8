//! Metrics of nearest neighbours: the two-sample test, precision, recall, density and coverage.

use super::floor::{Z95, wilson};
use super::parallel::{self, Columns, mean_variance};
use super::points::same_dim;
use super::{Measurement, Points, Settings};
use crate::error::{Error, Problem, Result};

/// k of the radii.
pub const NEIGHBOURS: usize = 5;
/// Most rows of each cloud.
pub const MOST: usize = 5000;
/// Rows per task of a thread.
const CHUNK: usize = 64;

fn check(x: &Points, y: &Points, least: usize) -> Result<()> {
    same_dim(x, y)?;
    match [x, y].iter().find(|p| p.rows() < least) {
        None => Ok(()),
        Some(few) => {
            let problem = Problem::new("too few rows for their nearest neighbours").at(few.name()).found(few.rows());
            Err(Error::data(problem.expected(format!("at least {least} rows"))))
        }
    }
}

/// `work(i)` for all rows, in order.
fn each<T: Send>(rows: usize, threads: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let chunk = |_: &mut (), c: usize| -> Vec<T> { (c * CHUNK..((c + 1) * CHUNK).min(rows)).map(&work).collect() };
    parallel::map(threads, rows.div_ceil(CHUNK), || (), chunk).into_iter().flatten().collect()
}

/// The least squared distance from `x` to a row other than number `not`.
fn nearest(x: &[f32], to: &Columns, not: Option<usize>) -> f64 {
    let mut least = f64::INFINITY;
    to.squared(x, |first, squares| {
        for (j, s) in squares.iter().enumerate() {
            if *s < least && not != Some(first + j) {
                least = *s;
            }
        }
    });
    least
}

/// How many rows of both clouds have their nearest other row in their own cloud; halves where both are as near.
pub fn own_neighbours(x: &Points, y: &Points, threads: usize) -> Result<f64> {
    check(x, y, 2)?;
    let [in_x, in_y] = [Columns::new(x), Columns::new(y)];
    let count = |rows: &Points, own: &Columns, other: &Columns| -> f64 {
        let one = |i: usize| {
            let (own, other) = (nearest(rows.row(i), own, Some(i)), nearest(rows.row(i), other, None));
            if own < other { 1.0 } else { f64::from(u8::from(own == other)) * 0.5 }
        };
        each(rows.rows(), threads, one).iter().sum()
    };
    Ok(count(x, &in_x, &in_y) + count(y, &in_y, &in_x))
}

/// Accuracy of the classifier by the nearest other row, left out one by one (Lopez-Paz, Oquab, "Revisiting classifier
/// two-sample tests", ICLR 2017): 1/2 where the laws agree, 1 where they are apart, below 1/2 where samples copy the reference.
pub fn c2st(samples: &Points, reference: &Points, settings: &Settings) -> Result<Measurement> {
    let hits = own_neighbours(samples, reference, settings.threads)?;
    let all = samples.rows() + reference.rows();
    let definition = format!(
        "share of {} rows of {} and {} of {} whose nearest other row is of their own cloud (1-NN, leave one out): 1/2 where the \
         laws agree; the interval is Wilson's, as if rows were independent",
        samples.rows(),
        samples.name(),
        reference.rows(),
        reference.name()
    );
    let mut out = Measurement::new("C2ST 1-NN accuracy", definition, hits / all as f64, samples.rows());
    out.interval = Some(wilson(hits.round() as usize, all));
    Ok(out)
}

/// Precision, recall, density, coverage.
#[derive(Debug, Clone, PartialEq)]
pub struct Quality {
    /// Samples within the radius of some reference row.
    pub precise: usize,
    /// Reference rows within the radius of some sample.
    pub recalled: usize,
    /// For each sample: reference rows within whose radius it lies.
    pub around: Vec<f64>,
    /// Reference rows with a sample within their radius.
    pub covered: usize,
}

/// Squared distance of each row to its k-th nearest other row.
fn radii(points: &Points, threads: usize) -> Vec<f64> {
    let columns = Columns::new(points);
    each(points.rows(), threads, |i| {
        let mut least = [f64::INFINITY; NEIGHBOURS];
        columns.squared(points.row(i), |first, squares| {
            for (j, s) in squares.iter().enumerate() {
                if *s < least[NEIGHBOURS - 1] && first + j != i {
                    let at = least.partition_point(|l| l <= s);
                    least[at..].rotate_right(1);
                    least[at] = *s;
                }
            }
        });
        least[NEIGHBOURS - 1]
    })
}

/// The four counts (Kynkaanniemi et al. 2019; Naeem et al. 2020), with the radii of the 5th nearest neighbours.
pub fn quality(samples: &Points, reference: &Points, threads: usize) -> Result<Quality> {
    check(samples, reference, NEIGHBOURS + 1)?;
    let (of_samples, of_reference) = (radii(samples, threads), radii(reference, threads));
    let [in_samples, in_reference] = [Columns::new(samples), Columns::new(reference)];
    let around = each(samples.rows(), threads, |i| {
        let mut count = 0.0;
        in_reference.squared(samples.row(i), |first, squares| {
            count += squares.iter().zip(&of_reference[first..]).filter(|(s, r)| s <= r).count() as f64;
        });
        count
    });
    let reached = each(reference.rows(), threads, |j| {
        let (mut recalled, mut least) = (false, f64::INFINITY);
        in_samples.squared(reference.row(j), |first, squares| {
            recalled |= squares.iter().zip(&of_samples[first..]).any(|(s, r)| s <= r);
            least = squares.iter().fold(least, |m, s| m.min(*s));
        });
        (recalled, least <= of_reference[j])
    });
    Ok(Quality {
        precise: around.iter().filter(|c| **c > 0.0).count(),
        recalled: reached.iter().filter(|(r, _)| *r).count(),
        covered: reached.iter().filter(|(_, c)| *c).count(),
        around,
    })
}

impl Quality {
    /// The values, in the order of [`measurements`].
    pub fn values(&self, n: usize, m: usize) -> Vec<f64> {
        let density = self.around.iter().sum::<f64>() / (NEIGHBOURS * n) as f64;
        vec![self.precise as f64 / n as f64, self.recalled as f64 / m as f64, density, self.covered as f64 / m as f64]
    }
}

/// [`quality`] as four measurements.
pub fn measurements(samples: &Points, reference: &Points, settings: &Settings) -> Result<Vec<Measurement>> {
    let got = quality(samples, reference, settings.threads)?;
    let (n, m) = (samples.rows(), reference.rows());
    let values = got.values(n, m);
    let (s, r) = (samples.name(), reference.name());
    let k = NEIGHBOURS;
    let radius = format!("the distance to its {k}th nearest row of its own cloud");
    let density = mean_variance(&got.around).1.sqrt() * Z95 / (k as f64 * (n as f64).sqrt());
    let rows = [
        (
            "precision",
            format!("share of {n} rows of {s} nearer to some of {m} rows of {r} than {radius}"),
            wilson(got.precise, n),
        ),
        (
            "recall",
            format!("share of {m} rows of {r} nearer to some of {n} rows of {s} than {radius}"),
            wilson(got.recalled, m),
        ),
        (
            "density",
            format!(
                "mean over {n} rows of {s} of the number of {m} rows of {r} that are nearer than {radius}, over {k}"
            ),
            (values[2] - density, values[2] + density),
        ),
        (
            "coverage",
            format!("share of {m} rows of {r} with one of {n} rows of {s} nearer than {radius}"),
            wilson(got.covered, m),
        ),
    ];
    let one = |((name, definition, interval), value): ((&str, String, (f64, f64)), &f64)| {
        let whose = if name == "density" { "1.96 standard errors" } else { "Wilson's" };
        let definition = format!("{definition}; the interval is {whose}, for radii as they are");
        let mut out = Measurement::new(name, definition, *value, n);
        out.interval = Some(interval);
        out.parameters = format!("k = {k}");
        out
    };
    Ok(rows.into_iter().zip(&values).map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::gaussian;

    fn points(data: &[f32], dim: usize) -> Points<'_> {
        Points::new("p", data, dim).unwrap()
    }

    fn square(a: &[f32], b: &[f32]) -> f64 {
        a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
    }

    #[test]
    fn the_counts_are_those_of_the_definitions() {
        let (x, y) = (gaussian(300, 2, 0.0, 0.8, 41), gaussian(270, 2, 0.3, 1.0, 42));
        let got = quality(&points(&x, 2), &points(&y, 2), 3).unwrap();
        let rows = |d: &[f32]| d.chunks(2).map(<[f32]>::to_vec).collect::<Vec<_>>();
        let (x, y) = (rows(&x), rows(&y));
        let radius = |cloud: &[Vec<f32>], i: usize| {
            let mut all: Vec<f64> = cloud.iter().map(|o| square(&cloud[i], o)).collect();
            all.sort_by(f64::total_cmp);
            // the row itself comes first
            all[NEIGHBOURS]
        };
        let (rx, ry): (Vec<f64>, Vec<f64>) =
            ((0..300).map(|i| radius(&x, i)).collect(), (0..270).map(|j| radius(&y, j)).collect());
        let within = |i: usize, j: usize, r: f64| square(&x[i], &y[j]) <= r;
        assert_eq!(got.precise, (0..300).filter(|&i| (0..270).any(|j| within(i, j, ry[j]))).count());
        assert_eq!(got.recalled, (0..270).filter(|&j| (0..300).any(|i| within(i, j, rx[i]))).count());
        assert_eq!(got.covered, (0..270).filter(|&j| (0..300).any(|i| within(i, j, ry[j]))).count());
        let count: usize = (0..300).map(|i| (0..270).filter(|&j| within(i, j, ry[j])).count()).sum();
        assert_eq!(got.around.iter().sum::<f64>() as usize, count);
    }

    #[test]
    fn equal_laws_have_coverage_and_density_of_theory() {
        // E coverage = 1 - prod_(i < k) (m - 1 - i) / (n + m - 1 - i) for n samples, m rows, density 1 (Naeem et al. 2020)
        let (x, y) = (gaussian(2000, 3, 0.0, 1.0, 43), gaussian(2000, 3, 0.0, 1.0, 44));
        let got = quality(&points(&x, 3), &points(&y, 3), 2).unwrap().values(2000, 2000);
        let theory = 1.0 - (0..NEIGHBOURS).map(|i| (1999 - i) as f64 / (3999 - i) as f64).product::<f64>();
        assert!((got[3] - theory).abs() < 0.02, "{got:?} {theory}");
        assert!((got[2] - 1.0).abs() < 0.06, "{got:?}");
    }

    #[test]
    fn the_two_sample_test_tells_like_from_apart() {
        let (x, y, z) =
            (gaussian(1500, 2, 0.0, 1.0, 45), gaussian(1500, 2, 0.0, 1.0, 46), gaussian(1500, 2, 9.0, 1.0, 47));
        let of = |b: &[f32]| own_neighbours(&points(&x, 2), &points(b, 2), 2).unwrap() / 3000.0;
        // neighbours come in pairs, so the spread is up to sqrt 2 times that of independent rows
        assert!((of(&y) - 0.5).abs() < 5.0 * 1.42 * 0.5 / 3000f64.sqrt(), "{}", of(&y));
        assert_eq!(of(&z), 1.0);
        // a copy is as near as can be, in the other cloud
        assert_eq!(of(&x), 0.0);
        assert!(own_neighbours(&points(&x[..2], 2), &points(&y, 2), 1).is_err());
    }
}
