//! What can be said of a model of rows whose law is not known.

use serde::Serialize;

use super::known::refined;
use super::paths::{Walk, walk};
use crate::error::Result;
use crate::evaluate::{Initial, Level, initial_kl};
use crate::process::Process;
use crate::recording::Engine;
use crate::score::Score;
use crate::train::Dataset;

/// The parts that need no law.
#[derive(Debug, Clone, Serialize)]
pub struct OfRows {
    /// KL(p_T || prior).
    pub initialisation: Initial,
    /// Path form of the model's own score on this grid and one twice as fine, with half of a 95 % interval: nats.
    pub discretisation: [(f64, f64); 2],
    /// Paths behind it.
    pub paths: usize,
}

/// Steps and their doubling: the model's own score frozen over each step against itself within it, along paths that start
/// from held-out rows (training rows where nothing was held out).
pub fn of_rows(
    engine: &mut dyn Engine,
    model: &dyn Score,
    process: &Process,
    times: &[f64],
    data: &Dataset,
    (paths, seed): (usize, u64),
    watch: &mut dyn FnMut(&str, u64, u64) -> Result<()>,
) -> Result<OfRows> {
    let from = if data.held_out.len() >= 32 * data.dim { &data.held_out } else { &data.train };
    let n = from.len() / data.dim;
    let rows: Vec<f32> = (0..paths).flat_map(|i| &from[(i % n) * data.dim..(i % n + 1) * data.dim]).copied().collect();
    let mut both = [(0.0, 0.0); 2];
    for (out, finer) in both.iter_mut().zip([1, 2]) {
        let times = refined(times, finer);
        let asked = Walk { exact: model, models: &[], process, times: &times, rows: &rows, seed };
        let sums = walk(engine, &asked, &mut |done, of| watch("following paths", done, of))?.discretisation;
        let mean = sums.iter().sum::<f64>() / sums.len() as f64;
        let variance = sums.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (sums.len() as f64 - 1.0).max(1.0);
        *out = (mean, crate::metrics::floor::Z95 * (variance / sums.len() as f64).sqrt());
    }
    Ok(OfRows { initialisation: initial_kl(data, Level::end(process), seed), discretisation: both, paths })
}
