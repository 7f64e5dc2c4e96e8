//! A training as a run, or an ensemble of runs side by side: data in, ticks, held-out losses beside their floor,
//! checkpoints, logs; to be resumed at any kill.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::config::{Loaded, RunConfig};
use crate::error::{Error, Problem, Result};
use crate::io::{self, RunDir};
use crate::model::ModelCard;
use crate::network::Network;
use crate::recording::Engine;
use crate::reference::BINS;
use crate::train::floor::{Floor, floor};
use crate::train::times::TimeTable;
use crate::train::{CHUNK, HeldOut, Setup, State, Tick, TrainOptions, Trainer};

/// A line for whoever watches.
pub enum Event<'a> {
    /// Some steps are done.
    Tick {
        /// Steps done in all.
        step: u32,
        /// Mean loss over the steps, and over the members of an ensemble.
        loss: f64,
        /// Steps a second over the tick.
        rate: f64,
    },
    /// Held-out losses were measured.
    HeldOut {
        /// Steps done.
        step: u32,
        /// The loss of each member.
        held_out: &'a [HeldOut],
        /// The exact floor of each member on the same draws.
        floors: Vec<Option<&'a Floor>>,
    },
    /// The ensemble has too many members for the kernels that each would run with alone: it rounds otherwise.
    Crowded,
    /// The disk is full, and the training waits for room.
    Waiting {
        /// What could not be written.
        problem: &'a Problem,
        /// How long it will still wait.
        left: Duration,
    },
}

/// One network to be trained, and where it goes. The jobs of an ensemble differ in their seeds only.
pub struct Job<'a> {
    /// What to train.
    pub config: &'a RunConfig,
    /// On what.
    pub loaded: &'a Loaded,
    /// Where its files go.
    pub dir: &'a mut RunDir,
    /// Where to go on from.
    pub start: Option<&'a State>,
}

/// What a finished training leaves.
pub struct Outcome {
    /// The model.
    pub card: ModelCard,
    /// Final state.
    pub state: State,
    /// Last held-out loss.
    pub held_out: Option<HeldOut>,
    /// Its floor.
    pub floor: Option<Floor>,
    /// Seconds of this process.
    pub seconds: f64,
    /// Time from start to the end of the first step, seconds.
    pub first_step: f64,
}

/// Trains one job. `watch` hears of progress; `stop` is asked between ticks and ends the training, after a checkpoint,
/// with the error it gives.
pub fn train(
    engine: &mut dyn Engine,
    job: Job<'_>,
    watch: &mut dyn FnMut(Event<'_>),
    stop: &dyn Fn() -> Option<Error>,
) -> Result<Outcome> {
    train_ensemble(engine, vec![job], watch, stop)?.remove(0)
}

/// Trains all jobs side by side, in the same dispatches; each gives what it would give alone. A job that diverges ends
/// with an error of its own.
pub fn train_ensemble(
    engine: &mut dyn Engine,
    jobs: Vec<Job<'_>>,
    watch: &mut dyn FnMut(Event<'_>),
    stop: &dyn Fn() -> Option<Error>,
) -> Result<Vec<Result<Outcome>>> {
    let clock = Instant::now();
    let Some(first) = jobs.first() else { return Ok(Vec::new()) };
    let options = first.config.train.clone();
    let network = Network::new(&first.config.network, first.loaded.data.dim)?;
    let process = first.config.process.build()?;
    let members: Vec<_> = jobs.iter().map(|j| (&j.loaded.data, j.config.seed)).collect();
    let setup = Setup::ensemble(&network, &process, &members, &options)?;
    let states: Vec<State> = jobs.iter().filter_map(|j| j.start.cloned()).collect();
    let mut runs: Vec<Run<'_>> =
        jobs.into_iter().zip(&setup.tables).map(|(job, table)| Run::new(job, table, setup.draws)).collect();
    let mut trainer = Trainer::new(engine, setup)?;
    if trainer.setup.differs_alone() {
        watch(Event::Crowded);
    }
    if states.is_empty() {
        for (m, run) in runs.iter_mut().enumerate() {
            patiently(watch, stop, &mut || run.checkpoint(&mut trainer, m))?;
        }
    } else {
        trainer.restore(&states)?;
    }
    let mut drive = Drive { options: &options, clock, first_step: 0.0 };
    let mut held_out = drive.steps(&mut trainer, &mut runs, watch, stop)?.into_iter();
    let seconds = clock.elapsed().as_secs_f64();
    let outcome = |(m, run): (usize, Run<'_>)| -> Result<Result<Outcome>> {
        let last = held_out.next();
        if let Some(why) = run.fault {
            return Ok(Err(why));
        }
        let state = trainer.state_of(m)?;
        let first_step = drive.first_step;
        Ok(Ok(Outcome { card: run.card, state, held_out: last, floor: run.floor, seconds, first_step }))
    };
    runs.into_iter().enumerate().map(outcome).collect()
}

/// The description of the model that a configuration and its data make.
pub fn card(config: &RunConfig, loaded: &Loaded) -> ModelCard {
    let data = &loaded.data;
    ModelCard {
        dim: data.dim,
        network: config.network.clone(),
        process: config.process.clone(),
        variance: data.variance,
        shift: data.shift.clone(),
        scale: data.scale.clone(),
        seed: config.seed,
        source: config.source.clone(),
        rows: data.rows(),
        data_sha256: loaded.sha256.clone(),
        schema: loaded.schema.clone(),
    }
}

/// One member of a training, with its files.
struct Run<'a> {
    dir: &'a mut RunDir,
    card: ModelCard,
    floor: Option<Floor>,
    times: Vec<f64>,
    pending: Pending,
    fault: Option<Error>,
}

/// Ticks that are too short for a line of the log of their own.
#[derive(Default)]
struct Pending {
    steps: u32,
    loss: f64,
    seconds: f64,
}

/// The loop over all members.
struct Drive<'a> {
    options: &'a TrainOptions,
    clock: Instant,
    first_step: f64,
}

impl Drive<'_> {
    fn steps(
        &mut self,
        trainer: &mut Trainer<'_>,
        runs: &mut [Run<'_>],
        watch: &mut dyn FnMut(Event<'_>),
        stop: &dyn Fn() -> Option<Error>,
    ) -> Result<Vec<HeldOut>> {
        let options = self.options;
        let mut last = Vec::new();
        let mut pace = 1u32;
        while trainer.step() < options.steps {
            let step = trainer.step();
            let until = |every: u32| every - step % every;
            let room =
                until(options.eval_interval()).min(until(options.checkpoint_interval())).min(options.steps - step);
            let clock = Instant::now();
            let ticks = trainer.run_all(pace.min(room).min(CHUNK as u32))?;
            let seconds = clock.elapsed().as_secs_f64();
            if trainer.step() == step {
                // every member has diverged; the first to say so speaks for them
                return ticks.into_iter().find_map(Result::err).map_or(Ok(last), Err);
            }
            let step_now = trainer.step();
            let done = step_now - step;
            if self.first_step == 0.0 {
                self.first_step = self.clock.elapsed().as_secs_f64();
            }
            // half a second a tick: often enough to be stopped, seldom enough to cost nothing
            pace = ((f64::from(done) * 0.5 / seconds.max(1e-6)) as u32).clamp(1, CHUNK as u32).min(pace * 8);
            let well: Vec<f64> = ticks.iter().flatten().map(|t| t.loss).collect();
            let loss = well.iter().sum::<f64>() / well.len() as f64;
            watch(Event::Tick { step: step_now, loss, rate: f64::from(done) / seconds });
            for (run, tick) in runs.iter_mut().zip(ticks) {
                match tick {
                    Ok(tick) => {
                        let whole = 2 * (done + run.pending.steps) >= pace.min(CHUNK as u32);
                        let whole = whole || step_now == options.steps;
                        let line = run.tick_line(&tick, done, seconds, whole, self.clock);
                        if let Some(line) = line {
                            patiently(watch, stop, &mut || run.dir.append_jsonl("train.jsonl", &line))?;
                        }
                    }
                    Err(why) => run.fault = run.fault.take().or(Some(why)),
                }
            }
            if step_now.is_multiple_of(options.eval_interval()) || step_now == options.steps {
                last = evaluate(trainer, runs, watch, stop)?;
            }
            let stopped = if step_now < options.steps { stop() } else { None };
            if step_now.is_multiple_of(options.checkpoint_interval()) || step_now == options.steps || stopped.is_some()
            {
                for (m, run) in runs.iter_mut().enumerate().filter(|(_, run)| run.fault.is_none()) {
                    patiently(watch, stop, &mut || run.checkpoint(trainer, m))?;
                }
            }
            if let Some(why) = stopped {
                return Err(why);
            }
        }
        if last.is_empty() {
            last = trainer.held_out()?;
        }
        Ok(last)
    }
}

/// How long a training waits for room on the disk, and how long between two tries.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_secs(10);

/// Writes, and where the disk is full tries again for a while: what was trained is still in memory, and space may be freed.
/// Whoever stops the training ends the waiting, with the failure.
fn patiently<T>(
    watch: &mut dyn FnMut(Event<'_>),
    stop: &dyn Fn() -> Option<Error>,
    write: &mut dyn FnMut() -> Result<T>,
) -> Result<T> {
    let clock = Instant::now();
    loop {
        let failure = match write() {
            Err(e) if io::is_full(&e) && clock.elapsed() < PATIENCE => e,
            done => return done,
        };
        watch(Event::Waiting { problem: failure.problem(), left: PATIENCE.saturating_sub(clock.elapsed()) });
        let pause = Instant::now();
        while pause.elapsed() < PAUSE {
            if stop().is_some() {
                return Err(failure);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// Measures the held-out losses and writes them down.
fn evaluate(
    trainer: &mut Trainer<'_>,
    runs: &mut [Run<'_>],
    watch: &mut dyn FnMut(Event<'_>),
    stop: &dyn Fn() -> Option<Error>,
) -> Result<Vec<HeldOut>> {
    let held_out = trainer.held_out()?;
    if held_out.is_empty() {
        return Ok(held_out);
    }
    let step = trainer.step();
    watch(Event::HeldOut { step, held_out: &held_out, floors: runs.iter().map(|r| r.floor.as_ref()).collect() });
    for (run, held_out) in runs.iter_mut().zip(&held_out).filter(|(run, _)| run.fault.is_none()) {
        patiently(watch, stop, &mut || run.log_held_out(step, held_out))?;
    }
    Ok(held_out)
}

impl<'a> Run<'a> {
    fn new(job: Job<'a>, table: &TimeTable, draws: usize) -> Self {
        let (data, seed) = (&job.loaded.data, job.config.seed);
        let oracle = data.truth.as_ref().and_then(|t| t.oracle()).filter(|_| draws > 0);
        Self {
            floor: oracle.map(|oracle| floor(oracle, &data.held_out, table, draws, seed)),
            card: card(job.config, job.loaded),
            dir: job.dir,
            times: table.times.clone(),
            pending: Pending::default(),
            fault: None,
        }
    }

    /// One line a half second or so; ticks cut short by an evaluation join the next.
    fn tick_line(&mut self, tick: &Tick, steps: u32, seconds: f64, whole: bool, clock: Instant) -> Option<Value> {
        let p = &mut self.pending;
        p.steps += steps;
        p.loss += tick.loss * f64::from(steps);
        p.seconds += seconds;
        if !whole {
            return None;
        }
        let p = std::mem::take(p);
        let n = f64::from(p.steps);
        Some(json!({
            "step": tick.step, "loss/train": p.loss / n, "steps": p.steps, "grad/norm": tick.gradient_norm,
            "lr": tick.rate, "time/elapsed_s": clock.elapsed().as_secs_f64(), "time/steps_per_s": n / p.seconds,
        }))
    }

    fn log_held_out(&self, step: u32, held_out: &HeldOut) -> Result<()> {
        let edges: Vec<f64> = (0..BINS).map(|i| self.times[i * self.times.len() / BINS]).collect();
        let mut line = json!({
            "step": step, "loss/held_out": held_out.loss, "draws": held_out.draws,
            "bins/from_time": edges, "bins/held_out": held_out.bins,
        });
        if let Some(f) = &self.floor {
            line["loss/floor"] = json!(f.value);
            line["loss/floor_error"] = json!(f.error);
            line["bins/floor"] = json!(f.bins);
        }
        self.dir.append_jsonl("metrics.jsonl", &line)
    }

    fn checkpoint(&mut self, trainer: &mut Trainer<'_>, member: usize) -> Result<()> {
        let state = trainer.state_of(member)?;
        let checkpoint = self.card.checkpoint(&state)?;
        self.dir.save_checkpoint(u64::from(state.step), &checkpoint)?;
        Ok(())
    }
}

/// Finds where a run stopped: its configuration and the state to go on from.
pub fn resume(dir: &RunDir) -> Result<(RunConfig, ModelCard, State, Vec<String>)> {
    let config = RunConfig::from_toml(&dir.config())?;
    let (_, path, checkpoint, notes) = dir.latest_checkpoint()?;
    let place = path.display().to_string();
    let card = ModelCard::of(&checkpoint, &place)?;
    let state = card.state(&checkpoint, &place)?;
    Ok((config, card, state, notes))
}

/// What of a model follows from its data.
const OF_DATA: [&str; 6] = ["rows", "data-sha256", "schema", "variance", "shift", "scale"];

/// Lets a run go on with other rows of the same columns, in the units of the model as it is.
pub fn adopt(before: &ModelCard, loaded: &mut Loaded) -> Result<()> {
    let names = |schema: &Option<io::Schema>| schema.as_ref().map(io::Schema::encoded_names);
    let (then, now) = (names(&before.schema), names(&loaded.schema));
    if then != now || loaded.data.dim != before.dim || loaded.data.truth.is_some() {
        let words = |n: Option<Vec<String>>| n.map_or("no columns of a file".into(), |n| n.join(", "));
        let problem = Problem::new("a run can go on with other rows, but not with other columns or words");
        return Err(Error::checkpoint(problem.at(&loaded.data.name).found(words(now)).expected(words(then))));
    }
    loaded.data.adopt(&before.shift, &before.scale);
    loaded.data.variance = before.variance;
    Ok(())
}

/// Refuses to go on where the data, unless they `may_change`, or a frozen setting is no longer what it was; lists all
/// differences at once.
pub fn same_run(before: &ModelCard, now: &ModelCard, may_change: bool) -> Result<()> {
    let value = |c: &ModelCard| serde_json::to_value(c).unwrap_or_default();
    let (a, b) = (value(before), value(now));
    let mut differences = Vec::new();
    for (key, old) in a.as_object().into_iter().flatten() {
        let new = &b[key];
        if old != new && !(may_change && OF_DATA.contains(&key.as_str())) {
            let said = format!("{key} was {old}, is now {new}");
            // long lists of numbers follow from what is short
            differences.push(if said.len() <= 200 { said } else { format!("{key} differs") });
        }
    }
    if differences.is_empty() {
        return Ok(());
    }
    Err(Error::checkpoint(
        Problem::new("the run cannot be continued with other data or another model")
            .found(differences.join("; "))
            .hint("give back what the run was started with; --data-changed-ok goes on with other rows"),
    ))
}
