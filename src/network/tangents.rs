//! The recordings of a network together with its derivatives along directions, and of the way back through both: the
//! gradient of a divergence with respect to the weights.
//!
//! With z_i = h_(i-1) W_i + b_i and h_i = phi(z_i), a direction v has the tangents z'_i = h'_(i-1) W_i and h'_i = phi'(z_i) z'_i,
//! h'_0 = v. So tangents are further rows of the same products, without the bias; only the activation ties them to
//! their row (`network/tangent`), and on the way back its second derivative does (`network/d_tangent`).

use super::passes::{Finish, Part, Product, gradient_scale};
use super::{BackWorkspace, Network, Tangents, Weights};
use crate::recording::{Dispatch, PANEL, Recording, Tensor, Work, pad};

impl Network {
    /// Records F(input) and its derivatives: `t.input` to `t.output`. For plain layers only: no layer norm, no skips.
    pub fn forward_tangents(&self, rec: &mut Recording, weights: &Weights, t: &Tangents) {
        let count = self.hidden.len();
        for i in 0..=count {
            let x = if i == 0 { &t.input } else { &t.hidden[i - 1] };
            let y = if i == count { &t.output } else { &t.z[i] };
            for (biased, part) in [(true, Tangents::batch as Rows), (false, Tangents::tangents as Rows)] {
                let (x, y, l) = (part(t, x), part(t, y), &self.layout.layers[i]);
                let product = Product { biased, ..Product::of_rows(x.shape[0], l.inputs, l.stride()) };
                rec.push(
                    self.linear(product, t.spare(), i, Finish::Store)
                        .bind("input", &x)
                        .bind("weight", &self.block_of(i, weights))
                        .bind("output", &y)
                        .bind("alpha", &weights.alpha),
                );
            }
            if i < count {
                rec.push(self.bend("network/tangent", i, weights, t).bind("h", &t.hidden[i]));
            }
        }
    }

    /// Records the partial gradients of all trained parameters from `t.d_output`, after [`Self::forward_tangents`].
    pub fn backward_tangents(
        &self,
        rec: &mut Recording,
        weights: &Weights,
        mirrors: &[Tensor],
        t: &Tangents,
        b: &BackWorkspace,
    ) {
        let count = self.hidden.len();
        let mut above = t.d_output.clone();
        for i in (0..=count).rev() {
            if i < count {
                let l = &self.layout.layers[i + 1];
                let d = t.d[i % 2].slice(0, &t.z[i].shape);
                let weight = mirrors[l.group].slice(l.mirror_at, &[l.outputs + 1, l.mirror_stride()]);
                let scales = [gradient_scale(t.rows), 1.0];
                let product = Product { scales, ..Product::of_rows(d.shape[0], l.outputs, l.mirror_stride()) };
                rec.push(
                    self.linear(product, t.spare(), i + 1, Finish::Store)
                        .bind("input", &above)
                        .bind("weight", &weight)
                        .bind("output", &d)
                        .bind("alpha", &weights.alpha),
                );
                rec.push(self.bend("network/d_tangent", i, weights, t).bind("d", &d));
                above = d;
            }
            let x = if i == 0 { &t.input } else { &t.hidden[i - 1] };
            self.d_weight(rec, i, &t.batch(x), &t.batch(&above), weights, t.spare(), b);
            self.d_weight_of_tangents(rec, i, &t.tangents(x), &t.tangents(&above), weights, t, b);
            if self.options.freeze {
                return;
            }
        }
    }

    /// What `network/tangent` and its way back have in common.
    fn bend(&self, kernel: &'static str, i: usize, weights: &Weights, t: &Tangents) -> Dispatch {
        let (rows, stride) = (pad(t.rows, PANEL), self.layout.layers[i].stride());
        Dispatch::new(kernel, Work::Items(rows * stride / 4))
            .slot("activation", self.activation.shader)
            .bind("z", &t.z[i])
            .bind("alpha", &weights.alpha)
            .param("rows", rows)
            .param("probes", t.probes)
            .param("stride", stride)
            .param("layer", i)
    }

    /// d_W += h'^T d_z' of layer `i`, in slices behind those of the batch; the bias knows no tangents.
    #[allow(clippy::too_many_arguments)] // one value each, all of different kinds
    fn d_weight_of_tangents(
        &self,
        rec: &mut Recording,
        i: usize,
        x: &Tensor,
        d_y: &Tensor,
        weights: &Weights,
        t: &Tangents,
        b: &BackWorkspace,
    ) {
        let l = &self.layout.layers[i];
        let length = self.layout.groups[l.group];
        // behind the slices of the batch, without the row of ones
        let part = Part { bias: false, output_at: b.slices * length + l.at, slices: b.further };
        self.sum_over_rows(rec, i, (x, d_y, &b.partials[l.group]), part, weights, t.spare());
    }
}

/// Some of the rows of a tensor.
type Rows = fn(&Tangents, &Tensor) -> Tensor;
