//! Explicit Runge-Kutta methods for the probability-flow ODE `dY/dtau = -f Y + g^2 score / 2`, `tau = T - t`.
//!
//! The output of a stage is its slope, `y = -f x + g^2 s / 2`; a stage then goes from the base to `base + h sum_j a_j y_j`.
//! The last slope is taken at a time above 0, because a grid ends at t0 > 0, so no step has to fall back to Euler.

use super::Process;
use super::sampler::{HISTORY, Stage, Step};
use crate::error::Result;

/// A method: where in the step each slope is taken, and the weights of the slopes so far for the next place.
pub(super) struct Tableau {
    /// Fractions of the step.
    pub places: &'static [f64],
    /// Row i: weights of slopes 0..=i for the state at place i + 1; the last row makes the step.
    pub weights: &'static [&'static [f64]],
}

pub(super) const HEUN: Tableau = Tableau { places: &[0.0, 1.0], weights: &[&[1.0], &[0.5, 0.5]] };

pub(super) const RK4: Tableau = Tableau {
    places: &[0.0, 0.5, 0.5, 1.0],
    weights: &[&[0.5], &[0.0, 0.5], &[0.0, 0.0, 1.0], &[1.0 / 6.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 6.0]],
};

/// Dormand and Prince 1980, RK5(4)7M.
pub(super) const DORMAND_PRINCE: Tableau = Tableau {
    places: &[0.0, 1.0 / 5.0, 3.0 / 10.0, 4.0 / 5.0, 8.0 / 9.0, 1.0],
    weights: &[
        &[1.0 / 5.0],
        &[3.0 / 40.0, 9.0 / 40.0],
        &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0],
        &[19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0],
        &[9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0],
        &[35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0],
    ],
};

/// The fifth-order weights of [`DORMAND_PRINCE`] minus the fourth-order ones, with the slope at the step's end.
const DIFFERENCE: [f64; 7] =
    [71.0 / 57600.0, 0.0, -71.0 / 16695.0, 71.0 / 1920.0, -17253.0 / 339_200.0, 22.0 / 525.0, -1.0 / 40.0];

/// Heun's method.
pub fn heun(step: &Step) -> Vec<Stage> {
    explicit(step, &HEUN)
}

/// The classical method of fourth order.
pub fn rk4(step: &Step) -> Vec<Stage> {
    explicit(step, &RK4)
}

/// Dormand and Prince's method of fifth order.
pub fn rk45(step: &Step) -> Vec<Stage> {
    explicit(step, &DORMAND_PRINCE)
}

/// Factors of the state and of the score in the slope at time `t`.
fn slope(process: &Process, t: f64) -> [f64; 2] {
    [-process.drift(t), 0.5 * process.diffusion2(t)]
}

fn explicit(step: &Step, method: &Tableau) -> Vec<Stage> {
    let h = step.t - step.s;
    let stage = |(i, (&place, weights)): (usize, (&f64, &&[f64]))| {
        // without rounding at the end, where a later step begins
        let time = if place == 1.0 { step.s } else { step.t - place * h };
        let output = slope(step.process, time);
        let mut c_history = [0.0; HISTORY];
        for (j, weight) in weights[..i].iter().enumerate() {
            c_history[i - 1 - j] = h * weight;
        }
        let last = i + 1 == method.places.len();
        let [c_x, c_score] = output.map(|c| h * weights[i] * c);
        Stage { c_base: 1.0, c_x, c_score, c_history, output, last_of_step: last, ..step.blank(time) }
    };
    method.places.iter().zip(method.weights).enumerate().map(stage).collect()
}

/// Scores of all of a state at a time.
pub type ScoreAt<'a> = &'a mut dyn FnMut(&[f64], f64) -> Result<Vec<f64>>;

/// Dormand and Prince's pair of orders 5 and 4 on plain numbers, for choosing steps.
pub struct Embedded<'a> {
    /// The process of the ODE.
    pub process: &'a Process,
}

impl Embedded<'_> {
    /// A step from `t` down to `s` from the state `x`: the state at `s` and the estimate of its error.
    pub fn step(&self, x: &[f64], t: f64, s: f64, score: ScoreAt<'_>) -> Result<(Vec<f64>, Vec<f64>)> {
        let h = t - s;
        let mut slopes: Vec<Vec<f64>> = Vec::new();
        let mut at = x.to_vec();
        let mut evaluate = |at: &[f64], time: f64| -> Result<Vec<f64>> {
            let [c_x, c_score] = slope(self.process, time);
            Ok(score(at, time)?.iter().zip(at).map(|(s, x)| c_x * x + c_score * s).collect())
        };
        let combine = |slopes: &[Vec<f64>], weights: &[f64], i: usize| -> f64 {
            h * weights.iter().zip(slopes).map(|(w, y)| w * y[i]).sum::<f64>()
        };
        for (place, weights) in DORMAND_PRINCE.places.iter().zip(DORMAND_PRINCE.weights) {
            slopes.push(evaluate(&at, t - place * h)?);
            at = (0..x.len()).map(|i| x[i] + combine(&slopes, weights, i)).collect();
        }
        slopes.push(evaluate(&at, s)?);
        let error = (0..x.len()).map(|i| combine(&slopes, &DIFFERENCE, i)).collect();
        Ok((at, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tableaus_are_consistent() {
        for method in [HEUN, RK4, DORMAND_PRINCE] {
            for (i, row) in method.weights.iter().enumerate() {
                let place = method.places.get(i + 1).copied().unwrap_or(1.0);
                assert!((row.iter().sum::<f64>() - place).abs() < 1e-14, "row {i}");
            }
            // sum b c = 1/2, sum b c^2 = 1/3 from the third order on
            let last = method.weights[method.weights.len() - 1];
            let moment = |k: i32| last.iter().zip(method.places).map(|(b, c)| b * c.powi(k)).sum::<f64>();
            assert!((moment(1) - 0.5).abs() < 1e-14);
            assert!(method.places.len() == 2 || (moment(2) - 1.0 / 3.0).abs() < 1e-14);
        }
        assert!(DIFFERENCE.iter().sum::<f64>().abs() < 1e-15);
    }
}
