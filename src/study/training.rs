//! Studies that train networks.

use std::sync::Arc;

use super::{Bench, Curve, Outcome, Preset, Sweep};
use crate::audit::{Retraining, Walk, walk};
use crate::config::{self, RunConfig};
use crate::distribution::Distribution;
use crate::error::{Error, Problem, Result};
use crate::metrics::interval::mean;
use crate::oracle::Law;
use crate::process::grid;
use crate::random::Purpose;
use crate::recording::Engine;
use crate::score::{ExactScore, NetworkScore, Score};
use crate::train::Dataset;

/// Paths over which a score error is averaged, and steps of the grid on which it is integrated.
const PATHS: usize = 512;
const STEPS: usize = 32;

/// Two normal modes 1.5 to each side along the first axis of D: the tilt log cosh(1.5 x_1), whatever D is.
fn ridge(bench: &mut Bench, x: f64) -> Result<Outcome> {
    if x.fract() != 0.0 || !(1.0..=512.0).contains(&x) {
        let problem = Problem::new("the value cannot be used").at("--vary").found(x);
        return Err(Error::usage(problem.expected("a whole number of dimensions, 1 to 512")));
    }
    let zeros = " 0".repeat(x as usize - 1);
    let rows = if bench.quick { 2000.0 } else { 20_000.0 };
    score_error(bench, &Trained::on(&format!("gmm:means=(1.5{zeros})(-1.5{zeros}),sd=1"), rows))
}

/// Score error in D at a fixed number of rows.
pub const SUB_GAUSSIAN: Preset = Preset {
    name: "sub-gaussian",
    doc: "score error of trained networks against the dimension, for one ridge tilt of the normal law, rows and width fixed",
    source: "Cole, Lu 2024: tilts of the normal law are learned without the curse of dimensionality; held here as growth of \
             the whole error no faster than D, slope at most 1",
    sweeps: &[Sweep {
        name: "dimension",
        key: "D",
        quantity: "integral of E|s - s*|^2 dt from 0.02 to 3",
        quick: &[2.0, 4.0, 8.0, 16.0, 32.0],
        full: &[2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0],
        curves: &[Curve { name: "log cosh(1.5 x1)", at: ridge, claim: Some((-1.0, 1.0)) }],
    }],
};

/// Networks that are trained on rows of a law.
#[derive(Clone)]
pub(super) struct Trained<'a> {
    /// The law.
    pub source: &'a str,
    /// Rows of each.
    pub rows: f64,
    /// Head.
    pub predict: &'static str,
    /// Where the noise that the structured head trains along starts.
    pub noise_start: f64,
    /// Where times begin.
    pub t0: f64,
}

impl<'a> Trained<'a> {
    /// With the usual head from t = 0.02 on.
    pub fn on(source: &'a str, rows: f64) -> Self {
        Self { source, rows, predict: "residual", noise_start: 0.5, t0: 0.02 }
    }

    fn settings(&self, bench: &Bench) -> Result<RunConfig> {
        let rows = self.rows;
        if rows.fract() != 0.0 || !(16.0..=1e7).contains(&rows) {
            let problem = Problem::new("the value cannot be used").at("--vary").found(rows);
            return Err(Error::usage(problem.expected("a whole number of rows, 16 to 10000000")));
        }
        let mut config = RunConfig { source: self.source.into(), seed: bench.seed, ..RunConfig::default() };
        config.data.n = rows as usize;
        config.train.held_out = 0.0;
        config.train.batch_size = 128;
        config.train.steps = if bench.quick { 1500 } else { 20_000 };
        config.network.hidden = if bench.quick { "64x2".into() } else { "128x3".into() };
        config.network.features = 8;
        config.network.predict = self.predict.into();
        config.network.noise_start = self.noise_start;
        config.process.t0 = Some(self.t0);
        config.process.t_max = Some(3.0);
        Ok(config)
    }

    /// Trains one a seed, each on rows of its own, and hands them with the settings, the data of the first and the law.
    pub fn with<T>(
        &self,
        bench: &mut Bench,
        work: impl FnOnce(&mut dyn Engine, &RunConfig, &Arc<dyn Distribution>, &[NetworkScore]) -> Result<T>,
    ) -> Result<T> {
        let seeds = if bench.quick { 3 } else { 8 };
        let config = self.settings(bench)?;
        let load = |i: u64| config::load(&RunConfig { seed: config.seed + i, ..config.clone() });
        let all = (0..seeds).map(load).collect::<Result<Vec<_>>>()?;
        let members: Vec<(&Dataset, u64)> = all.iter().zip(0..).map(|(l, i)| (&l.data, config.seed + i)).collect();
        let Some(law) = all[0].data.truth.clone() else {
            return Err(Error::bug(Problem::new("a study of a law that is not known")));
        };
        let (name, total) = (format!("{}, n = {}", self.source, self.rows), u64::from(config.train.steps));
        bench.on_device(|engine, watch| {
            let retraining = Retraining { config: &config, data: &all[0].data, law: &law, factor: 1.0 };
            let say = &mut |done, _| watch(&format!("{name}: step {done} of {total}"));
            let networks = retraining.train(engine, &members, say)?;
            work(engine, &config, &law, &networks)
        })
    }
}

/// The integral of E|s - s*|^2 from t0 to T of networks trained on n rows each: mean over seeds, each with rows of its own.
pub(super) fn score_error(bench: &mut Bench, trained: &Trained) -> Result<Outcome> {
    let seed = bench.seed;
    trained.with(bench, |engine, config, law, networks| {
        let Some(oracle) = law.oracle() else { return Err(Error::bug(Problem::new("a study without an oracle"))) };
        let process = config.process.build()?;
        let exact = ExactScore { process: process.clone(), law: Law::of(oracle)? };
        let models: Vec<&dyn Score> = networks.iter().map(|s| s as &dyn Score).collect();
        let times = grid("geometric", &process, STEPS)?;
        let rows = law.draw(seed, Purpose::Reference, 0, PATHS);
        let asked = Walk { exact: &exact, models: &models, process: &process, times: &times, rows: &rows, seed };
        let sums = walk(engine, &asked, &mut |_, _| Ok(()))?;
        let each: Vec<f64> = sums.score.iter().map(|s| s.iter().sum::<f64>() / s.len() as f64).collect();
        let said = mean(&each);
        Ok(Outcome { value: said.value, half_width: said.half_width, n: said.n })
    })
}

/// Score error on a circle with noise 0.1 at n rows, by head.
fn circle(bench: &mut Bench, rows: f64, predict: &'static str) -> Result<Outcome> {
    score_error(bench, &Trained { predict, ..Trained::on("circle:noise=0.1", rows) })
}

/// Score error on that circle in a random plane of D dimensions, by head and where its noise starts.
fn embedded(bench: &mut Bench, x: f64, predict: &'static str, noise_start: f64) -> Result<Outcome> {
    if x.fract() != 0.0 || !(2.0..=512.0).contains(&x) {
        let problem = Problem::new("the value cannot be used").at("--vary").found(x);
        return Err(Error::usage(problem.expected("a whole number of dimensions, 2 to 512")));
    }
    let rows = if bench.quick { 2000.0 } else { 20_000.0 };
    let source = format!("circle:dim={x},noise=0.1,rotate=1");
    score_error(bench, &Trained { predict, noise_start, ..Trained::on(&source, rows) })
}

/// Score error in n.
pub const MANIFOLD_RATE: Preset = Preset {
    name: "manifold-rate",
    doc: "score error of trained networks against rows and dimension: a circle with noise by two heads, two modes on the line",
    source: "Yakovlev, Puchkin 2025: at most n^(-2 beta / (4 beta + d)), -0.4 and below for smooth curves, with a constant \
             polynomial in D (held here as D^3); a fixed number of steps bounds the slope in n from below. Structured: the \
             paper's class with a trained noise; residual: a plain head",
    sweeps: &[
        Sweep {
            name: "rows",
            key: "n",
            quantity: "integral of E|s - s*|^2 dt from 0.02 to 3",
            quick: &[50.0, 100.0, 200.0, 400.0, 800.0],
            full: &[100.0, 200.0, 400.0, 800.0, 1600.0, 3200.0, 6400.0, 12_800.0],
            curves: &[
                Curve { name: "circle, residual", at: |b, x| circle(b, x, "residual"), claim: Some((-1.3, -0.35)) },
                Curve { name: "circle, structured", at: |b, x| circle(b, x, "structured"), claim: Some((-1.3, -0.35)) },
                Curve {
                    name: "two modes, residual",
                    at: |b, x| score_error(b, &Trained::on("gmm:means=(-3)(3),sd=1", x)),
                    claim: Some((-1.3, -0.35)),
                },
            ],
        },
        Sweep {
            name: "dimension",
            key: "D",
            quantity: "the same for the circle in a plane of D dimensions",
            quick: &[2.0, 8.0, 32.0],
            full: &[2.0, 4.0, 8.0, 16.0, 32.0, 64.0],
            curves: &[
                Curve { name: "residual", at: |b, x| embedded(b, x, "residual", 0.5), claim: Some((0.0, 3.0)) },
                Curve {
                    name: "structured, from 0.5",
                    at: |b, x| embedded(b, x, "structured", 0.5),
                    claim: Some((0.0, 3.0)),
                },
                Curve {
                    name: "structured, from 0.05",
                    at: |b, x| embedded(b, x, "structured", 0.05),
                    claim: Some((0.0, 3.0)),
                },
            ],
        },
    ],
};
