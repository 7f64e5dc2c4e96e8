//! Tilts of the normal law by one ridge: what of the score error lies along the ridge, what beside it, and what comes of it
//! in total variation.

use super::trained::{Truth, errors, rows, settings, train};
use super::{Bench, Check, Curve, Outcome, Preset, Sweep, whole};
use crate::audit::on_the_line;
use crate::config::RunConfig;
use crate::error::Result;
use crate::process::{SamplerOptions, grid, plan};
use crate::score::Score;

/// Steps of the sampler whose output is compared: the exact score leaves less than a hundredth in total variation.
const STEPS: usize = 200;
/// Dimensions of the sweep of rows.
const MANY: usize = 16;

/// Two normal modes 1.5 to each side along the first axis of D, variance 1: the tilt log cosh(1.5 x_1), whatever D is.
///
/// The head takes the data's variance to be 1, that of the normal law that is tilted: s = -x + what the network says, and a
/// network that says nothing is exact beside the ridge.
fn config(bench: &Bench, dim: usize, n: usize) -> RunConfig {
    let zeros = " 0".repeat(dim - 1);
    settings(bench, &format!("gmm:means=(1.5{zeros})(-1.5{zeros}),sd=1"), n)
}

/// Errors of each network: along the ridge, and summed over all other coordinates.
fn parts(bench: &mut Bench, dim: usize, n: usize) -> Result<Vec<[f64; 2]>> {
    let config = config(bench, dim, n);
    let make = |bench: &mut Bench| -> Result<Vec<[f64; 2]>> {
        let truth = Truth::of(&config)?;
        let mut all = rows(&config, bench.seeds())?;
        all.iter_mut().for_each(|d| d.variance = 1.0);
        let networks = train(bench, &config, &truth, &all)?;
        let models: Vec<&dyn Score> = networks.iter().map(|s| s as &dyn Score).collect();
        let seed = bench.seed;
        let errors = bench.on_device(|engine, watch| errors(engine, &truth, &models, seed, watch))?;
        Ok(errors.iter().map(|e| [e[0], e[1..].iter().sum()]).collect())
    };
    bench.keep(&format!("{dim} dimensions, {n} rows"), make, |_, parts| Ok(parts.clone()))
}

fn dimension(bench: &mut Bench, x: f64, of: fn([f64; 2], f64) -> f64) -> Result<Outcome> {
    let n = if bench.quick { 2000 } else { 20_000 };
    let parts = parts(bench, whole(x, 2, 512, "dimensions")?, n)?;
    Ok(Outcome::mean(&parts.into_iter().map(|p| of(p, x)).collect::<Vec<f64>>()))
}

/// The same by the number of rows in [`MANY`] dimensions: whether it is rows that are missing.
fn in_many(bench: &mut Bench, x: f64, which: usize) -> Result<Outcome> {
    let parts = parts(bench, MANY, whole(x, 16, 10_000_000, "rows")?)?;
    Ok(Outcome::mean(&parts.iter().map(|p| p[which]).collect::<Vec<f64>>()))
}

/// Total variation between the law at t0 and the output, on the line, computed from the networks' scores.
fn variation(bench: &mut Bench, x: f64) -> Result<Outcome> {
    let config = config(bench, 1, whole(x, 16, 10_000_000, "rows")?);
    let truth = Truth::of(&config)?;
    let mut all = rows(&config, bench.seeds())?;
    all.iter_mut().for_each(|d| d.variance = 1.0);
    let networks = train(bench, &config, &truth, &all)?;
    let times = grid("benton", truth.process(), STEPS)?;
    let plan = plan("ei", truth.process(), &times, &SamplerOptions::default())?;
    let each = bench.on_device(|engine, watch| {
        let tv = |network| -> Result<f64> {
            watch("densities of the samples")?;
            let out = on_the_line(engine, network, truth.law.as_ref(), truth.process(), &plan)?;
            Ok(out.and_then(|d| d.tv).unwrap_or(f64::NAN))
        };
        networks.iter().map(|n| n as &dyn Score).map(tv).collect::<Result<Vec<f64>>>()
    })?;
    Ok(Outcome::mean(&each))
}

const RIDGE: &str = "along the ridge";
const TOTAL: &str = "total";
const BESIDE: &str = "beside it, per coordinate";

/// Score error in D at a fixed number of rows, by component, and total variation in n.
pub const SUB_GAUSSIAN: Preset = Preset {
    name: "sub-gaussian",
    doc: "one ridge tilt of the normal law: score error along the ridge and beside it against D; total variation against n",
    source: "Cole, Lu 2024: tilts of the normal law are learned without the curse of dimensionality. Held here as an error \
             along the ridge that does not grow (slope at most 0.3) and a total that grows no faster than D; in n, at least a \
             slope of -0.2. Rows, width and steps are fixed",
    sweeps: &[
        Sweep {
            name: "dimension",
            key: "D",
            quantity: "integral of E|s - s*|^2 dt from 0.02 to 3",
            quick: &[2.0, 4.0, 8.0, 16.0, 32.0],
            full: &[2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0],
            curves: &[
                Curve { name: RIDGE, at: |b, x| dimension(b, x, |[ridge, _], _| ridge), claim: Some((-1.0, 0.3)) },
                Curve { name: BESIDE, at: |b, x| dimension(b, x, |[_, beside], d| beside / (d - 1.0)), claim: None },
                Curve {
                    name: TOTAL,
                    at: |b, x| dimension(b, x, |[ridge, beside], _| ridge + beside),
                    claim: Some((-1.0, 1.0)),
                },
            ],
        },
        Sweep {
            name: "rows",
            key: "n16",
            quantity: "integral of E|s - s*|^2 dt, D = 16",
            quick: &[500.0, 2000.0, 8000.0, 32_000.0],
            full: &[500.0, 2000.0, 8000.0, 32_000.0, 128_000.0],
            curves: &[
                Curve { name: RIDGE, at: |b, x| in_many(b, x, 0), claim: None },
                Curve { name: "beside it", at: |b, x| in_many(b, x, 1), claim: None },
            ],
        },
        Sweep {
            name: "variation",
            key: "n",
            quantity: "total variation(law at t0, output), D = 1",
            quick: &[50.0, 200.0, 800.0, 3200.0],
            full: &[100.0, 400.0, 1600.0, 6400.0, 25_600.0, 102_400.0],
            curves: &[Curve { name: "ei, 200 steps of benton", at: variation, claim: Some((-1.0, -0.2)) }],
        },
    ],
    checks: &[Check {
        what: "total error at D = 32 over that at D = 2",
        measure: |p| Some(p.at("dimension", TOTAL, 32.0)? / p.at("dimension", TOTAL, 2.0)?),
        allowed: Some((0.0, 16.0)),
    }],
};
