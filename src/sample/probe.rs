//! What a plan may ask of the score before it is made: its energy along the way, and steps fit for an error tolerance.
//!
//! Both are answered by a few draws of their own, fixed by the seed, so that a sample still depends on nothing but
//! (seed, its number, settings, score).

use super::{Follow, Request, Score, State, run};
use crate::error::{Error, Problem, Result};
use crate::process::{Embedded, Process, SamplerOptions, plan};
use crate::random::{Purpose, normals, words};
use crate::recording::Engine;

/// Error a step may make, relative and absolute, when nothing is said.
pub const TOLERANCE: f64 = 1e-4;
/// The smallest and largest tolerance: below, a score in f32 has no digits left to compare.
const TOLERANCES: (f64, f64) = (1e-6, 0.1);
/// Draws that stand for the law when energies are measured.
const DRAWS: u32 = 4096;
/// Draws whose errors choose the steps.
const PILOTS: usize = 256;
/// Steps after which a tolerance is given up.
const MOST_STEPS: usize = 10_000;

/// A score that can be asked.
pub struct Probe<'a> {
    /// What runs it.
    pub engine: &'a mut dyn Engine,
    /// The score, model units.
    pub score: &'a dyn Score,
    /// Its process.
    pub process: &'a Process,
    /// Seed of the samples to come.
    pub seed: u64,
}

impl Probe<'_> {
    /// E|s|^2 / D at each of `times`, over 4096 draws of the score's own reverse process, for analytic variances.
    ///
    /// The law at time t is only known through samples, so they are drawn: a plain reverse process gives x_t along the way.
    pub fn energy(&mut self, times: &[f64]) -> Result<Vec<f64>> {
        let dim = self.score.dim();
        let plan = plan("ei", self.process, times, &SamplerOptions::default())?;
        let request = Request {
            score: self.score,
            plan: &plan,
            count: DRAWS,
            chunk: DRAWS as usize,
            seed: self.seed,
            shift: &vec![0.0; dim],
            scale: &vec![1.0; dim],
            follow: Some(Follow { paths: DRAWS as usize, stages: (0..times.len()).collect() }),
        };
        let mut states = Vec::new();
        run(self.engine, &request, &mut |state| {
            if let State::Frame { points, .. } = state {
                states.push(points.to_vec());
            }
            Ok(())
        })?;
        let mut out = Vec::with_capacity(times.len());
        for (points, &t) in states.iter().zip(times) {
            let s = crate::score::scores(self.engine, self.score, points, &[t])?;
            out.push(s[0].iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>() / s[0].len() as f64);
        }
        Ok(out)
    }

    /// Times from T to t0 such that a Dormand-Prince step between neighbours makes an error of about `tolerance`, relative
    /// and absolute, in the root mean square over the coordinates of the first 256 samples (the rule of Hairer,
    /// Norsett and Wanner 1993, II.4). The start is that of the samples to come.
    pub fn adaptive_grid(&mut self, tolerance: f64) -> Result<Vec<f64>> {
        check_tolerance(tolerance)?;
        let (t_max, t0) = (self.process.t_max(), self.process.t0());
        let (mut x, mut times) = (self.start(), vec![t_max]);
        let (mut t, mut h) = (t_max, 0.01 * (t_max - t0));
        let mut attempts = 0;
        while t > t0 {
            attempts += 1;
            // a rest that is hardly more than a step is taken whole
            let s = if t - 1.01 * h <= t0 { t0 } else { t - h };
            if attempts > MOST_STEPS || s >= t {
                return Err(too_small(tolerance, t));
            }
            let (next, error) = self.trial(&x, t, s)?;
            let scaled = |i: usize| error[i] / (tolerance * (1.0 + x[i].abs().max(next[i].abs())));
            let norm = ((0..x.len()).map(|i| scaled(i).powi(2)).sum::<f64>() / x.len() as f64).sqrt();
            let taken = t - s;
            if norm <= 1.0 {
                (x, t) = (next, s);
                times.push(s);
            }
            let factor = 0.9 * norm.powf(-0.2);
            h = taken * if factor.is_nan() { 0.2 } else { factor.clamp(0.2, 5.0) };
        }
        Ok(times)
    }

    fn trial(&mut self, x: &[f64], t: f64, s: f64) -> Result<(Vec<f64>, Vec<f64>)> {
        let pair = Embedded { process: self.process };
        pair.step(x, t, s, &mut |at, time| {
            let points: Vec<f32> = at.iter().map(|v| *v as f32).collect();
            let scores = crate::score::scores(self.engine, self.score, &points, &[time])?;
            Ok(scores[0].iter().map(|v| f64::from(*v)).collect())
        })
    }

    /// The first samples at time T, as `shaders/sampler/start.wgsl` draws them.
    fn start(&self) -> Vec<f64> {
        let (dim, spread) = (self.score.dim(), self.process.prior_std());
        let draw =
            |i: usize, d: usize| normals(words(self.seed, Purpose::SampleStart, i as u32, 0, d as u32 / 4))[d % 4];
        (0..PILOTS).flat_map(|i| (0..dim).map(move |d| (i, d))).map(|(i, d)| spread * draw(i, d)).collect()
    }
}

/// Refuses a tolerance out of range.
pub fn check_tolerance(tolerance: f64) -> Result<()> {
    let (least, most) = TOLERANCES;
    if (least..=most).contains(&tolerance) {
        return Ok(());
    }
    let problem = Problem::new("a number is out of range").at("--tolerance").found(tolerance);
    Err(Error::usage(problem.expected(format!("{least} to {most}"))))
}

fn too_small(tolerance: f64, t: f64) -> Error {
    let problem = Problem::new(format!("no steps keep the error within the tolerance {tolerance} near time {t}"));
    Error::diverged(problem.hint("a larger --tolerance, a larger t0, or a sampler with a fixed grid"))
}
