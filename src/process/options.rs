//! What a sampler may be told, and what it refuses.

use super::sampler::{SAMPLERS, SamplerRow};
use super::usage;
use crate::error::Result;
use serde::{Deserialize, Serialize};

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
#[serde(default, deny_unknown_fields)]
pub struct SamplerOptions {
    /// Of `ddpm`; default [`Variance::Beta`].
    pub variance: Option<Variance>,
    /// Of `ddim`: 0 (deterministic, the default) to 1 (the noise of `ddpm` with beta-tilde). Of `dpmpp-2m-sde`: 0 (the
    /// ODE) to 1 (the reverse SDE, the default).
    pub eta: Option<f64>,
    /// Of `ddpm` with [`Variance::Analytic`]: `J_t / D` at the start of each step, N numbers.
    pub energy_per_dim: Option<Vec<f64>>,
    /// Of the multistep samplers: evaluations a step looks at, 1 to 3.
    pub order: Option<u32>,
    /// Of `edm`: total amount of noise added back, S_churn; default 40, 0 makes it deterministic.
    pub s_churn: Option<f64>,
    /// Of `edm`: noise is added back where sigma / m is above this, S_tmin; default 0.05.
    pub s_tmin: Option<f64>,
    /// Of `edm`: noise is added back where sigma / m is below this, S_tmax; default 50.
    pub s_tmax: Option<f64>,
    /// Of `edm`: factor of that noise's standard deviation, S_noise; default 1.
    pub s_noise: Option<f64>,
    /// Of `pc` and `ald`: signal-to-noise ratio r of a Langevin step of size 2 r^2 sigma_t^2; default 0.16.
    pub snr: Option<f64>,
    /// Of `pc` and `ald`: Langevin steps at each time; default 1 and 5.
    pub corrector_steps: Option<u32>,
}

/// `(name, value, least, most)` of the options that are numbers.
fn numbers(o: &SamplerOptions) -> [(&'static str, Option<f64>, f64, f64); 8] {
    [
        ("eta", o.eta, 0.0, 1.0),
        ("order", o.order.map(f64::from), 1.0, 3.0),
        ("s_churn", o.s_churn, 0.0, 1e6),
        ("s_tmin", o.s_tmin, 0.0, 1e18),
        ("s_tmax", o.s_tmax, 0.0, 1e18),
        ("s_noise", o.s_noise, 0.0, 10.0),
        ("snr", o.snr, 1e-6, 1.0),
        ("corrector_steps", o.corrector_steps.map(f64::from), 1.0, 10_000.0),
    ]
}

/// Refuses options the sampler lacks and values out of range; `steps` is N.
pub(super) fn check(row: &SamplerRow, options: &SamplerOptions, steps: usize) -> Result<()> {
    let numbers = numbers(options);
    let others = [("variance", options.variance.is_some()), ("energy_per_dim", options.energy_per_dim.is_some())];
    let given = others.into_iter().chain(numbers.iter().map(|(name, value, ..)| (*name, value.is_some())));
    for (name, _) in given.filter(|(_, present)| *present) {
        if !row.options.contains(&name) {
            let legal = SAMPLERS.iter().filter(|row| row.options.contains(&name)).map(|row| row.name);
            let expected = format!("the sampler {}", legal.collect::<Vec<_>>().join(" or "));
            return Err(usage(name, format!("the sampler {}", row.name), &expected));
        }
    }
    for (name, value, least, most) in numbers {
        if let Some(value) = value.filter(|v| !(least..=most).contains(v)) {
            return Err(usage(name, value, &format!("{least} to {most}")));
        }
    }
    check_energies(options, steps)
}

fn check_energies(options: &SamplerOptions, steps: usize) -> Result<()> {
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
