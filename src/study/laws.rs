//! Studies of formulas: samplers on normal laws, and laws of few atoms. No device, no training.

use super::{Bench, Curve, Outcome, Preset, Sweep, whole};
use crate::distribution::{Covariance, GaussianMixture, Oracle};
use crate::error::Result;
use crate::process::{Process, SamplerOptions, gaussian_kl, gaussian_path_kl, grid, kappa, plan};
use crate::random::{Purpose, Stream};

/// T and t0 of the study of the sampler.
const T: f64 = 5.0;
const T0: f64 = 1e-3;

fn process(t: f64) -> Result<Process> {
    Process::named("ou")?.with_times(t, T0)
}

fn endpoint(grid_name: &str, x: f64, mean: f64, var: f64) -> Result<Outcome> {
    let process = process(T)?;
    let times = grid(grid_name, &process, whole(x, 2, 1_000_000, "steps")?)?;
    let out = plan("ei", &process, &times, &SamplerOptions::default())?.affine_law(&process, mean, var);
    Ok(Outcome::exact(gaussian_kl(process.marginal(T0, mean, var), out)))
}

fn path(x: f64, mean: f64, var: f64) -> Result<Outcome> {
    let process = process(T)?;
    let times = grid("benton", &process, whole(x, 2, 1_000_000, "steps")?)?;
    Ok(Outcome::exact(gaussian_path_kl(&process, &times, mean, var)))
}

/// The path form over the terms of theorem 1 with D = 1: the constant that the theorem leaves open.
fn constant(x: f64, mean: f64, var: f64) -> Result<Outcome> {
    let process = process(T)?;
    let times = grid("benton", &process, whole(x, 2, 1_000_000, "steps")?)?;
    let kappa = kappa(&times);
    let terms = kappa * kappa * x + kappa * T + (-2.0 * T).exp();
    Ok(Outcome::exact(gaussian_path_kl(&process, &times, mean, var) / terms))
}

/// KL(q_T || N(0, 1)) of N(3, 0.25), by x = e^2T.
fn forgotten(x: f64) -> Result<Outcome> {
    let process = process(0.5 * x.ln())?;
    let prior = crate::process::GaussianLaw { mean: 0.0, var: 1.0 };
    Ok(Outcome::exact(gaussian_kl(process.marginal(process.t_max(), 3.0, 0.25), prior)))
}

const STEPS_QUICK: &[f64] = &[100.0, 200.0, 400.0, 800.0];
const STEPS: &[f64] = &[100.0, 200.0, 400.0, 800.0, 1600.0, 3200.0, 6400.0];

/// Convergence of the exponential integrator with the exact score.
pub const BENTON: Preset = Preset {
    name: "benton",
    doc: "KL of the exponential integrator with the exact score against steps and T, endpoint and path, normal laws",
    source: "Benton, De Bortoli, Doucet, Deligiannidis 2024, theorem 1: KL <~ eps^2 + kappa^2 D N + kappa D T + D e^-2T; \
             slopes -1 of the path form and 0 of its ratio to the bound follow from it, -2 of the endpoint from order 1",
    sweeps: &[
        Sweep {
            name: "endpoint",
            key: "N",
            quantity: "KL(law at t0 || output), nats",
            quick: STEPS_QUICK,
            full: STEPS,
            curves: &[
                Curve { name: "N(0, 1)", at: |_, x| endpoint("benton", x, 0.0, 1.0), claim: Some((-2.1, -1.85)) },
                Curve { name: "N(3, 0.25)", at: |_, x| endpoint("benton", x, 3.0, 0.25), claim: Some((-2.1, -1.85)) },
                Curve { name: "a point", at: |_, x| endpoint("benton", x, 0.0, 0.0), claim: Some((-2.1, -1.85)) },
                Curve { name: "N(1, 0.01), uniform grid", at: |_, x| endpoint("uniform", x, 1.0, 0.01), claim: None },
            ],
        },
        Sweep {
            name: "path",
            key: "N",
            quantity: "path KL, nats",
            quick: STEPS_QUICK,
            full: STEPS,
            curves: &[
                Curve { name: "N(0, 1)", at: |_, x| path(x, 0.0, 1.0), claim: Some((-1.1, -0.9)) },
                Curve { name: "N(3, 0.25)", at: |_, x| path(x, 3.0, 0.25), claim: Some((-1.1, -0.9)) },
                Curve { name: "a point", at: |_, x| path(x, 0.0, 0.0), claim: Some((-1.1, -0.9)) },
            ],
        },
        Sweep {
            name: "constant",
            key: "N",
            quantity: "path KL over kappa^2 D N + kappa D T + D e^-2T",
            quick: STEPS_QUICK,
            full: STEPS,
            curves: &[
                Curve { name: "N(0, 1)", at: |_, x| constant(x, 0.0, 1.0), claim: Some((-0.15, 0.15)) },
                Curve { name: "N(3, 0.25)", at: |_, x| constant(x, 3.0, 0.25), claim: Some((-0.15, 0.15)) },
            ],
        },
        Sweep {
            name: "start",
            key: "e2T",
            quantity: "KL(p_T || N(0, 1)), nats",
            quick: &[50.0, 200.0, 800.0, 3200.0, 12_800.0],
            full: &[50.0, 200.0, 800.0, 3200.0, 12_800.0, 51_200.0],
            curves: &[Curve { name: "N(3, 0.25)", at: |_, x| forgotten(x), claim: Some((-1.1, -0.9)) }],
        },
    ],
    checks: &[],
};

/// Time at which scores are compared.
const AT: f64 = 0.05;
/// Points at which they are.
const POINTS: usize = 1500;

/// Atoms (N, D), all of one weight.
type Atoms = fn(usize) -> Vec<f64>;

/// The barycentres of N arcs of the circle of radius 1.
fn circle(n: usize) -> Vec<f64> {
    let half = std::f64::consts::PI / n as f64;
    let radius = half.sin() / half;
    (0..n).flat_map(|i| [radius * (2.0 * half * i as f64).cos(), radius * (2.0 * half * i as f64).sin()]).collect()
}

/// Barycentres of the pieces of a set of maps x -> r x + b, as many levels as N has.
fn fractal(n: usize, dim: usize, ratio: f64, shifts: &[f64]) -> Vec<f64> {
    let count = shifts.len() / dim;
    // the fixed barycentre c = r c + mean b
    let mean = |d: usize| shifts.iter().skip(d).step_by(dim).sum::<f64>() / count as f64 / (1.0 - ratio);
    let mut atoms: Vec<f64> = (0..dim).map(mean).collect();
    while atoms.len() < n * dim {
        let image =
            |b: &[f64]| -> Vec<f64> { atoms.iter().zip(b.iter().cycle()).map(|(x, b)| ratio * x + b).collect() };
        atoms = shifts.chunks_exact(dim).flat_map(image).collect();
    }
    atoms
}

fn cantor(n: usize) -> Vec<f64> {
    fractal(n, 1, 1.0 / 3.0, &[0.0, 2.0 / 3.0])
}
fn sierpinski(n: usize) -> Vec<f64> {
    fractal(n, 2, 0.5, &[0.0, 0.0, 0.5, 0.0, 0.25, 0.433_012_701_892_219_3])
}
fn square(n: usize) -> Vec<f64> {
    fractal(n, 2, 0.5, &[0.0, 0.0, 0.5, 0.0, 0.0, 0.5, 0.5, 0.5])
}

/// Root mean square of the difference of the scores of N atoms and of `finest` atoms, over draws of the latter at [`AT`].
fn atoms(bench: &Bench, x: f64, dim: usize, make: Atoms, finest: usize) -> Result<Outcome> {
    let law = |n: usize| {
        let means = make(n);
        let count = means.len() / dim;
        GaussianMixture::new(dim, vec![1.0 / count as f64; count], means, Covariance::Isotropic(vec![0.0; count]))
    };
    let (few, many) = (law(whole(x, 2, 1_000_000, "atoms")?), law(finest));
    let process = process(T)?;
    let (m, sigma) = (process.mean(AT), process.sigma(AT));
    let (mut a, mut b) = (vec![0.0; dim], vec![0.0; dim]);
    let squares: Vec<f64> = (0..POINTS)
        .map(|i| {
            let mut stream = Stream::new(bench.seed, Purpose::Metric, i as u32, 0);
            let k = stream.below(many.weights().len() as u32) as usize;
            let x: Vec<f64> = (0..dim).map(|d| m * many.means()[k * dim + d] + sigma * stream.normal()).collect();
            few.score(&x, m, sigma, &mut a);
            many.score(&x, m, sigma, &mut b);
            a.iter().zip(&b).map(|(a, b)| (a - b).powi(2)).sum()
        })
        .collect();
    let n = squares.len() as f64;
    let mean = squares.iter().sum::<f64>() / n;
    let error = (squares.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / (n - 1.0) / n).sqrt();
    // of the root: d sqrt(v) = dv / 2 sqrt(v)
    Ok(Outcome { value: mean.sqrt(), half_width: 1.96 * error / (2.0 * mean.sqrt()), n: POINTS })
}

/// Scores of N barycentres.
pub const MINKOWSKI: Preset = Preset {
    name: "minkowski",
    doc: "score error at t = 0.05 of laws of N barycentres, on sets of dimension d: slopes against -2/d",
    source: "Mu et al. 2026 (complexity eps^-d/2 on sets of upper Minkowski dimension d); with barycentres the first-order \
             term vanishes, so the error is of order N^-2/d; tolerance 6 %",
    sweeps: &[
        Sweep {
            name: "cantor",
            key: "N-cantor",
            quantity: "root mean square score error",
            quick: &[8.0, 16.0, 32.0, 64.0],
            full: &[8.0, 16.0, 32.0, 64.0, 128.0],
            curves: &[Curve {
                name: "Cantor set, d = 0.631",
                at: |b, x| atoms(b, x, 1, cantor, 4096),
                claim: Some((-3.36, -2.98)),
            }],
        },
        Sweep {
            name: "circle",
            key: "N-circle",
            quantity: "root mean square score error",
            quick: &[16.0, 32.0, 64.0, 128.0],
            full: &[16.0, 32.0, 64.0, 128.0, 256.0],
            curves: &[Curve {
                name: "circle, d = 1",
                at: |b, x| atoms(b, x, 2, circle, 4096),
                claim: Some((-2.12, -1.88)),
            }],
        },
        Sweep {
            name: "sierpinski",
            key: "N-sierpinski",
            quantity: "root mean square score error",
            quick: &[27.0, 81.0, 243.0, 729.0],
            full: &[27.0, 81.0, 243.0, 729.0, 2187.0],
            curves: &[Curve {
                name: "Sierpinski triangle, d = 1.585",
                at: |b, x| atoms(b, x, 2, sierpinski, 19_683),
                claim: Some((-1.34, -1.19)),
            }],
        },
        Sweep {
            name: "square",
            key: "N-square",
            quantity: "root mean square score error",
            quick: &[64.0, 256.0, 1024.0],
            full: &[64.0, 256.0, 1024.0, 4096.0],
            curves: &[Curve {
                name: "unit square, d = 2",
                at: |b, x| atoms(b, x, 2, square, 16_384),
                claim: Some((-1.06, -0.94)),
            }],
        },
    ],
    checks: &[],
};
