//! Exact laws, in f64 on the host: the score by the oracle, its divergence by central differences of it.

use super::{Carried, Carrier};
use crate::distribution::Oracle;
use crate::error::Result;
use crate::process::{FlowPlan, HISTORY, Process};

/// Half the width of a difference, in units of sigma: the error is about its square in the third derivative of the score,
/// 1e-8 of it, and rounding 1e-16 over it.
const WIDTH: f64 = 1e-4;
/// Rows between two looks at whether to stop.
const STRETCH: usize = 256;

/// Points of an exact law.
pub struct Host<'a> {
    /// The law, model units.
    pub oracle: &'a dyn Oracle,
    /// The process of the flow.
    pub process: &'a Process,
    /// Threads; changes the time and nothing else.
    pub threads: usize,
    /// Hears (what, rows done) and may end the work.
    pub watch: &'a mut dyn FnMut(&str, usize) -> Result<()>,
}

impl Carrier for Host<'_> {
    fn dim(&self) -> usize {
        self.oracle.dim()
    }

    fn process(&self) -> &Process {
        self.process
    }

    fn carry(&mut self, points: &[f32], plan: &FlowPlan, what: &str) -> Result<Carried> {
        let dim = self.oracle.dim();
        let (oracle, process) = (self.oracle, self.process);
        let mut out = Carried { points: Vec::new(), sums: Vec::new(), probes: 1 };
        for (i, piece) in points.chunks(STRETCH * dim).enumerate() {
            (self.watch)(what, i * STRETCH)?;
            let share = (piece.len() / dim).div_ceil(self.threads.max(1)).max(1);
            let parts: Vec<Vec<(Vec<f64>, f64)>> = std::thread::scope(|scope| {
                let one = |rows: &'_ [f32]| rows.chunks(dim).map(|x| row(oracle, process, plan, x)).collect();
                let handles: Vec<_> = piece.chunks(share * dim).map(|rows| scope.spawn(move || one(rows))).collect();
                let joined = handles.into_iter().map(|h| h.join().unwrap_or_else(|p| std::panic::resume_unwind(p)));
                joined.collect()
            });
            for (x, sum) in parts.into_iter().flatten() {
                out.points.extend(x);
                out.sums.push(sum);
            }
        }
        Ok(out)
    }

    fn log_density_at_end(&self, x: &[f64]) -> Option<f64> {
        let t = self.process.t_max();
        Some(self.oracle.log_density(x, self.process.mean(t), self.process.sigma(t)))
    }
}

/// One point through all stages.
fn row(oracle: &dyn Oracle, process: &Process, plan: &FlowPlan, start: &[f32]) -> (Vec<f64>, f64) {
    let dim = start.len();
    let mut x: Vec<f64> = start.iter().map(|v| f64::from(*v)).collect();
    let (mut base, mut history, mut score) = (x.clone(), vec![vec![0.0; dim]; HISTORY], vec![0.0; dim]);
    let mut sum = 0.0;
    for (stage, weight) in plan.stages.iter().zip(&plan.weights) {
        let (m, sigma) = (process.mean(stage.time), process.sigma(stage.time));
        sum += weight * divergence(oracle, &x, m, sigma, &mut score);
        oracle.score(&x, m, sigma, &mut score);
        let mut output = vec![0.0; dim];
        for d in 0..dim {
            let earlier: f64 = history.iter().zip(stage.c_history).map(|(y, c)| c * y[d]).sum();
            output[d] = stage.output[0] * x[d] + stage.output[1] * score[d];
            x[d] = stage.c_base * base[d] + stage.c_x * x[d] + stage.c_score * score[d] + earlier;
        }
        history.rotate_right(1);
        history[0] = output;
        if stage.last_of_step {
            base.clone_from(&x);
        }
    }
    (x, sum)
}

/// The divergence of the score at `x`; `scratch` is overwritten.
fn divergence(oracle: &dyn Oracle, x: &[f64], m: f64, sigma: f64, scratch: &mut [f64]) -> f64 {
    let mut at = x.to_vec();
    let h = WIDTH * sigma;
    let mut total = 0.0;
    for d in 0..x.len() {
        let mut side = |sign: f64| {
            at[d] = x[d] + sign * h;
            oracle.score(&at, m, sigma, scratch);
            scratch[d]
        };
        total += (side(1.0) - side(-1.0)) / (2.0 * h);
        at[d] = x[d];
    }
    total
}
