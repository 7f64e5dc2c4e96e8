//! The standard workload: the trainings and samplings that programs are compared by, and how their arithmetic is counted.
//!
//! Two moons, 10 000 rows (in more than two dimensions the other coordinates are small noise); dX = -X dt + sqrt(2) dW
//! with log-uniform times on [1e-3, 3]; 32 sinusoidal time features, L hidden layers of width W, noise prediction; mean
//! squared error, Adam at 1e-3. Sampling: 10 000 samples, 250 uniform Euler-Maruyama steps.

use crate::network::NetworkOptions;
use crate::train::TrainOptions;
use crate::train::options::ProcessOptions;

/// Rows of the data set.
pub const ROWS: usize = 10_000;
/// Samples drawn side by side.
pub const SAMPLES: usize = 10_000;
/// Reverse steps of a sampling.
pub const STEPS: usize = 250;
/// Time features.
pub const FEATURES: usize = 32;
/// (L, W) of the networks.
const NETWORKS: [(usize, usize); 4] = [(3, 64), (3, 128), (4, 256), (4, 512)];
const BATCHES: [usize; 3] = [512, 4096, 16_384];
const DIMENSIONS: [usize; 2] = [2, 64];

/// What a cell does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Training steps.
    Train,
    /// Reverse steps.
    Sample,
}

/// One cell of the workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// What is done.
    pub kind: Kind,
    /// D
    pub dim: usize,
    /// L
    pub layers: usize,
    /// W
    pub width: usize,
    /// Row of the table of activations.
    pub activation: &'static str,
    /// Rows in a batch, or samples side by side.
    pub batch: usize,
}

impl Kind {
    /// Its name in rows and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Sample => "sample",
        }
    }
}

impl Cell {
    /// Weights and biases: (D + 32 + 1) W + (L - 1) (W + 1) W + (W + 1) D.
    pub fn params(&self) -> usize {
        let (d, w) = (self.dim, self.width);
        (d + FEATURES + 1) * w + (self.layers - 1) * (w + 1) * w + (w + 1) * d
    }

    /// Floating-point operations of a step by the usual count: 2 a parameter and row forward, 4 more backward. It counts
    /// the input gradient of the first layer, which nobody computes, and neither activations nor optimiser.
    pub fn flops(&self) -> f64 {
        let each = match self.kind {
            Kind::Train => 6.0,
            Kind::Sample => 2.0,
        };
        each * self.params() as f64 * self.batch as f64
    }

    /// The words that name it: `train D=2 3x128 signrelu B=4096`.
    pub fn label(&self) -> String {
        let Self { dim, layers, width, activation, batch, .. } = self;
        format!("{} D={dim} {layers}x{width} {activation} B={batch}", self.kind.name())
    }

    /// Whether each word of `filter` (with commas or spaces between them) is a word of the label.
    pub fn matches(&self, filter: &str) -> bool {
        let label = self.label();
        let words = filter.split([',', ' ']).filter(|w| !w.is_empty());
        words.into_iter().all(|w| label.split(' ').any(|l| l.eq_ignore_ascii_case(w)))
    }

    /// The network of the workload.
    pub fn network(&self) -> NetworkOptions {
        NetworkOptions {
            hidden: format!("{}x{}", self.width, self.layers),
            activation: self.activation.into(),
            time_features: "sinusoidal".into(),
            features: FEATURES,
            predict: "eps".into(),
            ..NetworkOptions::default()
        }
    }

    /// The training of the workload. The moving average of the weights and the record of losses and gradient norms stay:
    /// they are part of every training of this program.
    pub fn training(&self) -> TrainOptions {
        TrainOptions {
            steps: 1 << 23,
            batch_size: self.batch,
            lr: 1e-3,
            lr_schedule: "constant".into(),
            warmup: 0,
            optimiser: "adam".into(),
            clip: 0.0,
            no_stratify: true,
            held_out: 0.0,
            ..TrainOptions::default()
        }
    }
}

/// The noising of the workload.
pub fn process() -> ProcessOptions {
    ProcessOptions { process: "ou".into(), t0: Some(1e-3), t_max: Some(3.0), ..ProcessOptions::default() }
}

const fn train(dim: usize, (layers, width): (usize, usize), activation: &'static str, batch: usize) -> Cell {
    Cell { kind: Kind::Train, dim, layers, width, activation, batch }
}

const fn sample(dim: usize, (layers, width): (usize, usize)) -> Cell {
    Cell { kind: Kind::Sample, dim, layers, width, activation: "signrelu", batch: SAMPLES }
}

/// The three cells that say most.
pub const QUICK: [Cell; 3] =
    [train(2, (3, 64), "signrelu", 512), train(2, (3, 128), "signrelu", 4096), sample(2, (3, 128))];

/// The whole grid.
pub fn cells() -> Vec<Cell> {
    let mut out = Vec::new();
    for dim in DIMENSIONS {
        for network in NETWORKS {
            out.extend(BATCHES.map(|batch| train(dim, network, "signrelu", batch)));
        }
    }
    for activation in ["relu", "silu"] {
        out.extend([(3, 128), (4, 512)].map(|network| train(2, network, activation, 4096)));
    }
    for dim in DIMENSIONS {
        out.extend(NETWORKS.map(|network| sample(dim, network)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Network;

    #[test]
    fn parameters_are_those_of_the_network_that_is_timed() {
        for cell in cells() {
            let network = Network::new(&cell.network(), cell.dim).unwrap();
            let counted: usize = network.layout.layers.iter().map(|l| (l.inputs + 1) * l.outputs).sum();
            assert_eq!(cell.params(), counted, "{}", cell.label());
            cell.training().check().unwrap();
        }
        assert_eq!(QUICK[1].params(), 37_762);
        assert_eq!(QUICK[1].flops(), 6.0 * 37_762.0 * 4096.0);
        process().build().unwrap();
    }

    #[test]
    fn cells_are_named_once_and_found_by_their_words() {
        let all = cells();
        let labels: std::collections::BTreeSet<String> = all.iter().map(Cell::label).collect();
        assert_eq!(labels.len(), all.len());
        assert!(QUICK.iter().all(|q| all.contains(q)));
        let found = |filter: &str| all.iter().filter(|c| c.matches(filter)).count();
        assert_eq!((found(""), found("train,d=64,3x64"), found("sample 4x512 D=2"), found("3x12")), (36, 3, 1, 0));
    }
}
