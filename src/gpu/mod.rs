//! Executes recordings on a device. The only room that names wgpu; it knows nothing of diffusion.
//!
//! [`adapter`] chooses, [`linker`] and [`reflect`] turn shader files into interfaces, [`Gpu`] holds tensors and runs
//! programs. Kernels exist in families where devices differ (see [`Gpu::uses`]); all else is one file for all.

pub mod adapter;
mod awake;
mod families;
pub mod linker;
mod program;
mod readback;
pub mod reflect;
mod repeat;

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, Problem, Result};
use crate::recording::{Arena, BufferId, Element, Engine, Held, KernelTime, Kernels, ProgramId, Recording, Tensor};
pub use adapter::{AdapterLine, Choice, PANEL_BUFFERS, adapters};
pub use families::{FAMILIES, Family, NARROW, PRECISIONS, Use};
use linker::Embedded;
use program::{Pipeline, Program};

/// Set by the device's callbacks, looked at after every poll.
#[derive(Default)]
struct Health {
    lost: Mutex<Option<String>>,
    fault: Mutex<Option<String>>,
}

fn peek(cell: &Mutex<Option<String>>) -> Option<String> {
    cell.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// What was asked of a device since it was opened, so that a change of structure is seen without a clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Submissions of programs; uploads and readbacks are not among them.
    pub submissions: u64,
    /// Kernels launched by those submissions.
    pub launches: u64,
    /// Tensors read back.
    pub readbacks: u64,
}

/// A device with its tensors and programs.
pub struct Gpu {
    device: wgpu::Device,
    queue: wgpu::Queue,
    line: AdapterLine,
    uses: Use,
    health: Arc<Health>,
    buffers: HashMap<BufferId, (wgpu::Buffer, String)>,
    pipelines: HashMap<String, Arc<Pipeline>>,
    programs: Vec<Program>,
    readback: readback::Readback,
    timestamps: bool,
    awake: awake::Awake,
    counts: Counts,
    timeout: Option<Duration>,
    hung: Cell<bool>,
    told: fn(Duration),
}

impl Gpu {
    /// Opens the device the user asked for.
    pub fn open(choice: &Choice) -> Result<Self> {
        let before = awake::threads();
        let adapter = adapter::choose(choice)?;
        let line = AdapterLine::of(&adapter);
        let offered = adapter.features();
        // only what is used is asked for, and only where it is offered
        let wanted = adapter::PANELS | wgpu::Features::TIMESTAMP_QUERY | wgpu::Features::SHADER_F16;
        let matrices = choice.matrices && line.matrices;
        let features = offered & if matrices { wanted | adapter::MATRICES } else { wanted };
        let has = adapter.limits();
        let limits = wgpu::Limits {
            max_buffer_size: has.max_buffer_size,
            max_storage_buffer_binding_size: has.max_storage_buffer_binding_size,
            max_storage_buffers_per_shader_stage: has.max_storage_buffers_per_shader_stage.min(adapter::PANEL_BUFFERS),
            ..wgpu::Limits::default().or_worse_values_from(&has)
        };
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("scorefield"),
            required_features: features,
            required_limits: limits,
            experimental_features: if matrices {
                // SAFETY: what may go wrong with experimental features are faults of wgpu; who asks for `--family matrix`
                // accepts them, and its first results are held against those of other kernels
                unsafe { wgpu::ExperimentalFeatures::enabled() }
            } else {
                wgpu::ExperimentalFeatures::disabled()
            },
            ..Default::default()
        };
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor))
            .map_err(|e| Error::device(Problem::new(format!("the device refused to open: {e}")).at(&line)))?;
        let health = Arc::new(Health::default());
        watch(&device, &health);
        let readback = readback::Readback::new(&device);
        Ok(Self {
            timestamps: features.contains(wgpu::Features::TIMESTAMP_QUERY),
            device,
            queue,
            awake: awake::Awake::of(line.is_software(), &before),
            uses: line.uses(),
            line,
            health,
            buffers: HashMap::new(),
            pipelines: HashMap::new(),
            programs: Vec::new(),
            readback,
            counts: Counts::default(),
            timeout: choice.timeout,
            hung: Cell::new(false),
            told: |_| {},
        })
    }

    /// What `devices` prints of the adapter in use.
    pub fn adapter(&self) -> &AdapterLine {
        &self.line
    }

    /// Calls `told` with the time that passed whenever the device was waited for another ten seconds.
    pub fn tell_waiting(&mut self, told: fn(Duration)) {
        self.told = told;
    }

    /// What was asked of the device so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The kernels in use.
    pub fn uses(&self) -> Use {
        self.uses
    }

    /// Uses one family for everything; refused where the device cannot run it.
    pub fn force_family(&mut self, name: &str) -> Result<()> {
        self.adopt(Use::of_family(name)?)
    }

    /// Uses the kernels that were found to be the fastest; refused where the device cannot run them.
    pub fn adopt(&mut self, choice: Use) -> Result<()> {
        if choice.layered == "panel" && !self.line.panels {
            return Err(Error::device(
                Problem::new("kernel family `panel` needs subgroups of exactly 8 lanes and 64-bit integers")
                    .found(format!("subgroups of {:?}, features {:?}", self.line.subgroup, self.device.features())),
            ));
        }
        if choice.layered == "matrix" && !self.device.features().contains(adapter::MATRICES) {
            return Err(Error::device(
                Problem::new(
                    "kernel family `matrix` needs subgroups of 32 lanes and cooperative matrices of 16 x 16 f16",
                )
                .found(&self.line)
                .hint("`--precision f16` needs neither"),
            ));
        }
        if choice.layered == "half" && !self.line.halves {
            return Err(Error::device(
                Problem::new("kernel family `half` (--precision f16) needs a device with 16-bit numbers in shaders")
                    .found(&self.line)
                    .hint("leave --precision out: f32 runs everywhere"),
            ));
        }
        self.uses = choice;
        Ok(())
    }

    /// Loses the device on purpose, so that tests can see what follows.
    pub fn destroy_for_test(&self) {
        self.device.destroy();
    }

    /// Fails when the device was lost or reported a fault since it was opened.
    fn healthy(&self) -> Result<()> {
        if peek(&self.health.fault).is_some() && peek(&self.health.lost).is_none() {
            // commands to a lost device are refused before its loss is told, which happens in a poll only
            let _ = self.device.poll(wgpu::PollType::Poll);
        }
        if let Some(why) = peek(&self.health.lost) {
            return Err(Error::lost(
                Problem::new(format!("the device was lost: {why}"))
                    .at(&self.line)
                    .hint("the last checkpoint is good; run again with --resume"),
            ));
        }
        match peek(&self.health.fault) {
            Some(what) => Err(Error::bug(Problem::new(format!("the device refused a command: {what}")).at(&self.line))),
            None => Ok(()),
        }
    }

    /// Waits for a submission, however long the device takes, as long as it lives.
    fn wait_for(&self, index: Option<wgpu::SubmissionIndex>) -> Result<()> {
        const SLICE: Duration = Duration::from_secs(10);
        let patience = self.timeout.or((!self.line.is_software()).then_some(Duration::from_secs(120)));
        let begun = Instant::now();
        loop {
            let left = patience.map_or(SLICE, |p| p.saturating_sub(begun.elapsed()));
            let timeout = Some(left.clamp(Duration::from_millis(1), SLICE));
            let poll = wgpu::PollType::Wait { submission_index: index.clone(), timeout };
            match self.device.poll(poll) {
                Ok(_) => return self.healthy(),
                Err(wgpu::PollError::Timeout) if patience.is_none_or(|p| begun.elapsed() < p) => self.healthy()?,
                Err(wgpu::PollError::Timeout) => {
                    self.hung.set(true);
                    let problem = Problem::new("the device does not answer").at(&self.line);
                    let problem = problem.found(format!("nothing for {:.1} s", begun.elapsed().as_secs_f64()));
                    return Err(Error::lost(
                        problem.hint("the last checkpoint is good; --device-timeout SECONDS waits longer"),
                    ));
                }
                Err(e) => {
                    return Err(Error::lost(Problem::new(format!("the device does not answer: {e}")).at(&self.line)));
                }
            }
            (self.told)(begun.elapsed());
        }
    }

    fn buffer(&self, tensor: &Tensor) -> Result<&wgpu::Buffer> {
        self.buffers
            .get(&tensor.buffer)
            .map(|(b, _)| b)
            .ok_or_else(|| Error::bug(Problem::new(format!("tensor {} was never allocated", tensor.label))))
    }

    fn write_bytes(&mut self, tensor: &Tensor, element: Element, bytes: &[u8]) -> Result<()> {
        if tensor.element != element || bytes.len() != 4 * tensor.len() {
            return Err(Error::bug(Problem::new(format!(
                "{} bytes written to tensor {} of shape {:?} and kind {:?}",
                bytes.len(),
                tensor.label,
                tensor.shape,
                tensor.element
            ))));
        }
        // staging memory is only returned when a submission completes, so large uploads go piece by piece
        const PIECE: usize = 16 << 20;
        let at = 4 * tensor.offset as u64;
        for (i, piece) in bytes.chunks(PIECE).enumerate() {
            let buffer = self.buffer(tensor)?;
            self.queue.write_buffer(buffer, at + (i * PIECE) as u64, piece);
            if bytes.len() > PIECE {
                let index = self.queue.submit([]);
                self.wait_for(Some(index))?;
            }
        }
        self.healthy()
    }

    fn read_bytes(&mut self, tensor: &Tensor, element: Element) -> Result<Vec<u8>> {
        if tensor.element != element {
            return Err(Error::bug(Problem::new(format!("tensor {} read as the other kind", tensor.label))));
        }
        let source = self.buffer(tensor)?.clone();
        self.counts.readbacks += 1;
        let index = self.readback.submit(
            &self.device,
            &self.queue,
            &source,
            4 * tensor.offset as u64,
            4 * tensor.len() as u64,
        )?;
        self.wait_for(Some(index))?;
        self.readback.take(4 * tensor.len()).map_err(|what| Error::lost(Problem::new(what).at(&self.line)))
    }

    /// The pipeline of a kernel with its slots, compiled on first use.
    fn pipeline(&mut self, kernel: &str, slots: &[(&str, &str)]) -> Result<Arc<Pipeline>> {
        let key = format!("{kernel}{slots:?}{}", self.uses.layered);
        if let Some(ready) = self.pipelines.get(&key) {
            return Ok(ready.clone());
        }
        let made = Arc::new(Pipeline::new(&self.device, &Embedded, kernel, slots, self.uses.layered)?);
        self.healthy()?;
        self.pipelines.insert(key, made.clone());
        Ok(made)
    }
}

/// Refuses tensors beyond what one binding may hold, or beyond 32-bit byte offsets.
fn room(arena: &Arena, most: u64) -> Result<(), Problem> {
    let most = most.min(1 << 31);
    match arena.buffers.iter().find(|b| 4 * b.len as u64 > most) {
        None => Ok(()),
        Some(b) => Err(Problem::new(format!("{} does not fit this device", b.label))
            .found(format!("{} MiB", b.len >> 18))
            .expected(format!("at most {} MiB in one tensor", most >> 20))
            .hint("a smaller --batch-size, --chunk, --hidden or --n makes it fit")),
    }
}

impl Drop for Gpu {
    fn drop(&mut self) {
        // closing a device waits for it, and one that hangs would keep the process for ever
        if self.hung.get() {
            std::mem::forget((self.device.clone(), self.queue.clone()));
            ABANDONED.store(true, Ordering::Relaxed);
        }
    }
}

/// Whether a device that did not answer was left behind.
static ABANDONED: AtomicBool = AtomicBool::new(false);

/// The exit code of the process, for which it ends here and now if a device was left behind: threads of its driver still run,
/// and a driver that is compiling while the destructors of an ordinary exit take its tables away dies of it.
pub fn leave(code: u8) -> u8 {
    #[cfg(target_os = "linux")]
    if ABANDONED.load(Ordering::Relaxed) {
        use std::io::Write;
        let _ = (std::io::stdout().flush(), std::io::stderr().flush());
        // SAFETY: nothing of this process runs after it, and what it wrote to files was closed by its owners before
        unsafe { libc::_exit(i32::from(code)) }
    }
    code
}

fn watch(device: &wgpu::Device, health: &Arc<Health>) {
    let lost = health.clone();
    device.set_device_lost_callback(move |reason, message| {
        *lost.lost.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(format!("{reason:?} {message}").trim().to_string());
    });
    let fault = health.clone();
    device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
        let mut cell = fault.fault.lock().unwrap_or_else(PoisonError::into_inner);
        // the first fault is the cause, the later ones its consequences
        cell.get_or_insert_with(|| error.to_string());
    }));
}

impl Engine for Gpu {
    fn describe(&self) -> String {
        format!("{}, kernels: {}", self.line, self.uses)
    }

    fn kernels(&self, width: usize) -> Kernels {
        match (self.uses.fused[usize::from(width > NARROW)], self.uses.layered) {
            (false, _) => Kernels::Layered,
            (true, "panel") => Kernels::FusedPanel,
            (true, _) => Kernels::Fused,
        }
    }

    fn rounding(&self) -> f64 {
        // f16 has 11 binary digits
        if FAMILIES.iter().any(|f| f.name == self.uses.layered && f.halves) { 0.5f64.powi(11) } else { 0.0 }
    }

    fn check(&self, arena: &Arena) -> Result<()> {
        let limits = self.device.limits();
        let most = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        room(arena, most).map_err(|problem| Error::device(problem.at(&self.line)))
    }

    fn allocate(&mut self, arena: &Arena) -> Result<()> {
        self.check(arena)?;
        for b in &arena.buffers {
            let scope = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
            let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(&b.label),
                size: 4 * b.len.next_multiple_of(4) as u64,
                usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            });
            if let Some(e) = pollster::block_on(scope.pop()) {
                return Err(Error::device(
                    Problem::new(format!("the device has no room for {} ({} MiB): {e}", b.label, b.len >> 18))
                        .at(&self.line),
                ));
            }
            self.buffers.insert(b.id, (buffer, b.label.clone()));
        }
        self.healthy()
    }

    fn release(&mut self, arena: &Arena) {
        for b in &arena.buffers {
            self.buffers.remove(&b.id);
        }
    }

    fn write(&mut self, tensor: &Tensor, data: &[f32]) -> Result<()> {
        self.write_bytes(tensor, Element::F32, bytemuck::cast_slice(data))
    }

    fn write_u32(&mut self, tensor: &Tensor, data: &[u32]) -> Result<()> {
        self.write_bytes(tensor, Element::U32, bytemuck::cast_slice(data))
    }

    fn read(&mut self, tensor: &Tensor) -> Result<Vec<f32>> {
        Ok(bytemuck::pod_collect_to_vec(&self.read_bytes(tensor, Element::F32)?))
    }

    fn read_u32(&mut self, tensor: &Tensor) -> Result<Vec<u32>> {
        Ok(bytemuck::pod_collect_to_vec(&self.read_bytes(tensor, Element::U32)?))
    }

    fn prepare(&mut self, recording: &Recording) -> Result<ProgramId> {
        let program = Program::new(self, recording)?;
        self.healthy()?;
        self.programs.push(program);
        Ok(ProgramId(self.programs.len() - 1))
    }

    fn run(&mut self, program: ProgramId, times: u32) -> Result<()> {
        let mut pace = self.programs[program.0].pace;
        let outcome = program::run(self, program, times, &mut pace);
        self.programs[program.0].pace = pace;
        outcome
    }

    fn wait(&mut self) -> Result<()> {
        self.wait_for(None)
    }

    fn held(&self) -> Held {
        let tensors = self.buffers.values().map(|(b, _)| b.size()).sum();
        Held { tensors, reserved: self.device.generate_allocator_report().map(|r| r.total_reserved_bytes) }
    }

    fn profile(&mut self, program: ProgramId) -> Result<Vec<KernelTime>> {
        if !self.timestamps {
            return Err(Error::device(Problem::new("the device takes no timestamps").at(&self.line)));
        }
        program::profile(self, program)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tensor_is_refused_exactly_when_it_is_beyond_the_limit() {
        // the least that WebGPU promises, what software devices have, and more than 32-bit offsets reach
        for most in [128u64 << 20, (128 << 20) - 4, 2147483647, 1 << 33] {
            let last = (most.min(1 << 31) / 4) as usize;
            for (numbers, fits) in [(1, true), (last, true), (last + 1, false)] {
                let mut arena = Arena::default();
                arena.f32("small", &[3]);
                arena.f32("points", &[numbers]);
                let said = room(&arena, most);
                assert_eq!(said.is_ok(), fits, "{numbers} numbers of {most} bytes");
                if let Err(problem) = said {
                    let text = problem.to_string();
                    assert!(text.contains("points does not fit") && text.contains("in one tensor"), "{text}");
                }
            }
        }
    }
}
