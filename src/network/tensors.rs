//! The tensors that hold weights and that forward and backward passes fill.

use super::{Layout, Network};
use crate::recording::{Arena, PANEL, Tensor, pad, panel_shape};

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
    /// B
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
    pub(super) unused: Tensor,
    pub(super) training: bool,
}

impl BackWorkspace {
    /// S
    pub fn slices(&self) -> usize {
        self.slices + self.further
    }

    /// Those that nothing but the backward pass touches.
    pub fn own(&self) -> Vec<&Tensor> {
        self.d_z.iter().chain(&self.d_h).chain([&self.d_y]).chain(&self.partials).collect()
    }
}

impl Workspace {
    /// Those that nothing but the forward pass touches.
    pub fn own(&self) -> Vec<&Tensor> {
        let layers = [&self.hidden, &self.slope, &self.z, &self.spread].into_iter().flatten();
        layers.chain([&self.input, &self.output, &self.unused]).collect()
    }

    /// What is bound where a product writes no slopes, and where it reads nothing beside.
    pub(super) fn spare(&self) -> [&Tensor; 2] {
        [&self.unused, &self.input]
    }
}

/// Tensors that a backward pass fills.
#[derive(Debug, Clone)]
pub struct BackWorkspace {
    /// (B, D) gradient at the output; written by the loss.
    pub d_output: Tensor,
    /// (B, H): gradients travel through these in turns.
    pub(super) d_z: [Tensor; 2],
    pub(super) d_h: [Tensor; 2],
    pub(super) d_y: Tensor,
    /// (S, P) partial weight gradients, one a group.
    pub partials: Vec<Tensor>,
    /// S without those of tangents.
    pub(super) slices: usize,
    /// Slices behind these that tangents fill.
    pub(super) further: usize,
}

/// Tensors of a network that is differentiated along with being computed: B rows, and for each of P directions B tangents,
/// in one batch of R = (1 + P) B rows with B padded.
#[derive(Debug, Clone)]
pub struct Tangents {
    /// B, without padding.
    pub rows: usize,
    /// P
    pub probes: usize,
    /// (R, D + F): points and time features, then directions.
    pub input: Tensor,
    /// (R, D): what the network says, then its derivatives along the directions.
    pub output: Tensor,
    /// (R, D): gradient at the output; written by the loss.
    pub d_output: Tensor,
    /// (R, H) products of each hidden layer, and what follows of them.
    pub(super) z: Vec<Tensor>,
    pub(super) hidden: Vec<Tensor>,
    /// (R, H): gradients travel through these in turns.
    pub(super) d: [Tensor; 2],
    /// Bound where a kernel's variant does not use a binding.
    pub(super) unused: [Tensor; 2],
}

impl Tangents {
    /// The rows of the batch in a tensor of this workspace.
    pub fn batch(&self, t: &Tensor) -> Tensor {
        t.slice(0, &[pad(self.rows, PANEL), t.shape[1]])
    }

    /// See [`Workspace::spare`].
    pub(super) fn spare(&self) -> [&Tensor; 2] {
        [&self.unused[0], &self.unused[1]]
    }

    /// The tangents in a tensor of this workspace.
    pub fn tangents(&self, t: &Tensor) -> Tensor {
        let rows = pad(self.rows, PANEL);
        t.slice(rows * t.shape[1], &[self.probes * rows, t.shape[1]])
    }
}

impl Network {
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
                true => pair[i % 2].slice(0, &panel_shape(rows, w)),
                false => pair[i % 2].clone(),
            };
            self.hidden.iter().enumerate().map(view).collect()
        };
        let hidden = per_layer("hidden", true);
        let slope = per_layer("slope", self.blocks() || training && self.keeps_slopes());
        let z = per_layer("z", self.blocks());
        let spread = self.hidden.iter().map(|_| arena.f32("spread", &[pad(rows, PANEL)])).collect();
        Workspace {
            rows,
            // points at one time need no time features: they go through `forward_from`
            input: arena.panel("input", if training { rows } else { 1 }, self.dim + self.options.features),
            hidden,
            slope,
            z,
            spread,
            output: arena.panel("output", rows, self.dim),
            unused: arena.f32("unused", &[64]),
            training,
        }
    }

    /// Declares the tensors of a forward and backward pass of `rows` rows with `probes` directions each; the weight
    /// gradients go to the further slices of a backward pass.
    pub fn tangents(&self, arena: &mut Arena, rows: usize, probes: usize) -> Tangents {
        let all = (1 + probes) * pad(rows, PANEL);
        let widest = self.hidden.iter().copied().max().unwrap_or(1);
        let mut panel = |label: &str, width| arena.panel(label, all, width);
        Tangents {
            rows,
            probes,
            input: panel("input and directions", self.dim + self.options.features),
            output: panel("output and tangents", self.dim),
            d_output: panel("d_output and of tangents", self.dim),
            z: self.hidden.iter().map(|&w| panel("products and tangents", w)).collect(),
            hidden: self.hidden.iter().map(|&w| panel("hidden and tangents", w)).collect(),
            d: [0, 1].map(|_| panel("gradients and of tangents", widest)),
            unused: [0, 1].map(|_| arena.f32("unused", &[64])),
        }
    }

    /// Declares the tensors of a backward pass.
    pub fn back_workspace(&self, arena: &mut Arena, rows: usize, slices: usize) -> BackWorkspace {
        self.back_workspace_and(arena, rows, slices, 0)
    }

    /// Declares the tensors of a backward pass with `further` slices of partial gradients for tangents.
    pub fn back_workspace_and(&self, arena: &mut Arena, rows: usize, slices: usize, further: usize) -> BackWorkspace {
        let widest = self.hidden.iter().copied().max().unwrap_or(1);
        let block = if self.blocks() { widest } else { 1 };
        let mut panel = |label: &str, width| arena.panel(label, rows, width);
        BackWorkspace {
            d_output: panel("d_output", self.dim),
            d_z: [panel("d_z 0", widest), panel("d_z 1", widest)],
            d_h: [panel("d_h 0", block), panel("d_h 1", block)],
            d_y: panel("d_y", block),
            partials: self
                .layout
                .groups
                .iter()
                .map(|&n| arena.f32("partial gradients", &[slices + further, n]))
                .collect(),
            slices,
            further,
        }
    }
}
