//! Faults of the device and of the disk, at every place where they can strike: each is an error, and nothing is harmed.

use std::cell::Cell;
use std::path::Path;

use scorefield::config::{self, DataOptions, RunConfig};
use scorefield::error::{Error, Problem, Result};
use scorefield::io::{Checkpoint, RunDir};
use scorefield::network::NetworkOptions;
use scorefield::recording::{Arena, Engine, Held, KernelTime, ProgramId, Recording, Tensor};
use scorefield::reference::Reference;
use scorefield::session::{self, Job};
use scorefield::train::TrainOptions;

/// The reference, which has no memory left at its k-th allocation, and from then on.
struct Starved {
    inner: Reference,
    left: Cell<usize>,
}

impl Starved {
    fn with(allocations: usize) -> Self {
        Self { inner: Reference::default(), left: Cell::new(allocations) }
    }
    /// Counts one allocation.
    fn allocates(&self) -> Result<()> {
        match self.left.get() {
            0 => Err(Error::device(Problem::new("the device has no room"))),
            left => {
                self.left.set(left - 1);
                Ok(())
            }
        }
    }
}

impl Engine for Starved {
    fn describe(&self) -> String {
        self.inner.describe()
    }
    fn check(&self, arena: &Arena) -> Result<()> {
        self.inner.check(arena)
    }
    fn allocate(&mut self, arena: &Arena) -> Result<()> {
        // one buffer after the other, as a device does it
        for _ in &arena.buffers {
            self.allocates()?;
        }
        self.inner.allocate(arena)
    }
    fn release(&mut self, arena: &Arena) {
        self.inner.release(arena);
    }
    fn write(&mut self, tensor: &Tensor, data: &[f32]) -> Result<()> {
        self.inner.write(tensor, data)
    }
    fn write_u32(&mut self, tensor: &Tensor, data: &[u32]) -> Result<()> {
        self.inner.write_u32(tensor, data)
    }
    fn read(&mut self, tensor: &Tensor) -> Result<Vec<f32>> {
        self.inner.read(tensor)
    }
    fn read_u32(&mut self, tensor: &Tensor) -> Result<Vec<u32>> {
        self.inner.read_u32(tensor)
    }
    fn prepare(&mut self, recording: &Recording) -> Result<ProgramId> {
        // a program has buffers of parameters of its own
        self.allocates()?;
        self.inner.prepare(recording)
    }
    fn run(&mut self, program: ProgramId, times: u32) -> Result<()> {
        self.inner.run(program, times)
    }
    fn wait(&mut self) -> Result<()> {
        self.inner.wait()
    }
    fn held(&self) -> Held {
        self.inner.held()
    }
    fn profile(&mut self, program: ProgramId) -> Result<Vec<KernelTime>> {
        self.inner.profile(program)
    }
}

fn config(steps: u32) -> RunConfig {
    RunConfig {
        source: "moons".into(),
        data: DataOptions { n: Some(60), ..DataOptions::default() },
        network: NetworkOptions { hidden: "4".into(), features: 2, ..NetworkOptions::default() },
        train: TrainOptions { steps, batch_size: 8, eval_every: Some(2), ..TrainOptions::default() },
        ..RunConfig::default()
    }
}

/// Trains into `out` for `steps`, going on where a run is.
fn train(engine: &mut dyn Engine, out: &Path, steps: u32) -> Result<()> {
    let config = config(steps);
    let loaded = config::load(&config)?;
    let (mut dir, start) = if out.exists() {
        let mut dir = RunDir::open(&out.display().to_string())?;
        dir.lock()?;
        let (_, _, state, _) = session::resume(&dir)?;
        (dir, Some(state))
    } else {
        let dir = RunDir::create(Some(out), "", false)?;
        dir.write_text("config.toml", &config.to_toml()?)?;
        (dir, None)
    };
    let job = Job { config: &config, loaded: &loaded, dir: &mut dir, start: start.as_ref() };
    session::train(engine, job, &mut |_| {}, &|| None).map(|_| ())
}

#[test]
fn case_111_a_device_without_room_at_any_allocation_is_an_error_and_the_checkpoint_stays_good() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("run");
    train(&mut Reference::default(), &out, 4).unwrap();
    let checkpoint = out.join("checkpoints/000000004.safetensors");
    let before = std::fs::read(&checkpoint).unwrap();
    let mut refused = 0;
    for allocations in 0.. {
        match train(&mut Starved::with(allocations), &out, 8) {
            Ok(()) => break,
            Err(e) => assert_eq!(e.exit_code(), 5, "at allocation {allocations}: {e}"),
        }
        refused += 1;
        assert!(std::fs::read(&checkpoint).unwrap() == before, "allocation {allocations} changed the checkpoint");
        Checkpoint::load(&checkpoint).unwrap();
        let torn = std::fs::read_dir(out.join("checkpoints")).unwrap().count();
        assert_eq!(torn, 2, "allocation {allocations} left something: 0 and 4 are there");
    }
    assert!(refused > 10, "only {refused} allocations were tried");
    assert!(out.join("checkpoints/000000008.safetensors").exists(), "the last one had enough");
}
