//! Threads whose number cannot change a result, and distances from one row to many in blocks.

use super::Points;
use std::sync::atomic::{AtomicUsize, Ordering};

/// `work(state, i)` for i in 0..tasks on up to `threads` threads; the results come in the order of i.
///
/// Tasks are handed out one by one, so which thread does which is left to chance; a result may therefore
/// depend on i alone, and `state` is only for buffers.
pub fn map<S, T: Send>(
    threads: usize,
    tasks: usize,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) -> T + Sync,
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let run = || {
        let (mut state, mut mine) = (state(), Vec::new());
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            if i >= tasks {
                return mine;
            }
            mine.push((i, work(&mut state, i)));
        }
    };
    let mut all: Vec<(usize, T)> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads.clamp(1, tasks.max(1))).map(|_| scope.spawn(run)).collect();
        let joined = handles.into_iter().map(|h| h.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        joined.flatten().collect()
    });
    all.sort_by_key(|(i, _)| *i);
    all.into_iter().map(|(_, result)| result).collect()
}

/// Rows per block of [`Columns`]: the distances of a block stay in the first-level cache.
pub const BLOCK: usize = 256;

/// A cloud by columns inside blocks of [`BLOCK`] rows, so that the inner loop runs over rows and vectorises.
pub struct Columns {
    dim: usize,
    rows: usize,
    values: Vec<f32>,
}

impl Columns {
    /// The rows of `points`, rearranged; the last block is padded with zeros.
    pub fn new(points: &Points) -> Self {
        let (dim, rows) = (points.dim(), points.rows());
        let mut values = vec![0.0; rows.div_ceil(BLOCK) * BLOCK * dim];
        for i in 0..rows {
            let base = i / BLOCK * BLOCK * dim + i % BLOCK;
            for (d, x) in points.row(i).iter().enumerate() {
                values[base + d * BLOCK] = *x;
            }
        }
        Self { dim, rows, values }
    }
    /// Calls `each(first row, squared distances)` for every block in order; f64 differences of f32 are exact
    /// to one rounding, so far-away clouds lose nothing.
    pub fn squared(&self, x: &[f32], mut each: impl FnMut(usize, &[f64])) {
        let mut out = [0.0f64; BLOCK];
        for (b, block) in self.values.chunks_exact(BLOCK * self.dim).enumerate() {
            out.fill(0.0);
            for (column, xd) in block.chunks_exact(BLOCK).zip(x) {
                let xd = f64::from(*xd);
                for (o, y) in out.iter_mut().zip(column) {
                    let difference = xd - f64::from(*y);
                    *o += difference * difference;
                }
            }
            each(b * BLOCK, &out[..BLOCK.min(self.rows - b * BLOCK)]);
        }
    }
    /// Sum of the distances from x to all rows.
    pub fn distance_sum(&self, x: &[f32]) -> f64 {
        let mut sum = 0.0;
        self.squared(x, |_, squares| {
            // eight partial sums: the order is fixed and the additions do not wait for one another
            let mut lanes = [0.0f64; 8];
            let chunks = squares.chunks_exact(8);
            let rest: f64 = chunks.remainder().iter().map(|s| s.sqrt()).sum();
            for chunk in chunks {
                lanes.iter_mut().zip(chunk).for_each(|(lane, s)| *lane += s.sqrt());
            }
            sum += lanes.iter().sum::<f64>() + rest;
        });
        sum
    }
}

/// Mean and variance (divisor n - 1; NaN for one value) in two passes.
pub fn mean_variance(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>();
    (mean, if values.len() > 1 { squares / (n - 1.0) } else { f64::NAN })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::gaussian;

    #[test]
    fn results_come_in_order_for_any_number_of_threads() {
        for threads in [0, 1, 2, 7, 100] {
            let squares = map(threads, 50, || 0, |_, i| i * i);
            assert!(squares.iter().enumerate().all(|(i, s)| *s == i * i) && squares.len() == 50);
        }
        assert!(map(2, 0, || (), |_, i| i).is_empty());
    }

    #[test]
    fn blocked_distances_are_the_distances() {
        for (n, dim) in [(1, 1), (255, 3), (256, 2), (600, 5)] {
            let data = gaussian(n, dim, 1.0, 2.0, 3);
            let points = Points::new("p", &data, dim).unwrap();
            let x = vec![0.5f32; dim];
            let exact = |i: usize| points.row(i).iter().map(|y| (f64::from(*y) - 0.5).powi(2)).sum::<f64>();
            let mut seen = 0;
            Columns::new(&points).squared(&x, |first, s| {
                assert_eq!(first, seen);
                seen += s.len();
                s.iter().enumerate().for_each(|(k, s)| assert!((s - exact(first + k)).abs() <= 1e-14 * s));
            });
            assert_eq!(seen, n);
            let sum: f64 = (0..n).map(|i| exact(i).sqrt()).sum();
            assert!((Columns::new(&points).distance_sum(&x) / sum - 1.0).abs() < 1e-13);
        }
    }
}
