//! How well the network of Li, Li, Zhang, Bian 2023 generalises along its training, over the distance of the modes and the
//! width.

use super::two_layer::{Rule, TwoLayer, exact_divergence};
use super::{Bench, Check, Curve, Outcome, Preset, Sweep, whole};
use crate::error::Result;
use crate::metrics::parallel;

/// Epochs between two looks at the watcher.
const TICK: u32 = 50;
/// Distance of the modes from 0 in their first experiment, and in the one with modes far apart.
const NEAR: f64 = 3.0;
const FAR: f64 = 15.0;
/// Neurons.
const HIDDEN: usize = 16;

/// Trainings of one setting, one a seed, side by side.
struct Ensemble {
    members: Vec<TwoLayer>,
    epoch: u32,
    /// (epoch, KL of each member, loss of each member)
    seen: Vec<(u32, Vec<f64>, Vec<f64>)>,
}

fn seeds(bench: &Bench) -> u64 {
    if bench.quick { 8 } else { 32 }
}

/// KL and loss of every member after `epoch` epochs.
fn after(bench: &mut Bench, rule: Rule, mu: f64, hidden: usize, epoch: u32) -> Result<(Vec<f64>, Vec<f64>)> {
    let seed = bench.seed;
    let count = seeds(bench);
    let name = format!("{rule:?}, modes at +-{mu}, {hidden} neurons");
    let begin = move || -> Vec<TwoLayer> { (0..count).map(|i| TwoLayer::new(rule, mu, hidden, seed + i)).collect() };
    let make = |_: &mut Bench| Ok(Ensemble { members: begin(), epoch: 0, seen: Vec::new() });
    bench.keep(&name, make, |bench, all| {
        if let Some((_, kl, loss)) = all.seen.iter().find(|s| s.0 == epoch) {
            return Ok((kl.clone(), loss.clone()));
        }
        if epoch < all.epoch {
            (all.members, all.epoch) = (begin(), 0);
        }
        while all.epoch < epoch {
            (bench.watch)(&format!("{name}: epoch {} of {epoch}", all.epoch))?;
            all.epoch = epoch.min(all.epoch + TICK);
            let (members, to) = (&all.members, all.epoch);
            let train = |_: &mut (), i: usize| {
                let mut member = members[i].clone();
                member.train_to(to);
                member
            };
            all.members = parallel::map(bench.threads(), members.len(), || (), train);
        }
        let kl: Vec<f64> = all.members.iter().map(TwoLayer::kl).collect();
        let loss: Vec<f64> = all.members.iter().map(TwoLayer::loss).collect();
        all.seen.push((epoch, kl.clone(), loss.clone()));
        Ok((kl, loss))
    })
}

fn epochs(x: f64) -> Result<u32> {
    Ok(whole(x, 0, 100_000, "epochs")? as u32)
}

/// The median over the networks that did not diverge; their number is the n of the outcome.
fn of_finite(values: &[f64]) -> Outcome {
    Outcome::median(&values.iter().copied().filter(|v| v.is_finite()).collect::<Vec<_>>())
}

fn kl(bench: &mut Bench, rule: Rule, mu: f64, x: f64) -> Result<Outcome> {
    Ok(of_finite(&after(bench, rule, mu, HIDDEN, epochs(x)?)?.0))
}

fn loss(bench: &mut Bench, rule: Rule, x: f64) -> Result<Outcome> {
    Ok(of_finite(&after(bench, rule, NEAR, HIDDEN, epochs(x)?)?.1))
}

/// The median over seeds of the median over some epochs of the KL: one epoch says little, SGD at this rate oscillates.
fn settled(bench: &mut Bench, rule: Rule, mu: f64, hidden: usize, epochs: &[u32]) -> Result<Outcome> {
    let mut all: Vec<Vec<f64>> = Vec::new();
    for &epoch in epochs {
        all.push(after(bench, rule, mu, hidden, epoch)?.0);
    }
    let of = |i: usize| of_finite(&all.iter().map(|kl| kl[i]).collect::<Vec<_>>()).value;
    let each: Vec<f64> = (0..all[0].len()).map(of).collect();
    Ok(of_finite(&each))
}

const LATE: &[u32] = &[500, 600, 700, 800, 900, 1000, 1250, 1500, 1750, 2000];
const CAPACITY: &[u32] = &[800, 850, 900, 950, 1000];

fn modes(bench: &mut Bench, rule: Rule, x: f64) -> Result<Outcome> {
    settled(bench, rule, x, HIDDEN, LATE)
}

fn capacity(bench: &mut Bench, rule: Rule, x: f64) -> Result<Outcome> {
    settled(bench, rule, NEAR, whole(x, 1, 1 << 14, "neurons")?, CAPACITY)
}

const EPOCHS: &[f64] = &[
    0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 300.0, 400.0, 500.0, 600.0, 700.0, 800.0, 900.0, 1000.0,
    1250.0, 1500.0, 1750.0, 2000.0,
];
const SGD_NEAR: &str = "SGD, modes at +-3";
const SGD_FAR: &str = "SGD, modes at +-15";

/// The authors' experiments on the line.
pub const GENERALISATION: Preset = Preset {
    name: "generalisation",
    doc: "KL of the authors' own network along its training: when it is least, modes far apart, width",
    source: "Li, Li, Zhang, Bian 2023, section 4.1: configuration, epochs and metric are theirs. Medians over seeds, each with \
             rows of its own, those that diverge left out; the bounds come from an independent computation with other seeds, with room for theirs",
    sweeps: &[
        Sweep {
            name: "training",
            key: "epoch",
            quantity: "KL(data || density of the score), nats",
            quick: EPOCHS,
            full: EPOCHS,
            curves: &[
                Curve { name: SGD_NEAR, at: |b, x| kl(b, Rule::Sgd, NEAR, x), claim: None },
                Curve { name: "Adam, modes at +-3", at: |b, x| kl(b, Rule::Adam, NEAR, x), claim: None },
                Curve { name: SGD_FAR, at: |b, x| kl(b, Rule::Sgd, FAR, x), claim: None },
                Curve { name: "Adam, modes at +-15", at: |b, x| kl(b, Rule::Adam, FAR, x), claim: None },
            ],
        },
        Sweep {
            name: "loss",
            key: "epoch",
            quantity: "training loss of the epoch, per row",
            quick: &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0],
            full: &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 1500.0, 2000.0],
            curves: &[
                Curve { name: SGD_NEAR, at: |b, x| loss(b, Rule::Sgd, x), claim: None },
                Curve { name: "Adam, modes at +-3", at: |b, x| loss(b, Rule::Adam, x), claim: None },
            ],
        },
        Sweep {
            name: "modes",
            key: "mu",
            quantity: "median KL over epochs 500 to 2000, nats",
            quick: &[1.0, 3.0, 6.0, 10.0, 15.0],
            full: &[1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 12.0, 15.0],
            curves: &[
                Curve { name: "SGD", at: |b, x| modes(b, Rule::Sgd, x), claim: None },
                Curve { name: "Adam", at: |b, x| modes(b, Rule::Adam, x), claim: None },
                Curve { name: "exact score", at: |_, x| Ok(Outcome::exact(exact_divergence(x))), claim: None },
            ],
        },
        Sweep {
            name: "capacity",
            key: "H",
            quantity: "median KL over epochs 800 to 1000, nats",
            quick: &[2.0, 4.0, 8.0, 16.0, 64.0, 256.0],
            full: &[2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0],
            curves: &[Curve { name: SGD_NEAR, at: |b, x| capacity(b, Rule::Sgd, x), claim: None }],
        },
    ],
    checks: &[
        Check {
            what: "KL before training, modes at +-3, nats",
            measure: |p| p.at("training", SGD_NEAR, 0.0),
            allowed: Some((0.9, 1.6)),
        },
        Check {
            what: "median KL over epochs 500 to 1000, SGD, modes at +-3, nats",
            measure: |p| p.median("training", SGD_NEAR, 500.0, 1000.0),
            allowed: Some((0.08, 0.35)),
        },
        Check {
            what: "training loss from epoch 500 on, SGD, modes at +-3",
            measure: |p| p.median("loss", SGD_NEAR, 500.0, 2000.0),
            allowed: Some((0.58, 0.63)),
        },
        Check {
            what: "median KL over epochs 500 to 2000, SGD, modes at +-15, nats",
            measure: |p| p.median("training", SGD_FAR, 500.0, 2000.0),
            allowed: Some((1.5, f64::INFINITY)),
        },
        Check {
            what: "KL with modes at +-15 over KL with modes at +-3, SGD",
            measure: |p| Some(p.at("modes", "SGD", 15.0)? / p.at("modes", "SGD", 3.0)?),
            allowed: Some((5.0, f64::INFINITY)),
        },
        Check {
            what: "KL with 2 neurons over KL with 16",
            measure: |p| Some(p.at("capacity", SGD_NEAR, 2.0)? / p.at("capacity", SGD_NEAR, 16.0)?),
            allowed: Some((3.0, f64::INFINITY)),
        },
        Check {
            what: "median KL over epochs 1500 to 2000 over that of epochs 600 to 1000: the rise that the paper reports",
            measure: |p| {
                let late = p.median("training", SGD_NEAR, 1500.0, 2000.0)?;
                Some(late / p.median("training", SGD_NEAR, 600.0, 1000.0)?)
            },
            allowed: None,
        },
    ],
};
