//! Log densities by the probability flow: what law a score, through its deterministic sampler, stands for.
//!
//! A [`Carrier`] takes points along a [`FlowPlan`] and adds up divergences: [`Device`] for networks (vector-Jacobian products
//! with unit vectors, or with random signs), [`Host`] for exact laws in f64. [`log_densities`] puts the numbers together,
//! [`normalisation`] integrates them.

mod check;
mod device;
mod host;

pub use check::{Normalisation, normalisation};
pub use device::{Device, Divergence, MOST_EXACT, MOST_PROBES, Upload, recordings};
pub use host::Host;

use crate::error::{Error, Problem, Result};
use crate::process::{self, FlowPlan, Process, flow_plan};

/// Steps beyond which an adaptive grid is given up.
pub const MOST_STEPS: usize = 1024;
/// The coarsest adaptive grid.
const LEAST_STEPS: usize = 8;
/// Points on which an adaptive grid is chosen.
const PILOTS: usize = 128;

/// Points at the other end, and what was added up on the way.
#[derive(Debug, Clone, PartialEq)]
pub struct Carried {
    /// (n, D) model units.
    pub points: Vec<f64>,
    /// (n, K): sum over the stages of weight times divergence, by each of K probes; one column if it is exact.
    pub sums: Vec<f64>,
    /// K
    pub probes: usize,
}

/// Something that takes points along the probability flow.
pub trait Carrier {
    /// D
    fn dim(&self) -> usize;
    /// The process of the flow.
    fn process(&self) -> &Process;
    /// Takes `points` (n, D), model units, along `plan`; `what` names the work for whoever watches.
    fn carry(&mut self, points: &[f32], plan: &FlowPlan, what: &str) -> Result<Carried>;
    /// The exact ln of the density at T, where the law of the flow is known; the reverse process starts from a normal law
    /// instead.
    fn log_density_at_end(&self, _: &[f64]) -> Option<f64> {
        None
    }
}

/// How the flow is integrated.
#[derive(Debug, Clone, PartialEq)]
pub struct Integration {
    /// A name of [`process::METHODS`].
    pub method: String,
    /// A name of [`process::GRIDS`].
    pub grid: String,
    /// Steps; nothing chooses them by the tolerance.
    pub steps: Option<usize>,
    /// What halving the steps may change at a pilot of points, nats in the root mean square.
    pub tolerance: f64,
}

impl Default for Integration {
    fn default() -> Self {
        Self { method: "rk45".into(), grid: "log-snr".into(), steps: None, tolerance: 1e-3 }
    }
}

impl Integration {
    /// The plan in `steps` steps, from data to noise if `upwards`.
    pub fn plan(&self, process: &Process, steps: usize, upwards: bool) -> Result<FlowPlan> {
        flow_plan(&self.method, process, &process::grid(&self.grid, process, steps)?, upwards)
    }

    /// The steps that were asked for, or as many as the tolerance needs at every `n / 128`-th of `points` (n, D), model
    /// units: they are doubled until that changes less. Stops at [`MOST_STEPS`].
    pub fn steps(&self, carrier: &mut dyn Carrier, points: &[f32]) -> Result<usize> {
        if let Some(steps) = self.steps {
            return Ok(steps);
        }
        let dim = carrier.dim();
        let stride = (points.len() / dim).div_ceil(PILOTS).max(1);
        let pilot: Vec<f32> = points.chunks(dim).step_by(stride).flatten().copied().collect();
        let mut steps = LEAST_STEPS;
        let mut coarse = values(carrier, self, steps, &pilot, "choosing steps")?.logs;
        while steps < MOST_STEPS {
            steps *= 2;
            let fine = values(carrier, self, steps, &pilot, "choosing steps")?.logs;
            if rms(&coarse, &fine) <= self.tolerance {
                break;
            }
            coarse = fine;
        }
        Ok(steps)
    }
}

/// Root mean square difference.
fn rms(a: &[f64], b: &[f64]) -> f64 {
    let total: f64 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
    (total / a.len().max(1) as f64).sqrt()
}

/// Log densities with their errors; all (n), nats.
#[derive(Debug, Clone, PartialEq)]
pub struct LogDensities {
    /// ln of the density at t0, model units.
    pub values: Vec<f64>,
    /// What twice as many steps changed: an estimate from above of the error of integration.
    pub step_errors: Vec<f64>,
    /// What starting from the normal law instead of the exact law at T changes, at each point; nothing where that is not known.
    pub start_errors: Option<Vec<f64>>,
    /// Standard errors from the probes; nothing where the divergence is exact.
    pub probe_errors: Option<Vec<f64>>,
    /// Steps.
    pub steps: usize,
    /// Evaluations of the score, in each of `steps` steps and half of them.
    pub evaluations: usize,
}

/// ln of the density at t0 of `points` (n, D), model units, under the law that the flow of `carrier` makes of the start of the
/// reverse process. Refuses results that are not finite.
pub fn log_densities(carrier: &mut dyn Carrier, how: &Integration, points: &[f32]) -> Result<LogDensities> {
    let steps = how.steps(carrier, points)?;
    let fine = values(carrier, how, steps, points, "log densities")?;
    let coarse = values(carrier, how, steps.div_ceil(2), points, "error of the steps")?;
    let finite = |(a, b): (&f64, &f64)| a.is_finite() && b.is_finite();
    if let Some(i) = fine.logs.iter().zip(&coarse.logs).position(|pair| !finite(pair)) {
        let problem = Problem::new("a log density is not finite").at(format!("row {}", i + 1)).found(fine.logs[i]);
        return Err(Error::diverged(
            problem.hint("more --steps, or a look at the row: is it in the units of the data?"),
        ));
    }
    Ok(LogDensities {
        step_errors: fine.logs.iter().zip(&coarse.logs).map(|(a, b)| (a - b).abs()).collect(),
        values: fine.logs,
        start_errors: fine.start_errors,
        probe_errors: fine.probe_errors,
        steps,
        evaluations: fine.evaluations + coarse.evaluations,
    })
}

/// Log densities in one number of steps.
struct Values {
    logs: Vec<f64>,
    start_errors: Option<Vec<f64>>,
    probe_errors: Option<Vec<f64>>,
    evaluations: usize,
}

fn values(carrier: &mut dyn Carrier, how: &Integration, steps: usize, points: &[f32], what: &str) -> Result<Values> {
    let plan = how.plan(carrier.process(), steps, true)?;
    let carried = carrier.carry(points, &plan, what)?;
    let (dim, process) = (carrier.dim(), carrier.process());
    let spread = process.prior_std();
    let ends = dim as f64 * (process.log_mean(process.t_max()) - process.log_mean(process.t0()));
    let constant = -(dim as f64) * (spread.ln() + 0.5 * std::f64::consts::TAU.ln());
    let k = carried.probes as f64;
    let (mut logs, mut starts, mut probes) = (Vec::new(), Vec::new(), Vec::new());
    for (x, sums) in carried.points.chunks(dim).zip(carried.sums.chunks(carried.probes)) {
        let start = constant - 0.5 * x.iter().map(|v| (v / spread).powi(2)).sum::<f64>();
        let mean = sums.iter().sum::<f64>() / k;
        logs.push(ends + start + mean);
        starts.extend(carrier.log_density_at_end(x).map(|exact| (exact - start).abs()));
        probes.push((sums.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / (k * (k - 1.0))).sqrt());
    }
    Ok(Values {
        start_errors: (starts.len() == logs.len()).then_some(starts),
        probe_errors: (carried.probes > 1).then_some(probes),
        logs,
        evaluations: plan.stages.len(),
    })
}
