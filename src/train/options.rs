//! What a user chooses of a training, and the tables behind the choices.

use serde::{Deserialize, Serialize};

use crate::defaults::choices;
use crate::error::{Error, Problem, Result};
use crate::network::{Moment, row};
use crate::process::{PROCESSES, Process, ProcessConfig};

use super::losses::{LOSSES, loss};
use super::schedule::SCHEDULES;
use super::teacher::TEACHERS;

/// Process and times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct ProcessOptions {
    #[arg(long, help = choices("Noising process", PROCESSES, |p| p.name), default_value = "ou", help_heading = "Process")]
    pub process: String,
    /// Time T of pure noise (the process's own if not given)
    #[arg(long, help_heading = "Process")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub t_max: Option<f64>,
    /// Early-stopping time t0 (the process's own if not given)
    #[arg(long, help_heading = "Process")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub t0: Option<f64>,
    /// vp, sub-vp: beta at time 0
    #[arg(long, help_heading = "Process")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta_min: Option<f64>,
    /// vp, sub-vp: beta at time T
    #[arg(long, help_heading = "Process")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta_max: Option<f64>,
    /// ve: smallest noise, in model units (those of the data, standardised where it is)
    #[arg(long, help_heading = "Process")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sigma_min: Option<f64>,
    /// ve: largest noise, in model units
    #[arg(long, help_heading = "Process")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sigma_max: Option<f64>,
    /// ve-power: base of g(t) = base^t
    #[arg(long, help_heading = "Process")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sigma_base: Option<f64>,
    /// vp-cosine: offset s of the cosine
    #[arg(long, help_heading = "Process")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cosine_s: Option<f64>,
    /// ddpm: first beta of the table
    #[arg(long, help_heading = "Process")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta_start: Option<f64>,
    /// ddpm: last beta of the table
    #[arg(long, help_heading = "Process")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta_end: Option<f64>,
    /// ddpm: entries of the table, K
    #[arg(long, help_heading = "Process")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timesteps: Option<f64>,
}

impl Default for ProcessOptions {
    fn default() -> Self {
        crate::defaults::defaults::<Self>()
    }
}

impl ProcessOptions {
    /// The process they describe, checked.
    pub fn build(&self) -> Result<Process> {
        let given = [
            ("beta_min", self.beta_min),
            ("beta_max", self.beta_max),
            ("sigma_min", self.sigma_min),
            ("sigma_max", self.sigma_max),
            ("sigma_base", self.sigma_base),
            ("cosine_s", self.cosine_s),
            ("beta_start", self.beta_start),
            ("beta_end", self.beta_end),
            ("timesteps", self.timesteps),
        ];
        let parameters = given.into_iter().filter_map(|(k, v)| v.map(|v| (k.to_string(), v))).collect();
        Process::new(&ProcessConfig { name: self.process.clone(), t_max: self.t_max, t0: self.t0, parameters })
    }
}

/// Loss, optimiser and length of a training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct TrainOptions {
    /// Training steps
    #[arg(long, default_value_t = 8000, help_heading = "Training")]
    pub steps: u32,
    /// Rows in a batch, drawn with replacement
    #[arg(long, default_value_t = 1024, help_heading = "Training")]
    pub batch_size: usize,
    /// Learning rate at its highest
    #[arg(long, default_value_t = 8e-3, help_heading = "Training")]
    pub lr: f64,
    #[arg(long, help = choices("Learning-rate schedule", SCHEDULES, |s| s.name), default_value = "cosine", help_heading = "Training")]
    pub lr_schedule: String,
    /// Steps of linear warm-up
    #[arg(long, default_value_t = 200, help_heading = "Training")]
    pub warmup: u32,
    #[arg(long, help = choices("Optimiser", OPTIMISERS, |o| o.name), default_value = "adam", help_heading = "Training")]
    pub optimiser: String,
    /// Momentum of sgd, first decay of adam
    #[arg(long, default_value_t = 0.9, help_heading = "Training")]
    pub beta1: f64,
    /// Second decay of adam
    #[arg(long, default_value_t = 0.999, help_heading = "Training")]
    pub beta2: f64,
    /// Added to adam's denominator
    #[arg(long, default_value_t = 1e-8, help_heading = "Training")]
    pub epsilon: f64,
    /// Weight decay
    #[arg(long, default_value_t = 0.0, help_heading = "Training")]
    pub weight_decay: f64,
    /// Largest gradient norm; 0 turns clipping off
    #[arg(long, default_value_t = 1.0, help_heading = "Training")]
    pub clip: f64,
    /// Decay of the moving average of the weights, with a warm-up
    #[arg(long, default_value_t = 0.999, help_heading = "Training")]
    pub ema: f64,
    #[arg(long, help = choices("How times are drawn", TIME_SAMPLING, |t| t.name), default_value = "log-uniform", help_heading = "Training")]
    pub time_sampling: String,
    /// Draw times independently instead of one stratum a row
    #[arg(long, help_heading = "Training")]
    pub no_stratify: bool,
    #[arg(long, help = choices("Weight lambda(t) of |s - target|^2, sigma2 being the noise loss", WEIGHTS, |w| w.name), default_value = "sigma2", help_heading = "Training")]
    pub weight: String,
    #[arg(long, help = choices("Loss", LOSSES, |l| l.name), default_value = "dsm", help_heading = "Training")]
    #[serde(skip_serializing_if = "is_dsm")]
    pub loss: String,
    #[arg(long, help = choices("Whose score --loss esm learns; alone it means --loss esm", TEACHERS, |t| t.name), default_value = "none", help_heading = "Training")]
    #[serde(skip_serializing_if = "is_none")]
    pub teacher: String,
    /// Share of the rows that is held out
    #[arg(long, default_value_t = 0.1, help_heading = "Training")]
    pub held_out: f64,
    /// Steps between held-out losses (default: a twentieth of the training)
    #[arg(long, help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eval_every: Option<u32>,
    /// Steps between checkpoints (default: a tenth of the training)
    #[arg(long, help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_every: Option<u32>,
}

/// Without a teacher a configuration need not say so: older ones do not.
fn is_none(teacher: &str) -> bool {
    teacher == "none"
}

/// Likewise of the loss that has always been.
fn is_dsm(loss: &str) -> bool {
    loss == "dsm"
}

impl Default for TrainOptions {
    fn default() -> Self {
        crate::defaults::defaults::<Self>()
    }
}

/// A row of [`WEIGHTS`].
pub struct Weighting {
    /// What `--weight` takes.
    pub name: &'static str,
    /// One line for help and documentation.
    pub doc: &'static str,
    /// Weight of |eps_hat - eps|^2, that is lambda(t) / sigma_t^2.
    pub of_noise: fn(Moment) -> f64,
}

/// Every weighting of the loss.
pub const WEIGHTS: &[Weighting] = &[
    Weighting { name: "sigma2", doc: "lambda = sigma_t^2: the plain noise loss", of_noise: |_| 1.0 },
    Weighting { name: "sigma", doc: "lambda = sigma_t (Li, Li, Zhang, Bian 2023, eq. 6)", of_noise: |k| 1.0 / k.sigma },
    Weighting {
        name: "1",
        doc: "lambda = 1: the loss that bounds the KL divergence",
        of_noise: |k| 1.0 / (k.sigma * k.sigma),
    },
];

/// A row of [`TIME_SAMPLING`].
pub struct TimeSampling {
    /// What `--time-sampling` takes.
    pub name: &'static str,
    /// One line for help and documentation.
    pub doc: &'static str,
    /// The time at quantile u in (0, 1) between t0 and T.
    pub quantile: fn(f64, f64, f64) -> f64,
}

/// Every law of the training times.
pub const TIME_SAMPLING: &[TimeSampling] = &[
    TimeSampling {
        name: "log-uniform",
        doc: "ln t uniform on [ln t0, ln T]",
        quantile: |u, t0, t_max| (t0.ln() + u * (t_max / t0).ln()).exp(),
    },
    TimeSampling { name: "uniform", doc: "t uniform on [t0, T]", quantile: |u, t0, t_max| t0 + u * (t_max - t0) },
];

/// A row of [`OPTIMISERS`].
pub struct Optimiser {
    /// What `--optimiser` takes.
    pub name: &'static str,
    /// One line for help and documentation.
    pub doc: &'static str,
    /// File below `shaders/` without the ending.
    pub shader: &'static str,
}

/// Every optimiser.
pub const OPTIMISERS: &[Optimiser] = &[
    Optimiser { name: "sgd", doc: "gradient descent with momentum beta1", shader: "optimiser/rule/sgd" },
    Optimiser { name: "adam", doc: "Adam (Kingma, Ba 2015)", shader: "optimiser/rule/adam" },
    Optimiser {
        name: "adamw",
        doc: "Adam with decoupled weight decay (Loshchilov, Hutter 2019)",
        shader: "optimiser/rule/adamw",
    },
];

impl TrainOptions {
    /// Refuses values out of range, all by the same rule, and looks up the names.
    pub fn check(&self) -> Result<()> {
        let ranges = [
            ("--lr", self.lr, 0.0, f64::INFINITY),
            ("--beta1", self.beta1, 0.0, 1.0),
            ("--beta2", self.beta2, 0.0, 1.0),
            ("--epsilon", self.epsilon, 0.0, 1.0),
            ("--weight-decay", self.weight_decay, 0.0, 1e6),
            ("--clip", self.clip, 0.0, f64::INFINITY),
            ("--ema", self.ema, 0.0, 1.0),
            ("--held-out", self.held_out, 0.0, 0.9),
        ];
        for (flag, value, low, high) in ranges {
            // excludes the upper end, infinity and NaN alike
            if !(value >= low && value < high) {
                return Err(Error::usage(
                    Problem::new("a number is out of range")
                        .at(flag)
                        .found(value)
                        .expected(format!("at least {low}, below {high}")),
                ));
            }
        }
        let counts = [
            ("--steps", self.steps as usize, 1 << 24),
            ("--batch-size", self.batch_size, 1 << 20),
            ("--eval-every", self.eval_every.unwrap_or(1) as usize, 1 << 24),
            ("--checkpoint-every", self.checkpoint_every.unwrap_or(1) as usize, 1 << 24),
        ];
        for (flag, value, most) in counts {
            if !(1..=most).contains(&value) {
                return Err(Error::usage(
                    Problem::new("a count is out of range").at(flag).found(value).expected(format!("1 to {most}")),
                ));
            }
        }
        row(WEIGHTS, |r| r.name, "--weight", &self.weight)?;
        row(TIME_SAMPLING, |r| r.name, "--time-sampling", &self.time_sampling)?;
        row(OPTIMISERS, |r| r.name, "--optimiser", &self.optimiser)?;
        row(TEACHERS, |t| t.name, "--teacher", &self.teacher)?;
        loss(self)?;
        row(SCHEDULES, |r| r.name, "--lr-schedule", &self.lr_schedule)?;
        Ok(())
    }
    /// Steps between held-out losses.
    pub fn eval_interval(&self) -> u32 {
        self.eval_every.unwrap_or((self.steps / 20).max(1))
    }
    /// Steps between checkpoints.
    pub fn checkpoint_interval(&self) -> u32 {
        self.checkpoint_every.unwrap_or((self.steps / 10).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_every_process_has_a_flag() {
        for (row, key) in PROCESSES.iter().flat_map(|row| row.keys.iter().map(move |key| (row, key))) {
            let text = format!("process = \"{}\"\n{} = {:?}\n", row.name, key.name.replace('_', "-"), key.default);
            let options: ProcessOptions = toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", key.name));
            assert_eq!(options.build().unwrap(), Process::named(row.name).unwrap(), "{}", key.name);
        }
    }
}
