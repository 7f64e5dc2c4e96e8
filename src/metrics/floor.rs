//! What a metric says about data that are right, and how far a value may be off by chance.

use super::Floor;
use super::interval::student;
use super::parallel::mean_variance;
use crate::error::{Error, Problem, Result};

/// Pairs of true samples a floor is estimated from, unless told otherwise.
pub const DEFAULT_REPEATS: usize = 5;

/// The real-against-real floor: mean and sd of `metric` over `repeats` pairs of independent true samples.
///
/// `draw(i)` returns true sample i; the pairs are (0, 1), (2, 3), ..., so that the values are independent and
/// their sd is that of one value. `metric` has to be the one of the measurement, at the same n.
pub fn real_against_real(
    repeats: usize,
    draw: impl Fn(u32) -> Result<Vec<f32>>,
    metric: impl Fn(&[f32], &[f32]) -> Result<f64>,
) -> Result<Floor> {
    let one = |a: &[f32], b: &[f32]| Ok(vec![metric(a, b)?]);
    Ok(real_against_real_of_many(repeats, draw, one)?.remove(0))
}

/// As [`real_against_real`], for a metric of several numbers, whose pairs are then drawn once for all.
pub fn real_against_real_of_many(
    repeats: usize,
    draw: impl Fn(u32) -> Result<Vec<f32>>,
    metric: impl Fn(&[f32], &[f32]) -> Result<Vec<f64>>,
) -> Result<Vec<Floor>> {
    if repeats < 2 {
        let problem = Problem::new("a floor needs repeats to have a spread").found(repeats).expected("at least 2");
        return Err(Error::usage(problem));
    }
    let value = |r: usize| metric(&draw(2 * r as u32)?, &draw(2 * r as u32 + 1)?);
    let values: Vec<Vec<f64>> = (0..repeats).map(value).collect::<Result<_>>()?;
    let of_one = |k: usize| {
        let (mean, variance) = mean_variance(&values.iter().map(|v| v[k]).collect::<Vec<_>>());
        Floor { mean, sd: variance.sqrt(), repeats, of: "real against real".into(), smaller: false }
    };
    Ok((0..values[0].len()).map(of_one).collect())
}

impl Floor {
    /// What one in forty values of data that are right exceeds: the upper end of a 95 % prediction interval, by Student's t
    /// where mean and deviation come from repeats, by the normal law where they come from a formula.
    pub fn limit(&self) -> f64 {
        match self.repeats {
            0 | 1 => self.mean + Z95 * self.sd,
            r => self.mean + student(r - 1) * self.sd * (1.0 + 1.0 / r as f64).sqrt(),
        }
    }
}

/// Blocks of rows in [`block_interval`].
pub const BLOCKS: usize = 16;

/// The 0.975 quantile of Student's t with [`BLOCKS`] - 1 = 15 degrees of freedom.
const T15: f64 = 2.131;

/// The 0.975 quantile of the standard normal.
pub const Z95: f64 = 1.959_964;

/// A 95 % interval of sliced W2 from blocks of rows and from directions.
///
/// `squared` is the squared distance of all rows, `by_block` the squared distance of each of [`BLOCKS`] random
/// blocks of rows (all directions), `by_direction` that along each direction (all rows). Away from P = Q the
/// squared distance is asymptotically linear in both samples (Manole, Balakrishnan, Wasserman, "Minimax
/// confidence intervals for the sliced Wasserstein distance", EJS 2022), so its variance is that of a block
/// over the number of blocks; directions are independent draws and add their own variance of a mean. At P = Q
/// the variance falls like 1/n^2, and the interval is then too wide rather than too narrow. Blocks serve the
/// spread alone: their mean has the larger bias of the smaller n. The interval is about the expectation
/// at this n, which includes the bias that the floor shows. It is returned for the unsquared distance.
pub fn block_interval(squared: f64, by_block: &[f64], by_direction: &[f64]) -> (f64, f64) {
    let rows = mean_variance(by_block).1 / by_block.len() as f64;
    let directions =
        if by_direction.len() > 1 { mean_variance(by_direction).1 / by_direction.len() as f64 } else { 0.0 };
    let half = T15 * (rows + directions).sqrt();
    ((squared - half).max(0.0).sqrt(), (squared + half).sqrt())
}

/// The 95 % interval of a share of `hits` in `n` (Wilson, JASA 1927), which stays in [0, 1] and is honest at 0.
pub fn wilson(hits: usize, n: usize) -> (f64, f64) {
    let (n, p, z2) = (n as f64, hits as f64 / n as f64, Z95 * Z95);
    let centre = p + z2 / (2.0 * n);
    let half = Z95 * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z2 / n;
    (((centre - half) / scale).clamp(0.0, p), ((centre + half) / scale).clamp(p, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_is_the_mean_over_disjoint_pairs() {
        let draw = |i: u32| Ok(vec![(i * i) as f32]);
        let metric = |a: &[f32], b: &[f32]| Ok(f64::from(b[0] - a[0]));
        // 1 - 0, 9 - 4, 25 - 16
        let floor = real_against_real(3, draw, metric).unwrap();
        assert_eq!((floor.mean, floor.sd, floor.repeats), (5.0, 4.0, 3));
        assert!(real_against_real(1, draw, metric).is_err());
        let fails = |_: &[f32], _: &[f32]| Err(Error::data(Problem::new("no")));
        assert!(real_against_real(2, draw, fails).is_err());
    }

    #[test]
    fn one_in_forty_right_values_is_above_the_limit() {
        // Student's t of 4 degrees is 2.776 in the tables
        let floor = Floor { mean: 1.0, sd: 0.5, repeats: 5, of: "real against real".into(), smaller: false };
        assert!((floor.limit() - (1.0 + 2.776 * 0.5 * 1.2f64.sqrt())).abs() < 1e-3);
        let formula = Floor { repeats: 0, ..floor };
        assert!((formula.limit() - 1.98).abs() < 1e-3);
        // six normal values each: the sixth against the limit of the first five
        let values = crate::metrics::testing::gaussian(6 * 4000, 1, 3.0, 2.0, 77);
        let above = values.chunks(6).filter(|v| {
            let own: Vec<f64> = v[..5].iter().map(|x| f64::from(*x)).collect();
            let (mean, variance) = mean_variance(&own);
            f64::from(v[5]) > Floor { mean, sd: variance.sqrt(), repeats: 5, of: String::new(), smaller: false }.limit()
        });
        // Binomial(4000, 1/40): mean 100, sd 9.9; five sd
        let count = above.count();
        assert!(count.abs_diff(100) < 50, "{count}");
    }

    #[test]
    fn the_interval_adds_both_variances() {
        let blocks: Vec<f64> = (0..16).map(|i| if i % 2 == 0 { 3.0 } else { 5.0 }).collect();
        let half = T15 * (16.0f64 / 15.0 / 16.0 + 2.0 / 2.0).sqrt();
        let (low, high) = block_interval(4.0, &blocks, &[3.0, 5.0]);
        assert!((low - (4.0 - half).sqrt()).abs() < 1e-12 && (high - (4.0 + half).sqrt()).abs() < 1e-12);
        assert_eq!(block_interval(0.0, &[0.0; 16], &[0.0]), (0.0, 0.0));
    }

    #[test]
    fn shares_have_their_published_interval() {
        // Newcombe (1998), table I: 81 of 263 gives 0.2553 to 0.3662; 0 of 20 gives 0 to 0.1611
        let close = |a: (f64, f64), b: (f64, f64)| (a.0 - b.0).abs() < 5e-5 && (a.1 - b.1).abs() < 5e-5;
        assert!(close(wilson(81, 263), (0.2553, 0.3662)));
        assert!(close(wilson(0, 20), (0.0, 0.1611)));
        assert_eq!(wilson(20, 20).1, 1.0);
    }
}
