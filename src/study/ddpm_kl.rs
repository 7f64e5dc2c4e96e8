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

use super::trained::{Truth, rows, settings, train};
use super::{Bench, Check, Curve, Outcome, Points, Preset, Sweep, whole};
use crate::audit::on_the_line;
use crate::config::RunConfig;
use crate::error::Result;
use crate::evaluate::discretised;
use crate::process::{Plan, Process, SamplerOptions, Stage, grid, plan};
use crate::score::{NetworkScore, Score, scores};

/// Distance of the modes from 0.
const MU: f64 = 3.0;
/// Steps where their number is not the key, and rows of the network whose steps are looked at.
const STEPS: usize = 100;
const ROWS: f64 = 100.0;
/// Rows that stand for rows without end.
const FRESH: f64 = 200_000.0;
/// Places of x_t, and of x_s given x_t.
const PLACES: usize = 801;
const INNER: usize = 161;
/// How far beyond the modes they reach, in deviations.
const REACH: f64 = 7.0;

/// What a chain loses, nats.
#[derive(Clone)]
struct Chain {
    start: f64,
    /// Exact score, one number a step, the noisiest first.
    normal: Vec<f64>,
    /// Network, one list a network.
    network: Vec<Vec<f64>>,
}

fn sums(chain: &Chain) -> Vec<f64> {
    let exact = chain.start + chain.normal.iter().sum::<f64>();
    chain.network.iter().map(|steps| exact + steps.iter().sum::<f64>()).collect()
}

fn configuration(bench: &Bench, n: usize) -> RunConfig {
    let mut config = settings(bench, &format!("gmm:means=(-{MU})({MU}),sd=1"), n);
    config.process.process = "ddpm".into();
    (config.process.t0, config.process.t_max) = (None, None);
    config.train.steps = if bench.quick { 3000 } else { 40_000 };
    config
}

fn sampler(process: &Process, steps: usize) -> Result<Plan> {
    plan("ddpm", process, &grid("uniform", process, steps)?, &SamplerOptions::default())
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
    let deviation = variance.sqrt();
    let (low, high) = (gap.min(0.0) - REACH * deviation, gap.max(0.0) + REACH * deviation);
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
fn exact_chain(process: &Process, plan: &Plan) -> Chain {
    let of = |(stage, s): (&Stage, &f64)| normal_part(process, stage, *s);
    Chain { start: start(process), normal: plan.stages.iter().zip(&plan.times[1..]).map(of).collect(), network: vec![] }
}

fn exact_score(x: f64, m: f64, sigma: f64) -> f64 {
    let v = m * m + sigma * sigma;
    (m * MU * (m * MU * x / v).tanh() - x) / v
}

/// Networks of one number of rows with what they lose at every step, and the KL of their samples.
#[derive(Clone)]
struct Models {
    chain: Chain,
    samples: Vec<f64>,
}

fn models(bench: &mut Bench, n: f64) -> Result<Models> {
    let config = configuration(bench, whole(n, 16, 10_000_000, "rows")?);
    let seeds = if bench.quick { 3 } else { 8 };
    let make = |bench: &mut Bench| -> Result<Models> {
        let truth = Truth::of(&config)?;
        let process = truth.process().clone();
        let plan = sampler(&process, STEPS)?;
        let networks = train(bench, &config, &truth, &rows(&config, seeds)?)?;
        let mut chain = exact_chain(&process, &plan);
        let mut samples = Vec::new();
        bench.on_device(|engine, watch| {
            for network in &networks {
                watch("the chain of a network")?;
                chain.network.push(score_parts(engine, network, &process, &plan)?);
                let out = on_the_line(engine, network, truth.law.as_ref(), &process, &plan)?;
                samples.push(out.map_or(f64::NAN, |d| d.kl));
            }
            Ok(())
        })?;
        Ok(Models { chain, samples })
    };
    bench.keep(&format!("chains, {n} rows"), make, |_, models| Ok(models.clone()))
}

/// c_s^2 / (2 c^2) E|s_theta - s*|^2 of every step.
fn score_parts(
    engine: &mut dyn crate::recording::Engine,
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

fn chain_by_steps(x: f64) -> Result<Outcome> {
    let process = Process::named("ddpm")?;
    let chain = exact_chain(&process, &sampler(&process, whole(x, 2, 999, "steps")?)?);
    Ok(Outcome::exact(chain.start + chain.normal.iter().sum::<f64>()))
}

fn samples_by_steps(x: f64) -> Result<Outcome> {
    let process = Process::named("ddpm")?;
    let law = crate::distribution::parse(&format!("gmm:means=(-{MU})({MU}),sd=1"))?;
    let plan = sampler(&process, whole(x, 2, 999, "steps")?)?;
    Ok(Outcome::exact(discretised(law.as_ref(), &process, &plan).map_or(f64::NAN, |d| d.kl)))
}

/// One step of the chain of [`STEPS`], x from the end: 1 is the last one, the least noisy.
fn step(bench: &mut Bench, x: f64, of: fn(&Models, &Models, usize) -> Vec<f64>) -> Result<Outcome> {
    let k = STEPS - whole(x, 1, STEPS, "steps")?;
    let (fresh, own) = (models(bench, FRESH)?, models(bench, ROWS)?);
    let values = of(&fresh, &own, k);
    Ok(if values.len() == 1 { Outcome::exact(values[0]) } else { Outcome::mean(&values) })
}

fn mean(values: impl Iterator<Item = f64> + Clone) -> f64 {
    values.clone().sum::<f64>() / values.count() as f64
}

fn by_rows(bench: &mut Bench, x: f64, of: fn(&Models, &Models) -> Vec<f64>) -> Result<Outcome> {
    let (fresh, own) = (models(bench, FRESH)?, models(bench, x)?);
    Ok(Outcome::mean(&of(&fresh, &own)))
}

/// What the networks cost over all steps, one number a network.
fn whole_cost(models: &Models) -> Vec<f64> {
    models.chain.network.iter().map(|steps| steps.iter().sum()).collect()
}

const CHAIN: &str = "KL chain, exact score";
const SAMPLES: &str = "KL of the samples, exact score";
const TOTAL: &str = "KL chain of the network";
const MEASURED: &str = "KL of its samples";

/// The largest ratio of the second of two curves to the first.
fn largest(p: &Points, sweep: &str, [bound, measured]: [&str; 2]) -> Option<f64> {
    let pairs = p.curve(sweep, bound).into_iter().zip(p.curve(sweep, measured));
    pairs.map(|(a, b)| b.1 / a.1).reduce(f64::max).filter(|r| r.is_finite())
}

/// The chain of KL divergences of DDPM.
pub const DDPM_KL: Preset = Preset {
    name: "ddpm-kl",
    doc: "the KL chain of DDPM step by step: what normal steps cost, approximation, estimation; the sum against the samples",
    source: "Sun, Shen, Li, Zhao, Feng 2026 (excess KL is approximation plus estimation) with the chain of Ho et al. 2020; two \
             modes at +-3, linear betas, 1000 entries, variance beta. A step that is not normal costs order N^-2, N of them \
             1/N; the law of the output converges like 1/N, its KL like N^-2",
    sweeps: &[
        Sweep {
            name: "steps",
            key: "N",
            quantity: "nats",
            quick: &[50.0, 100.0, 200.0, 400.0],
            full: &[50.0, 100.0, 200.0, 400.0, 800.0],
            curves: &[
                Curve { name: CHAIN, at: |_, x| chain_by_steps(x), claim: Some((-1.2, -0.8)) },
                Curve { name: SAMPLES, at: |_, x| samples_by_steps(x), claim: Some((-2.2, -1.8)) },
            ],
        },
        Sweep {
            name: "step by step",
            key: "steps left",
            quantity: "nats lost in one step of 100",
            quick: &[1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 18.0, 25.0, 35.0, 45.0, 55.0, 65.0, 80.0, 100.0],
            full: &[1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 18.0, 25.0, 35.0, 45.0, 55.0, 65.0, 80.0, 100.0],
            curves: &[
                Curve { name: "not normal", at: |b, x| step(b, x, |_, own, k| vec![own.chain.normal[k]]), claim: None },
                Curve {
                    name: "approximation",
                    at: |b, x| step(b, x, |fresh, _, k| fresh.chain.network.iter().map(|s| s[k]).collect()),
                    claim: None,
                },
                Curve {
                    name: "estimation, 100 rows",
                    at: |b, x| {
                        step(b, x, |fresh, own, k| {
                            let floor = mean(fresh.chain.network.iter().map(|s| s[k]));
                            own.chain.network.iter().map(|s| s[k] - floor).collect()
                        })
                    },
                    claim: None,
                },
            ],
        },
        Sweep {
            name: "rows",
            key: "n",
            quantity: "nats, 100 steps",
            quick: &[25.0, 50.0, 100.0, 200.0, 400.0],
            full: &[25.0, 50.0, 100.0, 200.0, 400.0, 800.0, 1600.0],
            curves: &[
                Curve { name: TOTAL, at: |b, x| by_rows(b, x, |_, own| sums(&own.chain)), claim: None },
                Curve { name: MEASURED, at: |b, x| by_rows(b, x, |_, own| own.samples.clone()), claim: None },
                Curve { name: "approximation", at: |b, x| by_rows(b, x, |fresh, _| whole_cost(fresh)), claim: None },
                Curve {
                    name: "estimation",
                    at: |b, x| {
                        by_rows(b, x, |fresh, own| {
                            let floor = mean(whole_cost(fresh).into_iter());
                            whole_cost(own).iter().map(|c| c - floor).collect()
                        })
                    },
                    claim: Some((-1.3, -0.3)),
                },
            ],
        },
    ],
    checks: &[
        Check {
            what: "KL of the samples over the chain, exact score, at most",
            measure: |p| largest(p, "steps", [CHAIN, SAMPLES]),
            allowed: Some((0.0, 1.0)),
        },
        Check {
            what: "KL of the samples over the chain, networks, at most",
            measure: |p| largest(p, "rows", [TOTAL, MEASURED]),
            allowed: Some((0.0, 1.0)),
        },
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

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
        let (chain, samples) = (chain_by_steps(20.0).unwrap().value, samples_by_steps(20.0).unwrap().value);
        assert!(chain > samples && samples > 0.0, "{chain} {samples}");
    }
}
