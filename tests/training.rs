//! Whole trainings: device against reference, resumed against uninterrupted, repeated, diverging, on a lost device.

use std::sync::Arc;

use scorefield::distribution::{Distribution, parse};
use scorefield::error::Error;
use scorefield::gpu::{Choice, Gpu, Use};
use scorefield::network::{Network, NetworkOptions};
use scorefield::process::Process;
use scorefield::recording::{Command, Engine};
use scorefield::reference::Reference;
use scorefield::train::{Dataset, Setup, State, TrainOptions, Trainer};

const SEED: u64 = 21;

/// The device, running layer by layer; what runs fused is tested in `fused.rs`.
fn device() -> Gpu {
    let mut gpu = Gpu::open(&Choice::default()).expect("a device; install a software driver with `make test`");
    gpu.adopt(Use { fused: [false; 2], ..gpu.uses() }).unwrap();
    gpu
}

fn data() -> Dataset {
    let rows: Vec<f32> = (0..400).map(|i| ((i * 37 % 101) as f32 / 25.0).sin() + (i % 7) as f32).collect();
    Dataset::from_rows("rows".into(), rows, 2, 0.2, true, SEED).unwrap()
}

fn quick() -> TrainOptions {
    TrainOptions { steps: 40, batch_size: 70, warmup: 3, ..TrainOptions::default() }
}

fn setup(network: &NetworkOptions, options: &TrainOptions) -> Setup {
    let network = Network::new(network, 2).unwrap();
    Setup::new(&network, &Process::named("ou").unwrap(), &data(), options, SEED).unwrap()
}

fn plain() -> NetworkOptions {
    NetworkOptions { hidden: "9,8".into(), activation: "silu".into(), features: 5, ..NetworkOptions::default() }
}

/// Trains step counts `parts` one after the other, each in a trainer of its own that starts from the state before.
fn train(engine: &mut dyn Engine, network: &NetworkOptions, options: &TrainOptions, parts: &[u32]) -> State {
    let mut state: Option<State> = None;
    for &steps in parts {
        let mut trainer = Trainer::new(engine, setup(network, options)).unwrap();
        if let Some(state) = &state {
            trainer.restore(std::slice::from_ref(state)).unwrap();
        }
        trainer.run(steps).unwrap();
        state = Some(trainer.state().unwrap());
    }
    state.unwrap()
}

fn groups(state: &State) -> [&Vec<Vec<f32>>; 4] {
    [&state.weights, &state.average, &state.moment1, &state.moment2]
}

/// All numbers of a state by their bits, so that -0 is not 0.
fn bits(state: &State) -> Vec<u32> {
    groups(state).into_iter().flatten().flatten().map(|v| v.to_bits()).collect()
}

#[test]
fn five_steps_on_the_device_are_those_of_the_reference() {
    let mut gpu = device();
    for (optimiser, blocks) in [("adam", false), ("sgd", true), ("adamw", true)] {
        let network = NetworkOptions {
            layer_norm: blocks,
            skip: blocks,
            hidden: if blocks { "8x3" } else { "9,8" }.into(),
            ..plain()
        };
        let options = TrainOptions { optimiser: optimiser.into(), weight_decay: 0.01, ..quick() };
        let there = train(&mut gpu, &network, &options, &[5]);
        let here = train(&mut Reference::default(), &network, &options, &[5]);
        let start = train_start(&network, &options);
        assert_ne!(start.weights, here.weights, "{optimiser} moves the weights");
        for (kind, (a, b)) in groups(&here).into_iter().zip(groups(&there)).enumerate() {
            for (a, b) in a.iter().zip(b) {
                let scale = a.iter().fold(1e-30f32, |m, v| m.max(v.abs()));
                let worst = a.iter().zip(b).fold(0.0f32, |m, (a, b)| m.max((a - b).abs()));
                assert!(worst <= 1e-4 * scale, "{optimiser}, set {kind}: {worst:e} of {scale:e}");
            }
        }
    }
}

/// The state before any step.
fn train_start(network: &NetworkOptions, options: &TrainOptions) -> State {
    let mut engine = Reference::default();
    Trainer::new(&mut engine, setup(network, options)).unwrap().state().unwrap()
}

#[test]
fn a_resumed_training_is_the_uninterrupted_one_byte_for_byte() {
    for optimiser in ["adam", "sgd"] {
        let options = TrainOptions { optimiser: optimiser.into(), ..quick() };
        let whole = train(&mut device(), &plain(), &options, &[40]);
        let parts = train(&mut device(), &plain(), &options, &[17, 23]);
        assert_eq!((whole.step, parts.step), (40, 40));
        assert!(bits(&whole) == bits(&parts), "{optimiser}");
        // the comparison sees a step more or less
        assert!(bits(&whole) != bits(&train(&mut device(), &plain(), &options, &[17, 22])), "{optimiser}");
    }
}

#[test]
fn the_same_training_gives_the_same_bytes_twice() {
    let mut gpu = device();
    let first = train(&mut gpu, &plain(), &quick(), &[40]);
    assert!(bits(&first) == bits(&train(&mut gpu, &plain(), &quick(), &[40])));
    // neither ticks nor held-out passes between steps change anything
    let mut trainer = Trainer::new(&mut gpu, setup(&plain(), &quick())).unwrap();
    for steps in [1, 9, 30] {
        trainer.run(steps).unwrap();
        assert!(trainer.held_out().unwrap()[0].loss.is_finite());
    }
    assert!(bits(&first) == bits(&trainer.state().unwrap()));
}

#[test]
fn a_training_that_diverges_says_so_and_keeps_its_weights_finite() {
    let mut gpu = device();
    let options = TrainOptions { lr: 1e10, warmup: 0, clip: 0.0, lr_schedule: "constant".into(), ..quick() };
    let mut trainer = Trainer::new(&mut gpu, setup(&plain(), &options)).unwrap();
    let said = trainer.run(40).unwrap_err();
    assert!(matches!(said, Error::Diverged(_)), "{said}");
    assert!(said.problem().what.contains("step") && said.problem().hint.is_some());
    assert_eq!(trainer.step(), 0, "the steps do not count");
    let state = trainer.state().unwrap();
    assert!(state.weights.iter().flatten().all(|v| v.is_finite()));
}

#[test]
fn rows_that_are_not_finite_never_reach_a_training() {
    for bad in [f32::NAN, f32::INFINITY] {
        for standardise in [true, false] {
            let mut rows = vec![1.0f32, 2.0, 3.0, 5.0, 8.0, 13.0];
            rows[3] = bad;
            let said = Dataset::from_rows("t".into(), rows, 2, 0.0, standardise, 1);
            assert!(matches!(said, Err(Error::Data(_))), "{bad} {standardise}");
        }
    }
}

#[test]
fn a_step_of_three_layers_launches_what_it_always_did() {
    let setup = setup(&plain(), &quick());
    let [step, held_out] = setup.recordings(100).unwrap();
    let kernels = |r: &scorefield::recording::Recording| -> Vec<&'static str> {
        r.commands.iter().filter_map(|c| if let Command::Dispatch(d) = c { Some(d.kernel) } else { None }).collect()
    };
    assert_eq!(kernels(&step), STEP);
    assert_eq!(step.dispatches(), STEP.len());
    assert_eq!(kernels(&held_out), HELD_OUT);
}

/// Launches cost more than arithmetic at this size, so none may be added unnoticed.
const STEP: [&str; 13] = [
    "train/noise",
    "network/linear_shallow",
    "network/linear_narrow",
    "network/linear_narrow",
    "loss/dsm",
    "network/d_weight_narrow",
    "network/linear_narrow",
    "network/d_weight_narrow",
    "network/linear_shallow",
    "network/d_weight",
    "optimiser/reduce",
    "optimiser/finish",
    "optimiser/update",
];
const HELD_OUT: [&str; 6] = [
    "train/noise",
    "network/linear_shallow",
    "network/linear_narrow",
    "network/linear_narrow",
    "loss/dsm",
    "loss/tally",
];

#[test]
fn a_lost_device_is_an_error_and_never_a_panic() {
    // each call is the first to meet the lost device once
    for what in ["run", "read", "wait", "prepare and run", "a new training"] {
        let (mut gpu, setup) = (device(), setup(&plain(), &quick()));
        gpu.allocate(&setup.arena).unwrap();
        setup.upload(&mut gpu).unwrap();
        setup.begin(&mut gpu, 0, 10, &[]).unwrap();
        let [step, _] = setup.recordings(10).unwrap();
        let program = gpu.prepare(&step).unwrap();
        gpu.run(program, 2).unwrap();
        gpu.destroy_for_test();
        let said = match what {
            "run" => gpu.run(program, 3).and_then(|()| gpu.wait()).err(),
            "read" => gpu.read(&setup.tensors().history).err(),
            "wait" => gpu.wait().err(),
            "prepare and run" => gpu.prepare(&step).and_then(|p| gpu.run(p, 1)).and_then(|()| gpu.wait()).err(),
            _ => Trainer::new(&mut gpu, self::setup(&plain(), &quick())).and_then(|mut t| t.run(3)).err(),
        };
        assert!(matches!(said, Some(Error::Lost(_))), "{what}: {said:?}");
        // and it stays lost
        assert!(matches!(gpu.read(&setup.tensors().history), Err(Error::Lost(_))), "{what}, then read");
    }
}

/// Blocks, a trained alpha and clipping too: every kernel of a step has an ensemble in it.
fn ornate() -> NetworkOptions {
    NetworkOptions {
        hidden: "20,20,9".into(),
        activation: "signrelu".into(),
        train_alpha: true,
        layer_norm: true,
        skip: true,
        features: 5,
        ..NetworkOptions::default()
    }
}

#[test]
fn members_of_an_ensemble_are_what_they_are_alone_byte_for_byte() {
    let options = TrainOptions { clip: 0.5, ..quick() };
    let process = Process::named("ou").unwrap();
    for shape in [plain(), ornate()] {
        let network = Network::new(&shape, 2).unwrap();
        let law = std::sync::Arc::from(scorefield::distribution::parse("moons").unwrap());
        let drawn = |seed| Dataset::from_distribution(std::sync::Arc::clone(&law), 300, 0.2, true, seed).unwrap();
        let all: Vec<(Dataset, u64)> = [3, 1 << 40, 8].map(|seed| (drawn(seed), seed)).into();
        let mut gpu = device();
        let train = |gpu: &mut Gpu, members: &[(&Dataset, u64)]| -> Vec<(Vec<u32>, u64, Vec<u32>)> {
            let setup = Setup::ensemble(&network, &process, members, &options).unwrap();
            let mut trainer = Trainer::new(gpu, setup).unwrap();
            let ticks = trainer.run_all(25).unwrap();
            let held_out = trainer.held_out().unwrap();
            (0..members.len())
                .map(|m| {
                    let losses = ticks[m].as_ref().unwrap().losses.iter().map(|l| l.to_bits()).collect();
                    (bits(&trainer.state_of(m).unwrap()), held_out[m].loss.to_bits(), losses)
                })
                .collect()
        };
        let members: Vec<_> = all.iter().map(|(d, seed)| (d, *seed)).collect();
        let together = train(&mut gpu, &members);
        assert_ne!(together[0].0, together[1].0);
        for (m, member) in members.iter().enumerate() {
            let alone = train(&mut gpu, &[*member]);
            assert!(alone[0] == together[m], "member {m} of {:?}", shape.hidden);
        }
    }
}

#[test]
fn a_member_that_diverges_leaves_the_others_alone() {
    let (network, process) = (Network::new(&plain(), 2).unwrap(), Process::named("ou").unwrap());
    let good = data();
    let mut bad = data();
    // far beyond what standardised rows ever are: the loss overflows
    bad.train.iter_mut().for_each(|v| *v *= 1e30);
    let mut gpu = device();
    let options = quick();
    let members = [(&good, SEED), (&bad, SEED)];
    let setup = Setup::ensemble(&network, &process, &members, &options).unwrap();
    let mut trainer = Trainer::new(&mut gpu, setup).unwrap();
    for _ in 0..2 {
        let ticks = trainer.run_all(20).unwrap();
        assert!(ticks[0].is_ok() && matches!(ticks[1], Err(Error::Diverged(_))), "{ticks:?}");
    }
    assert_eq!(trainer.step(), 40);
    let (well, stopped) = (trainer.state_of(0).unwrap(), trainer.state_of(1).unwrap());
    drop(trainer);
    assert_eq!(bits(&well), bits(&self::train(&mut gpu, &plain(), &options, &[40])));
    assert!(stopped.weights.iter().flatten().all(|v| v.is_finite()));
}

/// A law whose score is -x at all times, of which the residual head has nothing left to learn but to be silent.
#[test]
fn a_teacher_leaves_no_noise_in_the_loss() {
    let law: Arc<dyn Distribution> = Arc::from(parse("gaussian").unwrap());
    let shape = NetworkOptions { predict: "residual".into(), ..plain() };
    let mut gpu = device();
    let mut loss = |teacher: &str| {
        let data = Dataset::from_distribution(law.clone(), 2000, 0.1, false, SEED).unwrap();
        let options = TrainOptions { teacher: teacher.into(), lr: 0.02, ..quick() };
        let network = Network::new(&shape, 2).unwrap();
        let setup = Setup::new(&network, &Process::named("ou").unwrap(), &data, &options, SEED).unwrap();
        let losses = Trainer::new(&mut gpu, setup).unwrap().run(options.steps).unwrap().losses;
        losses[losses.len() - 5..].iter().sum::<f32>() / 5.0
    };
    let (noise, exact) = (loss("none"), loss("exact"));
    assert!(exact < 0.05 * noise, "loss {exact} with a teacher, {noise} without");
}
