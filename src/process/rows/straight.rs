//! The linear path of flow matching.

use super::ProcessRow;
use crate::process::quadrature::integral;
use crate::process::usage;

/// Flow matching and rectified flow (Lipman et al. 2023, Liu et al. 2023) with time 0 at the data: `x_t = (1 - t) x_0 + t
/// eps`, so `nu = t / (1 - t)`, `f = -1 / (1 - t)`, `g^2 = 2 t / (1 - t)`. At time 1 nothing is left of the data and f is
/// infinite, so T stays below 1.
pub(super) const FLOW: ProcessRow = ProcessRow {
    name: "flow",
    aliases: &[],
    doc: "linear path of flow matching, x_t = (1 - t) x_0 + t eps, t < 1",
    t_max: 0.999,
    t0: 1e-3,
    keys: &[],
    check: |p| match p.t_max() {
        t if t < 1.0 => Ok(()),
        t => Err(usage("t_max", t, "below 1, where the linear path has lost the data")),
    },
    log_mean: |_, t| (-t).ln_1p(),
    ratio2: |_, t| (t / (1.0 - t)).powi(2),
    drift: |_, t| -1.0 / (1.0 - t),
    diffusion2: |_, t| 2.0 * t / (1.0 - t),
    time_of_ratio2: |_, r| r.sqrt() / (1.0 + r.sqrt()),
    // (1 - s) int 2u / (1 - u)^2 du, whose closed form cancels at small times
    score_weight: |_, s, t| {
        let rest = if t < 0.25 {
            integral(s, t, |u| 2.0 * u / (1.0 - u).powi(2))
        } else {
            let part = (t - s) / (1.0 - s);
            2.0 * (part / (1.0 - t) + (-part).ln_1p())
        };
        (1.0 - s) * rest
    },
    prior_std: |p| p.sigma(p.t_max()),
};
