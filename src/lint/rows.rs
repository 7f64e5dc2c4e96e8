//! Distances within the training rows, of a part of them where there are many.

use crate::train::Dataset;

/// Rows whose neighbours are looked for.
const ASKED: usize = 512;
/// Rows among which they are looked for.
const AMONG: usize = 16_384;
/// Rows whose diameter is taken.
const EXTENT: usize = 1024;
/// Products of pairs and coordinates that a search may take.
const WORK: usize = 1 << 25;

fn square(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
}

/// The median distance of a row to the nearest other row that is not equal to it, and among how many rows.
pub fn neighbour(data: &Dataset) -> Option<(f64, usize)> {
    let dim = data.dim;
    let among = data.rows().min(AMONG);
    let asked = among.min(ASKED).min((WORK / (dim * among).max(1)).max(16));
    let row = |i: usize| &data.train[i * dim..(i + 1) * dim];
    let nearest = |i: usize| {
        let others = (0..among).filter(|j| *j != i).map(|j| square(row(i), row(j)));
        others.filter(|d| *d > 0.0).fold(f64::INFINITY, f64::min)
    };
    let mut all: Vec<f64> = (0..asked).map(nearest).filter(|d| d.is_finite()).collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).map(|d| (d.sqrt(), among))
}

/// The greatest distance within a part of the rows, and how many they were.
pub fn diameter(data: &Dataset) -> (f64, usize) {
    let dim = data.dim;
    let n = data.rows().min(EXTENT).min(((WORK / dim) as f64).sqrt() as usize).max(1);
    let row = |i: usize| &data.train[i * dim..(i + 1) * dim];
    let pairs = (0..n).flat_map(|i| (0..i).map(move |j| (i, j)));
    (pairs.map(|(i, j)| square(row(i), row(j))).fold(0.0, f64::max).sqrt(), n)
}
