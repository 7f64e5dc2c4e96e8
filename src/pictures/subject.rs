//! What is pictured: the truth (a law, rows, or both) and a model of it.

use std::sync::Arc;

use crate::distribution::{Distribution, Oracle, Standardised};
use crate::error::{Error, Problem, Result};
use crate::model::ModelCard;
use crate::process::{self, Plan, Process, SamplerOptions};
use crate::random::Purpose;
use crate::recording::Engine;
use crate::sample::{self, AnyScore, Follow, Request, State};

/// The truth: a law, rows of data, or both. Data units.
#[derive(Clone)]
pub struct Subject {
    /// How it is called in titles.
    pub name: String,
    /// D
    pub dim: usize,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The exact law, where it is known.
    pub law: Option<Arc<dyn Distribution>>,
    /// (N, D)
    pub rows: Vec<f32>,
}

/// Rows drawn from a law to stand for it.
const DRAWS: usize = 20_000;

impl Subject {
    /// A law, with some draws of it.
    pub fn of_law(law: Arc<dyn Distribution>, seed: u64) -> Self {
        let dim = law.dim();
        let columns = (0..dim).map(column_name).collect();
        let rows = law.draw(seed, Purpose::Reference, 0, DRAWS);
        Self { name: law.name(), dim, columns, law: Some(law), rows }
    }

    /// Rows of a file.
    pub fn of_rows(name: &str, columns: Vec<String>, rows: Vec<f32>) -> Self {
        Self { name: name.into(), dim: columns.len(), columns, law: None, rows }
    }

    /// Nothing known but the columns: a model whose data is gone.
    pub fn unknown(name: &str, columns: Vec<String>) -> Self {
        Self::of_rows(name, columns, Vec::new())
    }

    /// The exact law as an oracle.
    pub fn oracle(&self) -> Option<&dyn Oracle> {
        self.law.as_deref().and_then(Distribution::oracle)
    }

    /// The law in the units of a model.
    pub fn in_units(&self, shift: &[f32], scale: &[f32]) -> Result<Option<Arc<dyn Distribution>>> {
        let Some(law) = &self.law else { return Ok(None) };
        if shift.iter().all(|v| *v == 0.0) && scale.iter().all(|v| *v == 1.0) {
            return Ok(Some(law.clone()));
        }
        let wide = |v: &[f32]| v.iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
        Ok(Some(Arc::new(Standardised::new(law.clone(), &wide(shift), &wide(scale))?)))
    }

    /// Refuses columns that are not there, or are the same.
    pub fn check_columns(&self, columns: &[usize]) -> Result<()> {
        let twice = columns.iter().enumerate().any(|(i, c)| columns[..i].contains(c));
        if twice || columns.iter().any(|c| *c >= self.dim) {
            let found = columns.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
            let problem = Problem::new("there are no such columns").at("--columns").found(found);
            return Err(Error::usage(problem.expected(format!("different numbers from 0 to {}", self.dim - 1))));
        }
        Ok(())
    }

    /// The range that shows column `c` of the truth and of `more` (n, D): all but a thousandth, with a margin.
    pub fn range(&self, c: usize, more: &[f32]) -> (f64, f64) {
        let column = |rows: &[f32]| -> Vec<f64> {
            rows.iter().skip(c).step_by(self.dim).map(|v| f64::from(*v)).filter(|v| v.is_finite()).collect()
        };
        // samples may stray; the truth decides what is shown, wherever there is one
        let mut values = column(if self.rows.is_empty() { more } else { &self.rows });
        values.sort_by(f64::total_cmp);
        let tail = values.len() / 1000;
        match (values.get(tail), values.get(values.len().saturating_sub(tail + 1))) {
            (Some(low), Some(high)) => {
                let margin = 0.11 * (high - low).max(1e-9);
                (low - margin, high + margin)
            }
            _ => (-1.0, 1.0),
        }
    }

    /// The part of the plane of two columns to show; square where the columns are about equally wide.
    pub fn plane(&self, columns: [usize; 2], more: &[f32]) -> [(f64, f64); 2] {
        let ranges = columns.map(|c| self.range(c, more));
        let spans = ranges.map(|r| r.1 - r.0);
        if spans[0].max(spans[1]) > 1.35 * spans[0].min(spans[1]) {
            return ranges;
        }
        let half = spans[0].max(spans[1]) / 2.0;
        ranges.map(|(low, high)| ((low + high) / 2.0 - half, (low + high) / 2.0 + half))
    }
}

/// x₁, x₂, ...
pub(crate) fn column_name(i: usize) -> String {
    let low = |c: char| char::from_u32(0x2080 + c.to_digit(10).unwrap_or(0)).unwrap_or(c);
    format!("x{}", (i + 1).to_string().chars().map(low).collect::<String>())
}

/// A model, or a law that stands for one, ready to be sampled.
pub struct Model<'a> {
    /// Its description.
    pub card: &'a ModelCard,
    /// Its score, model units.
    pub score: &'a AnyScore,
    /// The reverse process.
    pub plan: &'a Plan,
    /// What the sampler is called, for captions: `ei, 250 steps`.
    pub sampler: String,
    /// Seed of the samples.
    pub seed: u64,
}

/// Hears of progress (samples done, of) and may end the work.
pub type Watch<'a> = &'a mut dyn FnMut(u64, u64) -> Result<()>;

/// The sampler that shows where things go: the noise of the others hides it.
pub const SMOOTH: &str = "ei-ode";

impl Model<'_> {
    /// The steps of [`SMOOTH`] over the same times.
    pub fn smooth_plan(&self) -> Result<Plan> {
        process::plan(SMOOTH, self.process(), &self.plan.times, &SamplerOptions::default())
    }
    /// The noising process.
    pub fn process(&self) -> &Process {
        &self.score.process
    }

    /// Samples (n, D) as `sample` writes them: held to what the columns of the data hold.
    pub fn settled(&self, mut rows: Vec<f32>) -> Vec<f32> {
        if let Some(schema) = &self.card.schema {
            schema.settle(&mut rows, &mut vec![0; schema.columns.len()]);
        }
        rows
    }

    /// `n` samples (n, D), data units, as [`Model::settled`] leaves them.
    pub fn draw(&self, engine: &mut dyn Engine, n: usize, watch: Watch<'_>) -> Result<Vec<f32>> {
        let mut all = Vec::with_capacity(n * self.card.dim);
        self.follow(engine, n, None, watch, &mut |state| {
            if let State::Samples { points, .. } = state {
                all.extend_from_slice(points);
            }
            Ok(())
        })?;
        Ok(self.settled(all))
    }

    /// Runs the reverse process of `n` samples, all in one chunk where paths are followed.
    pub fn follow(
        &self,
        engine: &mut dyn Engine,
        n: usize,
        follow: Option<Follow>,
        watch: Watch<'_>,
        consume: &mut dyn FnMut(State<'_>) -> Result<()>,
    ) -> Result<()> {
        const CHUNK: usize = 16_384;
        let count = u32::try_from(n).unwrap_or(u32::MAX);
        let chunk = follow.as_ref().map_or(CHUNK, |f| f.paths.max(1));
        let stages = self.plan.stages.len() as u64;
        let request = Request {
            score: self.score,
            plan: self.plan,
            count,
            chunk,
            seed: self.seed,
            shift: &self.card.shift,
            scale: &self.card.scale,
            follow,
        };
        sample::run(engine, &request, &mut |state| {
            if let State::Progress { done, stage } = state {
                let live = (n as u64 - u64::from(done)).min(chunk as u64);
                watch(u64::from(done) + live * stage as u64 / stages, n as u64)?;
            }
            consume(state)
        })
    }
}
