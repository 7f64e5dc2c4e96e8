//! Samplers side by side: one score, many plans, each judged by the sliced W2 of its samples.

use super::units::Units;
use super::{Halves, Rowsets, Truth, cloud};
use crate::error::{Error, Problem, Result};
use crate::metrics::sliced::{sliced_w2, sliced_w2_value};
use crate::metrics::{Floor, Measurement, Points, Settings, floor};
use crate::process::{Plan, Process};
use crate::random::Purpose;
use crate::recording::Engine;
use crate::sample::{self, Request, State};
use crate::score::Score;

/// What is compared, and how.
pub struct Comparison<'a> {
    /// Where the scores come from: a network, or anything else that answers.
    pub score: &'a dyn Score,
    /// Its process.
    pub process: &'a Process,
    /// Mean variance of the data's coordinates, model units.
    pub variance: f64,
    /// (D) data = shift + scale * model
    pub shift: &'a [f32],
    /// (D) data = shift + scale * model
    pub scale: &'a [f32],
    /// What samples are compared with.
    pub truth: Truth<'a>,
    /// Samples of each plan.
    pub n: usize,
    /// Rows on the device at a time.
    pub chunk: usize,
    /// Seed of all plans: they start from the same noise.
    pub seed: u64,
    /// Directions, and the seed of the metric.
    pub settings: Settings,
}

/// What one plan gave.
pub struct Cell {
    /// The sampler.
    pub sampler: &'static str,
    /// N
    pub steps: usize,
    /// Evaluations of the score (NFE).
    pub evaluations: usize,
    /// The first samples (at most [`KEPT`], D), data units, for pictures.
    pub rows: Vec<f32>,
    /// Sliced W2 to the truth; `None` where some samples are not finite.
    pub distance: Option<Measurement>,
    /// How many times as wide as the truth the samples are: the ratio of the root mean squares about the truth's mean.
    /// Infinite where some samples are not finite.
    pub spread: f64,
    /// The same of normal data of the truth's variance with the exact score, computed; see [`Plan::stretch`].
    pub stretch: f64,
}

/// Samples so many times as wide as the truth have exploded.
pub const EXPLODED: f64 = 3.0;

impl Cell {
    /// Whether the samples have nothing to do with the truth any more.
    pub fn exploded(&self) -> bool {
        self.spread > EXPLODED
    }
}

/// Samples kept of each cell.
pub const KEPT: usize = 6000;

/// Pairs of true samples behind the floor: it decides which cells count as right, so its spread has to be known.
const REPEATS: usize = 12;

/// All cells with what they are measured by.
pub struct Compared {
    /// One a plan, in order.
    pub cells: Vec<Cell>,
    /// Sliced W2 of true samples of the same size.
    pub floor: Option<Floor>,
    /// What the samples were compared with.
    pub reference: &'static str,
    /// Samples in each cell.
    pub n: usize,
}

/// Runs every plan and measures its samples. `watch` hears how many plans are done and what goes on, and may end the work.
pub fn compare(
    engine: &mut dyn Engine,
    asked: &Comparison<'_>,
    plans: &[Plan],
    watch: &mut dyn FnMut(usize, &str) -> Result<()>,
) -> Result<Compared> {
    let dim = asked.score.dim();
    let rows = Rowsets::new(&asked.truth, asked.n, dim, asked.settings.seed);
    let name = if asked.truth.law.is_some() { "fresh draws of the law" } else { "held-out rows" };
    // columns of a table weigh alike, as in `eval`
    let units = match (asked.truth.law, rows.training.as_deref()) {
        (None, Some(training)) => Units::of(training, dim, &asked.settings.columns, "the training rows"),
        _ => Units::own(),
    };
    let truth = rows.reference.as_deref().map(|r| units.divided(r).into_owned());
    let Some(reference) = cloud(name, &truth, dim)? else {
        let problem = Problem::new("there is nothing to compare samples with: neither law nor held-out rows are known");
        return Err(Error::data(problem.hint("give a run directory whose data is still there")));
    };
    let wide = width(reference.data(), &reference.mean());
    let process = asked.process;
    let mut cells = Vec::with_capacity(plans.len());
    for (done, plan) in plans.iter().enumerate() {
        let steps = plan.times.len() - 1;
        let what = format!("{} in {steps} steps", plan.sampler);
        let mut samples = draw(engine, asked, plan, &mut || watch(done, &what))?;
        let measured = units.divided(&samples);
        let distance = if samples.iter().all(|v| v.is_finite()) {
            let mut one = [sliced_w2(&Points::new("samples", &measured, dim)?, &reference, &asked.settings)?];
            units.tell(&mut one);
            let [one] = one;
            Some(one)
        } else {
            None
        };
        let ratio = width(&measured, &reference.mean()) / wide;
        let spread = if ratio.is_nan() { f64::INFINITY } else { ratio };
        let stretch = plan.stretch(process, asked.variance);
        samples.truncate(KEPT * dim);
        let evaluations = plan.evaluations();
        cells.push(Cell { sampler: plan.sampler, steps, evaluations, rows: samples, distance, spread, stretch });
    }
    watch(plans.len(), "floor")?;
    let floor = true_floor(asked, &rows, &units, dim)?;
    Ok(Compared { cells, floor, reference: name, n: asked.n })
}

/// Root mean square distance of rows to a place.
fn width(rows: &[f32], centre: &[f64]) -> f64 {
    let square = |(v, c): (&f32, &f64)| (f64::from(*v) - c).powi(2);
    (rows.iter().zip(centre.iter().cycle()).map(square).sum::<f64>() * centre.len() as f64 / rows.len() as f64).sqrt()
}

/// The metric between pairs of true samples; of halves of the training rows where the law is unknown.
fn true_floor(asked: &Comparison<'_>, rows: &Rowsets, units: &Units, dim: usize) -> Result<Option<Floor>> {
    let seed = asked.settings.seed;
    let halves = Halves { rows: rows.training.as_deref().unwrap_or_default(), dim, seed };
    if asked.truth.law.is_none() && halves.most() < 2 {
        return Ok(None);
    }
    let draw = |i: u32| match asked.truth.law {
        Some(law) => Ok(law.draw(seed.wrapping_add((u64::from(i) + 1) << 32), Purpose::Floor, 0, asked.n)),
        None => Ok(units.divided(&halves.draw(i, asked.n)).into_owned()),
    };
    let metric = |a: &[f32], b: &[f32]| {
        sliced_w2_value(&Points::new("true samples", a, dim)?, &Points::new("true samples", b, dim)?, &asked.settings)
    };
    let mut floor = floor::real_against_real(REPEATS, draw, metric)?;
    if asked.truth.law.is_none() {
        floor.of = format!("halves of the training rows, {} rows each", asked.n.min(halves.most()));
    }
    Ok(Some(floor))
}

/// Samples (n, D) of a plan, data units.
fn draw(
    engine: &mut dyn Engine,
    asked: &Comparison<'_>,
    plan: &Plan,
    watch: &mut dyn FnMut() -> Result<()>,
) -> Result<Vec<f32>> {
    let request = Request {
        score: asked.score,
        plan,
        // invariant: the command line holds n below 2^28
        count: asked.n as u32,
        chunk: asked.chunk,
        seed: asked.seed,
        shift: asked.shift,
        scale: asked.scale,
        follow: None,
    };
    let mut out = Vec::with_capacity(asked.n * asked.score.dim());
    sample::run(engine, &request, &mut |state| {
        match state {
            State::Samples { points, .. } => out.extend_from_slice(points),
            State::Progress { .. } => watch()?,
            State::Frame { .. } => {}
        }
        Ok(())
    })?;
    Ok(out)
}
