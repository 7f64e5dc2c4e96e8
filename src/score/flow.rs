//! Scores that know their own derivatives: what a log density along the probability flow needs.

use super::BoundScore;
use super::network::Bound;
use crate::error::Result;
use crate::network::BackWorkspace;
use crate::recording::{Arena, Dispatch, Engine, PANEL, Recording, Tensor, Work, pad};

/// A direction in which a score is differentiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// Its number k: of the unit vector, or of the draw.
    pub number: usize,
    /// Random signs by this seed; nothing for a unit vector.
    pub signs: Option<u64>,
}

/// A score with its tensors planned, that can be differentiated.
pub trait BoundFlow {
    /// Uploads weights and tables, once.
    fn upload(&self, engine: &mut dyn Engine) -> Result<()>;
    /// Records scores(points) at time `times[control[0]]`; `points` and `scores` (B, D) in panels.
    fn record(&self, rec: &mut Recording, points: &Tensor, control: &Tensor, scores: &Tensor);
    /// Records, after [`BoundFlow::record`], `sums` (B) += weights[control[0]] <v, (d score / dx) v> for the probe v, where
    /// control[1] is the number of the first row. Over all unit vectors this adds up to the divergence; over random signs
    /// it is the divergence on average (Hutchinson 1989).
    fn record_divergence(&self, rec: &mut Recording, probe: Probe, control: &Tensor, weights: &Tensor, sums: &Tensor);
}

/// A network with what the way back to its input needs.
pub(super) struct NetworkFlow {
    bound: Bound,
    mirrors: Vec<Tensor>,
    back: BackWorkspace,
    /// (B, D + F)
    gradient: Tensor,
    /// (B, D) the direction, where something stands between it and the network's output.
    probe: Option<Tensor>,
}

impl NetworkFlow {
    pub fn new(arena: &mut Arena, bound: Bound) -> Self {
        let (network, rows) = (&bound.network, bound.work.rows);
        Self {
            mirrors: network.layout.mirrors.iter().map(|&n| arena.f32("transposed weights", &[n])).collect(),
            back: network.back_workspace(arena, rows, 1),
            gradient: arena.panel("input gradient", rows, network.dim + network.options.features),
            probe: network.head.trained.then(|| arena.panel("probe", rows, network.dim)),
            bound,
        }
    }
}

impl BoundFlow for NetworkFlow {
    fn upload(&self, engine: &mut dyn Engine) -> Result<()> {
        self.bound.upload(engine)?;
        for (group, (tensor, values)) in self.mirrors.iter().zip(&self.bound.values).enumerate() {
            engine.write(tensor, &self.bound.network.layout.mirror(group, values))?;
        }
        Ok(())
    }

    fn record(&self, rec: &mut Recording, points: &Tensor, control: &Tensor, scores: &Tensor) {
        self.bound.record(rec, points, control, scores);
    }

    fn record_divergence(&self, rec: &mut Recording, probe: Probe, control: &Tensor, weights: &Tensor, sums: &Tensor) {
        let Bound { network, work, .. } = &self.bound;
        let (rows, seed) = (pad(work.rows, PANEL), probe.signs.unwrap_or(0));
        let direction = self.probe.as_ref().unwrap_or(&self.back.d_output);
        rec.push(
            Dispatch::new("likelihood/probe", Work::Items(rows))
                .bind("control", control)
                .bind("probe", direction)
                .param("rows", rows)
                .param("dim", network.dim)
                .param("number", probe.number)
                .param("signs", probe.signs.is_some())
                .param("seed_low", seed as u32)
                .param("seed_high", (seed >> 32) as u32),
        );
        if let Some(probe) = &self.probe {
            network.d_clip_output(rec, work, probe, &self.back);
        }
        network.pull_back(rec, &self.bound.weights, &self.mirrors, work, &self.back, &self.gradient);
        rec.push(
            Dispatch::new("likelihood/divergence", Work::Items(rows))
                .bind("probe", direction)
                .bind("gradient", &self.gradient)
                .bind("times", &self.bound.times)
                .bind("weights", weights)
                .bind("control", control)
                .bind("sums", sums)
                .param("rows", rows)
                .param("dim", network.dim)
                .param("inputs", network.dim + network.options.features),
        );
    }
}
