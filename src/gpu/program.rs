//! Pipelines, and recordings made ready: everything created once, encoded many times, submitted in bounded pieces.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::Gpu;
use super::linker::{self, Source};
use super::reflect::{self, Interface};
use crate::error::{Error, Problem, Result};
use crate::recording::{Command, Dispatch, KernelTime, ProgramId, Recording, Work};

/// Aim for the duration of one submission in seconds: far below any watchdog, far above the cost of submitting.
const AIM: f64 = 0.05;
/// A shader with its layout.
pub struct Pipeline {
    raw: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
    pub interface: Interface,
    pub label: String,
}

impl Pipeline {
    /// Links, reflects and compiles one kernel.
    pub fn new(
        device: &wgpu::Device,
        source: &dyn Source,
        kernel: &str,
        slots: &[(&str, &str)],
        family: &str,
    ) -> Result<Self> {
        let linked = linker::link(source, kernel, slots, family)?;
        let variants: Vec<&str> = slots.iter().map(|(_, f)| f.rsplit('/').next().unwrap_or(f)).collect();
        let label = if variants.is_empty() { kernel.to_string() } else { format!("{kernel}[{}]", variants.join(",")) };
        let module = reflect::parse(&linked, &label)?;
        let interface = reflect::reflect(&module, &linked.text, &label)?;
        fits(&interface, &device.limits(), &label)?;
        let shader = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(&label),
            source: wgpu::ShaderSource::Wgsl(linked.text.into()),
        });
        let entry = |binding, ty| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
            count: None,
        };
        let storage = |s: &reflect::Slot| entry(s.binding, wgpu::BufferBindingType::Storage { read_only: !s.writable });
        let mut entries: Vec<_> = interface.storage.iter().map(storage).collect();
        entries.extend(interface.params.map(|(binding, _)| entry(binding, wgpu::BufferBindingType::Uniform)));
        let layout = device
            .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some(&label), entries: &entries });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(&label),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let raw = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(&label),
            layout: Some(&pipeline_layout),
            module: &shader,
            entry_point: None,
            compilation_options: Default::default(),
            cache: None,
        });
        Ok(Self { raw, layout, interface, label })
    }
}

/// Refuses a kernel that this device's limits cannot hold, naming the limit.
fn fits(interface: &Interface, limits: &wgpu::Limits, label: &str) -> Result<()> {
    let invocations: u64 = interface.workgroup.iter().map(|&n| u64::from(n)).product();
    let needs = [
        ("workgroup memory", interface.workgroup_bytes, u64::from(limits.max_compute_workgroup_storage_size)),
        ("invocations a workgroup", invocations, u64::from(limits.max_compute_invocations_per_workgroup)),
        ("storage buffers", interface.storage.len() as u64, u64::from(limits.max_storage_buffers_per_shader_stage)),
    ];
    match needs.iter().find(|(_, need, has)| need > has) {
        Some((what, need, has)) => Err(Error::device(
            Problem::new(format!("kernel {label} needs more {what} than the device has")).found(has).expected(need),
        )),
        None => Ok(()),
    }
}

/// One thing to encode.
enum Step {
    Launch { pipeline: Arc<Pipeline>, group: wgpu::BindGroup, groups: [u32; 3] },
    Copy { from: wgpu::Buffer, from_at: u64, to: wgpu::Buffer, to_at: u64, bytes: u64 },
}

/// A recording with its pipelines and bind groups.
pub struct Program {
    label: String,
    steps: Vec<Step>,
    /// Measured seconds a repetition; carried from run to run.
    pub pace: Option<f64>,
}

impl Program {
    /// Compiles and binds everything in `recording`.
    pub fn new(gpu: &mut Gpu, recording: &Recording) -> Result<Self> {
        let mut steps = Vec::with_capacity(recording.commands.len());
        for command in &recording.commands {
            steps.push(match command {
                Command::Dispatch(d) => launch(gpu, d)?,
                Command::Copy { from, to } => Step::Copy {
                    from: gpu.buffer(from)?.clone(),
                    from_at: 4 * from.offset as u64,
                    to: gpu.buffer(to)?.clone(),
                    to_at: 4 * to.offset as u64,
                    bytes: 4 * from.len() as u64,
                },
            });
        }
        Ok(Self { label: recording.label.clone(), steps, pace: None })
    }

    /// Kernels that one repetition launches.
    fn launches(&self) -> u64 {
        self.steps.iter().filter(|s| matches!(s, Step::Launch { .. })).count() as u64
    }
}

fn launch(gpu: &mut Gpu, dispatch: &Dispatch) -> Result<Step> {
    let slots: Vec<(&str, &str)> = dispatch.slots.iter().map(|(n, f)| (*n, f.as_str())).collect();
    let pipeline = gpu.pipeline(dispatch.kernel, &slots)?;
    pipeline.interface.check(dispatch)?;
    let uniform = uniform(gpu, &pipeline, dispatch)?;
    let mut entries = Vec::new();
    for slot in &pipeline.interface.storage {
        // invariant: `check` saw every storage variable among the bindings
        let Some((_, tensor)) = dispatch.bindings.iter().find(|(n, _)| *n == slot.name) else { continue };
        let bytes = 4 * tensor.span().next_multiple_of(4).max(4) as u64;
        let buffer = gpu.buffer(tensor)?;
        let offset = 4 * tensor.offset as u64;
        let resource = wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer,
            offset,
            size: wgpu::BufferSize::new(bytes.min(buffer.size() - offset)),
        });
        entries.push(wgpu::BindGroupEntry { binding: slot.binding, resource });
    }
    if let (Some(buffer), Some((binding, _))) = (&uniform, pipeline.interface.params) {
        entries.push(wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() });
    }
    let group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some(&pipeline.label),
        layout: &pipeline.layout,
        entries: &entries,
    });
    let most = gpu.device.limits().max_compute_workgroups_per_dimension;
    let groups = groups(&pipeline.interface, dispatch, most)?;
    Ok(Step::Launch { pipeline, group, groups })
}

fn uniform(gpu: &Gpu, pipeline: &Pipeline, dispatch: &Dispatch) -> Result<Option<wgpu::Buffer>> {
    let bytes = pipeline.interface.pack(dispatch)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let buffer = gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(&pipeline.label),
        size: bytes.len() as u64,
        usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    gpu.queue.write_buffer(&buffer, 0, &bytes);
    Ok(Some(buffer))
}

/// Workgroups of a dispatch; 1-D work beyond `most` groups is folded to two dimensions.
pub fn groups(interface: &Interface, dispatch: &Dispatch, most: u32) -> Result<[u32; 3]> {
    let size: usize = interface.workgroup.iter().map(|&n| n as usize).product();
    let members = dispatch.members();
    let all = |[x, y]: [usize; 2]| [x, y, members];
    let groups = match dispatch.work {
        Work::Items(n) => all(fold(n.div_ceil(size), most as usize)),
        Work::Groups(n) => all(fold(n, most as usize)),
        Work::Tiles { rows, columns, slices } => {
            let (tr, tc) = interface.tile.ok_or_else(|| {
                Error::bug(Problem::new(format!("kernel {} states no TILE_ROWS, TILE_COLUMNS", dispatch.kernel)))
            })?;
            [columns.div_ceil(tc), rows.div_ceil(tr), slices * members]
        }
    };
    if groups.iter().any(|&g| g > most as usize) {
        return Err(Error::device(
            Problem::new(format!("kernel {} needs too many workgroups", dispatch.kernel))
                .found(format!("{groups:?}"))
                .expected(format!("at most {most} in each dimension"))
                .hint("a smaller --batch-size or --chunk makes it fit"),
        ));
    }
    Ok(groups.map(|g| g as u32))
}

fn fold(groups: usize, most: usize) -> [usize; 2] {
    if groups <= most { [groups, 1] } else { [most, groups.div_ceil(most)] }
}

fn encode(gpu: &Gpu, program: &Program, times: u32) -> wgpu::CommandBuffer {
    let mut encoder =
        gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some(&program.label) });
    let launches_only = program.steps.iter().all(|s| matches!(s, Step::Launch { .. }));
    let descriptor = wgpu::ComputePassDescriptor { label: Some(&program.label), timestamp_writes: None };
    if launches_only {
        let mut pass = encoder.begin_compute_pass(&descriptor);
        for _ in 0..times {
            program.steps.iter().for_each(|s| record(s, &mut pass));
        }
    } else {
        for _ in 0..times {
            for run in program.steps.chunk_by(|a, b| matches!((a, b), (Step::Launch { .. }, Step::Launch { .. }))) {
                if let Step::Copy { from, from_at, to, to_at, bytes } = &run[0] {
                    encoder.copy_buffer_to_buffer(from, *from_at, to, *to_at, *bytes);
                } else {
                    let mut pass = encoder.begin_compute_pass(&descriptor);
                    run.iter().for_each(|s| record(s, &mut pass));
                }
            }
        }
    }
    encoder.finish()
}

fn record(step: &Step, pass: &mut wgpu::ComputePass<'_>) {
    if let Step::Launch { pipeline, group, groups: [x, y, z] } = step {
        pass.set_pipeline(&pipeline.raw);
        pass.set_bind_group(0, group, &[]);
        pass.dispatch_workgroups(*x, *y, *z);
    }
}

/// The pace after a submission whose repetitions took `each` seconds: half of what it was and half of that, so that neither
/// one slow submission nor a device that somebody else uses now is believed for ever.
fn paced(pace: Option<f64>, each: f64) -> f64 {
    pace.map_or(each, |p| 0.5 * (p + each))
}

/// Repetitions in the next submission: one while the pace is unknown, then as many as take about [`AIM`] seconds.
fn piece(pace: Option<f64>, left: u32) -> u32 {
    const MOST: u32 = 4096; // bounds the commands that are encoded before the first of them runs
    pace.map_or(1, |p| (AIM / p.max(1e-7)) as u32).clamp(1, left.min(MOST))
}

/// Submits `times` repetitions in pieces of about [`AIM`] seconds, two pieces in flight.
pub fn run(gpu: &mut Gpu, id: ProgramId, times: u32, pace: &mut Option<f64>) -> Result<()> {
    const IN_FLIGHT: usize = 2;
    let mut flying: VecDeque<(wgpu::SubmissionIndex, u32)> = VecDeque::new();
    let mut left = times;
    let mut mark = Instant::now();
    let mut first = pace.is_none();
    let mut land = |gpu: &Gpu, flying: &mut VecDeque<_>, pace: &mut Option<f64>| -> Result<()> {
        let Some((index, count)) = flying.pop_front() else { return Ok(()) };
        gpu.wait_for(Some(index))?;
        let each = mark.elapsed().as_secs_f64() / f64::from(count);
        mark = Instant::now();
        // the very first repetition compiles; it says nothing about the next
        if !std::mem::take(&mut first) {
            *pace = Some(paced(*pace, each));
        }
        Ok(())
    };
    while left > 0 {
        let count = piece(*pace, left);
        let commands = encode(gpu, &gpu.programs[id.0], count);
        gpu.awake.hold();
        gpu.counts.submissions += 1;
        gpu.counts.launches += u64::from(count) * gpu.programs[id.0].launches();
        flying.push_back((gpu.queue.submit([commands]), count));
        left -= count;
        while flying.len() >= IN_FLIGHT || (pace.is_none() && !flying.is_empty()) {
            land(gpu, &mut flying, pace)?;
        }
    }
    while !flying.is_empty() {
        land(gpu, &mut flying, pace)?;
    }
    Ok(())
}

/// Runs a program once, each launch in a pass of its own between two timestamps.
pub fn profile(gpu: &mut Gpu, id: ProgramId) -> Result<Vec<KernelTime>> {
    let steps = &gpu.programs[id.0].steps;
    let count = 2 * u32::try_from(steps.len()).unwrap_or(u32::MAX);
    let queries =
        gpu.device.create_query_set(&wgpu::QuerySetDescriptor { label: None, ty: wgpu::QueryType::Timestamp, count });
    let bytes = 8 * u64::from(count);
    let usage = wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC;
    let resolved = gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: bytes,
        usage,
        mapped_at_creation: false,
    });
    let mut encoder = gpu.device.create_command_encoder(&Default::default());
    for (i, step) in steps.iter().enumerate() {
        let begin = 2 * i as u32;
        let writes = wgpu::ComputePassTimestampWrites {
            query_set: &queries,
            beginning_of_pass_write_index: Some(begin),
            end_of_pass_write_index: Some(begin + 1),
        };
        let mut pass =
            encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes: Some(writes) });
        record(step, &mut pass);
    }
    encoder.resolve_query_set(&queries, 0..count, &resolved, 0);
    gpu.awake.hold();
    let index = gpu.queue.submit([encoder.finish()]);
    gpu.wait_for(Some(index))?;
    let index = gpu.readback.submit(&gpu.device, &gpu.queue, &resolved, 0, bytes)?;
    gpu.wait_for(Some(index))?;
    let raw = gpu.readback.take(bytes as usize).map_err(|what| Error::lost(Problem::new(what)))?;
    let ticks: Vec<u64> = bytemuck::pod_collect_to_vec(&raw);
    let period = f64::from(gpu.queue.get_timestamp_period()) * 1e-9;
    let mut out: Vec<KernelTime> = Vec::new();
    for (step, tick) in gpu.programs[id.0].steps.iter().zip(ticks.chunks_exact(2)) {
        let Step::Launch { pipeline, .. } = step else { continue };
        let seconds = tick[1].saturating_sub(tick[0]) as f64 * period;
        match out.iter_mut().find(|k| k.kernel == pipeline.label) {
            Some(k) => {
                k.launches += 1;
                k.seconds += seconds;
            }
            None => out.push(KernelTime { kernel: pipeline.label.clone(), launches: 1, seconds }),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_submission_is_neither_long_nor_a_single_short_step() {
        assert_eq!(piece(None, 1000), 1, "nobody knows yet how long one takes");
        // paces from 100 ns to 10 s a repetition, thirty a decade
        for i in 0..=240 {
            let pace = 1e-7 * 10f64.powf(f64::from(i) / 30.0);
            let count = piece(Some(pace), 1_000_000);
            let seconds = f64::from(count) * pace;
            assert!(count == 1 || seconds <= AIM, "{count} repetitions of {pace:e} s");
            assert!(count == 4096 || seconds > 0.5 * AIM, "{count} repetitions of {pace:e} s");
            assert_eq!(piece(Some(pace), 3), count.min(3));
        }
    }

    #[test]
    fn submissions_shrink_when_the_device_becomes_slow_and_grow_again() {
        // ten times slower from here on: somebody else uses the device too
        let (fast, slow) = (1e-4, 1e-3);
        let mut pace = Some(fast);
        let seconds = |pace: Option<f64>, each: f64| f64::from(piece(pace, 1_000_000)) * each;
        assert!(seconds(pace, slow) > 9.0 * AIM);
        for _ in 0..8 {
            pace = Some(paced(pace, slow));
        }
        assert!(seconds(pace, slow) <= 1.01 * AIM, "{} s", seconds(pace, slow));
        for _ in 0..12 {
            pace = Some(paced(pace, fast));
        }
        assert!(seconds(pace, fast) > 0.9 * AIM);
    }

    #[test]
    fn a_kernel_beyond_a_limit_is_refused_by_the_name_of_the_limit() {
        let interface = Interface { workgroup: [8, 16, 1], workgroup_bytes: 20_000, ..Interface::default() };
        let has = wgpu::Limits::default();
        let said =
            |limits: wgpu::Limits| fits(&interface, &limits, "linear").map_err(|e| (e.exit_code(), e.to_string()));
        let bytes = said(has.clone()).unwrap_err();
        let limit = has.max_compute_workgroup_storage_size;
        assert_eq!(bytes.0, 5);
        assert!(
            bytes.1.contains(&format!(
                "kernel linear needs more workgroup memory than the device has: found {limit}, expected 20000"
            )),
            "{}",
            bytes.1
        );
        let roomy = wgpu::Limits { max_compute_workgroup_storage_size: 32_768, ..has };
        said(roomy.clone()).unwrap();
        let few = wgpu::Limits { max_compute_invocations_per_workgroup: 64, ..roomy };
        assert!(
            said(few).unwrap_err().1.contains("invocations a workgroup than the device has: found 64, expected 128")
        );
    }

    #[test]
    fn work_past_the_limit_of_groups_is_folded() {
        let interface = Interface { workgroup: [64, 1, 1], ..Interface::default() };
        let of = |n: usize| groups(&interface, &Dispatch::new("k", Work::Items(n)), 65_535).unwrap();
        assert_eq!(of(1), [1, 1, 1]);
        assert_eq!(of(65_535 * 64), [65_535, 1, 1]);
        assert_eq!(of(65_535 * 64 + 1), [65_535, 2, 1]);
        assert!(of(usize::MAX / 1_000_000_000).iter().all(|&g| g <= 65_535));
    }
}
