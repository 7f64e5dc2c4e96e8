//! The KL chain of DDPM as a study: with the exact score by steps, of networks step by step and by rows.

use super::chain::{Chain, MU, exact_chain, score_parts};
use super::trained::{Truth, rows, settings, train};
use super::{Bench, Check, Curve, Outcome, Points, Preset, Sweep, whole};
use crate::audit::on_the_line;
use crate::config::RunConfig;
use crate::error::Result;
use crate::evaluate::discretised;
use crate::process::{Plan, Process, SamplerOptions, grid, plan};

/// Steps where their number is not the key, and rows of the network whose steps are looked at.
const STEPS: usize = 100;
const ROWS: f64 = 100.0;
/// Rows that stand for rows without end.
const FRESH: f64 = 200_000.0;
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

/// Networks of one number of rows with what they lose at every step, and the KL of their samples.
#[derive(Clone)]
struct Models {
    chain: Chain,
    samples: Vec<f64>,
}

fn models(bench: &mut Bench, n: f64) -> Result<Models> {
    let config = configuration(bench, whole(n, 16, 10_000_000, "rows")?);
    let seeds = bench.seeds();
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

fn chain_by_steps(x: f64) -> Result<Outcome> {
    let process = Process::named("ddpm")?;
    let chain = exact_chain(&process, &sampler(&process, whole(x, 2, 999, "steps")?)?);
    Ok(Outcome::exact(chain.exact()))
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
                Curve { name: TOTAL, at: |b, x| by_rows(b, x, |_, own| own.chain.sums()), claim: None },
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
