//! How small a denoising loss can get: Vincent's constant and the floor of the noise-prediction loss.
//!
//! For any model, `E|s - grad log p(x_t|x_0)|^2 = E|s - s*|^2 + C`, `C = D/sigma^2 - J`, `J = E|s*|^2` (Vincent 2011). As
//! `sigma^2` times that per dimension, the loss of predicting eps cannot fall below `1 - sigma^2 J / D`.

use super::{Distribution, Form, GaussianMixture, Oracle};
use crate::error::{Error, Problem, Result};
use crate::random::{Purpose, Stream};
use serde::Serialize;

/// Draws held at a time.
const CHUNK: usize = 4096;

/// The floor at one noise level.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LossFloor {
    /// `J = E|s*|^2`, per squared data unit.
    pub energy: f64,
    /// Standard error of `energy`; 0 where it is exact.
    pub energy_se: f64,
    /// Vincent's constant, `D/sigma^2 - J`.
    pub constant: f64,
    /// `1 - sigma^2 J / D`: the least mean squared error of predicting eps, per dimension.
    pub floor: f64,
    /// Standard error of `floor`.
    pub floor_se: f64,
}

/// `J = E|s*|^2` of the law of `m X_0 + sigma Z` and its standard error, from `n` draws; exact (error 0) for one
/// normal component. Only the score enters, not the noise that was drawn (the conditional expectation of the loss
/// given x_t), so the estimate has the least variance that plain sampling allows.
pub fn score_energy(dist: &dyn Distribution, m: f64, sigma: f64, n: usize, seed: u64) -> Result<(f64, f64)> {
    let oracle = oracle_of(dist)?;
    if let Form::Mixture(law) = oracle.form()
        && law.weights().len() == 1
    {
        return Ok((normal_energy(law, m, sigma), 0.0));
    }
    if n < 2 {
        return Err(Error::usage(Problem::new("too few draws for a standard error").found(n).expected("at least 2")));
    }
    Ok(monte_carlo(dist, oracle, m, sigma, n, seed))
}

/// The floor of the loss at one noise level, by [`score_energy`]; sigma > 0.
pub fn loss_floor(dist: &dyn Distribution, m: f64, sigma: f64, n: usize, seed: u64) -> Result<LossFloor> {
    let (energy, energy_se) = score_energy(dist, m, sigma, n, seed)?;
    let (d, s2) = (dist.dim() as f64, sigma * sigma);
    Ok(LossFloor {
        energy,
        energy_se,
        constant: d / s2 - energy,
        floor: 1.0 - s2 * energy / d,
        floor_se: s2 * energy_se / d,
    })
}

pub(super) fn oracle_of(dist: &dyn Distribution) -> Result<&dyn Oracle> {
    dist.oracle().ok_or_else(|| {
        let problem = Problem::new("the exact score is not known").at(dist.name());
        Error::usage(problem.expected("a named data set, a mixture or a picture"))
    })
}

/// The sum of `1 / (m^2 l_i + sigma^2)` over the eigenvalues of the covariance.
fn normal_energy(law: &GaussianMixture, m: f64, sigma: f64) -> f64 {
    let d = law.dim();
    let (values, _) = match law.covariance() {
        super::Covariance::Full { values, .. } => (values.clone(), ()),
        _ => ((0..d).map(|j| law.matrix(0)[j * d + j]).collect(), ()),
    };
    values.iter().map(|l| 1.0 / (m * m * l + sigma * sigma)).sum()
}

/// Mean of `|s*|^2` over draws of `m X_0 + sigma Z` and its standard error.
pub(super) fn monte_carlo(
    dist: &dyn Distribution,
    oracle: &dyn Oracle,
    m: f64,
    sigma: f64,
    n: usize,
    seed: u64,
) -> (f64, f64) {
    let mut moments = Moments::default();
    let mut score = vec![0.0; dist.dim()];
    for_each_noised(dist, m, sigma, n, seed, |x| {
        oracle.score(x, m, sigma, &mut score);
        moments.add(score.iter().map(|s| s * s).sum());
    });
    moments.mean_and_error()
}

/// Calls `f` with `n` draws of `m X_0 + sigma Z` (D).
pub(super) fn for_each_noised(
    dist: &dyn Distribution,
    m: f64,
    sigma: f64,
    n: usize,
    seed: u64,
    mut f: impl FnMut(&[f64]),
) {
    let d = dist.dim();
    let mut x = vec![0.0; d];
    let mut z = vec![0.0; d];
    for first in (0..n).step_by(CHUNK) {
        let rows = dist.draw(seed, Purpose::Metric, first as u32, CHUNK.min(n - first));
        for (i, row) in rows.chunks_exact(d).enumerate() {
            // step 0 of this purpose drew the row itself
            super::linalg::fill_normals(&mut Stream::new(seed, Purpose::Metric, (first + i) as u32, 1), &mut z);
            for j in 0..d {
                x[j] = m * f64::from(row[j]) + sigma * z[j];
            }
            f(&x);
        }
    }
}

/// Running mean and variance (Welford).
#[derive(Default)]
pub(super) struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    pub fn add(&mut self, value: f64) {
        self.count += 1.0;
        let step = value - self.mean;
        self.mean += step / self.count;
        self.squares += step * (value - self.mean);
    }
    /// The mean and its standard error.
    pub fn mean_and_error(&self) -> (f64, f64) {
        (self.mean, (self.squares / (self.count - 1.0) / self.count).sqrt())
    }
}
