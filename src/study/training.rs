//! The error of trained networks in the number of rows and the dimension, on laws near a manifold and on the line.

use super::trained::{score_error, settings};
use super::{Bench, Curve, Outcome, Preset, Sweep, whole};
use crate::error::Result;

/// Score error on two modes of the line at x rows.
fn modes(bench: &mut Bench, x: f64) -> Result<Outcome> {
    let config = settings(bench, "gmm:means=(-3)(3),sd=1", whole(x, 16, 10_000_000, "rows")?);
    score_error(bench, &config, bench.seeds())
}

/// Score error on a circle with noise 0.1 at x rows, by head.
fn circle(bench: &mut Bench, x: f64, predict: &str) -> Result<Outcome> {
    let mut config = settings(bench, "circle:noise=0.1", whole(x, 16, 10_000_000, "rows")?);
    config.network.predict = predict.into();
    score_error(bench, &config, bench.seeds())
}

/// Score error on that circle in a random plane of x dimensions, by head and where its noise starts.
fn embedded(bench: &mut Bench, x: f64, predict: &str, noise_start: f64) -> Result<Outcome> {
    let source = format!("circle:dim={},noise=0.1,rotate=1", whole(x, 2, 512, "dimensions")?);
    let mut config = settings(bench, &source, if bench.quick { 2000 } else { 20_000 });
    (config.network.predict, config.network.noise_start) = (predict.into(), noise_start);
    score_error(bench, &config, bench.seeds())
}

/// Score error in n and in D.
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
                Curve { name: "two modes, residual", at: modes, claim: Some((-1.3, -0.35)) },
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
    checks: &[],
};
