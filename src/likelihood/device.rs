//! Networks, by recordings: the state by `sampler/stage`, the divergence by the way back through the network.

use super::{Carried, Carrier};
use crate::error::{Error, Problem, Result};
use crate::process::{FlowPlan, Process};
use crate::recording::{Arena, Dispatch, Engine, PANEL, ProgramId, Recording, Tensor, Work, pad};
use crate::sample::{STAGE, packed};
use crate::score::{AnyScore, BoundFlow, Probe, Reverse, Score};

/// The most dimensions in which divergences are exact: each costs one way back through the network per evaluation.
pub const MOST_EXACT: usize = 64;
/// The most probes.
pub const MOST_PROBES: usize = 64;
/// Stages between two looks at whether to stop.
const STRETCH: u32 = 24;

/// How the divergence of the score is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Divergence {
    /// All unit vectors.
    Exact,
    /// So many vectors of random signs a row, the same at all times (Grathwohl et al. 2019).
    Hutchinson {
        /// K, at least 2.
        probes: usize,
    },
}

/// Points of a differentiable score on an engine.
pub struct Device<'a> {
    /// What runs it.
    pub engine: &'a mut dyn Engine,
    /// The score.
    pub score: &'a AnyScore,
    /// How its divergence is found.
    pub divergence: Divergence,
    /// Seed of the probes.
    pub seed: u64,
    /// Rows on the device at a time; changes nothing but memory and speed.
    pub chunk: usize,
    /// Hears (what, rows done) and may end the work.
    pub watch: &'a mut dyn FnMut(&str, usize) -> Result<()>,
}

/// The tensors of one chunk.
struct Chunk {
    rows: usize,
    dim: usize,
    kept: usize,
    given: Tensor,
    x: Tensor,
    base: Tensor,
    history: Tensor,
    scores: Tensor,
    stages: Tensor,
    weights: Tensor,
    control: Tensor,
    units: Tensor,
    /// (K, B)
    sums: Tensor,
    out: Tensor,
    flow: Box<dyn BoundFlow>,
}

impl Chunk {
    fn new(arena: &mut Arena, score: &dyn Score, plan: &FlowPlan, rows: usize, probes: usize) -> Result<Self> {
        let (dim, kept) = (score.dim(), plan.history());
        let times: Vec<f64> = plan.stages.iter().map(|s| s.time).collect();
        let flow = score.bind_flow(arena, rows, &times)?.ok_or_else(|| {
            let problem = Problem::new("this score does not know its derivatives");
            Error::usage(problem.expected("a trained network, or an exact or empirical law"))
        })?;
        Ok(Self {
            rows,
            dim,
            kept,
            given: arena.f32("points", &[rows, dim]),
            x: arena.panel("state", rows, dim),
            base: arena.panel("state at the start of the step", rows, dim),
            history: arena.panel("earlier slopes", rows, dim * kept.max(1)),
            scores: arena.panel("scores", rows, dim),
            stages: arena.f32("stages", &[plan.stages.len(), STAGE]),
            weights: arena.f32("weights of divergences", &[plan.stages.len()]),
            control: arena.u32("control", &[4]),
            units: arena.f32("units", &[2, dim]),
            sums: arena.f32("sums of divergences", &[probes, pad(rows, PANEL)]),
            out: arena.f32("points at the end", &[rows, dim]),
            flow,
        })
    }

    fn upload(&self, engine: &mut dyn Engine, plan: &FlowPlan) -> Result<()> {
        let stages: Vec<f32> = plan.stages.iter().flat_map(packed).map(|v| v as f32).collect();
        engine.write(&self.stages, &stages)?;
        engine.write(&self.weights, &plan.weights.iter().map(|w| *w as f32).collect::<Vec<_>>())?;
        engine.write(&self.units, &[vec![0.0; self.dim], vec![1.0; self.dim]].concat())?;
        engine.write(&self.history, &vec![0.0; self.history.len()])?;
        self.flow.upload(engine)
    }

    /// Rows to the state.
    fn begin(&self) -> Recording {
        let mut rec = Recording::new("start of the flow");
        for x in [&self.x, &self.base] {
            let items = pad(self.rows, PANEL) * pad(self.dim, 8);
            rec.push(
                Dispatch::new("layout/to_panels", Work::Items(items))
                    .bind("rows", &self.given)
                    .bind("x", x)
                    .param("rows", self.rows)
                    .param("dim", self.dim),
            );
        }
        rec
    }

    /// One stage: scores, divergences, the affine map, the count.
    fn stage(&self, probes: &[Probe]) -> Recording {
        let mut rec = Recording::new("stage of the flow");
        self.flow.record(&mut rec, &self.x, &self.control, &self.scores);
        let rows = pad(self.rows, PANEL);
        for (i, probe) in probes.iter().enumerate() {
            // unit vectors add up in one column
            let column = if probe.signs.is_some() { i } else { 0 };
            let sums = self.sums.slice(column * rows, &[rows]);
            self.flow.record_divergence(&mut rec, *probe, &self.control, &self.weights, &sums);
        }
        let (stages, control, x, base, history) = (&self.stages, &self.control, &self.x, &self.base, &self.history);
        let state = Reverse { stages, control, x, base, history, kept: self.kept, seed: 0 };
        state.record_stage(&mut rec, &self.scores, rows, self.dim);
        rec.push(Dispatch::new("sampler/advance", Work::Groups(1)).bind("control", &self.control));
        rec
    }

    /// The state to rows.
    fn end(&self) -> Recording {
        let mut rec = Recording::new("end of the flow");
        rec.push(
            Dispatch::new("layout/to_rows", Work::Items(self.rows * self.dim))
                .bind("x", &self.x)
                .bind("units", &self.units)
                .bind("rows", &self.out)
                .param("rows", self.rows)
                .param("dim", self.dim),
        );
        rec
    }
}

impl Device<'_> {
    fn probes(&self) -> Vec<Probe> {
        match self.divergence {
            Divergence::Exact => (0..self.score.dim()).map(|number| Probe { number, signs: None }).collect(),
            Divergence::Hutchinson { probes } => {
                (0..probes).map(|number| Probe { number, signs: Some(self.seed) }).collect()
            }
        }
    }

    /// Takes one chunk of points, row `first` the first of them, through all stages.
    fn piece(&mut self, chunk: &Chunk, programs: &[ProgramId; 3], stages: usize, task: Task<'_>) -> Result<()> {
        let mut padded = task.points.to_vec();
        padded.resize(chunk.rows * chunk.dim, 0.0);
        self.engine.write(&chunk.given, &padded)?;
        self.engine.write(&chunk.sums, &vec![0.0; chunk.sums.len()])?;
        self.engine.write_u32(&chunk.control, &[0, task.first as u32, 0, 0])?;
        self.engine.run(programs[0], 1)?;
        let rows = task.points.len() / chunk.dim;
        let mut done = 0;
        while done < stages as u32 {
            let now = STRETCH.min(stages as u32 - done);
            self.engine.run(programs[1], now)?;
            done += now;
            (self.watch)(task.what, task.first + rows * done as usize / stages)?;
        }
        self.engine.run(programs[2], 1)?;
        let out = self.engine.read(&chunk.out)?;
        task.into.points.extend(out[..task.points.len()].iter().map(|v| f64::from(*v)));
        let sums = self.engine.read(&chunk.sums)?;
        let (columns, stride) = (chunk.sums.shape[0], chunk.sums.shape[1]);
        for row in 0..rows {
            task.into.sums.extend((0..columns).map(|k| f64::from(sums[k * stride + row])));
        }
        Ok(())
    }
}

/// A piece of the points and where its results go.
struct Task<'a> {
    points: &'a [f32],
    first: usize,
    what: &'a str,
    into: &'a mut Carried,
}

impl Carrier for Device<'_> {
    fn dim(&self) -> usize {
        self.score.dim()
    }

    fn process(&self) -> &Process {
        &self.score.process
    }

    fn carry(&mut self, points: &[f32], plan: &FlowPlan, what: &str) -> Result<Carried> {
        let dim = self.score.dim();
        let rows = (points.len() / dim).clamp(1, self.chunk);
        let probes = self.probes();
        let columns = if self.divergence == Divergence::Exact { 1 } else { probes.len() };
        let mut arena = Arena::new();
        let chunk = Chunk::new(&mut arena, self.score, plan, rows, columns)?;
        self.engine.check(&arena)?;
        self.engine.allocate(&arena)?;
        let mut into = Carried { points: Vec::new(), sums: Vec::new(), probes: columns };
        let mut run = || -> Result<()> {
            chunk.upload(self.engine, plan)?;
            let mut prepare = |rec| self.engine.prepare(&rec);
            let programs = [prepare(chunk.begin())?, prepare(chunk.stage(&probes))?, prepare(chunk.end())?];
            for (i, piece) in points.chunks(rows * dim).enumerate() {
                let task = Task { points: piece, first: i * rows, what, into: &mut into };
                self.piece(&chunk, &programs, plan.stages.len(), task)?;
            }
            Ok(())
        };
        let outcome = run();
        self.engine.release(&arena);
        outcome.map(|()| into)
    }
}

/// Fills the tensors of a chunk.
pub type Upload = Box<dyn Fn(&mut dyn Engine) -> Result<()>>;

/// The recordings of one chunk, for the self-test: begin, two stages, end. The arena has what they need.
pub fn recordings(
    arena: &mut Arena,
    score: &dyn Score,
    plan: &FlowPlan,
    rows: usize,
    probes: &[Probe],
) -> Result<(Upload, Vec<Recording>)> {
    let chunk = Chunk::new(arena, score, plan, rows, probes.len())?;
    let recordings = vec![chunk.begin(), chunk.stage(probes), chunk.stage(probes), chunk.end()];
    let plan = plan.clone();
    let upload = move |engine: &mut dyn Engine| -> Result<()> {
        chunk.upload(engine, &plan)?;
        let spread = |i: usize| ((i * 7919 % 1000) as f32 / 250.0) - 2.0;
        engine.write(&chunk.given, &(0..chunk.given.len()).map(spread).collect::<Vec<_>>())?;
        engine.write(&chunk.sums, &vec![0.0; chunk.sums.len()])?;
        engine.write_u32(&chunk.control, &[0, 5, 0, 0])
    };
    Ok((Box::new(upload), recordings))
}
