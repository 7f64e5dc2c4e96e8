//! The reverse process: noise to samples, chunk by chunk, as a stream of states.
//!
//! A sampler is a plan of affine stages with coefficients in f64 ([`crate::process::Plan`]); one kernel executes them
//! all. Sample i depends on (seed, i, plan, score) only, so chunks of any size give the same bytes. Pictures, files and
//! metrics are consumers of [`Sampler::run`].

mod chunk;
mod probe;

pub use crate::score::{AnyScore, NetworkScore, Score};
pub use chunk::{Chunk, STAGE, packed};
pub use probe::{Probe, TOLERANCE, check_tolerance};

use crate::error::Result;
use crate::process::Plan;
use crate::recording::{Arena, Engine, ProgramId};

/// What a sampling is asked for.
pub struct Request<'a> {
    /// Where the scores come from.
    pub score: &'a dyn Score,
    /// Which stages to run.
    pub plan: &'a Plan,
    /// Number of samples.
    pub count: u32,
    /// Rows on the device at a time; changes nothing but memory and speed.
    pub chunk: usize,
    /// Seed of start and noise.
    pub seed: u64,
    /// (D) data = shift + scale * model
    pub shift: &'a [f32],
    /// (D) data = shift + scale * model
    pub scale: &'a [f32],
    /// How many of the first samples to follow, and after which stages (0 is the start).
    pub follow: Option<Follow>,
}

/// A recording of paths.
#[derive(Debug, Clone)]
pub struct Follow {
    /// Number of paths, from sample 0 on.
    pub paths: usize,
    /// Stage counts at which states are kept, ascending.
    pub stages: Vec<usize>,
}

/// What a sampling yields.
pub enum State<'a> {
    /// The followed paths after `stage` stages, at `time`: (paths, D) in data units.
    Frame {
        /// Position in `Follow::stages`.
        frame: usize,
        /// Time of the state.
        time: f64,
        /// (paths, D)
        points: &'a [f32],
    },
    /// Finished samples `first..`: (rows, D) in data units.
    Samples {
        /// Index of the first of them.
        first: u32,
        /// (rows, D)
        points: &'a [f32],
    },
    /// Progress: samples begun and stages done in this chunk.
    Progress {
        /// Samples finished before this chunk.
        done: u32,
        /// Stages done in this chunk.
        stage: usize,
    },
}

/// Time after `stage` stages of a plan.
pub fn time_after(plan: &Plan, stage: usize) -> f64 {
    match plan.stages.get(stage) {
        Some(s) => plan.times[s.step as usize],
        None => plan.times[plan.times.len() - 1],
    }
}

/// Runs a request; `consume` sees every state in order and stops the sampling by an error.
pub fn run(
    engine: &mut dyn Engine,
    request: &Request<'_>,
    consume: &mut dyn FnMut(State<'_>) -> Result<()>,
) -> Result<()> {
    let mut arena = Arena::new();
    let rows = request.chunk.min(request.count.max(1) as usize);
    let chunk = Chunk::new(&mut arena, request.score, request.plan, rows)?.with(&mut arena, &|w| engine.kernels(w));
    engine.allocate(&arena)?;
    let outcome = run_chunks(engine, request, &chunk, consume);
    engine.release(&arena);
    outcome
}

fn run_chunks(
    engine: &mut dyn Engine,
    request: &Request<'_>,
    chunk: &Chunk,
    consume: &mut dyn FnMut(State<'_>) -> Result<()>,
) -> Result<()> {
    chunk.upload(engine, request.plan, request.shift, request.scale)?;
    let start = engine.prepare(&chunk.start(request.seed, request.plan.prior_std as f32))?;
    let stage = engine.prepare(&chunk.stage(request.seed))?;
    let finish = engine.prepare(&chunk.finish())?;
    let mut first = 0u32;
    while first < request.count {
        let live = chunk.rows.min((request.count - first) as usize);
        chunk.begin(engine, first)?;
        engine.run(start, 1)?;
        let mut done = 0;
        for target in stops(request, first) {
            advance(engine, chunk, stage, done, target, &mut |s| consume(State::Progress { done: first, stage: s }))?;
            done = target;
            let Some((follow, frame)) = frame_at(request, first, target) else { continue };
            engine.run(finish, 1)?;
            let points = engine.read(&chunk.out.slice(0, &[follow.min(live), chunk.dim]))?;
            consume(State::Frame { frame, time: time_after(request.plan, target), points: &points })?;
        }
        engine.run(finish, 1)?;
        let points = engine.read(&chunk.out.slice(0, &[live, chunk.dim]))?;
        consume(State::Samples { first, points: &points })?;
        first += live as u32;
    }
    Ok(())
}

/// Stage counts to stop at in the chunk that begins with sample `first`; the last is the end.
fn stops(request: &Request<'_>, first: u32) -> Vec<usize> {
    let end = request.plan.stages.len();
    let mut stops: Vec<usize> = match (&request.follow, first) {
        (Some(f), 0) => f.stages.iter().copied().filter(|&s| s <= end).collect(),
        _ => Vec::new(),
    };
    if stops.last() != Some(&end) {
        stops.push(end);
    }
    stops
}

fn frame_at(request: &Request<'_>, first: u32, stage: usize) -> Option<(usize, usize)> {
    let follow = request.follow.as_ref().filter(|_| first == 0)?;
    follow.stages.iter().position(|&s| s == stage).map(|frame| (follow.paths, frame))
}

/// Runs stages `from..to` in pieces short enough that somebody may interrupt between them, in launches short enough that
/// no watchdog minds.
pub fn advance(
    engine: &mut dyn Engine,
    chunk: &Chunk,
    stage: ProgramId,
    from: usize,
    to: usize,
    progress: &mut dyn FnMut(usize) -> Result<()>,
) -> Result<()> {
    /// Aims in seconds: between looks at the outside world, and for a launch.
    const AIMS: [f64; 2] = [0.25, 0.05];
    let mut at = from;
    // the first stage compiles, and says how long one takes at most
    let (mut piece, mut stride) = (4, 1);
    while at < to {
        let each = stride.min(to - at);
        if chunk.most() > 1 {
            chunk.stride(engine, each)?;
        }
        let count = (piece.min(to - at) / each).max(1);
        let clock = std::time::Instant::now();
        engine.run(stage, count as u32)?;
        at += count * each;
        progress(at)?;
        let seconds = clock.elapsed().as_secs_f64().max(1e-4) / (count * each) as f64;
        [piece, stride] = AIMS.map(|aim| (aim / seconds) as usize);
        (piece, stride) = (piece.clamp(1, 4096), stride.clamp(1, chunk.most()));
    }
    Ok(())
}

/// `count` stage counts from 0 to `stages`, evenly spaced, each once.
pub fn frames(stages: usize, count: usize) -> Vec<usize> {
    let count = count.clamp(2, stages + 1);
    (0..count).map(|i| i * stages / (count - 1)).collect()
}
