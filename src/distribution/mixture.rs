//! Mixtures of normal laws, exact at every time: `p_t = sum w_i N(m mu_i, m^2 Sigma_i + sigma^2 I)`,
//! `s = sum r_i (m^2 Sigma_i + sigma^2 I)^-1 (m mu_i - x)` with r the softmax of the log weights.

use super::linalg::{eigen_symmetric, fill_normals};
use super::special::LN_SQRT_TAU;
use super::{Form, LogSum, Oracle, cumulative, pick};
use crate::random::Stream;

/// Covariances of K components in D dimensions. Zero variances are allowed; the density then needs sigma > 0.
#[derive(Debug, Clone, PartialEq)]
pub enum Covariance {
    /// `v_i I`: (K).
    Isotropic(Vec<f64>),
    /// Diagonals: (K, D).
    Diagonal(Vec<f64>),
    /// Decomposed once, so that adding `sigma^2 I` costs nothing.
    Full {
        /// Eigenvalues: (K, D).
        values: Vec<f64>,
        /// Unit eigenvectors as rows: (K, D, D).
        vectors: Vec<f64>,
    },
}

/// A mixture of K normal laws in D dimensions.
#[derive(Debug, Clone)]
pub struct GaussianMixture {
    dim: usize,
    weights: Vec<f64>,
    log_weights: Vec<f64>,
    cumulative: Vec<f64>,
    means: Vec<f64>,
    covariance: Covariance,
    quadrature: Option<f64>,
}

impl GaussianMixture {
    /// A mixture from weights (K; they are normalised), means (K, D) and covariances. The caller has checked that
    /// lengths agree, weights are positive and variances are not negative.
    pub fn new(dim: usize, weights: Vec<f64>, means: Vec<f64>, covariance: Covariance) -> Self {
        let total: f64 = weights.iter().sum();
        let weights: Vec<f64> = weights.iter().map(|w| w / total).collect();
        let log_weights = weights.iter().map(|w| w.ln()).collect();
        Self { dim, log_weights, cumulative: cumulative(&weights), weights, means, covariance, quadrature: None }
    }

    /// As [`GaussianMixture::new`] with covariances given as symmetric matrices (K, D, D).
    pub fn with_matrices(dim: usize, weights: Vec<f64>, means: Vec<f64>, matrices: &[f64]) -> Self {
        let (mut values, mut vectors) = (Vec::new(), Vec::new());
        for matrix in matrices.chunks_exact(dim * dim) {
            let (l, v) = eigen_symmetric(matrix, dim);
            // rounding may leave a singular matrix with an eigenvalue just below 0
            values.extend(l.iter().map(|l| l.max(0.0)));
            vectors.extend(v);
        }
        Self::new(dim, weights, means, Covariance::Full { values, vectors })
    }

    /// Declares the components to be quadrature nodes of a smooth law, good for total noise of `resolution` or more.
    pub(super) fn with_resolution(mut self, resolution: f64) -> Self {
        self.quadrature = Some(resolution);
        self
    }

    /// Weights (K), adding to 1.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }
    /// Means (K, D), row-major.
    pub fn means(&self) -> &[f64] {
        &self.means
    }
    /// Covariances of the components.
    pub fn covariance(&self) -> &Covariance {
        &self.covariance
    }
    /// Whether the components are quadrature nodes rather than modes.
    pub fn is_quadrature(&self) -> bool {
        self.quadrature.is_some()
    }

    /// The law of `(X - shift) / scale`, coordinate by coordinate; `shift` and `scale` (D), scale positive.
    pub fn transformed(&self, shift: &[f64], scale: &[f64]) -> Self {
        let d = self.dim;
        let means = self.means.iter().enumerate().map(|(i, mu)| (mu - shift[i % d]) / scale[i % d]).collect();
        let uniform = scale.iter().all(|c| *c == scale[0]);
        let mut out = match &self.covariance {
            Covariance::Isotropic(v) if uniform => {
                let v = v.iter().map(|v| v / (scale[0] * scale[0])).collect();
                Self::new(d, self.weights.clone(), means, Covariance::Isotropic(v))
            }
            Covariance::Isotropic(_) | Covariance::Diagonal(_) => {
                let component = |k| (0..d).map(move |j| self.variance_of(k, j) / (scale[j] * scale[j]));
                let v = (0..self.weights.len()).flat_map(component).collect();
                Self::new(d, self.weights.clone(), means, Covariance::Diagonal(v))
            }
            Covariance::Full { .. } => {
                let mut matrices = Vec::with_capacity(self.weights.len() * d * d);
                for k in 0..self.weights.len() {
                    let matrix = self.matrix(k);
                    matrices.extend((0..d * d).map(|e| matrix[e] / (scale[e / d] * scale[e % d])));
                }
                Self::with_matrices(d, self.weights.clone(), means, &matrices)
            }
        };
        let largest = scale.iter().fold(0.0f64, |a, c| a.max(1.0 / c));
        out.quadrature = self.quadrature.map(|r| r * largest);
        out
    }

    /// The covariance matrix of component `k`: (D, D), row-major.
    pub fn matrix(&self, k: usize) -> Vec<f64> {
        let d = self.dim;
        let mut out = vec![0.0; d * d];
        if let Covariance::Full { values, vectors } = &self.covariance {
            for (value, vector) in values[k * d..][..d].iter().zip(vectors[k * d * d..][..d * d].chunks_exact(d)) {
                for (e, out) in out.iter_mut().enumerate() {
                    *out += value * vector[e / d] * vector[e % d];
                }
            }
        } else {
            for j in 0..d {
                out[j * d + j] = self.variance_of(k, j);
            }
        }
        out
    }

    /// Variance of coordinate `j` of component `k`.
    fn variance_of(&self, k: usize, j: usize) -> f64 {
        let d = self.dim;
        match &self.covariance {
            Covariance::Isotropic(v) => v[k],
            Covariance::Diagonal(v) => v[k * d + j],
            Covariance::Full { values, vectors } => {
                (0..d).map(|e| values[k * d + e] * vectors[(k * d + e) * d + j].powi(2)).sum()
            }
        }
    }

    /// Eigenvalues of the covariance of component `k`: one that counts D times, or D.
    fn spectrum(&self, k: usize) -> &[f64] {
        match &self.covariance {
            Covariance::Isotropic(v) => &v[k..=k],
            Covariance::Diagonal(v) => &v[k * self.dim..][..self.dim],
            Covariance::Full { values, .. } => &values[k * self.dim..][..self.dim],
        }
    }

    /// One row of `X_0` (D) from its stream.
    pub(super) fn draw_row(&self, stream: &mut Stream, out: &mut [f64]) {
        let d = self.dim;
        let k = pick(&self.cumulative, stream.unit());
        let mean = &self.means[k * d..][..d];
        match &self.covariance {
            Covariance::Full { values, vectors } => {
                let mut z = vec![0.0; d];
                fill_normals(stream, &mut z);
                out.copy_from_slice(mean);
                for e in 0..d {
                    let amount = values[k * d + e].sqrt() * z[e];
                    let vector = &vectors[(k * d + e) * d..][..d];
                    out.iter_mut().zip(vector).for_each(|(o, v)| *o += amount * v);
                }
            }
            _ => {
                fill_normals(stream, out);
                for (j, o) in out.iter_mut().enumerate() {
                    *o = mean[j] + self.variance_of(k, j).sqrt() * *o;
                }
            }
        }
    }

    /// Isotropic components share one loop without any inner allocation: it is the hot path of the curves.
    fn isotropic(&self, v: &[f64], x: &[f64], m: f64, s2: f64, sum: &mut LogSum) {
        let d = self.dim;
        let (mut last, mut log_norm) = (f64::NAN, 0.0);
        for (k, mean) in self.means.chunks_exact(d).enumerate() {
            let total = m * m * v[k] + s2;
            if total != last {
                last = total;
                log_norm = -(d as f64) * (0.5 * total.ln() + LN_SQRT_TAU);
            }
            let distance: f64 = mean.iter().zip(x).map(|(mu, x)| (m * mu - x).powi(2)).sum();
            if total > 0.0
                && let Some(weight) = sum.weight(self.log_weights[k] + log_norm - 0.5 * distance / total)
            {
                for j in 0..d {
                    sum.add(j, weight * (m * mean[j] - x[j]) / total);
                }
            }
        }
    }

    fn diagonal(&self, v: &[f64], x: &[f64], m: f64, s2: f64, sum: &mut LogSum) {
        let d = self.dim;
        for (k, mean) in self.means.chunks_exact(d).enumerate() {
            let v = &v[k * d..][..d];
            let mut log = self.log_weights[k];
            for j in 0..d {
                let total = floored(m * m * v[j] + s2);
                log += log_norm(total) - 0.5 * (m * mean[j] - x[j]).powi(2) / total;
            }
            if let Some(weight) = sum.weight(log) {
                for j in 0..d {
                    sum.add(j, weight * (m * mean[j] - x[j]) / floored(m * m * v[j] + s2));
                }
            }
        }
    }

    fn full(&self, (values, vectors): (&[f64], &[f64]), x: &[f64], m: f64, s2: f64, sum: &mut LogSum) {
        let d = self.dim;
        let mut coordinates = vec![0.0; d];
        let (mut last, mut norm): (&[f64], f64) = (&[], 0.0);
        for (k, mean) in self.means.chunks_exact(d).enumerate() {
            let vectors = &vectors[k * d * d..][..d * d];
            let spectrum = &values[k * d..][..d];
            // quadrature nodes share their spectrum, and logarithms would be half of the cost
            if spectrum != last {
                last = spectrum;
                norm = spectrum.iter().map(|v| log_norm(floored(m * m * v + s2))).sum::<f64>();
            }
            let mut log = self.log_weights[k] + norm;
            for (e, vector) in vectors.chunks_exact(d).enumerate() {
                let total = floored(m * m * spectrum[e] + s2);
                let z: f64 = (0..d).map(|j| vector[j] * (m * mean[j] - x[j])).sum();
                log -= 0.5 * z * z / total;
                coordinates[e] = z / total;
            }
            if let Some(weight) = sum.weight(log) {
                for (vector, z) in vectors.chunks_exact(d).zip(&coordinates) {
                    vector.iter().enumerate().for_each(|(j, v)| sum.add(j, weight * z * v));
                }
            }
        }
    }
}

/// A variance that can be divided by.
fn floored(total: f64) -> f64 {
    total.max(f64::MIN_POSITIVE)
}

/// `-ln sqrt(2 pi v)`; minus infinity for a direction without variance, which has no density.
fn log_norm(total: f64) -> f64 {
    if total > f64::MIN_POSITIVE { -0.5 * total.ln() - LN_SQRT_TAU } else { f64::NEG_INFINITY }
}

impl Oracle for GaussianMixture {
    fn dim(&self) -> usize {
        self.dim
    }

    fn score_and_log_density(&self, x: &[f64], m: f64, sigma: f64, score: &mut [f64]) -> f64 {
        let s2 = sigma * sigma;
        let mut sum = LogSum::new(score);
        match &self.covariance {
            Covariance::Isotropic(v) => self.isotropic(v, x, m, s2, &mut sum),
            Covariance::Diagonal(v) => self.diagonal(v, x, m, s2, &mut sum),
            Covariance::Full { values, vectors } => self.full((values, vectors), x, m, s2, &mut sum),
        }
        sum.finish()
    }

    fn mean(&self) -> Vec<f64> {
        let mut out = vec![0.0; self.dim];
        for (mean, w) in self.means.chunks_exact(self.dim).zip(&self.weights) {
            out.iter_mut().zip(mean).for_each(|(o, mu)| *o += w * mu);
        }
        out
    }

    fn variances(&self) -> Vec<f64> {
        let centre = self.mean();
        let mut out = vec![0.0; self.dim];
        for (k, w) in self.weights.iter().enumerate() {
            for j in 0..self.dim {
                out[j] += w * (self.variance_of(k, j) + (self.means[k * self.dim + j] - centre[j]).powi(2));
            }
        }
        out
    }

    /// Exact for one component. For several, `sum w_i (H_i - ln w_i)` minus the equivocation `H(I|X)`, which lies
    /// between 0 and `sum_{i != j} sqrt(w_i w_j) BC_ij` (Shannon's entropy is at most Renyi's of order 1/2); given
    /// only where that bound is below 1e-6. Minus infinity for a singular law.
    fn entropy(&self) -> Option<(f64, f64)> {
        let (d, k) = (self.dim as f64, self.weights.len());
        let times = if matches!(self.covariance, Covariance::Isotropic(_)) { d } else { 1.0 };
        let smallest = |k: usize| self.spectrum(k).iter().fold(f64::INFINITY, |a, b| a.min(*b));
        let largest = |k: usize| self.spectrum(k).iter().fold(0.0f64, |a, b| a.max(*b));
        if self.quadrature.is_some() {
            let flat = d > 1.0 && (0..k).all(|i| largest(i) == 0.0);
            return flat.then_some((f64::NEG_INFINITY, 0.0));
        }
        if (0..k).any(|i| smallest(i) == 0.0) {
            return Some((f64::NEG_INFINITY, 0.0));
        }
        if k > 1024 {
            return None;
        }
        let mut bound = 0.0;
        for i in 0..k {
            for j in 0..i {
                // BC of two normal laws is at most that of isotropic laws with the larger variances, up to their
                // ratio of determinants, which never exceeds 1
                let distance: f64 =
                    (0..self.dim).map(|e| (self.means[i * self.dim + e] - self.means[j * self.dim + e]).powi(2)).sum();
                let overlap = (-distance / (4.0 * (largest(i) + largest(j)))).exp();
                bound += 2.0 * (self.weights[i] * self.weights[j]).sqrt() * overlap;
            }
        }
        let value = |i: usize| {
            let logs: f64 = self.spectrum(i).iter().map(|v| v.ln()).sum();
            0.5 * times * logs + d * (LN_SQRT_TAU + 0.5) - self.log_weights[i]
        };
        let total = (0..k).map(|i| self.weights[i] * value(i)).sum();
        (bound < 1e-6).then_some((total, bound))
    }

    fn resolution(&self) -> f64 {
        let Some(needed) = self.quadrature else { return 0.0 };
        // own noise, where it is in all directions, may already suffice
        let own = (0..self.weights.len()).flat_map(|k| self.spectrum(k)).fold(f64::INFINITY, |a, b| a.min(*b)).sqrt();
        (needed * needed - own * own).max(0.0).sqrt()
    }

    fn form(&self) -> Form<'_> {
        Form::Mixture(self)
    }
}
