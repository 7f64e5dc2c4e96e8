//! Samplers as plans of affine stages.
//!
//! The contract with the kernel. Registers per sample: the state `x`; a state `base` to come back to, as a rule that at
//! the start of the step; and up to [`HISTORY`] earlier *outputs* y, the newest first. A stage does
//!
//! ```text
//! s    = score(x, time)
//! new  = c_base * base + c_x * x + c_score * s + sum_j c_history[j] * y_j + c_noise * xi      xi ~ N(0, I), fresh
//! y    = output.0 * x + output.1 * s,  which becomes y_0 of the next stage, y_0 becomes y_1, ..
//! base = corrected(base, x, s, y_j) where there is one, else new at the last stage of a step, else base
//! x    = new
//! ```
//!
//! An output is what a scheme interpolates: a slope, the noise, the clean point. All coefficients are f64 on the host; the
//! device gets their f32 roundings.

use super::options::{self, SamplerOptions};
use super::{Process, check_grid, multistep, runge_kutta, schemes, unknown_name, usage};
use crate::error::Result;
use serde::Serialize;

/// The most earlier outputs a stage may use.
pub const HISTORY: usize = 5;

/// The most evaluations of a plan: its stages take a gigabyte then.
pub const MAX_EVALUATIONS: usize = 1 << 22;

/// One evaluation of the score and the affine update that follows it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Stage {
    /// Where the score is evaluated (at the register `x`).
    pub time: f64,
    /// Factor of the base.
    pub c_base: f64,
    /// Factor of the state.
    pub c_x: f64,
    /// Factor of the score just evaluated.
    pub c_score: f64,
    /// Factors of earlier outputs, the newest first.
    pub c_history: [f64; HISTORY],
    /// Factor of fresh standard normal noise.
    pub c_noise: f64,
    /// The output that is kept: factors of the state (before the update) and of the score.
    pub output: [f64; 2],
    /// What the base becomes, where it is not the new state.
    pub corrected: Option<Corrected>,
    /// Whether the step ends here, so that `base` becomes `x`.
    pub last_of_step: bool,
    /// The number of the step, 0 to N - 1.
    pub step: u32,
}

/// The base as a combination of its own: the corrected state of a predictor-corrector method.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Corrected {
    /// Factor of the base.
    pub c_base: f64,
    /// Factor of the state.
    pub c_x: f64,
    /// Factor of the score just evaluated.
    pub c_score: f64,
    /// Factors of earlier outputs, the newest first.
    pub c_history: [f64; HISTORY],
}

/// A step from time `t` down to time `s`, as a scheme sees it.
pub(super) struct Step<'a> {
    pub process: &'a Process,
    pub t: f64,
    pub s: f64,
    pub index: usize,
    /// The whole grid.
    pub times: &'a [f64],
    pub options: &'a SamplerOptions,
}

impl Step<'_> {
    /// Whether this is the last step of the grid.
    pub fn is_last(&self) -> bool {
        self.index + 2 == self.times.len()
    }
    /// The one stage of a scheme that evaluates the score once, at the start of the step.
    pub fn single(&self, c_x: f64, c_score: f64, noise_variance: f64) -> Vec<Stage> {
        vec![Stage { c_x, c_score, c_noise: noise_variance.max(0.0).sqrt(), last_of_step: true, ..self.blank(self.t) }]
    }
    /// A stage of this step with no effect yet, its score evaluated at `time`.
    pub fn blank(&self, time: f64) -> Stage {
        Stage {
            time,
            c_base: 0.0,
            c_x: 0.0,
            c_score: 0.0,
            c_history: [0.0; HISTORY],
            c_noise: 0.0,
            output: [0.0; 2],
            corrected: None,
            last_of_step: false,
            step: self.index as u32,
        }
    }
}

/// One sampler.
pub struct SamplerRow {
    /// The name in flags and files.
    pub name: &'static str,
    /// Other names it goes by.
    pub aliases: &'static [&'static str],
    /// One line.
    pub doc: &'static str,
    /// Names of the [`SamplerOptions`] it understands.
    pub options: &'static [&'static str],
    /// Whether the default options add no noise.
    pub deterministic: bool,
    /// The order in which the law of the output converges as the steps get smaller (in law, for those with noise);
    /// `None` where something else than the steps has to go to 0 too.
    pub order: Option<u32>,
    /// Whether it chooses its steps itself, by an error tolerance, unless a grid is given.
    pub adaptive: bool,
    stages: fn(&Step) -> Vec<Stage>,
}

/// Every sampler there is. The formulas are derived in `schemes.rs`, `runge_kutta.rs` and `multistep.rs`.
pub static SAMPLERS: &[SamplerRow] = &[
    row("ei", "exponential integrator of the reverse SDE, score frozen in each step", schemes::ei),
    row("em", "Euler-Maruyama for the reverse SDE", schemes::em),
    SamplerRow {
        options: &["variance", "energy_per_dim"],
        ..row("ddpm", "ancestral sampling; variance beta, beta-tilde or analytic", schemes::ddpm)
    },
    SamplerRow {
        options: &["eta"],
        deterministic: true,
        ..row("ddim", "implicit sampling; eta 0 is deterministic", schemes::ddim)
    },
    ode("ode-euler", &["euler"], 1, "Euler for the probability-flow ODE", schemes::ode_euler),
    ode("ode-heun", &["heun"], 2, "Heun for the probability-flow ODE", runge_kutta::heun),
    ode("ode-rk4", &["rk4"], 4, "classical Runge-Kutta for the probability-flow ODE", runge_kutta::rk4),
    SamplerRow {
        adaptive: true,
        ..ode(
            "ode-rk45",
            &["rk45", "dopri5"],
            5,
            "Dormand-Prince for the probability-flow ODE, steps chosen by --tolerance",
            runge_kutta::rk45,
        )
    },
    ode("ei-ode", &[], 1, "exponential integrator of the probability-flow ODE", schemes::ei_ode),
    SamplerRow {
        options: &["s_churn", "s_tmin", "s_tmax", "s_noise"],
        order: None,
        ..row("edm", "stochastic Heun with churn, in sigma / m (Karras et al. 2022)", schemes::edm)
    },
    ode("dpmpp-2m", &["dpm-solver++"], 2, "DPM-Solver++(2M), multistep in ln(m / sigma)", multistep::dpmpp_2m),
    ode("dpmpp-3m", &[], 3, "DPM-Solver++(3M), begun with a two-stage step", multistep::dpmpp_3m),
    SamplerRow {
        options: &["eta"],
        order: Some(2),
        ..row("dpmpp-2m-sde", "SDE-DPM-Solver++(2M); eta 0 is dpmpp-2m", multistep::dpmpp_2m_sde)
    },
    SamplerRow {
        options: &["order"],
        ..ode("unipc", &[], 3, "UniPC with B(h) = e^h - 1; order 2 unless told, then exact to 3", multistep::unipc)
    },
    SamplerRow {
        options: &["order"],
        ..ode("deis", &[], 3, "DEIS, tAB: exponential Adams-Bashforth of order 3 unless told", multistep::deis)
    },
    SamplerRow {
        options: &["snr", "corrector_steps"],
        order: None,
        ..row("pc", "predictor-corrector: an ancestral step, then Langevin steps at its end", schemes::pc)
    },
    SamplerRow {
        options: &["snr", "corrector_steps"],
        order: None,
        ..row("ald", "annealed Langevin dynamics: Langevin steps at every time of the grid", schemes::ald)
    },
];

const fn row(name: &'static str, doc: &'static str, stages: fn(&Step) -> Vec<Stage>) -> SamplerRow {
    SamplerRow { name, aliases: &[], doc, options: &[], deterministic: false, order: Some(1), adaptive: false, stages }
}

const fn ode(
    name: &'static str,
    aliases: &'static [&'static str],
    order: u32,
    doc: &'static str,
    stages: fn(&Step) -> Vec<Stage>,
) -> SamplerRow {
    SamplerRow { aliases, deterministic: true, order: Some(order), ..row(name, doc, stages) }
}

/// The row of [`SAMPLERS`] that `name` or an alias of it names.
pub fn sampler(name: &str) -> Result<&'static SamplerRow> {
    SAMPLERS
        .iter()
        .find(|row| row.name == name || row.aliases.contains(&name))
        .ok_or_else(|| unknown_name("sampler", name, &SAMPLERS.iter().map(|row| row.name).collect::<Vec<_>>()))
}

/// The reverse process, ready to run: stages in order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// The sampler's name.
    pub sampler: &'static str,
    /// The N + 1 decreasing times between which the steps lie.
    pub times: Vec<f64>,
    /// The stages of all steps; one evaluation of the score each.
    pub stages: Vec<Stage>,
    /// Standard deviation of the start, `N(0, s^2 I)`.
    pub prior_std: f64,
}

impl Plan {
    /// Evaluations of the score (NFE).
    pub fn evaluations(&self) -> usize {
        self.stages.len()
    }

    /// How many earlier outputs the stages use, at most [`HISTORY`].
    pub fn history(&self) -> usize {
        let used = |c: &[f64; HISTORY]| HISTORY - c.iter().rev().take_while(|c| **c == 0.0).count();
        let of_stage = |s: &Stage| used(&s.c_history).max(s.corrected.map_or(0, |c| used(&c.c_history)));
        self.stages.iter().map(of_stage).max().unwrap_or(0)
    }
}

/// The plan of the sampler called `name` over a decreasing `grid` of times.
pub fn plan(name: &str, process: &Process, grid: &[f64], options: &SamplerOptions) -> Result<Plan> {
    let row = sampler(name)?;
    check_grid(grid)?;
    options::check(row, options, grid.len() - 1)?;
    let step = |(index, pair): (usize, &[f64])| {
        (row.stages)(&Step { process, t: pair[0], s: pair[1], index, times: grid, options })
    };
    // the last step has the most stages
    let last = grid.len() - 2;
    let most = step((last, &grid[last..])).len() * (last + 1);
    if most > MAX_EVALUATIONS {
        let expected = format!("at most {MAX_EVALUATIONS} evaluations; use fewer steps");
        return Err(usage("steps", format!("{} steps with about {most} evaluations", last + 1), &expected));
    }
    let stages: Vec<Stage> = grid.windows(2).enumerate().flat_map(step).collect();
    Ok(Plan { sampler: row.name, times: grid.to_vec(), stages, prior_std: process.prior_std() })
}
