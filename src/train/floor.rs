//! The exact loss of the exact score on the very draws of the held-out pass: the least any network can reach.
//!
//! With the true score s*, eps* = -sigma_t s*(x_t, t), and the floor is the mean of w_t / D |eps* - eps|^2: Vincent's
//! constant in noise units. Using the same rows, times and noises as the held-out loss, the difference of the two is
//! free of most of their common sampling error.

use crate::distribution::Oracle;
use crate::random::{Purpose, below, normals, words};
use crate::reference::BINS;

use super::times::TimeTable;

/// Exact loss with its standard error, overall and by time.
#[derive(Debug, Clone)]
pub struct Floor {
    /// Mean over the draws.
    pub value: f64,
    /// Standard error of the mean.
    pub error: f64,
    /// Number of draws.
    pub draws: usize,
    /// (BINS) means by time; NaN where no draw fell.
    pub bins: Vec<f64>,
}

/// The time row of draw `index` of a held-out pass; the rule of `shaders/train/noise.wgsl`.
pub fn held_out_time(index: u32, seed: u64, times: usize) -> usize {
    below(index.wrapping_mul(2_654_435_769).wrapping_add(seed as u32), times as u32) as usize
}

/// Loss of the exact score on `draws` draws over the held-out `rows` (n', D).
pub fn floor(oracle: &dyn Oracle, rows: &[f32], table: &TimeTable, draws: usize, seed: u64) -> Floor {
    let dim = oracle.dim();
    let count = rows.len() / dim;
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let piece = draws.div_ceil(threads).max(1);
    let one = |index: usize| -> (usize, f64) {
        let time = held_out_time(index as u32, seed, table.times.len());
        let [m, sigma, weight] = [1, 2, 5].map(|i| f64::from(table.coefficients[8 * time + i]));
        let row = &rows[index % count * dim..][..dim];
        let eps: Vec<f64> =
            (0..dim).map(|d| normals(words(seed, Purpose::HeldOut, index as u32, 0, d as u32 / 4))[d % 4]).collect();
        let x: Vec<f64> = row.iter().zip(&eps).map(|(&x0, e)| m * f64::from(x0) + sigma * e).collect();
        let mut score = vec![0.0; dim];
        oracle.score(&x, m, sigma, &mut score);
        let sum: f64 = score.iter().zip(&eps).map(|(s, e)| (-sigma * s - e).powi(2)).sum();
        (time * BINS / table.times.len(), weight * sum / dim as f64)
    };
    let losses: Vec<(usize, f64)> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..draws)
            .step_by(piece)
            .map(|from| scope.spawn(move || (from..(from + piece).min(draws)).map(one).collect::<Vec<_>>()))
            .collect();
        handles.into_iter().flat_map(|h| h.join().unwrap_or_default()).collect()
    });
    let n = losses.len() as f64;
    let value = losses.iter().map(|l| l.1).sum::<f64>() / n;
    let variance = losses.iter().map(|l| (l.1 - value).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    let mut bins = vec![(0.0, 0.0); BINS];
    losses.iter().for_each(|&(bin, loss)| {
        bins[bin].0 += loss;
        bins[bin].1 += 1.0;
    });
    Floor { value, error: (variance / n).sqrt(), draws, bins: bins.into_iter().map(|(s, c)| s / c).collect() }
}
