//! Ratio scores made of gates, in f64: error against the depth of the exponential, and against that of the whole network.

use super::{Bench, Curve, Outcome, Preset, Sweep, regression};
use crate::construct::circuit::Circuit;
use crate::construct::decay::{RATIONAL, decay};
use crate::construct::{Components, FAMILIES, Family, Points, gates::Exponential, greatest_signal};
use crate::error::{Error, Problem, Result};
use crate::process::Process;
use crate::random::{Purpose, Stream};

/// Draws behind a point of the first sweep.
const DRAWS: usize = 20_000;
/// Points behind a point of the second.
const POINTS: usize = 1500;
/// Distance of the modes from 0.
const MU: f64 = 3.0;

/// Error of the score of half N(-3, 1), half N(3, 1) at time t under OU: s = -x + m mu (f1 - f2) / (f1 + f2), with the
/// exponential (1 + s / 2^k)^(-2^k) of SignReLU gates.
///
/// Both exponents are taken relative to the larger one, so the denominator is at least 1.
fn error(bench: &Bench, x: f64, t: f64) -> Result<Outcome> {
    let k = x.log2();
    if k.fract() != 0.0 || !(0.0..=24.0).contains(&k) {
        let problem = Problem::new("the value cannot be used").at("--vary").found(x);
        return Err(Error::usage(problem.expected("a power of 2 up to 2^24: 2 to the depth of the exponential")));
    }
    let m = (-t).exp();
    // the exponents differ by 2 m mu |x|
    let (mut circuit, s) = Circuit::new(&FAMILIES[0], 0, &[(0.0, 1e3)]);
    let out = decay(&mut circuit, &s[0], &RATIONAL[0], k as u32, 1.0);
    let gate = circuit.finish(&[out]);
    let squares: Vec<f64> = (0..DRAWS)
        .map(|i| {
            let mut stream = Stream::new(bench.seed, Purpose::Metric, i as u32, 0);
            let side = if stream.unit() < 0.5 { -1.0 } else { 1.0 };
            let x = side * m * MU + stream.normal();
            let other = gate.evaluate(&[2.0 * m * MU * x.abs()])[0];
            let ratio = x.signum() * (1.0 - other) / (1.0 + other);
            (m * MU * (ratio - (m * MU * x).tanh())).powi(2)
        })
        .collect();
    let n = DRAWS as f64;
    let mean = squares.iter().sum::<f64>() / n;
    let spread = (squares.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / (n - 1.0) / n).sqrt();
    Ok(Outcome { value: mean.sqrt(), half_width: 1.96 * spread / (2.0 * mean.sqrt()), n: DRAWS })
}

/// Greatest error of the whole network of that mixture, all times in one, among those of at most `layers` hidden layers whose
/// exponentials begin with a start of `order`.
fn assembled(bench: &Bench, layers: f64, family: &'static Family, order: u32) -> Result<Outcome> {
    let law = Components { dim: 1, weights: vec![0.5; 2], means: vec![-MU, MU], variance: 1.0 };
    let process = Process::named("ou")?;
    let most = greatest_signal(&process, law.variance);
    let points = Points::of_mixture(&law, &process, POINTS, bench.seed);
    let (mut least, mut shallowest) = (f64::INFINITY, usize::MAX);
    for squarings in 1..=12 {
        for start in family.starts.iter().filter(|s| s.order == order) {
            let exponential = Exponential::new(start, squarings);
            for bits in family.bits.clone() {
                let Some(built) = law.circuit(family, bits, &exponential, most) else { continue };
                let depth = built.hidden().len();
                shallowest = shallowest.min(depth);
                if depth as f64 <= layers {
                    least = least.min(points.on_host(&built).0.greatest);
                }
            }
        }
    }
    if !least.is_finite() {
        let problem = Problem::new("no network of gates has so few layers").at("--vary").found(layers);
        return Err(Error::usage(problem.expected(format!("at least {shallowest} with {}", family.name))));
    }
    Ok(Outcome { value: least, half_width: 0.0, n: POINTS })
}

const CLAIM: Option<(f64, f64)> = Some((-1.1, -0.9));

/// The score as a ratio of gates.
pub const SIGNRELU_RATIO: Preset = Preset {
    name: "signrelu-ratio",
    doc: "score error of ratios made of gates: against 2 to the depth of the exponential, and against the layers of the network; \
          the regression of its authors by activation",
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
        Sweep {
            name: "layers",
            key: "hidden layers",
            quantity: "greatest error of E[centre | x], all times",
            quick: &[10.0, 12.0, 14.0, 16.0, 20.0, 24.0],
            full: &[10.0, 12.0, 14.0, 16.0, 18.0, 20.0, 22.0, 24.0, 28.0, 32.0],
            curves: &[
                Curve { name: "SignReLU, order 1", at: |b, x| assembled(b, x, &FAMILIES[0], 1), claim: None },
                Curve { name: "SignReLU, order 2", at: |b, x| assembled(b, x, &FAMILIES[0], 2), claim: None },
                Curve { name: "SignReLU, order 4", at: |b, x| assembled(b, x, &FAMILIES[0], 4), claim: None },
            ],
        },
        Sweep {
            name: "relu-layers",
            key: "hidden layers",
            quantity: "greatest error of E[centre | x], all times",
            quick: &[60.0, 80.0, 100.0, 120.0, 160.0],
            full: &[60.0, 80.0, 100.0, 120.0, 140.0, 160.0, 180.0, 200.0, 240.0],
            curves: &[Curve { name: "ReLU", at: |b, x| assembled(b, x, &FAMILIES[1], 2), claim: None }],
        },
        regression::SWEEP,
    ],
    checks: regression::CHECKS,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deeper_networks_of_gates_err_less_and_signrelu_needs_fewer_layers() {
        let (mut open, mut watch) = (|| unreachable!("no device is needed"), |_: &str| Ok(()));
        let bench = Bench::new(&mut open, 0, true, &mut watch);
        let at =
            |layers: f64, family: usize, order: u32| assembled(&bench, layers, &FAMILIES[family], order).unwrap().value;
        let order = |o: u32| [12.0, 16.0, 20.0].map(|layers| at(layers, 0, o));
        let (first, fourth) = (order(1), order(4));
        // two layers a squaring: a quarter for order 1 in four of them
        assert!(first.windows(2).all(|w| (0.15..0.4).contains(&(w[1] / w[0]))), "{first:?}");
        assert!(fourth[2] < 1e-3 * fourth[0] && fourth[1] < 0.01 * first[1], "{fourth:?}");
        assert!(at(80.0, 1, 2) > 10.0 * fourth[1]);
    }
}
