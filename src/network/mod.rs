//! MLP score networks: sizes, parameter layout, and the recordings of forward and backward.
//!
//! `x_t` and the time features go in, `F` of the head comes out; [`head`] says what `F` means. Activations are batched
//! in panels (see [`crate::recording::PANEL`]). A plain network is a chain of `network/linear`; with layer norm or skip
//! connections each hidden product is followed by `network/block`.

pub mod activation;
mod fused;
pub mod head;
pub mod layout;
mod passes;
mod structured;
mod tangents;
mod tensors;

use serde::{Deserialize, Serialize};

pub use activation::{ACTIVATIONS, Activation};
pub use fused::{Line, PANEL_ROWS, PanelLine, TILES, Tile, panel_tiles, turns_of_stream};
pub use head::{FEATURES, HEADS, Head, Moment, TimeFeatures};
pub use layout::{INITS, Layer, Layout, row};
pub use structured::{HeadWorkspace, Moments};
pub use tensors::{BackWorkspace, Tangents, Weights, Workspace};

use crate::defaults::choices;
use crate::error::{Error, Problem, Result};

/// Greatest number of hidden layers: the tensors of so many, with averages and moments, fit the header of a checkpoint.
pub const MAX_DEPTH: usize = 240;
/// Greatest number of hidden layers with norms, of which each has two tensors more.
const MAX_NORMED: usize = 100;
/// Greatest hidden width.
pub const MAX_WIDTH: usize = 2048;
/// Greatest data dimension.
pub const MAX_DIM: usize = 1024;

/// What a user chooses of a network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct NetworkOptions {
    /// Hidden layers: WIDTHxLAYERS (128x3) or a list of widths (256,128,64)
    #[arg(long, default_value = "128x3", help_heading = "Network")]
    pub hidden: String,
    #[arg(long, help = choices("Activation", ACTIVATIONS, |a| a.name), default_value = "silu", help_heading = "Network")]
    pub activation: String,
    /// SignReLU's parameter alpha > 0
    #[arg(long, default_value_t = 1.0, help_heading = "Network")]
    pub alpha: f64,
    /// Train alpha, one value a layer
    #[arg(long, help_heading = "Network")]
    pub train_alpha: bool,
    #[arg(long, help = choices("Time features", FEATURES, |f| f.name), default_value = "fourier", help_heading = "Network")]
    pub time_features: String,
    /// Number of time features
    #[arg(long, default_value_t = 30, help_heading = "Network")]
    pub features: usize,
    #[arg(long, help = choices("What the network predicts", HEADS, |h| h.name), default_value = "residual", help_heading = "Network")]
    pub predict: String,
    /// structured: where the noise of the data that is trained along starts
    #[arg(long, default_value_t = 0.5, help_heading = "Network")]
    #[serde(skip_serializing_if = "is_half")]
    pub noise_start: f64,
    /// structured: radius of the ball that F is brought into; twice that of the manifold, in the paper 2
    #[arg(long, default_value_t = 2.0, help_heading = "Network")]
    #[serde(skip_serializing_if = "is_usual")]
    pub radius: f64,
    /// Layer norm before each activation
    #[arg(long, help_heading = "Network")]
    pub layer_norm: bool,
    /// Skip connections round hidden layers of equal width
    #[arg(long, help_heading = "Network")]
    pub skip: bool,
    #[arg(long, help = choices("Initialisation", INITS, |i| i.name), default_value = "he", help_heading = "Network")]
    pub init: String,
    /// Train only the last layer (random features)
    #[arg(long, help_heading = "Network")]
    pub freeze: bool,
}

/// The radius of the paper need not be written down: other heads have none.
fn is_usual(radius: &f64) -> bool {
    *radius == 2.0
}

/// Likewise where the noise starts.
fn is_half(start: &f64) -> bool {
    *start == 0.5
}

impl Default for NetworkOptions {
    fn default() -> Self {
        crate::defaults::defaults::<Self>()
    }
}

/// Widths from `128x3` or `256,128,64`.
pub fn parse_hidden(text: &str) -> Result<Vec<usize>> {
    let bad = |found: &str| {
        Error::usage(
            Problem::new("hidden layers cannot be read").at("--hidden").found(format!("`{found}`")).expected(format!(
                "WIDTHxLAYERS or a list of widths, widths 1 to {MAX_WIDTH}, 1 to {MAX_DEPTH} layers"
            )),
        )
    };
    let number = |s: &str| s.trim().parse::<usize>().map_err(|_| bad(text));
    let widths = match text.split_once('x') {
        Some((width, layers)) => vec![number(width)?; number(layers)?.min(MAX_DEPTH + 1)],
        None => text.split(',').map(number).collect::<Result<Vec<_>>>()?,
    };
    if widths.is_empty() || widths.len() > MAX_DEPTH || widths.iter().any(|w| !(1..=MAX_WIDTH).contains(w)) {
        return Err(bad(text));
    }
    Ok(widths)
}

/// A network's shape with everything looked up.
#[derive(Clone)]
pub struct Network {
    /// What was asked for.
    pub options: NetworkOptions,
    /// Data dimension D.
    pub dim: usize,
    /// Hidden widths.
    pub hidden: Vec<usize>,
    /// Where the parameters lie.
    pub layout: Layout,
    /// Row of the table.
    pub activation: &'static Activation,
    /// Row of the table.
    pub head: &'static Head,
    /// Row of the table.
    pub time_features: &'static TimeFeatures,
}

impl Network {
    /// Looks everything up and checks it against the limits.
    pub fn new(options: &NetworkOptions, dim: usize) -> Result<Self> {
        let usage = |flag: &str, what: &str, found: String, expected: String| {
            Err(Error::usage(Problem::new(what).at(flag).found(found).expected(expected)))
        };
        let hidden = parse_hidden(&options.hidden)?;
        if !(1..=MAX_DIM).contains(&dim) {
            return Err(Error::data(
                Problem::new("the data's dimension is out of range")
                    .found(dim)
                    .expected(format!("1 to {MAX_DIM} columns")),
            ));
        }
        if options.features > 1024 {
            return usage("--features", "too many time features", options.features.to_string(), "0 to 1024".into());
        }
        if !(options.alpha > 0.0 && options.alpha <= 100.0) {
            return usage("--alpha", "alpha is out of range", options.alpha.to_string(), "above 0, at most 100".into());
        }
        if !(options.radius > 0.0 && options.radius <= 1e6) {
            return usage(
                "--radius",
                "the radius is out of range",
                options.radius.to_string(),
                "above 0, at most 1e6".into(),
            );
        }
        if !(options.noise_start > 0.0 && options.noise_start <= 1e6) {
            // at 0 the gradient of s^2 vanishes
            return usage(
                "--noise-start",
                "the noise is out of range",
                options.noise_start.to_string(),
                "above 0, at most 1e6".into(),
            );
        }
        let activation = row(ACTIVATIONS, |a| a.name, "--activation", &options.activation)?;
        if options.train_alpha && activation.parameter.is_none() {
            return usage(
                "--train-alpha",
                "this activation has no parameter",
                activation.name.into(),
                "signrelu".into(),
            );
        }
        if options.layer_norm && hidden.len() > MAX_NORMED {
            let expected = format!("at most {MAX_NORMED} of them");
            return usage("--layer-norm", "too many layers to be normed", hidden.len().to_string(), expected);
        }
        row(INITS, |i| i.name, "--init", &options.init)?;
        let mut widths = vec![dim + options.features];
        widths.extend(&hidden);
        widths.push(dim);
        Ok(Self {
            layout: Layout::new(&widths, options.layer_norm),
            activation,
            head: row(HEADS, |h| h.name, "--predict", &options.predict)?,
            time_features: row(FEATURES, |f| f.name, "--time-features", &options.time_features)?,
            options: options.clone(),
            dim,
            hidden,
        })
    }

    /// Initial parameters from a seed.
    pub fn initial(&self, seed: u64) -> Result<Vec<Vec<f32>>> {
        let init = row(INITS, |i| i.name, "--init", &self.options.init)?;
        let mut groups = self.layout.initial(init, self.activation.gain, self.options.alpha, seed);
        if self.head.trained {
            groups[0][self.noise_at()] = self.options.noise_start as f32;
        }
        Ok(groups)
    }

    /// Where in group 0 the trained noise of the data stands: the head has no activation, so its alpha is free.
    pub fn noise_at(&self) -> usize {
        self.layout.alpha_at + self.hidden.len()
    }

    /// The noise of the data that some weights have learned, by heads that learn it.
    pub fn learned_noise(&self, weights: &[Vec<f32>]) -> Option<f64> {
        self.head.trained.then(|| f64::from(weights[0][self.noise_at()]).abs())
    }

    /// Hidden layers need `network/block` behind their product.
    fn blocks(&self) -> bool {
        self.options.layer_norm || self.options.skip
    }

    /// Whether a training step writes slopes down, because values do not tell them or the gradient of alpha needs them.
    pub fn keeps_slopes(&self) -> bool {
        self.blocks() || self.options.train_alpha || self.activation.by_value.is_none()
    }

    /// Whether hidden layer `i` has a connection round it.
    fn skips(&self, i: usize) -> bool {
        self.options.skip && i > 0 && self.hidden[i] == self.hidden[i - 1]
    }

    /// The part of each group that training changes: (first, length), nothing for a frozen group.
    pub fn trained(&self) -> Vec<(usize, usize)> {
        let head = &self.layout.layers[self.hidden.len()];
        let whole = |&n: &usize| (0, n);
        if !self.options.freeze {
            return self.layout.groups.iter().map(whole).collect();
        }
        let part = |g: usize| if g == head.group { (head.at, head.block_len()) } else { (0, 0) };
        (0..self.layout.groups.len()).map(part).collect()
    }
}
