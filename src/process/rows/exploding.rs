//! Processes that leave the data where it is, m = 1: `ve`, `ve-power`, `edm`.

use super::{Key, ProcessRow};
use crate::process::{Process, usage};

/// Variance exploding with a geometric schedule (Song et al. 2021, appendix C), with its exact law:
/// `m = 1`, `sigma_t^2 = sigma_min^2 ((sigma_max / sigma_min)^(2 t / T) - 1)`, which is 0 at time 0.
/// The plain convention drops the -1; it then treats data that already carry the noise `sigma_min`.
pub(super) const VE: ProcessRow = ProcessRow {
    name: "ve",
    aliases: &[],
    doc: "variance exploding, dX = g(t) dW with sigma_min^2 + sigma(t)^2 = (sigma_min (sigma_max/sigma_min)^(t/T))^2",
    t_max: 1.0,
    t0: 1e-5,
    keys: &[
        Key { name: "sigma_min", default: 0.01, doc: "scale of the schedule at time 0, in data units, above 0" },
        Key {
            name: "sigma_max",
            default: 50.0,
            doc: "scale of the schedule at time T, in data units, above sigma_min",
        },
    ],
    check: |p| {
        let (low, high) = (p.parameter(0), p.parameter(1));
        if low <= 0.0 {
            return Err(usage("sigma_min", low, "above 0"));
        }
        if high <= low {
            return Err(usage("sigma_max", high, &format!("above sigma_min = {low}")));
        }
        Ok(())
    },
    log_mean: |_, _| 0.0,
    ratio2: |p, t| p.parameter(0).powi(2) * (2.0 * ve_rate(p) * t).exp_m1(),
    drift: |_, _| 0.0,
    diffusion2: |p, t| 2.0 * ve_rate(p) * p.parameter(0).powi(2) * (2.0 * ve_rate(p) * t).exp(),
    time_of_ratio2: |p, r| (r / p.parameter(0).powi(2)).ln_1p() / (2.0 * ve_rate(p)),
    score_weight: exploding_score_weight,
    prior_std: |p| p.sigma(p.t_max()),
};

/// Variance exploding with `g = base^t` (Song's tutorial, also Li, Li, Zhang and Bian 2023):
/// `sigma_t^2 = (base^(2t) - 1) / (2 ln base)`.
pub(super) const VE_POWER: ProcessRow = ProcessRow {
    name: "ve-power",
    aliases: &[],
    doc: "variance exploding, dX = base^t dW, with base 25",
    t_max: 1.0,
    t0: 1e-5,
    keys: &[Key { name: "sigma_base", default: 25.0, doc: "g(t) = base^t, above 1" }],
    check: |p| match p.parameter(0) {
        base if base > 1.0 => Ok(()),
        base => Err(usage("sigma_base", base, "above 1")),
    },
    log_mean: |_, _| 0.0,
    ratio2: |p, t| {
        let rate = 2.0 * p.parameter(0).ln();
        (rate * t).exp_m1() / rate
    },
    drift: |_, _| 0.0,
    diffusion2: |p, t| (2.0 * p.parameter(0).ln() * t).exp(),
    time_of_ratio2: |p, r| {
        let rate = 2.0 * p.parameter(0).ln();
        (rate * r).ln_1p() / rate
    },
    score_weight: exploding_score_weight,
    prior_std: |p| p.sigma(p.t_max()),
};

/// The process of Karras et al. 2022 (EDM): time is the noise level itself, `sigma_t = t`.
pub(super) const EDM: ProcessRow = ProcessRow {
    name: "edm",
    aliases: &[],
    doc: "sigma_t = t, dX = sqrt(2 t) dW (Karras et al. 2022)",
    t_max: 80.0,
    t0: 2e-3,
    keys: &[],
    check: |_| Ok(()),
    log_mean: |_, _| 0.0,
    ratio2: |_, t| t * t,
    drift: |_, _| 0.0,
    diffusion2: |_, t| 2.0 * t,
    time_of_ratio2: |_, r| r.sqrt(),
    score_weight: |_, s, t| (t - s) * (t + s),
    prior_std: |p| p.t_max(),
};

/// m = 1: the integral of g^2.
fn exploding_score_weight(p: &Process, s: f64, t: f64) -> f64 {
    p.ratio2(t) - p.ratio2(s)
}

/// `ln(sigma_max / sigma_min) / T`.
fn ve_rate(p: &Process) -> f64 {
    (p.parameter(1) / p.parameter(0)).ln() / p.t_max()
}
