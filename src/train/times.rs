//! The functions of time a device needs, in f64 on the host, as rows of tables.
//!
//! Training draws its times from [`TIMES`] quantiles of their law, so that no schedule is ever evaluated in f32.

use crate::error::Result;
use crate::network::{Moment, Network, row};
use crate::process::Process;
use crate::recording::pad;

use super::options::{TIME_SAMPLING, TrainOptions, WEIGHTS};

/// Number of quantiles that training times are drawn from.
pub const TIMES: usize = 4096;

/// Tables over a list of times.
pub struct TimeTable {
    /// The times.
    pub times: Vec<f64>,
    /// (rows, 8): c_in, m, sigma, a, b, weight, t, 0
    pub coefficients: Vec<f32>,
    /// (rows, F)
    pub features: Vec<f32>,
}

impl TimeTable {
    /// (rows, D + F padded to 8): what a network in `dim` dimensions sees at each time, with zeros for the point.
    pub fn input_rows(&self, dim: usize) -> Vec<f32> {
        let known = self.features.len() / self.times.len();
        let mut rows = vec![0.0; self.times.len() * pad(dim + known, 8)];
        for (i, row) in rows.chunks_exact_mut(pad(dim + known, 8)).enumerate() {
            row[dim..dim + known].copy_from_slice(&self.features[i * known..][..known]);
        }
        rows
    }
}

/// m, sigma and the data's variance at a time.
pub fn moment(process: &Process, variance: f64, t: f64) -> Moment {
    Moment { t, m: process.mean(t), sigma: process.sigma(t), v: variance }
}

/// The tables of a training.
pub fn training_table(
    network: &Network,
    process: &Process,
    variance: f64,
    options: &TrainOptions,
    seed: u64,
) -> Result<TimeTable> {
    let law = row(TIME_SAMPLING, |r| r.name, "--time-sampling", &options.time_sampling)?;
    let weight = row(WEIGHTS, |r| r.name, "--weight", &options.weight)?;
    let quantile = |i: usize| (law.quantile)((i as f64 + 0.5) / TIMES as f64, process.t0(), process.t_max());
    let times: Vec<f64> = (0..TIMES).map(quantile).collect();
    let mut table = table(network, process, variance, times, seed, weight.of_noise);
    if network.head.trained {
        // the loss sees the noise itself, which is made of F on the device while s still moves
        table.coefficients.chunks_exact_mut(8).for_each(|row| (row[3], row[4]) = (0.0, 1.0));
    }
    Ok(table)
}

/// The tables of any list of times, with a weight of the noise loss. A head that learned the noise of the data takes the
/// square of it for the variance.
pub fn table(
    network: &Network,
    process: &Process,
    variance: f64,
    times: Vec<f64>,
    seed: u64,
    weight: fn(Moment) -> f64,
) -> TimeTable {
    let mut coefficients = Vec::with_capacity(8 * times.len());
    let mut features = Vec::with_capacity(network.options.features * times.len());
    for &t in &times {
        let k = moment(process, variance, t);
        let (a, b) = (network.head.affine)(k);
        coefficients.extend([k.c_in(), k.m, k.sigma, a, b, weight(k), t, 0.0].map(|v| v as f32));
        features.extend((network.time_features.row)(k, network.options.features, seed).iter().map(|&v| v as f32));
    }
    TimeTable { times, coefficients, features }
}
