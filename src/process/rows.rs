//! The table of processes. A row gives `ln m_t` and `nu_t^2` in forms that keep their digits at small t, and the
//! few integrals that follow from them; everything else is derived in [`Process`].

use super::{Key, Process, usage};
use crate::error::Result;

/// One process: its name, its parameters and its functions of time.
pub struct ProcessRow {
    /// The name in flags and files.
    pub name: &'static str,
    /// One line: the equation.
    pub doc: &'static str,
    /// Default of the time `T` of pure noise.
    pub t_max: f64,
    /// Default of the early-stopping time.
    pub t0: f64,
    /// Parameters beside the two times.
    pub keys: &'static [Key],
    pub(super) check: fn(&Process) -> Result<()>,
    pub(super) log_mean: fn(&Process, f64) -> f64,
    pub(super) ratio2: fn(&Process, f64) -> f64,
    pub(super) drift: fn(&Process, f64) -> f64,
    pub(super) diffusion2: fn(&Process, f64) -> f64,
    pub(super) time_of_ratio2: fn(&Process, f64) -> f64,
    pub(super) score_weight: fn(&Process, f64, f64) -> f64,
    pub(super) prior_std: fn(&Process) -> f64,
}

/// Every process there is. Flags, documentation and tests walk this table.
pub static PROCESSES: &[ProcessRow] = &[OU, VP, VE];

/// Ornstein-Uhlenbeck, the convention of the theory (Benton et al. 2024): `m = e^-t`, `sigma^2 = 1 - e^-2t`.
const OU: ProcessRow = ProcessRow {
    name: "ou",
    doc: "Ornstein-Uhlenbeck, dX = -X dt + sqrt(2) dW",
    t_max: 5.0,
    t0: 1e-3,
    keys: &[],
    check: |_| Ok(()),
    log_mean: |_, t| -t,
    ratio2: |_, t| (2.0 * t).exp_m1(),
    drift: |_, _| -1.0,
    diffusion2: |_, _| 2.0,
    time_of_ratio2: |_, r| 0.5 * r.ln_1p(),
    score_weight: preserving_score_weight,
    prior_std: |_| 1.0,
};

/// Variance preserving with linear beta (Song et al. 2021, appendix C): `beta(t) = b_min + (b_max - b_min) t / T`.
const VP: ProcessRow = ProcessRow {
    name: "vp",
    doc: "variance preserving, dX = -beta(t)/2 X dt + sqrt(beta(t)) dW with beta linear in t",
    t_max: 1.0,
    t0: 1e-3,
    keys: &[
        Key { name: "beta_min", default: 0.1, doc: "beta at time 0, per unit of time, at least 0" },
        Key { name: "beta_max", default: 20.0, doc: "beta at time T, per unit of time, at least beta_min" },
    ],
    check: |p| {
        let (low, high) = (p.parameter(0), p.parameter(1));
        if low < 0.0 {
            return Err(usage("beta_min", low, "at least 0"));
        }
        if high < low || high <= 0.0 {
            return Err(usage("beta_max", high, &format!("above 0 and at least beta_min = {low}")));
        }
        Ok(())
    },
    log_mean: |p, t| -0.5 * vp_integral(p, t),
    ratio2: |p, t| vp_integral(p, t).exp_m1(),
    drift: |p, t| -0.5 * vp_beta(p, t),
    diffusion2: vp_beta,
    time_of_ratio2: |p, r| {
        // beta_min t + slope t^2 / 2 = ln(1 + r), solved without cancellation
        let integral = r.ln_1p();
        let low = p.parameter(0);
        let slope = (p.parameter(1) - low) / p.t_max();
        2.0 * integral / (low + (low * low + 2.0 * slope * integral).sqrt())
    },
    score_weight: preserving_score_weight,
    prior_std: |_| 1.0,
};

/// Variance exploding with a geometric schedule (Song et al. 2021, appendix C), with its exact law:
/// `m = 1`, `sigma_t^2 = sigma_min^2 ((sigma_max / sigma_min)^(2 t / T) - 1)`, which is 0 at time 0.
/// The plain convention drops the -1; it then treats data that already carry the noise `sigma_min`.
const VE: ProcessRow = ProcessRow {
    name: "ve",
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
    // m = 1: the integral of g^2
    score_weight: |p, s, t| p.ratio2(t) - p.ratio2(s),
    prior_std: |p| p.sigma(p.t_max()),
};

/// With `m^2 + sigma^2 = 1`, `g^2 / m = 2 (1/m)'`, so `m_s * integral_s^t g^2 / m = 2 (m_s / m_t - 1)`.
fn preserving_score_weight(p: &Process, s: f64, t: f64) -> f64 {
    2.0 * p.growth_minus_one(s, t)
}

fn vp_beta(p: &Process, t: f64) -> f64 {
    p.parameter(0) + (p.parameter(1) - p.parameter(0)) * t / p.t_max()
}

/// The integral of beta from 0 to t.
fn vp_integral(p: &Process, t: f64) -> f64 {
    t * (p.parameter(0) + 0.5 * (p.parameter(1) - p.parameter(0)) * t / p.t_max())
}

/// `ln(sigma_max / sigma_min) / T`.
fn ve_rate(p: &Process) -> f64 {
    (p.parameter(1) / p.parameter(0)).ln() / p.t_max()
}
