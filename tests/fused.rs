//! The fused kernels: the same training and the same reverse process as layer by layer, in fewer launches. Bounds on z
//! values are those of `samplers.rs`.

use scorefield::error::Error;
use scorefield::gpu::{Choice, FAMILIES, Gpu};
use scorefield::network::{Network, NetworkOptions, TILES};
use scorefield::process::{Plan, Process, SAMPLERS, SamplerOptions, grid, plan};
use scorefield::random::{Purpose, normals, words};
use scorefield::recording::{Arena, Command, Engine, Kernels, Recording};
use scorefield::reference::Reference;
use scorefield::sample::{self, Chunk, NetworkScore, Request, State as Sampled};
use scorefield::selection::{Verdict, measure};
use scorefield::train::{Dataset, Setup, State, TrainOptions, Trainer};

use std::time::Duration;

const SEED: u64 = 21;

/// The device at hand with the kernels of a fused family.
fn device(family: &str) -> Option<Gpu> {
    let mut gpu = Gpu::open(&Choice::default()).expect("a device; install a software driver with `make test`");
    gpu.force_family(family).is_ok().then_some(gpu)
}

/// Fused kernels, the family that has them, and what a step of theirs launches before the optimiser.
const FUSED: [(Kernels, &str, &[&str]); 2] = [
    (Kernels::Fused, "fused", &["fused/step"]),
    (Kernels::FusedPanel, "fused-panel", &["fused/forward", "fused/backward", "fused/gradient"]),
];

/// Those of [`FUSED`] that run here, with the device.
fn devices() -> Vec<(Kernels, Gpu)> {
    let found: Vec<_> = FUSED.iter().filter_map(|(kernels, family, _)| Some((*kernels, device(family)?))).collect();
    assert!(!found.is_empty());
    found
}

fn data(dim: usize, seed: u64) -> Dataset {
    let rows: Vec<f32> = (0..200 * dim).map(|i| ((i * 37 % 101) as f32 / 25.0).sin() + (i % 7) as f32).collect();
    Dataset::from_rows("rows".into(), rows, dim, 0.2, true, seed).unwrap()
}

fn options(batch_size: usize) -> TrainOptions {
    TrainOptions { steps: 40, batch_size, warmup: 3, ..TrainOptions::default() }
}

fn network(hidden: &str, features: usize) -> NetworkOptions {
    NetworkOptions { hidden: hidden.into(), activation: "softplus".into(), features, ..NetworkOptions::default() }
}

fn planned(shape: &NetworkOptions, dim: usize, options: &TrainOptions, kernels: Kernels) -> Setup {
    let network = Network::new(shape, dim).unwrap();
    let process = Process::named("ou").unwrap();
    Setup::new(&network, &process, &data(dim, SEED), options, SEED).unwrap().with(kernels)
}

fn kernels(recording: &Recording) -> Vec<&'static str> {
    let name = |c: &Command| if let Command::Dispatch(d) = c { Some(d.kernel) } else { None };
    recording.commands.iter().filter_map(name).collect()
}

fn bits(state: &State) -> Vec<u32> {
    let groups = [&state.weights, &state.average, &state.moment1, &state.moment2];
    groups.into_iter().flatten().flatten().map(|v| v.to_bits()).collect()
}

/// Trains step counts `parts` one after the other, each in a trainer of its own that starts from the state before.
fn train(
    engine: &mut dyn Engine,
    kernels: Kernels,
    shape: &NetworkOptions,
    dim: usize,
    options: &TrainOptions,
    parts: &[u32],
) -> State {
    let mut state: Option<State> = None;
    for &steps in parts {
        let mut trainer = Trainer::new(engine, planned(shape, dim, options, kernels)).unwrap();
        if let Some(state) = &state {
            trainer.restore(std::slice::from_ref(state)).unwrap();
        }
        trainer.run(steps).unwrap();
        state = Some(trainer.state().unwrap());
    }
    state.unwrap()
}

#[test]
fn a_fused_step_is_few_launches_and_what_does_not_fit_stays_layered() {
    let step = |shape: &NetworkOptions, dim, batch, by| -> Vec<&'static str> {
        kernels(&planned(shape, dim, &options(batch), by).recordings(100).unwrap()[0])
    };
    let with_optimiser = |first: &[&'static str]| -> Vec<&'static str> {
        [first, &["optimiser/reduce", "optimiser/finish", "optimiser/update"]].concat()
    };
    let layered = [
        NetworkOptions { layer_norm: true, ..network("9,8", 5) },
        NetworkOptions { skip: true, ..network("9,8", 5) },
        NetworkOptions { freeze: true, ..network("9,8", 5) },
        NetworkOptions { activation: "signrelu".into(), train_alpha: true, ..network("9,8", 5) },
    ];
    for (by, _, own) in FUSED {
        assert_eq!(step(&network("128x4", 30), 2, 70, by), with_optimiser(own));
        assert_eq!(step(&network("128,7,65", 0), 8, 70, by), with_optimiser(own));
        for shape in &layered {
            assert_eq!(step(shape, 2, 70, by)[0], "train/noise", "{shape:?}");
        }
    }
    // a workgroup holds 128 features of any kind
    assert_eq!(step(&network("128,7", 0), 128, 70, Kernels::Fused)[0], "fused/step");
    for shape in [network("129", 5), network("128", 127)] {
        assert_eq!(step(&shape, 2, 70, Kernels::Fused)[0], "train/noise", "{shape:?}");
        assert_eq!(step(&shape, 2, 70, Kernels::FusedPanel)[0], "fused/forward", "{shape:?}");
    }
    // panels hold any width and a narrow head, for batches that are not large
    assert_eq!(step(&network("128,7", 0), 9, 70, Kernels::FusedPanel)[0], "train/noise");
    assert_eq!(step(&network("64x3", 30), 2, 4096, Kernels::FusedPanel)[0], "fused/forward");
    assert_eq!(step(&network("64x3", 30), 2, 16_384, Kernels::FusedPanel)[0], "train/noise");
}

#[test]
fn a_training_has_no_buffer_that_it_does_not_use() {
    for by in [Kernels::Layered, Kernels::Fused, Kernels::FusedPanel] {
        let setup = planned(&network("66,30", 5), 2, &options(70), by);
        let commands = setup.recordings(100).unwrap().into_iter().flat_map(|r| r.commands);
        let used: Vec<_> = commands
            .flat_map(|c| match c {
                Command::Dispatch(d) => d.bindings.into_iter().map(|(_, t)| t.buffer).collect(),
                Command::Copy { from, to } => vec![from.buffer, to.buffer],
            })
            .collect();
        // what stands for something that other networks have is at most one panel of eight numbers a row
        let idle = setup.arena.buffers.iter().filter(|b| !used.contains(&b.id) && b.len > 8 * 128);
        let idle: Vec<&str> = idle.map(|b| b.label.as_str()).collect();
        assert!(idle.is_empty(), "{by:?}: {idle:?}");
    }
}

/// Batches that take every tile, with slices of several tiles and a last tile that is not full; most fit panels.
const CASES: &[(&str, usize, usize, usize)] =
    &[("9,8", 5, 2, 70), ("65,7", 3, 9, 2100), ("66,30", 2, 3, 4500), ("20,9", 4, 2, 8300), ("70,130,66", 60, 8, 600)];

#[test]
fn every_tile_is_among_the_cases() {
    let tile = |&(hidden, features, dim, batch): &(&str, usize, usize, usize)| {
        Some(Network::new(&network(hidden, features), dim).unwrap().tile(batch)?.shader)
    };
    let taken: Vec<&str> = CASES.iter().filter_map(tile).collect();
    assert!(TILES.iter().all(|t| taken.contains(&t.shader)), "{taken:?}");
}

#[test]
fn software_devices_run_networks_fused() {
    let gpu = Gpu::open(&Choice::default()).unwrap();
    let fuses = gpu.adapter().is_software() && gpu.adapter().panels;
    let expected = if fuses { Kernels::FusedPanel } else { Kernels::Layered };
    assert_eq!([1, 64, 65, 1000].map(|width| gpu.kernels(width)), [expected; 4]);
}

#[test]
fn networks_too_large_for_the_loops_of_a_device_run_layer_by_layer() {
    // llvmpipe ends loops after 65 535 turns; a layer of 512 by 512 takes 16 500 for 256 rows
    let shape = |hidden: &str| NetworkOptions { activation: "signrelu".into(), ..network(hidden, 32) };
    let runs = |hidden: &str| planned(&shape(hidden), 2, &options(512), Kernels::FusedPanel).kernels();
    assert_eq!(runs("512x4"), Kernels::FusedPanel);
    assert_eq!(["512x6", "1024x2"].map(runs), [Kernels::Layered; 2]);
    let deep = planned(&network("128x200", 5), 2, &options(100_000), Kernels::Fused);
    assert_eq!(deep.kernels(), Kernels::Layered);
    let Some(mut gpu) = device("fused-panel") else { return };
    let mut norm = |kernels| {
        let setup = planned(&shape("512x4"), 2, &options(512), kernels);
        Trainer::new(&mut gpu, setup).unwrap().run(1).unwrap().gradient_norm
    };
    let (fused, layered) = (norm(Kernels::FusedPanel), norm(Kernels::Layered));
    assert!((fused / layered - 1.0).abs() < 1e-5, "{fused} for {layered}");
}

#[test]
fn fused_gradients_are_the_layered_ones() {
    for &(hidden, features, dim, batch) in CASES {
        let gradient = |engine: &mut Reference, kernels| {
            let setup = planned(&network(hidden, features), dim, &options(batch), kernels);
            engine.allocate(&setup.arena).unwrap();
            setup.upload(engine).unwrap();
            setup.begin(engine, 0, 1, &[]).unwrap();
            let step = engine.prepare(&setup.recordings(0).unwrap()[0]).unwrap();
            engine.run(step, 1).unwrap();
            let t = setup.tensors();
            (engine.read_f64(&t.gradient()[0]).unwrap(), engine.read_f64(&t.bins).unwrap())
        };
        let layered = gradient(&mut Reference::default(), Kernels::Layered);
        for (by, ..) in FUSED {
            let fused = gradient(&mut Reference::default(), by);
            for (a, b) in [(&layered.0, &fused.0), (&layered.1, &fused.1)] {
                let scale = a.iter().fold(0.0f64, |m, v| m.max(v.abs()));
                let worst = a.iter().zip(b).fold(0.0f64, |m, (a, b)| m.max((a - b).abs()));
                assert!(scale > 1e-3 && worst <= 1e-12 * scale, "{by:?} {hidden} B={batch}: {worst:e} of {scale:e}");
            }
        }
    }
}

#[test]
fn five_fused_steps_on_the_device_are_those_of_the_reference() {
    for (by, mut gpu) in devices() {
        for &(hidden, features, dim, batch) in CASES {
            let (shape, options) = (network(hidden, features), options(batch));
            let there = train(&mut gpu, by, &shape, dim, &options, &[5]);
            let here = train(&mut Reference::default(), by, &shape, dim, &options, &[5]);
            let start = train(&mut Reference::default(), by, &shape, dim, &options, &[1]);
            assert_ne!(bits(&start), bits(&here), "steps move the weights");
            for (kind, (a, b)) in
                [(&here.weights, &there.weights), (&here.average, &there.average), (&here.moment1, &there.moment1)]
                    .into_iter()
                    .enumerate()
            {
                let scale = a.iter().flatten().fold(1e-30f32, |m, v| m.max(v.abs()));
                let worst = a.iter().flatten().zip(b.iter().flatten()).fold(0.0f32, |m, (a, b)| m.max((a - b).abs()));
                assert!(worst <= 1e-4 * scale, "{by:?} {hidden} B={batch}, set {kind}: {worst:e} of {scale:e}");
            }
        }
    }
}

#[test]
fn fused_trainings_repeat_and_resume_byte_for_byte() {
    let shape = network("20,9", 5);
    for (by, mut gpu) in devices() {
        for batch in [70, 2100] {
            let options = options(batch);
            let mut trained = |parts: &[u32]| bits(&train(&mut gpu, by, &shape, 2, &options, parts));
            let whole = trained(&[12]);
            assert!(whole == trained(&[12]), "repeated, {by:?} B={batch}");
            assert!(whole == trained(&[5, 7]), "resumed, {by:?} B={batch}");
            assert!(whole != trained(&[5, 6]), "a step less is seen");
        }
    }
}

#[test]
fn a_fused_training_that_diverges_says_so_and_keeps_its_weights_finite() {
    let wild = TrainOptions { lr: 1e10, warmup: 0, clip: 0.0, lr_schedule: "constant".into(), ..options(70) };
    for (by, mut gpu) in devices() {
        let mut trainer = Trainer::new(&mut gpu, planned(&network("9,8", 5), 2, &wild, by)).unwrap();
        let said = trainer.run(40).unwrap_err();
        assert!(matches!(said, Error::Diverged(_)), "{said}");
        assert!(trainer.state().unwrap().weights.iter().flatten().all(|v| v.is_finite()));
    }
}

#[test]
fn members_of_a_fused_ensemble_are_what_they_are_alone() {
    let (options, process) = (options(70), Process::named("ou").unwrap());
    let network = Network::new(&network("20,9", 5), 2).unwrap();
    let all: Vec<(Dataset, u64)> = [3, 1 << 40, 8].map(|seed| (data(2, seed), seed)).into();
    for (by, mut gpu) in devices() {
        let mut train = |members: &[(&Dataset, u64)]| -> Vec<(Vec<u32>, u64)> {
            let mut trainer =
                Trainer::new(&mut gpu, Setup::ensemble(&network, &process, members, &options).unwrap()).unwrap();
            assert_eq!(trainer.setup.kernels(), by, "the engine's choice of kernels is taken");
            trainer.run_all(10).unwrap();
            let held_out = trainer.held_out().unwrap();
            (0..members.len()).map(|m| (bits(&trainer.state_of(m).unwrap()), held_out[m].loss.to_bits())).collect()
        };
        let members: Vec<_> = all.iter().map(|(d, seed)| (d, *seed)).collect();
        let together = train(&members);
        assert_ne!(together[0].0, together[1].0);
        for (m, member) in members.iter().enumerate() {
            assert!(train(&[*member])[0] == together[m], "{by:?}, member {m}");
        }
    }
}

#[test]
fn ensembles_too_large_for_one_binding_run_layer_by_layer_and_say_so() {
    let (options, process) = (options(4096), Process::named("ou").unwrap());
    let network = Network::new(&network("64x3", 30), 2).unwrap();
    let rows = data(2, 1);
    let planned = |members: usize, kernels: Kernels| {
        let members: Vec<_> = (0..members as u64).map(|seed| (&rows, seed)).collect();
        Setup::ensemble(&network, &process, &members, &options).unwrap().with(kernels)
    };
    for (members, by, differs) in [(33, Kernels::FusedPanel, false), (34, Kernels::Layered, true)] {
        let setup = planned(members, Kernels::FusedPanel);
        assert_eq!((setup.kernels(), setup.differs_alone()), (by, differs), "{members} members");
        // what any device binds
        assert!(setup.arena.buffers.iter().all(|b| b.len <= 1 << 25), "{members} members");
    }
    let layered = planned(34, Kernels::Layered);
    assert_eq!((layered.kernels(), layered.differs_alone()), (Kernels::Layered, false));
}

/// A network as training makes it; its head weighs nothing if `silent`.
fn score(hidden: &str, dim: usize, variance: f64, process: &Process, silent: bool) -> NetworkScore {
    let network = Network::new(&network(hidden, 6), dim).unwrap();
    let mut weights = network.initial(8).unwrap();
    for l in &network.layout.layers {
        for at in (0..=l.inputs).flat_map(|k| (0..l.outputs).map(move |n| l.at + k * l.stride() + n)) {
            weights[0][at] += 0.1 * normals(words(8, Purpose::Test, at as u32, 0, 0))[0] as f32;
        }
    }
    if silent {
        let head = network.layout.layers.last().unwrap();
        weights[0][head.at..head.at + head.block_len()].fill(0.0);
    }
    NetworkScore { network, process: process.clone(), variance, feature_seed: 8, weights }
}

fn planned_chain(sampler: &str, process: &Process, steps: usize) -> Plan {
    plan(sampler, process, &grid("benton", process, steps).unwrap(), &SamplerOptions::default()).unwrap()
}

fn draw(engine: &mut dyn Engine, score: &NetworkScore, plan: &Plan, count: u32, chunk: usize) -> Vec<f32> {
    let dim = score.network.dim;
    let (shift, scale) = (vec![0.0; dim], vec![1.0; dim]);
    let request = Request { score, plan, count, chunk, seed: 6, shift: &shift, scale: &scale, follow: None };
    let mut out = Vec::new();
    sample::run(engine, &request, &mut |state| {
        if let Sampled::Samples { points, .. } = state {
            out.extend_from_slice(points);
        }
        Ok(())
    })
    .unwrap();
    out
}

#[test]
fn chains_are_the_layered_reverse_process_and_that_of_the_reference() {
    let process = Process::named("ou").unwrap();
    for (kernels, mut gpu) in devices() {
        let layered = if kernels == Kernels::Fused { "tile" } else { "panel" };
        let mut layered = device(layered).unwrap();
        for (hidden, dim, count) in [("40,33", 3, 45), ("128x2", 9, 70), ("70,9,130", 8, 700), ("20", 1, 7000)] {
            let score = score(hidden, dim, 1.0, &process, false);
            for sampler in ["ei", "ode-heun"] {
                let plan = planned_chain(sampler, &process, 12);
                let chain = draw(&mut gpu, &score, &plan, count, count as usize);
                let by_layers = draw(&mut layered, &score, &plan, count, count as usize);
                let few = 45 * dim.min(7);
                let here = draw(&mut Reference::default(), &score, &plan, 45, 45);
                let scale = by_layers.iter().fold(0.0f32, |m, v| m.max(v.abs()));
                let far = |a: &[f32], b: &[f32]| a.iter().zip(b).fold(0.0f32, |m, (a, b)| m.max((a - b).abs()));
                let (a, b) = (far(&chain, &by_layers), far(&chain[..few], &here[..few]));
                let said = format!("{kernels:?} {hidden} {sampler}: {a:e} and {b:e} of {scale}");
                assert!(a <= 1e-4 * scale && b <= 1e-4 * scale, "{said}");
                // panels sum in the same order, so that nothing depends on which kernels hold a batch
                assert!(kernels == Kernels::Fused || a == 0.0, "{said}");
            }
        }
    }
}

#[test]
fn a_chain_of_panels_stops_before_a_device_ends_its_loops() {
    // 64 stages of 256 rows would take some 180 000 turns
    let process = Process::named("ou").unwrap();
    let plan = planned_chain("ei", &process, 70);
    let stages = |hidden: &str| {
        let mut arena = Arena::new();
        let score = score(hidden, 2, 1.0, &process, false);
        Chunk::new(&mut arena, &score, &plan, 512).unwrap().with(&mut arena, &|_| Kernels::FusedPanel).most()
    };
    assert_eq!(["16", "128x3", "512x4", "8x2"].map(stages), [42, 14, 1, 1]);
    let Some(mut gpu) = device("fused-panel") else { return };
    let mut layered = device("panel").unwrap();
    let score = score("128x3", 2, 1.0, &process, false);
    // few rows, so that as many stages go in a launch as may
    let [a, b] = [&mut gpu, &mut layered].map(|engine| draw(engine, &score, &plan, 512, 512));
    assert!(a.iter().zip(&b).all(|(a, b)| a.to_bits() == b.to_bits()));
}

#[test]
fn a_chain_is_three_launches_for_many_stages_and_what_does_not_fit_stays_layered() {
    let process = Process::named("ou").unwrap();
    let plan = planned_chain("ei", &process, 100);
    let stage = |hidden, kernels: Kernels| -> (Vec<&'static str>, usize) {
        let mut arena = Arena::new();
        let score = score(hidden, 3, 1.0, &process, false);
        let chunk = Chunk::new(&mut arena, &score, &plan, 70).unwrap().with(&mut arena, &|_| kernels);
        (self::kernels(&chunk.stage(1)), chunk.most())
    };
    for (kernels, name, least) in [(Kernels::Fused, "fused/chain", 30), (Kernels::FusedPanel, "fused/reverse", 10)] {
        let (chain, most) = stage("128x4", kernels);
        assert_eq!(chain, ["score/fold_time", name, "sampler/advance"]);
        assert!(most > least, "{most}");
    }
    let others = [("128x4", Kernels::Layered), ("129", Kernels::Fused), ("128,8", Kernels::FusedPanel)];
    for (layered, most) in others.map(|(hidden, kernels)| stage(hidden, kernels)) {
        assert!(layered.contains(&"sampler/stage") && most == 1);
    }
}

#[test]
fn chains_in_chunks_of_any_size_give_the_same_bytes() {
    let process = Process::named("ou").unwrap();
    let score = score("40,33", 3, 1.0, &process, false);
    let plan = planned_chain("ei", &process, 70);
    for (_, mut gpu) in devices() {
        let whole = draw(&mut gpu, &score, &plan, 2000, 2000);
        for chunk in [700, 33] {
            let pieces = draw(&mut gpu, &score, &plan, 2000, chunk);
            let same = whole.iter().zip(&pieces).all(|(a, b)| a.to_bits() == b.to_bits());
            assert!(same && whole.len() == pieces.len() && whole.len() == 6000, "in chunks of {chunk}");
        }
    }
}

#[test]
fn every_sampler_has_its_exact_law_in_a_chain() {
    // a silent head of kind `residual` is the exact score of a normal law
    let mut wrong = Vec::new();
    for (kernels, mut gpu) in devices() {
        for name in ["ou", "vp"] {
            let process = Process::named(name).unwrap();
            let score = score("9", 4, 0.25, &process, true);
            for (row, steps) in SAMPLERS.iter().flat_map(|row| [(row, 2), (row, 9)]) {
                let plan = planned_chain(row.name, &process, steps);
                let law = plan.affine_law(&process, 0.0, 0.25);
                let values = draw(&mut gpu, &score, &plan, 1 << 15, 1 << 15);
                let n = values.len() as f64;
                let average = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
                let squares = values.iter().map(|&v| (f64::from(v) - average).powi(2)).sum::<f64>();
                // Wilson and Hilferty: the cube root of a chi-square is normal
                let spread = 2.0 / (9.0 * (n - 1.0));
                let z_mean = (average - law.mean) / (law.var / n).sqrt();
                let z_var = ((squares / (n - 1.0) / law.var).cbrt() - (1.0 - spread)) / spread.sqrt();
                let said = format!("{kernels:?} {name} {:9} N = {steps}: z {z_mean:6.2}, {z_var:6.2}", row.name);
                println!("{said}");
                if !(z_mean.abs() < 5.85 && z_var.abs() < 5.96) {
                    wrong.push(said);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn measuring_times_every_family_and_leaves_the_device_with_the_fastest() {
    let mut gpu = Gpu::open(&Choice::default()).unwrap();
    let verdict = measure(&mut gpu, &[("tiny", "8x1", 33), ("medium", "9x2", 70)], Duration::from_secs(300)).unwrap();
    let runs = |f: &&str| Gpu::open(&Choice::default()).unwrap().force_family(f).is_ok();
    for family in FAMILIES.iter().filter(|f| !f.halves).map(|f| f.name).filter(runs) {
        let rates = &verdict.steps_per_second[family];
        assert!(rates.len() == 2 && rates.values().all(|r| *r > 1.0), "{family}: {rates:?}");
    }
    assert_eq!(gpu.uses().layered, verdict.layered);
    for (class, width) in [40, 80].into_iter().enumerate() {
        assert_eq!(gpu.kernels(width) != Kernels::Layered, verdict.fused[class]);
    }
    assert_eq!(verdict, Verdict::of(verdict.steps_per_second.clone(), "none"), "the verdict follows from the rates");
}
