//! Networks that fused kernels take: the tiles in which they do, and where the rows of a tile lie in the scratch.

use super::Network;
use super::passes::NARROW;
use crate::recording::{PANEL, pad, panels};

/// A row of [`TILES`]: how many rows a workgroup of the fused kernels takes at a time.
#[derive(Debug)]
pub struct Tile {
    /// The file that fills the slot `tile`.
    pub shader: &'static str,
    /// Rows; `ROWS` of the file.
    pub rows: usize,
    /// Widest layer it holds; 4 `QUADS` of the file.
    pub widest: usize,
    /// Invocations; `THREADS` of the file.
    pub threads: usize,
    /// Smallest batch it is taken for.
    pub batch: usize,
}

/// Every tile, the one to be preferred first. Many rows read the weights seldom, few rows give a small batch to many
/// workgroups; the batches are such that a hundred workgroups are left.
pub const TILES: &[Tile] = &[
    Tile { shader: "fused/tile/64x64", rows: 64, widest: 64, threads: 128, batch: 6400 },
    Tile { shader: "fused/tile/32x128", rows: 32, widest: 128, threads: 128, batch: 3200 },
    Tile { shader: "fused/tile/16x128", rows: 16, widest: 128, threads: 128, batch: 0 },
];

/// Rows of a tile of the fused kernels for software devices; `ROWS` in `shaders/fused/rows.wgsl`.
pub const PANEL_ROWS: usize = 256;

/// Tiles of `batch` rows on software devices: an even number, as processors have cores.
pub fn panel_tiles(batch: usize) -> usize {
    (2 * panels(batch).div_ceil(2 * PANEL_ROWS / PANEL)).min(panels(batch))
}

/// Turns of loops in which a lane of a software device takes `rows` rows through a layer, or back through it, at most.
pub fn turns_of_stream(rows: usize, inputs: usize, outputs: usize) -> usize {
    // 64 outputs a column, 64 inputs a depth; each loop ends with a turn of its own
    1 + outputs.div_ceil(64) * (2 + inputs.div_ceil(64) * (rows + 2))
}

/// Numbers of a row of the scratch of a fused training step, in fours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where the input of each layer starts.
    pub inputs: Vec<usize>,
    /// Where what tells the slope of the activation that made it starts; 0 for the first layer, which has none.
    pub slopes: Vec<usize>,
    /// Where a x_t - eps starts.
    pub offset: usize,
    /// Where (time / K or -1, loss) lies.
    pub note: usize,
    /// Length.
    pub length: usize,
    /// What only kernels for panels keep there.
    pub panels: Option<PanelLine>,
}

/// More numbers of a row, in fours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PanelLine {
    /// Where what the network says starts.
    pub output: usize,
    /// Where the gradient at the output of each layer starts, in lines of their own.
    pub gradients: Vec<usize>,
    /// Length of those.
    pub length: usize,
}

impl Network {
    /// Features of the widest layer, the input among them.
    pub fn widest(&self) -> usize {
        self.layout.layers.iter().map(|l| l.inputs.max(l.outputs)).max().unwrap_or(0)
    }

    /// The tile in which fused kernels take this network over batches of `rows`, where one holds it. They know plain
    /// layers in one group of parameters, all of them trained but the activations' own.
    pub fn tile(&self, rows: usize) -> Option<&'static Tile> {
        TILES.iter().find(|t| self.plain() && pad(self.widest(), 8) <= t.widest && rows >= t.batch)
    }

    /// Whether the fused kernels for software devices take this network: such networks of any width, with a head that
    /// is narrow.
    pub fn fits_panels(&self) -> bool {
        self.plain() && self.dim <= NARROW
    }

    /// Whether `fused/reverse` takes this network: one whose layers it sums as they are summed one by one, so that samples do
    /// not depend on how many are drawn at a time.
    pub fn chains_panels(&self) -> bool {
        self.fits_panels() && self.hidden.iter().all(|&width| width > NARROW)
    }

    fn plain(&self) -> bool {
        let o = &self.options;
        let more = o.layer_norm || o.skip || o.freeze || o.train_alpha || self.head.trained;
        !more && self.layout.groups.len() == 1
    }

    /// Where a fused training step keeps what its way back needs of a row. Kernels for panels keep gradients as well, and
    /// of slopes only those that the values of the activation do not tell.
    pub fn line(&self, panels: bool) -> Line {
        let mut length = 0;
        let mut take = |features: usize| {
            length += pad(features, 8) / 4;
            length - pad(features, 8) / 4
        };
        let (mut inputs, mut slopes) = (Vec::new(), Vec::new());
        for (i, l) in self.layout.layers.iter().enumerate() {
            inputs.push(take(l.inputs));
            slopes.push(match i {
                0 => 0,
                _ if panels && !self.keeps_slopes() => inputs[i],
                _ => take(l.inputs),
            });
        }
        let (offset, note) = (take(self.dim), take(2));
        let output = panels.then(|| take(self.dim));
        let panels = output.map(|output| {
            let lengths = self.layout.layers.iter().map(|l| pad(l.outputs, 8) / 4);
            let ends = lengths.clone().scan(0, |at, n| Some(std::mem::replace(at, *at + n)));
            PanelLine { output, gradients: ends.collect(), length: lengths.sum() }
        });
        Line { inputs, slopes, offset, note, length, panels }
    }
}
