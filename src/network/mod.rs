//! MLP score networks: sizes, parameter layout, and the recordings of forward and backward.
//!
//! `x_t` and the time features go in, `F` of the head comes out; [`head`] says what `F` means. Activations are batched
//! in panels (see [`crate::recording::PANEL`]). A plain network is a chain of `network/linear`; with layer norm or skip
//! connections each hidden product is followed by `network/block`.

pub mod activation;
pub mod head;
pub mod layout;

use serde::{Deserialize, Serialize};

pub use activation::{ACTIVATIONS, Activation};
pub use head::{FEATURES, HEADS, Head, Moment, TimeFeatures};
pub use layout::{INITS, Layer, Layout, row};

use crate::defaults::choices;
use crate::error::{Error, Problem, Result};
use crate::recording::{Arena, Dispatch, PANEL, Recording, Tensor, Work, panels};

/// Greatest number of hidden layers.
pub const MAX_DEPTH: usize = 16;
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

impl Default for NetworkOptions {
    fn default() -> Self {
        crate::defaults::defaults::<Self>()
    }
}

/// Widths from `128x3` or `256,128,64`.
pub fn parse_hidden(text: &str) -> Result<Vec<usize>> {
    let bad = |found: &str| {
        Error::usage(
            Problem::new("hidden layers cannot be read")
                .at("--hidden")
                .found(format!("`{found}`"))
                .expected(format!("WIDTHxLAYERS or a list of widths, widths 1 to {MAX_WIDTH}, 1 to {MAX_DEPTH} layers")),
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

/// Tensors that hold one set of weights.
#[derive(Debug, Clone)]
pub struct Weights {
    /// One a group of the layout.
    pub groups: Vec<Tensor>,
    /// Activation parameters, one a layer.
    pub alpha: Tensor,
}

impl Weights {
    /// Declares the tensors of `layout`.
    pub fn new(arena: &mut Arena, label: &str, layout: &Layout) -> Self {
        let groups: Vec<Tensor> =
            layout.groups.iter().enumerate().map(|(i, &n)| arena.f32(&format!("{label} {i}"), &[n])).collect();
        let alpha = groups[0].slice(layout.alpha_at, &[layout.layers.len()]);
        Self { groups, alpha }
    }
}

/// Tensors that a forward pass over `rows` rows fills.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// B, a multiple of 32 or padded to one.
    pub rows: usize,
    /// (B, D + F): points and time features.
    pub input: Tensor,
    /// (B, H) a hidden layer; in a workspace that only infers two take turns.
    pub hidden: Vec<Tensor>,
    /// (B, H) slopes of the activations, likewise.
    pub slope: Vec<Tensor>,
    /// (B, H) products before the activation, for blocks.
    pub z: Vec<Tensor>,
    /// (B) inverse standard deviations of the layer norms.
    pub spread: Vec<Tensor>,
    /// (B, D) what the network says.
    pub output: Tensor,
    /// Bound where a kernel's variant does not use a binding.
    unused: Tensor,
    training: bool,
}

/// Tensors that a backward pass fills.
#[derive(Debug, Clone)]
pub struct BackWorkspace {
    /// (B, D) gradient at the output; written by the loss.
    pub d_output: Tensor,
    /// (B, H): gradients travel through these in turns.
    d_z: [Tensor; 2],
    d_h: [Tensor; 2],
    d_y: Tensor,
    /// (S, P) partial weight gradients, one a group.
    pub partials: Vec<Tensor>,
    /// S
    pub slices: usize,
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
                Problem::new("the data's dimension is out of range").found(dim).expected(format!("1 to {MAX_DIM} columns")),
            ));
        }
        if options.features > 1024 {
            return usage("--features", "too many time features", options.features.to_string(), "0 to 1024".into());
        }
        if !(options.alpha > 0.0 && options.alpha <= 100.0) {
            return usage("--alpha", "alpha is out of range", options.alpha.to_string(), "above 0, at most 100".into());
        }
        let activation = row(ACTIVATIONS, |a| a.name, "--activation", &options.activation)?;
        if options.train_alpha && activation.parameter.is_none() {
            return usage("--train-alpha", "this activation has no parameter", activation.name.into(), "signrelu".into());
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
        Ok(self.layout.initial(init, self.activation.gain, self.options.alpha, seed))
    }

    /// Hidden layers need `network/block` behind their product.
    fn blocks(&self) -> bool {
        self.options.layer_norm || self.options.skip
    }

    /// Whether hidden layer `i` has a connection round it.
    fn skips(&self, i: usize) -> bool {
        self.options.skip && i > 0 && self.hidden[i] == self.hidden[i - 1]
    }

    /// Declares the tensors of a forward pass over `rows` rows, keeping what the way back needs if `training`.
    pub fn workspace(&self, arena: &mut Arena, rows: usize, training: bool) -> Workspace {
        let widest = self.hidden.iter().copied().max().unwrap_or(1);
        let mut per_layer = |label: &str, keep: bool| -> Vec<Tensor> {
            if training && keep {
                let one = |(i, &w): (usize, &usize)| arena.panel(&format!("{label} {i}"), rows, w);
                return self.hidden.iter().enumerate().map(one).collect();
            }
            let pair = [0, 1].map(|i| arena.panel(&format!("{label} {i}"), rows, if keep { widest } else { 1 }));
            let view = |(i, &w): (usize, &usize)| match keep {
                true => pair[i % 2].slice(0, &[panels(rows), w, PANEL]),
                false => pair[i % 2].clone(),
            };
            self.hidden.iter().enumerate().map(view).collect()
        };
        let hidden = per_layer("hidden", true);
        let slope = per_layer("slope", training || self.blocks());
        let z = per_layer("z", self.blocks());
        let spread = self.hidden.iter().map(|_| arena.panel("spread", rows, 1)).collect();
        Workspace {
            rows,
            input: arena.panel("input", rows, self.dim + self.options.features),
            hidden,
            slope,
            z,
            spread,
            output: arena.panel("output", rows, self.dim),
            unused: arena.f32("unused", &[64]),
            training,
        }
    }

    /// Declares the tensors of a backward pass.
    pub fn back_workspace(&self, arena: &mut Arena, rows: usize, slices: usize) -> BackWorkspace {
        let widest = self.hidden.iter().copied().max().unwrap_or(1);
        let block = if self.blocks() { widest } else { 1 };
        let mut panel = |label: &str, width| arena.panel(label, rows, width);
        BackWorkspace {
            d_output: panel("d_output", self.dim),
            d_z: [panel("d_z 0", widest), panel("d_z 1", widest)],
            d_h: [panel("d_h 0", block), panel("d_h 1", block)],
            d_y: panel("d_y", block),
            partials: self.layout.groups.iter().map(|&n| arena.f32("partial gradients", &[slices, n])).collect(),
            slices,
        }
    }

    /// Records F(input): `w.input` to `w.output`.
    pub fn forward(&self, rec: &mut Recording, weights: &Weights, w: &Workspace) {
        let count = self.hidden.len();
        for i in 0..count {
            let x = if i == 0 { &w.input } else { &w.hidden[i - 1] };
            if self.blocks() {
                rec.push(self.product(i, weights, x, &w.z[i], w, Finish::Store));
                rec.push(self.block(i, weights, w));
            } else {
                let finish = if w.training { Finish::Train(&w.slope[i]) } else { Finish::Infer };
                rec.push(self.product(i, weights, x, &w.hidden[i], w, finish));
            }
        }
        rec.push(self.product(count, weights, &w.hidden[count - 1], &w.output, w, Finish::Store));
    }

    /// y = finish(x W + bias) of layer `i`.
    fn product(&self, i: usize, weights: &Weights, x: &Tensor, y: &Tensor, w: &Workspace, finish: Finish<'_>) -> Dispatch {
        let l = &self.layout.layers[i];
        let weight = weights.groups[l.group].slice(l.at, &[l.inputs + 1, l.stride()]);
        self.linear((l.inputs, l.outputs, l.stride()), w, true, i, finish)
            .bind("input", x)
            .bind("weight", &weight)
            .bind("output", y)
            .bind("alpha", &weights.alpha)
    }

    /// A product of `size` = (K, N, N8), with all but its factors bound.
    fn linear(&self, size: (usize, usize, usize), w: &Workspace, biased: bool, layer: usize, finish: Finish<'_>) -> Dispatch {
        let (inputs, outputs, stride) = size;
        // what a finish does not use is bound to something small
        let (code, slope, skip) = match finish {
            Finish::Store => (0u32, &w.unused, &w.input),
            Finish::Infer => (1, &w.unused, &w.input),
            Finish::Train(slope) => (2, slope, &w.input),
            Finish::TimesSlope(slope) => (3, slope, &w.input),
            Finish::PlusSkip(skip) => (4, &w.unused, skip),
        };
        let kernel = if outputs <= NARROW { "network/linear_narrow" } else { "network/linear" };
        Dispatch::new(kernel, Work::Tiles { rows: panels(w.rows) * PANEL, columns: outputs, slices: 1 })
            .slot("activation", self.activation.shader)
            .bind("slope", slope)
            .bind("skip", skip)
            .param("inputs", inputs)
            .param("outputs", outputs)
            .param("stride", stride)
            .param("panels", panels(w.rows))
            .param("biased", biased)
            .param("layer", layer)
            .param("finish", code)
    }

    /// The norm of layer `i`, or something to bind in its place.
    fn norm(&self, i: usize, weights: &Weights) -> Tensor {
        let l = &self.layout.layers[i];
        match l.norm_at {
            Some(at) => weights.groups[l.group].slice(at, &[2, l.stride()]),
            None => weights.alpha.clone(),
        }
    }

    fn block(&self, i: usize, weights: &Weights, w: &Workspace) -> Dispatch {
        let width = self.hidden[i];
        let previous = if self.skips(i) { &w.hidden[i - 1] } else { &w.input };
        let quads = panels(w.rows) * PANEL / 4;
        Dispatch::new("network/block", Work::Items(quads))
            .slot("activation", self.activation.shader)
            .bind("z", &w.z[i])
            .bind("previous", previous)
            .bind("norm", &self.norm(i, weights))
            .bind("alpha", &weights.alpha)
            .bind("h", &w.hidden[i])
            .bind("slope", &w.slope[i])
            .bind("spread", &w.spread[i])
            .param("width", width)
            .param("quads", quads)
            .param("stride", self.layout.layers[i].stride())
            .param("normed", self.options.layer_norm)
            .param("skipped", self.skips(i))
            .param("layer", i)
    }

    /// Records the partial gradients of all trained parameters from `b.d_output`, after a training forward pass.
    pub fn backward(&self, rec: &mut Recording, weights: &Weights, mirrors: &[Tensor], w: &Workspace, b: &BackWorkspace) {
        let count = self.hidden.len();
        rec.push(self.d_weight(count, &w.hidden[count - 1], &b.d_output, w.rows, b));
        if self.options.freeze {
            return;
        }
        // what arrives at hidden layer i: d_z for a plain network, d_h for one with blocks
        let mut above = b.d_output.clone();
        for i in (0..count).rev() {
            let d_z = b.d_z[i % 2].slice(0, &[panels(w.rows), self.hidden[i], PANEL]);
            if self.blocks() {
                let d_h = b.d_h[i % 2].slice(0, &[panels(w.rows), self.hidden[i], PANEL]);
                let skip = (i + 1 < count && self.skips(i + 1)).then(|| b.d_h[(i + 1) % 2].slice(0, &d_h.shape));
                let finish = skip.as_ref().map_or(Finish::Store, Finish::PlusSkip);
                rec.push(self.d_input(i + 1, weights, mirrors, &above, &d_h, w, finish));
                self.d_block(rec, i, weights, &d_h, &d_z, w, b);
            } else {
                rec.push(self.d_input(i + 1, weights, mirrors, &above, &d_z, w, Finish::TimesSlope(&w.slope[i])));
                self.d_alpha(rec, i, weights, &d_z, w, b);
            }
            let x = if i == 0 { &w.input } else { &w.hidden[i - 1] };
            rec.push(self.d_weight(i, x, &d_z, w.rows, b));
            above = d_z;
        }
    }

    /// Records the gradient with respect to the network's input, after [`Self::backward`]: (B, D + F).
    pub fn input_gradient(
        &self,
        rec: &mut Recording,
        weights: &Weights,
        mirrors: &[Tensor],
        w: &Workspace,
        b: &BackWorkspace,
        out: &Tensor,
    ) {
        let d_z = b.d_z[0].slice(0, &[panels(w.rows), self.hidden[0], PANEL]);
        rec.push(self.d_input(0, weights, mirrors, &d_z, out, w, Finish::Store));
    }

    /// d_x = finish(d_y W^T) of layer `i`.
    #[allow(clippy::too_many_arguments)] // one value each, all of different kinds
    fn d_input(
        &self,
        i: usize,
        weights: &Weights,
        mirrors: &[Tensor],
        d_y: &Tensor,
        d_x: &Tensor,
        w: &Workspace,
        finish: Finish<'_>,
    ) -> Dispatch {
        let l = &self.layout.layers[i];
        let weight = mirrors[l.group].slice(l.mirror_at, &[l.outputs + 1, l.mirror_stride()]);
        self.linear((l.outputs, l.inputs, l.mirror_stride()), w, false, i, finish)
            .bind("input", d_y)
            .bind("weight", &weight)
            .bind("output", d_x)
            .bind("alpha", &weights.alpha)
    }

    fn d_weight(&self, i: usize, x: &Tensor, d_y: &Tensor, rows: usize, b: &BackWorkspace) -> Dispatch {
        let l = &self.layout.layers[i];
        let kernel = if l.outputs <= NARROW { "network/d_weight_narrow" } else { "network/d_weight" };
        Dispatch::new(kernel, Work::Tiles { rows: l.inputs, columns: l.outputs, slices: b.slices })
            .bind("input", x)
            .bind("d_output", d_y)
            .bind("partials", &b.partials[l.group])
            .param("inputs", l.inputs)
            .param("outputs", l.outputs)
            .param("stride", l.stride())
            .param("panels", panels(rows))
            .param("slices", b.slices)
            .param("at", l.at / 4)
            .param("partials", self.layout.groups[l.group] / 4)
    }

    #[allow(clippy::too_many_arguments)] // one value each, all of different kinds
    fn d_block(&self, rec: &mut Recording, i: usize, weights: &Weights, d_h: &Tensor, d_z: &Tensor, w: &Workspace, b: &BackWorkspace) {
        let quads = panels(w.rows) * PANEL / 4;
        let d_y = b.d_y.slice(0, &d_h.shape);
        rec.push(
            Dispatch::new("network/d_block", Work::Items(quads))
                .bind("d_h", d_h)
                .bind("slope", &w.slope[i])
                .bind("z", &w.z[i])
                .bind("norm", &self.norm(i, weights))
                .bind("spread", &w.spread[i])
                .bind("d_y", &d_y)
                .bind("d_z", d_z)
                .param("width", self.hidden[i])
                .param("quads", quads)
                .param("normed", self.options.layer_norm),
        );
        let l = &self.layout.layers[i];
        if let Some(at) = l.norm_at {
            rec.push(
                Dispatch::new("network/d_norm", Work::Items(l.stride() * b.slices))
                    .bind("d_y", &d_y)
                    .bind("z", &w.z[i])
                    .bind("partials", &b.partials[l.group])
                    .param("width", l.outputs)
                    .param("stride", l.stride())
                    .param("panels", panels(w.rows))
                    .param("slices", b.slices)
                    .param("at", at)
                    .param("partials", self.layout.groups[l.group]),
            );
        }
        self.d_alpha(rec, i, weights, &d_y, w, b);
    }

    fn d_alpha(&self, rec: &mut Recording, i: usize, weights: &Weights, d_y: &Tensor, w: &Workspace, b: &BackWorkspace) {
        if !self.options.train_alpha {
            return;
        }
        rec.push(
            Dispatch::new("network/d_alpha", Work::Groups(b.slices))
                .bind("d_y", d_y)
                .bind("slope", &w.slope[i])
                .bind("alpha", &weights.alpha)
                .bind("partials", &b.partials[0])
                .param("width", self.hidden[i])
                .param("panels", panels(w.rows))
                .param("slices", b.slices)
                .param("at", self.layout.alpha_at + i)
                .param("partials", self.layout.groups[0])
                .param("layer", i),
        );
    }

    /// The part of each group that training changes: (first, length), nothing for a frozen group.
    pub fn trained(&self) -> Vec<(usize, usize)> {
        let head = &self.layout.layers[self.hidden.len()];
        let whole = |&n: &usize| (0, n);
        if !self.options.freeze {
            return self.layout.groups.iter().map(whole).collect();
        }
        let part = |g: usize| if g == head.group { (head.at, head.len()) } else { (0, 0) };
        (0..self.layout.groups.len()).map(part).collect()
    }
}

/// Layers with at most so many outputs have kernels of their own.
const NARROW: usize = 8;

/// What becomes of a product; the constants of `shaders/network/finish.wgsl`.
enum Finish<'a> {
    Store,
    Infer,
    Train(&'a Tensor),
    TimesSlope(&'a Tensor),
    PlusSkip(&'a Tensor),
}
