//! The exact score of normal data with independent coordinates: what samplers are tested against.

use super::{BoundScore, Score};
use crate::error::Result;
use crate::process::Process;
use crate::recording::{Arena, Dispatch, Engine, PANEL, Recording, Tensor, Work, pad};

/// The law N(mean_d, variance_d) of each coordinate, under a process. A variance of 0 is a point mass.
#[derive(Debug, Clone)]
pub struct GaussianScore {
    /// Noising process.
    pub process: Process,
    /// (D)
    pub mean: Vec<f64>,
    /// (D)
    pub variance: Vec<f64>,
}

struct Bound {
    rows: usize,
    dim: usize,
    laws: Tensor,
    values: Vec<f32>,
}

impl Score for GaussianScore {
    fn dim(&self) -> usize {
        self.mean.len()
    }

    fn bind(&self, arena: &mut Arena, rows: usize, times: &[f64]) -> Result<Box<dyn BoundScore>> {
        let dim = self.dim();
        let row = |(t, d): (f64, usize)| {
            let law = self.process.marginal(t, self.mean[d], self.variance[d]);
            [law.mean as f32, (1.0 / law.var) as f32]
        };
        let values = times.iter().flat_map(|&t| (0..dim).map(move |d| (t, d))).flat_map(row).collect();
        Ok(Box::new(Bound { rows, dim, laws: arena.f32("laws", &[times.len(), dim, 2]), values }))
    }
}

impl BoundScore for Bound {
    fn upload(&self, engine: &mut dyn Engine) -> Result<()> {
        engine.write(&self.laws, &self.values)
    }

    fn record(&self, rec: &mut Recording, points: &Tensor, control: &Tensor, scores: &Tensor) {
        let rows = pad(self.rows, PANEL);
        rec.push(
            Dispatch::new("score/gaussian", Work::Items(rows))
                .bind("points", points)
                .bind("laws", &self.laws)
                .bind("control", control)
                .bind("scores", scores)
                .param("rows", rows)
                .param("dim", self.dim),
        );
    }
}
