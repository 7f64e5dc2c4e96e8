//! Processes that shrink the data as they add noise: `ou`, `vp`, `vp-cosine` (m^2 + sigma^2 = 1) and `sub-vp`.

use super::{Key, ProcessRow};
use crate::error::Result;
use crate::process::quadrature::integral;
use crate::process::{Process, usage};
use std::f64::consts::FRAC_PI_2;

const BETA: &[Key] = &[
    Key { name: "beta_min", default: 0.1, doc: "beta at time 0, per unit of time, at least 0" },
    Key { name: "beta_max", default: 20.0, doc: "beta at time T, per unit of time, at least beta_min" },
];

/// Ornstein-Uhlenbeck, the convention of the theory (Benton et al. 2024): `m = e^-t`, `sigma^2 = 1 - e^-2t`.
pub(super) const OU: ProcessRow = ProcessRow {
    name: "ou",
    aliases: &[],
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
pub(super) const VP: ProcessRow = ProcessRow {
    name: "vp",
    aliases: &[],
    doc: "variance preserving, dX = -beta(t)/2 X dt + sqrt(beta(t)) dW with beta linear in t",
    t_max: 1.0,
    t0: 1e-3,
    keys: BETA,
    check: check_beta,
    log_mean: |p, t| -0.5 * vp_integral(p, t),
    ratio2: |p, t| vp_integral(p, t).exp_m1(),
    drift: |p, t| -0.5 * vp_beta(p, t),
    diffusion2: vp_beta,
    time_of_ratio2: |p, r| vp_time(p, r.ln_1p()),
    score_weight: preserving_score_weight,
    prior_std: |_| 1.0,
};

/// Variance preserving with a cosine schedule (Nichol and Dhariwal 2021, eq. 17) in continuous time:
/// `m = cos(theta) / cos(theta_0)`, `theta = (t + s) / (1 + s) pi / 2`. At time 1 nothing is left of the data and beta is
/// infinite, so T stays below 1 (0.9946, where Lu et al. 2022 also end).
pub(super) const VP_COSINE: ProcessRow = ProcessRow {
    name: "vp-cosine",
    aliases: &[],
    doc: "variance preserving with m = cos((t + s) / (1 + s) pi / 2) / cos(s / (1 + s) pi / 2), t < 1",
    t_max: 0.9946,
    t0: 1e-3,
    keys: &[Key { name: "cosine_s", default: 0.008, doc: "offset of the cosine, above 0 and at most 1" }],
    check: |p| {
        let s = p.parameter(0);
        if !(s > 0.0 && s <= 1.0) {
            return Err(usage("cosine_s", s, "above 0 and at most 1"));
        }
        if p.t_max() >= 1.0 {
            return Err(usage("t_max", p.t_max(), "below 1, where the cosine schedule has lost the data"));
        }
        Ok(())
    },
    log_mean: |p, t| {
        let (first, turn) = cosine_angles(p, t);
        if t < 0.5 {
            // cos(a + d) / cos(a) - 1, which is small here
            (-2.0 * (turn / 2.0).sin().powi(2) - first.tan() * turn.sin()).ln_1p()
        } else {
            (cosine_rest(p, t).sin() / first.cos()).ln()
        }
    },
    // 1 / m^2 - 1 = (cos^2 a - cos^2 b) / cos^2 b = sin(b - a) sin(b + a) / cos^2 b
    ratio2: |p, t| {
        let (first, turn) = cosine_angles(p, t);
        turn.sin() * (2.0 * first + turn).sin() / cosine_rest(p, t).sin().powi(2)
    },
    drift: |p, t| -0.5 * cosine_beta(p, t),
    diffusion2: cosine_beta,
    time_of_ratio2: |p, r| {
        // tan^2 b = tan^2 a + r / cos^2 a, and b - a without cancellation from the two tangents
        let (first, _) = cosine_angles(p, 0.0);
        let more = r / first.cos().powi(2);
        let (tan_a, tan_b) = (first.tan(), (first.tan().powi(2) + more).sqrt());
        (more / (tan_a + tan_b) / (1.0 + tan_a * tan_b)).atan() / cosine_speed(p)
    },
    score_weight: preserving_score_weight,
    prior_std: |_| 1.0,
};

/// Sub-VP (Song et al. 2021, eq. 13): the drift of `vp`, `g^2 = beta (1 - e^(-2 I))`, so that `sigma = 1 - e^-I`.
/// Hence `nu = e^(I/2) - e^(-I/2) = 2 sinh(I / 2)`.
pub(super) const SUB_VP: ProcessRow = ProcessRow {
    name: "sub-vp",
    aliases: &[],
    doc: "sub-variance-preserving, the drift of vp with g^2 = beta(t) (1 - e^(-2 I)), I = int_0^t beta",
    t_max: 1.0,
    t0: 1e-3,
    keys: BETA,
    check: check_beta,
    log_mean: |p, t| -0.5 * vp_integral(p, t),
    ratio2: |p, t| 4.0 * (0.5 * vp_integral(p, t)).sinh().powi(2),
    drift: |p, t| -0.5 * vp_beta(p, t),
    diffusion2: |p, t| -vp_beta(p, t) * (-2.0 * vp_integral(p, t)).exp_m1(),
    time_of_ratio2: |p, r| vp_time(p, 2.0 * (0.5 * r.sqrt()).asinh()),
    // m_s int g^2 / m du = m_s int 2 e^(-I/2) sinh(I) dI, whose closed form cancels while I is small
    score_weight: |p, s, t| {
        let (from, to) = (vp_integral(p, s), vp_integral(p, t));
        let rest = if to < 1.0 {
            integral(from, to, |i| 2.0 * (-0.5 * i).exp() * i.sinh())
        } else {
            let step = to - from;
            2.0 * (0.5 * from).exp() * (0.5 * step).exp_m1()
                + (2.0 / 3.0) * (-1.5 * from).exp() * (-1.5 * step).exp_m1()
        };
        p.mean(s) * rest
    },
    prior_std: |_| 1.0,
};

fn check_beta(p: &Process) -> Result<()> {
    let (low, high) = (p.parameter(0), p.parameter(1));
    if low < 0.0 {
        return Err(usage("beta_min", low, "at least 0"));
    }
    if high < low || high <= 0.0 {
        return Err(usage("beta_max", high, &format!("above 0 and at least beta_min = {low}")));
    }
    Ok(())
}

/// With `m^2 + sigma^2 = 1`, `g^2 / m = 2 (1/m)'`, so `m_s * integral_s^t g^2 / m = 2 (m_s / m_t - 1)`.
pub(super) fn preserving_score_weight(p: &Process, s: f64, t: f64) -> f64 {
    2.0 * p.growth_minus_one(s, t)
}

fn vp_beta(p: &Process, t: f64) -> f64 {
    p.parameter(0) + (p.parameter(1) - p.parameter(0)) * t / p.t_max()
}

/// The integral of beta from 0 to t.
fn vp_integral(p: &Process, t: f64) -> f64 {
    t * (p.parameter(0) + 0.5 * (p.parameter(1) - p.parameter(0)) * t / p.t_max())
}

/// The time at which [`vp_integral`] is `value`: `beta_min t + slope t^2 / 2 = value`, solved without cancellation.
fn vp_time(p: &Process, value: f64) -> f64 {
    let low = p.parameter(0);
    let slope = (p.parameter(1) - low) / p.t_max();
    2.0 * value / (low + (low * low + 2.0 * slope * value).sqrt())
}

/// d theta / dt of the cosine schedule.
fn cosine_speed(p: &Process) -> f64 {
    FRAC_PI_2 / (1.0 + p.parameter(0))
}

/// `(theta_0, theta_t - theta_0)`.
fn cosine_angles(p: &Process, t: f64) -> (f64, f64) {
    (p.parameter(0) * cosine_speed(p), t * cosine_speed(p))
}

/// `pi / 2 - theta_t`, whose sine is the cosine of theta without cancellation near time 1.
fn cosine_rest(p: &Process, t: f64) -> f64 {
    (1.0 - t) * cosine_speed(p)
}

/// `-(ln m^2)' = 2 theta' tan(theta)`.
fn cosine_beta(p: &Process, t: f64) -> f64 {
    2.0 * cosine_speed(p) / cosine_rest(p, t).tan()
}
