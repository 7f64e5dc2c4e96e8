//! `Score` is the hinge: points (B, D) and a time in, scores (B, D) out, on whatever engine runs the recording.
//!
//! Samplers, pictures and metrics see nothing else of a model. To add a kind of score: implement the two traits.

mod any;
mod eval;
mod exact;
mod flow;
mod gaussian;
mod network;

pub use any::AnyScore;
pub use eval::{Asker, log_densities, scores};
pub use exact::ExactScore;
pub use flow::{BoundFlow, Probe};
pub use gaussian::GaussianScore;
pub use network::NetworkScore;

use crate::error::Result;
use crate::recording::{Arena, Dispatch, Engine, Kernels, Recording, Tensor, Work};

/// Something with a score at every time.
pub trait Score {
    /// D
    fn dim(&self) -> usize;
    /// Plans the tensors for `rows` points at a time, over a table of `times`.
    fn bind(&self, arena: &mut Arena, rows: usize, times: &[f64]) -> Result<Box<dyn BoundScore>>;
    /// The same for a score that knows the derivatives of itself; nothing where it does not.
    fn bind_flow(&self, _: &mut Arena, _: usize, _: &[f64]) -> Result<Option<Box<dyn BoundFlow>>> {
        Ok(None)
    }
}

/// A score with its tensors planned.
pub trait BoundScore {
    /// Uploads weights and tables, once.
    fn upload(&self, engine: &mut dyn Engine) -> Result<()>;
    /// Records scores(points) at time `times[control[0]]`; `points` and `scores` (B, D) in panels.
    fn record(&self, rec: &mut Recording, points: &Tensor, control: &Tensor, scores: &Tensor);
    /// Where the recording leaves log densities (B or more), nats, in case it knows them.
    fn log_density(&self) -> Option<&Tensor> {
        None
    }
    /// Plans to run many stages of a sampler in one launch, where it can and `kernels` of its width wants it; gives the
    /// most stages a launch.
    fn plan_chain(&mut self, arena: &mut Arena, kernels: &dyn Fn(usize) -> Kernels) -> Option<usize> {
        let _ = (arena, kernels);
        None
    }
    /// Records `control[2]` stages from stage `control[0]` on in one launch, scores included, as `sampler/stage` would do
    /// them; nothing unless [`Self::plan_chain`] gave a number.
    fn chain(&self, rec: &mut Recording, state: &Reverse<'_>) {
        let _ = (rec, state);
    }
}

/// The tensors of a reverse process, as `sampler/stage` has them.
pub struct Reverse<'a> {
    /// Coefficients.
    pub stages: &'a Tensor,
    /// Stage, first sample, stages a launch.
    pub control: &'a Tensor,
    /// (B, D) in panels.
    pub x: &'a Tensor,
    /// (B, D) in panels.
    pub base: &'a Tensor,
    /// (B, D) in panels.
    pub history: &'a Tensor,
    /// Earlier outputs that are kept in it.
    pub kept: usize,
    /// Seed of the noise.
    pub seed: u64,
}

impl Reverse<'_> {
    /// Records the stage `control[0]`: the affine map of the state, of `scores` (B, D) in panels and of the noise. `rows`
    /// is B padded to a panel.
    pub fn record_stage(&self, rec: &mut Recording, scores: &Tensor, rows: usize, dim: usize) {
        rec.push(
            Dispatch::new("sampler/stage", Work::Items(rows))
                .bind("scores", scores)
                .bind("stages", self.stages)
                .bind("control", self.control)
                .bind("x", self.x)
                .bind("base", self.base)
                .bind("history", self.history)
                .param("rows", rows)
                .param("dim", dim)
                .param("history", self.kept)
                .param("seed_low", self.seed as u32)
                .param("seed_high", (self.seed >> 32) as u32),
        );
    }
}
