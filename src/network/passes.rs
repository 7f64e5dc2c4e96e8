//! The recordings of the forward and the backward pass.

use super::{BackWorkspace, Network, Weights, Workspace};
use crate::recording::{Dispatch, PANEL, Recording, Tensor, Work, panels};

impl Network {
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
    fn product(
        &self,
        i: usize,
        weights: &Weights,
        x: &Tensor,
        y: &Tensor,
        w: &Workspace,
        finish: Finish<'_>,
    ) -> Dispatch {
        let l = &self.layout.layers[i];
        let weight = weights.groups[l.group].slice(l.at, &[l.inputs + 1, l.stride()]);
        self.linear((l.inputs, l.outputs, l.stride()), w, true, i, finish)
            .bind("input", x)
            .bind("weight", &weight)
            .bind("output", y)
            .bind("alpha", &weights.alpha)
    }

    /// A product of `size` = (K, N, N8), with all but its factors bound.
    fn linear(
        &self,
        size: (usize, usize, usize),
        w: &Workspace,
        biased: bool,
        layer: usize,
        finish: Finish<'_>,
    ) -> Dispatch {
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
    pub fn backward(
        &self,
        rec: &mut Recording,
        weights: &Weights,
        mirrors: &[Tensor],
        w: &Workspace,
        b: &BackWorkspace,
    ) {
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
    fn d_block(
        &self,
        rec: &mut Recording,
        i: usize,
        weights: &Weights,
        d_h: &Tensor,
        d_z: &Tensor,
        w: &Workspace,
        b: &BackWorkspace,
    ) {
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

    fn d_alpha(
        &self,
        rec: &mut Recording,
        i: usize,
        weights: &Weights,
        d_y: &Tensor,
        w: &Workspace,
        b: &BackWorkspace,
    ) {
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
