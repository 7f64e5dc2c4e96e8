//! The exact score of a known law, and the score of the empirical law of some rows.

use super::{BoundScore, Score};
use crate::error::Result;
use crate::oracle::{Bound, Law};
use crate::process::Process;
use crate::recording::{Arena, Engine, Recording, Tensor};

/// A law under a process.
#[derive(Clone)]
pub struct ExactScore {
    /// Noising process.
    pub process: Process,
    /// The law of the data, model units.
    pub law: Law,
}

impl Score for ExactScore {
    fn dim(&self) -> usize {
        self.law.dim()
    }

    fn bind(&self, arena: &mut Arena, rows: usize, times: &[f64]) -> Result<Box<dyn BoundScore>> {
        Ok(Box::new(self.law.bind(arena, rows, &self.process, times)))
    }
}

impl BoundScore for Bound {
    fn upload(&self, engine: &mut dyn Engine) -> Result<()> {
        Bound::upload(self, engine)
    }

    fn record(&self, rec: &mut Recording, points: &Tensor, control: &Tensor, scores: &Tensor) {
        Bound::record(self, rec, points, control, false, scores);
    }

    fn log_density(&self) -> Option<&Tensor> {
        Some(self.logs())
    }
}
