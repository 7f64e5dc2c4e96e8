//! Exact laws for Gaussian data: with a score that is affine in x, every stage maps a Gaussian to a Gaussian.
//!
//! Source: the closed recursions of `Pierret and Galerne, Diffusion models for Gaussian distributions` (2024), here for
//! any plan of stages, Heun included.

use super::{Plan, Process};
use serde::{Deserialize, Serialize};

/// A normal law of one coordinate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GaussianLaw {
    /// Mean.
    pub mean: f64,
    /// Variance.
    pub var: f64,
}

/// `KL(p || q)` of two normal laws in nats; infinite where `q` is degenerate and `p` is not.
pub fn gaussian_kl(p: GaussianLaw, q: GaussianLaw) -> f64 {
    let ratio = p.var / q.var;
    let shift = p.mean - q.mean;
    // ratio - 1 - ln ratio loses its digits near 1 unless it is written with ln_1p
    let excess = (p.var - q.var) / q.var;
    let spread = if excess.abs() < 0.5 { excess - excess.ln_1p() } else { ratio - 1.0 - ratio.ln() };
    0.5 * (spread + shift * shift / q.var)
}

impl Plan {
    /// The law of one coordinate of the output for data `N(mean, var)` with the exact score
    /// `s(x, t) = -(x - m_t mean) / (m_t^2 var + sigma_t^2)`, started from `N(0, prior_std^2)`.
    pub fn affine_law(&self, process: &Process, mean: f64, var: f64) -> GaussianLaw {
        self.affine_law_from(process, mean, var, GaussianLaw { mean: 0.0, var: self.prior_std * self.prior_std })
    }

    /// As [`Plan::affine_law`], from any normal start.
    ///
    /// Carries the joint law of the three registers (base, x, s_prev), because the corrector of a two-stage scheme
    /// uses all of them.
    pub fn affine_law_from(&self, process: &Process, mean: f64, var: f64, start: GaussianLaw) -> GaussianLaw {
        let mut joint = Joint { mean: [start.mean, start.mean, 0.0], cov: [[0.0; 3]; 3] };
        for i in 0..2 {
            for j in 0..2 {
                joint.cov[i][j] = start.var;
            }
        }
        for stage in &self.stages {
            let data = process.marginal(stage.time, mean, var);
            let (slope, offset) = (-1.0 / data.var, data.mean / data.var);
            let x_row = [stage.c_base, stage.c_x + stage.c_score * slope, stage.c_score_prev];
            let base_row = if stage.last_of_step { x_row } else { [1.0, 0.0, 0.0] };
            let x_offset = stage.c_score * offset;
            let base_offset = if stage.last_of_step { x_offset } else { 0.0 };
            joint = joint.mapped([base_row, x_row, [0.0, slope, 0.0]], [base_offset, x_offset, offset]);
            let noise = stage.c_noise * stage.c_noise;
            joint.cov[1][1] += noise;
            if stage.last_of_step {
                joint.cov[0][0] += noise;
                joint.cov[0][1] += noise;
                joint.cov[1][0] += noise;
            }
        }
        GaussianLaw { mean: joint.mean[1], var: joint.cov[1][1] }
    }
}

/// Mean and covariance of (base, x, s_prev).
struct Joint {
    mean: [f64; 3],
    cov: [[f64; 3]; 3],
}

impl Joint {
    /// The law after the affine map with the given rows and offsets.
    fn mapped(&self, rows: [[f64; 3]; 3], offset: [f64; 3]) -> Self {
        let dot = |a: &[f64; 3], b: &[f64; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
        let mut out = Self { mean: offset, cov: [[0.0; 3]; 3] };
        for i in 0..3 {
            out.mean[i] += dot(&rows[i], &self.mean);
            let half: [f64; 3] = std::array::from_fn(|k| dot(&rows[i], &self.cov[k]));
            out.cov[i] = std::array::from_fn(|j| dot(&half, &rows[j]));
        }
        out
    }
}

/// The path KL of one coordinate for data `N(mean, var)`, exact score frozen on each interval of the grid:
///
/// ```text
/// KL(q_T || prior) + sum_k int 1/2 g^2(u) [1/q_u + 1/q_t - 2 (m_t/m_u) / q_t] du,   q = m^2 var + sigma^2,  t = t_k
/// ```
///
/// By Girsanov this bounds the KL of the output of the exponential integrator (constant 1).
pub fn gaussian_path_kl(process: &Process, times: &[f64], mean: f64, var: f64) -> f64 {
    let prior = GaussianLaw { mean: 0.0, var: process.prior_std().powi(2) };
    let start = gaussian_kl(process.marginal(times[0], mean, var), prior);
    let steps = times.windows(2).map(|pair| {
        let (t, s) = (pair[0], pair[1]);
        let q_t = process.marginal(t, mean, var).var;
        let rate = |u: f64| {
            let q_u = process.marginal(u, mean, var).var;
            let memory = 1.0 + process.growth_minus_one(u, t);
            0.5 * process.diffusion2(u) * (1.0 / q_u + 1.0 / q_t - 2.0 / (memory * q_t))
        };
        integrate_log(rate, s, t)
    });
    start + steps.sum::<f64>()
}

/// Composite Simpson rule in the logarithm of time, in which the integrands here are smooth down to small times.
fn integrate_log(f: impl Fn(f64) -> f64, s: f64, t: f64) -> f64 {
    let intervals = 64;
    let h = (t / s).ln() / f64::from(intervals);
    let value = |k: i32| {
        let u = s * (h * f64::from(k)).exp();
        u * f(u)
    };
    let inner: f64 = (1..intervals).map(|k| if k % 2 == 1 { 4.0 * value(k) } else { 2.0 * value(k) }).sum();
    h / 3.0 * (value(0) + inner + value(intervals))
}
