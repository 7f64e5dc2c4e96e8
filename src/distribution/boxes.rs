//! Mixtures of uniform boxes with normal noise: the density of an axis is a difference of two error functions,
//! taken in Mills ratios so that the score stays exact arbitrarily far outside.

use super::special::log_interval;
use super::{Form, LogSum, Oracle, cumulative, pick};
use crate::random::Stream;

/// K axis-parallel boxes with weights, plus noise `N(0, diag(noise^2))` of their own, in D dimensions.
#[derive(Debug, Clone)]
pub struct BoxMixture {
    weights: Vec<f64>,
    log_weights: Vec<f64>,
    cumulative: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
    noise: Vec<f64>,
    quadrature: Option<f64>,
}

impl BoxMixture {
    /// A mixture from weights (K; they are normalised), lower and upper corners (K, D) and the standard deviation of
    /// the noise of each axis (D). The caller has checked that lengths agree and that low <= high.
    pub fn new(weights: Vec<f64>, low: Vec<f64>, high: Vec<f64>, noise: Vec<f64>) -> Self {
        let total: f64 = weights.iter().sum();
        let weights: Vec<f64> = weights.iter().map(|w| w / total).collect();
        let log_weights = weights.iter().map(|w| w.ln()).collect();
        Self { log_weights, cumulative: cumulative(&weights), weights, low, high, noise, quadrature: None }
    }

    /// Declares the boxes to be quadrature nodes of a smooth law, good for total noise of `resolution` or more.
    pub(super) fn with_resolution(mut self, resolution: f64) -> Self {
        self.quadrature = Some(resolution);
        self
    }

    /// Weights (K), adding to 1.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }
    /// Lower corners (K, D), row-major.
    pub fn low(&self) -> &[f64] {
        &self.low
    }
    /// Upper corners (K, D), row-major.
    pub fn high(&self) -> &[f64] {
        &self.high
    }
    /// Standard deviation of the boxes' own noise along each axis (D).
    pub fn noise(&self) -> &[f64] {
        &self.noise
    }

    /// The law of `(X - shift) / scale`, coordinate by coordinate; `shift` and `scale` (D), scale positive.
    pub fn transformed(&self, shift: &[f64], scale: &[f64]) -> Self {
        let d = self.noise.len();
        let map = |corner: &[f64]| corner.iter().enumerate().map(|(i, v)| (v - shift[i % d]) / scale[i % d]).collect();
        let noise = self.noise.iter().zip(scale).map(|(n, c)| n / c).collect();
        let largest = scale.iter().fold(0.0f64, |a, c| a.max(1.0 / c));
        let quadrature = self.quadrature.map(|r| r * largest);
        Self { low: map(&self.low), high: map(&self.high), noise, quadrature, ..self.clone() }
    }

    /// One row of `X_0` (D) from its stream.
    pub(super) fn draw_row(&self, stream: &mut Stream, out: &mut [f64]) {
        let d = out.len();
        let k = pick(&self.cumulative, stream.unit());
        for (j, o) in out.iter_mut().enumerate() {
            let (low, high) = (self.low[k * d + j], self.high[k * d + j]);
            *o = low + (high - low) * stream.unit();
            if self.noise[j] > 0.0 {
                *o += self.noise[j] * stream.normal();
            }
        }
    }
}

/// Log density and its derivative at `x` of the law of `m U + noise N(0, tau^2)`, U uniform on [low, high].
pub(super) fn axis(x: f64, low: f64, high: f64, m: f64, tau: f64) -> (f64, f64) {
    if tau > 0.0 {
        let (log, slope) = log_interval((x - m * high) / tau, (x - m * low) / tau);
        return (log - tau.ln(), slope / tau);
    }
    let inside = x >= m * low && x <= m * high;
    (if inside { -(m * (high - low)).ln() } else { f64::NEG_INFINITY }, 0.0)
}

impl Oracle for BoxMixture {
    fn dim(&self) -> usize {
        self.noise.len()
    }

    fn score_and_log_density(&self, x: &[f64], m: f64, sigma: f64, score: &mut [f64]) -> f64 {
        let d = x.len();
        let taus: Vec<f64> = self.noise.iter().map(|n| (m * n).hypot(sigma)).collect();
        let mut slopes = vec![0.0; d];
        let mut sum = LogSum::new(score);
        for (k, log_weight) in self.log_weights.iter().enumerate() {
            // the density of an axis is at most the normal one at the nearest point of the box
            let nearest = |j: usize| (m * self.low[k * d + j] - x[j]).max(x[j] - m * self.high[k * d + j]).max(0.0);
            let bound: f64 = (0..d).map(|j| 0.5 * (nearest(j) / taus[j]).powi(2) + taus[j].ln()).sum();
            let mut log = *log_weight;
            if sum.ignores(log - bound) {
                continue;
            }
            for j in 0..d {
                let (value, slope) = axis(x[j], self.low[k * d + j], self.high[k * d + j], m, taus[j]);
                log += value;
                slopes[j] = slope;
            }
            if let Some(weight) = sum.weight(log) {
                for (j, slope) in slopes.iter().enumerate() {
                    sum.add(j, weight * slope);
                }
            }
        }
        sum.finish()
    }

    fn mean(&self) -> Vec<f64> {
        let d = self.dim();
        let mut out = vec![0.0; d];
        for (k, w) in self.weights.iter().enumerate() {
            for (j, o) in out.iter_mut().enumerate() {
                *o += w * 0.5 * (self.low[k * d + j] + self.high[k * d + j]);
            }
        }
        out
    }

    fn variances(&self) -> Vec<f64> {
        let (d, centre) = (self.dim(), self.mean());
        let mut out: Vec<f64> = self.noise.iter().map(|n| n * n).collect();
        for (k, w) in self.weights.iter().enumerate() {
            for (j, o) in out.iter_mut().enumerate() {
                let (low, high) = (self.low[k * d + j], self.high[k * d + j]);
                *o += w * ((high - low).powi(2) / 12.0 + (0.5 * (low + high) - centre[j]).powi(2));
            }
        }
        out
    }

    /// Exact for boxes that do not overlap and carry no noise.
    fn entropy(&self) -> Option<(f64, f64)> {
        let (d, k) = (self.dim(), self.weights.len());
        if self.quadrature.is_some() || k > 1024 || self.noise.iter().any(|n| *n > 0.0) {
            return None;
        }
        let apart = |a: usize, b: usize| {
            (0..d).any(|j| self.low[a * d + j] >= self.high[b * d + j] || self.low[b * d + j] >= self.high[a * d + j])
        };
        if (0..k).any(|a| (0..a).any(|b| !apart(a, b))) {
            return None;
        }
        let log_volume = |a: usize| (0..d).map(|j| (self.high[a * d + j] - self.low[a * d + j]).ln()).sum::<f64>();
        Some(((0..k).map(|a| self.weights[a] * (log_volume(a) - self.log_weights[a])).sum(), 1e-12))
    }

    fn resolution(&self) -> f64 {
        let Some(needed) = self.quadrature else { return 0.0 };
        let own = self.noise.iter().fold(f64::INFINITY, |a, b| a.min(*b));
        (needed * needed - own * own).max(0.0).sqrt()
    }

    fn form(&self) -> Form<'_> {
        Form::Boxes(self)
    }
}
