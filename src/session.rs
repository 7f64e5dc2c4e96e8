//! A training as a run: data in, ticks, held-out losses beside their floor, checkpoints, logs; to be resumed at any kill.

use std::time::Instant;

use serde_json::json;

use crate::config::{Loaded, RunConfig};
use crate::error::{Error, Problem, Result};
use crate::io::RunDir;
use crate::model::ModelCard;
use crate::network::Network;
use crate::recording::Engine;
use crate::reference::BINS;
use crate::train::floor::{Floor, floor};
use crate::train::{CHUNK, HeldOut, Setup, State, Tick, Trainer};

/// A line for whoever watches.
pub enum Event<'a> {
    /// Some steps are done.
    Tick {
        /// What they reported.
        tick: &'a Tick,
        /// Steps a second over the tick.
        rate: f64,
    },
    /// A held-out loss was measured.
    HeldOut {
        /// Steps done.
        step: u32,
        /// The loss.
        held_out: &'a HeldOut,
        /// The exact floor on the same draws.
        floor: Option<&'a Floor>,
    },
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

/// Trains `config` on `engine` into `dir`, from `start` if given. `watch` hears of progress; `stop` is asked between
/// ticks and ends the training, after a checkpoint, with the error it gives.
pub fn train(
    engine: &mut dyn Engine,
    config: &RunConfig,
    loaded: &Loaded,
    dir: &mut RunDir,
    start: Option<&State>,
    watch: &mut dyn FnMut(Event<'_>),
    stop: &dyn Fn() -> Option<Error>,
) -> Result<Outcome> {
    let clock = Instant::now();
    let data = &loaded.data;
    let network = Network::new(&config.network, data.dim)?;
    let process = config.process.build()?;
    let card = card(config, loaded);
    let setup = Setup::new(&network, &process, data, &config.train, config.seed)?;
    let floor = data
        .truth
        .as_ref()
        .and_then(|t| t.oracle())
        .filter(|_| setup.draws > 0)
        .map(|oracle| floor(oracle, &data.held_out, &setup.table, setup.draws, config.seed));
    let times: Vec<f64> = setup.table.times.clone();
    let mut trainer = Trainer::new(engine, setup, config.seed)?;
    if let Some(state) = start {
        trainer.restore(state)?;
    }
    let mut run = Run {
        config,
        dir,
        card: &card,
        floor: floor.as_ref(),
        times: &times,
        clock,
        first_step: 0.0,
        pending: Pending::default(),
    };
    if start.is_none() {
        run.checkpoint(&mut trainer)?;
    }
    let held_out = run.steps(&mut trainer, watch, stop)?;
    let state = trainer.state()?;
    let (first_step, seconds) = (run.first_step, clock.elapsed().as_secs_f64());
    drop(trainer);
    Ok(Outcome { card, state, held_out, floor, seconds, first_step })
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

struct Run<'a> {
    config: &'a RunConfig,
    dir: &'a mut RunDir,
    card: &'a ModelCard,
    floor: Option<&'a Floor>,
    times: &'a [f64],
    clock: Instant,
    first_step: f64,
    pending: Pending,
}

/// Ticks that are too short for a line of the log of their own.
#[derive(Default)]
struct Pending {
    steps: u32,
    loss: f64,
    seconds: f64,
}

impl Run<'_> {
    fn steps(
        &mut self,
        trainer: &mut Trainer<'_>,
        watch: &mut dyn FnMut(Event<'_>),
        stop: &dyn Fn() -> Option<Error>,
    ) -> Result<Option<HeldOut>> {
        let options = &self.config.train;
        let mut last = None;
        let mut pace = 1u32;
        while trainer.step() < options.steps {
            let step = trainer.step();
            let until = |every: u32| every - step % every;
            let room =
                until(options.eval_interval()).min(until(options.checkpoint_interval())).min(options.steps - step);
            let clock = Instant::now();
            let tick = trainer.run(pace.min(room).min(CHUNK as u32))?;
            let seconds = clock.elapsed().as_secs_f64();
            let done = tick.step - step;
            if self.first_step == 0.0 {
                self.first_step = self.clock.elapsed().as_secs_f64();
            }
            // half a second a tick: often enough to be stopped, seldom enough to cost nothing
            pace = ((f64::from(done) * 0.5 / seconds.max(1e-6)) as u32).clamp(1, CHUNK as u32).min(pace * 8);
            watch(Event::Tick { tick: &tick, rate: f64::from(done) / seconds });
            self.log_tick(
                &tick,
                done,
                seconds,
                tick.step == options.steps || 2 * (done + self.pending.steps) >= pace.min(CHUNK as u32),
            )?;
            if tick.step % options.eval_interval() == 0 || tick.step == options.steps {
                last = self.evaluate(trainer, watch)?;
            }
            let stopped = if tick.step < options.steps { stop() } else { None };
            if tick.step % options.checkpoint_interval() == 0 || tick.step == options.steps || stopped.is_some() {
                self.checkpoint(trainer)?;
            }
            if let Some(why) = stopped {
                return Err(why);
            }
        }
        if last.is_none() {
            last = trainer.held_out()?;
        }
        Ok(last)
    }

    /// One line a half second or so; ticks cut short by an evaluation join the next.
    fn log_tick(&mut self, tick: &Tick, steps: u32, seconds: f64, whole: bool) -> Result<()> {
        let p = &mut self.pending;
        p.steps += steps;
        p.loss += tick.loss * f64::from(steps);
        p.seconds += seconds;
        if !whole {
            return Ok(());
        }
        let p = std::mem::take(p);
        let n = f64::from(p.steps);
        self.dir.append_jsonl(
            "train.jsonl",
            &json!({
                "step": tick.step, "loss/train": p.loss / n, "steps": p.steps, "grad/norm": tick.gradient_norm,
                "lr": tick.rate, "time/elapsed_s": self.clock.elapsed().as_secs_f64(), "time/steps_per_s": n / p.seconds,
            }),
        )
    }

    fn evaluate(&mut self, trainer: &mut Trainer<'_>, watch: &mut dyn FnMut(Event<'_>)) -> Result<Option<HeldOut>> {
        let Some(held_out) = trainer.held_out()? else { return Ok(None) };
        watch(Event::HeldOut { step: trainer.step(), held_out: &held_out, floor: self.floor });
        let edges: Vec<f64> = (0..BINS).map(|i| self.times[i * self.times.len() / BINS]).collect();
        let mut line = json!({
            "step": trainer.step(), "loss/held_out": held_out.loss, "draws": held_out.draws,
            "bins/from_time": edges, "bins/held_out": held_out.bins,
        });
        if let Some(f) = self.floor {
            line["loss/floor"] = json!(f.value);
            line["loss/floor_error"] = json!(f.error);
            line["bins/floor"] = json!(f.bins);
        }
        self.dir.append_jsonl("metrics.jsonl", &line)?;
        Ok(Some(held_out))
    }

    fn checkpoint(&mut self, trainer: &mut Trainer<'_>) -> Result<()> {
        let state = trainer.state()?;
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

/// Refuses to go on where the data or a frozen setting is no longer what it was; lists all differences at once.
pub fn same_run(before: &ModelCard, now: &ModelCard) -> Result<()> {
    let value = |c: &ModelCard| serde_json::to_value(c).unwrap_or_default();
    let (a, b) = (value(before), value(now));
    let mut differences = Vec::new();
    for (key, old) in a.as_object().into_iter().flatten() {
        let new = &b[key];
        if old != new {
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
            .hint("start a new run, or give back what the run was started with"),
    ))
}
