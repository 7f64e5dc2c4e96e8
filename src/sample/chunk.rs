//! The tensors of one chunk of samples, and the recordings over them.

use crate::error::{Error, Problem, Result};
use crate::process::{Corrected, HISTORY, Plan, Stage};
use crate::recording::{Arena, Dispatch, Engine, Kernels, PANEL, Recording, Tensor, Work, pad};
use crate::score::{BoundScore, Reverse, Score};

/// Numbers of a stage on the device.
pub const STAGE: usize = 10 + 2 * HISTORY;

/// A stage as `sampler/stage` reads it.
pub fn packed(s: &Stage) -> [f64; STAGE] {
    let rule = if s.corrected.is_some() { 2.0 } else { f64::from(u8::from(s.last_of_step)) };
    let none = Corrected { c_base: 0.0, c_x: 0.0, c_score: 0.0, c_history: [0.0; HISTORY] };
    let b = s.corrected.unwrap_or(none);
    let parts: [&[f64]; 4] = [
        &[s.c_base, s.c_x, s.c_score, s.c_noise, rule, s.output[0], s.output[1]],
        &s.c_history,
        &[b.c_base, b.c_x, b.c_score],
        &b.c_history,
    ];
    let mut out = [0.0; STAGE];
    parts.concat().iter().zip(&mut out).for_each(|(v, o)| *o = *v);
    out
}

/// A chunk of samples with everything its stages need.
pub struct Chunk {
    /// Rows in the chunk.
    pub rows: usize,
    /// D
    pub dim: usize,
    /// (rows, D) row-major, data units; filled by [`Chunk::finish`].
    pub out: Tensor,
    x: Tensor,
    base: Tensor,
    history: Tensor,
    /// Earlier outputs that are kept.
    kept: usize,
    scores: Tensor,
    stages: Tensor,
    control: Tensor,
    units: Tensor,
    score: Box<dyn BoundScore>,
    most: usize,
}

impl Chunk {
    /// Plans a chunk of `rows` samples.
    pub fn new(arena: &mut Arena, score: &dyn Score, plan: &Plan, rows: usize) -> Result<Self> {
        let dim = score.dim();
        if plan.stages.is_empty() {
            return Err(Error::usage(Problem::new("a sampler needs at least one step").at("--steps")));
        }
        let times: Vec<f64> = plan.stages.iter().map(|s| s.time).collect();
        Ok(Self {
            rows,
            dim,
            out: arena.f32("samples", &[rows, dim]),
            x: arena.panel("state", rows, dim),
            base: arena.panel("state at the start of the step", rows, dim),
            history: arena.panel("earlier outputs", rows, dim * plan.history().max(1)),
            kept: plan.history(),
            scores: arena.panel("scores", rows, dim),
            stages: arena.f32("stages", &[plan.stages.len(), STAGE]),
            control: arena.u32("control", &[4]),
            units: arena.f32("units", &[2, dim]),
            score: score.bind(arena, rows, &times)?,
            most: 1,
        })
    }

    /// The same by other kernels, where the score has them: those that `kernels` of its width names.
    pub fn with(mut self, arena: &mut Arena, kernels: &dyn Fn(usize) -> Kernels) -> Self {
        self.most = self.score.plan_chain(arena, kernels).unwrap_or(1);
        self
    }

    /// Most stages in one run of [`Self::stage`].
    pub fn most(&self) -> usize {
        self.most
    }

    /// Uploads coefficients, weights and units, once.
    pub fn upload(&self, engine: &mut dyn Engine, plan: &Plan, shift: &[f32], scale: &[f32]) -> Result<()> {
        let rows: Vec<f32> = plan.stages.iter().flat_map(packed).map(|v| v as f32).collect();
        engine.write(&self.stages, &rows)?;
        engine.write(&self.units, &[shift, scale].concat())?;
        self.score.upload(engine)
    }

    /// Points the chunk at samples `first..`.
    pub fn begin(&self, engine: &mut dyn Engine, first: u32) -> Result<()> {
        engine.write_u32(&self.control, &[0, first, 1, 0])
    }

    /// Sets how many stages a run of [`Self::stage`] takes, 1 to [`Self::most`].
    pub fn stride(&self, engine: &mut dyn Engine, stages: usize) -> Result<()> {
        engine.write_u32(&self.control.slice(2, &[1]), &[stages.clamp(1, self.most) as u32])
    }

    /// Draws the start of the reverse process.
    pub fn start(&self, seed: u64, spread: f32) -> Recording {
        let mut rec = Recording::new("start of sampling");
        let rows = pad(self.rows, PANEL);
        rec.push(
            Dispatch::new("sampler/start", Work::Items(rows))
                .bind("control", &self.control)
                .bind("x", &self.x)
                .bind("base", &self.base)
                .bind("history", &self.history)
                .param("rows", rows)
                .param("dim", self.dim)
                .param("history", self.dim * self.kept.max(1))
                .param("seed_low", seed as u32)
                .param("seed_high", (seed >> 32) as u32)
                .param("spread", spread),
        );
        rec
    }

    /// One stage, or as many as [`Self::stride`] says: scores, the affine map, the count.
    pub fn stage(&self, seed: u64) -> Recording {
        let mut rec = Recording::new("reverse stages");
        let count = Dispatch::new("sampler/advance", Work::Groups(1)).bind("control", &self.control);
        let (stages, control, x, base, history) = (&self.stages, &self.control, &self.x, &self.base, &self.history);
        let state = Reverse { stages, control, x, base, history, kept: self.kept, seed };
        if self.most > 1 {
            self.score.chain(&mut rec, &state);
        } else {
            self.score.record(&mut rec, &self.x, &self.control, &self.scores);
            state.record_stage(&mut rec, &self.scores, pad(self.rows, PANEL), self.dim);
        }
        rec.push(count);
        rec
    }

    /// Brings the states to rows in data units.
    pub fn finish(&self) -> Recording {
        let mut rec = Recording::new("samples to rows");
        rec.push(
            Dispatch::new("layout/to_rows", Work::Items(self.rows * self.dim))
                .bind("x", &self.x)
                .bind("units", &self.units)
                .bind("rows", &self.out)
                .param("rows", self.rows)
                .param("dim", self.dim),
        );
        rec
    }
}
