//! The error of the samples themselves, where it can be computed or estimated, split in the order in which it arises.

use super::neighbours::{self, MOST_DIM};
use crate::distribution::Distribution;
use crate::error::Result;
use crate::evaluate::{Discretised, discretised, discretised_with, reach_of};
use crate::metrics::sliced::sliced_w2_value;
use crate::metrics::{Points, Settings};
use crate::process::{Plan, Process, SamplerOptions, plan};
use crate::random::{Purpose, Stream};
use crate::recording::Engine;
use crate::sample::{self, Request, State};
use crate::score::{Score, scores};

/// Samples behind an estimate by neighbours.
const SAMPLES: usize = 6000;
/// Places at which a network's score is asked on the line.
const PLACES: usize = 8193;
/// How much finer the grid is whose error counts as that of the start alone.
const FINER: usize = 8;
/// Step of the streams of the noise of true samples.
const STEP: u32 = 77;

/// KL(p_t0 || output) of three samplers, nats.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Endpoint {
    /// Exact score, a grid several times finer: what the start leaves; on the line and for normal laws.
    pub start: Option<f64>,
    /// Exact score, this grid.
    pub exact_score: Option<f64>,
    /// The model.
    pub model: Option<f64>,
    /// Half of a 95 % interval of each; 0 where they are computed.
    pub half_width: f64,
    /// The estimate for two true samples: no estimate is surer than this.
    pub floor: Option<f64>,
    /// Samples behind each; 0 where they are computed.
    pub n: usize,
    /// How.
    pub method: &'static str,
    /// Distances of the same samples; nothing where some are not finite.
    pub w2: Option<Distances>,
}

/// Sliced W2 to true samples at t0, of [`Distances::n`] rows each, model units.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Distances {
    /// Of the model's samples.
    pub model: f64,
    /// Of samples by the exact score, this grid.
    pub exact_score: f64,
    /// Of other true samples.
    pub floor: f64,
    /// Rows.
    pub n: usize,
}

/// Whose samples.
pub struct Samplers<'a> {
    /// The exact score.
    pub exact: &'a dyn Score,
    /// The model.
    pub model: &'a dyn Score,
    /// The law, model units.
    pub law: &'a dyn Distribution,
    /// The process of both.
    pub process: &'a Process,
    /// The sampler of both.
    pub plan: &'a Plan,
    /// Seed.
    pub seed: u64,
}

/// The error of the samples: computed on the line, estimated by neighbours in 2 to 4 dimensions, beyond not known. Nothing
/// where the law at t0 has no density worth the name.
pub fn endpoint(engine: &mut dyn Engine, asked: &Samplers<'_>) -> Result<Option<Endpoint>> {
    let exact = discretised(asked.law, asked.process, asked.plan);
    let start = || -> Result<Option<f64>> {
        let times = refined(&asked.plan.times, FINER);
        let fine = plan("ei", asked.process, &times, &SamplerOptions::default())?;
        Ok(discretised(asked.law, asked.process, &fine).map(|d| d.kl))
    };
    if asked.law.dim() > MOST_DIM {
        return Ok(None);
    }
    let dim = asked.law.dim();
    let truth = |seed: u64| noised(asked, seed);
    let (real, other) = (truth(asked.seed), truth(asked.seed ^ (1 << 40)));
    let (of_exact, of_model) = (drawn(engine, asked, asked.exact)?, drawn(engine, asked, asked.model)?);
    let settings = Settings { seed: asked.seed, ..Settings::default() };
    let distance = |rows: &[f32]| {
        sliced_w2_value(&Points::new("samples", rows, dim)?, &Points::new("true samples", &real, dim)?, &settings)
    };
    let finite = of_model.iter().chain(&of_exact).all(|x| x.is_finite());
    let w2 = if finite {
        let [model, exact_score, floor] = [distance(&of_model)?, distance(&of_exact)?, distance(&other)?];
        Some(Distances { model, exact_score, floor, n: SAMPLES })
    } else {
        None
    };
    if dim == 1 {
        let model = on_the_line(engine, asked.model, asked.law, asked.process, asked.plan)?.map(|d| d.kl);
        let method = "computed: densities carried from step to step";
        let exact_score = exact.map(|d| d.kl);
        return Ok(Some(Endpoint {
            start: start()?,
            exact_score,
            model,
            half_width: 0.0,
            floor: None,
            n: 0,
            method,
            w2,
        }));
    }
    let (floor, half_width) = neighbours::kl(&real, &other, dim);
    let by_exact = neighbours::kl(&real, &of_exact, dim);
    let by_model = neighbours::kl(&real, &of_model, dim);
    Ok(Some(Endpoint {
        start: if exact.is_some() { start()? } else { None },
        exact_score: exact.map(|d| d.kl).or(Some(by_exact.0)),
        model: Some(by_model.0),
        half_width: half_width.max(by_exact.1).max(by_model.1),
        floor: Some(floor),
        n: SAMPLES,
        method: "estimated: nearest neighbours (Wang, Kulkarni, Verdu 2009)",
        w2,
    }))
}

/// A grid with `k` equal steps of ln t in place of each.
pub fn refined(times: &[f64], k: usize) -> Vec<f64> {
    let mut out: Vec<f64> =
        times.windows(2).flat_map(|p| (0..k).map(move |i| p[0] * (p[1] / p[0]).powf(i as f64 / k as f64))).collect();
    out.extend(times.last());
    out
}

/// The law of the output of `plan` with a model's score, asked at many places of the line, against `law` (model units);
/// nothing for laws that are not of the line.
pub fn on_the_line(
    engine: &mut dyn Engine,
    model: &dyn Score,
    law: &dyn Distribution,
    process: &Process,
    plan: &Plan,
) -> Result<Option<Discretised>> {
    if law.dim() != 1 {
        return Ok(None);
    }
    let reach = reach_of(law, plan) * 1.001;
    let step = 2.0 * reach / (PLACES - 1) as f64;
    let places: Vec<f32> = (0..PLACES).map(|i| (step * i as f64 - reach) as f32).collect();
    let times: Vec<f64> = plan.stages.iter().map(|s| s.time).collect();
    let table = scores(engine, model, &places, &times)?;
    let score = |t: f64, x: f64| {
        let k = times.iter().position(|u| *u == t).unwrap_or(0);
        let at = ((x + reach) / step).clamp(0.0, (PLACES - 1) as f64 - 1e-9);
        let (i, part) = (at.floor() as usize, at.fract());
        f64::from(table[k][i]) * (1.0 - part) + f64::from(table[k][i + 1]) * part
    };
    Ok(discretised_with(law, process, plan, &score))
}

/// True samples at t0: (n, D), model units.
fn noised(asked: &Samplers<'_>, seed: u64) -> Vec<f32> {
    let dim = asked.law.dim();
    let (m, sigma) = (asked.process.mean(asked.process.t0()), asked.process.sigma(asked.process.t0()));
    let mut rows = asked.law.draw(seed, Purpose::Floor, 0, SAMPLES);
    for (i, row) in rows.chunks_exact_mut(dim).enumerate() {
        let mut stream = Stream::new(seed, Purpose::Floor, i as u32, STEP);
        row.iter_mut().for_each(|x| *x = (m * f64::from(*x) + sigma * stream.normal()) as f32);
    }
    rows
}

fn drawn(engine: &mut dyn Engine, asked: &Samplers<'_>, score: &dyn Score) -> Result<Vec<f32>> {
    let dim = asked.law.dim();
    let (shift, scale) = (vec![0.0; dim], vec![1.0; dim]);
    let (plan, count, seed) = (asked.plan, SAMPLES as u32, asked.seed);
    let request = Request { score, plan, count, chunk: SAMPLES, seed, shift: &shift, scale: &scale, follow: None };
    let mut out = Vec::with_capacity(SAMPLES * dim);
    sample::run(engine, &request, &mut |state| {
        if let State::Samples { points, .. } = state {
            out.extend_from_slice(points);
        }
        Ok(())
    })?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refined_grid_keeps_its_times() {
        let fine = refined(&[4.0, 1.0, 0.25], 2);
        let want = [4.0, 2.0, 1.0, 0.5, 0.25];
        assert!(fine.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-12) && fine.len() == 5, "{fine:?}");
    }
}
