//! The same network trained again, longer: on the rows of the run, and on draws of the law without end.
//!
//! run - longer on the same rows is what training left (optimisation), longer on the same rows - longer on fresh draws is
//! what the number of rows costs (estimation), and what remains on fresh draws is at most approximation (and the rest of
//! an optimisation that never ends).

use std::sync::Arc;

use crate::config::RunConfig;
use crate::distribution::Distribution;
use crate::error::Result;
use crate::network::Network;
use crate::process::Process;
use crate::recording::Engine;
use crate::score::NetworkScore;
use crate::train::{CHUNK, Dataset, Setup, TrainOptions, Trainer};

/// Seeds of each retraining, side by side in the same dispatches.
pub const SEEDS: u64 = 2;
/// Most numbers of fresh draws.
const MOST: usize = 1 << 22;

/// What is trained again.
pub struct Retraining<'a> {
    /// The configuration of the run.
    pub config: &'a RunConfig,
    /// Its rows.
    pub data: &'a Dataset,
    /// Its law, model units.
    pub law: &'a Arc<dyn Distribution>,
    /// Steps as a multiple of those of the run.
    pub factor: f64,
}

impl Retraining<'_> {
    /// Steps of each retraining.
    pub fn steps(&self) -> u32 {
        ((f64::from(self.config.train.steps) * self.factor).round() as u32).clamp(1, 1 << 24)
    }

    /// Fresh draws: ten times the rows, or as many as a long training looks at.
    pub fn fresh_rows(&self) -> usize {
        let seen = self.steps() as usize * self.config.train.batch_size;
        seen.min(10 * self.data.rows().max(20_000)).min(MOST / self.data.dim).max(self.data.rows())
    }

    /// Networks trained longer on the rows of the run, one a seed.
    pub fn same(
        &self,
        engine: &mut dyn Engine,
        watch: &mut dyn FnMut(u64, u64) -> Result<()>,
    ) -> Result<Vec<NetworkScore>> {
        let seeds: Vec<(&Dataset, u64)> = (0..SEEDS).map(|i| (self.data, self.config.seed + i)).collect();
        self.train(engine, &seeds, watch)
    }

    /// Networks trained as long on fresh draws.
    pub fn fresh(
        &self,
        engine: &mut dyn Engine,
        watch: &mut dyn FnMut(u64, u64) -> Result<()>,
    ) -> Result<Vec<NetworkScore>> {
        let n = self.fresh_rows();
        let draw = |i: u64| {
            // a seed of its own: these rows have nothing to do with those of the run
            let mut data = Dataset::from_distribution(self.law.clone(), n, 0.0, false, (self.config.seed + i) ^ FRESH)?;
            data.variance = self.data.variance;
            Ok(data)
        };
        let all: Vec<Dataset> = (0..SEEDS).map(draw).collect::<Result<_>>()?;
        let members: Vec<(&Dataset, u64)> = all.iter().zip(0..).map(|(d, i)| (d, self.config.seed + i)).collect();
        self.train(engine, &members, watch)
    }

    /// Networks trained on any rows of equal number, one a member (rows, seed).
    pub fn train(
        &self,
        engine: &mut dyn Engine,
        members: &[(&Dataset, u64)],
        watch: &mut dyn FnMut(u64, u64) -> Result<()>,
    ) -> Result<Vec<NetworkScore>> {
        let network = Network::new(&self.config.network, self.data.dim)?;
        let process: Process = self.config.process.build()?;
        let options = TrainOptions { steps: self.steps(), ..self.config.train.clone() };
        let setup = Setup::ensemble(&network, &process, members, &options)?;
        let mut trainer = Trainer::new(engine, setup)?;
        while trainer.step() < options.steps {
            watch(u64::from(trainer.step()), u64::from(options.steps))?;
            // short ticks, so that one can stop
            let steps = (options.steps - trainer.step()).min(200).min(CHUNK as u32);
            trainer.run_all(steps)?.into_iter().try_for_each(|tick| tick.map(|_| ()))?;
        }
        let score = |(m, (data, seed)): (usize, &(&Dataset, u64))| -> Result<NetworkScore> {
            let weights = trainer.state_of(m)?.average;
            let (network, process) = (network.clone(), process.clone());
            Ok(NetworkScore { network, process, variance: data.variance, feature_seed: *seed, weights })
        };
        members.iter().enumerate().map(score).collect()
    }
}

/// Sets the seeds of fresh draws apart from those of runs.
const FRESH: u64 = 0x6672_6573_6800_0000;
