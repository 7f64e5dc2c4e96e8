//! The recordings of a head that learns the noise of the data along: Yakovlev and Puchkin's class (2025)
//!
//!   s(x, t) = -x / q + m_t clip(F) / q,   q = m_t^2 s^2 + sigma_t^2,   clip(F) = F min(1, R / |F|)
//!
//! In training, what follows the network turns F into eps_hat, so for the loss it is a head that predicts the noise. With s
//! known, as in sampling, it is affine in clip(F), and only the clip remains.

use super::{BackWorkspace, Network, Weights, Workspace};
use crate::recording::{Arena, Dispatch, PANEL, Recording, Tensor, Work, pad};

/// Tensors of a head with a trained noise.
#[derive(Debug, Clone)]
pub struct HeadWorkspace {
    /// (B, D) eps_hat
    pub guess: Tensor,
    /// (B, D) gradient at eps_hat; written by the loss.
    pub d_guess: Tensor,
    /// (B padded) gradient at s, row by row.
    d_s: Tensor,
}

/// The functions of time of a batch.
pub struct Moments<'a> {
    /// (K, 8): c_in, m, sigma, ..
    pub coefficients: &'a Tensor,
    /// (B padded)
    pub time_index: &'a Tensor,
}

impl Network {
    /// Declares the tensors of a head with a trained noise over `rows` rows; nothing for others.
    pub fn head_workspace(&self, arena: &mut Arena, rows: usize) -> Option<HeadWorkspace> {
        self.head.trained.then(|| HeadWorkspace {
            guess: arena.panel("eps_hat", rows, self.dim),
            d_guess: arena.panel("d_eps_hat", rows, self.dim),
            d_s: arena.f32("d_s", &[pad(rows, PANEL)]),
        })
    }

    /// Records eps_hat to `h.guess` from `w.output`, which [`Self::forward`] filled.
    pub fn shape_output(&self, rec: &mut Recording, weights: &Weights, w: &Workspace, k: &Moments, h: &HeadWorkspace) {
        rec.push(
            self.head_dispatch("head/structured", weights, w, k)
                .bind("input", &w.input)
                .bind("guess", &h.guess)
                .param("features", self.options.features),
        );
    }

    /// Records the way back through it: from `h.d_guess` to `b.d_output`, and the partial gradients of s.
    pub fn d_shape_output(
        &self,
        rec: &mut Recording,
        weights: &Weights,
        w: &Workspace,
        k: &Moments,
        (h, b): (&HeadWorkspace, &BackWorkspace),
    ) {
        rec.push(
            self.head_dispatch("head/d_structured", weights, w, k)
                .bind("guess", &h.guess)
                .bind("d_guess", &h.d_guess)
                .bind("d_output", &b.d_output)
                .bind("d_s", &h.d_s),
        );
        rec.push(
            Dispatch::new("head/d_noise", Work::Groups(b.slices))
                .bind("d_s", &h.d_s)
                .bind("partials", &b.partials[0])
                .param("panels", pad(w.rows, PANEL) / PANEL)
                .param("slices", b.slices)
                .param("at", self.noise_at())
                .param("length", self.layout.groups[0]),
        );
    }

    fn head_dispatch(&self, kernel: &'static str, weights: &Weights, w: &Workspace, k: &Moments) -> Dispatch {
        let rows = pad(w.rows, PANEL);
        Dispatch::new(kernel, Work::Items(rows))
            .bind("output", &w.output)
            .bind("coefficients", k.coefficients)
            .bind("time_index", k.time_index)
            .bind("alpha", &weights.alpha)
            .param("rows", rows)
            .param("dim", self.dim)
            .param("times", k.coefficients.shape[0])
            .param("layer", self.hidden.len())
            .param("radius", self.options.radius as f32)
    }

    /// Records clip(F) of `w.output` to `clipped` (B, D).
    pub fn clip_output(&self, rec: &mut Recording, w: &Workspace, clipped: &Tensor) {
        rec.push(self.clip_dispatch("head/clip", w).bind("clipped", clipped));
    }

    /// Records the way back through it: from `probe` (B, D) to `b.d_output`.
    pub fn d_clip_output(&self, rec: &mut Recording, w: &Workspace, probe: &Tensor, b: &BackWorkspace) {
        rec.push(self.clip_dispatch("head/d_clip", w).bind("probe", probe).bind("d_output", &b.d_output));
    }

    fn clip_dispatch(&self, kernel: &'static str, w: &Workspace) -> Dispatch {
        let rows = pad(w.rows, PANEL);
        Dispatch::new(kernel, Work::Items(rows))
            .bind("output", &w.output)
            .param("rows", rows)
            .param("dim", self.dim)
            .param("radius", self.options.radius as f32)
    }
}
