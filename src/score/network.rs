//! The score of a trained network.

use super::flow::{BoundFlow, NetworkFlow};
use super::{BoundScore, Reverse, Score};
use crate::error::Result;
use crate::network::{Layer, Network, PANEL_ROWS, Tile, Weights, Workspace, panel_tiles, turns_of_stream};
use crate::process::{HISTORY, Process};
use crate::recording::{Arena, Dispatch, Engine, Kernels, PANEL, Recording, TURNS, Tensor, Work, pad};
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

/// What running many stages in one launch needs.
struct Chain {
    form: Form,
    /// (L + 1, 4) inputs, outputs, place.
    layers: Tensor,
    /// (S, D + 2, N8) first layer at S times.
    folded: Tensor,
}

/// What a tile of rows is.
enum Form {
    /// Workgroup memory.
    Workgroup(&'static Tile),
    /// (T, 2, ROWS, widest) in memory.
    Panels(Tensor),
}

/// Turns of loops that a stage takes in a kernel for many of them, at most.
fn turns(network: &Network, kernels: Kernels) -> usize {
    // a state is moved in loops over its coordinates and earlier outputs, with ten rounds of Philox for every four
    let moved = |rows: usize| rows * (2 + network.dim * (2 + HISTORY) + 12 * network.dim.div_ceil(4));
    let sum = |of: &dyn Fn(&Layer) -> usize| network.layout.layers.iter().map(of).sum::<usize>();
    match kernels {
        Kernels::FusedPanel => {
            moved(PANEL_ROWS / 8) + sum(&|l: &Layer| turns_of_stream(PANEL_ROWS, l.inputs, l.outputs))
        }
        _ => moved(1) + sum(&|l: &Layer| 3 + l.inputs.div_ceil(4)),
    }
}

/// Longest table of folded first layers in numbers: 4 MiB stay in the cache of any device.
const FOLDED: usize = 1 << 20;
/// Most stages a launch.
const STAGES: usize = 64;
/// Longest rows of all tiles in numbers, 128 MiB: what any device binds. More samples at a time go layer by layer.
const LONGEST_ROWS: usize = 1 << 25;

/// A network with its tensors planned.
pub(super) struct Bound {
    pub network: Network,
    pub values: Vec<Vec<f32>>,
    pub weights: Weights,
    pub work: Workspace,
    /// (R, 4): c_in, sigma, a, b
    pub times: Tensor,
    features: Tensor,
    /// (1, D + 2, N8) first layer at the present time.
    folded: Tensor,
    chain: Option<Chain>,
    /// (B, D) what the network says, in a ball, for heads that ask for it.
    clipped: Option<Tensor>,
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
        let (network, process) = (&self.network, &self.process);
        let mut table = times::table(network, process, self.variance, times.to_vec(), self.feature_seed, |_| 1.0);
        if let Some(s) = network.learned_noise(&self.weights) {
            for (row, &t) in table.coefficients.chunks_exact_mut(8).zip(times) {
                let (a, b) = (network.head.affine)(times::moment(process, s * s, t));
                (row[3], row[4]) = (a as f32, b as f32);
            }
        }
        // c_in, m, sigma, a, b, .. of training become c_in, sigma, a, b
        let time_rows = table.coefficients.chunks(8).flat_map(|c| [c[0], c[2], c[3], c[4]]).collect();
        Bound {
            weights: Weights::new(arena, "weights", &self.network.layout),
            work: self.network.workspace(arena, rows, differentiable),
            times: arena.f32("times", &[times.len(), 4]),
            folded: arena.f32("first layer", &[1, self.network.dim + 2, self.network.layout.layers[0].stride()]),
            chain: None,
            clipped: self.network.head.trained.then(|| arena.panel("clipped", rows, self.network.dim)),
            features: arena.f32("time features", &[times.len(), self.network.options.features]),
            time_rows,
            feature_rows: table.features,
            values: self.weights.clone(),
            network: self.network.clone(),
        }
    }
}

impl Bound {
    /// The first layer at as many times as `folded` holds, from the present one on.
    fn fold(&self, folded: &Tensor, control: &Tensor) -> Dispatch {
        Dispatch::new("score/fold_time", Work::Items(folded.len()))
            .bind("weight", &self.network.block_of(0, &self.weights))
            .bind("times", &self.times)
            .bind("features", &self.features)
            .bind("control", control)
            .bind("folded", folded)
            .param("dim", self.network.dim)
            .param("features", self.network.options.features)
            .param("stride", folded.shape[2])
            .param("count", folded.shape[0])
            .param("times", self.times.shape[0])
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
        if let Some(chain) = &self.chain {
            let row = |l: &Layer| [l.inputs, l.outputs, l.at / 4, 0].map(|n| n as u32);
            let rows: Vec<u32> = self.network.layout.layers.iter().flat_map(row).collect();
            engine.write_u32(&chain.layers, &rows)?;
        }
        engine.write(&self.times, &self.time_rows)
    }

    fn record(&self, rec: &mut Recording, points: &Tensor, control: &Tensor, scores: &Tensor) {
        rec.push(self.fold(&self.folded, control));
        let first = self.folded.slice(0, &[self.network.dim + 1, self.folded.shape[2]]);
        self.network.forward_from(rec, &self.weights, &self.work, points, &first);
        let rows = pad(self.work.rows, PANEL);
        if let Some(clipped) = &self.clipped {
            self.network.clip_output(rec, &self.work, clipped);
        }
        rec.push(
            Dispatch::new("score/network_output", Work::Items(rows))
                .bind("points", points)
                .bind("output", self.clipped.as_ref().unwrap_or(&self.work.output))
                .bind("times", &self.times)
                .bind("control", control)
                .bind("scores", scores)
                .param("rows", rows)
                .param("dim", self.network.dim),
        );
    }

    fn plan_chain(&mut self, arena: &mut Arena, kernels: &dyn Fn(usize) -> Kernels) -> Option<usize> {
        let network = &self.network;
        let kernels = kernels(network.widest());
        let [_, rows, stride] = self.folded.shape[..] else { return None };
        let most = (FOLDED / (rows * stride)).clamp(1, STAGES).min(TURNS / turns(network, kernels));
        let most = most.min(self.times.shape[0]);
        if most < 2 {
            return None;
        }
        let form = match kernels {
            Kernels::Layered => return None,
            Kernels::Fused => Form::Workgroup(network.tile(self.work.rows)?),
            Kernels::FusedPanel => {
                let shape = [panel_tiles(self.work.rows), PANEL_ROWS, 2 * pad(network.widest(), 8)];
                if !network.chains_panels() || shape.iter().product::<usize>() > LONGEST_ROWS {
                    return None;
                }
                Form::Panels(arena.f32("rows of the tiles", &shape))
            }
        };
        // nothing goes layer by layer then
        let idle = self.work.own();
        arena.buffers.retain(|b| !idle.iter().any(|t| t.buffer == b.id));
        let layers = arena.u32("layers", &[network.layout.layers.len(), 4]);
        self.chain = Some(Chain { form, layers, folded: arena.f32("first layers", &[most, rows, stride]) });
        Some(most)
    }

    fn chain(&self, rec: &mut Recording, state: &Reverse<'_>) {
        let Some(chain) = &self.chain else { return };
        let rows = pad(self.work.rows, PANEL);
        rec.push(self.fold(&chain.folded, state.control));
        let dispatch = match &chain.form {
            Form::Workgroup(tile) => Dispatch::new("fused/chain", Work::Groups(rows / tile.rows))
                .slot("tile", tile.shader)
                .slot("activation", self.network.activation.shader)
                .param("alpha_at", self.network.layout.alpha_at),
            Form::Panels(values) => {
                let tiles = panel_tiles(rows);
                Dispatch::new("fused/reverse", Work::Groups(values.shape[0]))
                    .slot("finish", "network/finish/infer")
                    .slot("activation", self.network.activation.shader)
                    .bind("alpha", &self.weights.alpha)
                    .bind("values", values)
                    .param("share", rows / PANEL / tiles)
                    .param("longer", rows / PANEL % tiles)
                    .param("line", values.shape[2] / 16)
            }
        };
        rec.push(
            dispatch
                .bind("weights_f", &chain.folded)
                .bind("weights_n", &self.weights.groups[0])
                .bind("layers", &chain.layers)
                .bind("stages", state.stages)
                .bind("control", state.control)
                .bind("x", state.x)
                .bind("base", state.base)
                .bind("history", state.history)
                .param("history", state.kept)
                .param("dim", self.network.dim)
                .param("count", self.network.layout.layers.len())
                .param("rows", rows)
                .param("seed_low", state.seed as u32)
                .param("seed_high", (state.seed >> 32) as u32),
        );
    }
}
