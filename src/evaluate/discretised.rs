//! The exact law of what a sampler gives with the exact score: the error of discretisation alone, without any sampling.
//!
//! For normal data every stage maps a normal law to a normal law ([`Plan::affine_law`]), along each axis of the covariance.
//! For any other law of the line the density is carried from step to step on grids (Chapman and Kolmogorov), each fine
//! enough for the noise of its step; a sampler without noise carries it by change of variables.

use crate::distribution::{Covariance, Distribution, Form, GaussianMixture, Oracle};
use crate::process::{GaussianLaw, Plan, Process, Stage, gaussian_kl, gaussian_path_kl};
use crate::random::Purpose;

/// Spacing of a grid, in units of the narrower of the two noises around it: trapezoidal errors are below 1e-10.
const SPACING: f64 = 0.6;
/// The same, in units of sigma at the time of the score: so fine that the bends of the score are followed.
const BENDS: f64 = 0.1;
/// Most points of a grid; laws that need more are not propagated.
const MOST_POINTS: f64 = 40_000.0;
/// Points that a sampler without noise carries.
const CARRIED: usize = 20_001;
/// Deviations beyond which there is no mass.
const REACH: f64 = 9.0;

/// What is known of the law of a sampler's output against the law of x at t0, where it should have stopped.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Discretised {
    /// KL(law at t0 || law of the output), nats.
    pub kl: f64,
    /// Total variation; of laws of the line.
    pub tv: Option<f64>,
    /// E|x|^2 of the output.
    pub second_moment: f64,
    /// E|x|^2 at t0.
    pub wanted: f64,
    /// Variance of |x|^2 of the output; of laws of the line.
    pub spread: Option<f64>,
    /// The bound by Girsanov's theorem, for a score frozen over each step; of normal laws.
    pub path_kl: Option<f64>,
}

/// The law of the output of `plan` with the exact score of `law` (model units); nothing where it is not known.
pub fn discretised(law: &dyn Distribution, process: &Process, plan: &Plan) -> Option<Discretised> {
    let oracle = law.oracle()?;
    if let Form::Mixture(mixture) = oracle.form()
        && mixture.weights().len() == 1
    {
        return Some(normal(mixture, process, plan));
    }
    let exact = |t: f64, x: f64| score(oracle, process, t, x);
    (law.dim() == 1).then(|| line(law, oracle, process, plan, &exact))?
}

/// The law of the output of `plan` on the line (D = 1) with any score `s(t, x)`, against `law` at t0; model units.
pub fn discretised_with(
    law: &dyn Distribution,
    process: &Process,
    plan: &Plan,
    score: &dyn Fn(f64, f64) -> f64,
) -> Option<Discretised> {
    let oracle = law.oracle()?;
    (law.dim() == 1).then(|| line(law, oracle, process, plan, score))?
}

/// What is asked of a score on the line: half the width of the interval that all densities are followed on.
pub fn reach_of(law: &dyn Distribution, plan: &Plan) -> f64 {
    let extreme = law.draw(0, Purpose::Metric, 0, 20_000).iter().fold(0.0f64, |m, x| m.max(f64::from(x.abs())));
    REACH * plan.prior_std.max(1.0) + 1.2 * extreme
}

/// Mean and variance along each axis of the covariance of one component.
fn axes(law: &GaussianMixture) -> Vec<GaussianLaw> {
    let mean = law.means();
    let d = mean.len();
    match law.covariance() {
        Covariance::Isotropic(v) => mean.iter().map(|m| GaussianLaw { mean: *m, var: v[0] }).collect(),
        Covariance::Diagonal(v) => mean.iter().zip(v).map(|(m, v)| GaussianLaw { mean: *m, var: *v }).collect(),
        Covariance::Full { values, vectors } => {
            let along = |axis: &[f64]| axis.iter().zip(mean).map(|(a, m)| a * m).sum();
            let pairs = values.iter().zip(vectors.chunks_exact(d));
            pairs.map(|(v, axis)| GaussianLaw { mean: along(axis), var: *v }).collect()
        }
    }
}

fn normal(law: &GaussianMixture, process: &Process, plan: &Plan) -> Discretised {
    let end = plan.times[plan.times.len() - 1];
    let (mut kl, mut path, mut second_moment, mut wanted) = (0.0, 0.0, 0.0, 0.0);
    let mut spread = 0.0;
    for axis in axes(law) {
        let out = plan.affine_law(process, axis.mean, axis.var);
        let truth = process.marginal(end, axis.mean, axis.var);
        kl += gaussian_kl(truth, out);
        path += gaussian_path_kl(process, &plan.times, axis.mean, axis.var);
        second_moment += out.var + out.mean * out.mean;
        wanted += truth.var + truth.mean * truth.mean;
        spread += 2.0 * out.var * out.var + 4.0 * out.var * out.mean * out.mean;
    }
    Discretised { kl, tv: None, second_moment, wanted, spread: Some(spread), path_kl: Some(path) }
}

/// A density on an even grid.
struct Density {
    low: f64,
    step: f64,
    values: Vec<f64>,
}

impl Density {
    fn new(reach: f64, step: f64, p: impl Fn(f64) -> f64) -> Self {
        let n = (2.0 * reach / step).ceil() as usize;
        let step = 2.0 * reach / n as f64;
        Self { low: -reach, step, values: (0..=n).map(|i| p(-reach + step * i as f64)).collect() }
    }
    fn at(&self, i: usize) -> f64 {
        self.low + self.step * i as f64
    }
}

/// Whether a stage needs neither the start of its step nor earlier scores.
fn plain(stage: &Stage) -> bool {
    stage.c_base == 0.0 && stage.corrected.is_none() && stage.c_history.iter().all(|&c| c == 0.0)
}

fn line(
    law: &dyn Distribution,
    oracle: &dyn Oracle,
    process: &Process,
    plan: &Plan,
    score: &dyn Fn(f64, f64) -> f64,
) -> Option<Discretised> {
    if !plan.stages.iter().all(plain) {
        return None;
    }
    let reach = reach_of(law, plan);
    let end = plan.times[plan.times.len() - 1];
    let (m, sigma) = (process.mean(end), process.sigma(end));
    let truth = |x: f64| oracle.log_density(&[x], m, sigma);
    let noisy = plan.stages.iter().all(|s| s.c_noise > 0.0);
    let silent = plan.stages.iter().all(|s| s.c_noise == 0.0);
    match (noisy, silent) {
        (true, _) => propagated(score, process, plan, reach, &truth),
        (_, true) => Some(carried(score, process, plan, reach, &truth)),
        _ => None,
    }
}

fn score(oracle: &dyn Oracle, process: &Process, t: f64, x: f64) -> f64 {
    let mut s = [0.0];
    oracle.score(&[x], process.mean(t), process.sigma(t), &mut s);
    s[0]
}

/// By Chapman and Kolmogorov: p'(y) = int p(x) N(y; c_x x + c_score s(x), c_noise^2) dx.
fn propagated(
    score: &dyn Fn(f64, f64) -> f64,
    process: &Process,
    plan: &Plan,
    reach: f64,
    truth: &dyn Fn(f64) -> f64,
) -> Option<Discretised> {
    let prior = plan.prior_std;
    let noise = |k: usize| plan.stages.get(k).map_or(f64::INFINITY, |s| s.c_noise);
    let time = |k: usize| plan.stages.get(k).map_or(plan.times[plan.times.len() - 1], |s| s.time);
    // of the density that stage k makes and stage k + 1 looks at
    let spacing = |k: usize| (SPACING * noise(k).min(noise(k + 1)).min(prior)).min(BENDS * process.sigma(time(k + 1)));
    if (0..plan.stages.len()).any(|k| 2.0 * reach / spacing(k) > MOST_POINTS) {
        return None;
    }
    let start = |x: f64| (-0.5 * (x / prior).powi(2)).exp() / (prior * (2.0 * std::f64::consts::PI).sqrt());
    let first = (SPACING * noise(0).min(prior)).min(BENDS * process.sigma(time(0)));
    let mut p = Density::new(reach, first, start);
    for (k, stage) in plan.stages.iter().enumerate() {
        let c = stage.c_noise;
        let mut next = Density::new(reach, spacing(k), |_| 0.0);
        let factor = p.step / (c * (2.0 * std::f64::consts::PI).sqrt());
        for (i, mass) in p.values.iter().enumerate().filter(|(_, mass)| **mass > 1e-300) {
            let x = p.at(i);
            let mean = stage.c_x * x + stage.c_score * score(stage.time, x);
            let first = ((mean - REACH * c - next.low) / next.step).ceil().max(0.0) as usize;
            let last = ((mean + REACH * c - next.low) / next.step).floor();
            if last < 0.0 {
                continue;
            }
            for j in first..=(last as usize).min(next.values.len() - 1) {
                let z = (next.low + next.step * j as f64 - mean) / c;
                next.values[j] += mass * factor * (-0.5 * z * z).exp();
            }
        }
        p = next;
    }
    let nodes: Vec<(f64, f64, f64)> = (0..p.values.len()).map(|i| (p.at(i), p.step, p.values[i])).collect();
    Some(compared(&nodes, truth))
}

/// By change of variables: points keep their mass, densities are divided by the slope of the map.
fn carried(
    score: &dyn Fn(f64, f64) -> f64,
    process: &Process,
    plan: &Plan,
    reach: f64,
    truth: &dyn Fn(f64) -> f64,
) -> Discretised {
    let prior = plan.prior_std;
    let reach = reach.min(REACH * prior);
    let mut points: Vec<(f64, f64)> = (0..CARRIED)
        .map(|i| -reach + 2.0 * reach * i as f64 / (CARRIED - 1) as f64)
        .map(|x| (x, -0.5 * (x / prior).powi(2) - prior.ln() - 0.5 * (2.0 * std::f64::consts::PI).ln()))
        .collect();
    for stage in &plan.stages {
        let sigma = process.sigma(stage.time);
        for (x, log) in &mut points {
            let h = 1e-4 * sigma;
            let at = |x: f64| score(stage.time, x);
            let slope = stage.c_x + stage.c_score * (at(*x + h) - at(*x - h)) / (2.0 * h);
            *log -= slope.abs().ln();
            *x = stage.c_x * *x + stage.c_score * at(*x);
        }
    }
    let place = |i: usize| points[i.min(CARRIED - 1)].0;
    let nodes: Vec<(f64, f64, f64)> = (0..CARRIED)
        .map(|i| (place(i), 0.5 * (place(i + 1) - place(i.saturating_sub(1))), points[i].1.exp()))
        .collect();
    compared(&nodes, truth)
}

/// The numbers of a density given at nodes (x, width, p).
fn compared(nodes: &[(f64, f64, f64)], truth: &dyn Fn(f64) -> f64) -> Discretised {
    let (mut kl, mut tv, mut second, mut fourth, mut wanted) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for &(x, width, p) in nodes {
        let log = truth(x);
        let q = log.exp();
        if q > 0.0 {
            // p - q instead of nothing: the sum is then of terms that are not negative, and loses no digits
            kl += width * (q * (log - p.max(1e-300).ln()) + p - q);
        } else {
            kl += width * p;
        }
        tv += 0.5 * width * (p - q).abs();
        second += width * p * x * x;
        fourth += width * p * x.powi(4);
        wanted += width * q * x * x;
    }
    let spread = Some(fourth - second * second);
    Discretised { kl, tv: Some(tv), second_moment: second, wanted, spread, path_kl: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::parse;
    use crate::process::{SamplerOptions, grid, plan};

    fn of(spec: &str, t0: f64, sampler: &str, grid_name: &str, steps: usize) -> Discretised {
        let law = parse(spec).unwrap();
        let process = Process::named("ou").unwrap().with_times(5.0, t0).unwrap();
        let times = grid(grid_name, &process, steps).unwrap();
        let plan = plan(sampler, &process, &times, &SamplerOptions::default()).unwrap();
        discretised(law.as_ref(), &process, &plan).unwrap()
    }

    #[test]
    fn a_normal_law_on_the_grid_is_the_closed_recursion() {
        // the same law once as one component and once as two halves of it
        for (sampler, tolerance) in [("ei", 1e-7), ("em", 1e-7), ("ddpm", 1e-7), ("ei-ode", 1e-5), ("ddim", 1e-5)] {
            let closed = of("gaussian:dim=1,means=(3),sd=0.5", 0.01, sampler, "benton", 40);
            let on_grid = of("gmm:means=(3)(3),sd=0.5", 0.01, sampler, "benton", 40);
            let off = (on_grid.kl / closed.kl - 1.0).abs();
            assert!(off < tolerance, "{sampler}: {} {} {off:e}", closed.kl, on_grid.kl);
            assert!((on_grid.second_moment - closed.second_moment).abs() < 1e-6);
            assert!((on_grid.wanted - closed.wanted).abs() < 1e-6);
            assert!((on_grid.spread.unwrap() / closed.spread.unwrap() - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn a_covariance_is_taken_along_its_axes() {
        let turned = of("gaussian:means=(1 2),cov=(2 1 1 2)", 1e-3, "ei", "benton", 50);
        let (a, b) = (0.5f64.sqrt(), 3.0 * 0.5f64.sqrt());
        let one = |mean: f64, sd: f64| of(&format!("gaussian:means=({mean}),sd={sd}"), 1e-3, "ei", "benton", 50).kl;
        assert!((turned.kl - one(a, 1.0) - one(b, 3f64.sqrt())).abs() < 1e-12);
    }
}
