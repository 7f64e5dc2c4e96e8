//! The entropy of a distribution: the best negative log likelihood any model can reach.

use super::Distribution;
use super::floor::{Moments, for_each_noised, monte_carlo, oracle_of};
use crate::error::{Error, Problem, Result};
use serde::Serialize;

/// A number with its uncertainty.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// Its standard error, or a bound of its error where the value is not from sampling.
    pub error: f64,
    /// Draws behind it; 0 where a formula gave it.
    pub draws: usize,
}

/// Differential entropy of `X_0` in nats: by formula where there is one, otherwise the mean of `-log p` over `n` draws.
/// Minus infinity for a law without a density.
///
/// An oracle that needs some noise to be accurate ([`Oracle::resolution`](super::Oracle::resolution)) is asked at that noise
/// `s`, and `s^2 J / 2` is taken off (de Bruijn: `dH/d(s^2) = J/2`, J falls with s, so half of the next order is left).
pub fn entropy(dist: &dyn Distribution, n: usize, seed: u64) -> Result<Estimate> {
    let oracle = oracle_of(dist)?;
    if let Some((value, error)) = oracle.entropy() {
        return Ok(Estimate { value, error, draws: 0 });
    }
    if n < 2 {
        return Err(Error::usage(Problem::new("too few draws for a standard error").found(n).expected("at least 2")));
    }
    let noise = oracle.resolution();
    let mut moments = Moments::default();
    for_each_noised(dist, 1.0, noise, n, seed, |x| moments.add(-oracle.log_density(x, 1.0, noise)));
    let (value, error) = moments.mean_and_error();
    let excess = if noise > 0.0 { 0.5 * noise * noise * monte_carlo(dist, oracle, 1.0, noise, n, seed).0 } else { 0.0 };
    Ok(Estimate { value: value - excess, error, draws: n })
}
