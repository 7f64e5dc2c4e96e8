//! Mixtures, boxes and pixels, laid out for their kernels.

use super::culling::Atoms;
use super::{Input, Law, in_range, slices};
use crate::distribution::{Covariance, GaussianMixture, PixelDensity};
use crate::error::{Error, Problem, Result};
use crate::recording::{TURNS, pad};
use std::sync::Arc;

/// The kernel for few dimensions, whose number fills a slot.
pub const FEW: &str = "score/mixture";
/// Dimensions up to which it goes.
const FEW_AXES: usize = 4;
/// Dimensions that the private arrays of the other kernels hold; `MOST` of `score/mixture_full` and `score/boxes`.
const MOST_AXES: usize = 64;
/// Logarithm of an atom that fills up a quad: no mass; `NOTHING` of `lib/oracle`.
const NOTHING: f32 = -1e30;

/// A number as the sum of two of f32.
pub(super) fn parts(v: f64) -> [f32; 2] {
    let high = v as f32;
    [high, (v - f64::from(high)) as f32]
}

pub(super) fn input(variable: &'static str, shape: &[usize], values: Vec<f32>) -> Input {
    Input { variable, shape: shape.to_vec(), values: Arc::new(values) }
}

/// A law of so many items, each of which takes so many turns of a kernel's loops.
fn counted(
    dim: usize,
    kernel: &'static str,
    (name, items): (&'static str, usize),
    turns: usize,
    inputs: Vec<Input>,
) -> Law {
    let slices = slices(items, dim);
    let stretch = items.div_ceil(slices);
    let params = vec![(name, items.into()), ("stretch", stretch.into())];
    // the kernel for few dimensions takes a turn an item, and no pieces
    let turns = (kernel != FEW).then_some(turns);
    Law { dim, kernel, inputs, params, slices, items, turns, variance: None, culling: None }
}

/// A mixture of normal components.
pub fn mixture(law: &GaussianMixture) -> Result<Law> {
    let dim = law.means().len() / law.weights().len();
    match law.covariance() {
        Covariance::Isotropic(v) => {
            let common = v.iter().all(|x| *x == v[0]);
            atoms(dim, law.weights(), law.means(), if common { &v[..1] } else { v }, false)
        }
        Covariance::Diagonal(v) => atoms(dim, law.weights(), law.means(), v, true),
        Covariance::Full { values, vectors } => full(dim, law.weights(), law.means(), values, vectors),
    }
}

/// Atoms with `variances`: one for all, one each, or (`diagonal`) one each and coordinate.
pub fn atoms(dim: usize, weights: &[f64], means: &[f64], variances: &[f64], diagonal: bool) -> Result<Law> {
    in_range("an atom", means.iter().chain(variances))?;
    let count = weights.len();
    let few = dim <= FEW_AXES && !diagonal;
    let per_atom = if diagonal { dim } else { 1 };
    let stride = 2 * dim + 1 + per_atom;
    let quads = pad(count, 4) / 4;
    let culled = match variances {
        &[variance] if few => Atoms { dim, weights, means, variance }.culled(),
        _ => None,
    };
    let (order, culling) = culled.unzip();
    let mut values = vec![0.0f32; quads * stride * 4];
    let variance = |k: usize, d: usize| match (diagonal, variances.len()) {
        (true, _) => variances[k * dim + d],
        (false, 1) => variances[0],
        (false, _) => variances[k],
    };
    for k in 0..4 * quads {
        let mut set = |column: usize, value: f32| values[(k / 4 * stride + column) * 4 + k % 4] = value;
        // what fills the last quad lies where the last atom lies, and weighs nothing
        let place = k.min(count - 1);
        let atom = order.as_ref().map_or(place, |o| o[place]);
        for d in 0..dim {
            let [high, low] = parts(means[atom * dim + d]);
            set(d, high);
            set(dim + d, low);
        }
        set(2 * dim, if k < count { weights[atom].ln() as f32 } else { NOTHING });
        (0..per_atom).for_each(|d| set(2 * dim + 1 + d, variance(atom, d) as f32));
    }
    let inputs = vec![input("atoms", &[quads, stride, 4], values)];
    let kernel = if few { FEW } else { "score/mixture_wide" };
    let mut law = counted(dim, kernel, ("quads", quads), 1 + 2 * (dim + 1), inputs);
    if few && quads.div_ceil(law.slices) > TURNS {
        let most = 4 * TURNS * law.slices;
        let problem = Problem::new("the exact score of so many atoms does not run on a device");
        return Err(Error::usage(problem.found(count).expected(format!("at most {most} in {dim} dimensions"))));
    }
    if few {
        law.variance = Some(if variances.len() == 1 { "score/variance/one" } else { "score/variance/each" });
        law.params.push(("reach", culling.as_ref().map_or(0.0, |c| c.reach).into()));
    } else {
        law.params.push(("variances", per_atom.into()));
    }
    law.culling = culling;
    Ok(law)
}

/// Components with full covariances: eigenvalues (K, D) and eigenvectors as rows (K, D, D).
fn full(dim: usize, weights: &[f64], means: &[f64], values: &[f64], vectors: &[f64]) -> Result<Law> {
    in_range("a component", means.iter().chain(values))?;
    fits(dim, "full covariances")?;
    let mut rows = Vec::with_capacity(weights.len() * (1 + 3 * dim + dim * dim));
    for (k, weight) in weights.iter().enumerate() {
        let mean = &means[k * dim..][..dim];
        rows.push(weight.ln() as f32);
        (0..2).for_each(|part| rows.extend(mean.iter().map(|v| parts(*v)[part])));
        rows.extend(values[k * dim..][..dim].iter().map(|v| *v as f32));
        rows.extend(vectors[k * dim * dim..][..dim * dim].iter().map(|v| *v as f32));
    }
    let shape = [weights.len(), 1 + 3 * dim + dim * dim];
    let turns = 1 + (dim + 1) + 2 * (dim + 1) * (dim + 1);
    let inputs = vec![input("components", &shape, rows)];
    Ok(counted(dim, "score/mixture_full", ("components", weights.len()), turns, inputs))
}

/// Boxes (K) with corners (K, D) and noise (D, standard deviations).
pub fn boxes(weights: &[f64], low: &[f64], high: &[f64], noise: &[f64]) -> Result<Law> {
    in_range("a corner of a box", low.iter().chain(high).chain(noise))?;
    let dim = noise.len();
    fits(dim, "boxes")?;
    let mut rows = Vec::with_capacity(weights.len() * (1 + 4 * dim));
    for (k, weight) in weights.iter().enumerate() {
        rows.push(weight.ln() as f32);
        for corner in [low, high] {
            (0..2).for_each(|part| rows.extend(corner[k * dim..][..dim].iter().map(|v| parts(*v)[part])));
        }
    }
    let inputs = vec![
        input("boxes", &[weights.len(), 1 + 4 * dim], rows),
        input("noise", &[dim], noise.iter().map(|n| (n * n) as f32).collect()),
    ];
    Ok(counted(dim, "score/boxes", ("boxes", weights.len()), 1 + 3 * (dim + 1), inputs))
}

/// A picture: its pixels with mass, as boxes.
pub fn pixels(law: &PixelDensity) -> Result<Law> {
    let (corner, pitch) = (law.corner(), law.pitch());
    let (mut weights, mut low, mut high) = (Vec::new(), Vec::new(), Vec::new());
    for (i, mass) in law.mass().iter().enumerate().filter(|(_, mass)| **mass > 0.0) {
        let cell = [i % law.width(), i / law.width()];
        weights.push(*mass);
        low.extend((0..2).map(|j| corner[j] + pitch[j] * cell[j] as f64));
        high.extend((0..2).map(|j| corner[j] + pitch[j] * (cell[j] + 1) as f64));
    }
    boxes(&weights, &low, &high, &[0.0; 2])
}

fn fits(dim: usize, what: &str) -> Result<()> {
    if dim <= MOST_AXES {
        return Ok(());
    }
    let problem = Problem::new(format!("the exact score of {what} does not run on a device in so many dimensions"));
    Err(Error::usage(problem.found(dim).expected(format!("at most {MOST_AXES}"))))
}
