//! Laws on curves with noise, in a space of any dimension: `X = g(U) + noise`, U on [0, 1]. Draws come from the curve itself; density and score
//! from Gauss-Legendre quadrature over U, which turns the law into a mixture with one component a node.
//!
//! Eight nodes on panels no longer than one standard deviation of the noise leave an error below 1e-9 relative
//! within ten standard deviations and 1e-4 at 25 (measured in the tests); the formula is that of Yakovlev and Puchkin (2025), assumption
//! 1, with d = 1.

use super::datasets::Built;
use super::mixture::{Covariance, GaussianMixture};
use super::{BoxMixture, cumulative, pick};
use crate::random::Stream;
use std::sync::Arc;

/// Positive nodes of the 8-point Gauss-Legendre rule on [-1, 1] and their weights.
const RULE: [(f64, f64); 4] = [
    (0.183_434_642_495_649_8, 0.362_683_783_378_362),
    (0.525_532_409_916_329, 0.313_706_645_877_887_3),
    (0.796_666_477_413_626_7, 0.222_381_034_453_374_5),
    (0.960_289_856_497_536_3, 0.101_228_536_290_376_3),
];

/// Fewest and most panels of a curve; the upper bound limits the cost when the noise is small or absent.
const PANELS: (usize, usize) = (8, 512);

/// How `U` is distributed on [0, 1].
#[derive(Clone, Copy)]
pub enum Parameter {
    /// Uniformly.
    Uniform,
    /// As the square root of a uniform number (density 2u).
    Root,
}

/// One piece of a curve: its mass, its points, and the law of its parameter.
pub struct Piece {
    pub weight: f64,
    pub parameter: Parameter,
    pub point: Box<dyn Fn(f64) -> Vec<f64> + Send + Sync>,
}

/// Nodes of a composite rule on the panels between rising `bounds`: `(u, weight)`.
pub fn nodes(bounds: &[f64]) -> impl Iterator<Item = (f64, f64)> {
    bounds.windows(2).flat_map(|pair| {
        let (centre, half) = (0.5 * (pair[0] + pair[1]), 0.5 * (pair[1] - pair[0]));
        RULE.iter().flat_map(move |(x, w)| [(centre - x * half, w * half), (centre + x * half, w * half)])
    })
}

/// The law of `g(U) + N(0, noise^2 I)`.
pub fn curve(pieces: Vec<Piece>, noise: f64) -> Built {
    let (weights, points, longest) = discretised(&pieces, noise);
    let count = weights.len();
    let law =
        GaussianMixture::new(points.len() / count, weights, points, Covariance::Isotropic(vec![noise * noise; count]));
    let masses = cumulative(&pieces.iter().map(|piece| piece.weight).collect::<Vec<_>>());
    let sampler = move |stream: &mut Stream, out: &mut [f64]| {
        let point = draw_point(&pieces, &masses, stream).1;
        for (o, centre) in out.iter_mut().zip(point) {
            *o = centre + noise * stream.normal();
        }
    };
    Built { oracle: Arc::new(law.with_resolution(0.5 * longest)), sampler: Box::new(sampler), modes: None }
}

/// As [`curve`] with panels twice as long, because a box costs ten times what a point costs: each piece `i` smeared over the box between 0 and `jitter[i]` (both coordinates) before the noise.
pub fn smeared_curve(pieces: Vec<Piece>, jitter: Vec<f64>, noise: f64) -> Built {
    let (mut weights, mut low, mut high) = (Vec::new(), Vec::new(), Vec::new());
    let mut longest = 0.0f64;
    for (piece, side) in pieces.iter().zip(&jitter) {
        let (w, points, panel) = discretised(std::slice::from_ref(piece), 2.0 * noise);
        longest = longest.max(panel);
        weights.extend(w);
        low.extend(points.iter().map(|p| p + side.min(0.0)));
        high.extend(points.iter().map(|p| p + side.max(0.0)));
    }
    let law = BoxMixture::new(weights, low, high, vec![noise; 2]).with_resolution(0.5 * longest);
    let masses = cumulative(&pieces.iter().map(|piece| piece.weight).collect::<Vec<_>>());
    let sampler = move |stream: &mut Stream, out: &mut [f64]| {
        let (i, point) = draw_point(&pieces, &masses, stream);
        for (o, centre) in out.iter_mut().zip(point) {
            *o = centre + jitter[i] * stream.unit() + noise * stream.normal();
        }
    };
    Built { oracle: Arc::new(law), sampler: Box::new(sampler), modes: None }
}

/// A random point of the curve and the number of its piece.
fn draw_point(pieces: &[Piece], masses: &[f64], stream: &mut Stream) -> (usize, Vec<f64>) {
    let i = pick(masses, stream.unit());
    let u = match pieces[i].parameter {
        Parameter::Uniform => stream.unit(),
        Parameter::Root => stream.unit().sqrt(),
    };
    (i, (pieces[i].point)(u))
}

/// Weights (K), points (K, D) and the length of the longest panel; `panel` is the length aimed at.
fn discretised(pieces: &[Piece], panel: f64) -> (Vec<f64>, Vec<f64>, f64) {
    let (mut weights, mut points, mut longest) = (Vec::new(), Vec::new(), 0.0f64);
    for piece in pieces {
        let (bounds, length) = panels(piece, panel);
        longest = longest.max(length);
        for (u, weight) in nodes(&bounds) {
            let density = match piece.parameter {
                Parameter::Uniform => 1.0,
                Parameter::Root => 2.0 * u,
            };
            weights.push(piece.weight * weight * density);
            points.extend((piece.point)(u));
        }
    }
    (weights, points, longest)
}

/// Bounds of panels of equal length along the curve, at most `panel` where their number allows, and that length.
fn panels(piece: &Piece, panel: f64) -> (Vec<f64>, f64) {
    let steps = 4000;
    let at = |i: usize| i as f64 / steps as f64;
    let pieces: Vec<f64> = (0..steps).map(|i| speed(piece, at(i) + 0.5 / steps as f64) / steps as f64).collect();
    let lengths = cumulative(&pieces);
    let total = lengths[steps - 1];
    let count = ((total / panel).ceil() as usize).clamp(PANELS.0, PANELS.1);
    let mut bounds = vec![0.0];
    for p in 1..count {
        let wanted = total * p as f64 / count as f64;
        let i = lengths.partition_point(|l| *l < wanted);
        bounds.push(at(i + 1) - (lengths[i] - wanted) / pieces[i] / steps as f64);
    }
    bounds.push(1.0);
    (bounds, total / count as f64)
}

/// Length of the derivative of the curve at `u`.
fn speed(piece: &Piece, u: f64) -> f64 {
    let h = 1e-5;
    let (a, b) = ((piece.point)(u - h), (piece.point)(u + h));
    a.iter().zip(&b).map(|(a, b)| (b - a).powi(2)).sum::<f64>().sqrt() / (2.0 * h)
}
