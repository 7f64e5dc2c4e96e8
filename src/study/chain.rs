//! The KL chain of DDPM, step by step, on the line.
//!
//! ```text
//! KL(q_0:T || p_theta) = KL(q_T || prior) + sum over steps of E KL(q(x_s | x_t) || N(c_x x_t + c_s s_theta(x_t, t), c^2))
//! E KL(step)           = E KL(q(x_s | x_t) || N(its mean, c^2))  +  c_s^2 / (2 c^2) E|s_theta - s*|^2
//! ```
//!
//! The first part is what a normal step costs with the exact score, the second what the network costs: approximation (the
//! same network on rows without end) and estimation (what its own rows add). The whole bounds KL(p || output). For half
//! N(-mu, 1), half N(mu, 1) a step back is a mixture of two normal laws of one variance,
//!
//! ```text
//! mean_i = m_s mu_i + a V_s / V_t (x_t - m_t mu_i),   variance = V_s q^2 / V_t,   V = m^2 + sigma^2, a = m_t / m_s
//! ```

use crate::error::Result;
use crate::process::{Plan, Process, Stage};
use crate::recording::Engine;
use crate::score::{NetworkScore, Score, scores};

/// Distance of the modes from 0.
pub const MU: f64 = 3.0;
/// Places of x_t, and of x_s given x_t.
const PLACES: usize = 801;
const INNER: usize = 161;
/// How far beyond the modes they reach, in deviations.
const REACH: f64 = 7.0;

/// What a chain loses, nats.
#[derive(Clone)]
pub struct Chain {
    /// KL(q_T || prior).
    pub start: f64,
    /// Exact score, one number a step, the noisiest first.
    pub normal: Vec<f64>,
    /// Network, one list a network.
    pub network: Vec<Vec<f64>>,
}

impl Chain {
    /// The whole with the exact score.
    pub fn exact(&self) -> f64 {
        self.start + self.normal.iter().sum::<f64>()
    }

    /// The whole of each network.
    pub fn sums(&self) -> Vec<f64> {
        self.network.iter().map(|steps| self.exact() + steps.iter().sum::<f64>()).collect()
    }
}

/// x_t at a time: (x, probability, share of the mode at mu given x).
fn places(process: &Process, t: f64) -> Vec<(f64, f64, f64)> {
    let (m, sigma) = (process.mean(t), process.sigma(t));
    let deviation = (m * m + sigma * sigma).sqrt();
    let reach = m * MU + REACH * deviation;
    let dx = 2.0 * reach / (PLACES - 1) as f64;
    let normal = |x: f64, mean: f64| (-0.5 * ((x - mean) / deviation).powi(2)).exp();
    let place = |i: usize| {
        let x = -reach + dx * i as f64;
        let (a, b) = (normal(x, -m * MU), normal(x, m * MU));
        let mass = 0.5 * dx * (a + b) / (deviation * std::f64::consts::TAU.sqrt());
        (x, mass, 1.0 / (1.0 + (-2.0 * m * MU * x / (deviation * deviation)).exp()))
    };
    (0..PLACES).map(place).collect()
}

/// KL(r N(d, v) + (1 - r) N(0, v) || N(r d, c2)).
fn from_normal(share: f64, gap: f64, variance: f64, c2: f64) -> f64 {
    // as far as the wider of the two laws reaches: the difference of their masses is part of the sum
    let reach = REACH * variance.max(c2).sqrt();
    let (low, high) = (gap.min(0.0) - reach, gap.max(0.0) + reach);
    let dy = (high - low) / (INNER - 1) as f64;
    let of = |i: usize| {
        let y = low + dy * i as f64;
        let exponent = |mean: f64| -0.5 * (y - mean).powi(2) / variance;
        let (a, b) = (share.max(1e-300).ln() + exponent(gap), (1.0 - share).max(1e-300).ln() + exponent(0.0));
        let log = a.max(b) + (-(a - b).abs()).exp().ln_1p() - 0.5 * (std::f64::consts::TAU * variance).ln();
        let other = -0.5 * (y - share * gap).powi(2) / c2 - 0.5 * (std::f64::consts::TAU * c2).ln();
        dy * (log.exp() * (log - other) + other.exp() - log.exp())
    };
    (0..INNER).map(of).sum()
}

/// The part of one step that is there with the exact score.
fn normal_part(process: &Process, stage: &Stage, s: f64) -> f64 {
    let t = stage.time;
    let (m_t, m_s) = (process.mean(t), process.mean(s));
    let (v_t, v_s) = (m_t * m_t + process.sigma(t).powi(2), m_s * m_s + process.sigma(s).powi(2));
    let a = m_t / m_s;
    let q2 = m_t * m_t * (process.ratio2(t) - process.ratio2(s));
    let gap = 2.0 * MU * (m_s - a * v_s / v_t * m_t);
    let (variance, c2) = (v_s * q2 / v_t, stage.c_noise * stage.c_noise);
    places(process, t).iter().map(|(_, mass, share)| mass * from_normal(*share, gap, variance, c2)).sum()
}

/// KL of the start.
fn start(process: &Process) -> f64 {
    let t = process.t_max();
    let (m, sigma, prior) = (process.mean(t), process.sigma(t), process.prior_std());
    let variance = m * m + sigma * sigma;
    let reach = m * MU + REACH * variance.sqrt();
    let dx = 2.0 * reach / (PLACES - 1) as f64;
    let of = |i: usize| {
        let x = -reach + dx * i as f64;
        let exponent = |mean: f64| -0.5 * (x - mean).powi(2) / variance;
        let (a, b) = (exponent(-m * MU), exponent(m * MU));
        let log = a.max(b) + (-(a - b).abs()).exp().ln_1p() - (2.0 * (std::f64::consts::TAU * variance).sqrt()).ln();
        let other = -0.5 * (x / prior).powi(2) - (prior * std::f64::consts::TAU.sqrt()).ln();
        dx * (log.exp() * (log - other) + other.exp() - log.exp())
    };
    (0..PLACES).map(of).sum()
}

/// The chain of the exact score.
pub fn exact_chain(process: &Process, plan: &Plan) -> Chain {
    let of = |(stage, s): (&Stage, &f64)| normal_part(process, stage, *s);
    Chain { start: start(process), normal: plan.stages.iter().zip(&plan.times[1..]).map(of).collect(), network: vec![] }
}

fn exact_score(x: f64, m: f64, sigma: f64) -> f64 {
    let v = m * m + sigma * sigma;
    (m * MU * (m * MU * x / v).tanh() - x) / v
}

/// c_s^2 / (2 c^2) E|s_theta - s*|^2 of every step.
pub fn score_parts(
    engine: &mut dyn Engine,
    network: &NetworkScore,
    process: &Process,
    plan: &Plan,
) -> Result<Vec<f64>> {
    let mut out = Vec::new();
    for stage in &plan.stages {
        let (m, sigma) = (process.mean(stage.time), process.sigma(stage.time));
        let nodes = places(process, stage.time);
        let xs: Vec<f32> = nodes.iter().map(|n| n.0 as f32).collect();
        let said = scores(engine, network as &dyn Score, &xs, &[stage.time])?.remove(0);
        let error =
            |((x, mass, _), s): (&(f64, f64, f64), &f32)| mass * (f64::from(*s) - exact_score(*x, m, sigma)).powi(2);
        let mean: f64 = nodes.iter().zip(&said).map(error).sum();
        out.push(stage.c_score.powi(2) / (2.0 * stage.c_noise.powi(2)) * mean);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::{SamplerOptions, grid, plan};

    #[test]
    fn the_step_of_one_normal_law_has_its_closed_form() {
        let kl = |v: f64, c2: f64| 0.5 * (v / c2 - 1.0 - (v / c2).ln());
        for (share, gap) in [(1.0, 0.7), (0.0, 0.7), (0.4, 0.0)] {
            assert!((from_normal(share, gap, 0.2, 0.3) - kl(0.2, 0.3)).abs() < 1e-9, "{share} {gap}");
        }
        // two far modes: ln 2 less than a normal law each, with the variance of both about the mean
        let far = from_normal(0.5, 20.0, 1.0, 101.0);
        let closed = -(2f64.ln()) + 0.5 * (101.0f64.ln() + (1.0 + 100.0) / 101.0 - 1.0);
        assert!((far - closed).abs() < 1e-6, "{far} {closed}");
    }

    #[test]
    fn the_exact_chain_bounds_the_samples_and_starts_as_it_must() {
        let process = Process::named("ou").unwrap().with_times(2.0, 0.01).unwrap();
        // KL(p_2 || N(0, 1)), computed elsewhere in f64
        assert!((start(&process) / 6.16382e-3 - 1.0).abs() < 1e-4, "{}", start(&process));
        let process = Process::named("ddpm").unwrap();
        let plan = plan("ddpm", &process, &grid("uniform", &process, 20).unwrap(), &SamplerOptions::default()).unwrap();
        let law = crate::distribution::parse("gmm:means=(-3)(3),sd=1").unwrap();
        let samples = crate::evaluate::discretised(law.as_ref(), &process, &plan).unwrap().kl;
        let chain = exact_chain(&process, &plan).exact();
        assert!(chain > samples && samples > 0.0, "{chain} {samples}");
    }
}
