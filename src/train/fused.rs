//! The fused training step: draw, noise, forward, loss, backward and weight gradients in one kernel, for networks that
//! fit a tile (`shaders/fused/step.wgsl`). Four dispatches a step: this one, then reduce, finish and update as ever.

use crate::error::Result;
use crate::network::{Line, Network, Tile};
use crate::recording::{Arena, Dispatch, Engine, Tensor, Work};
use crate::reference::BINS;

use super::options::TrainOptions;
use super::step::Tensors;
use super::times::{TIMES, TimeTable};

/// Words of `control` before the layers: those of lib/control, then the seed.
const LAYERS: usize = 12;
/// Most workgroups, each with a slice of partial gradients. Enough for the largest devices there are; more would only add
/// sums to write and to read. Depends on nothing but itself, so that results do not depend on the device.
const SLICES: usize = 128;
/// Longest partial gradients in numbers, 64 MiB.
const LONGEST: usize = 1 << 24;

/// Words of the control block of a training of `network`.
pub fn control_words(network: &Network) -> usize {
    LAYERS + 8 * network.layout.layers.len()
}

/// The tensors that only the fused step has.
pub struct Fused {
    /// (S, P) partial gradients.
    pub partials: Tensor,
    /// (S, BINS, 2) partial losses.
    pub partial: Tensor,
    /// S
    pub slices: usize,
    table: Tensor,
    scratch: Tensor,
    tile: &'static Tile,
    line: Line,
}

impl Fused {
    /// Plans the tensors, where a tile holds the network.
    pub fn plan(arena: &mut Arena, network: &Network, options: &TrainOptions) -> Option<Self> {
        let tile = network.tile(options.batch_size)?;
        let (line, length) = (network.line(), network.layout.groups[0]);
        let slices = options.batch_size.div_ceil(tile.rows).min(SLICES).min((LONGEST / length).max(1));
        Some(Self {
            partials: arena.f32("partial gradients of tiles", &[slices, length]),
            partial: arena.f32("partial losses of tiles", &[slices, BINS, 2]),
            table: arena.f32("coefficients and time features", &[TIMES, 8 + network.options.features]),
            scratch: arena.f32("rows of a tile", &[slices, tile.rows, 4 * line.length]),
            slices,
            tile,
            line,
        })
    }

    /// The words of `control` from 8 on: the seed, and the layers as `Layer` in the shader has them.
    pub fn words(&self, network: &Network, seed: u64) -> Vec<u32> {
        let mut words = vec![seed as u32, (seed >> 32) as u32, 0, 0];
        for (i, l) in network.layout.layers.iter().enumerate() {
            let places = [l.at / 4, l.mirror_at / 4, self.line.inputs[i], self.line.slopes[i]];
            words.extend([l.inputs, l.outputs].iter().chain(&places).chain(&[0, 0]).map(|&n| n as u32));
        }
        words
    }

    /// Uploads what one member needs, once.
    pub fn upload(&self, engine: &mut dyn Engine, network: &Network, member: usize, table: &TimeTable) -> Result<()> {
        // the parts of the partial gradients that no kernel writes (padding) must be zero
        engine.write(&self.partials.of_member(member), &vec![0.0; self.partials.len()])?;
        let features = network.options.features;
        let row = |i: usize| [&table.coefficients[8 * i..][..8], &table.features[features * i..][..features]].concat();
        engine.write(&self.table.of_member(member), &(0..TIMES).flat_map(row).collect::<Vec<f32>>())
    }

    /// From drawing the batch to the partial gradients.
    pub fn step(&self, network: &Network, options: &TrainOptions, t: &Tensors) -> Dispatch {
        Dispatch::new("fused/step", Work::Groups(self.slices))
            .slot("tile", self.tile.shader)
            .slot("activation", network.activation.shader)
            .bind("data", &t.data)
            .bind("table", &self.table)
            .bind("control", &t.control)
            .bind("weights_n", &t.weights.groups[0])
            .bind("weights_t", &t.mirror[0])
            .bind("partials", &self.partials)
            .bind("partial", &self.partial)
            .bind("scratch", &self.scratch)
            .param("rows", options.batch_size)
            .param("dim", network.dim)
            .param("features", network.options.features)
            .param("times", TIMES)
            .param("data_rows", t.data.shape[0])
            .param("stratified", !options.no_stratify)
            .param("layers", network.layout.layers.len())
            .param("alpha_at", network.layout.alpha_at)
            .param("slices", self.slices)
            .param("length", network.layout.groups[0] / 4)
            .param("line", self.line.length)
            .param("offset_at", self.line.offset)
            .param("note_at", self.line.note)
    }
}
