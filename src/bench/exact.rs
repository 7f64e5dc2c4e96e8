//! The exact score of a law of many atoms, timed.

use super::clock::{Clock, Timing};
use crate::error::Result;
use crate::oracle::Law;
use crate::process::Process;
use crate::random::{Purpose, Stream};
use crate::recording::Engine;
use crate::score::{Asker, ExactScore};

/// Atoms of the law.
pub const ATOMS: usize = 100_000;
/// Points whose scores are computed at once.
pub const POINTS: usize = 10_000;
/// Dimensions of both.
pub const DIM: usize = 2;
/// Operations that meeting of a point and an atom counts as: 10 to subtract pairs of numbers, 4 to square and add, 4 for the
/// exponent and its largest, 16 for the exponential, 1 to add it up, 1 to divide by the variance, 4 to add up the pull.
pub const OPERATIONS: f64 = 40.0;

/// A row of [`TIMES`].
pub struct Row {
    /// Its name in tables and rows.
    pub name: &'static str,
    /// Time of the process.
    pub time: f64,
}

/// Where the score is timed: sigma / m is 0.31, where every atom counts, and 0.01, where few do.
pub const TIMES: &[Row] =
    &[Row { name: "every atom counts", time: 0.045 }, Row { name: "few atoms count", time: 5e-5 }];

/// Evaluations of all points a second, at each of [`TIMES`], under the house process: standard normal atoms as in
/// `--score empirical`, points drawn from the law with its noise.
pub fn time(engine: &mut dyn Engine, clock: &Clock, seed: u64) -> Result<Vec<Timing>> {
    let process = Process::named("ou")?;
    let mut stream = Stream::new(seed, Purpose::Test, 0, 0);
    let atoms: Vec<f32> = (0..ATOMS * DIM).map(|_| stream.normal() as f32).collect();
    let score = ExactScore { process: process.clone(), law: Law::empirical(&atoms, DIM)? };
    let times: Vec<f64> = TIMES.iter().map(|r| r.time).collect();
    let asker = Asker::new(engine, &score, POINTS, &times)?;
    let mut run = || -> Result<Vec<Timing>> {
        let mut all = Vec::new();
        for (i, &t) in times.iter().enumerate() {
            let (m, sigma) = (process.mean(t), process.sigma(t));
            let points: Vec<f32> =
                atoms[..POINTS * DIM].iter().map(|x| (m * f64::from(*x) + sigma * stream.normal()) as f32).collect();
            asker.give(engine, &points)?;
            all.push(clock.time(1 << 10, &mut |n| asker.again(engine, i, n))?);
        }
        Ok(all)
    };
    let outcome = run();
    asker.done(engine);
    outcome
}
