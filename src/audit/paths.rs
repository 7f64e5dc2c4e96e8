//! Score errors along exact paths: the terms of Girsanov's theorem for the exponential integrator, path by path.
//!
//! The sampler freezes the score s_theta(x_t, t) over a step from t down to s. With X the exact reverse process, which has
//! the law of the forward one,
//!
//! ```text
//! KL(p_t0 || output) <= KL(p_T || prior) + sum over steps of int_s^t 1/2 g^2(u) E|s_theta(X_t, t) - s*(X_u, u)|^2 du
//! s_theta(X_t, t) - s*(X_u, u) = [s_theta(X_t, t) - s*(X_t, t)] + [s*(X_t, t) - s*(X_u, u)]
//! ```
//!
//! The squares of the brackets are score error and discretisation, twice their product is the interaction; the three add
//! up to the bound exactly, path by path. Source: Chen, Chewi, Li, Li, Salim, Zhang (ICLR 2023); Benton et al. 2024.

use crate::error::Result;
use crate::process::Process;
use crate::random::{Purpose, Stream};
use crate::recording::Engine;
use crate::score::{Asker, Score};

/// Nodes and weights of the two-point Gauss rule on [0, 1]; the integrand is nearly linear within a step.
const NODES: [(f64, f64); 2] = [(0.211_324_865_405_187_1, 0.5), (0.788_675_134_594_812_9, 0.5)];
/// Step of the streams of the noise of a path: the visit k of a path has this plus k.
const STEP: u32 = 1 << 20;

/// Sums along each path, nats; all (n).
pub struct PathSums {
    /// Exact score frozen over each step against the exact score within it.
    pub discretisation: Vec<f64>,
    /// Score error at the grid points, one list a model.
    pub score: Vec<Vec<f64>>,
    /// Both together for the first model: what bounds the KL.
    pub joint: Vec<f64>,
    /// Plain sum of gamma_k |s_theta - s*|^2 of the first model in the time of the process with g^2 = 2.
    pub steps: usize,
}

/// What is followed.
pub struct Walk<'a> {
    /// The exact score; of a law that is not known, the model's own.
    pub exact: &'a dyn Score,
    /// Models whose error is measured.
    pub models: &'a [&'a dyn Score],
    /// The process.
    pub process: &'a Process,
    /// The grid, decreasing.
    pub times: &'a [f64],
    /// Where the paths begin at time 0: (n, D), model units.
    pub rows: &'a [f32],
    /// Seed of the noise.
    pub seed: u64,
}

/// A place on the paths.
#[derive(Clone, Copy)]
struct Visit {
    time: f64,
    /// The step of the grid, counted from t0; weight 1/2 g^2 du within it, 0 at its end t.
    weight: f64,
}

/// From t0 up: two nodes within each step, then its end.
fn visits(process: &Process, times: &[f64]) -> Vec<Visit> {
    let mut all = Vec::with_capacity(3 * times.len());
    for pair in times.windows(2).rev() {
        let (t, s) = (pair[0], pair[1]);
        let length = (t / s).ln();
        for (at, part) in NODES {
            let u = s * (length * at).exp();
            all.push(Visit { time: u, weight: 0.5 * process.diffusion2(u) * u * length * part });
        }
        all.push(Visit { time: t, weight: 0.0 });
    }
    all
}

/// Follows the forward process from `rows` through the whole grid and sums up. `watch` may end the work.
pub fn walk(
    engine: &mut dyn Engine,
    asked: &Walk<'_>,
    watch: &mut dyn FnMut(u64, u64) -> Result<()>,
) -> Result<PathSums> {
    let dim = asked.exact.dim();
    let n = asked.rows.len() / dim;
    let all = visits(asked.process, asked.times);
    let when: Vec<f64> = all.iter().map(|v| v.time).collect();
    let mut askers = vec![Asker::new(engine, asked.exact, n, &when)?];
    let mut sums = PathSums {
        discretisation: vec![0.0; n],
        score: vec![vec![0.0; n]; asked.models.len()],
        joint: vec![0.0; n],
        steps: asked.times.len() - 1,
    };
    let mut run = |askers: &mut Vec<Asker>| -> Result<()> {
        for model in asked.models {
            askers.push(Asker::new(engine, *model, n, &when)?);
        }
        let mut walker = Walker::new(asked, dim);
        for (step, trio) in all.chunks_exact(3).enumerate() {
            watch(step as u64, sums.steps as u64)?;
            let mut inside = Vec::new();
            for (i, visit) in trio.iter().enumerate() {
                let k = 3 * step + i;
                let points = walker.to(visit.time, k);
                askers[0].give(engine, &points)?;
                let exact = askers[0].scores(engine, k, points.len())?;
                if i < 2 {
                    inside.push((visit.weight, exact));
                    continue;
                }
                let mut models = Vec::new();
                for asker in &askers[1..] {
                    asker.give(engine, &points)?;
                    models.push(asker.scores(engine, k, points.len())?);
                }
                add(&mut sums, dim, &exact, &inside, &models);
            }
        }
        Ok(())
    };
    let outcome = run(&mut askers);
    askers.iter().for_each(|a| a.done(engine));
    outcome.map(|()| sums)
}

fn add(sums: &mut PathSums, dim: usize, exact: &[f32], inside: &[(f64, Vec<f32>)], models: &[Vec<f32>]) {
    let square = |a: &[f32], b: &[f32], i: usize| -> f64 {
        let pair = a[i * dim..(i + 1) * dim].iter().zip(&b[i * dim..(i + 1) * dim]);
        pair.map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
    };
    let total: f64 = inside.iter().map(|(w, _)| w).sum();
    for i in 0..sums.joint.len() {
        for (weight, at) in inside {
            sums.discretisation[i] += weight * square(exact, at, i);
            if let Some(model) = models.first() {
                sums.joint[i] += weight * square(model, at, i);
            }
        }
        for (sum, model) in sums.score.iter_mut().zip(models) {
            sum[i] += total * square(model, exact, i);
        }
    }
}

/// The forward process, from one time to the next: x_t = a x_s + q eps, a = m_t / m_s, q^2 = sigma_t^2 - a^2 sigma_s^2.
struct Walker<'a> {
    asked: &'a Walk<'a>,
    dim: usize,
    x: Vec<f64>,
    /// m and (sigma/m)^2 of the time the paths are at.
    at: (f64, f64),
}

impl<'a> Walker<'a> {
    fn new(asked: &'a Walk<'a>, dim: usize) -> Self {
        Self { asked, dim, x: asked.rows.iter().map(|v| f64::from(*v)).collect(), at: (1.0, 0.0) }
    }

    /// Moves all paths to `time` by visit `k` and gives their places.
    fn to(&mut self, time: f64, k: usize) -> Vec<f32> {
        let process = self.asked.process;
        let (m, ratio2) = (process.mean(time), process.ratio2(time));
        let (a, q) = (m / self.at.0, m * (ratio2 - self.at.1).max(0.0).sqrt());
        for (i, row) in self.x.chunks_exact_mut(self.dim).enumerate() {
            let mut stream = Stream::new(self.asked.seed, Purpose::Reference, i as u32, STEP + k as u32);
            row.iter_mut().for_each(|x| *x = a * *x + q * stream.normal());
        }
        self.at = (m, ratio2);
        self.x.iter().map(|v| *v as f32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::{GaussianLaw, gaussian_kl, gaussian_path_kl, grid};
    use crate::reference::Reference;
    use crate::score::GaussianScore;

    #[test]
    fn normal_data_have_the_path_kl_of_the_closed_form_and_the_parts_add_up() {
        let process = Process::named("ou").unwrap().with_times(5.0, 1e-2).unwrap();
        let times = grid("benton", &process, 20).unwrap();
        let exact = GaussianScore { process: process.clone(), mean: vec![3.0], variance: vec![0.25] };
        let wrong = GaussianScore { mean: vec![3.1], ..exact.clone() };
        let n = 4096;
        let mut stream = Stream::new(1, Purpose::Test, 0, 0);
        let rows: Vec<f32> = (0..n).map(|_| (3.0 + 0.5 * stream.normal()) as f32).collect();
        let asked = Walk { exact: &exact, models: &[&wrong], process: &process, times: &times, rows: &rows, seed: 2 };
        let got = walk(&mut Reference::default(), &asked, &mut |_, _| Ok(())).unwrap();
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        let error = |v: &[f64]| {
            let m = mean(v);
            (v.iter().map(|x| (x - m).powi(2)).sum::<f64>() / (v.len() * (v.len() - 1)) as f64).sqrt()
        };
        let prior = GaussianLaw { mean: 0.0, var: 1.0 };
        let start = gaussian_kl(process.marginal(5.0, 3.0, 0.25), prior);
        let path = gaussian_path_kl(&process, &times, 3.0, 0.25) - start;
        let off = (mean(&got.discretisation) - path).abs();
        assert!(off < 4.0 * error(&got.discretisation) + 1e-4, "{} for {path}", mean(&got.discretisation));
        // a shifted mean errs by m 0.1 / q, everywhere the same
        let closed: f64 = times
            .windows(2)
            .map(|p| (p[0] - p[1]) * (0.1 * process.mean(p[0]) / process.marginal(p[0], 3.0, 0.25).var).powi(2))
            .sum();
        assert!((mean(&got.score[0]) / closed - 1.0).abs() < 1e-3, "{} for {closed}", mean(&got.score[0]));
        // the interaction is twice a product: bounded by Cauchy and Schwarz
        let cross = mean(&got.joint) - mean(&got.discretisation) - mean(&got.score[0]);
        assert!(cross.abs() <= 2.0 * (mean(&got.discretisation) * mean(&got.score[0])).sqrt());
    }
}
