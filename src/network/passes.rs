//! The recordings of the forward and the backward pass.

use super::{BackWorkspace, Network, Weights, Workspace};
use crate::recording::{Dispatch, PANEL, Recording, Tensor, Work, pad, panel_shape, panels};

impl Network {
    /// Records F(input): `w.input` to `w.output`.
    pub fn forward(&self, rec: &mut Recording, weights: &Weights, w: &Workspace) {
        self.forward_from(rec, weights, w, &w.input, &self.block_of(0, weights));
    }

    /// Records F(x) with another first layer (K + 1, N8), of the inputs that `x` has: points to `w.output`.
    pub fn forward_from(&self, rec: &mut Recording, weights: &Weights, w: &Workspace, x: &Tensor, first: &Tensor) {
        let count = self.hidden.len();
        let alpha = &weights.alpha;
        for i in 0..count {
            let weight = if i == 0 { first.clone() } else { self.block_of(i, weights) };
            let x = if i == 0 { x } else { &w.hidden[i - 1] };
            if self.blocks() {
                rec.push(self.product(i, (x, &weight, &w.z[i]), alpha, w, Finish::Store));
                rec.push(self.block(i, weights, w));
            } else {
                let keeps = w.training && self.keeps_slopes();
                let finish = if keeps { Finish::Train(&w.slope[i]) } else { Finish::Infer };
                rec.push(self.product(i, (x, &weight, &w.hidden[i]), alpha, w, finish));
            }
        }
        let head = self.block_of(count, weights);
        rec.push(self.product(count, (&w.hidden[count - 1], &head, &w.output), alpha, w, Finish::Store));
    }

    /// The weights and biases (K + 1, N8) of layer `i`.
    pub fn block_of(&self, i: usize, weights: &Weights) -> Tensor {
        let l = &self.layout.layers[i];
        weights.groups[l.group].slice(l.at, &[l.inputs + 1, l.stride()])
    }

    /// y = finish(x W + bias) of layer `i`, for (x, (W ; bias), y).
    fn product(
        &self,
        i: usize,
        (x, weight, y): (&Tensor, &Tensor, &Tensor),
        alpha: &Tensor,
        w: &Workspace,
        finish: Finish<'_>,
    ) -> Dispatch {
        let [rows, stride] = [weight.shape[0], weight.shape[1]];
        self.linear(Product { biased: true, ..Product::of_rows(w.rows, rows - 1, stride) }, w.spare(), i, finish)
            .bind("input", x)
            .bind("weight", weight)
            .bind("output", y)
            .bind("alpha", alpha)
    }

    /// A product with all but its factors bound.
    pub(super) fn linear(&self, p: Product, spare: [&Tensor; 2], layer: usize, finish: Finish<'_>) -> Dispatch {
        // what a finish does not use is bound to something small
        let [written, read] = spare;
        let (file, slope, beside) = match finish {
            Finish::Store => ("store", written, read),
            Finish::Infer => ("infer", written, read),
            Finish::Train(slope) => ("train", slope, read),
            Finish::TimesSlope(_, beside) => ("times_slope", written, beside),
            Finish::PlusSkip(skip) => ("plus_skip", written, skip),
        };
        let kernel = match (p.inputs, p.outputs) {
            (_, ..=NARROW) => "network/linear_narrow",
            (..=NARROW, _) => "network/linear_shallow",
            _ => "network/linear",
        };
        let mut dispatch = p.dispatch(kernel, layer).slot("finish", format!("network/finish/{file}"));
        if matches!(finish, Finish::Infer | Finish::Train(_)) {
            dispatch = dispatch.slot("activation", self.activation.shader);
        }
        if let Finish::TimesSlope(file, _) = finish {
            dispatch = dispatch.slot("slope", file);
        }
        dispatch.bind("slope", slope).bind("beside", beside)
    }

    /// What carries a gradient back through the activation of plain hidden layer `i`.
    fn back<'a>(&self, i: usize, w: &'a Workspace) -> Finish<'a> {
        match self.activation.by_value {
            Some(own) if !self.keeps_slopes() => Finish::TimesSlope(own.shader, &w.hidden[i]),
            _ => Finish::TimesSlope("network/slope/kept", &w.slope[i]),
        }
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
        let rows = pad(w.rows, PANEL);
        Dispatch::new("network/block", Work::Items(rows))
            .slot("activation", self.activation.shader)
            .bind("z", &w.z[i])
            .bind("previous", previous)
            .bind("norm", &self.norm(i, weights))
            .bind("alpha", &weights.alpha)
            .bind("h", &w.hidden[i])
            .bind("slope", &w.slope[i])
            .bind("spread", &w.spread[i])
            .param("rows", rows)
            .param("width", width)
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
        self.d_weight(rec, count, &w.hidden[count - 1], &b.d_output, weights, w.spare(), b);
        if self.options.freeze {
            return;
        }
        let mut above = b.d_output.clone();
        for i in (0..count).rev() {
            let d_z = self.through(rec, i, weights, mirrors, &above, w, b);
            if self.blocks() {
                let d_y = b.d_y.slice(0, &d_z.shape);
                self.d_norm(rec, i, &d_y, w, b);
                self.d_alpha(rec, i, weights, &d_y, w, b);
            } else {
                self.d_alpha(rec, i, weights, &d_z, w, b);
            }
            let x = if i == 0 { &w.input } else { &w.hidden[i - 1] };
            self.d_weight(rec, i, x, &d_z, weights, w.spare(), b);
            above = d_z;
        }
    }

    /// Records the way back through hidden layer `i`: from the gradient at the product above it to that at its own.
    #[allow(clippy::too_many_arguments)] // one value each, all of different kinds
    fn through(
        &self,
        rec: &mut Recording,
        i: usize,
        weights: &Weights,
        mirrors: &[Tensor],
        above: &Tensor,
        w: &Workspace,
        b: &BackWorkspace,
    ) -> Tensor {
        let d_z = b.d_z[i % 2].slice(0, &panel_shape(w.rows, self.hidden[i]));
        if self.blocks() {
            let d_h = b.d_h[i % 2].slice(0, &panel_shape(w.rows, self.hidden[i]));
            let skips = i + 1 < self.hidden.len() && self.skips(i + 1);
            let skip = skips.then(|| b.d_h[(i + 1) % 2].slice(0, &d_h.shape));
            let finish = skip.as_ref().map_or(Finish::Store, Finish::PlusSkip);
            rec.push(self.d_input(i + 1, weights, mirrors, above, &d_h, w, finish));
            rec.push(self.d_block(i, weights, &d_h, &d_z, w, b));
        } else {
            rec.push(self.d_input(i + 1, weights, mirrors, above, &d_z, w, self.back(i, w)));
        }
        d_z
    }

    /// Records `v^T dF/d(input)`, v = `b.d_output` (B, D), after a training forward pass: (B, D + F) to `out`. Gradients of
    /// the parameters are left alone.
    pub fn pull_back(
        &self,
        rec: &mut Recording,
        weights: &Weights,
        mirrors: &[Tensor],
        w: &Workspace,
        b: &BackWorkspace,
        out: &Tensor,
    ) {
        let mut above = b.d_output.clone();
        for i in (0..self.hidden.len()).rev() {
            above = self.through(rec, i, weights, mirrors, &above, w, b);
        }
        self.input_gradient(rec, weights, mirrors, w, b, out);
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
        let d_z = b.d_z[0].slice(0, &panel_shape(w.rows, self.hidden[0]));
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
        let scales = [gradient_scale(w.rows), 1.0];
        let product = Product { scales, ..Product::of_rows(w.rows, l.outputs, l.mirror_stride()) };
        // what finishes is the layer below
        self.linear(product, w.spare(), i.saturating_sub(1), finish)
            .bind("input", d_y)
            .bind("weight", &weight)
            .bind("output", d_x)
            .bind("alpha", &weights.alpha)
    }

    /// d_W = x^T d_y of layer `i` with the bias gradient below it, slice by slice.
    #[allow(clippy::too_many_arguments)] // one value each, all of different kinds
    pub(super) fn d_weight(
        &self,
        rec: &mut Recording,
        i: usize,
        x: &Tensor,
        d_y: &Tensor,
        weights: &Weights,
        spare: [&Tensor; 2],
        b: &BackWorkspace,
    ) {
        let l = &self.layout.layers[i];
        let (rows, length) = (x.shape[0], self.layout.groups[l.group]);
        if l.outputs <= NARROW {
            rec.push(
                Dispatch::new(
                    "network/d_weight_narrow",
                    Work::Tiles { rows: l.inputs, columns: l.outputs, slices: b.slices },
                )
                .bind("input", x)
                .bind("d_output", d_y)
                .bind("partials", &b.partials[l.group])
                .param("inputs", l.inputs)
                .param("stride", l.mirror_stride() / 8)
                .param("panels", rows / PANEL)
                .param("slices", b.slices)
                .param("at", l.at / 8)
                .param("length", length / 8),
            );
            return;
        }
        let part = Part { bias: true, output_at: l.at, slices: b.slices };
        self.sum_over_rows(rec, i, (x, d_y, &b.partials[l.group]), part, weights, spare);
    }

    /// x^T d_y of layer `i` to partial sums of its block, for (x, d_y, partial sums).
    pub(super) fn sum_over_rows(
        &self,
        rec: &mut Recording,
        i: usize,
        (x, d_y, partials): (&Tensor, &Tensor, &Tensor),
        part: Part,
        weights: &Weights,
        spare: [&Tensor; 2],
    ) {
        let l = &self.layout.layers[i];
        let rows = x.shape[0];
        let product = Product {
            rows: l.inputs + usize::from(part.bias),
            inputs: rows,
            outputs: l.stride(),
            input_stride: x.shape[1],
            biased: part.bias,
            output_at: part.output_at,
            output_slice: self.layout.groups[l.group],
            slices: part.slices,
            scales: [1.0, gradient_scale(rows)],
        };
        let [written, read] = spare;
        rec.push(
            product
                .dispatch("network/d_weight", i)
                .slot("finish", "network/finish/store")
                .bind("slope", written)
                .bind("beside", read)
                .bind("input", x)
                .bind("weight", d_y)
                .bind("output", partials)
                .bind("alpha", &weights.alpha),
        );
    }

    fn d_block(
        &self,
        i: usize,
        weights: &Weights,
        d_h: &Tensor,
        d_z: &Tensor,
        w: &Workspace,
        b: &BackWorkspace,
    ) -> Dispatch {
        let rows = pad(w.rows, PANEL);
        Dispatch::new("network/d_block", Work::Items(rows))
            .bind("d_h", d_h)
            .bind("slope", &w.slope[i])
            .bind("z", &w.z[i])
            .bind("norm", &self.norm(i, weights))
            .bind("spread", &w.spread[i])
            .bind("d_y", &b.d_y.slice(0, &d_h.shape))
            .bind("d_z", d_z)
            .param("rows", rows)
            .param("width", self.hidden[i])
            .param("stride", self.layout.layers[i].stride())
            .param("normed", self.options.layer_norm)
    }

    fn d_norm(&self, rec: &mut Recording, i: usize, d_y: &Tensor, w: &Workspace, b: &BackWorkspace) {
        let l = &self.layout.layers[i];
        let Some(at) = l.norm_at else { return };
        rec.push(
            Dispatch::new("network/d_norm", Work::Items(l.stride() * b.slices))
                .bind("d_y", d_y)
                .bind("z", &w.z[i])
                .bind("partials", &b.partials[l.group])
                .param("width", l.outputs)
                .param("stride", l.stride())
                .param("panels", panels(w.rows))
                .param("slices", b.slices)
                .param("at", at)
                .param("length", self.layout.groups[l.group]),
        );
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
                .param("length", self.layout.groups[0])
                .param("layer", i),
        );
    }
}

/// Products of at most so many inputs or outputs have kernels of their own.
pub const NARROW: usize = 8;

/// What brings gradients of a mean over `rows` rows to the order of 1: a power of two, so that no digit changes.
pub(super) fn gradient_scale(rows: usize) -> f32 {
    rows.next_power_of_two() as f32
}

/// Which partial sums a product over rows fills.
pub(super) struct Part {
    /// With the gradient of the bias below them.
    pub bias: bool,
    /// Where the first of them starts.
    pub output_at: usize,
    pub slices: usize,
}

/// Sizes of a product, all in numbers and multiples of 8 where `network/product` counts in eights.
pub(super) struct Product {
    pub rows: usize,
    pub inputs: usize,
    /// N rounded up to 8.
    pub outputs: usize,
    pub input_stride: usize,
    pub biased: bool,
    pub output_at: usize,
    pub output_slice: usize,
    pub slices: usize,
    /// What brings inputs and weights to the order of 1.
    pub scales: [f32; 2],
}

impl Product {
    /// Of a batch of `rows` rows with `inputs` features, to `outputs` features (rounded up to 8).
    pub fn of_rows(rows: usize, inputs: usize, outputs: usize) -> Self {
        let input_stride = pad(inputs, 8);
        let rows = pad(rows, PANEL);
        Self {
            rows,
            inputs,
            outputs,
            input_stride,
            biased: false,
            output_at: 0,
            output_slice: 0,
            slices: 1,
            scales: [1.0; 2],
        }
    }

    /// Its launch with all parameters and nothing bound; `layer` picks the entry of alpha.
    fn dispatch(&self, kernel: &'static str, layer: usize) -> Dispatch {
        Dispatch::new(kernel, Work::Tiles { rows: self.rows, columns: self.outputs, slices: self.slices })
            .param("rows", self.rows)
            .param("inputs", self.inputs)
            .param("input_stride", self.input_stride / 8)
            .param("weight_stride", self.outputs / 8)
            .param("output_stride", self.outputs / 8)
            .param("output_at", self.output_at / 8)
            .param("output_slice", self.output_slice / 8)
            .param("slices", self.slices)
            .param("biased", self.biased)
            .param("layer", layer)
            .param("input_scale", self.scales[0])
            .param("weight_scale", self.scales[1])
    }
}

/// What becomes of a product; the files of `shaders/network/finish`.
pub(super) enum Finish<'a> {
    Store,
    Infer,
    Train(&'a Tensor),
    /// The file that tells the slope, and what it tells it from.
    TimesSlope(&'static str, &'a Tensor),
    PlusSkip(&'a Tensor),
}
