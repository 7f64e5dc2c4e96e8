//! Smooth manifolds with normal noise in a space of any dimension: `X = R g(U) + noise`, U uniform on the unit cube, R the
//! first coordinates or a random frame (Yakovlev and Puchkin 2025, assumption 1). Density and score by quadrature over U.

use super::curve::{Parameter, Piece, curve};
use super::datasets::Built;
use super::gmm::{DEVIATIONS, MAX_LENGTH};
use super::linalg::random_frame;
use super::mixture::{Covariance, GaussianMixture};
use super::spec::Options;
use super::{BoxMixture, MAX_DIM};
use crate::error::Result;
use crate::random::Stream;
use std::f64::consts::TAU;
use std::sync::Arc;

/// Most quadrature nodes of a surface.
const MOST_NODES: f64 = 32_768.0;
/// Largest dimension in which boxes stand for a segment.
const MOST_BOX_AXES: usize = 64;

/// Where a manifold of R^k lies in R^D.
#[derive(Clone)]
struct Place {
    dim: usize,
    /// Orthonormal rows (k, D); absent for the first coordinates.
    frame: Option<Vec<f64>>,
}

impl Place {
    /// By the keys `dim` (0 stands for k) and `rotate`.
    fn of(o: &Options, k: usize) -> Result<Self> {
        let dim = if o.text("dim").is_empty() { k } else { o.count("dim", k..=MAX_DIM)? };
        Ok(Self { dim, frame: o.seed("rotate")?.map(|seed| random_frame(dim, k, seed)) })
    }

    fn put(&self, x: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.dim];
        match &self.frame {
            None => out[..x.len()].copy_from_slice(x),
            Some(frame) => {
                for (row, x) in frame.chunks_exact(self.dim).zip(x) {
                    out.iter_mut().zip(row).for_each(|(o, f)| *o += x * f);
                }
            }
        }
        out
    }
}

/// The law of a curve of R^k with noise.
fn placed(o: &Options, k: usize, point: impl Fn(f64) -> Vec<f64> + Send + Sync + 'static) -> Result<Built> {
    let place = Place::of(o, k)?;
    let scale = o.number("scale", 1e-6..=MAX_LENGTH)?;
    let noise = o.number("noise", DEVIATIONS)?;
    let point = move |u: f64| place.put(&point(u).iter().map(|v| scale * v).collect::<Vec<_>>());
    Ok(curve(vec![Piece { weight: 1.0, parameter: Parameter::Uniform, point: Box::new(point) }], noise))
}

/// `(2 u - 1) e_1`: exact, as a box without extent across, unless it is turned.
pub fn segment(o: &Options) -> Result<Built> {
    let place = Place::of(o, 1)?;
    if place.frame.is_some() || place.dim > MOST_BOX_AXES {
        return placed(o, 1, |u| vec![2.0 * u - 1.0]);
    }
    let scale = o.number("scale", 1e-6..=MAX_LENGTH)?;
    let noise = o.number("noise", DEVIATIONS)?;
    let ends = [-scale, scale].map(|end| place.put(&[end]));
    let law = Arc::new(BoxMixture::new(vec![1.0], ends[0].clone(), ends[1].clone(), vec![noise; place.dim]));
    let oracle = law.clone();
    Ok(Built { oracle, sampler: Box::new(move |stream, out| law.draw_row(stream, out)), modes: None })
}

/// `(cos 2 pi n u, sin 2 pi n u, pitch n (u - 1/2))`, n turns.
pub fn helix(o: &Options) -> Result<Built> {
    let turns = o.number("turns", 1e-3..=64.0)?;
    let pitch = o.number("pitch", 0.0..=MAX_LENGTH)?;
    placed(o, 3, move |u| {
        let (sin, cos) = (TAU * turns * u).sin_cos();
        vec![cos, sin, pitch * turns * (u - 0.5)]
    })
}

/// Groups of numbers of one dimension.
fn coefficients(o: &Options, key: &str) -> Result<Vec<Vec<f64>>> {
    if o.text(key).is_empty() {
        return Ok(Vec::new());
    }
    let groups = o.groups(key)?;
    match groups.iter().find(|g| g.len() != groups[0].len()) {
        None => Ok(groups),
        Some(odd) => {
            let expected = format!("{}, as in the first group", groups[0].len());
            Err(o.refuse(key, "coefficients of different dimensions", odd.len(), &expected))
        }
    }
}

/// `sum_j a_j cos 2 pi j u + b_j sin 2 pi j u`, j from 1.
pub fn fourier(o: &Options) -> Result<Built> {
    let (cosines, sines) = (coefficients(o, "cos")?, coefficients(o, "sin")?);
    let k = cosines.first().or(sines.first()).map_or(1, Vec::len);
    if let Some(other) = sines.first().filter(|g| g.len() != k) {
        return Err(o.refuse("sin", "coefficients of different dimensions", other.len(), &format!("{k}, as in cos")));
    }
    placed(o, k, move |u| {
        let mut x = vec![0.0; k];
        for (groups, phase) in [(&cosines, 0.0), (&sines, 0.25)] {
            for (j, group) in groups.iter().enumerate() {
                let wave = (TAU * ((j + 1) as f64 * u - phase)).cos();
                x.iter_mut().zip(group).for_each(|(x, a)| *x += a * wave);
            }
        }
        x
    })
}

/// `sum_j c_j u^j`, j from 0, by Horner's rule.
pub fn poly(o: &Options) -> Result<Built> {
    let groups = coefficients(o, "c")?;
    let k = groups.first().map_or(1, Vec::len);
    placed(o, k, move |u| {
        groups.iter().rev().fold(vec![0.0; k], |x, group| x.iter().zip(group).map(|(x, c)| x * u + c).collect())
    })
}

/// `((R + r cos b) cos a, (R + r cos b) sin a, r sin b)`, both angles uniform. The trapezoidal rule in both: for steps no
/// longer than the noise its error is e^(-2 pi^2).
pub fn torus(o: &Options) -> Result<Built> {
    let place = Place::of(o, 3)?;
    let scale = o.number("scale", 1e-6..=MAX_LENGTH)?;
    let noise = o.number("noise", DEVIATIONS)?;
    let (large, small) = (o.number("radius", 0.0..=MAX_LENGTH)?, o.number("tube", 0.0..=MAX_LENGTH)?);
    let point = move |a: f64, b: f64| {
        let away = large + small * b.cos();
        place.put(&[away * a.cos(), away * a.sin(), small * b.sin()].map(|v| scale * v))
    };
    let lengths = [TAU * scale * (large + small), TAU * scale * small];
    let finest = (lengths[0].max(1e-300) * lengths[1].max(1e-300) / MOST_NODES).sqrt();
    let step = noise.max(finest).max(lengths[0] / MOST_NODES);
    let counts = lengths.map(|l| ((l / step).ceil() as usize).max(4));
    let angle = |i: usize, n: usize| TAU * i as f64 / n as f64;
    let atoms: Vec<f64> = (0..counts[0] * counts[1])
        .flat_map(|i| point(angle(i % counts[0], counts[0]), angle(i / counts[0], counts[1])))
        .collect();
    let count = counts[0] * counts[1];
    let spread = (0..2).map(|i| lengths[i] / counts[i] as f64).fold(0.0, f64::max);
    let dim = atoms.len() / count;
    let law = GaussianMixture::new(dim, vec![1.0; count], atoms, Covariance::Isotropic(vec![noise * noise; count]))
        .with_resolution(spread);
    let sampler = move |stream: &mut Stream, out: &mut [f64]| {
        let [a, b] = [TAU * stream.unit(), TAU * stream.unit()];
        for (o, centre) in out.iter_mut().zip(point(a, b)) {
            *o = centre + noise * stream.normal();
        }
    };
    Ok(Built { oracle: Arc::new(law), sampler: Box::new(sampler), modes: None })
}
