//! The model's score beside the exact one, at points of the noised law.

use super::Watch;
use crate::distribution::{Distribution, Oracle};
use crate::error::Result;
use crate::metrics::draw;
use crate::metrics::score_error::ScoresAt;
use crate::process::Process;
use crate::random::{Purpose, normals, words};
use crate::recording::Engine;
use crate::score::{Score, scores};

/// Times at which the error of the score is measured.
const TIMES: usize = 8;
/// Points a time at which the error of the score is measured.
const POINTS: usize = 2048;

/// Scores of a model and of the exact law at points of that law, time by time; model units.
#[derive(Debug, Clone)]
pub struct ScorePair {
    /// The time.
    pub time: f64,
    /// (n, D)
    pub model: Vec<f32>,
    /// (n, D)
    pub exact: Vec<f32>,
}

impl ScorePair {
    pub(super) fn at(&self) -> ScoresAt<'_> {
        ScoresAt { time: self.time, weight: 1.0, model: &self.model, exact: &self.exact }
    }
}

/// About [`TIMES`] times from t0 to T with a constant ratio, rounded to what one cares to read.
fn score_times(process: &Process) -> Vec<f64> {
    let (low, high) = (process.t0(), process.t_max());
    let one = |i: usize| {
        let t = low * (high / low).powf(i as f64 / (TIMES - 1) as f64);
        // invariant: what was printed as a number parses as one
        format!("{t:.2e}").parse().unwrap_or(t).clamp(low, high)
    };
    let mut times: Vec<f64> = (0..TIMES).map(one).collect();
    (times[0], times[TIMES - 1]) = (low, high);
    times.dedup();
    times
}

/// Points x_t = m x_0 + sigma eps of time number `k`: (n, D), model units, a pure function of the seed.
fn noised(truth: &dyn Distribution, process: &Process, t: f64, k: usize, seed: u64) -> Vec<f32> {
    let dim = truth.dim();
    let first = (k * POINTS) as u32;
    let (m, sigma) = (process.mean(t), process.sigma(t));
    let mut rows = truth.draw(seed, Purpose::Reference, first, POINTS);
    for (i, row) in rows.chunks_exact_mut(dim).enumerate() {
        for (d, x) in row.iter_mut().enumerate() {
            let eps = normals(words(seed, Purpose::Metric, first + i as u32, draw::NOISE, d as u32 / 4))[d % 4];
            *x = (m * f64::from(*x) + sigma * eps) as f32;
        }
    }
    rows
}

/// The model's and the exact score at points of p_t, at times from t0 to T; `truth` is the law in model units.
///
/// Times at which the oracle is not accurate are left out, and a note says so.
pub fn score_pairs(
    engine: &mut dyn Engine,
    score: &dyn Score,
    process: &Process,
    truth: &dyn Distribution,
    seed: u64,
    watch: Watch,
) -> Result<(Vec<ScorePair>, Option<String>)> {
    let Some(oracle) = truth.oracle() else { return Ok((Vec::new(), None)) };
    let all = score_times(process);
    let sharp = |t: &f64| process.sigma(*t) >= process.mean(*t) * oracle.resolution();
    let times: Vec<f64> = all.iter().copied().filter(sharp).collect();
    let left_out = all.len() - times.len();
    let note = (left_out > 0)
        .then(|| format!("the exact score is not sharp at {left_out} of {} times: they are left out", all.len()));
    let mut pairs = Vec::with_capacity(times.len());
    for (k, &time) in times.iter().enumerate() {
        watch(&format!("score error at t = {time}"))?;
        let points = noised(truth, process, time, k, seed);
        let model = scores(engine, score, &points, &[time])?.concat();
        let exact = exact_scores(oracle, &points, process.mean(time), process.sigma(time));
        pairs.push(ScorePair { time, model, exact });
    }
    Ok((pairs, note))
}

fn exact_scores(oracle: &dyn Oracle, points: &[f32], m: f64, sigma: f64) -> Vec<f32> {
    let dim = oracle.dim();
    let mut score = vec![0.0; dim];
    let mut out = Vec::with_capacity(points.len());
    for row in points.chunks_exact(dim) {
        let x: Vec<f64> = row.iter().map(|&v| f64::from(v)).collect();
        oracle.score(&x, m, sigma, &mut score);
        out.extend(score.iter().map(|&v| v as f32));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_round_and_span_the_process() {
        let process = Process::named("ou").unwrap();
        let times = score_times(&process);
        assert_eq!((times[0], times[times.len() - 1]), (process.t0(), process.t_max()));
        assert!(times.len() == TIMES && times.windows(2).all(|w| w[0] < w[1]));
    }
}
