//! The table of processes. A row gives `ln m_t` and `nu_t^2` in forms that keep their digits at small t, and the
//! few integrals that follow from them; everything else is derived in [`Process`].

mod discrete;
mod exploding;
mod preserving;
mod straight;

use super::{Key, Process};
use crate::error::Result;

/// One process: its name, its parameters and its functions of time.
pub struct ProcessRow {
    /// The name in flags and files.
    pub name: &'static str,
    /// Other names for the same.
    pub aliases: &'static [&'static str],
    /// One line: the equation.
    pub doc: &'static str,
    /// Default of the time `T` of pure noise.
    pub t_max: f64,
    /// Default of the early-stopping time.
    pub t0: f64,
    /// Parameters beside the two times.
    pub keys: &'static [Key],
    pub(super) check: fn(&Process) -> Result<()>,
    pub(super) log_mean: fn(&Process, f64) -> f64,
    pub(super) ratio2: fn(&Process, f64) -> f64,
    pub(super) drift: fn(&Process, f64) -> f64,
    pub(super) diffusion2: fn(&Process, f64) -> f64,
    pub(super) time_of_ratio2: fn(&Process, f64) -> f64,
    pub(super) score_weight: fn(&Process, f64, f64) -> f64,
    pub(super) prior_std: fn(&Process) -> f64,
}

/// Every process there is. Flags, documentation and tests walk this table.
pub static PROCESSES: &[ProcessRow] = &[
    preserving::OU,
    preserving::VP,
    preserving::VP_COSINE,
    preserving::SUB_VP,
    discrete::DDPM,
    exploding::VE,
    exploding::VE_POWER,
    exploding::EDM,
    straight::FLOW,
];
