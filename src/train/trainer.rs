//! The training loop's engine room: state on the device, ticks of many steps, checkpoints.

use crate::error::{Error, Problem, Result};
use crate::network::Network;
use crate::process::Process;
use crate::recording::{Arena, Engine, KernelTime, Kernels, ProgramId, Recording, Tensor};
use crate::reference::BINS;

use super::data::Dataset;
use super::fused::Fused;
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

/// A training, planned: tensors, tables and recordings, on no engine yet. An ensemble trains several networks of one
/// shape side by side in the same dispatches, each as it would be trained alone, byte for byte.
pub struct Setup {
    /// The network to be trained.
    pub network: Network,
    /// Every buffer it needs.
    pub arena: Arena,
    /// Tables over the training times, one a member.
    pub tables: Vec<TimeTable>,
    /// Draws of a held-out pass; 0 when nothing is held out.
    pub draws: usize,
    tensors: Tensors,
    teachers: Vec<Teacher>,
    fused: Option<Fused>,
    splits: bool,
    options: TrainOptions,
    members: Vec<Member>,
}

/// What a member of an ensemble brings along.
struct Member {
    train: Vec<f32>,
    held_out: Vec<f32>,
    seed: u64,
    initial: State,
}

/// The buffers of a training of `members` networks, planned alone: quick, so that what does not fit is refused before
/// the work begins.
pub fn needs(
    network: &Network,
    process: &Process,
    data: &Dataset,
    options: &TrainOptions,
    members: usize,
) -> Result<Arena> {
    let mut arena = Arena::ensemble(members);
    Tensors::new(&mut arena, network, options, data.rows(), data.held_out.len() / data.dim)?;
    if let Some(law) = teacher(options, data)? {
        let table = training_table(network, process, data.variance, options, 0)?;
        let mut own = Arena::new();
        Teacher::new(&mut own, &law, options.batch_size, process, &table.times);
        (0..members).for_each(|_| arena.buffers.extend(own.buffers.iter().cloned()));
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
        Self::ensemble(network, process, &[(data, seed)], options)
    }

    /// Plans the training of one network for each (data, seed); all data must have the same number of rows.
    pub fn ensemble(
        network: &Network,
        process: &Process,
        members: &[(&Dataset, u64)],
        options: &TrainOptions,
    ) -> Result<Self> {
        options.check()?;
        let Some((first, _)) = members.first() else {
            return Err(Error::bug(Problem::new("an ensemble without members")));
        };
        let (rows, held) = (first.rows(), first.held_out.len() / first.dim);
        if members.iter().any(|(d, _)| (d.rows(), d.held_out.len() / d.dim) != (rows, held)) {
            return Err(Error::bug(Problem::new("members of an ensemble have data of different lengths")));
        }
        let mut arena = Arena::ensemble(members.len());
        let tensors = Tensors::new(&mut arena, network, options, rows, held)?;
        let table = |(data, seed): &(&Dataset, u64)| training_table(network, process, data.variance, options, *seed);
        let member = |(data, seed): &(&Dataset, u64)| -> Result<Member> {
            let weights = network.initial(*seed)?;
            let zeros: Vec<Vec<f32>> = weights.iter().map(|g| vec![0.0; g.len()]).collect();
            let average = weights.clone();
            let initial = State { step: 0, average, weights, moment1: zeros.clone(), moment2: zeros };
            Ok(Member { train: data.train.clone(), held_out: data.held_out.clone(), seed: *seed, initial })
        };
        let tables: Vec<TimeTable> = members.iter().map(table).collect::<Result<_>>()?;
        let mut teachers = Vec::new();
        for ((data, _), table) in members.iter().zip(&tables) {
            if let Some(law) = teacher(options, data)? {
                // each member has a law of its own, so each is taught by itself
                let mut own = Arena::new();
                teachers.push(Teacher::new(&mut own, &law, options.batch_size, process, &table.times));
                arena.buffers.extend(own.buffers);
            }
        }
        Ok(Self {
            tables,
            teachers,
            // small held-out sets are gone through again with other times and noises
            draws: if held == 0 { 0 } else { held.clamp(4096, 16_384) },
            network: network.clone(),
            arena,
            tensors,
            fused: None,
            splits: false,
            options: options.clone(),
            members: members.iter().map(member).collect::<Result<_>>()?,
        })
    }

    /// The same training by other kernels, where they can: fused ones only hold plain networks, and no loss but that of
    /// the noise.
    pub fn with(mut self, kernels: Kernels) -> Self {
        let plain = self.teachers.is_empty() && self.tensors.tangents.is_none();
        if self.fused.is_none() && plain {
            self.fused = Fused::plan(&mut self.arena, &self.network, &self.options, kernels);
            self.splits = self.fused.is_none() && Fused::fits(&self.network, &self.options, kernels, 1);
        }
        if self.fused.is_some() {
            // the held-out loss goes layer by layer, but only forth
            let idle = self.tensors.back.own();
            self.arena.buffers.retain(|b| idle.iter().all(|t| t.buffer != b.id));
        }
        self
    }

    /// Whether this ensemble runs layer by layer only because it has many members: alone, each would run fused, and round
    /// otherwise.
    pub fn differs_alone(&self) -> bool {
        self.splits
    }

    /// The kernels of a training step.
    pub fn kernels(&self) -> Kernels {
        self.fused.as_ref().map_or(Kernels::Layered, Fused::kernels)
    }

    /// One training step, and one held-out batch of `draws` draws in all.
    pub fn recordings(&self, draws: usize) -> Result<[Recording; 2]> {
        let step = step::training(&self.network, &self.options, &self.tensors, &self.teachers, self.fused.as_ref())?;
        Ok([step, step::held_out(&self.network, &self.options, &self.tensors, draws)])
    }

    /// Every tensor, for tests.
    pub fn tensors(&self) -> &Tensors {
        &self.tensors
    }

    /// Uploads data, tables and initial weights to allocated tensors.
    pub fn upload(&self, engine: &mut dyn Engine) -> Result<()> {
        let t = &self.tensors;
        for (group, index) in t.mirror_index.iter().enumerate() {
            engine.write_u32(index, &self.network.layout.mirror_index(group))?;
        }
        for (m, (member, table)) in self.members.iter().zip(&self.tables).enumerate() {
            engine.write(&t.data.of_member(m), &member.train)?;
            if !member.held_out.is_empty() {
                engine.write(&t.held_out.of_member(m), &member.held_out)?;
            }
            engine.write(&t.coefficients.of_member(m), &table.coefficients)?;
            engine.write(&t.features.of_member(m), &table.input_rows(self.network.dim))?;
            engine.write_u32(&t.seeds.of_member(m), &[member.seed as u32, (member.seed >> 32) as u32])?;
            if let Some(fused) = &self.fused {
                fused.upload(engine, &self.network, m, table)?;
                let words = fused.words(&self.network, member.seed);
                engine.write_u32(&t.control.of_member(m).slice(8, &[words.len()]), &words)?;
            } else {
                // the parts of the partial gradients that no kernel writes (padding, frozen layers) must be zero
                for partials in &t.back.partials {
                    engine.write(&partials.of_member(m), &vec![0.0; partials.len()])?;
                }
            }
            self.restore(engine, m, &member.initial)?;
        }
        self.teachers.iter().try_for_each(|teacher| teacher.upload(engine))?;
        self.begin_held_out(engine)
    }

    /// Makes ready for a held-out pass.
    fn begin_held_out(&self, engine: &mut dyn Engine) -> Result<()> {
        for m in 0..self.members.len() {
            engine.write(&self.tensors.held_bins.of_member(m), &[0.0; 2 * BINS])?;
            engine.write_u32(&self.tensors.held_control.of_member(m), &[0; 8])?;
        }
        Ok(())
    }

    /// Uploads the state of a checkpoint to one member.
    pub fn restore(&self, engine: &mut dyn Engine, member: usize, state: &State) -> Result<()> {
        let t = &self.tensors;
        let sets = [(&t.weights.groups, &state.weights), (&t.average.groups, &state.average)];
        for (tensors, values) in sets {
            for (tensor, values) in tensors.iter().zip(values) {
                engine.write(&tensor.of_member(member), values)?;
            }
        }
        for (tensor, (m1, m2)) in t.moments.iter().zip(state.moment1.iter().zip(&state.moment2)) {
            engine.write(&tensor.of_member(member), &[m1.as_slice(), m2].concat())?;
        }
        for (group, tensor) in t.mirror.iter().enumerate() {
            let values = self.network.layout.mirror(group, &state.weights[group]);
            engine.write(&tensor.of_member(member), &values)?;
        }
        Ok(())
    }

    /// Makes ready for `steps` steps after step `step`: schedule, counters, empty loss bins. Members with a fault (1 + the
    /// step that diverged) are left as they are.
    pub fn begin(&self, engine: &mut dyn Engine, step: u32, steps: u32, faults: &[u32]) -> Result<()> {
        let t = &self.tensors;
        let mut rows = vec![0.0; 4 * CHUNK];
        for i in 0..steps {
            rows[4 * i as usize..][..4].copy_from_slice(&schedule::row(&self.options, step + i));
        }
        engine.write(&t.schedule, &rows)?;
        for m in 0..self.members.len() {
            let fault = faults.get(m).copied().unwrap_or(0);
            engine.write(&t.bins.of_member(m), &[0.0; 2 * BINS])?;
            engine.write_u32(&t.fault.of_member(m), &[fault, 0, 0, 0])?;
            engine.write_u32(&t.control.of_member(m).slice(0, &[8]), &[step, step, fault, 0, 0, 0, 0, 0])?;
        }
        Ok(())
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
    /// 0, or 1 + the step in which a member diverged; it stands still from there on.
    faults: Vec<u32>,
}

impl<'e> Trainer<'e> {
    /// Allocates, uploads and compiles, with the kernels that the engine runs fastest.
    pub fn new(engine: &'e mut dyn Engine, setup: Setup) -> Result<Self> {
        let kernels = engine.kernels(setup.network.widest());
        let setup = setup.with(kernels);
        engine.allocate(&setup.arena)?;
        setup.upload(engine)?;
        let [step, held] = setup.recordings(setup.draws)?;
        let program = engine.prepare(&step)?;
        let held_program = engine.prepare(&held)?;
        let faults = vec![0; setup.members.len()];
        Ok(Self { engine, setup, program, held_program, step: 0, faults })
    }

    /// Steps done.
    pub fn step(&self) -> u32 {
        self.step
    }

    /// Networks in training.
    pub fn members(&self) -> usize {
        self.faults.len()
    }

    /// The engine, for work between ticks.
    pub fn engine(&mut self) -> &mut dyn Engine {
        self.engine
    }

    /// Kernel times of one step, where the device can tell.
    pub fn profile(&mut self) -> Result<Vec<KernelTime>> {
        self.setup.begin(self.engine, self.step, 1, &self.faults)?;
        let times = self.engine.profile(self.program)?;
        self.step += 1;
        Ok(times)
    }

    /// Runs up to `steps` steps (at most [`CHUNK`]) of a single network and reads the losses back.
    pub fn run(&mut self, steps: u32) -> Result<Tick> {
        self.run_all(steps)?.remove(0)
    }

    /// Runs up to `steps` steps (at most [`CHUNK`]) of all members and reads their losses back. A member that diverged
    /// reports it and stands still; the steps count as long as one member is well.
    pub fn run_all(&mut self, steps: u32) -> Result<Vec<Result<Tick>>> {
        let steps = steps.clamp(1, CHUNK as u32);
        self.setup.begin(self.engine, self.step, steps, &self.faults)?;
        self.engine.run(self.program, steps)?;
        let before = self.faults.clone();
        for m in 0..self.members() {
            self.faults[m] = self.engine.read_u32(&self.setup.tensors.fault.of_member(m))?[0];
        }
        let outcome = (0..self.members()).map(|m| self.tick(m, steps, before[m])).collect::<Result<_>>()?;
        if self.faults.contains(&0) {
            self.step += steps;
        } else {
            // nobody is left to go on; what was before may be tried again
            self.faults = before;
        }
        Ok(outcome)
    }

    fn tick(&mut self, member: usize, steps: u32, before: u32) -> Result<Result<Tick>> {
        let history = self.engine.read(&self.setup.tensors.history.of_member(member))?;
        let history = &history[..4 * steps as usize];
        let losses: Vec<f32> = history.chunks(4).map(|r| r[0]).collect();
        let fault = self.faults[member];
        if fault != 0 {
            // losses are only those of the run in which it happened
            return Ok(Err(self.diverged(fault - 1, if before == 0 { &losses } else { &[] })));
        }
        let bins = self.engine.read(&self.setup.tensors.bins.of_member(member))?;
        let last = &history[history.len() - 4..];
        Ok(Ok(Tick {
            step: self.step + steps,
            loss: losses.iter().map(|&l| f64::from(l)).sum::<f64>() / f64::from(steps),
            gradient_norm: f64::from(last[1]),
            rate: f64::from(last[3]),
            bins: means(&bins),
            losses,
        }))
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

    /// The held-out loss of each member's averaged weights; empty when nothing is held out.
    pub fn held_out(&mut self) -> Result<Vec<HeldOut>> {
        if self.setup.draws == 0 {
            return Ok(Vec::new());
        }
        self.setup.begin_held_out(self.engine)?;
        self.engine.run(self.held_program, self.setup.draws.div_ceil(self.setup.options.batch_size) as u32)?;
        let mut all = Vec::with_capacity(self.members());
        for m in 0..self.members() {
            let bins = self.engine.read(&self.setup.tensors.held_bins.of_member(m))?;
            let sum = |i: usize| bins.iter().skip(i).step_by(2).map(|&v| f64::from(v)).sum::<f64>();
            all.push(HeldOut { loss: sum(0) / sum(1), draws: self.setup.draws, bins: means(&bins) });
        }
        Ok(all)
    }

    /// Everything a checkpoint of a single network keeps.
    pub fn state(&mut self) -> Result<State> {
        self.state_of(0)
    }

    /// Everything a checkpoint of one member keeps.
    pub fn state_of(&mut self, member: usize) -> Result<State> {
        let t = &self.setup.tensors;
        let mut read = |tensors: &[Tensor]| -> Result<Vec<Vec<f32>>> {
            tensors.iter().map(|t| self.engine.read(&t.of_member(member))).collect()
        };
        let (weights, average) = (read(&t.weights.groups)?, read(&t.average.groups)?);
        let halves = |m: Vec<f32>| (m[..m.len() / 2].to_vec(), m[m.len() / 2..].to_vec());
        let (moment1, moment2) = read(&t.moments)?.into_iter().map(halves).unzip();
        Ok(State { step: self.step, weights, average, moment1, moment2 })
    }

    /// Continues from the state of each member, bit for bit; all must be at the same step.
    pub fn restore(&mut self, states: &[State]) -> Result<()> {
        if states.len() != self.members() || states.iter().any(|s| s.step != states[0].step) {
            return Err(Error::bug(Problem::new("states of an ensemble that do not belong together")));
        }
        for (m, state) in states.iter().enumerate() {
            self.setup.restore(self.engine, m, state)?;
        }
        self.step = states[0].step;
        self.faults.fill(0);
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
