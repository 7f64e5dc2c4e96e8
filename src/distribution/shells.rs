//! Circles and spheres with isotropic noise, in closed form (Bessel functions), embedded in any dimension.
//!
//! Source: the von Mises-Fisher integral. With `r` the distance from the centre inside the span of dimension k,
//! `s2 = m^2 noise^2 + sigma^2`, `kappa = m R r / s2` and `F` the average of `e^(kappa <u, e>)` over the unit sphere:
//! `log p = -D/2 ln(2 pi s2) - (|y|^2 + m^2 R^2) / (2 s2) + ln F(kappa)`,
//! `score = -y / s2 + (m R / s2) F'/F(kappa) y_span / r`.

use super::linalg::{fill_normals, random_frame};
use super::special::{LN_SQRT_TAU, sphere_average};
use super::{Form, LogSum, Oracle, cumulative, pick};
use crate::random::Stream;

/// Spheres of several radii around the origin of a `span`-dimensional subspace of R^D, plus noise `N(0, noise^2 I)`.
#[derive(Debug, Clone)]
pub struct Shells {
    dim: usize,
    span: usize,
    weights: Vec<f64>,
    cumulative: Vec<f64>,
    radii: Vec<f64>,
    noise: f64,
    /// Orthonormal rows (span, D) of a rotated subspace; absent when it is the first `span` coordinates.
    frame: Option<Vec<f64>>,
    /// (D)
    centre: Vec<f64>,
}

impl Shells {
    /// Shells with `weights` (K; they are normalised) and `radii` (K), of dimension span - 1 (span >= 2), in `dim`
    /// dimensions (dim >= span), with noise of standard deviation `noise` in every direction. With `rotate` the
    /// subspace is a random one, a function of that seed; otherwise it is the first `span` coordinates.
    pub fn new(dim: usize, span: usize, weights: Vec<f64>, radii: Vec<f64>, noise: f64, rotate: Option<u64>) -> Self {
        let total: f64 = weights.iter().sum();
        let weights: Vec<f64> = weights.iter().map(|w| w / total).collect();
        // a sphere that fills the space is not changed by rotation
        let frame = rotate.filter(|_| span < dim).map(|seed| random_frame(dim, span, seed));
        Self { dim, span, cumulative: cumulative(&weights), weights, radii, noise, frame, centre: vec![0.0; dim] }
    }

    /// The law of `(X - shift) / scale`; one scale for all coordinates, because only so shells stay shells.
    pub fn transformed(&self, shift: &[f64], scale: f64) -> Self {
        let centre = self.centre.iter().zip(shift).map(|(c, s)| (c - s) / scale).collect();
        let radii = self.radii.iter().map(|r| r / scale).collect();
        Self { centre, radii, noise: self.noise / scale, ..self.clone() }
    }

    /// Weights of the shells (K), adding to 1.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }
    /// Radii of the shells (K), data units.
    pub fn radii(&self) -> &[f64] {
        &self.radii
    }
    /// Standard deviation of the noise, data units.
    pub fn noise(&self) -> f64 {
        self.noise
    }
    /// The common centre (D), data units.
    pub fn centre(&self) -> &[f64] {
        &self.centre
    }
    /// Dimension of the subspace in which the shells lie.
    pub fn span(&self) -> usize {
        self.span
    }
    /// Orthonormal rows (span, D) of a rotated subspace; absent when it is the first `span` coordinates.
    pub fn frame(&self) -> Option<&[f64]> {
        self.frame.as_deref()
    }

    /// One row of `X_0` (D) from its stream.
    pub(super) fn draw_row(&self, stream: &mut Stream, out: &mut [f64]) {
        let radius = self.radii[pick(&self.cumulative, stream.unit())];
        let mut direction = vec![0.0; self.span];
        fill_normals(stream, &mut direction);
        let norm = direction.iter().map(|v| v * v).sum::<f64>().sqrt();
        fill_normals(stream, out);
        out.iter_mut().zip(&self.centre).for_each(|(o, c)| *o = c + self.noise * *o);
        match &self.frame {
            None => out.iter_mut().zip(&direction).for_each(|(o, u)| *o += radius * u / norm),
            Some(frame) => {
                for (row, u) in frame.chunks_exact(self.dim).zip(&direction) {
                    out.iter_mut().zip(row).for_each(|(o, f)| *o += radius * u / norm * f);
                }
            }
        }
    }

    /// The part of `x` inside the subspace, as a vector of R^D.
    fn projected(&self, x: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.dim];
        match &self.frame {
            None => out[..self.span].copy_from_slice(&x[..self.span]),
            Some(frame) => {
                for row in frame.chunks_exact(self.dim) {
                    let amount: f64 = row.iter().zip(x).map(|(f, x)| f * x).sum();
                    out.iter_mut().zip(row).for_each(|(o, f)| *o += amount * f);
                }
            }
        }
        out
    }
}

impl Oracle for Shells {
    fn dim(&self) -> usize {
        self.dim
    }

    fn score_and_log_density(&self, x: &[f64], m: f64, sigma: f64, score: &mut [f64]) -> f64 {
        let s2 = (m * self.noise).powi(2) + sigma * sigma;
        if s2 <= 0.0 {
            score.fill(0.0);
            return f64::NEG_INFINITY;
        }
        let x: Vec<f64> = x.iter().zip(&self.centre).map(|(x, c)| x - m * c).collect();
        let inside = self.projected(&x);
        let r = inside.iter().map(|v| v * v).sum::<f64>().sqrt();
        let outside2: f64 = x.iter().zip(&inside).map(|(x, y)| (x - y).powi(2)).sum();
        let mut pull = [0.0];
        let mut sum = LogSum::new(&mut pull);
        for (weight, radius) in self.weights.iter().zip(&self.radii) {
            let reach = m * radius;
            let (log_f, q) = sphere_average(self.span, reach * r / s2);
            // (r - mR)^2 instead of r^2 + m^2 R^2 - 2 m R r: nothing cancels close to the shell
            if let Some(share) = sum.weight(weight.ln() - 0.5 * (r - reach).powi(2) / s2 + log_f) {
                sum.add(0, share * (reach / s2) * (reach / s2) * q / self.span as f64);
            }
        }
        let log = sum.finish();
        for (j, s) in score.iter_mut().enumerate() {
            *s = -x[j] / s2 + pull[0] * inside[j];
        }
        log - self.dim as f64 * (LN_SQRT_TAU + 0.5 * s2.ln()) - 0.5 * outside2 / s2
    }

    fn mean(&self) -> Vec<f64> {
        self.centre.clone()
    }

    fn variances(&self) -> Vec<f64> {
        let square: f64 = self.weights.iter().zip(&self.radii).map(|(w, r)| w * r * r).sum::<f64>() / self.span as f64;
        let share = |j: usize| match &self.frame {
            None => f64::from(u8::from(j < self.span)),
            Some(frame) => frame.chunks_exact(self.dim).map(|row| row[j] * row[j]).sum(),
        };
        (0..self.dim).map(|j| self.noise * self.noise + square * share(j)).collect()
    }

    fn entropy(&self) -> Option<(f64, f64)> {
        (self.noise == 0.0).then_some((f64::NEG_INFINITY, 0.0))
    }

    fn form(&self) -> Form<'_> {
        Form::Shells(self)
    }
}
