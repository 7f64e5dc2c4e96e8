//! Gradient flow of a score that is linear in its weights, s(x, t) = sum_j a_j phi_j(x, t), solved exactly in f64.
//!
//! ```text
//! L(a) = 1/(T - t0) int sigma_t^2 E|s(X_t, t) - target(X_t, t)|^2 dt       denoising against rows has the score of their law
//!                                                                        as its target, up to a constant
//! da/dtau = -grad L = -2 (K a - b),    K = mean sigma^2 phi phi^T,    b = mean sigma^2 phi target
//! a(tau)  = V [e^(-2 l tau) V^T a(0) + (1 - e^(-2 l tau)) / l V^T b],     K = V diag(l) V^T
//! E(tau)  = int E|s - s*|^2 dt                                            over the law itself, whatever the target
//! ```
//!
//! On the line, for half N(-mu, 1), half N(mu, 1) under `ou`; integrals over x and t are sums over one set of nodes.

use super::symmetric::{dot, eigen};
use crate::error::Result;
use crate::process::{Process, grid};
use crate::random::{Purpose, Stream};

/// Times of the sums, even in ln t.
const TIMES: usize = 32;
/// Spacing of the places in units of sigma_t and at most.
const SPACING: (f64, f64) = (0.35, 0.12);
/// How far beyond the modes they reach.
const REACH: f64 = 6.5;

/// A place of the sums.
pub struct Node {
    /// x
    pub x: f64,
    /// Which time.
    pub time: usize,
    /// dx dt there.
    area: f64,
    /// Density and score of the law.
    truth: (f64, f64),
}

/// The sums over the places and times of a law.
pub struct Plane {
    /// The process.
    pub process: Process,
    /// Its times, decreasing.
    pub times: Vec<f64>,
    /// All places.
    pub nodes: Vec<Node>,
    mu: f64,
}

/// Density and score at x of the law of rows y, shifted by m and blurred by a variance.
fn blurred(rows: &[f64], m: f64, variance: f64, x: f64) -> (f64, f64) {
    let (mut mass, mut pull) = (0.0, 0.0);
    for y in rows {
        let gap = m * y - x;
        let exponent = -0.5 * gap * gap / variance;
        if exponent > -45.0 {
            let e = exponent.exp();
            mass += e;
            pull += e * gap;
        }
    }
    let scale = rows.len() as f64 * (std::f64::consts::TAU * variance).sqrt();
    // where there is no mass the score has no weight
    if mass > 0.0 { (mass / scale, pull / mass / variance) } else { (0.0, 0.0) }
}

impl Plane {
    /// The nodes of half N(-mu, 1), half N(mu, 1) under `ou` between t0 and T.
    pub fn new(mu: f64, t0: f64, t_max: f64) -> Result<Self> {
        let process = Process::named("ou")?.with_times(t_max, t0)?;
        let times = grid("geometric", &process, TIMES - 1)?;
        let step = (times[0] / times[1]).ln();
        let mut nodes = Vec::new();
        for (k, &t) in times.iter().enumerate() {
            let ends = if k == 0 || k + 1 == TIMES { 0.5 } else { 1.0 };
            let (m, reach) = (process.mean(t), process.mean(t) * mu + REACH);
            let count = (2.0 * reach / (SPACING.0 * process.sigma(t)).min(SPACING.1)).ceil() as usize;
            let dx = 2.0 * reach / count as f64;
            let node = |i: usize| {
                let x = -reach + dx * (i as f64 + 0.5);
                // unit components keep their variance under ou
                Node { x, time: k, area: dx * ends * t * step, truth: blurred(&[-mu, mu], m, 1.0, x) }
            };
            nodes.extend((0..count).map(node));
        }
        Ok(Self { process, times, nodes, mu })
    }

    /// (density, score) at every node: of the law itself.
    pub fn population(&self) -> Vec<(f64, f64)> {
        self.nodes.iter().map(|n| n.truth).collect()
    }

    /// (density, score) at every node: of rows.
    pub fn empirical(&self, rows: &[f64]) -> Vec<(f64, f64)> {
        let of = |n: &Node| {
            let t = self.times[n.time];
            blurred(rows, self.process.mean(t), self.process.sigma(t).powi(2), n.x)
        };
        self.nodes.iter().map(of).collect()
    }

    /// n rows of the law.
    pub fn rows(&self, n: usize, seed: u64) -> Vec<f64> {
        let row = |i: usize| {
            let mut stream = Stream::new(seed, Purpose::Data, i as u32, 0);
            let side = if stream.unit() < 0.5 { -self.mu } else { self.mu };
            side + stream.normal()
        };
        (0..n).map(row).collect()
    }

    /// E of the score with weights `a`; `phi` is (nodes, m).
    pub fn error(&self, phi: &[f64], a: &[f64]) -> f64 {
        let rows = phi.chunks_exact(a.len()).zip(&self.nodes);
        rows.map(|(row, n)| n.area * n.truth.0 * (dot(row, a) - n.truth.1).powi(2)).sum()
    }
}

/// A flow, solved.
pub struct Flow {
    values: Vec<f64>,
    /// (m, m), one eigenvector a row.
    vectors: Vec<f64>,
    /// V^T a(0) and V^T b.
    start: Vec<f64>,
    push: Vec<f64>,
}

impl Flow {
    /// The flow towards a target (density and score a node), from weights `start` (m); `phi` is (nodes, m).
    pub fn new(plane: &Plane, phi: &[f64], target: &[(f64, f64)], start: &[f64]) -> Self {
        let m = start.len();
        let (mut k, mut b) = (vec![0.0; m * m], vec![0.0; m]);
        let length = plane.process.t_max() - plane.process.t0();
        for ((row, node), (p, s)) in phi.chunks_exact(m).zip(&plane.nodes).zip(target) {
            let weight = node.area / length * p * plane.process.sigma(plane.times[node.time]).powi(2);
            if weight < 1e-18 {
                continue;
            }
            for i in 0..m {
                let scaled = weight * row[i];
                b[i] += scaled * s;
                // half of them are 0 with relu
                if scaled != 0.0 {
                    k[i * m..=i * m + i].iter_mut().zip(row).for_each(|(k, x)| *k += scaled * x);
                }
            }
        }
        for i in 0..m {
            (0..i).for_each(|j| k[j * m + i] = k[i * m + j]);
        }
        let (values, vectors) = eigen(&k, m);
        let turned = |v: &[f64]| vectors.chunks_exact(m).map(|row| dot(row, v)).collect::<Vec<f64>>();
        Self { start: turned(start), push: turned(&b), values, vectors }
    }

    /// The largest eigenvalue of K: steps of gradient descent at rates up to its inverse are stable.
    pub fn steepest(&self) -> f64 {
        self.values.iter().copied().fold(0.0, f64::max)
    }

    /// a(tau).
    pub fn at(&self, tau: f64) -> Vec<f64> {
        let m = self.values.len();
        let mut out = vec![0.0; m];
        for (i, row) in self.vectors.chunks_exact(m).enumerate() {
            // rounding leaves eigenvalues of 0 a little to either side of it
            let l = self.values[i].max(1e-300);
            let along = (-2.0 * l * tau).exp() * self.start[i] - (-2.0 * l * tau).exp_m1() / l * self.push[i];
            out.iter_mut().zip(row).for_each(|(o, v)| *o += along * v);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flow_is_the_limit_of_small_steps() {
        let plane = Plane::new(1.5, 0.1, 2.0).unwrap();
        let phi: Vec<f64> =
            plane.nodes.iter().flat_map(|n| [1.0, n.x, (n.x - 0.3).max(0.0), plane.times[n.time]]).collect();
        let target = plane.empirical(&plane.rows(20, 3));
        let start = [0.3, -0.2, 0.0, 0.1];
        let flow = Flow::new(&plane, &phi, &target, &start);
        // gradient descent with the same K and b, read off the flow itself: K a = b at the end, slope -2 (K a - b) before
        let near = |tau: f64| {
            let (a, b) = (flow.at(tau - 1e-4), flow.at(tau + 1e-4));
            a.iter().zip(&b).map(|(a, b)| (b - a) / 2e-4).collect::<Vec<f64>>()
        };
        let gradient = |a: &[f64]| {
            let mut g = [0.0; 4];
            let length = 1.9;
            for ((row, n), (p, s)) in phi.chunks_exact(4).zip(&plane.nodes).zip(&target) {
                let w = n.area / length * p * plane.process.sigma(plane.times[n.time]).powi(2);
                let off = dot(row, a) - s;
                (0..4).for_each(|i| g[i] += 2.0 * w * off * row[i]);
            }
            g
        };
        for tau in [0.1, 1.0, 10.0] {
            let g = gradient(&flow.at(tau));
            assert!(near(tau).iter().zip(g).all(|(slope, g)| (slope + g).abs() < 1e-6), "{tau}: {:?} {g:?}", near(tau));
        }
        assert!(flow.at(0.0).iter().zip(start).all(|(a, b)| (a - b).abs() < 1e-12));
        assert!(gradient(&flow.at(1e9)).iter().all(|g| g.abs() < 1e-9));
    }

    #[test]
    fn a_score_of_zero_has_the_error_of_the_whole_score() {
        // int J dt, computed elsewhere in f64
        let plane = Plane::new(3.0, 0.02, 3.0).unwrap();
        let got = plane.error(&vec![0.0; plane.nodes.len()], &[0.0]);
        assert!((got - 2.303).abs() < 0.01, "{got}");
    }
}
