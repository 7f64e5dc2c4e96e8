//! Samplers as plans of affine stages.
//!
//! The contract with the kernel. Registers per sample: the state `x`, a copy `base` of the state at the start of the
//! step, and the previous score `s_prev`. A stage does
//!
//! ```text
//! s     = score(x, time)
//! x     = c_base * base + c_x * x + c_score * s + c_score_prev * s_prev + c_noise * xi      xi ~ N(0, I), fresh
//! s_prev = s;   if last_of_step { base = x }
//! ```
//!
//! All coefficients are f64 on the host; the device gets their f32 roundings.

use super::{Process, check_grid, schemes, unknown_name, usage};
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// One evaluation of the score and the affine update that follows it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Stage {
    /// Where the score is evaluated (at the register `x`).
    pub time: f64,
    /// Factor of the state at the start of the step.
    pub c_base: f64,
    /// Factor of the state.
    pub c_x: f64,
    /// Factor of the score just evaluated.
    pub c_score: f64,
    /// Factor of the score of the stage before.
    pub c_score_prev: f64,
    /// Factor of fresh standard normal noise.
    pub c_noise: f64,
    /// Whether the step ends here, so that `base` becomes `x`.
    pub last_of_step: bool,
    /// The number of the step, 0 to N - 1.
    pub step: u32,
}

/// Which variance the ancestral sampler `ddpm` adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variance {
    /// The variance of the forward transition, `q^2` (DDPM's beta): exact for standard normal data.
    Beta,
    /// The variance of the posterior given `x_0` (DDPM's beta-tilde): exact for a point mass.
    BetaTilde,
    /// The best constant variance, `(q^2/a^2)(1 - q^2 J_t / D)` with `J_t = E|s|^2` (Bao et al. 2022).
    Analytic,
}

/// What a sampler may be told. Absent means the sampler's default; an option that the sampler lacks is refused.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamplerOptions {
    /// Of `ddpm`; default [`Variance::Beta`].
    #[serde(default)]
    pub variance: Option<Variance>,
    /// Of `ddim`: 0 (deterministic, the default) to 1 (the noise of `ddpm` with beta-tilde).
    #[serde(default)]
    pub eta: Option<f64>,
    /// Of `ddpm` with [`Variance::Analytic`]: `J_t / D` at the start of each step, N numbers.
    #[serde(default)]
    pub energy_per_dim: Option<Vec<f64>>,
}

/// A step from time `t` down to time `s`, as a scheme sees it.
pub(super) struct Step<'a> {
    pub process: &'a Process,
    pub t: f64,
    pub s: f64,
    pub index: usize,
    pub options: &'a SamplerOptions,
}

impl Step<'_> {
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
            c_score_prev: 0.0,
            c_noise: 0.0,
            last_of_step: false,
            step: self.index as u32,
        }
    }
}

/// One sampler.
pub struct SamplerRow {
    /// The name in flags and files.
    pub name: &'static str,
    /// One line.
    pub doc: &'static str,
    /// Names of the [`SamplerOptions`] it understands.
    pub options: &'static [&'static str],
    /// Evaluations of the score in one step.
    pub evaluations: usize,
    /// Whether the default options add no noise.
    pub deterministic: bool,
    stages: fn(&Step) -> Vec<Stage>,
}

/// Every sampler there is. The formulas are derived in `schemes.rs`.
pub static SAMPLERS: &[SamplerRow] = &[
    row("ei", "exponential integrator of the reverse SDE, score frozen in each step", false, schemes::ei),
    row("em", "Euler-Maruyama for the reverse SDE", false, schemes::em),
    SamplerRow {
        options: &["variance", "energy_per_dim"],
        ..row("ddpm", "ancestral sampling; variance beta, beta-tilde or analytic", false, schemes::ddpm)
    },
    SamplerRow { options: &["eta"], ..row("ddim", "implicit sampling; eta 0 is deterministic", true, schemes::ddim) },
    row("ode-euler", "Euler for the probability-flow ODE", true, schemes::ode_euler),
    SamplerRow { evaluations: 2, ..row("ode-heun", "Heun for the probability-flow ODE", true, schemes::ode_heun) },
    row("ei-ode", "exponential integrator of the probability-flow ODE", true, schemes::ei_ode),
];

const fn row(
    name: &'static str,
    doc: &'static str,
    deterministic: bool,
    stages: fn(&Step) -> Vec<Stage>,
) -> SamplerRow {
    SamplerRow { name, doc, options: &[], evaluations: 1, deterministic, stages }
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

/// The plan of the sampler called `name` over a decreasing `grid` of times.
pub fn plan(name: &str, process: &Process, grid: &[f64], options: &SamplerOptions) -> Result<Plan> {
    let row = SAMPLERS
        .iter()
        .find(|row| row.name == name)
        .ok_or_else(|| unknown_name("sampler", name, &SAMPLERS.iter().map(|row| row.name).collect::<Vec<_>>()))?;
    check_grid(grid)?;
    check_options(row, options, grid.len() - 1)?;
    let step = |(index, pair): (usize, &[f64])| (row.stages)(&Step { process, t: pair[0], s: pair[1], index, options });
    let stages: Vec<Stage> = grid.windows(2).enumerate().flat_map(step).collect();
    Ok(Plan { sampler: row.name, times: grid.to_vec(), stages, prior_std: process.prior_std() })
}

fn check_options(row: &SamplerRow, options: &SamplerOptions, steps: usize) -> Result<()> {
    let given = [
        ("variance", options.variance.is_some()),
        ("eta", options.eta.is_some()),
        ("energy_per_dim", options.energy_per_dim.is_some()),
    ];
    for (name, present) in given {
        if present && !row.options.contains(&name) {
            let legal = SAMPLERS.iter().filter(|row| row.options.contains(&name)).map(|row| row.name);
            let expected = format!("the sampler {}", legal.collect::<Vec<_>>().join(" or "));
            return Err(usage(name, format!("the sampler {}", row.name), &expected));
        }
    }
    if let Some(eta) = options.eta
        && !(0.0..=1.0).contains(&eta)
    {
        return Err(usage("eta", eta, "0 to 1"));
    }
    let energies = options.energy_per_dim.as_deref();
    if options.variance == Some(Variance::Analytic) {
        let usable = energies.is_some_and(|e| e.len() == steps && e.iter().all(|j| j.is_finite() && *j >= 0.0));
        if !usable {
            let found = energies.map_or("none".to_owned(), |e| format!("{} numbers", e.len()));
            let expected = format!("{steps} finite numbers J_t / D, not negative, for the analytic variance");
            return Err(usage("energy_per_dim", found, &expected));
        }
    } else if energies.is_some() {
        return Err(usage("energy_per_dim", "given", "only together with the analytic variance"));
    }
    Ok(())
}
