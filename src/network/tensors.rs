//! The tensors that hold weights and that forward and backward passes fill.

use super::passes::{NARROW, transposed_stride};
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

/// Tensors that a backward pass fills.
#[derive(Debug, Clone)]
pub struct BackWorkspace {
    /// (B, D) gradient at the output; written by the loss.
    pub d_output: Tensor,
    /// (B, H): gradients travel through these in turns.
    pub(super) d_z: [Tensor; 2],
    pub(super) d_h: [Tensor; 2],
    pub(super) d_y: Tensor,
    /// (K + 1, `transposed_stride`) input of one layer after the other, transposed, with a row of ones.
    pub(super) transposed: Tensor,
    /// (S, P) partial weight gradients, one a group.
    pub partials: Vec<Tensor>,
    /// S
    pub slices: usize,
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
        let slope = per_layer("slope", training || self.blocks());
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

    /// Declares the tensors of a backward pass.
    pub fn back_workspace(&self, arena: &mut Arena, rows: usize, slices: usize) -> BackWorkspace {
        let widest = self.hidden.iter().copied().max().unwrap_or(1);
        let block = if self.blocks() { widest } else { 1 };
        // a head of few outputs takes its input as it is
        let wide = self.layout.layers.iter().filter(|l| l.outputs > NARROW);
        let deepest = wide.map(|l| l.inputs).max().unwrap_or(1);
        let mut panel = |label: &str, width| arena.panel(label, rows, width);
        BackWorkspace {
            d_output: panel("d_output", self.dim),
            d_z: [panel("d_z 0", widest), panel("d_z 1", widest)],
            d_h: [panel("d_h 0", block), panel("d_h 1", block)],
            d_y: panel("d_y", block),
            transposed: arena.f32("transposed input", &[deepest + 1, transposed_stride(rows)]),
            partials: self.layout.groups.iter().map(|&n| arena.f32("partial gradients", &[slices, n])).collect(),
            slices,
        }
    }
}
