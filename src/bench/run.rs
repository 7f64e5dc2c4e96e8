//! Times one cell of the workload.

use super::clock::{Clock, Timing};
use super::workload::{self, Cell, Kind, ROWS, STEPS};
use crate::distribution;
use crate::error::Result;
use crate::network::Network;
use crate::process::{self, Plan, SamplerOptions};
use crate::random::{Purpose, normals, words};
use crate::recording::{Arena, Engine, Held, KernelTime, Kernels, ProgramId, Recording};
use crate::sample::{Chunk, advance};
use crate::score::NetworkScore;
use crate::train::{CHUNK, Dataset, Setup, Trainer};

/// A timed cell.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What was timed.
    pub cell: Cell,
    /// Training steps, or reverse steps of all samples, a second.
    pub timing: Timing,
    /// What kernels they were.
    pub kernels: Kernels,
    /// How many of them one step launches, or, where a launch takes many reverse steps, one such piece.
    pub launches: usize,
    /// Memory held at the end.
    pub held: Held,
    /// Loss of the last training step.
    pub loss: Option<f64>,
}

impl Outcome {
    /// Floating-point operations a second, in units of 1e9, by the usual count ([`Cell::flops`]).
    pub fn gflops(&self) -> f64 {
        self.cell.flops() * self.timing.rate.median * 1e-9
    }
}

/// The rows of the workload, standardised: two moons, then coordinates of deviation 0.1.
fn rows(dim: usize, seed: u64) -> Result<Dataset> {
    let moons = distribution::parse("moons")?.draw(seed, Purpose::Data, 0, ROWS);
    let small = |row: usize, d: usize| {
        let w = words(seed, Purpose::Test, row as u32, 0, (d / 4) as u32);
        0.1 * normals(w)[d % 4] as f32
    };
    let value = |i: usize| match (i / dim, i % dim) {
        (row, d) if d < 2 => moons[2 * row + d],
        (row, d) => small(row, d),
    };
    // the small coordinates stay small
    Dataset::from_rows("moons".into(), (0..ROWS * dim).map(value).collect(), dim, 0.0, dim == 2, seed)
}

fn setup(cell: &Cell, seed: u64) -> Result<Setup> {
    let network = Network::new(&cell.network(), cell.dim)?;
    Setup::new(&network, &workload::process().build()?, &rows(cell.dim, seed)?, &cell.training(), seed)
}

/// Runs one training step from nothing, to be timed from outside.
pub fn first_step(engine: &mut dyn Engine, cell: &Cell, seed: u64) -> Result<()> {
    Trainer::new(engine, setup(cell, seed)?)?.run(1).map(|_| ())
}

/// Kernel times of one step, each the least of `repeats`, where the device can tell.
pub fn profile(engine: &mut dyn Engine, cell: &Cell, seed: u64, repeats: usize) -> Result<Vec<KernelTime>> {
    match cell.kind {
        Kind::Train => {
            let mut trainer = Trainer::new(engine, setup(cell, seed)?)?;
            trainer.run(5)?;
            least(repeats, &mut || trainer.profile())
        }
        Kind::Sample => with_chunk(engine, cell, seed, &mut |engine, chunk, plan| {
            let (_, stage) = begin(engine, cell, seed, chunk, plan)?;
            let stage = engine.prepare(&stage)?;
            engine.run(stage, 5)?;
            least(repeats, &mut || {
                chunk.begin(engine, 0)?;
                engine.profile(stage)
            })
        }),
    }
}

fn least(repeats: usize, profile: &mut dyn FnMut() -> Result<Vec<KernelTime>>) -> Result<Vec<KernelTime>> {
    let mut least = profile()?;
    for _ in 1..repeats.max(1) {
        for (l, again) in least.iter_mut().zip(profile()?) {
            l.seconds = l.seconds.min(again.seconds);
        }
    }
    Ok(least)
}

/// Times a cell.
pub fn time(engine: &mut dyn Engine, cell: &Cell, clock: &Clock, seed: u64) -> Result<Outcome> {
    match cell.kind {
        Kind::Train => training(engine, cell, clock, seed),
        Kind::Sample => sampling(engine, cell, clock, seed),
    }
}

/// Whole trainings as users run them: steps in ticks, each ended by reading the losses back.
fn training(engine: &mut dyn Engine, cell: &Cell, clock: &Clock, seed: u64) -> Result<Outcome> {
    let mut trainer = Trainer::new(engine, setup(cell, seed)?)?;
    let launches = trainer.setup.recordings(0)?[0].dispatches();
    let mut loss = f64::NAN;
    let timing = clock.time(CHUNK as u32, &mut |n| {
        loss = f64::from(*trainer.run(n)?.losses.last().unwrap_or(&f32::NAN));
        Ok(())
    })?;
    let kernels = trainer.setup.kernels();
    Ok(Outcome { cell: *cell, timing, kernels, launches, held: trainer.engine().held(), loss: Some(loss) })
}

/// Does something with a reverse process of the cell.
fn with_chunk<T>(
    engine: &mut dyn Engine,
    cell: &Cell,
    seed: u64,
    what: &mut dyn FnMut(&mut dyn Engine, &Chunk, &Plan) -> Result<T>,
) -> Result<T> {
    let network = Network::new(&cell.network(), cell.dim)?;
    let process = workload::process().build()?;
    let plan = process::plan("em", &process, &process::grid("uniform", &process, STEPS)?, &SamplerOptions::default())?;
    let weights = network.initial(seed)?;
    let score = NetworkScore { network, process, variance: 1.0, feature_seed: seed, weights };
    let mut arena = Arena::new();
    let chunk = Chunk::new(&mut arena, &score, &plan, cell.batch)?.with(&mut arena, &|w| engine.kernels(w));
    engine.allocate(&arena)?;
    let outcome = what(engine, &chunk, &plan);
    engine.release(&arena);
    outcome
}

/// Makes a reverse process ready to take its first step, with what starts it and what a step is.
fn begin(
    engine: &mut dyn Engine,
    cell: &Cell,
    seed: u64,
    chunk: &Chunk,
    plan: &Plan,
) -> Result<(ProgramId, Recording)> {
    chunk.upload(engine, plan, &vec![0.0; cell.dim], &vec![1.0; cell.dim])?;
    let start = engine.prepare(&chunk.start(seed, plan.prior_std as f32))?;
    chunk.begin(engine, 0)?;
    engine.run(start, 1)?;
    Ok((start, chunk.stage(seed)))
}

/// Reverse steps, from the start again after the last one.
fn sampling(engine: &mut dyn Engine, cell: &Cell, clock: &Clock, seed: u64) -> Result<Outcome> {
    with_chunk(engine, cell, seed, &mut |engine, chunk, plan| {
        let (start, recording) = begin(engine, cell, seed, chunk, plan)?;
        let stage = engine.prepare(&recording)?;
        let kernels = if chunk.most() > 1 { engine.kernels(cell.width) } else { Kernels::Layered };
        let mut at = 0;
        let timing = clock.time(STEPS as u32, &mut |n| {
            let mut left = n as usize;
            while left > 0 {
                if at == STEPS {
                    chunk.begin(engine, 0)?;
                    engine.run(start, 1)?;
                    at = 0;
                }
                let count = left.min(STEPS - at);
                match kernels {
                    Kernels::Layered => engine.run(stage, count as u32)?,
                    _ => advance(engine, chunk, stage, at, at + count, &mut |_| Ok(()))?,
                }
                (at, left) = (at + count, left - count);
            }
            engine.wait()
        })?;
        Ok(Outcome { cell: *cell, timing, kernels, launches: recording.dispatches(), held: engine.held(), loss: None })
    })
}
