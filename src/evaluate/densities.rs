//! Log ratios of the densities of the exact law and of a model, for KL divergences.

use super::Watch;
use crate::distribution::Distribution;
use crate::error::Result;
use crate::likelihood::{Carrier, Device, Divergence, Integration, MOST_EXACT, log_densities};
use crate::metrics::densities;
use crate::random::{Purpose, normals, words};
use crate::recording::Engine;
use crate::score::{AnyScore, Score};

/// Draws of the law, and of the model.
const DRAWS: usize = 2000;
/// Rows on the device at a time.
const CHUNK: usize = 4096;
/// Vectors of random signs where the divergence is not exact.
const PROBES: usize = 8;

/// ln p - ln q at t0, p the exact law and q the law that the probability flow of the model ends in.
#[derive(Debug, Clone)]
pub struct Ratios {
    forward: Vec<f64>,
    reverse: Vec<f64>,
    of: String,
}

impl Ratios {
    pub(super) fn view(&self) -> densities::Ratios<'_> {
        densities::Ratios { forward: &self.forward, reverse: &self.reverse, of: &self.of }
    }
}

/// Log ratios at draws of the law (model units) at t0 and at draws of the model's deterministic sampler.
pub fn log_ratios(
    engine: &mut dyn Engine,
    score: &AnyScore,
    law: &dyn Distribution,
    seed: u64,
    watch: Watch,
) -> Result<Option<Ratios>> {
    let Some(oracle) = law.oracle() else { return Ok(None) };
    let (dim, process) = (score.dim(), score.process.clone());
    let (t0, spread) = (process.t0(), process.prior_std());
    let (m, sigma) = (process.mean(t0), process.sigma(t0));
    let normal = |i: usize, block: u32| {
        let (row, d) = ((i / dim) as u32, i % dim);
        normals(words(seed, Purpose::Metric, row, block, d as u32 / 4))[d % 4]
    };
    let mut drawn = law.draw(seed, Purpose::Reference, 0, DRAWS);
    let at_t0 = crate::metrics::draw::AT_T0;
    drawn.iter_mut().enumerate().for_each(|(i, v)| *v = (m * f64::from(*v) + sigma * normal(i, at_t0)) as f32);
    let at_end = crate::metrics::draw::AT_END;
    let start: Vec<f32> = (0..DRAWS * dim).map(|i| (spread * normal(i, at_end)) as f32).collect();
    let divergence = if dim <= MOST_EXACT { Divergence::Exact } else { Divergence::Hutchinson { probes: PROBES } };
    let mut hear = |what: &str, _: usize| watch(what);
    let mut carrier = Device { engine, score, divergence, seed, chunk: CHUNK, watch: &mut hear };
    let mut how = Integration::default();
    let steps = how.steps(&mut carrier, &drawn)?;
    how.steps = Some(steps);
    let down = how.plan(&process, steps, false)?;
    let made: Vec<f32> =
        carrier.carry(&start, &down, "samples of the flow")?.points.iter().map(|v| *v as f32).collect();
    let mut ratios = |points: &[f32]| -> Result<Vec<f64>> {
        let model = log_densities(&mut carrier, &how, points)?.values;
        let wide = |row: &[f32]| row.iter().map(|v| f64::from(*v)).collect::<Vec<_>>();
        let exact = points.chunks(dim).map(|row| oracle.log_density(&wide(row), m, sigma));
        Ok(exact.zip(model).map(|(e, q)| e - q).collect())
    };
    let (forward, reverse) = (ratios(&drawn)?, ratios(&made)?);
    let of = format!("x at t0 = {t0} and of the model's probability flow ({steps} steps of {})", how.method);
    Ok(Some(Ratios { forward, reverse, of }))
}
