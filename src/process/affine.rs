//! Exact laws for Gaussian data: with a score that is affine in x, every stage maps a Gaussian to a Gaussian.
//!
//! Source: the closed recursions of `Pierret and Galerne, Diffusion models for Gaussian distributions` (2024), here for
//! any plan of stages, those with several registers included.

use super::{HISTORY, Plan, Process};
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

    /// How many times as wide as they should be the samples come out for data `N(0, var)` with the exact score: 1 but for the
    /// error of the steps. Far above 1 the steps are too long for this sampler, whatever the network.
    pub fn stretch(&self, process: &Process, var: f64) -> f64 {
        let wanted = process.marginal(self.times[self.times.len() - 1], 0.0, var).var;
        (self.affine_law(process, 0.0, var).var / wanted).sqrt()
    }

    /// As [`Plan::affine_law`], from any normal start.
    ///
    /// Carries the joint law of all registers, (base, x, earlier outputs), because stages mix them.
    pub fn affine_law_from(&self, process: &Process, mean: f64, var: f64, start: GaussianLaw) -> GaussianLaw {
        let history = self.history();
        let mut joint = Joint::start(2 + history, start);
        for stage in &self.stages {
            let data = process.marginal(stage.time, mean, var);
            let (slope, offset) = (-1.0 / data.var, data.mean / data.var);
            // a combination of (base, x, score, outputs) as a row and an offset over the registers
            let row = |c_base: f64, c_x: f64, c_score: f64, c_history: &[f64]| {
                let mut row = vec![c_base, c_x + c_score * slope];
                row.extend_from_slice(&c_history[..history]);
                (row, c_score * offset)
            };
            let unit = |i: usize| (Vec::from_iter((0..2 + history).map(|j| f64::from(u8::from(i == j)))), 0.0);
            let new = row(stage.c_base, stage.c_x, stage.c_score, &stage.c_history);
            let base = match &stage.corrected {
                Some(c) => row(c.c_base, c.c_x, c.c_score, &c.c_history),
                None if stage.last_of_step => new.clone(),
                None => unit(0),
            };
            let mut rows = vec![base, new];
            if history > 0 {
                rows.push(row(0.0, stage.output[0], stage.output[1], &[0.0; HISTORY]));
                rows.extend((2..1 + history).map(unit));
            }
            joint = joint.mapped(&rows);
            let shared = stage.last_of_step && stage.corrected.is_none();
            let noise = [if shared { stage.c_noise } else { 0.0 }, stage.c_noise];
            for (i, j) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                joint.cov[i][j] += noise[i] * noise[j];
            }
        }
        GaussianLaw { mean: joint.mean[1], var: joint.cov[1][1] }
    }
}

/// Mean and covariance of the registers.
struct Joint {
    mean: Vec<f64>,
    cov: Vec<Vec<f64>>,
}

impl Joint {
    /// `count` registers: base and x the same start, the others 0.
    fn start(count: usize, start: GaussianLaw) -> Self {
        let filled = |i: usize| i < 2;
        let row = |i| (0..count).map(|j| if filled(i) && filled(j) { start.var } else { 0.0 }).collect();
        Self {
            mean: (0..count).map(|i| if filled(i) { start.mean } else { 0.0 }).collect(),
            cov: (0..count).map(row).collect(),
        }
    }

    /// The law after the affine map with the given rows and offsets.
    fn mapped(&self, rows: &[(Vec<f64>, f64)]) -> Self {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let cov = |(row, _): &(Vec<f64>, f64)| {
            let half: Vec<f64> = self.cov.iter().map(|column| dot(row, column)).collect();
            rows.iter().map(|(other, _)| dot(&half, other)).collect()
        };
        Self {
            mean: rows.iter().map(|(row, offset)| offset + dot(row, &self.mean)).collect(),
            cov: rows.iter().map(cov).collect(),
        }
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
