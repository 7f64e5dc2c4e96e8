//! The score of a trained network.

use super::flow::{BoundFlow, NetworkFlow};
use super::{BoundScore, Score};
use crate::error::Result;
use crate::network::{Network, Weights, Workspace};
use crate::process::Process;
use crate::recording::{Arena, Dispatch, Engine, PANEL, Recording, Tensor, Work, pad};
use crate::train::times;

/// A network with its weights, and what it was trained for.
#[derive(Clone)]
pub struct NetworkScore {
    /// Shape.
    pub network: Network,
    /// Noising process.
    pub process: Process,
    /// Mean variance of the data's coordinates, model units.
    pub variance: f64,
    /// Seed of random time features.
    pub feature_seed: u64,
    /// One vector a group of the layout.
    pub weights: Vec<Vec<f32>>,
}

/// A network with its tensors planned.
pub(super) struct Bound {
    pub network: Network,
    pub values: Vec<Vec<f32>>,
    pub weights: Weights,
    pub work: Workspace,
    /// (R, 4): c_in, sigma, a, b
    pub times: Tensor,
    features: Tensor,
    /// (D + 1, N8) first layer at the present time.
    folded: Tensor,
    time_rows: Vec<f32>,
    feature_rows: Vec<f32>,
}

impl Score for NetworkScore {
    fn dim(&self) -> usize {
        self.network.dim
    }

    fn bind(&self, arena: &mut Arena, rows: usize, times: &[f64]) -> Result<Box<dyn BoundScore>> {
        Ok(Box::new(self.plan(arena, rows, times, false)))
    }

    fn bind_flow(&self, arena: &mut Arena, rows: usize, times: &[f64]) -> Result<Option<Box<dyn BoundFlow>>> {
        let bound = self.plan(arena, rows, times, true);
        Ok(Some(Box::new(NetworkFlow::new(arena, bound))))
    }
}

impl NetworkScore {
    /// Plans the tensors; with what the way back needs if `differentiable`.
    fn plan(&self, arena: &mut Arena, rows: usize, times: &[f64], differentiable: bool) -> Bound {
        let table =
            times::table(&self.network, &self.process, self.variance, times.to_vec(), self.feature_seed, |_| 1.0);
        // c_in, m, sigma, a, b, .. of training become c_in, sigma, a, b
        let time_rows = table.coefficients.chunks(8).flat_map(|c| [c[0], c[2], c[3], c[4]]).collect();
        Bound {
            weights: Weights::new(arena, "weights", &self.network.layout),
            work: self.network.workspace(arena, rows, differentiable),
            times: arena.f32("times", &[times.len(), 4]),
            folded: arena.f32("first layer", &[self.network.dim + 1, self.network.layout.layers[0].stride()]),
            features: arena.f32("time features", &[times.len(), self.network.options.features]),
            time_rows,
            feature_rows: table.features,
            values: self.weights.clone(),
            network: self.network.clone(),
        }
    }
}

impl BoundScore for Bound {
    fn upload(&self, engine: &mut dyn Engine) -> Result<()> {
        for (tensor, values) in self.weights.groups.iter().zip(&self.values) {
            engine.write(tensor, values)?;
        }
        if !self.features.is_empty() {
            engine.write(&self.features, &self.feature_rows)?;
        }
        engine.write(&self.times, &self.time_rows)
    }

    fn record(&self, rec: &mut Recording, points: &Tensor, control: &Tensor, scores: &Tensor) {
        let first = self.network.block_of(0, &self.weights);
        let stride = first.shape[1];
        rec.push(
            Dispatch::new("score/fold_time", Work::Items(self.folded.len()))
                .bind("weight", &first)
                .bind("times", &self.times)
                .bind("features", &self.features)
                .bind("control", control)
                .bind("folded", &self.folded)
                .param("dim", self.network.dim)
                .param("features", self.network.options.features)
                .param("stride", stride),
        );
        self.network.forward_from(rec, &self.weights, &self.work, points, &self.folded);
        let rows = pad(self.work.rows, PANEL);
        rec.push(
            Dispatch::new("score/network_output", Work::Items(rows))
                .bind("points", points)
                .bind("output", &self.work.output)
                .bind("times", &self.times)
                .bind("control", control)
                .bind("scores", scores)
                .param("rows", rows)
                .param("dim", self.network.dim),
        );
    }
}
