//! The integral of a density over all of space, which is 1 whatever the score: a check of the log densities themselves.

use super::{Carrier, Integration};
use crate::error::{Error, Problem, Result};

/// Radius of the disc of the start, in its standard deviations, whose image is integrated over: all but 4e-5 of the mass.
const REACH: f64 = 4.5;
/// Points on its rim.
const RIM: usize = 1024;
/// How far below the largest log density a cell is left out of the next, finer grid.
const NEGLIGIBLE: f64 = 20.0;
/// What a finer grid may change.
const SETTLED: f64 = 2e-4;

/// What a density adds up to.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalisation {
    /// The integral.
    pub value: f64,
    /// What the last refinement of the grid changed in it.
    pub change: f64,
    /// Cells an axis of the finest grid.
    pub cells: usize,
    /// Points that were evaluated.
    pub nodes: usize,
}

/// Cells an axis: the coarsest and the finest grid in 1 and 2 dimensions.
const CELLS: [(usize, usize); 2] = [(256, 1 << 16), (64, 1024)];

/// The integral of e^ln p over the image of a disc by the midpoint rule, model units, in one or two dimensions; the grid is
/// halved, where there is mass, until that changes less than 2e-4.
pub fn normalisation(carrier: &mut dyn Carrier, how: &Integration, steps: usize) -> Result<Normalisation> {
    let dim = carrier.dim();
    if dim > 2 {
        let problem = Problem::new("a density is integrated over a grid in few dimensions only").at("--check");
        return Err(Error::usage(problem.found(dim).expected("1 or 2")));
    }
    let (low, high) = image(carrier, how, steps)?;
    let (mut cells, most) = CELLS[dim - 1];
    let mut kept: Vec<[usize; 2]> =
        (0..cells.pow(dim as u32)).map(|i| [i % cells, if dim == 2 { i / cells } else { 0 }]).collect();
    let (mut before, mut nodes) = (f64::NAN, 0);
    loop {
        let width: Vec<f64> = (0..dim).map(|d| (high[d] - low[d]) / cells as f64).collect();
        let centre = |c: &[usize; 2]| -> Vec<f32> {
            (0..dim).map(|d| (low[d] + (c[d] as f64 + 0.5) * width[d]) as f32).collect()
        };
        let points: Vec<f32> = kept.iter().flat_map(centre).collect();
        let logs = super::values(carrier, how, steps, &points, "integrating the density")?.logs;
        nodes += logs.len();
        let value = logs.iter().map(|l| l.exp()).sum::<f64>() * width.iter().product::<f64>();
        let change = (value - before).abs();
        if change < SETTLED || cells >= most {
            return Ok(Normalisation { value, change, cells, nodes });
        }
        before = value;
        kept = finer(&kept, &logs, cells, dim);
        cells *= 2;
    }
}

/// The cells of a grid twice as fine that lie in, or beside, those with mass.
fn finer(kept: &[[usize; 2]], logs: &[f64], cells: usize, dim: usize) -> Vec<[usize; 2]> {
    let most = logs.iter().fold(f64::NEG_INFINITY, |m, l| m.max(*l));
    let rows = if dim == 2 { cells } else { 1 };
    let mut wanted = vec![false; cells * rows];
    for (c, _) in kept.iter().zip(logs).filter(|(_, l)| **l > most - NEGLIGIBLE) {
        for j in c[1].saturating_sub(1)..=(c[1] + 1).min(rows - 1) {
            for i in c[0].saturating_sub(1)..=(c[0] + 1).min(cells - 1) {
                wanted[j * cells + i] = true;
            }
        }
    }
    let halves = |at: usize, split: bool| if split { 2 * at..2 * at + 2 } else { at..at + 1 };
    let all = (0..cells * rows).filter(|&i| wanted[i]);
    all.flat_map(|i| halves(i / cells, dim == 2).flat_map(move |y| halves(i % cells, true).map(move |x| [x, y])))
        .collect()
}

/// A box around the image at t0 of the disc of radius [`REACH`], a little larger.
fn image(carrier: &mut dyn Carrier, how: &Integration, steps: usize) -> Result<(Vec<f64>, Vec<f64>)> {
    let (dim, radius) = (carrier.dim(), REACH * carrier.process().prior_std());
    let angle = |i: usize| std::f64::consts::TAU * i as f64 / RIM as f64;
    let rim: Vec<f32> = match dim {
        1 => vec![-radius as f32, radius as f32],
        _ => (0..RIM).flat_map(|i| [angle(i).cos(), angle(i).sin()]).map(|v| (radius * v) as f32).collect(),
    };
    let plan = how.plan(carrier.process(), steps, false)?;
    let ends = carrier.carry(&rim, &plan, "where the mass is")?.points;
    let (mut low, mut high) = (vec![f64::INFINITY; dim], vec![f64::NEG_INFINITY; dim]);
    for (i, v) in ends.iter().enumerate() {
        low[i % dim] = low[i % dim].min(*v);
        high[i % dim] = high[i % dim].max(*v);
    }
    for d in 0..dim {
        let margin = 0.05 * (high[d] - low[d]);
        (low[d], high[d]) = (low[d] - margin, high[d] + margin);
    }
    if low.iter().chain(&high).all(|v| v.is_finite()) {
        return Ok((low, high));
    }
    Err(Error::diverged(Problem::new("the flow from noise to data is not finite").hint("more --steps")))
}
