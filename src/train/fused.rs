//! Fused training steps: draw, noise, forward, loss, backward and weight gradients in one kernel for networks that fit a
//! tile of workgroup memory (`shaders/fused/step.wgsl`), in three on software devices (`shaders/fused/forward.wgsl`,
//! `backward.wgsl`, `gradient.wgsl`). Then come reduce, finish and update as ever.

use crate::error::Result;
use crate::network::{Layer, Line, Network, PANEL_ROWS, PanelLine, Tile, panel_tiles, turns_of_stream};
use crate::recording::{Arena, Dispatch, Engine, Kernels, PANEL, Recording, TURNS, Tensor, Work, pad, panels};
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
/// Longest rows of all tiles in numbers, 128 MiB: what any device binds. Ensembles beyond go layer by layer.
const LONGEST_ROWS: usize = 1 << 25;
/// The same of one member, 8 MiB: larger batches gain nothing. So ensembles of up to 16 run as their members run alone.
const LONGEST_OWN: usize = 1 << 21;
/// Slices of partial gradients on software devices, at most.
const PANEL_SLICES: usize = 8;

/// Words of the control block of a training of `network`.
pub fn control_words(network: &Network) -> usize {
    LAYERS + 8 * network.layout.layers.len()
}

/// Numbers of the table of coefficients and inputs, (K, 8 + D + F padded).
fn table_length(network: &Network) -> usize {
    TIMES * (8 + pad(network.dim + network.options.features, 8))
}

/// Slices of partial gradients for so many tiles, `most` at most.
fn slices(network: &Network, tiles: usize, most: usize) -> usize {
    tiles.min(most).min((LONGEST / network.layout.groups[0]).max(1))
}

/// Turns of loops that `fused/step` takes for its share of the tiles, at most.
fn turns_of_step(network: &Network, tile: &Tile, batch: usize) -> usize {
    let layer = |l: &Layer| {
        let sums = l.inputs.div_ceil(4) + l.outputs.div_ceil(4) + 2;
        let jobs = (l.inputs.div_ceil(8) * l.stride() / 4).div_ceil(tile.threads) + 2;
        sums + jobs * (tile.rows + 2)
    };
    // the rows are drawn and lost in loops over them and over what is put in them
    let rows = 4 * tile.rows + tile.rows * pad(network.dim + network.options.features, 8) / tile.threads;
    let own = rows + network.layout.layers.iter().map(layer).sum::<usize>();
    let tiles = batch.div_ceil(tile.rows);
    tiles.div_ceil(slices(network, tiles, SLICES)) * own
}

/// Turns that any of `fused/forward`, `backward` and `gradient` takes for its tiles, at most.
fn turns_of_panels(network: &Network, batch: usize) -> usize {
    let tiles = panel_tiles(batch);
    let rows = PANEL * panels(batch).div_ceil(tiles);
    let layers = &network.layout.layers;
    // up to three times ten rounds of Philox a row, and loops over what is put in it
    let drawn = rows / 8 * (network.dim + pad(network.dim + network.options.features, 8) / 8 + 40);
    let forth = drawn + layers.iter().map(|l| turns_of_stream(rows, l.inputs, l.outputs)).sum::<usize>();
    let back = layers.iter().map(|l| turns_of_stream(rows, l.outputs, l.inputs)).sum::<usize>();
    // an eight of the inputs takes a turn for each of them, one to end and one of its own
    let outer = |l: &Layer| l.stride().div_ceil(64) * (rows / PANEL) * (10 * l.inputs.div_ceil(8) + 2) + rows / 8;
    let share = tiles.div_ceil(slices(network, tiles, PANEL_SLICES));
    let gradient = layers.iter().map(outer).max().unwrap_or(0) * share;
    forth.max(back).max(gradient)
}

/// The tensors that only a fused step has.
pub struct Fused {
    /// (S, P) partial gradients.
    pub partials: Tensor,
    /// (T, BINS, 2) partial losses, T = S where a tile is workgroup memory.
    pub partial: Tensor,
    /// S
    pub slices: usize,
    table: Tensor,
    /// (T, ROWS, line): what is kept of a row; for panels block by block.
    lines: Tensor,
    form: Form,
    line: Line,
}

/// What a tile is.
enum Form {
    /// Workgroup memory.
    Workgroup(&'static Tile),
    /// So many tiles of [`PANEL_ROWS`] rows in memory, with lines of gradients besides.
    Panels(usize, Tensor, PanelLine),
}

impl Fused {
    /// Which kernels these are.
    pub fn kernels(&self) -> Kernels {
        match self.form {
            Form::Workgroup(_) => Kernels::Fused,
            Form::Panels(..) => Kernels::FusedPanel,
        }
    }

    /// Whether `kernels` hold `members` such networks. Where those of one hold them and those of many do not, the members
    /// do not compute what they would alone.
    pub fn fits(network: &Network, options: &TrainOptions, kernels: Kernels, members: usize) -> bool {
        match kernels {
            Kernels::Layered => false,
            Kernels::Fused => network
                .tile(options.batch_size)
                .is_some_and(|tile| turns_of_step(network, tile, options.batch_size) <= TURNS),
            Kernels::FusedPanel => {
                let line = network.line(true);
                let longest = line.panels.map_or(0, |own| own.length).max(line.length);
                let own = panel_tiles(options.batch_size) * PANEL_ROWS * 4 * longest;
                network.fits_panels()
                    && own <= LONGEST_OWN
                    && own.max(table_length(network)) * members <= LONGEST_ROWS
                    && turns_of_panels(network, options.batch_size) <= TURNS
            }
        }
    }

    /// Plans the tensors, where `kernels` hold the network.
    pub fn plan(arena: &mut Arena, network: &Network, options: &TrainOptions, kernels: Kernels) -> Option<Self> {
        if !Self::fits(network, options, kernels, arena.members()) {
            return None;
        }
        let (batch, length) = (options.batch_size, network.layout.groups[0]);
        let mut line = network.line(kernels == Kernels::FusedPanel);
        let (form, tiles, rows, slices) = match kernels {
            Kernels::Layered => return None,
            Kernels::Fused => {
                let tile = network.tile(batch)?;
                let slices = slices(network, batch.div_ceil(tile.rows), SLICES);
                (Form::Workgroup(tile), slices, tile.rows, slices)
            }
            Kernels::FusedPanel => {
                let (tiles, own) = (panel_tiles(batch), line.panels.take()?);
                let gradients = arena.f32("gradients of the tiles", &[tiles, PANEL_ROWS, 4 * own.length]);
                (Form::Panels(tiles, gradients, own), tiles, PANEL_ROWS, slices(network, tiles, PANEL_SLICES))
            }
        };
        Some(Self {
            partials: arena.f32("partial gradients of tiles", &[slices, length]),
            partial: arena.f32("partial losses of tiles", &[tiles, BINS, 2]),
            table: arena.f32("coefficients and inputs", &[table_length(network)]),
            lines: arena.f32("rows of the tiles", &[tiles, rows, 4 * line.length]),
            slices,
            form,
            line,
        })
    }

    /// The words of `control` from 8 on: the seed, and the layers as `Layer` in the shaders has them.
    pub fn words(&self, network: &Network, seed: u64) -> Vec<u32> {
        let mut words = vec![seed as u32, (seed >> 32) as u32, 0, 0];
        for (i, l) in network.layout.layers.iter().enumerate() {
            let gradient = match &self.form {
                Form::Workgroup(_) => 0,
                Form::Panels(_, _, own) => own.gradients[i],
            };
            let places = [l.at / 4, l.mirror_at / 4, self.line.inputs[i], self.line.slopes[i], gradient];
            words.extend([l.inputs, l.outputs].iter().chain(&places).chain(&[0]).map(|&n| n as u32));
        }
        words
    }

    /// Uploads what one member needs, once.
    pub fn upload(&self, engine: &mut dyn Engine, network: &Network, member: usize, table: &TimeTable) -> Result<()> {
        // the parts of the partial gradients that no kernel writes (padding) must be zero
        engine.write(&self.partials.of_member(member), &vec![0.0; self.partials.len()])?;
        let inputs = table.input_rows(network.dim);
        let rows = table.coefficients.chunks_exact(8).zip(inputs.chunks_exact(inputs.len() / TIMES));
        let rows: Vec<f32> = rows.flat_map(|(c, x)| [c, x].concat()).collect();
        engine.write(&self.table.of_member(member), &rows)
    }

    /// Records all from drawing the batch to the partial gradients.
    pub fn step(&self, rec: &mut Recording, network: &Network, options: &TrainOptions, t: &Tensors) {
        let layers = network.layout.layers.len();
        let of_layers = |kernel: &'static str, groups: usize| {
            Dispatch::new(kernel, Work::Groups(groups))
                .bind("control", &t.control)
                .param("rows", options.batch_size)
                .param("layers", layers)
        };
        // the kernel that draws the rows
        let drawing = |kernel: &'static str, groups: usize| {
            of_layers(kernel, groups)
                .slot("activation", network.activation.shader)
                .bind("data", &t.data)
                .bind("table", &self.table)
                .bind("partial", &self.partial)
                .param("dim", network.dim)
                .param("features", network.options.features)
                .param("times", TIMES)
                .param("data_rows", t.data.shape[0])
                .param("stratified", !options.no_stratify)
                .param("offset_at", self.line.offset)
                .param("note_at", self.line.note)
        };
        let (tiles, gradients, own) = match &self.form {
            Form::Workgroup(tile) => {
                return rec.push(
                    drawing("fused/step", self.slices)
                        .slot("tile", tile.shader)
                        .bind("weights_n", &t.weights.groups[0])
                        .bind("weights_t", &t.mirror[0])
                        .bind("partials", &self.partials)
                        .bind("scratch", &self.lines)
                        .param("alpha_at", network.layout.alpha_at)
                        .param("slices", self.slices)
                        .param("length", network.layout.groups[0] / 4)
                        .param("line", self.line.length),
                );
            }
            Form::Panels(tiles, gradients, own) => (*tiles, gradients, own),
        };
        let in_tiles = |dispatch: Dispatch| {
            dispatch
                .bind("values", &self.lines)
                .bind("gradients", gradients)
                .param("share", panels(options.batch_size) / tiles)
                .param("longer", panels(options.batch_size) % tiles)
                .param("values_line", self.line.length)
                .param("gradients_line", own.length)
        };
        let (finish, slope) = match network.activation.by_value.filter(|_| !network.keeps_slopes()) {
            Some(own) => ("network/finish/infer", own.shader),
            None => ("network/finish/train", "network/slope/kept"),
        };
        rec.push(
            in_tiles(drawing("fused/forward", tiles))
                .slot("finish", finish)
                .bind("weights", &t.weights.groups[0])
                .bind("alpha", &t.weights.alpha)
                .param("output_at", own.output),
        );
        rec.push(
            in_tiles(of_layers("fused/backward", tiles))
                .slot("slope", slope)
                .bind("weights", &t.mirror[0])
                .bind("alpha", &t.weights.alpha),
        );
        rec.push(
            in_tiles(of_layers("fused/gradient", self.slices * layers))
                .bind("partials", &self.partials)
                .param("tiles", tiles)
                .param("slices", self.slices)
                .param("length", network.layout.groups[0]),
        );
    }
}
