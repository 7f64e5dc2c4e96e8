//! Noising processes, time grids and samplers: plain f64 functions, no device.
//!
//! Time runs from 0 (data) to `T` (noise). A process is `dX = f(t) X dt + g(t) dW`, so that
//! `x_t = m_t x_0 + sigma_t eps`. Everything a sampler needs follows from two functions of a row of [`PROCESSES`]:
//! `ln m_t` and `nu_t^2 = (sigma_t / m_t)^2`, because `f = (ln m)'` and `g^2 = m^2 (nu^2)'`.
//!
//! - [`PROCESSES`]: `ou`, `vp`, `sub-vp`, `ddpm`, `ve`, `edm`, `flow`, .. ([`Process`] is one with its parameters)
//! - [`GRIDS`]: `benton`, `uniform`, `log-snr`, `karras`, ..
//! - [`SAMPLERS`]: `ei`, `ddpm`, `ddim`, `ode-heun`, `dpmpp-2m`, `edm`, ..; each turns a process and a grid into a
//!   [`Plan`] of affine [`Stage`]s, the contract with the GPU kernel
//! - [`METHODS`]: Runge-Kutta methods that carry points and their log density along the probability flow, as [`FlowPlan`]s
//! - [`Plan::affine_law`]: the exact law of the output for Gaussian data, which is what tests compare with

mod affine;
mod flow;
mod grid;
#[cfg(test)]
mod laboratory_tests;
mod multistep;
mod options;
mod quadrature;
mod rows;
mod runge_kutta;
mod sampler;
mod schemes;
#[cfg(test)]
mod tests;

pub use affine::{GaussianLaw, gaussian_kl, gaussian_path_kl};
pub use flow::{FlowPlan, METHODS, MethodRow, flow_plan};
pub use grid::{GRIDS, GridRow, MAX_STEPS, check_grid, grid, grid_with, kappa};
pub use options::{SamplerOptions, Variance};
pub use rows::{PROCESSES, ProcessRow};
pub use runge_kutta::Embedded;
pub use sampler::{Corrected, HISTORY, Plan, SAMPLERS, SamplerRow, Stage, plan, sampler};

use crate::error::{Error, Problem, Result, nearest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One parameter of a process: its name in flags and files, its default and what it means.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The name, in snake case.
    pub name: &'static str,
    /// The value when nothing is given.
    pub default: f64,
    /// One line, with the unit.
    pub doc: &'static str,
}

/// A process as it is written in a configuration: a name and whatever differs from the defaults.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessConfig {
    /// A name of [`PROCESSES`].
    pub name: String,
    /// The time `T` of pure noise; the row's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t_max: Option<f64>,
    /// The early-stopping time, 0 < t0 < T; the row's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t0: Option<f64>,
    /// The row's own parameters by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, f64>,
}

/// A noising process with checked parameters. All functions take a time in `[0, T]`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "ProcessConfig", into = "ProcessConfig")]
pub struct Process {
    row: &'static ProcessRow,
    parameters: Vec<f64>,
    t_max: f64,
    t0: f64,
}

/// The process called `name`, by its own name or another.
pub fn row(name: &str) -> Option<&'static ProcessRow> {
    PROCESSES.iter().find(|row| row.name == name || row.aliases.contains(&name))
}

impl Process {
    /// The process called `name` with its defaults.
    pub fn named(name: &str) -> Result<Self> {
        Self::new(&ProcessConfig { name: name.into(), ..ProcessConfig::default() })
    }

    /// The process that `config` describes. Refuses unknown names and parameters out of range, naming the values.
    pub fn new(config: &ProcessConfig) -> Result<Self> {
        let row = row(&config.name).ok_or_else(|| unknown_process(&config.name))?;
        for name in config.parameters.keys() {
            if !row.keys.iter().any(|key| key.name == name) {
                return Err(unknown_key(row, name));
            }
        }
        let value = |key: &Key| config.parameters.get(key.name).copied().unwrap_or(key.default);
        let process = Self {
            row,
            parameters: row.keys.iter().map(value).collect(),
            t_max: config.t_max.unwrap_or(row.t_max),
            t0: config.t0.unwrap_or(row.t0),
        };
        process.check()?;
        Ok(process)
    }

    /// The same process stopped at `t0` and started at `t_max`.
    pub fn with_times(&self, t_max: f64, t0: f64) -> Result<Self> {
        let process = Self { t_max, t0, ..self.clone() };
        process.check()?;
        Ok(process)
    }

    fn check(&self) -> Result<()> {
        for (key, &value) in self.row.keys.iter().zip(&self.parameters) {
            if !value.is_finite() {
                return Err(usage(key.name, value, "a finite number"));
            }
        }
        if !(self.t_max.is_finite() && self.t_max > 0.0) {
            return Err(usage("t_max", self.t_max, "a finite number above 0"));
        }
        (self.row.check)(self)?;
        if !(self.t0 > 0.0 && self.t0 < self.t_max) {
            return Err(usage("t0", self.t0, &format!("a number above 0 and below t_max = {}", self.t_max)));
        }
        self.check_f32()
    }

    /// Refuses what the device, which computes in f32, could not represent.
    fn check_f32(&self) -> Result<()> {
        let first = self.sigma(self.t0);
        if first * first < f64::from(f32::MIN_POSITIVE) {
            let found = format!("{} with sigma(t0) = {first:e}, sigma(t0)^2 = {:e}", self.t0, first * first);
            return Err(usage("t0", found, "sigma(t0)^2 of at least 1.18e-38, the smallest normal f32"));
        }
        let (mean, last) = (self.mean(self.t_max), self.sigma(self.t_max));
        if mean < f64::from(f32::MIN_POSITIVE) || last * last > f64::from(f32::MAX) {
            let found = format!("{} with m(T) = {mean:e}, sigma(T) = {last:e}", self.t_max);
            return Err(usage("t_max", found, "m(T) and sigma(T)^2 within the range of f32"));
        }
        Ok(())
    }

    /// The row this process is an instance of.
    pub fn row(&self) -> &'static ProcessRow {
        self.row
    }
    /// The name, as in flags and files.
    pub fn name(&self) -> &'static str {
        self.row.name
    }
    /// The time of pure noise.
    pub fn t_max(&self) -> f64 {
        self.t_max
    }
    /// The early-stopping time.
    pub fn t0(&self) -> f64 {
        self.t0
    }
    /// The row's parameter number `index`, in the order of its keys.
    pub(crate) fn parameter(&self, index: usize) -> f64 {
        self.parameters[index]
    }
    /// `ln m_t`.
    pub fn log_mean(&self, t: f64) -> f64 {
        (self.row.log_mean)(self, t)
    }
    /// `m_t`, the factor of the data.
    pub fn mean(&self, t: f64) -> f64 {
        self.log_mean(t).exp()
    }
    /// `nu_t^2 = (sigma_t / m_t)^2`, the variance of the noise in data units.
    pub fn ratio2(&self, t: f64) -> f64 {
        (self.row.ratio2)(self, t)
    }
    /// `sigma_t`, the standard deviation of the noise.
    pub fn sigma(&self, t: f64) -> f64 {
        self.mean(t) * self.ratio2(t).sqrt()
    }
    /// `f(t)` of `dX = f(t) X dt + g(t) dW`.
    pub fn drift(&self, t: f64) -> f64 {
        (self.row.drift)(self, t)
    }
    /// `g(t)^2` of `dX = f(t) X dt + g(t) dW`.
    pub fn diffusion2(&self, t: f64) -> f64 {
        (self.row.diffusion2)(self, t)
    }
    /// `lambda(t) = ln(m_t / sigma_t)`, half the logarithm of the signal-to-noise ratio; falls as t grows.
    pub fn log_snr(&self, t: f64) -> f64 {
        -0.5 * self.ratio2(t).ln()
    }
    /// The time at which [`Process::log_snr`] is `lambda` (its inverse; not limited to `[t0, T]`).
    pub fn time_at(&self, lambda: f64) -> f64 {
        (self.row.time_of_ratio2)(self, (-2.0 * lambda).exp())
    }
    /// Standard deviation of the `N(0, s^2 I)` from which the reverse process starts.
    pub fn prior_std(&self) -> f64 {
        (self.row.prior_std)(self)
    }
    /// Mean and variance of `x_t` where `x_0` has mean `mean` and variance `var` (per coordinate).
    pub fn marginal(&self, t: f64, mean: f64, var: f64) -> GaussianLaw {
        let m = self.mean(t);
        GaussianLaw { mean: m * mean, var: m * m * (var + self.ratio2(t)) }
    }
    /// `m_s / m_t - 1` for s < t, without cancellation for small steps.
    pub(crate) fn growth_minus_one(&self, s: f64, t: f64) -> f64 {
        (self.log_mean(s) - self.log_mean(t)).exp_m1()
    }
    /// `m_s^2 (nu_t^2 - nu_s^2)` for s < t: the noise variance the reverse SDE collects from t to s.
    pub(crate) fn collected_noise(&self, s: f64, t: f64) -> f64 {
        let m = self.mean(s);
        m * m * (self.ratio2(t) - self.ratio2(s))
    }
    /// `m_s * integral_s^t g^2(u) / m_u du` for s < t: the weight of a frozen score in the reverse SDE.
    pub(crate) fn score_weight(&self, s: f64, t: f64) -> f64 {
        (self.row.score_weight)(self, s, t)
    }
}

impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", ProcessConfig::from(self.clone()))
    }
}

impl PartialEq for Process {
    fn eq(&self, other: &Self) -> bool {
        ProcessConfig::from(self.clone()) == ProcessConfig::from(other.clone())
    }
}

impl From<Process> for ProcessConfig {
    fn from(process: Process) -> Self {
        let names = process.row.keys.iter().map(|key| key.name.to_owned());
        Self {
            name: process.row.name.into(),
            t_max: Some(process.t_max),
            t0: Some(process.t0),
            parameters: names.zip(process.parameters).collect(),
        }
    }
}

impl TryFrom<ProcessConfig> for Process {
    type Error = Error;
    fn try_from(config: ProcessConfig) -> Result<Self> {
        Self::new(&config)
    }
}

/// A refused value of a parameter.
pub(crate) fn usage(place: &str, found: impl std::fmt::Display, expected: &str) -> Error {
    Error::usage(Problem::new("value out of range").at(place).found(found).expected(expected))
}

/// A refused name of a table, with the legal ones and the nearest.
pub(crate) fn unknown_name(what: &str, given: &str, legal: &[&'static str]) -> Error {
    let problem = Problem::new(format!("unknown {what}")).found(given).expected(format!("one of {}", legal.join(", ")));
    Error::usage(match nearest(given, legal.iter().copied()) {
        Some(name) => problem.hint(format!("did you mean {name}?")),
        None => problem,
    })
}

fn unknown_process(name: &str) -> Error {
    unknown_name("process", name, &PROCESSES.iter().map(|row| row.name).collect::<Vec<_>>())
}

fn unknown_key(row: &ProcessRow, name: &str) -> Error {
    let mut legal: Vec<_> = row.keys.iter().map(|key| key.name).collect();
    legal.extend(["t_max", "t0"]);
    unknown_name(&format!("parameter of the process {}", row.name), name, &legal)
}
