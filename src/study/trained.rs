//! Networks trained for a study, one a seed side by side, and the error of their scores against the exact one.

use std::sync::Arc;

use super::{Bench, Outcome};
use crate::audit::Retraining;
use crate::config::{self, RunConfig};
use crate::distribution::Distribution;
use crate::error::{Error, Problem, Result};
use crate::oracle::Law;
use crate::process::{Process, grid};
use crate::random::{Purpose, Stream};
use crate::recording::Engine;
use crate::score::{Asker, ExactScore, NetworkScore, Score};
use crate::train::Dataset;

/// Times at which scores are compared, and draws of x_t at each.
const TIMES: usize = 24;
const DRAWS: usize = 512;
/// Step of the streams of the noise of a draw: time k has this plus k.
const STEP: u32 = 1 << 21;

/// The settings that studies share: a small network on n rows of a law under `ou`, from 0.02 to 3.
pub fn settings(bench: &Bench, source: &str, n: usize) -> RunConfig {
    let mut config = RunConfig { source: source.into(), seed: bench.seed, ..RunConfig::default() };
    config.data.n = Some(n);
    config.train.held_out = 0.0;
    config.train.batch_size = 128;
    config.train.lr = 4e-3;
    config.train.steps = if bench.quick { 1500 } else { 20_000 };
    config.network.hidden = if bench.quick { "64x2".into() } else { "128x3".into() };
    config.network.features = 8;
    config.process.t0 = Some(0.02);
    config.process.t_max = Some(3.0);
    config
}

/// The law of a configuration with its exact score.
pub struct Truth {
    /// The law.
    pub law: Arc<dyn Distribution>,
    /// Its score.
    pub exact: ExactScore,
}

impl Truth {
    /// Of a named distribution with an oracle.
    pub fn of(config: &RunConfig) -> Result<Self> {
        let unknown = || Error::bug(Problem::new(format!("a study of {}, whose law is not known", config.source)));
        let law = config::law(&config.source)?.ok_or_else(unknown)?;
        let oracle = law.oracle().ok_or_else(unknown)?;
        let exact = ExactScore { process: config.process.build()?, law: Law::of(oracle)? };
        Ok(Self { law, exact })
    }

    /// The process.
    pub fn process(&self) -> &Process {
        &self.exact.process
    }
}

/// Rows of each seed: seed + i for network i.
pub fn rows(config: &RunConfig, seeds: u64) -> Result<Vec<Dataset>> {
    let load = |i: u64| config::load(&RunConfig { seed: config.seed + i, ..config.clone() }).map(|l| l.data);
    (0..seeds).map(load).collect()
}

/// Networks trained on rows of their own, side by side.
pub fn train(bench: &mut Bench, config: &RunConfig, truth: &Truth, all: &[Dataset]) -> Result<Vec<NetworkScore>> {
    let members: Vec<(&Dataset, u64)> = all.iter().zip(0..).map(|(d, i)| (d, config.seed + i)).collect();
    let name = format!("{}, n = {}", config.source, config.data.rows(all[0].dim));
    let total = config.train.steps;
    bench.on_device(|engine, watch| {
        let retraining = Retraining { config, data: &all[0], law: &truth.law, factor: 1.0 };
        retraining.train(engine, &members, &mut |done, _| watch(&format!("{name}: step {done} of {total}")))
    })
}

/// int E|s - s*|^2 dt from t0 to T by coordinate, one list of D numbers a model: x_t drawn afresh at times even in ln t.
pub fn errors(
    engine: &mut dyn Engine,
    truth: &Truth,
    models: &[&dyn Score],
    seed: u64,
    watch: &mut dyn FnMut(&str) -> Result<()>,
) -> Result<Vec<Vec<f64>>> {
    let (process, dim) = (truth.process(), truth.law.dim());
    let times = grid("geometric", process, TIMES - 1)?;
    let rows = truth.law.draw(seed, Purpose::Reference, 0, DRAWS);
    let mut sums = vec![vec![0.0; dim]; models.len()];
    let mut askers = Vec::new();
    let mut run = |askers: &mut Vec<Asker>| -> Result<()> {
        askers.push(Asker::new(engine, &truth.exact, DRAWS, &times)?);
        for model in models {
            askers.push(Asker::new(engine, *model, DRAWS, &times)?);
        }
        for (k, &t) in times.iter().enumerate() {
            watch("score errors")?;
            let points = noised(process, &rows, dim, t, seed, STEP + k as u32);
            // trapezoids in ln t
            let ends = if k == 0 || k + 1 == times.len() { 0.5 } else { 1.0 };
            let weight = ends * t * (times[0] / times[1]).ln() / DRAWS as f64;
            let mut answers = Vec::new();
            for asker in askers.iter() {
                asker.give(engine, &points)?;
                answers.push(asker.scores(engine, k, points.len())?);
            }
            for (sum, model) in sums.iter_mut().zip(&answers[1..]) {
                for (i, (a, b)) in model.iter().zip(&answers[0]).enumerate() {
                    sum[i % dim] += weight * (f64::from(*a) - f64::from(*b)).powi(2);
                }
            }
        }
        Ok(())
    };
    let outcome = run(&mut askers);
    askers.iter().for_each(|a| a.done(engine));
    outcome.map(|()| sums)
}

/// x_t = m_t x_0 + sigma_t eps for every row, with the noise of `step`.
pub fn noised(process: &Process, rows: &[f32], dim: usize, t: f64, seed: u64, step: u32) -> Vec<f32> {
    let (m, sigma) = (process.mean(t), process.sigma(t));
    let mut out = rows.to_vec();
    for (i, row) in out.chunks_exact_mut(dim).enumerate() {
        let mut stream = Stream::new(seed, Purpose::Reference, i as u32, step);
        row.iter_mut().for_each(|x| *x = (m * f64::from(*x) + sigma * stream.normal()) as f32);
    }
    out
}

/// The whole error of networks of one configuration: mean over seeds, each with rows of its own.
pub fn score_error(bench: &mut Bench, config: &RunConfig, seeds: u64) -> Result<Outcome> {
    let truth = Truth::of(config)?;
    let networks = train(bench, config, &truth, &rows(config, seeds)?)?;
    let models: Vec<&dyn Score> = networks.iter().map(|s| s as &dyn Score).collect();
    let seed = bench.seed;
    let all = bench.on_device(|engine, watch| errors(engine, &truth, &models, seed, watch))?;
    Ok(Outcome::mean(&all.iter().map(|e| e.iter().sum()).collect::<Vec<f64>>()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::Reference;
    use crate::score::GaussianScore;

    #[test]
    fn errors_are_integrals_by_coordinate() {
        let mut config = RunConfig { source: "gaussian:means=(1 -1),sd=0.5".into(), ..RunConfig::default() };
        (config.process.t0, config.process.t_max) = (Some(0.02), Some(3.0));
        let truth = Truth::of(&config).unwrap();
        // wrong by 0.2 m / q in the second coordinate, everywhere the same
        let process = truth.process().clone();
        let wrong = GaussianScore { process: process.clone(), mean: vec![1.0, -0.8], variance: vec![0.25; 2] };
        let got = errors(&mut Reference::default(), &truth, &[&wrong], 1, &mut |_| Ok(())).unwrap();
        let rate = |t: f64| (0.2 * process.mean(t) / process.marginal(t, 0.0, 0.25).var).powi(2);
        let h = (3.0f64 / 0.02).ln() / 20_000.0;
        let closed: f64 = (0..20_000).map(|i| 0.02 * (h * (f64::from(i) + 0.5)).exp()).map(|t| h * t * rate(t)).sum();
        assert!(got[0][0] < 1e-9 && (got[0][1] / closed - 1.0).abs() < 5e-3, "{got:?} for {closed}");
    }
}
