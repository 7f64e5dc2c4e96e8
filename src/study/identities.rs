//! The identities between the losses, for networks as they come: how far off they are, against the number of draws.

use super::{Bench, Curve, Outcome, Preset, Sweep};
use crate::config::{self, RunConfig};
use crate::error::{Error, Problem, Result};
use crate::network::Network;
use crate::process::Process;
use crate::train::{CHUNK, Setup, State, Trainer};

/// Half N((-3, 0), I), half N((3, 0), I).
const LAW: &str = "gmm:means=(-3 0)(3 0),sd=1";
/// Rows of a batch, whose mean loss is one number.
const BATCH: usize = 256;
/// Repetitions behind a point.
const BLOCKS: usize = 32;
/// Steps that the trained network is trained for.
const TRAINED: u32 = 400;

/// E |grad log p|^2 of half N(-a, 1), half N(a, 1), by the trapezoidal rule, which for such functions is exact to the last
/// digits: s = -x + a tanh(a x).
fn information(a: f64) -> f64 {
    let (h, far) = (0.02, a + 12.0);
    let points = (2.0 * far / h) as usize;
    let at = |i: usize| {
        let x = -far + h * i as f64;
        let density = [-a, a].map(|c| 0.5 * (-0.5 * (x - c) * (x - c)).exp() / std::f64::consts::TAU.sqrt());
        (density[0] + density[1]) * (a * (a * x).tanh() - x).powi(2)
    };
    h * (0..=points).map(at).sum::<f64>()
}

/// Vincent's constant of the law at time t in noise units: 1 - sigma^2 J / D, with J of the second coordinate 1.
fn constant(process: &Process, t: f64) -> f64 {
    1.0 - process.sigma(t).powi(2) * (information(3.0 * process.mean(t)) + 1.0) / 2.0
}

/// What is compared on the same draws.
#[derive(Clone, Copy)]
struct Case {
    /// The loss beside the denoising one.
    loss: &'static str,
    trained: bool,
}

fn settings(bench: &Bench, loss: &str, times: (f64, f64)) -> RunConfig {
    let mut config = RunConfig { source: LAW.into(), seed: bench.seed, ..RunConfig::default() };
    config.data.n = Some(1 << 20);
    config.train.held_out = 0.0;
    config.train.batch_size = BATCH;
    config.train.lr = 4e-3;
    config.train.loss = loss.into();
    config.network.hidden = "32x2".into();
    config.network.features = 8;
    // a trained head that is 0 far out would make all of this easy
    config.network.predict = "eps".into();
    (config.process.t0, config.process.t_max) = (Some(times.0), Some(times.1));
    config
}

/// Mean losses of `batches` batches, weights held still; the draws are those of the seed whatever the loss.
fn losses(bench: &mut Bench, case: Case, loss: &str, times: (f64, f64), batches: usize) -> Result<Vec<f64>> {
    let mut config = settings(bench, loss, times);
    let data = config::load(&config)?.data;
    let network = Network::new(&config.network, data.dim)?;
    let process = config.process.build()?;
    let seed = bench.seed;
    bench.on_device(|engine, watch| {
        let mut start: Option<State> = None;
        if case.trained {
            let mut quick = config.train.clone();
            (quick.loss, quick.steps) = ("dsm".into(), TRAINED);
            let mut trainer = Trainer::new(engine, Setup::new(&network, &process, &data, &quick, seed)?)?;
            trainer.run(TRAINED)?;
            start = Some(State { step: 0, ..trainer.state()? });
        }
        (config.train.lr, config.train.steps) = (0.0, batches as u32);
        let mut trainer = Trainer::new(engine, Setup::new(&network, &process, &data, &config.train, seed)?)?;
        if let Some(state) = start {
            trainer.restore(&[state])?;
        }
        let mut all = Vec::with_capacity(batches);
        while all.len() < batches {
            watch(&format!("{loss}: batch {} of {batches}", all.len()))?;
            let tick = trainer.run((batches - all.len()).min(CHUNK / 4) as u32)?;
            all.extend(tick.losses.iter().map(|l| f64::from(*l)));
        }
        Ok(all)
    })
}

/// denoising - other - what the theory says of the difference, one number a batch.
fn defects(bench: &mut Bench, case: Case, times: (f64, f64), batches: usize) -> Result<Vec<f64>> {
    let dsm = losses(bench, case, "dsm", times, batches)?;
    let other = losses(bench, case, case.loss, times, batches)?;
    Ok(dsm.iter().zip(&other).map(|(a, b)| a - b).collect())
}

/// Root mean square over [`BLOCKS`] means of x draws each of what the identity leaves.
fn defect(bench: &mut Bench, x: f64, case: Case) -> Result<Outcome> {
    let batches = x / BATCH as f64;
    if batches.fract() != 0.0 || !(1.0..=4096.0).contains(&batches) {
        let problem = Problem::new("the value cannot be used").at("--vary").found(x);
        return Err(Error::usage(problem.expected(format!("a multiple of {BATCH} up to {}", 4096 * BATCH))));
    }
    let times: (f64, f64) = (0.01, 3.0);
    let (batches, process) = (batches as usize, Process::named("ou")?);
    let wanted = if case.loss == "esm" {
        // the mean over the quantiles that training draws its times from
        let n = 512;
        let t = |i: usize| times.0 * (times.1 / times.0).powf((i as f64 + 0.5) / n as f64);
        (0..n).map(|i| constant(&process, t(i))).sum::<f64>() / n as f64
    } else {
        0.0
    };
    let all = defects(bench, case, times, batches * BLOCKS)?;
    let square = |block: &[f64]| (block.iter().sum::<f64>() / block.len() as f64 - wanted).powi(2);
    let value = (all.chunks(batches).map(square).sum::<f64>() / BLOCKS as f64).sqrt();
    // the square is chi-square with BLOCKS degrees of freedom
    Ok(Outcome { value, half_width: 1.96 * value / (2.0 * BLOCKS as f64).sqrt(), n: BLOCKS })
}

/// dsm - esm over Vincent's constant, at times within 2 % of t.
fn ratio(bench: &mut Bench, t: f64, trained: bool) -> Result<Outcome> {
    if !(0.005..=4.0).contains(&t) {
        let problem = Problem::new("the value cannot be used").at("--vary").found(t);
        return Err(Error::usage(problem.expected("a time, 0.005 to 4")));
    }
    let all =
        defects(bench, Case { loss: "esm", trained }, (0.99 * t, 1.01 * t), if bench.quick { 128 } else { 2048 })?;
    let said = crate::metrics::interval::mean(&all);
    let wanted = constant(&Process::named("ou")?, t);
    Ok(Outcome { value: said.value / wanted, half_width: said.half_width / wanted, n: said.n * BATCH })
}

const FALLS: Option<(f64, f64)> = Some((-0.65, -0.35));

const fn case(loss: &'static str, trained: bool) -> Case {
    Case { loss, trained }
}

/// Vincent's identity and that of Hyvarinen.
pub const DSM_IDENTITIES: Preset = Preset {
    name: "dsm-identities",
    doc: "denoising, explicit, implicit and sliced score matching of networks as they come: what the identities leave, by draws",
    source: "Vincent 2011: dsm = esm + C(t); Hyvarinen 2005, Song et al. 2019: dsm = ism = ssm in noise units (docs/conventions.md); \
             where an identity holds, only sampling error is left, slope -1/2, where it fails a constant, slope 0",
    sweeps: &[
        Sweep {
            name: "draws",
            key: "N",
            quantity: "root mean square of loss - loss - constant",
            quick: &[256.0, 1024.0, 4096.0],
            full: &[256.0, 1024.0, 4096.0, 16_384.0, 65_536.0],
            curves: &[
                Curve { name: "dsm - esm - C, trained", at: |b, x| defect(b, x, case("esm", true)), claim: FALLS },
                Curve { name: "dsm - esm - C, untrained", at: |b, x| defect(b, x, case("esm", false)), claim: FALLS },
                Curve { name: "dsm - ism, trained", at: |b, x| defect(b, x, case("ism", true)), claim: FALLS },
                Curve { name: "dsm - ism, untrained", at: |b, x| defect(b, x, case("ism", false)), claim: FALLS },
                Curve { name: "dsm - ssm, trained", at: |b, x| defect(b, x, case("ssm", true)), claim: FALLS },
            ],
        },
        Sweep {
            name: "constant",
            key: "t",
            quantity: "(dsm - esm) / C(t)",
            quick: &[0.01, 0.05, 0.25, 1.0],
            full: &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0],
            curves: &[
                Curve { name: "trained", at: |b, x| ratio(b, x, true), claim: Some((-0.03, 0.03)) },
                Curve { name: "untrained", at: |b, x| ratio(b, x, false), claim: Some((-0.03, 0.03)) },
            ],
        },
    ],
    checks: &[],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constant_has_its_known_values() {
        // J of half N(-3, 1), half N(3, 1) under OU, and the floor of the noise loss averaged over t uniform on [0.01, 3]
        for (t, j) in [(0.01, 0.959_640_93), (0.25, 0.838_348_13), (1.0, 0.529_230_62), (3.0, 0.978_178_2)] {
            assert!((information(3.0 * f64::exp(-t)) - j).abs() < 1e-8, "{t}");
        }
        let process = Process::named("ou").unwrap();
        let one = |t: f64| 2.0 * constant(&process, t) - (1.0 - process.sigma(t).powi(2));
        let n = 2000;
        let mean = (0..n).map(|i| one(0.01 + 2.99 * (i as f64 + 0.5) / n as f64)).sum::<f64>() / n as f64;
        assert!((mean - 0.35086).abs() < 1e-5, "{mean}");
    }
}
