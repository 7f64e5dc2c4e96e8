//! Networks that fit a workgroup: the tiles in which fused kernels take them, and where their rows lie in the scratch.

use super::Network;
use crate::recording::pad;

/// A row of [`TILES`]: how many rows a workgroup of the fused kernels takes at a time.
#[derive(Debug)]
pub struct Tile {
    /// The file that fills the slot `tile`.
    pub shader: &'static str,
    /// Rows; `ROWS` of the file.
    pub rows: usize,
    /// Widest layer it holds; 4 `QUADS` of the file.
    pub widest: usize,
    /// Smallest batch it is taken for.
    pub batch: usize,
}

/// Every tile, the one to be preferred first. Many rows read the weights seldom, few rows give a small batch to many
/// workgroups; the batches are such that a hundred workgroups are left.
pub const TILES: &[Tile] = &[
    Tile { shader: "fused/tile/64x64", rows: 64, widest: 64, batch: 6400 },
    Tile { shader: "fused/tile/32x128", rows: 32, widest: 128, batch: 3200 },
    Tile { shader: "fused/tile/16x128", rows: 16, widest: 128, batch: 0 },
];

/// Numbers of a row of the scratch of a fused training step, in fours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where the input of each layer starts.
    pub inputs: Vec<usize>,
    /// Where the slope of the activation that made it starts; 0 for the first layer, which has none.
    pub slopes: Vec<usize>,
    /// Where a x_t - eps starts.
    pub offset: usize,
    /// Where (time or -1, loss, 0, 0) lies.
    pub note: usize,
    /// Length.
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
        let o = &self.options;
        let more = o.layer_norm || o.skip || o.freeze || o.train_alpha || self.head.trained;
        let plain = !more && self.layout.groups.len() == 1;
        TILES.iter().find(|t| plain && pad(self.widest(), 8) <= t.widest && rows >= t.batch)
    }

    /// Where a fused training step keeps what its way back needs of a row.
    pub fn line(&self) -> Line {
        let mut line = Line { inputs: Vec::new(), slopes: Vec::new(), offset: 0, note: 0, length: 0 };
        let mut take = |features: usize| {
            let at = line.length;
            line.length += pad(features, 8) / 4;
            at
        };
        for (i, l) in self.layout.layers.iter().enumerate() {
            line.inputs.push(take(l.inputs));
            line.slopes.push(if i > 0 { take(l.inputs) } else { 0 });
        }
        line.offset = take(self.dim);
        line.note = line.length;
        line.length += 1;
        line
    }
}
