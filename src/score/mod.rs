//! `Score` is the hinge: points (B, D) and a time in, scores (B, D) out, on whatever engine runs the recording.
//!
//! Samplers, pictures and metrics see nothing else of a model. To add a kind of score: implement the two traits.

mod any;
mod eval;
mod exact;
mod gaussian;
mod network;

pub use any::AnyScore;
pub use eval::{Asker, log_densities, scores};
pub use exact::ExactScore;
pub use gaussian::GaussianScore;
pub use network::NetworkScore;

use crate::error::Result;
use crate::recording::{Arena, Engine, Recording, Tensor};

/// Something with a score at every time.
pub trait Score {
    /// D
    fn dim(&self) -> usize;
    /// Plans the tensors for `rows` points at a time, over a table of `times`.
    fn bind(&self, arena: &mut Arena, rows: usize, times: &[f64]) -> Result<Box<dyn BoundScore>>;
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
}
