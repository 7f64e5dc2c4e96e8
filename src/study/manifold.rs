//! The noise of data near a manifold: found by a head that learns it, and what it is worth at small times.

use super::trained::{Truth, rows, score_error, settings, train};
use super::{Bench, Curve, Outcome, Preset, Sweep};
use crate::error::{Error, Problem, Result};

/// The noise that networks with the structured head learn from rows of a manifold with noise x.
fn learned(bench: &mut Bench, x: f64, place: &str, noise_start: f64) -> Result<Outcome> {
    if !(0.005..=1.0).contains(&x) {
        let problem = Problem::new("the value cannot be used").at("--vary").found(x);
        return Err(Error::usage(problem.expected("a standard deviation, 0.005 to 1")));
    }
    let mut config = settings(bench, &format!("{place},noise={x}"), if bench.quick { 10_000 } else { 100_000 });
    (config.network.predict, config.network.noise_start) = ("structured".into(), noise_start);
    // the noise only shows where sigma_t is not much larger
    config.process.t0 = Some(1e-3);
    let all = rows(&config, bench.seeds())?;
    let networks = train(bench, &config, &Truth::of(&config)?, &all)?;
    let found: Vec<f64> = networks.iter().filter_map(|s| s.network.learned_noise(&s.weights)).collect();
    Ok(Outcome::mean(&found))
}

const FOUND: Option<(f64, f64)> = Some((0.85, 1.15));

/// The learned noise against that of the data.
pub const SIGMA_DATA: Preset = Preset {
    name: "sigma-data",
    doc: "the noise that the structured head learns against that of the data, circles in 2 and 8 dimensions",
    source: "Yakovlev, Puchkin 2025: s is minimised over along with the network; were it an estimate of sigma_data, slope 1 \
             (tolerance 0.15) wherever it starts. But the network can make up for another s, so the loss is flat along it",
    sweeps: &[Sweep {
        name: "noise",
        key: "sigma",
        quantity: "learned noise s",
        quick: &[0.05, 0.1, 0.2, 0.4],
        full: &[0.02, 0.05, 0.1, 0.2, 0.3, 0.4],
        curves: &[
            Curve { name: "D = 2, from 0.5", at: |b, x| learned(b, x, "circle:dim=2", 0.5), claim: FOUND },
            Curve { name: "D = 2, from 0.02", at: |b, x| learned(b, x, "circle:dim=2", 0.02), claim: FOUND },
            Curve { name: "D = 8, from 0.5", at: |b, x| learned(b, x, "circle:dim=8,rotate=1", 0.5), claim: FOUND },
        ],
    }],
    checks: &[],
};

/// Score error on a circle from t0 = x on, by head.
fn stopped(bench: &mut Bench, x: f64, source: &str, predict: &'static str) -> Result<Outcome> {
    if !(1e-5..=1.0).contains(&x) {
        let problem = Problem::new("the value cannot be used").at("--vary").found(x);
        return Err(Error::usage(problem.expected("a time, 0.00001 to 1")));
    }
    let mut config = settings(bench, source, if bench.quick { 2000 } else { 20_000 });
    config.network.predict = predict.into();
    config.process.t0 = Some(x);
    score_error(bench, &config, bench.seeds())
}

/// Score error against the time at which one stops.
pub const EARLY_STOPPING: Preset = Preset {
    name: "early-stopping-t0",
    doc: "score error of trained networks against the early-stopping time t0, on circles without noise and with noise 0.1",
    source: "Yakovlev, Puchkin 2025: without noise at most sigma_t0^-2 (n sigma_t0^2)^(-2 beta / (2 beta + d)), a power of t0 \
             between -1 and -2 at a fixed n, so growth no faster than t0^-2; with noise the power is of sigma_t0^2 + sigma_data^2, on \
             these times a slope of -0.26 at most",
    sweeps: &[
        Sweep {
            name: "no noise",
            key: "t0",
            quantity: "integral of E|s - s*|^2 dt from t0 to 3",
            quick: &[0.001, 0.004, 0.016, 0.064],
            full: &[0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064],
            curves: &[
                Curve {
                    name: "residual",
                    at: |b, x| stopped(b, x, "circle:noise=0", "residual"),
                    claim: Some((-2.0, 0.0)),
                },
                Curve {
                    name: "structured",
                    at: |b, x| stopped(b, x, "circle:noise=0", "structured"),
                    claim: Some((-2.0, 0.0)),
                },
            ],
        },
        Sweep {
            name: "noise 0.1",
            key: "t0-noisy",
            quantity: "integral of E|s - s*|^2 dt from t0 to 3",
            // sigma_t0 below that of the data
            quick: &[0.0002, 0.0005, 0.001, 0.002],
            full: &[0.0001, 0.0002, 0.0005, 0.001, 0.002],
            curves: &[
                Curve {
                    name: "residual",
                    at: |b, x| stopped(b, x, "circle:noise=0.1", "residual"),
                    claim: Some((-0.26, 0.1)),
                },
                Curve {
                    name: "structured",
                    at: |b, x| stopped(b, x, "circle:noise=0.1", "structured"),
                    claim: Some((-0.26, 0.1)),
                },
            ],
        },
    ],
    checks: &[],
};
