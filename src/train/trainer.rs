//! The training loop's engine room: state on the device, ticks of many steps, checkpoints.

use crate::error::{Error, Problem, Result};
use crate::network::Network;
use crate::process::Process;
use crate::recording::{Arena, Engine, KernelTime, ProgramId, Recording, Tensor};
use crate::reference::BINS;

use super::data::Dataset;
use super::options::TrainOptions;
use super::schedule;
use super::step::{self, CHUNK, Tensors};
use super::teacher::{Teacher, teacher};
use super::times::{TimeTable, training_table};

/// What a run of steps reported.
#[derive(Debug, Clone)]
pub struct Tick {
    /// Steps done in all.
    pub step: u32,
    /// Mean loss over the steps of the tick.
    pub loss: f64,
    /// Gradient norm of the last step, before clipping.
    pub gradient_norm: f64,
    /// Learning rate of the last step.
    pub rate: f64,
    /// (BINS) mean loss by time over the tick; NaN where no row fell.
    pub bins: Vec<f64>,
    /// Loss of every step of the tick.
    pub losses: Vec<f32>,
}

/// The held-out loss of the averaged weights.
#[derive(Debug, Clone)]
pub struct HeldOut {
    /// Mean over the draws.
    pub loss: f64,
    /// Number of draws.
    pub draws: usize,
    /// (BINS) means by time; NaN where no draw fell.
    pub bins: Vec<f64>,
}

/// Numbers of a training that a checkpoint keeps, one vector a group of the layout.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Steps done.
    pub step: u32,
    /// Live weights.
    pub weights: Vec<Vec<f32>>,
    /// Moving average, the weights that are used.
    pub average: Vec<Vec<f32>>,
    /// First moment of the optimiser.
    pub moment1: Vec<Vec<f32>>,
    /// Second moment of the optimiser.
    pub moment2: Vec<Vec<f32>>,
}

/// A training, planned: tensors, tables and recordings, on no engine yet.
pub struct Setup {
    /// The network to be trained.
    pub network: Network,
    /// Every buffer it needs.
    pub arena: Arena,
    /// Tables over the training times.
    pub table: TimeTable,
    /// Draws of a held-out pass; 0 when nothing is held out.
    pub draws: usize,
    tensors: Tensors,
    teacher: Option<Teacher>,
    options: TrainOptions,
    train: Vec<f32>,
    held_out: Vec<f32>,
    initial: State,
}

/// The buffers of a training, planned alone: quick, so that what does not fit is refused before the work begins.
pub fn needs(network: &Network, process: &Process, data: &Dataset, options: &TrainOptions) -> Result<Arena> {
    let mut arena = Arena::new();
    Tensors::new(&mut arena, network, options, data.rows(), data.held_out.len() / data.dim);
    if let Some(law) = teacher(options, data)? {
        let table = training_table(network, process, data.variance, options, 0)?;
        Teacher::new(&mut arena, &law, options.batch_size, process, &table.times);
    }
    Ok(arena)
}

impl Setup {
    /// Plans the training of `network` on `data`; the weights at step 0 are those of `seed`.
    pub fn new(
        network: &Network,
        process: &Process,
        data: &Dataset,
        options: &TrainOptions,
        seed: u64,
    ) -> Result<Self> {
        options.check()?;
        let held = data.held_out.len() / data.dim;
        let mut arena = Arena::new();
        let tensors = Tensors::new(&mut arena, network, options, data.rows(), held);
        let table = training_table(network, process, data.variance, options, seed)?;
        let law = teacher(options, data)?;
        let teacher = law.map(|law| Teacher::new(&mut arena, &law, options.batch_size, process, &table.times));
        let weights = network.initial(seed)?;
        let zeros: Vec<Vec<f32>> = weights.iter().map(|g| vec![0.0; g.len()]).collect();
        Ok(Self {
            table,
            teacher,
            // small held-out sets are gone through again with other times and noises
            draws: if held == 0 { 0 } else { held.clamp(4096, 16_384) },
            network: network.clone(),
            arena,
            tensors,
            options: options.clone(),
            train: data.train.clone(),
            held_out: data.held_out.clone(),
            initial: State { step: 0, average: weights.clone(), weights, moment1: zeros.clone(), moment2: zeros },
        })
    }

    /// One training step, and one held-out batch of `draws` draws in all.
    pub fn recordings(&self, seed: u64, draws: usize) -> Result<[Recording; 2]> {
        let step = step::training(&self.network, &self.options, &self.tensors, self.teacher.as_ref(), seed)?;
        Ok([step, step::held_out(&self.network, &self.options, &self.tensors, seed, draws)])
    }

    /// Every tensor, for tests.
    pub fn tensors(&self) -> &Tensors {
        &self.tensors
    }

    /// Uploads data, tables and initial weights to allocated tensors.
    pub fn upload(&self, engine: &mut dyn Engine) -> Result<()> {
        let t = &self.tensors;
        engine.write(&t.data, &self.train)?;
        if !self.held_out.is_empty() {
            engine.write(&t.held_out, &self.held_out)?;
        }
        engine.write(&t.coefficients, &self.table.coefficients)?;
        if !t.features.is_empty() {
            engine.write(&t.features, &self.table.features)?;
        }
        for (group, index) in t.mirror_index.iter().enumerate() {
            engine.write_u32(index, &self.network.layout.mirror_index(group))?;
        }
        // the parts of the partial gradients that no kernel writes (padding, frozen layers) must be zero
        for partials in &t.back.partials {
            engine.write(partials, &vec![0.0; partials.len()])?;
        }
        engine.write(&t.held_bins, &[0.0; 2 * BINS])?;
        engine.write_u32(&t.held_control, &[0; 8])?;
        if let Some(teacher) = &self.teacher {
            teacher.upload(engine)?;
        }
        self.restore(engine, &self.initial)
    }

    /// Uploads the state of a checkpoint.
    pub fn restore(&self, engine: &mut dyn Engine, state: &State) -> Result<()> {
        let t = &self.tensors;
        let sets = [(&t.weights.groups, &state.weights), (&t.average.groups, &state.average)];
        for (tensors, values) in sets {
            for (tensor, values) in tensors.iter().zip(values) {
                engine.write(tensor, values)?;
            }
        }
        for (tensor, (m1, m2)) in t.moments.iter().zip(state.moment1.iter().zip(&state.moment2)) {
            engine.write(tensor, &[m1.as_slice(), m2].concat())?;
        }
        for (group, tensor) in t.mirror.iter().enumerate() {
            engine.write(tensor, &self.network.layout.mirror(group, &state.weights[group]))?;
        }
        Ok(())
    }

    /// Makes ready for `steps` steps after step `step`: schedule, counters, empty loss bins.
    pub fn begin(&self, engine: &mut dyn Engine, step: u32, steps: u32) -> Result<()> {
        let mut rows = vec![0.0; 4 * CHUNK];
        for i in 0..steps {
            rows[4 * i as usize..][..4].copy_from_slice(&schedule::row(&self.options, step + i));
        }
        engine.write(&self.tensors.schedule, &rows)?;
        engine.write(&self.tensors.bins, &[0.0; 2 * BINS])?;
        engine.write_u32(&self.tensors.fault, &[0; 4])?;
        engine.write_u32(&self.tensors.control, &[step, step, 0, 0, 0, 0, 0, 0])
    }
}

/// A training on some engine.
pub struct Trainer<'e> {
    engine: &'e mut dyn Engine,
    /// The plan it follows.
    pub setup: Setup,
    program: ProgramId,
    held_program: ProgramId,
    step: u32,
}

impl<'e> Trainer<'e> {
    /// Allocates, uploads and compiles.
    pub fn new(engine: &'e mut dyn Engine, setup: Setup, seed: u64) -> Result<Self> {
        engine.allocate(&setup.arena)?;
        setup.upload(engine)?;
        let [step, held] = setup.recordings(seed, setup.draws)?;
        let program = engine.prepare(&step)?;
        let held_program = engine.prepare(&held)?;
        Ok(Self { engine, setup, program, held_program, step: 0 })
    }

    /// Steps done.
    pub fn step(&self) -> u32 {
        self.step
    }

    /// The engine, for work between ticks.
    pub fn engine(&mut self) -> &mut dyn Engine {
        self.engine
    }

    /// Kernel times of one step, where the device can tell.
    pub fn profile(&mut self) -> Result<Vec<KernelTime>> {
        self.setup.begin(self.engine, self.step, 1)?;
        let times = self.engine.profile(self.program)?;
        self.step += 1;
        Ok(times)
    }

    /// Runs up to `steps` steps (at most [`CHUNK`]) and reads the losses back.
    pub fn run(&mut self, steps: u32) -> Result<Tick> {
        let steps = steps.clamp(1, CHUNK as u32);
        self.setup.begin(self.engine, self.step, steps)?;
        self.engine.run(self.program, steps)?;
        let fault = self.engine.read_u32(&self.setup.tensors.fault)?[0];
        let history = self.engine.read(&self.setup.tensors.history)?;
        let history = &history[..4 * steps as usize];
        let losses: Vec<f32> = history.chunks(4).map(|r| r[0]).collect();
        if fault != 0 {
            return Err(self.diverged(fault - 1, &losses));
        }
        self.step += steps;
        let bins = self.engine.read(&self.setup.tensors.bins)?;
        let last = &history[history.len() - 4..];
        Ok(Tick {
            step: self.step,
            loss: losses.iter().map(|&l| f64::from(l)).sum::<f64>() / f64::from(steps),
            gradient_norm: f64::from(last[1]),
            rate: f64::from(last[3]),
            bins: means(&bins),
            losses,
        })
    }

    fn diverged(&self, step: u32, losses: &[f32]) -> Error {
        let at = step.saturating_sub(self.step) as usize;
        let before: Vec<String> = losses[at.saturating_sub(9).min(losses.len())..(at + 1).min(losses.len())]
            .iter()
            .map(|l| format!("{l:.3e}"))
            .collect();
        let rate = schedule::row(&self.setup.options, step)[0];
        Error::diverged(
            Problem::new(format!(
                "the training diverged at step {} (loss, gradient or weights are no longer finite)",
                step + 1
            ))
            .found(format!("losses {} at learning rate {rate:.1e}", before.join(", ")))
            .hint("the last checkpoint is finite; try a smaller --lr, a longer --warmup or --clip 1"),
        )
    }

    /// The held-out loss of the averaged weights; `None` when nothing is held out.
    pub fn held_out(&mut self) -> Result<Option<HeldOut>> {
        if self.setup.draws == 0 {
            return Ok(None);
        }
        self.engine.write(&self.setup.tensors.held_bins, &[0.0; 2 * BINS])?;
        self.engine.write_u32(&self.setup.tensors.held_control, &[0; 8])?;
        self.engine.run(self.held_program, self.setup.draws.div_ceil(self.setup.options.batch_size) as u32)?;
        let bins = self.engine.read(&self.setup.tensors.held_bins)?;
        let sum = |i: usize| bins.iter().skip(i).step_by(2).map(|&v| f64::from(v)).sum::<f64>();
        Ok(Some(HeldOut { loss: sum(0) / sum(1), draws: self.setup.draws, bins: means(&bins) }))
    }

    /// Everything a checkpoint keeps.
    pub fn state(&mut self) -> Result<State> {
        let t = &self.setup.tensors;
        let mut read =
            |tensors: &[Tensor]| -> Result<Vec<Vec<f32>>> { tensors.iter().map(|t| self.engine.read(t)).collect() };
        let (weights, average) = (read(&t.weights.groups)?, read(&t.average.groups)?);
        let halves = |m: Vec<f32>| (m[..m.len() / 2].to_vec(), m[m.len() / 2..].to_vec());
        let (moment1, moment2) = read(&t.moments)?.into_iter().map(halves).unzip();
        Ok(State { step: self.step, weights, average, moment1, moment2 })
    }

    /// Continues from a state, bit for bit.
    pub fn restore(&mut self, state: &State) -> Result<()> {
        self.setup.restore(self.engine, state)?;
        self.step = state.step;
        Ok(())
    }
}

impl Drop for Trainer<'_> {
    fn drop(&mut self) {
        self.engine.release(&self.setup.arena);
    }
}

/// Sums and counts to means.
fn means(bins: &[f32]) -> Vec<f64> {
    bins.chunks(2).map(|b| f64::from(b[0]) / f64::from(b[1])).collect()
}
