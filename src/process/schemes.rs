//! The formulas of the samplers, for any process `x_t = m_t x_0 + sigma_t eps`.
//!
//! Write `t` for the time of a step's start, `s < t` for its end, `nu = sigma / m`, and for the forward transition
//! `x_t = a x_s + q xi`: `a = m_t / m_s`, `q^2 = sigma_t^2 - a^2 sigma_s^2 = m_t^2 (nu_t^2 - nu_s^2)`.
//!
//! Reverse SDE `dY = (-f Y + g^2 score) d tau + g dB`, `tau = T - t`. The linear part has the solution `m_s / m_u` from u
//! to s (because `(ln m)' = f`). With the score frozen, variation of constants gives the law of a step exactly:
//!
//! ```text
//! x_s = (m_s/m_t) x_t + W score + sqrt(V) xi,   W = m_s int_s^t g^2/m du,   V = m_s^2 int_s^t g^2/m^2 du = m_s^2 (nu_t^2 - nu_s^2)
//! ```
//!
//! For `m^2 + sigma^2 = 1`: `W = 2 (m_s/m_t - 1)`; for OU with g = t - s these are `e^g`, `2(e^g - 1)`, `sqrt(e^2g - 1)`
//! (Benton et al. 2024). The ODE has half of W and no noise.

use super::sampler::{Stage, Step, Variance};

/// Exponential integrator of the reverse SDE.
pub fn ei(step: &Step) -> Vec<Stage> {
    let (p, s, t) = (step.process, step.s, step.t);
    step.single(1.0 + p.growth_minus_one(s, t), p.score_weight(s, t), p.collected_noise(s, t))
}

/// Exponential integrator of the probability-flow ODE `dY = (-f Y + g^2 score / 2) d tau`.
pub fn ei_ode(step: &Step) -> Vec<Stage> {
    let (p, s, t) = (step.process, step.s, step.t);
    step.single(1.0 + p.growth_minus_one(s, t), 0.5 * p.score_weight(s, t), 0.0)
}

/// Euler-Maruyama of the reverse SDE: coefficients frozen at the start of the step.
pub fn em(step: &Step) -> Vec<Stage> {
    let (f, g2, h) = frozen(step);
    step.single(1.0 - f * h, g2 * h, g2 * h)
}

/// Euler of the probability-flow ODE.
pub fn ode_euler(step: &Step) -> Vec<Stage> {
    let (f, g2, h) = frozen(step);
    step.single(1.0 - f * h, 0.5 * g2 * h, 0.0)
}

/// Heun of the probability-flow ODE: an Euler step, then the mean of the slopes at both ends. The second slope is
/// taken at `s`, also in the last step, where `s = t0 > 0` and the score exists; a grid never reaches 0, so no
/// step has to fall back to Euler.
pub fn ode_heun(step: &Step) -> Vec<Stage> {
    let (f, g2, h) = frozen(step);
    let (f_end, g2_end) = (step.process.drift(step.s), step.process.diffusion2(step.s));
    let predictor = Stage { c_x: 1.0 - f * h, c_score: 0.5 * g2 * h, ..step.blank(step.t) };
    let corrector = Stage {
        c_base: 1.0 - 0.5 * f * h,
        c_x: -0.5 * f_end * h,
        c_score: 0.25 * g2_end * h,
        c_score_prev: 0.25 * g2 * h,
        last_of_step: true,
        ..step.blank(step.s)
    };
    vec![predictor, corrector]
}

/// Ancestral sampling (Ho et al. 2020) for any process. The mean of `x_s` given `x_t` is `(x_t + q^2 score) / a` for
/// every law of the data: put `x0_hat = (x_t + sigma_t^2 score) / m_t` (Tweedie) into the mean of the Gaussian
/// conditional, `(a sigma_s^2 x_t + m_s q^2 x0_hat) / sigma_t^2`.
pub fn ddpm(step: &Step) -> Vec<Stage> {
    let (growth, q2) = transition(step);
    let variance = match step.options.variance.unwrap_or(Variance::Beta) {
        Variance::Beta => q2,
        Variance::BetaTilde => posterior_variance(step, q2),
        Variance::Analytic => {
            let energies = step.options.energy_per_dim.as_deref().unwrap_or_default();
            let energy = energies.get(step.index).copied().unwrap_or(0.0);
            // E tr Cov(x_s | x_t) / D; at least the part that remains when x_0 is known
            (growth * growth * q2 * (1.0 - q2 * energy)).max(posterior_variance(step, q2))
        }
    };
    step.single(growth, growth * q2, variance)
}

/// DDIM (Song, Meng, Ermon 2021): `x_s = m_s x0_hat + sqrt(sigma_s^2 - c^2) eps_hat + c xi`, `eps_hat = -sigma_t score`,
/// `c^2 = eta^2` times the posterior variance.
pub fn ddim(step: &Step) -> Vec<Stage> {
    let (p, s, t) = (step.process, step.s, step.t);
    let (growth, q2) = transition(step);
    let c2 = step.options.eta.unwrap_or(0.0).powi(2) * posterior_variance(step, q2);
    let (nu_t, nu_s) = (p.ratio2(t).sqrt(), p.ratio2(s).sqrt());
    let sigma_s = p.sigma(s);
    // sigma_t (m_s nu_t - sqrt(sigma_s^2 - c^2)), with both differences taken without cancellation
    let closer = (p.ratio2(t) - p.ratio2(s)) / (nu_t + nu_s);
    let given_up = c2 / (sigma_s + (sigma_s * sigma_s - c2).max(0.0).sqrt());
    step.single(growth, p.sigma(t) * (p.mean(s) * closer + given_up), c2)
}

/// `(f(t), g^2(t), t - s)`.
fn frozen(step: &Step) -> (f64, f64, f64) {
    (step.process.drift(step.t), step.process.diffusion2(step.t), step.t - step.s)
}

/// `(1/a, q^2)` of the forward transition.
fn transition(step: &Step) -> (f64, f64) {
    let growth = 1.0 + step.process.growth_minus_one(step.s, step.t);
    (growth, step.process.collected_noise(step.s, step.t) / (growth * growth))
}

/// `Var(x_s | x_t, x_0) = q^2 sigma_s^2 / sigma_t^2`.
fn posterior_variance(step: &Step, q2: f64) -> f64 {
    let ratio = step.process.sigma(step.s) / step.process.sigma(step.t);
    q2 * ratio * ratio
}
