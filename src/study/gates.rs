//! A ratio score whose exponentials are made of SignReLU gates, in f64.

use super::{Bench, Curve, Outcome, Preset, Sweep, regression};
use crate::error::{Error, Problem, Result};
use crate::random::{Purpose, Stream};

/// Draws behind a point.
const DRAWS: usize = 20_000;
/// Distance of the modes from 0.
const MU: f64 = 3.0;

/// SignReLU with alpha = 1.
fn sigma(x: f64) -> f64 {
    if x > 0.0 { x } else { x / (1.0 - x) }
}

/// z^2 for |z| <= 2 by three neurons in two layers.
fn square(z: f64) -> f64 {
    -16.0 * sigma(-1.0 - sigma(-1.0 + 0.5 * z) - sigma(-1.0 - 0.5 * z))
}

/// e^-s for s >= 0, about: (1 + s/2^k)^(-2^k) by one reciprocal and k squarings.
fn decay(s: f64, k: u32) -> f64 {
    let first = 1.0 + sigma(-s / f64::from(1u32 << k));
    (0..k).fold(first, |z, _| square(z))
}

/// Error of the score of half N(-3, 1), half N(3, 1) at time t under OU: s = -x + m mu (f1 - f2) / (f1 + f2).
///
/// Both exponents are taken relative to the larger one, so the denominator is at least 1.
fn error(bench: &Bench, x: f64, t: f64) -> Result<Outcome> {
    let k = x.log2();
    if k.fract() != 0.0 || !(0.0..=24.0).contains(&k) {
        let problem = Problem::new("the value cannot be used").at("--vary").found(x);
        return Err(Error::usage(problem.expected("a power of 2 up to 2^24: 2 to the depth of the exponential")));
    }
    let (m, k) = ((-t).exp(), k as u32);
    let squares: Vec<f64> = (0..DRAWS)
        .map(|i| {
            let mut stream = Stream::new(bench.seed, Purpose::Metric, i as u32, 0);
            let side = if stream.unit() < 0.5 { -1.0 } else { 1.0 };
            let x = side * m * MU + stream.normal();
            // the exponents differ by 2 m mu |x|
            let other = decay(2.0 * m * MU * x.abs(), k);
            let ratio = x.signum() * (1.0 - other) / (1.0 + other);
            (m * MU * (ratio - (m * MU * x).tanh())).powi(2)
        })
        .collect();
    let n = DRAWS as f64;
    let mean = squares.iter().sum::<f64>() / n;
    let spread = (squares.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / (n - 1.0) / n).sqrt();
    Ok(Outcome { value: mean.sqrt(), half_width: 1.96 * spread / (2.0 * mean.sqrt()), n: DRAWS })
}

const CLAIM: Option<(f64, f64)> = Some((-1.1, -0.9));

/// The score as a ratio of gates.
pub const SIGNRELU_RATIO: Preset = Preset {
    name: "signrelu-ratio",
    doc: "score error of a ratio made of SignReLU gates against its depth; the regression of its authors by activation",
    source: "Sun, Shen, Li, Zhao, Feng 2026 (ratio functionals by SignReLU networks); (1 + s/2^k)^(-2^k) errs by order 2^-k. \
             Li, Feng, Zhou 2022 for the regression: better than ReLU by 8 % at least; of ELU, which an independent \
             computation finds as good, within 6 %",
    sweeps: &[
        Sweep {
            name: "depth",
            key: "2^k",
            quantity: "root mean square score error",
            quick: &[4.0, 16.0, 64.0, 256.0],
            full: &[4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0],
            curves: &[
                Curve { name: "t = 0.1", at: |b, x| error(b, x, 0.1), claim: CLAIM },
                Curve { name: "t = 0.5", at: |b, x| error(b, x, 0.5), claim: CLAIM },
                Curve { name: "t = 1", at: |b, x| error(b, x, 1.0), claim: CLAIM },
            ],
        },
        regression::SWEEP,
    ],
    checks: regression::CHECKS,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_are_exact_in_their_box() {
        for i in -20..=20 {
            let z = 0.1 * f64::from(i);
            assert!((square(z) - z * z).abs() < 1e-14, "{z}");
        }
        // outside it they are wrong, which is why arguments are scaled
        assert!((square(3.0) - 9.0).abs() > 1.0);
        for s in [0.0, 0.7, 30.0] {
            assert!((decay(s, 6) - (1.0 + s / 64.0f64).powi(-64)).abs() < 1e-12, "{s}");
        }
        assert!((decay(1.0, 20) - (-1f64).exp()).abs() < 1e-6);
    }
}
