//! Single kernels under criterion: `cargo bench --bench kernels`, or `cargo bench --bench kernels -- linear` for some.
//!
//! Each kernel of a training step and of a reverse step is run alone, on the tensors it has there, so a change of one
//! shader is seen apart from the others. A dispatch is repeated within submissions; the time is that of one, in order, with
//! its barrier. Networks are those of the standard workload (`scorefield bench`).

use std::collections::BTreeSet;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use scorefield::bench::workload::{QUICK, process};
use scorefield::bench::{Cell, Kind};
use scorefield::gpu::{Choice, Gpu};
use scorefield::network::Network;
use scorefield::process::{SamplerOptions, grid, plan};
use scorefield::recording::{Arena, Command, Dispatch, Engine, Recording};
use scorefield::sample::{Chunk, NetworkScore};
use scorefield::train::{Dataset, Setup};

const SEED: u64 = 1;

fn device() -> Gpu {
    Gpu::open(&Choice::default()).unwrap_or_else(|e| panic!("{e}"))
}

/// Kernel, slots and sizes: dispatches of one name do the same work.
fn name(d: &Dispatch) -> String {
    let slots: Vec<&str> = d.slots.iter().map(|(_, f)| f.rsplit('/').next().unwrap_or(f)).collect();
    let sizes = ["rows", "inputs", "weight_stride", "length", "features"];
    let of = |size: &&str| d.params.iter().find(|(n, _)| n == size);
    let sizes: Vec<String> = sizes.iter().filter_map(of).map(|(n, v)| format!("{n} {v:?}")).collect();
    let clean = |text: String| text.replace("U32(", "").replace(')', "");
    format!("{}[{}] {}", d.kernel, slots.join(","), clean(sizes.join(" ")))
}

/// Sets the counters back, which some kernels advance.
type Reset<'a> = &'a dyn Fn(&mut Gpu) -> scorefield::error::Result<()>;

/// Times every kernel of a recording once.
fn kernels(c: &mut Criterion, gpu: &mut Gpu, cell: &Cell, recording: &Recording, reset: Reset<'_>) {
    let mut group = c.benchmark_group(cell.label());
    group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1)).sample_size(10);
    let mut seen = BTreeSet::new();
    for command in &recording.commands {
        let Command::Dispatch(dispatch) = command else { continue };
        let name = name(dispatch);
        if !seen.insert(name.clone()) {
            continue;
        }
        let mut alone = Recording::new(name.clone());
        alone.push(dispatch.clone());
        let program = reset(gpu).and_then(|()| gpu.prepare(&alone)).unwrap_or_else(|e| panic!("{name}: {e}"));
        // bound tensors, each counted once: what has to be moved at the least
        let bytes: usize = dispatch.bindings.iter().map(|(_, t)| 4 * t.len()).sum();
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(&name, |b| {
            b.iter_custom(|times| {
                let clock = std::time::Instant::now();
                let times = u32::try_from(times).unwrap_or(u32::MAX);
                gpu.run(program, times).and_then(|()| gpu.wait()).unwrap_or_else(|e| panic!("{name}: {e}"));
                clock.elapsed()
            });
        });
    }
    group.finish();
}

fn training(c: &mut Criterion) {
    let mut gpu = device();
    for cell in QUICK.iter().filter(|c| c.kind == Kind::Train) {
        let rows = (0..10_000 * cell.dim).map(|i| (i as f32 * 0.37).sin()).collect();
        let data =
            Dataset::from_rows("waves".into(), rows, cell.dim, 0.0, true, SEED).unwrap_or_else(|e| panic!("{e}"));
        let setup = Network::new(&cell.network(), cell.dim)
            .and_then(|n| Setup::new(&n, &process().build()?, &data, &cell.training(), SEED))
            .unwrap_or_else(|e| panic!("{e}"));
        let ready = gpu.allocate(&setup.arena).and_then(|()| setup.upload(&mut gpu));
        let [step, _] = ready.and_then(|()| setup.recordings(0)).unwrap_or_else(|e| panic!("{e}"));
        kernels(c, &mut gpu, cell, &step, &|gpu| setup.begin(gpu, 0, 1, &[]));
        gpu.release(&setup.arena);
    }
}

fn sampling(c: &mut Criterion) {
    let mut gpu = device();
    for cell in QUICK.iter().filter(|c| c.kind == Kind::Sample) {
        let mut arena = Arena::new();
        let (chunk, plan) = chunk(&mut arena, cell).unwrap_or_else(|e| panic!("{e}"));
        let ready = gpu.allocate(&arena).and_then(|()| chunk.upload(&mut gpu, &plan, &[0.0; 2], &[1.0; 2]));
        ready.unwrap_or_else(|e| panic!("{e}"));
        kernels(c, &mut gpu, cell, &chunk.stage(SEED), &|gpu| chunk.begin(gpu, 0));
        gpu.release(&arena);
    }
}

fn chunk(arena: &mut Arena, cell: &Cell) -> scorefield::error::Result<(Chunk, scorefield::process::Plan)> {
    let (network, process) = (Network::new(&cell.network(), cell.dim)?, process().build()?);
    let plan = plan("em", &process, &grid("uniform", &process, 250)?, &SamplerOptions::default())?;
    let weights = network.initial(SEED)?;
    let score = NetworkScore { network, process, variance: 1.0, feature_seed: SEED, weights };
    Ok((Chunk::new(arena, &score, &plan, cell.batch)?, plan))
}

criterion_group!(benches, training, sampling);
criterion_main!(benches);
