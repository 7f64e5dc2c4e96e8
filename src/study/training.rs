//! The error of trained networks in the number of rows, on laws near a manifold and on the line.

use super::trained::{score_error, settings};
use super::{Bench, Curve, Outcome, Preset, Sweep, whole};
use crate::error::Result;

fn error(bench: &mut Bench, source: &str, x: f64) -> Result<Outcome> {
    let n = whole(x, 16, 10_000_000, "rows")?;
    let seeds = if bench.quick { 3 } else { 8 };
    let config = settings(bench, source, n);
    score_error(bench, &config, seeds)
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
            Curve { name: "circle, noise 0.1", at: |b, x| error(b, "circle:noise=0.1", x), claim: Some((-1.3, -0.35)) },
            Curve {
                name: "two modes on the line",
                at: |b, x| error(b, "gmm:means=(-3)(3),sd=1", x),
                claim: Some((-1.3, -0.35)),
            },
        ],
    }],
    checks: &[],
};
