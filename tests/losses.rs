//! The identities between the losses (Hyvarinen 2005; Vincent 2011; Song et al. 2019), for networks that nobody trained, in
//! f64 on the reference engine; and what is refused.

use scorefield::network::{Network, NetworkOptions};
use scorefield::process::Process;
use scorefield::reference::Reference;
use scorefield::train::losses::probes;
use scorefield::train::{Dataset, LOSSES, Setup, TrainOptions, Trainer};

const STEPS: u32 = 60;

/// The loss of each of some batches: the same draws, whatever the loss.
fn losses(loss: &str, seed: u64) -> Vec<f64> {
    let law = scorefield::distribution::parse("gmm:means=(-3)(3),sd=1").unwrap();
    let data = Dataset::from_distribution(law.into(), 100_000, 0.0, false, 5).unwrap();
    let options = NetworkOptions { hidden: "6,5".into(), features: 4, init: "pytorch".into(), ..Default::default() };
    let training = TrainOptions {
        loss: loss.into(),
        batch_size: 256,
        steps: STEPS,
        lr: 0.0,
        time_sampling: "uniform".into(),
        ..TrainOptions::default()
    };
    let process = Process::named("ou").unwrap().with_times(3.0, 0.01).unwrap();
    // the data and their noise are those of seed 0 of the setup, the weights those of `seed`
    let network = Network::new(&options, 1).unwrap();
    let setup = Setup::new(&network, &process, &data, &training, seed).unwrap();
    let mut engine = Reference::default();
    let mut trainer = Trainer::new(&mut engine, setup).unwrap();
    trainer.run(STEPS).unwrap().losses.iter().map(|l| f64::from(*l)).collect()
}

/// Mean and standard error of the paired differences.
fn difference(a: &[f64], b: &[f64]) -> (f64, f64) {
    let d: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    let n = d.len() as f64;
    let mean = d.iter().sum::<f64>() / n;
    (mean, (d.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0) / n).sqrt())
}

/// Vincent's constant in noise units for this law, averaged over t uniform on [0.01, 3], by quadrature elsewhere.
const FLOOR: f64 = 0.35086;

#[test]
fn the_losses_differ_by_constants_that_the_weights_do_not_enter() {
    for seed in [1, 2, 3] {
        let all: Vec<Vec<f64>> = LOSSES.iter().map(|l| losses(l.name, seed)).collect();
        let of = |name: &str| &all[LOSSES.iter().position(|l| l.name == name).unwrap()];
        let dsm = of("dsm");
        for (name, constant) in [("esm", FLOOR), ("ism", 0.0), ("ssm", 0.0)] {
            let (mean, error) = difference(dsm, of(name));
            // a false alarm once in a million
            assert!((mean - constant).abs() < 5.0 * error, "dsm - {name}, seed {seed}: {mean} +- {error}");
            // and what is compared is known well enough to tell, and not the same number twice
            assert!(error > 1e-5 && error < 0.03, "dsm - {name}, seed {seed}: {error}");
        }
        // the test would see a divergence that is missing: guessing 0 costs 1, so does the network about
        let (_, error) = difference(dsm, of("ism"));
        let mean = dsm.iter().sum::<f64>() / dsm.len() as f64;
        assert!(mean > 20.0 * error, "seed {seed}");
    }
}

#[test]
fn in_one_dimension_signs_are_unit_vectors() {
    assert_eq!(losses("ism", 4), losses("ssm", 4));
}

#[test]
fn what_has_no_gradient_is_refused() {
    let train = |loss: &str, teacher: &str| TrainOptions {
        loss: loss.into(),
        teacher: teacher.into(),
        ..TrainOptions::default()
    };
    let network = |change: fn(&mut NetworkOptions), dim| {
        let mut options = NetworkOptions::default();
        change(&mut options);
        Network::new(&options, dim).unwrap()
    };
    let plain = network(|_| {}, 64);
    assert_eq!(probes(&train("ism", "none"), &plain).unwrap().unwrap().count, 64);
    assert!(probes(&train("dsm", "none"), &plain).unwrap().is_none());
    type Change = fn(&mut NetworkOptions);
    let refused: [(Change, &str); 5] = [
        (|o| o.activation = "relu".into(), "slope jumps"),
        (
            |o| {
                o.activation = "signrelu".into();
                o.alpha = 0.5;
            },
            "slope jumps",
        ),
        (|o| o.layer_norm = true, "--layer-norm"),
        (|o| o.skip = true, "--skip"),
        (
            |o| {
                o.activation = "signrelu".into();
                o.train_alpha = true;
            },
            "--train-alpha",
        ),
    ];
    for (change, said) in refused {
        let error = probes(&train("ssm", "none"), &network(change, 2)).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    let error = probes(&train("ism", "none"), &network(|_| {}, 65)).unwrap_err().to_string();
    assert!(error.contains("65 columns") && error.contains("--loss ssm"), "{error}");
    let error = train("ism", "exact").check().unwrap_err().to_string();
    assert!(error.contains("--loss") && error.contains("--teacher exact"), "{error}");
    train("dsm", "exact").check().unwrap();
}
