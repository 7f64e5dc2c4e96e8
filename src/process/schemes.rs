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

use super::options::Variance;
use super::sampler::{HISTORY, Stage, Step};

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

/// Stochastic Heun with churn (Karras et al. 2022, algorithm 2), in `u = x / m` and `nu = sigma / m`, in which the
/// probability-flow ODE is `du/dnu = eps = -sigma score`: noise is added back to raise nu to `(1 + gamma) nu`, then Heun goes
/// down to nu_s. The noise before a step is added at the end of the step before it. Nothing is noisier than
/// time T, so the first step has none, and none goes above T.
pub fn edm(step: &Step) -> Vec<Stage> {
    let p = step.process;
    let (hat, _) = churned(step, step.index);
    let (nu_hat, nu_s) = (p.ratio2(hat).sqrt(), p.ratio2(step.s).sqrt());
    let (m_s, growth) = (p.mean(step.s), 1.0 + p.growth_minus_one(step.s, hat));
    let h = m_s * (nu_s - nu_hat);
    let (first, second) = ([0.0, -p.sigma(hat)], -p.sigma(step.s));
    let predictor = Stage { c_x: growth, c_score: h * first[1], output: first, ..step.blank(hat) };
    // in the units of the next evaluation, with its noise
    let (scale, noise) = if step.is_last() {
        (1.0, 0.0)
    } else {
        let (next, noise) = churned(step, step.index + 1);
        (1.0 / (1.0 + p.growth_minus_one(step.s, next)), noise)
    };
    let mut c_history = [0.0; HISTORY];
    c_history[0] = 0.5 * h * scale;
    let corrector = Stage {
        c_base: growth * scale,
        c_score: 0.5 * h * scale * second,
        c_history,
        c_noise: noise,
        last_of_step: true,
        ..step.blank(step.s)
    };
    vec![predictor, corrector]
}

/// The time to which step `index` of the grid goes back before it begins, and the standard deviation of the noise
/// that this takes.
fn churned(step: &Step, index: usize) -> (f64, f64) {
    let (p, o) = (step.process, step.options);
    let t = step.times[index];
    let nu = p.ratio2(t).sqrt();
    let within = nu >= o.s_tmin.unwrap_or(0.05) && nu <= o.s_tmax.unwrap_or(50.0);
    let steps = (step.times.len() - 1) as f64;
    let gamma = if within { (o.s_churn.unwrap_or(40.0) / steps).min(2f64.sqrt() - 1.0) } else { 0.0 };
    let hat = (nu * (1.0 + gamma)).min(p.ratio2(step.times[0]).sqrt());
    if hat <= nu {
        return (t, 0.0);
    }
    let time = p.time_at(-hat.ln());
    (time, p.mean(time) * ((hat - nu) * (hat + nu)).sqrt() * o.s_noise.unwrap_or(1.0))
}

/// Predictor-corrector (Song et al. 2021, algorithms 2 to 5): an ancestral step with variance beta (their reverse
/// diffusion), then Langevin steps `x + e score + sqrt(2 e) xi` at its end. Their e is `2 (r |xi| / |score|)^2` with the
/// norms of the batch at hand; here these are the ones of a score that knows nothing but the noise, `|xi|^2 = D` and
/// `|score|^2 = D / sigma^2`, so `e = 2 r^2 sigma^2` and a sample does not depend on its neighbours. The stationary law of
/// such steps is off by a part of order r^2, however many times there are.
pub fn pc(step: &Step) -> Vec<Stage> {
    let (growth, q2) = transition(step);
    let predictor = Stage { last_of_step: false, ..step.single(growth, growth * q2, q2)[0] };
    let mut stages = vec![predictor];
    stages.extend(langevin(step, step.s, step.options.corrector_steps.unwrap_or(1)));
    end_of_step(stages)
}

/// Annealed Langevin dynamics (Song and Ermon 2019) with the step size of [`pc`], proportional to sigma^2 as theirs: at each
/// time of the grid some steps, then the state is scaled by `m_s / m_t` and goes on at s; at the last time too.
pub fn ald(step: &Step) -> Vec<Stage> {
    let count = step.options.corrector_steps.unwrap_or(5);
    let mut stages = langevin(step, step.t, count);
    let growth = 1.0 + step.process.growth_minus_one(step.s, step.t);
    if let Some(last) = stages.last_mut() {
        (last.c_x, last.c_score, last.c_noise) = (growth, growth * last.c_score, growth * last.c_noise);
    }
    if step.is_last() {
        stages.extend(langevin(step, step.s, count));
    }
    end_of_step(stages)
}

/// `count` Langevin steps at `time`.
fn langevin(step: &Step, time: f64, count: u32) -> Vec<Stage> {
    let size = 2.0 * (step.options.snr.unwrap_or(0.16) * step.process.sigma(time)).powi(2);
    let stage = Stage { c_x: 1.0, c_score: size, c_noise: (2.0 * size).sqrt(), ..step.blank(time) };
    vec![stage; count as usize]
}

fn end_of_step(mut stages: Vec<Stage>) -> Vec<Stage> {
    if let Some(last) = stages.last_mut() {
        last.last_of_step = true;
    }
    stages
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
