//! What reaches the device: kernels a step, submissions and readbacks a run. Regressions of structure are seen here, whatever
//! the clock says; the kernels of a training step are listed in `training.rs`.

use scorefield::gpu::{Choice, Gpu};
use scorefield::network::{Network, NetworkOptions};
use scorefield::process::{self, Process, SamplerOptions};
use scorefield::recording::{Arena, Command, Recording};
use scorefield::sample::{self, Chunk, NetworkScore, Request, State};
use scorefield::train::{Dataset, Setup, TrainOptions, Trainer};

const SEED: u64 = 21;

fn device() -> Gpu {
    Gpu::open(&Choice::default()).expect("a device; install a software driver with `make test`")
}

fn network() -> Network {
    let options = NetworkOptions { hidden: "9,8".into(), features: 5, ..NetworkOptions::default() };
    Network::new(&options, 2).unwrap()
}

fn setup(steps: u32) -> Setup {
    let rows: Vec<f32> = (0..400).map(|i| ((i * 37 % 101) as f32 / 25.0).sin() + (i % 7) as f32).collect();
    let data = Dataset::from_rows("rows".into(), rows, 2, 0.2, true, SEED).unwrap();
    let options = TrainOptions { steps, batch_size: 70, warmup: 3, ..TrainOptions::default() };
    Setup::new(&network(), &Process::named("ou").unwrap(), &data, &options, SEED).unwrap()
}

fn score() -> NetworkScore {
    let network = network();
    let weights = network.initial(SEED).unwrap();
    NetworkScore { network, process: Process::named("ou").unwrap(), variance: 1.0, feature_seed: SEED, weights }
}

fn plan(score: &NetworkScore, steps: usize) -> process::Plan {
    let grid = process::grid("uniform", &score.process, steps).unwrap();
    process::plan("ei", &score.process, &grid, &SamplerOptions::default()).unwrap()
}

fn kernels(recording: &Recording) -> Vec<&'static str> {
    let kernel = |c: &Command| if let Command::Dispatch(d) = c { Some(d.kernel) } else { None };
    recording.commands.iter().filter_map(kernel).collect()
}

/// How many pieces `seconds` of work may be cut into: they aim at a twentieth of a second, and where the pace wavers one
/// may be a third of that. A submission a step would be far above it.
fn pieces(seconds: f64, steps: u32) -> u64 {
    (4 + (60.0 * seconds) as u64).min(u64::from(steps) / 4)
}

#[test]
fn a_reverse_step_of_three_layers_launches_what_it_always_did() {
    let score = score();
    let mut arena = Arena::new();
    let chunk = Chunk::new(&mut arena, &score, &plan(&score, 3), 70).unwrap();
    assert_eq!(kernels(&chunk.stage(SEED)), STAGE);
    assert_eq!(kernels(&chunk.start(SEED, 1.0)), ["sampler/start"]);
    assert_eq!(kernels(&chunk.finish()), ["layout/to_rows"]);
}

/// Launches cost more than arithmetic at this size, so none may be added unnoticed.
const STAGE: [&str; 7] = [
    "score/fold_time",
    "network/linear_shallow",
    "network/linear_narrow",
    "network/linear_narrow",
    "score/network_output",
    "sampler/stage",
    "sampler/advance",
];

#[test]
fn slopes_are_kept_by_trainings_whose_activation_needs_them_and_by_nothing_else() {
    let bytes = |activation: &str, training: bool| {
        let options = NetworkOptions { hidden: "64x3".into(), activation: activation.into(), ..Default::default() };
        let mut arena = Arena::new();
        Network::new(&options, 2).unwrap().workspace(&mut arena, 640, training);
        arena.bytes()
    };
    assert_eq!(bytes("silu", false), bytes("tanh", false));
    let slopes = 3 * 64 * 640 * 4;
    let spared = bytes("silu", true) - bytes("tanh", true);
    // in their place something small is bound
    assert!(spared <= slopes && spared > slopes * 3 / 4, "{spared} of {slopes}");
}

#[test]
fn a_long_training_submits_many_steps_at_a_time_and_reads_back_once_a_tick() {
    const STEPS: u32 = 1000;
    let mut gpu = device();
    // compiles, so that what follows runs at its pace
    Trainer::new(&mut gpu, setup(STEPS)).unwrap().run(20).unwrap();
    let before = gpu.counts();
    let mut trainer = Trainer::new(&mut gpu, setup(STEPS)).unwrap();
    let a_step = trainer.setup.recordings(0).unwrap()[0].dispatches() as u64;
    let clock = std::time::Instant::now();
    trainer.run(STEPS).unwrap();
    let seconds = clock.elapsed().as_secs_f64();
    drop(trainer);
    let after = gpu.counts();
    assert_eq!(after.launches - before.launches, a_step * u64::from(STEPS), "every launch belongs to a step");
    assert_eq!(after.readbacks - before.readbacks, 3, "the fault, the losses and their bins, once a tick");
    let submissions = after.submissions - before.submissions;
    assert!(submissions <= pieces(seconds, STEPS), "{submissions} submissions in {seconds:.2} s");
}

#[test]
fn a_long_sampling_submits_many_steps_at_a_time_and_reads_back_once_a_chunk() {
    const STEPS: u32 = 2000;
    let (mut gpu, score) = (device(), score());
    let plan = plan(&score, STEPS as usize);
    let (shift, scale) = ([0.0; 2], [1.0; 2]);
    let mut draw = |count: u32| {
        let request = Request {
            score: &score,
            plan: &plan,
            count,
            chunk: 70,
            seed: 1,
            shift: &shift,
            scale: &scale,
            follow: None,
        };
        let (before, clock, mut rows) = (gpu.counts(), std::time::Instant::now(), 0);
        let mut count_rows = |state: State<'_>| {
            if let State::Samples { points, .. } = state {
                rows += points.len() / 2;
            }
            Ok(())
        };
        sample::run(&mut gpu, &request, &mut count_rows).unwrap();
        let (seconds, after) = (clock.elapsed().as_secs_f64(), gpu.counts());
        assert_eq!(rows, count as usize);
        (
            after.launches - before.launches,
            after.readbacks - before.readbacks,
            after.submissions - before.submissions,
            seconds,
        )
    };
    draw(70); // compiles
    let (launches, readbacks, submissions, seconds) = draw(140);
    assert_eq!(launches, 2 * (u64::from(STEPS) * STAGE.len() as u64 + 2), "two chunks, each with a start and an end");
    assert_eq!(readbacks, 2, "the samples, once a chunk");
    // beside the pieces, a start, an end and looks at the outside world in each chunk
    assert!(submissions <= pieces(seconds, 2 * STEPS) + 40, "{submissions} submissions in {seconds:.2} s");
}
