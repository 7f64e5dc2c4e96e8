//! DDPM's table of K noise levels as a process in continuous time.
//!
//! `alpha_bar_k = prod_(i <= k) (1 - beta_i)` with `beta_i = beta_start + (i - 1) d`, `d = (beta_end - beta_start) / (K - 1)`
//! (Ho et al. 2020). With `c = (1 - beta_start) / d` the product is `d^k Gamma(c + 1) / Gamma(c + 1 - k)`, which makes sense
//! for every real k: an interpolation that is exact at the K times `t = k / K` and smooth between them, so that solvers
//! keep their order. `I(t) = -ln alpha_bar` takes the place of the integral of beta; `m = e^(-I/2)`.

use super::preserving::preserving_score_weight;
use super::{Key, ProcessRow};
use crate::process::{Process, usage};

/// The discrete process of Ho et al. 2020, interpolated.
pub(super) const DDPM: ProcessRow = ProcessRow {
    name: "ddpm",
    aliases: &["ddpm-linear"],
    doc: "variance preserving through the table beta_1 .. beta_K of DDPM, exact at t = k / K, smooth between",
    t_max: 1.0,
    t0: 1e-3,
    keys: &[
        Key { name: "beta_start", default: 1e-4, doc: "beta_1 of the table, above 0" },
        Key { name: "beta_end", default: 0.02, doc: "beta_K of the table, above beta_start, below 1" },
        Key { name: "timesteps", default: 1000.0, doc: "K, a whole number from 2 to 1000000" },
    ],
    check,
    log_mean: |p, t| -0.5 * p_log(p, t),
    ratio2: |p, t| p_log(p, t).exp_m1(),
    drift: |p, t| -0.5 * p_rate(p, t),
    diffusion2: p_rate,
    time_of_ratio2: |p, r| {
        // I is convex and increasing: Newton from above comes down without overshooting
        let target = r.ln_1p();
        let [start, _, count] = parameters(p);
        let d = increment(p);
        let low = start - 0.5 * d;
        // not past the pole, where beta is 1
        let pole = (1.0 - start) / d + 1.0;
        let mut x = (2.0 * target / (low + (low * low + 2.0 * d * target).sqrt())).min(pole - 1e-6);
        for _ in 0..60 {
            let step = (p_log(p, x / count) - target) / (p_rate(p, x / count) / count);
            x -= step.min(0.5 * x);
            if step.abs() <= 1e-15 * x {
                break;
            }
        }
        x / count
    },
    score_weight: preserving_score_weight,
    prior_std: |_| 1.0,
};

fn parameters(p: &Process) -> [f64; 3] {
    [p.parameter(0), p.parameter(1), p.parameter(2)]
}

fn check(p: &Process) -> Result<(), crate::error::Error> {
    let [start, end, count] = parameters(p);
    if !(2.0..=1e6).contains(&count) || count.fract() != 0.0 {
        return Err(usage("timesteps", count, "a whole number from 2 to 1000000"));
    }
    if !(end < 1.0 && end > start) {
        return Err(usage("beta_end", end, &format!("above beta_start = {start} and below 1")));
    }
    // below half an increment the interpolation falls before it grows, but it has grown by the first entry of the table
    let least = increment(p) * 0.55;
    if start <= 0.0 || (start <= least && p.t0() * count < 1.0 - 1e-9) {
        let first = 1.0 / count;
        let expected = format!("above {least} at these beta_end and timesteps, or t0 of {first} or more");
        return Err(usage("beta_start", start, &expected));
    }
    if p.t_max() > 1.0 {
        return Err(usage("t_max", p.t_max(), "at most 1, the end of the table"));
    }
    Ok(())
}

/// d, by which beta grows from one entry to the next.
fn increment(p: &Process) -> f64 {
    let [start, end, count] = parameters(p);
    (end - start) / (count - 1.0)
}

/// `I(t) = -x ln d - ln Gamma(c + 1) + ln Gamma(c + 1 - x)` at `x = K t`, by Stirling's series with all large terms
/// cancelled by hand.
fn p_log(p: &Process, t: f64) -> f64 {
    let [start, _, count] = parameters(p);
    let (d, x) = (increment(p), count * t);
    let c = (1.0 - start) / d;
    // the series wants large arguments: Gamma(z) = Gamma(z + n) / (z (z + 1) .. (z + n - 1))
    let lift = lift(c + 1.0 - x);
    let (z0, z1) = (c + 1.0 + lift, c + 1.0 + lift - x);
    let shifts: f64 = (0..lift as u32).map(|j| (-x / (c + 1.0 + f64::from(j))).ln_1p()).sum();
    // (1/12)(1/z1 - 1/z0) - (1/360)(1/z1^3 - 1/z0^3), in terms of x
    let (u0, u1) = (1.0 / z0, 1.0 / z1);
    let first = x * u0 * u1;
    let rest = first * (1.0 / 12.0 - (u0 * u0 + u0 * u1 + u1 * u1) / 360.0);
    // d z0 = 1 + (d - beta_start) + d lift
    -x * (d - start + d * lift).ln_1p() + (z1 - 0.5) * (-x / z0).ln_1p() + x + rest - shifts
}

/// dI/dt = K (-ln d - psi(c + 1 - x)).
fn p_rate(p: &Process, t: f64) -> f64 {
    let [start, _, count] = parameters(p);
    let (d, x) = (increment(p), count * t);
    let z = (1.0 - start) / d + 1.0 - x;
    let lift = lift(z);
    let shifts: f64 = (0..lift as u32).map(|j| 1.0 / (z + f64::from(j))).sum();
    let u = 1.0 / (z + lift);
    let psi = -0.5 * u - u * u / 12.0 + u.powi(4) / 120.0 - u.powi(6) / 252.0;
    count * (-(d - start - d * x + d * lift).ln_1p() - psi + shifts)
}

/// How far to move an argument of Gamma so that the series has all its digits.
fn lift(z: f64) -> f64 {
    const LARGE: f64 = 300.0;
    (LARGE - z).ceil().max(0.0)
}
