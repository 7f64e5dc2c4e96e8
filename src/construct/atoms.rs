//! A law as few atoms: cells with their masses and barycentres, by k-means.
//!
//! With the barycentre of each cell as its atom, KL(p_t || p_t of the atoms) <= m^2 E|X_0 - x_i|^2 / (2 V), V = m^2 v + sigma^2
//! (joint convexity of KL, the coupling that sends a point to the atom of its cell), and the score converges with the
//! square of the cells' diameter, N atoms of a set of dimension d with N^(-2/d) (Mu et al. 2026).

use super::ratio::Components;
use crate::random::{Purpose, Stream};

/// Most rounds of Lloyd's algorithm.
const ROUNDS: usize = 200;

/// A law of atoms, with what became of the points behind them.
pub struct Atoms {
    /// The atoms.
    pub law: Components,
    /// E|X_0 - x_i|^2 over the points, model units squared.
    pub distortion: f64,
    /// Greatest distance of a point from its atom, model units.
    pub radius: f64,
}

/// Points that are atoms already.
pub fn all(points: Components) -> Atoms {
    Atoms { law: points, distortion: 0.0, radius: 0.0 }
}

/// At most `count` barycentres of the cells that k-means finds among weighted points: k-means++ draws the first centres
/// (Arthur, Vassilvitskii 2007), Lloyd's algorithm moves them until nothing changes. Empty cells are dropped.
pub fn barycentres(points: &Components, count: usize, seed: u64) -> Atoms {
    let d = points.dim;
    let mut centres = spread(points, count.min(points.count()), seed);
    let mut cells = vec![usize::MAX; points.count()];
    for _ in 0..ROUNDS {
        let found: Vec<usize> = points.means.chunks_exact(d).map(|x| nearest(&centres, x).0).collect();
        let done = found == cells;
        cells = found;
        if done {
            break;
        }
        let (sums, masses) = gathered(points, &cells, centres.len() / d);
        for (k, mass) in masses.iter().enumerate().filter(|(_, mass)| **mass > 0.0) {
            (0..d).for_each(|j| centres[k * d + j] = sums[k * d + j] / mass);
        }
    }
    let (sums, masses) = gathered(points, &cells, centres.len() / d);
    let mut law = Components { dim: d, weights: Vec::new(), means: Vec::new(), variance: points.variance };
    for (k, mass) in masses.iter().enumerate().filter(|(_, mass)| **mass > 0.0) {
        law.weights.push(*mass);
        law.means.extend(sums[k * d..][..d].iter().map(|s| s / mass));
    }
    let (mut distortion, mut radius) = (0.0, 0.0f64);
    for ((x, w), cell) in points.means.chunks_exact(d).zip(&points.weights).zip(&cells) {
        let square: f64 = (0..d).map(|j| (x[j] - sums[cell * d + j] / masses[*cell]).powi(2)).sum();
        distortion += w * square;
        radius = radius.max(square.sqrt());
    }
    Atoms { law, distortion, radius }
}

/// Sums (K, D) and masses (K) of the points of each cell.
fn gathered(points: &Components, cells: &[usize], count: usize) -> (Vec<f64>, Vec<f64>) {
    let d = points.dim;
    let (mut sums, mut masses) = (vec![0.0; count * d], vec![0.0; count]);
    for ((x, w), &cell) in points.means.chunks_exact(d).zip(&points.weights).zip(cells) {
        masses[cell] += w;
        (0..d).for_each(|j| sums[cell * d + j] += w * x[j]);
    }
    (sums, masses)
}

/// The nearest centre and the square of its distance.
fn nearest(centres: &[f64], x: &[f64]) -> (usize, f64) {
    let square = |c: &[f64]| c.iter().zip(x).map(|(c, x)| (c - x).powi(2)).sum::<f64>();
    let all = centres.chunks_exact(x.len()).map(square).enumerate();
    all.fold((0, f64::INFINITY), |best, (k, s)| if s < best.1 { (k, s) } else { best })
}

/// Centres drawn one after another, each with a chance that is proportional to the squared distance from those before it.
fn spread(points: &Components, count: usize, seed: u64) -> Vec<f64> {
    let d = points.dim;
    let mut stream = Stream::new(seed, Purpose::Metric, 0, 2);
    let mut distance: Vec<f64> = vec![1.0; points.count()];
    let mut centres = Vec::with_capacity(count * d);
    for _ in 0..count {
        let total: f64 = distance.iter().zip(&points.weights).map(|(s, w)| s * w).sum();
        if total <= 0.0 {
            break;
        }
        let mut u = stream.unit() * total;
        let at = distance.iter().zip(&points.weights).position(|(s, w)| {
            u -= s * w;
            u < 0.0
        });
        let centre = points.means[at.unwrap_or(points.count() - 1) * d..][..d].to_vec();
        let first = centres.is_empty();
        for (s, x) in distance.iter_mut().zip(points.means.chunks_exact(d)) {
            let square = nearest(&centre, x).1;
            *s = if first { square } else { s.min(square) };
        }
        centres.extend(centre);
    }
    centres
}
