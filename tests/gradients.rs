//! The recorded gradients against central differences of the recorded loss, both in f64 on the reference engine.

use scorefield::network::{ACTIVATIONS, Network, NetworkOptions};
use scorefield::process::Process;
use scorefield::recording::{Arena, Command, Engine, Recording, Tensor};
use scorefield::reference::Reference;
use scorefield::train::{Dataset, Setup, TrainOptions};

/// The commands of a training step up to and without the first whose kernel starts with `until`.
fn part(step: &Recording, until: &str) -> Recording {
    let is = |c: &Command| matches!(c, Command::Dispatch(d) if d.kernel.starts_with(until));
    let end = step.commands.iter().position(is).unwrap();
    Recording { label: "part".into(), commands: step.commands[..end].to_vec() }
}

fn check(options: NetworkOptions, dim: usize) {
    check_of("dsm", options, dim);
}

fn check_of(loss: &str, options: NetworkOptions, dim: usize) {
    let rows: Vec<f32> = (0..40 * dim).map(|i| ((i * 37 % 101) as f32 / 50.0) - 1.0).collect();
    let data = Dataset::from_rows("rows".into(), rows, dim, 0.2, true, 1).unwrap();
    let network = Network::new(&options, dim).unwrap();
    let loss = loss.to_string();
    let training = TrainOptions { batch_size: 7, steps: 10, loss, ..TrainOptions::default() };
    let setup = Setup::new(&network, &Process::named("ou").unwrap(), &data, &training, 3).unwrap();
    let [step, _] = setup.recordings(0).unwrap();
    let t = setup.tensors();
    let mut engine = Reference::default();
    engine.allocate(&setup.arena).unwrap();
    setup.upload(&mut engine).unwrap();
    setup.begin(&mut engine, 0, 1, &[]).unwrap();
    let whole = engine.prepare(&part(&step, "optimiser/finish")).unwrap();
    engine.run(whole, 1).unwrap();
    let gradients: Vec<Vec<f64>> = t.gradient().iter().map(|g| engine.read_f64(g).unwrap()).collect();
    let forward = engine.prepare(&part(&step, "network/d_")).unwrap();
    let trained = network.trained();
    let mut worst = 0.0f64;
    let mut greatest = 0.0f64;
    for (group, gradient) in gradients.iter().enumerate() {
        greatest = gradient.iter().fold(greatest, |m, g| m.max(g.abs()));
        let (first, length) = trained[group];
        // an alpha that is not trained has no gradient, though the loss depends on it
        let alpha = network.layout.alpha_at..network.layout.alpha_at + network.layout.layers.len();
        let noise = network.head.trained.then(|| network.noise_at());
        let still = |i: usize| group == 0 && alpha.contains(&i) && !network.options.train_alpha && noise != Some(i);
        for (i, &exact) in gradient.iter().enumerate().skip(first).take(length).filter(|(i, _)| !still(*i)) {
            let one: Tensor = t.weights.groups[group].slice(i, &[1]);
            let value = engine.read_f64(&one).unwrap()[0];
            let h = 1e-4;
            let mut at = |v: f64| {
                engine.write_f64(&one, &[v]).unwrap();
                engine.run(forward, 1).unwrap();
                engine.read_f64(t.partial()).unwrap().chunks(2).map(|c| c[0]).sum::<f64>() / 7.0
            };
            // fourth order: norms over few features bend too much for the second
            let numeric =
                (8.0 * (at(value + h) - at(value - h)) - (at(value + 2.0 * h) - at(value - 2.0 * h))) / (12.0 * h);
            engine.write_f64(&one, &[value]).unwrap();
            worst = worst.max((numeric - exact).abs());
        }
    }
    assert!(greatest > 1e-4, "the gradient is not trivial");
    assert!(worst <= 1e-8 * greatest.max(1.0), "{options:?}: worst {worst:e} of {greatest:e}");
}

#[test]
fn gradients_are_those_of_the_loss_for_every_activation() {
    for a in ACTIVATIONS {
        // biases that are not zero keep the units away from the kinks, where there is no derivative to compare
        let init = "pytorch".into();
        let base = NetworkOptions {
            hidden: "5,3".into(),
            activation: a.name.into(),
            features: 4,
            alpha: 0.7,
            init,
            ..Default::default()
        };
        let train_alpha = a.parameter.is_some();
        check(NetworkOptions { train_alpha, ..base }, 2);
    }
}

#[test]
fn gradients_are_right_for_blocks_heads_and_frozen_layers() {
    let base = NetworkOptions { hidden: "4x3".into(), activation: "silu".into(), features: 3, ..Default::default() };
    check(NetworkOptions { layer_norm: true, ..base.clone() }, 1);
    check(NetworkOptions { skip: true, activation: "signrelu".into(), train_alpha: true, ..base.clone() }, 3);
    check(NetworkOptions { layer_norm: true, skip: true, ..base.clone() }, 2);
    check(NetworkOptions { freeze: true, ..base.clone() }, 2);
    // inside the ball, outside it, and both
    for radius in [1e3, 1e-3, 0.4] {
        check(NetworkOptions { predict: "structured".into(), radius, init: "pytorch".into(), ..base.clone() }, 3);
    }
    for head in ["eps", "x0", "v", "score"] {
        check(NetworkOptions { predict: head.into(), hidden: "4".into(), ..base.clone() }, 2);
    }
}

#[test]
fn gradients_of_implicit_losses_are_those_of_the_loss() {
    let base = |activation: &str| NetworkOptions {
        hidden: "5,3".into(),
        activation: activation.into(),
        features: 4,
        init: "pytorch".into(),
        ..Default::default()
    };
    for a in ACTIVATIONS.iter().filter(|a| a.is_smooth(1.0)) {
        check_of("ism", base(a.name), 2);
    }
    for predict in ["eps", "x0", "v", "score"] {
        check_of("ssm", NetworkOptions { predict: predict.into(), hidden: "4".into(), ..base("silu") }, 3);
    }
    // more than one narrow tile of outputs, a single unit, and a frozen hidden layer
    check_of("ism", base("tanh"), 9);
    check_of("ism", NetworkOptions { hidden: "1".into(), features: 0, ..base("gelu") }, 1);
    check_of("ism", NetworkOptions { freeze: true, ..base("softplus") }, 2);
}

#[test]
fn the_input_gradient_is_that_of_the_output() {
    let options = NetworkOptions { hidden: "5,4".into(), activation: "tanh".into(), features: 3, ..Default::default() };
    let network = Network::new(&options, 2).unwrap();
    let mut arena = Arena::new();
    let weights = scorefield::network::Weights::new(&mut arena, "weights", &network.layout);
    let mirrors: Vec<Tensor> = network.layout.mirrors.iter().map(|&n| arena.f32("mirror", &[n])).collect();
    let work = network.workspace(&mut arena, 3, true);
    let back = network.back_workspace(&mut arena, 3, 1);
    let out = arena.panel("input gradient", 3, 5);
    let mut engine = Reference::default();
    engine.allocate(&arena).unwrap();
    for (g, values) in network.initial(4).unwrap().iter().enumerate() {
        engine.write(&weights.groups[g], values).unwrap();
        engine.write(&mirrors[g], &network.layout.mirror(g, values)).unwrap();
    }
    let input: Vec<f64> = (0..work.input.len()).map(|i| (i as f64 * 0.7).sin()).collect();
    engine.write_f64(&work.input, &input).unwrap();
    let d_output: Vec<f64> = (0..back.d_output.len()).map(|i| (i as f64 * 1.3).cos()).collect();
    engine.write_f64(&back.d_output, &d_output).unwrap();
    let mut forward = Recording::new("forward");
    network.forward(&mut forward, &weights, &work);
    let mut backward = forward.clone();
    network.backward(&mut backward, &weights, &mirrors, &work, &back);
    network.input_gradient(&mut backward, &weights, &mirrors, &work, &back, &out);
    let (forward, backward) = (engine.prepare(&forward).unwrap(), engine.prepare(&backward).unwrap());
    engine.run(backward, 1).unwrap();
    let gradient = engine.read_f64(&out).unwrap();
    for i in (0..input.len()).filter(|i| i % 32 < 3) {
        let mut at = |h: f64| {
            let mut moved = input.clone();
            moved[i] += h;
            engine.write_f64(&work.input, &moved).unwrap();
            engine.run(forward, 1).unwrap();
            engine.read_f64(&work.output).unwrap().iter().zip(&d_output).map(|(a, b)| a * b).sum::<f64>()
        };
        let numeric = (at(1e-5) - at(-1e-5)) / 2e-5;
        assert!((numeric - gradient[i]).abs() < 1e-8, "{i}: {numeric} {}", gradient[i]);
    }
}
