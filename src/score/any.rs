//! A score of whatever kind, with the process it belongs to.

use super::{BoundFlow, BoundScore, Score};
use crate::error::Result;
use crate::process::Process;
use crate::recording::Arena;

/// What commands and pictures are handed: a network, an exact law, an empirical one; all of them alike.
pub struct AnyScore {
    /// Noising process.
    pub process: Process,
    inner: Box<dyn Score>,
}

impl AnyScore {
    /// A score under `process`.
    pub fn new(process: Process, score: impl Score + 'static) -> Self {
        Self { process, inner: Box::new(score) }
    }
}

impl Score for AnyScore {
    fn dim(&self) -> usize {
        self.inner.dim()
    }

    fn bind(&self, arena: &mut Arena, rows: usize, times: &[f64]) -> Result<Box<dyn BoundScore>> {
        self.inner.bind(arena, rows, times)
    }

    fn bind_flow(&self, arena: &mut Arena, rows: usize, times: &[f64]) -> Result<Option<Box<dyn BoundFlow>>> {
        self.inner.bind_flow(arena, rows, times)
    }
}
