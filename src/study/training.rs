//! Studies that train networks.

use super::{Bench, Curve, Outcome, Preset, Sweep};
use crate::audit::{Retraining, Walk, walk};
use crate::config::{self, RunConfig};
use crate::error::{Error, Problem, Result};
use crate::metrics::interval::mean;
use crate::oracle::Law;
use crate::process::grid;
use crate::random::Purpose;
use crate::score::{ExactScore, Score};
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
    score_error(bench, &format!("gmm:means=(1.5{zeros})(-1.5{zeros}),sd=1"), rows)
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

/// The settings of a network trained on n rows of a law.
fn settings(bench: &Bench, source: &str, n: usize) -> RunConfig {
    let mut config = RunConfig { source: source.into(), seed: bench.seed, ..RunConfig::default() };
    config.data.n = n;
    config.train.held_out = 0.0;
    config.train.batch_size = 128;
    config.train.steps = if bench.quick { 1500 } else { 20_000 };
    config.network.hidden = if bench.quick { "64x2".into() } else { "128x3".into() };
    config.network.features = 8;
    config.process.t0 = Some(0.02);
    config.process.t_max = Some(3.0);
    config
}

/// The integral of E|s - s*|^2 from t0 to T of networks trained on n rows each: mean over seeds, each with rows of its own.
fn score_error(bench: &mut Bench, source: &str, x: f64) -> Result<Outcome> {
    if x.fract() != 0.0 || !(16.0..=1e7).contains(&x) {
        let problem = Problem::new("the value cannot be used").at("--vary").found(x);
        return Err(Error::usage(problem.expected("a whole number of rows, 16 to 10000000")));
    }
    let seeds = if bench.quick { 3 } else { 8 };
    let config = settings(bench, source, x as usize);
    let process = config.process.build()?;
    let load = |i: u64| config::load(&RunConfig { seed: config.seed + i, ..config.clone() });
    let all = (0..seeds).map(load).collect::<Result<Vec<_>>>()?;
    let members: Vec<(&Dataset, u64)> = all.iter().zip(0..).map(|(l, i)| (&l.data, config.seed + i)).collect();
    let Some(law) = all[0].data.truth.clone() else {
        return Err(Error::bug(Problem::new("a study of a law that is not known")));
    };
    let Some(oracle) = law.oracle() else { return Err(Error::bug(Problem::new("a study without an oracle"))) };
    let exact = ExactScore { process: process.clone(), law: Law::of(oracle)? };
    let seed = bench.seed;
    let (name, total) = (format!("{source}, n = {x}"), u64::from(config.train.steps));
    // the device is taken out while the watcher, which lives beside it, is in use
    bench.engine()?;
    let Some(mut engine) = bench.engine.take() else { return Err(Error::bug(Problem::new("no device"))) };
    let watch = &mut bench.watch;
    let mut run = || -> Result<Outcome> {
        let retraining = Retraining { config: &config, data: &all[0].data, law: &law, factor: 1.0 };
        let networks = retraining
            .train(engine.as_mut(), &members, &mut |done, _| watch(&format!("{name}: step {done} of {total}")))?;
        let models: Vec<&dyn Score> = networks.iter().map(|s| s as &dyn Score).collect();
        let times = grid("geometric", &process, STEPS)?;
        let rows = law.draw(seed, Purpose::Reference, 0, PATHS);
        let asked = Walk { exact: &exact, models: &models, process: &process, times: &times, rows: &rows, seed };
        let sums = walk(engine.as_mut(), &asked, &mut |_, _| watch(&name))?;
        let each: Vec<f64> = sums.score.iter().map(|s| s.iter().sum::<f64>() / s.len() as f64).collect();
        let said = mean(&each);
        Ok(Outcome { value: said.value, half_width: said.half_width, n: said.n })
    };
    let outcome = run();
    bench.engine = Some(engine);
    outcome
}

/// Score error in n.
pub const MANIFOLD_RATE: Preset = Preset {
    name: "manifold-rate",
    doc: "score error of trained networks against the number of rows: a circle with noise, and two modes on the line",
    source: "Yakovlev, Puchkin 2025: at most n^(-2 beta / (4 beta + d)), -0.4 and below for smooth curves; a fixed number of \
             steps bounds the slope from below",
    sweeps: &[Sweep {
        name: "rows",
        key: "n",
        quantity: "integral of E|s - s*|^2 dt from 0.02 to 3",
        quick: &[50.0, 100.0, 200.0, 400.0, 800.0],
        full: &[100.0, 200.0, 400.0, 800.0, 1600.0, 3200.0, 6400.0, 12_800.0],
        curves: &[
            Curve {
                name: "circle, noise 0.1",
                at: |b, x| score_error(b, "circle:noise=0.1", x),
                claim: Some((-1.3, -0.35)),
            },
            Curve {
                name: "two modes on the line",
                at: |b, x| score_error(b, "gmm:means=(-3)(3),sd=1", x),
                claim: Some((-1.3, -0.35)),
            },
        ],
    }],
};
