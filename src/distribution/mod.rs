//! Distributions that can be sampled, and oracles that know their density and score at every noise level.
//!
//! An oracle answers for the law of `m X_0 + sigma Z`, so one oracle serves every process. Five exact forms are enough:
//!
//! | form | what it is | used by |
//! |---|---|---|
//! | [`GaussianMixture`] | normal components, covariance isotropic, diagonal or full, possibly singular | `gmm`, `8gaussians`, `ifs`, manifolds by quadrature |
//! | [`BoxMixture`] | uniform boxes plus normal noise | `checkerboard`, `2spirals`, `segment` |
//! | [`PixelDensity`] | a grid of pixels with masses | pictures |
//! | [`Shells`] | spheres with a common centre plus isotropic noise | `circle`, `sphere`, `circles`, `rings` |
//! | [`Standardised`] | one of the above, shifted and scaled | normalised data |
//!
//! [`DATASETS`] is the table of named data sets and [`parse`] reads `name[@variant][:key=value,...]`.

mod boxes;
mod curve;
mod datasets;
mod entropy;
mod floor;
mod gmm;
#[cfg(test)]
mod golden;
mod ifs;
mod linalg;
mod manifolds;
mod mixture;
mod pixels;
mod shells;
mod spec;
mod special;
mod standardised;
#[cfg(test)]
mod tests;
mod tilts;
mod toys;

pub use boxes::BoxMixture;
pub use datasets::{DATASETS, DataKey, DatasetRow, DatasetVariant};
pub use entropy::{Estimate, entropy};
pub use floor::{LossFloor, loss_floor, score_energy};
pub use linalg::{eigen_symmetric, random_frame};
pub use mixture::{Covariance, GaussianMixture};
pub use pixels::PixelDensity;
pub use shells::Shells;
pub use spec::{is_spec, parse};
pub use special::{log_interval, sphere_average};
pub use standardised::Standardised;

use crate::random::{Purpose, Stream};
use std::sync::Arc;

/// The largest dimension a named data set may have.
pub const MAX_DIM: usize = 1024;

/// Something that can be sampled.
pub trait Distribution: Send + Sync {
    /// The name with variant and given keys, such that [`parse`] gives the same distribution where it was parsed.
    fn name(&self) -> String;
    /// The dimension `D`.
    fn dim(&self) -> usize;
    /// Rows `first..first + n` of the endless sample of (`seed`, `purpose`): (n, D), row-major, data units.
    ///
    /// Row `i` depends on (`seed`, `purpose`, `first + i`) alone, so cutting a draw in chunks changes nothing.
    fn draw(&self, seed: u64, purpose: Purpose, first: u32, n: usize) -> Vec<f32>;
    /// Exact density and score, where they are known.
    fn oracle(&self) -> Option<&dyn Oracle>;
    /// Centres and weights of separate modes, where speaking of modes makes sense.
    fn mode_centres(&self) -> Option<&Modes> {
        None
    }
}

/// Exact density and score of the law of `m X_0 + sigma Z`, Z ~ N(0, I), for every m >= 0 and sigma >= 0.
///
/// Where that law has no density (a singular component at sigma = 0) the log density is minus infinity off the
/// mass that has one and the score is 0 there.
pub trait Oracle: Send + Sync {
    /// The dimension `D`.
    fn dim(&self) -> usize;
    /// Writes the score at `x` (D) into `score` (D) and returns the log density in nats.
    fn score_and_log_density(&self, x: &[f64], m: f64, sigma: f64, score: &mut [f64]) -> f64;
    /// The log density in nats at `x` (D).
    fn log_density(&self, x: &[f64], m: f64, sigma: f64) -> f64 {
        self.score_and_log_density(x, m, sigma, &mut vec![0.0; x.len()])
    }
    /// The score, `grad_x log p` at `x` (D), into `out` (D).
    fn score(&self, x: &[f64], m: f64, sigma: f64, out: &mut [f64]) {
        self.score_and_log_density(x, m, sigma, out);
    }
    /// Mean of `X_0` (D).
    fn mean(&self) -> Vec<f64>;
    /// Variance of each coordinate of `X_0` (D).
    fn variances(&self) -> Vec<f64>;
    /// Mean over the coordinates of the variance of `X_0`.
    fn variance(&self) -> f64 {
        self.variances().iter().sum::<f64>() / self.dim() as f64
    }
    /// Differential entropy of `X_0` in nats and a bound of its error, where a formula exists; see [`entropy()`].
    fn entropy(&self) -> Option<(f64, f64)> {
        None
    }
    /// The smallest total noise (own and process) at which density and score are accurate; 0 when they always are.
    fn resolution(&self) -> f64 {
        0.0
    }
    /// The exact form, for code that moves its parameters to a device or transforms them.
    fn form(&self) -> Form<'_>;
}

/// The parameters behind an oracle.
#[derive(Clone, Copy)]
pub enum Form<'a> {
    /// Normal components.
    Mixture(&'a GaussianMixture),
    /// Uniform boxes with noise.
    Boxes(&'a BoxMixture),
    /// A grid of pixels.
    Pixels(&'a PixelDensity),
    /// Spheres with a common centre.
    Shells(&'a Shells),
    /// Only the functions of the trait are available.
    Opaque,
}

/// Separate modes of a distribution.
#[derive(Debug, Clone, PartialEq)]
pub struct Modes {
    /// Where they are: (K, D), row-major, data units.
    pub centres: Vec<f64>,
    /// Their masses: (K), adding to 1.
    pub weights: Vec<f64>,
}

/// Draws one row from a stream.
type Sampler = Box<dyn Fn(&mut Stream, &mut [f64]) + Send + Sync>;

/// A distribution put together from a sampler and an oracle: every named data set is one.
pub(crate) struct Known {
    pub name: String,
    pub oracle: Arc<dyn Oracle>,
    pub sampler: Sampler,
    pub modes: Option<Modes>,
}

impl Distribution for Known {
    fn name(&self) -> String {
        self.name.clone()
    }
    fn dim(&self) -> usize {
        self.oracle.dim()
    }
    fn draw(&self, seed: u64, purpose: Purpose, first: u32, n: usize) -> Vec<f32> {
        draw_rows(self.dim(), seed, purpose, first, n, &self.sampler)
    }
    fn oracle(&self) -> Option<&dyn Oracle> {
        Some(&*self.oracle)
    }
    fn mode_centres(&self) -> Option<&Modes> {
        self.modes.as_ref()
    }
}

/// Calls `sampler` with the stream of each row and rounds to f32: (n, dim), row-major.
pub(crate) fn draw_rows(
    dim: usize,
    seed: u64,
    purpose: Purpose,
    first: u32,
    n: usize,
    sampler: &dyn Fn(&mut Stream, &mut [f64]),
) -> Vec<f32> {
    let mut row = vec![0.0; dim];
    let mut out = Vec::with_capacity(n * dim);
    for i in 0..n {
        sampler(&mut Stream::new(seed, purpose, first.wrapping_add(i as u32), 0), &mut row);
        out.extend(row.iter().map(|v| *v as f32));
    }
    out
}

/// Index of the first entry of `cumulative` (rising, last entry the total) that exceeds `u` in (0, 1) of the total.
pub(crate) fn pick(cumulative: &[f64], u: f64) -> usize {
    let total = cumulative.last().copied().unwrap_or(0.0);
    cumulative.partition_point(|c| *c <= u * total).min(cumulative.len().saturating_sub(1))
}

/// Running sums.
pub(crate) fn cumulative(weights: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    weights
        .iter()
        .map(|w| {
            sum += w;
            sum
        })
        .collect()
}

/// How far below the largest logarithm a term is dropped: e^-40, of which 10^4 do not add up to a rounding.
const NEGLIGIBLE: f64 = 40.0;

/// A sum of `e^log * vector` kept relative to its largest term, so that one pass over the components suffices.
pub(crate) struct LogSum<'a> {
    max: f64,
    sum: f64,
    vector: &'a mut [f64],
}

impl<'a> LogSum<'a> {
    /// An empty sum that collects into `vector`.
    pub fn new(vector: &'a mut [f64]) -> Self {
        vector.fill(0.0);
        Self { max: f64::NEG_INFINITY, sum: 0.0, vector }
    }
    /// The relative weight of a term with logarithm `log`, or nothing when it cannot matter (below 1e-17).
    pub fn weight(&mut self, log: f64) -> Option<f64> {
        if log.is_nan() {
            self.sum = log;
        }
        if log.is_nan() || self.ignores(log) {
            return None;
        }
        if log <= self.max {
            let weight = (log - self.max).exp();
            self.sum += weight;
            return Some(weight);
        }
        let shrink = (self.max - log).exp();
        self.sum = self.sum * shrink + 1.0;
        self.vector.iter_mut().for_each(|v| *v *= shrink);
        self.max = log;
        Some(1.0)
    }
    /// Whether a term whose logarithm is at most `log` cannot matter.
    pub fn ignores(&self, log: f64) -> bool {
        log <= self.max - NEGLIGIBLE
    }
    /// Adds to coordinate `j` of the vector.
    pub fn add(&mut self, j: usize, value: f64) {
        self.vector[j] += value;
    }
    /// Divides the vector by the sum and returns the logarithm of the sum.
    pub fn finish(self) -> f64 {
        if self.sum == 0.0 {
            return f64::NEG_INFINITY;
        }
        self.vector.iter_mut().for_each(|v| *v /= self.sum);
        self.max + self.sum.ln()
    }
}
