//! Every activation at equal parameters: score error of otherwise equal networks.

use super::trained::{score_error, settings};
use super::{Bench, Check, Curve, Outcome, Points, Preset, Sweep, whole};
use crate::error::Result;
use crate::network::ACTIVATIONS;

/// Rows: so many that their number does not matter.
const ROWS: usize = 50_000;
/// The activation of the founding paper.
const OURS: &str = "signrelu";

/// Networks of two layers of width x with activation number I of the table.
fn error<const I: usize>(bench: &mut Bench, source: &str, x: f64) -> Result<Outcome> {
    let width = whole(x, 1, 2048, "neurons")?;
    let mut config = settings(bench, source, ROWS);
    config.network.hidden = format!("{width}x2");
    config.network.activation = ACTIVATIONS[I].name.into();
    let seeds = if bench.quick { 4 } else { 8 };
    score_error(bench, &config, seeds)
}

const fn on_the_line<const I: usize>() -> Curve {
    Curve { name: ACTIVATIONS[I].name, at: |b, x| error::<I>(b, "gmm:means=(-3)(3),sd=1", x), claim: None }
}

const fn in_the_plane<const I: usize>() -> Curve {
    Curve { name: ACTIVATIONS[I].name, at: |b, x| error::<I>(b, "8gaussians", x), claim: None }
}

/// A row of the table that is missing here, or too much here, does not compile.
const LINE: [Curve; ACTIVATIONS.len()] = [
    on_the_line::<0>(),
    on_the_line::<1>(),
    on_the_line::<2>(),
    on_the_line::<3>(),
    on_the_line::<4>(),
    on_the_line::<5>(),
    on_the_line::<6>(),
    on_the_line::<7>(),
    on_the_line::<8>(),
    on_the_line::<9>(),
];
const PLANE: [Curve; ACTIVATIONS.len()] = [
    in_the_plane::<0>(),
    in_the_plane::<1>(),
    in_the_plane::<2>(),
    in_the_plane::<3>(),
    in_the_plane::<4>(),
    in_the_plane::<5>(),
    in_the_plane::<6>(),
    in_the_plane::<7>(),
    in_the_plane::<8>(),
    in_the_plane::<9>(),
];

/// The place of SignReLU among all activations by the error at the largest width, 1 the best.
fn place(p: &Points, sweep: &str) -> Option<f64> {
    let ours = p.last(sweep, OURS)?;
    let better = ACTIVATIONS.iter().filter(|a| p.last(sweep, a.name).is_some_and(|e| e < ours)).count();
    Some(1.0 + better as f64)
}

/// The error of SignReLU over the least at the largest width.
fn over_the_best(p: &Points, sweep: &str) -> Option<f64> {
    let all = ACTIVATIONS.iter().filter_map(|a| p.last(sweep, a.name));
    Some(p.last(sweep, OURS)? / all.reduce(f64::min)?)
}

fn over(p: &Points, sweep: &str, other: &str) -> Option<f64> {
    Some(p.last(sweep, OURS)? / p.last(sweep, other)?)
}

/// All activations side by side.
pub const ALL_ACTIVATIONS: Preset = Preset {
    name: "activations",
    doc: "score error of networks of equal size by activation, on the line and in the plane: where SignReLU wins, and where not",
    source: "Li, Feng, Zhou 2022 and Sun, Shen, Li, Zhao, Feng 2026 claim that SignReLU approximates better than ReLU; of score \
             networks they claim nothing, so nothing is held here: this is a report",
    sweeps: &[
        Sweep {
            name: "line",
            key: "width",
            quantity: "integral of E|s - s*|^2 dt, two modes at +-3",
            quick: &[16.0, 64.0],
            full: &[16.0, 32.0, 64.0, 128.0, 256.0],
            curves: &LINE,
        },
        Sweep {
            name: "plane",
            key: "width",
            quantity: "integral of E|s - s*|^2 dt, 8gaussians",
            quick: &[16.0, 64.0],
            full: &[16.0, 32.0, 64.0, 128.0, 256.0],
            curves: &PLANE,
        },
    ],
    checks: &[
        Check { what: "place of signrelu among the activations, line", measure: |p| place(p, "line"), allowed: None },
        Check { what: "place of signrelu among the activations, plane", measure: |p| place(p, "plane"), allowed: None },
        Check { what: "error of signrelu over the least, line", measure: |p| over_the_best(p, "line"), allowed: None },
        Check {
            what: "error of signrelu over the least, plane",
            measure: |p| over_the_best(p, "plane"),
            allowed: None,
        },
        Check {
            what: "error of signrelu over that of relu, line",
            measure: |p| over(p, "line", "relu"),
            allowed: None,
        },
        Check {
            what: "error of signrelu over that of relu, plane",
            measure: |p| over(p, "plane", "relu"),
            allowed: None,
        },
    ],
};
