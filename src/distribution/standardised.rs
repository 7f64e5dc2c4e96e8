//! Shifting and scaling a distribution without losing its oracle.

use super::mixture::GaussianMixture;
use super::{BoxMixture, Distribution, Form, Modes, Oracle, PixelDensity, Shells};
use crate::error::{Error, Problem, Result};
use crate::random::Purpose;
use std::sync::Arc;

/// The law of `(X - shift) / scale`, coordinate by coordinate.
///
/// Mixtures, boxes and pixels keep an exact oracle for any positive scales. Other forms (shells) keep theirs only under
/// one common scale: for them the geometric mean of the scales asked for is used, and [`Standardised::scale`] says so.
pub struct Standardised {
    inner: Arc<dyn Distribution>,
    shift: Vec<f64>,
    scale: Vec<f64>,
    oracle: Option<Box<dyn Oracle>>,
    modes: Option<Modes>,
}

impl Standardised {
    /// `inner` shifted by `shift` (D) and divided by `scale` (D, positive and finite).
    pub fn new(inner: Arc<dyn Distribution>, shift: &[f64], scale: &[f64]) -> Result<Self> {
        let d = inner.dim();
        if shift.len() != d || scale.len() != d {
            let found = format!("{} shifts and {} scales", shift.len(), scale.len());
            let problem = Problem::new("wrong number of statistics for a normalisation").at(inner.name());
            return Err(Error::data(problem.found(found).expected(format!("{d} of each"))));
        }
        if let Some(j) = (0..d).find(|j| !(shift[*j].is_finite() && scale[*j].is_finite() && scale[*j] > 0.0)) {
            let problem = Problem::new("unusable normalisation").at(format!("{}, column {}", inner.name(), j + 1));
            let found = format!("shift {} and scale {}", shift[j], scale[j]);
            return Err(Error::data(problem.found(found).expected("a finite shift and a positive finite scale")));
        }
        let shift = shift.to_vec();
        let mut scale = scale.to_vec();
        let oracle: Option<Box<dyn Oracle>> = match inner.oracle().map(|oracle| oracle.form()) {
            None => None,
            Some(Form::Mixture(law)) => Some(Box::new(GaussianMixture::transformed(law, &shift, &scale))),
            Some(Form::Boxes(law)) => Some(Box::new(BoxMixture::transformed(law, &shift, &scale))),
            Some(Form::Pixels(law)) => Some(Box::new(PixelDensity::transformed(law, &shift, &scale))),
            Some(Form::Shells(law)) => {
                let common = (scale.iter().map(|c| c.ln()).sum::<f64>() / d as f64).exp();
                scale.fill(common);
                Some(Box::new(Shells::transformed(law, &shift, common)))
            }
            Some(Form::Opaque) => {
                let common = (scale.iter().map(|c| c.ln()).sum::<f64>() / d as f64).exp();
                scale.fill(common);
                Some(Box::new(CommonScale { inner: inner.clone(), shift: shift.clone(), scale: common }))
            }
        };
        let modes = inner.mode_centres().map(|modes| Modes {
            centres: modes.centres.iter().enumerate().map(|(i, v)| (v - shift[i % d]) / scale[i % d]).collect(),
            weights: modes.weights.clone(),
        });
        Ok(Self { inner, shift, scale, oracle, modes })
    }

    /// `inner` with mean 0 and variance 1 in each coordinate (in the mean over coordinates where only one scale
    /// is possible), from the oracle's moments. A coordinate without variance keeps its scale.
    pub fn from_moments(inner: Arc<dyn Distribution>) -> Result<Self> {
        let Some((mean, variances)) = inner.oracle().map(|o| (o.mean(), o.variances())) else {
            let problem = Problem::new("a distribution without known moments").at(inner.name());
            return Err(Error::usage(problem.expected("one with an oracle")));
        };
        let scale: Vec<f64> = variances.iter().map(|v| if *v > 0.0 { v.sqrt() } else { 1.0 }).collect();
        Self::new(inner, &mean, &scale)
    }

    /// The shifts (D), data units.
    pub fn shift(&self) -> &[f64] {
        &self.shift
    }
    /// The scales in force (D), data units.
    pub fn scale(&self) -> &[f64] {
        &self.scale
    }
}

impl Distribution for Standardised {
    fn name(&self) -> String {
        format!("{} standardised", self.inner.name())
    }
    fn dim(&self) -> usize {
        self.shift.len()
    }
    fn draw(&self, seed: u64, purpose: Purpose, first: u32, n: usize) -> Vec<f32> {
        let d = self.dim();
        let mut rows = self.inner.draw(seed, purpose, first, n);
        for (i, v) in rows.iter_mut().enumerate() {
            *v = ((f64::from(*v) - self.shift[i % d]) / self.scale[i % d]) as f32;
        }
        rows
    }
    fn oracle(&self) -> Option<&dyn Oracle> {
        self.oracle.as_deref()
    }
    fn mode_centres(&self) -> Option<&Modes> {
        self.modes.as_ref()
    }
}

/// An oracle behind one common scale `c`: `m (X - a)/c + sigma Z = (m X + c sigma Z - m a) / c`.
struct CommonScale {
    inner: Arc<dyn Distribution>,
    shift: Vec<f64>,
    scale: f64,
}

impl CommonScale {
    fn ask<R>(&self, question: impl FnOnce(&dyn Oracle) -> R, otherwise: R) -> R {
        // `Standardised::new` makes this only where there is an oracle
        self.inner.oracle().map_or(otherwise, question)
    }
}

impl Oracle for CommonScale {
    fn dim(&self) -> usize {
        self.shift.len()
    }
    fn score_and_log_density(&self, x: &[f64], m: f64, sigma: f64, score: &mut [f64]) -> f64 {
        let c = self.scale;
        let point: Vec<f64> = x.iter().zip(&self.shift).map(|(x, a)| c * x + m * a).collect();
        let log = self.ask(|o| o.score_and_log_density(&point, m, c * sigma, score), f64::NAN);
        score.iter_mut().for_each(|s| *s *= c);
        log + self.dim() as f64 * c.ln()
    }
    fn mean(&self) -> Vec<f64> {
        let mean = self.ask(|o| o.mean(), vec![f64::NAN; self.dim()]);
        mean.iter().zip(&self.shift).map(|(mu, a)| (mu - a) / self.scale).collect()
    }
    fn variances(&self) -> Vec<f64> {
        let variances = self.ask(|o| o.variances(), vec![f64::NAN; self.dim()]);
        variances.iter().map(|v| v / (self.scale * self.scale)).collect()
    }
    fn entropy(&self) -> Option<(f64, f64)> {
        let (value, error) = self.ask(|o| o.entropy(), None)?;
        Some((value - self.dim() as f64 * self.scale.ln(), error))
    }
    fn resolution(&self) -> f64 {
        self.ask(|o| o.resolution(), 0.0) / self.scale
    }
    fn form(&self) -> Form<'_> {
        Form::Opaque
    }
}
