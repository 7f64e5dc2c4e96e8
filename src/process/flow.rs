//! The probability flow as an ODE for a state and its log density, as plans of affine stages.
//!
//! In the units of the data, y = x / m and l = ln nu, the flow is `dy/dl = nu eps = -nu sigma s(m y, t)`. Its Jacobian for
//! normal data of variance v is `nu^2 / (v + nu^2)`, never stiff, so explicit methods with equal steps of l serve every
//! process. Along it `d/dl ln q(y) = -div dy/dl = sigma^2 div_x s`, q the density of y (instantaneous change of variables:
//! Chen et al. 2018, theorem 1; Song et al. 2021, section 4.3), and so
//!
//! ```text
//! ln p_t0(x_t0) = ln p_T(x_T) + D ln(m_T / m_t0) - int_(l_t0)^(l_T) sigma^2 div_x s dl
//! ```

use super::runge_kutta::{DORMAND_PRINCE, HEUN, RK4, Tableau};
use super::sampler::{HISTORY, Stage};
use super::{Process, check_grid, unknown_name};
use crate::error::Result;

/// A Runge-Kutta method.
pub struct MethodRow {
    /// The name in flags.
    pub name: &'static str,
    /// One line.
    pub doc: &'static str,
    /// Order of convergence.
    pub order: u32,
    tableau: &'static Tableau,
}

/// Every method a log density can be computed by.
pub static METHODS: &[MethodRow] = &[
    MethodRow { name: "rk45", doc: "Dormand and Prince, order 5", order: 5, tableau: &DORMAND_PRINCE },
    MethodRow { name: "rk4", doc: "the classical method, order 4", order: 4, tableau: &RK4 },
    MethodRow { name: "heun", doc: "Heun, order 2", order: 2, tableau: &HEUN },
];

/// Stages along the flow, and what the divergence at each adds to the log density at the start.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowPlan {
    /// Updates of the state, as a sampler's.
    pub stages: Vec<Stage>,
    /// One a stage: what `div_x s` there is multiplied by.
    pub weights: Vec<f64>,
    /// N + 1 times in the order they are visited.
    pub times: Vec<f64>,
}

impl FlowPlan {
    /// The most earlier outputs a stage uses.
    pub fn history(&self) -> usize {
        let used = |s: &Stage| s.c_history.iter().rposition(|&c| c != 0.0).map_or(0, |i| i + 1);
        self.stages.iter().map(used).max().unwrap_or(0)
    }
}

/// The plan of the method called `name` over `times`, N + 1 decreasing ones: from data to noise if `upwards`, else from noise
/// to data.
pub fn flow_plan(name: &str, process: &Process, times: &[f64], upwards: bool) -> Result<FlowPlan> {
    check_grid(times)?;
    let names = || METHODS.iter().map(|row| row.name).collect::<Vec<_>>();
    let row = METHODS.iter().find(|row| row.name == name).ok_or_else(|| unknown_name("method", name, &names()))?;
    let times: Vec<f64> = if upwards { times.iter().rev().copied().collect() } else { times.to_vec() };
    let mut plan = FlowPlan { stages: Vec::new(), weights: Vec::new(), times };
    for (index, pair) in plan.times.windows(2).enumerate() {
        for (stage, weight) in step(row.tableau, process, pair[0], pair[1], index) {
            plan.stages.push(stage);
            plan.weights.push(weight);
        }
    }
    Ok(plan)
}

/// The stages of a step from time `from` to time `to`, with the weights of the divergences.
fn step(method: &Tableau, process: &Process, from: f64, to: f64, index: usize) -> Vec<(Stage, f64)> {
    let log_ratio = |t: f64| -process.log_snr(t);
    let (start, h) = (log_ratio(from), log_ratio(to) - log_ratio(from));
    let time = |place: f64| match place {
        0.0 => from,
        // without rounding at the end, where the next step begins
        1.0 => to,
        _ => process.time_at(-(start + place * h)),
    };
    let last_row = method.weights[method.weights.len() - 1];
    let stage = |(i, (&place, weights)): (usize, (&f64, &&[f64]))| {
        let last = i + 1 == method.places.len();
        let (now, next) = (time(place), if last { to } else { time(method.places[i + 1]) });
        let m = process.mean(next);
        let slope = -process.ratio2(now).sqrt() * process.sigma(now);
        let mut c_history = [0.0; HISTORY];
        for (j, weight) in weights[..i].iter().enumerate() {
            c_history[i - 1 - j] = m * h * weight;
        }
        let stage = Stage {
            time: now,
            c_base: m / process.mean(from),
            c_x: 0.0,
            c_score: m * h * weights[i] * slope,
            c_history,
            c_noise: 0.0,
            output: [0.0, slope],
            corrected: None,
            last_of_step: last,
            step: index as u32,
        };
        (stage, -h * last_row[i] * process.sigma(now).powi(2))
    };
    method.places.iter().zip(method.weights).enumerate().map(stage).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::{PROCESSES, grid};

    /// ln of the normal density.
    fn log_normal(x: f64, variance: f64) -> f64 {
        -0.5 * (x * x / variance + variance.ln() + std::f64::consts::TAU.ln())
    }

    /// x_T and the log density at `x` of data N(0, v), by a plan.
    fn carried(process: &Process, plan: &FlowPlan, v: f64, x: f64) -> (f64, f64) {
        let (mut state, mut base, mut history, mut sum) = (x, x, [0.0; HISTORY], 0.0);
        for (stage, weight) in plan.stages.iter().zip(&plan.weights) {
            let slope = -1.0 / process.marginal(stage.time, 0.0, v).var;
            let outputs: f64 = history.iter().zip(stage.c_history).map(|(y, c)| y * c).sum();
            let next = stage.c_base * base + stage.c_x * state + stage.c_score * slope * state + outputs;
            history.rotate_right(1);
            history[0] = stage.output[0] * state + stage.output[1] * slope * state;
            sum += weight * slope;
            state = next;
            base = if stage.last_of_step { next } else { base };
        }
        (state, sum)
    }

    #[test]
    fn normal_data_get_their_density_at_the_order_of_the_method_under_every_process() {
        for row in PROCESSES {
            let process = Process::named(row.name).unwrap();
            let (v, x) = (0.49, 0.8);
            let (t0, t_max) = (process.t0(), process.t_max());
            let error = |method: &str, n: usize| {
                let times = grid("log-snr", &process, n).unwrap();
                let (end, sum) = carried(&process, &flow_plan(method, &process, &times, true).unwrap(), v, x);
                // with the law at T itself, so that nothing but the integration is judged
                let at_end = log_normal(end, process.marginal(t_max, 0.0, v).var);
                let ratio = process.log_mean(t_max) - process.log_mean(t0);
                at_end + ratio + sum - log_normal(x, process.marginal(t0, 0.0, v).var)
            };
            for method in METHODS {
                let n = if method.order > 2 { 64 } else { 400 };
                let (coarse, fine) = (error(method.name, n), error(method.name, 2 * n));
                assert!(fine.abs() < 1e-3, "{} {}: {fine}", row.name, method.name);
                let order = (coarse / fine).abs().log2();
                let least = f64::from(method.order) - 0.5;
                assert!(order > least || fine.abs() < 1e-10, "{} {}: order {order}", row.name, method.name);
            }
        }
    }

    #[test]
    fn the_way_down_is_the_way_up_backwards() {
        let process = Process::named("vp").unwrap();
        let times = grid("log-snr", &process, 256).unwrap();
        let [up, down] = [true, false].map(|u| flow_plan("rk45", &process, &times, u).unwrap());
        let (end, sum) = carried(&process, &up, 2.0, 1.3);
        let (back, returned) = carried(&process, &down, 2.0, end);
        assert!((back - 1.3).abs() < 1e-8 && (sum + returned).abs() < 1e-8, "{back} {sum} {returned}");
    }

    #[test]
    fn unknown_methods_are_refused() {
        let process = Process::named("ou").unwrap();
        assert!(flow_plan("rk44", &process, &[1.0, 0.5], true).is_err());
        assert!(flow_plan("rk4", &process, &[0.5, 1.0], true).is_err());
    }
}
