//! Multistep exponential integrators: DPM-Solver++, UniPC, DEIS.
//!
//! With `lambda = ln(m / sigma)`, `nu = sigma / m`, `D = (x + sigma^2 s) / m` (the clean point, Tweedie) and
//! `eps = -sigma s`, the probability-flow ODE is linear but for one term, in two ways:
//!
//! ```text
//! x_s = (sigma_s/sigma_t) x_t + m_s int_(lambda_t)^(lambda_s) e^-(lambda_s - lambda) D dlambda      (Lu et al. 2022, ++)
//! x_s = (m_s/m_t) x_t + m_s int_(nu_t)^(nu_s) eps dnu                                               (Zhang, Chen 2023)
//! ```
//!
//! A scheme of order p puts in place of D or eps the polynomial through its last p values and integrates that exactly. The
//! first steps have fewer values. Where that would cost the order, the first step has two stages, the second at
//! half of its lambda, whose value then serves as another point.

use super::Process;
use super::quadrature::integral;
use super::sampler::{Corrected, HISTORY, Stage, Step};

/// DPM-Solver++(2M), algorithm 2 of Lu et al. 2022: `D_0 + (D_0 - D_1) / (2 r)` in place of D.
pub fn dpmpp_2m(step: &Step) -> Vec<Stage> {
    let weights = midpoint(step, &places(step, false, 2));
    clean_step(step, step.process.sigma(step.s) / step.process.sigma(step.t), &weights, 0.0)
}

/// DPM-Solver++ with the polynomial through three values. The common implementations halve its quadratic term and begin
/// with a step of order 1, either of which makes them converge with order 2; here both have order 3.
pub fn dpmpp_3m(step: &Step) -> Vec<Stage> {
    let p = step.process;
    if step.index == 0 {
        return begin(step, |from, to, nodes| data_weights(p, from, to, nodes), clean_output, true);
    }
    let weights = data_weights(p, step.t, step.s, &places(step, true, 3));
    clean_step(step, p.sigma(step.s) / p.sigma(step.t), &weights, 0.0)
}

/// SDE-DPM-Solver++(2M): with `h = lambda_s - lambda_t`, both the damping and the weight of D gain `e^(-eta h)`.
pub fn dpmpp_2m_sde(step: &Step) -> Vec<Stage> {
    let p = step.process;
    let eta = step.options.eta.unwrap_or(1.0);
    let h = p.log_snr(step.s) - p.log_snr(step.t);
    let more = (-(1.0 + eta) * h).exp_m1() / (-h).exp_m1();
    let weights: Vec<f64> = midpoint(step, &places(step, false, 2)).iter().map(|w| w * more).collect();
    let ratio = p.sigma(step.s) / p.sigma(step.t) * (-eta * h).exp();
    clean_step(step, ratio, &weights, p.sigma(step.s) * (-(-2.0 * eta * h).exp_m1()).sqrt())
}

/// DEIS (Zhang, Chen 2023): eps as a polynomial in time (tAB), its integral over nu.
pub fn deis(step: &Step) -> Vec<Stage> {
    let p = step.process;
    let order = step.options.order.unwrap_or(3) as usize;
    let doubled = order > 2;
    if step.index == 0 && doubled {
        return begin(step, |from, to, nodes| noise_weights(p, from, to, nodes), noise_output, false);
    }
    let weights = noise_weights(p, step.t, step.s, &places(step, doubled, order));
    let ratio = 1.0 + p.growth_minus_one(step.s, step.t);
    vec![combine(step, step.t, false, ratio, &weights, noise_output(p, step.t))]
}

/// UniPC-p (Zhao et al. 2023) in D with B(h) = e^h - 1. Stage k evaluates D at the predicted state, corrects that state
/// with it (order p + 1, no further evaluation), and predicts the next one from the corrected state. The last prediction is
/// left as it is.
pub fn unipc(step: &Step) -> Vec<Stage> {
    let p = step.process;
    let order = step.options.order.unwrap_or(2) as usize;
    let nodes = places(step, false, order + 1);
    let [o_x, o_score] = clean_output(p, step.t);
    // the corrected state at t, in terms of (base, x, score, history)
    let corrected = if step.index == 0 {
        Corrected { c_base: 0.0, c_x: 1.0, c_score: 0.0, c_history: [0.0; HISTORY] }
    } else {
        let before = step.times[step.index - 1];
        let weights = if nodes.len() == 2 {
            // B(h) fixes the corrector of order 2 to the plain mean of both values
            let all = data_weights(p, before, step.t, &nodes[..1])[0];
            vec![0.5 * all; 2]
        } else {
            data_weights(p, before, step.t, &nodes)
        };
        let mut c_history = [0.0; HISTORY];
        c_history[..weights.len() - 1].copy_from_slice(&weights[1..]);
        let c_base = p.sigma(step.t) / p.sigma(before);
        Corrected { c_base, c_x: weights[0] * o_x, c_score: weights[0] * o_score, c_history }
    };
    let nodes = &nodes[..nodes.len().min(order)];
    let weights = if order == 2 { midpoint(step, nodes) } else { data_weights(p, step.t, step.s, nodes) };
    let ratio = p.sigma(step.s) / p.sigma(step.t);
    let mut c_history = corrected.c_history.map(|c| ratio * c);
    weights[1..].iter().zip(&mut c_history).for_each(|(w, c)| *c += w);
    vec![Stage {
        c_base: ratio * corrected.c_base,
        c_x: ratio * corrected.c_x + weights[0] * o_x,
        c_score: ratio * corrected.c_score + weights[0] * o_score,
        c_history,
        output: [o_x, o_score],
        corrected: Some(corrected),
        last_of_step: true,
        ..step.blank(step.t)
    }]
}

/// The times of the newest `most` evaluations up to the one at the start of the step, newest first. `doubled` says that
/// the first step had two stages.
fn places(step: &Step, doubled: bool, most: usize) -> Vec<f64> {
    let mut out: Vec<f64> = step.times[1..].iter().take(step.index).rev().copied().collect();
    if doubled && step.index > 0 {
        out.push(halfway(step.process, step.times[0], step.times[1]));
    }
    out.push(step.times[0]);
    out.truncate(most);
    out
}

/// The time at half of lambda between `t` and `s`.
fn halfway(process: &Process, t: f64, s: f64) -> f64 {
    process.time_at(0.5 * (process.log_snr(t) + process.log_snr(s)))
}

/// Factors of the state and of the score in D.
fn clean_output(p: &Process, t: f64) -> [f64; 2] {
    [1.0 / p.mean(t), p.sigma(t).powi(2) / p.mean(t)]
}

/// Factors of the state and of the score in eps.
fn noise_output(p: &Process, t: f64) -> [f64; 2] {
    [0.0, -p.sigma(t)]
}

/// The Lagrange polynomial number `j` of `nodes` at `x`.
fn lagrange(nodes: &[f64], j: usize, x: f64) -> f64 {
    let others = nodes.iter().enumerate().filter(|(k, _)| *k != j);
    others.map(|(_, node)| (x - node) / (nodes[j] - node)).product()
}

/// Weights of D at the times `nodes` in `m_s int e^-(lambda_s - lambda) D dlambda` from time `t` to `s`.
fn data_weights(p: &Process, t: f64, s: f64, nodes: &[f64]) -> Vec<f64> {
    // from lambda_t on, so that steps far out keep their digits
    let from = p.log_snr(t);
    let nodes: Vec<f64> = nodes.iter().map(|u| p.log_snr(*u) - from).collect();
    let h = p.log_snr(s) - from;
    let weight = |j| p.mean(s) * integral(0.0, h, |x| (x - h).exp() * lagrange(&nodes, j, x));
    (0..nodes.len()).map(weight).collect()
}

/// Weights of eps at the times `nodes` in `m_s int eps dnu` from time `t` to `s`; eps a polynomial in time.
fn noise_weights(p: &Process, t: f64, s: f64, nodes: &[f64]) -> Vec<f64> {
    let nu = |u: f64| p.ratio2(u).sqrt();
    let weight = |j| p.mean(s) * integral(nu(t), nu(s), |x| lagrange(nodes, j, p.time_at(-x.ln())));
    (0..nodes.len()).map(weight).collect()
}

/// The weights of 2M: of D_0 alone in the first step, then `1 + 1/(2r)` and `-1/(2r)` of it, r the ratio of the steps.
fn midpoint(step: &Step, nodes: &[f64]) -> Vec<f64> {
    let p = step.process;
    let lambda = |t| p.log_snr(t);
    let h = lambda(step.s) - lambda(step.t);
    let all = -p.mean(step.s) * (-h).exp_m1();
    match nodes.get(1) {
        None => vec![all],
        Some(before) => {
            let half = 0.5 * h / (lambda(step.t) - lambda(*before));
            vec![all * (1.0 + half), -all * half]
        }
    }
}

/// A step in D with one stage: `ratio` times the state and the weighted values.
fn clean_step(step: &Step, ratio: f64, weights: &[f64], noise: f64) -> Vec<Stage> {
    let stage = combine(step, step.t, false, ratio, weights, clean_output(step.process, step.t));
    vec![Stage { c_noise: noise, ..stage }]
}

/// The last stage of a step: `ratio` times the base or the state, and the weighted outputs, newest first.
fn combine(step: &Step, time: f64, on_base: bool, ratio: f64, weights: &[f64], output: [f64; 2]) -> Stage {
    let mut c_history = [0.0; HISTORY];
    c_history[..weights.len() - 1].copy_from_slice(&weights[1..]);
    let (c_base, c_x) = if on_base { (ratio, 0.0) } else { (0.0, ratio) };
    Stage {
        c_base,
        c_x: c_x + weights[0] * output[0],
        c_score: weights[0] * output[1],
        c_history,
        output,
        last_of_step: true,
        ..step.blank(time)
    }
}

/// A first step of two stages: with one value to half of lambda, then with two over the whole step. `damped` says
/// whether the linear part is `sigma_s / sigma_t` (in D) or `m_s / m_t` (in eps).
fn begin(
    step: &Step,
    weights: impl Fn(f64, f64, &[f64]) -> Vec<f64>,
    output: fn(&Process, f64) -> [f64; 2],
    damped: bool,
) -> Vec<Stage> {
    let p = step.process;
    let (t, s) = (step.t, step.s);
    let middle = halfway(p, t, s);
    let ratio = |to: f64| if damped { p.sigma(to) / p.sigma(t) } else { 1.0 + p.growth_minus_one(to, t) };
    let first = combine(step, t, true, ratio(middle), &weights(t, middle, &[t]), output(p, t));
    let second = combine(step, middle, true, ratio(s), &weights(t, s, &[middle, t]), output(p, middle));
    vec![Stage { last_of_step: false, ..first }, second]
}
