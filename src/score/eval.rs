//! Scores and log densities of given points at given times, for pictures and metrics.

use super::{BoundScore, Score};
use crate::error::{Error, Problem, Result};
use crate::recording::{Arena, Dispatch, Engine, PANEL, ProgramId, Recording, Tensor, Work, pad};

/// Points on the device at a time.
const CHUNK: usize = 16_384;

/// Scores (n, D) and log densities (n; empty where the score knows none) at one time.
type Answer = (Vec<f32>, Vec<f32>);

/// Scores of `points` (n, D) at each of `times`: one (n, D) array a time. Model units.
pub fn scores(engine: &mut dyn Engine, score: &dyn Score, points: &[f32], times: &[f64]) -> Result<Vec<Vec<f32>>> {
    Ok(ask(engine, score, points, times)?.into_iter().map(|(scores, _)| scores).collect())
}

/// Log densities of `points` (n, D) at each of `times`: one (n) array a time, nats, model units. Refuses a score that
/// knows no density.
pub fn log_densities(
    engine: &mut dyn Engine,
    score: &dyn Score,
    points: &[f32],
    times: &[f64],
) -> Result<Vec<Vec<f32>>> {
    let answers = ask(engine, score, points, times)?;
    if !points.is_empty() && answers.iter().any(|(_, logs)| logs.is_empty()) {
        let problem = Problem::new("this score knows no density").expected("an exact or empirical score");
        return Err(Error::usage(problem));
    }
    Ok(answers.into_iter().map(|(_, logs)| logs).collect())
}

fn ask(engine: &mut dyn Engine, score: &dyn Score, points: &[f32], times: &[f64]) -> Result<Vec<Answer>> {
    let dim = score.dim();
    let rows = (points.len() / dim).clamp(1, CHUNK);
    let asker = Asker::new(engine, score, rows, times)?;
    let mut run = || -> Result<Vec<Answer>> {
        let mut all = vec![(Vec::with_capacity(points.len()), Vec::new()); times.len()];
        for piece in points.chunks(rows * dim) {
            asker.give(engine, piece)?;
            for (i, (scores, logs)) in all.iter_mut().enumerate() {
                scores.extend(asker.scores(engine, i, piece.len())?);
                if let Some(tensor) = asker.bound.log_density() {
                    logs.extend_from_slice(&engine.read(tensor)?[..piece.len() / dim]);
                }
            }
        }
        Ok(all)
    };
    let outcome = run();
    asker.done(engine);
    outcome
}

/// A score made ready to be asked many times, about other points at other times of one table.
pub struct Asker {
    arena: Arena,
    bound: Box<dyn BoundScore>,
    given: Tensor,
    control: Tensor,
    out: Tensor,
    program: ProgramId,
}

impl Asker {
    /// Allocates, uploads and compiles, for at most `rows` points at a time.
    pub fn new(engine: &mut dyn Engine, score: &dyn Score, rows: usize, times: &[f64]) -> Result<Self> {
        let dim = score.dim();
        let mut arena = Arena::new();
        let given = arena.f32("points", &[rows, dim]);
        let x = arena.panel("points", rows, dim);
        let s = arena.panel("scores", rows, dim);
        let out = arena.f32("scores", &[rows, dim]);
        let units = arena.f32("units", &[2, dim]);
        let control = arena.u32("control", &[4]);
        let bound = score.bind(&mut arena, rows, times)?;
        engine.allocate(&arena)?;
        let mut prepare = || -> Result<ProgramId> {
            bound.upload(engine)?;
            engine.write(&units, &[vec![0.0; dim], vec![1.0; dim]].concat())?;
            let mut rec = Recording::new("scores of points");
            let layout =
                |kernel, items| Dispatch::new(kernel, Work::Items(items)).param("rows", rows).param("dim", dim);
            rec.push(layout("layout/to_panels", pad(rows, PANEL) * pad(dim, 8)).bind("rows", &given).bind("x", &x));
            bound.record(&mut rec, &x, &control, &s);
            rec.push(layout("layout/to_rows", rows * dim).bind("x", &s).bind("units", &units).bind("rows", &out));
            engine.prepare(&rec)
        };
        match prepare() {
            Ok(program) => Ok(Self { arena, bound, given, control, out, program }),
            Err(why) => {
                engine.release(&arena);
                Err(why)
            }
        }
    }

    /// Uploads points (n, D), at most as many as there is room for.
    pub fn give(&self, engine: &mut dyn Engine, points: &[f32]) -> Result<()> {
        let mut padded = points.to_vec();
        padded.resize(self.given.len(), 0.0);
        engine.write(&self.given, &padded)
    }

    /// The first `len` numbers of the scores (n, D) of the points that were given, at time number `index`.
    pub fn scores(&self, engine: &mut dyn Engine, index: usize, len: usize) -> Result<Vec<f32>> {
        self.again(engine, index, 1)?;
        let mut all = engine.read(&self.out)?;
        all.truncate(len);
        Ok(all)
    }

    /// Computes the scores at time number `index`, `times` times over, and leaves them on the device.
    pub fn again(&self, engine: &mut dyn Engine, index: usize, times: u32) -> Result<()> {
        engine.write_u32(&self.control, &[index as u32, 0, 0, 0])?;
        engine.run(self.program, times)?;
        engine.wait()
    }

    /// Frees what was allocated.
    pub fn done(&self, engine: &mut dyn Engine) {
        engine.release(&self.arena);
    }
}
