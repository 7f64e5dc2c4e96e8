//! The functions behind the table of findings.

use super::{Case, Finding, fixes, rows};
use crate::evaluate::{Level, initial_kl, own_noise};
use crate::metrics::short;
use crate::process::{Process, kappa};

/// Nats of the initialisation that matter: the total variation is at most sqrt(KL / 2) (Pinsker), here 0.07.
const NATS: f64 = 0.01;

/// KL(p_T || prior).
pub fn initialisation(case: &Case) -> Option<Finding> {
    let level = Level::end(case.process);
    let got = initial_kl(case.data, level, case.seed);
    let (low, high) = got.interval;
    let said = format!(
        "the noise at T = {} is KL {} nats [{}, {}] from what the sampler starts from, {} of them in mean and covariance \
         ({}); {:.3} of the signal is left",
        case.process.t_max(),
        short(got.value),
        short(low),
        short(high),
        short(got.moments),
        if got.n == 0 { got.method.into() } else { format!("{}, n={}", got.method, got.n) },
        case.process.mean(case.process.t_max()) * case.data.variance.sqrt() / level.prior,
    );
    let mut finding = Finding::new("initialisation", got.value, NATS, said);
    finding.interval = Some(got.interval);
    Some(finding.warning(got.value > NATS, || {
        let mut nu = level.sigma / level.m;
        for _ in 0..60 {
            nu *= 1.2;
            if initial_kl(case.data, level.with_ratio(nu), case.seed).value < 0.3 * NATS {
                break;
            }
        }
        fixes::of(case.process, nu)
    }))
}

/// Noise at t0 against the data's own.
pub fn early_stopping(case: &Case) -> Option<Finding> {
    let noise = case.process.ratio2(case.process.t0()).sqrt();
    let flag = |nu: f64| {
        // the time at which the noise is nu times the signal
        let t = case.process.time_at(-nu.ln());
        format!("--t0 {}", format!("{t:.1e}").parse::<f64>().unwrap_or(t))
    };
    if let Some(own) = case.data.truth.as_ref().and_then(|law| law.oracle()).and_then(own_noise) {
        let said = format!(
            "the noise left at t0 = {} is {} of the data's own ({} in model units)",
            case.process.t0(),
            short(noise / own),
            short(own)
        );
        let finding = Finding::new("early-stopping", noise / own, 0.5, said);
        return Some(finding.warning(noise > 0.5 * own, || format!("{} (a fifth of it)", flag(0.2 * own))));
    }
    let (near, among) = rows::neighbour(case.data)?;
    let ratio = noise * (case.data.dim as f64).sqrt() / near;
    let said = format!(
        "noise left at t0 = {} moves a row {} times as far as its nearest neighbour is (median over {among} rows; the \
         data's own noise is not known)",
        case.process.t0(),
        short(ratio),
    );
    let finding = Finding::new("early-stopping", ratio, 0.05, said);
    let wanted = 0.2 * near / (case.data.dim as f64).sqrt();
    Some(finding.warning(ratio < 0.05, || {
        format!("{}: below, the score is that of single rows, which cannot be learned but by heart", flag(wanted))
    }))
}

/// The time of the OU process (sigma^2 = 1 - e^-2t) at which noise to signal is the same.
fn house_time(process: &Process, t: f64) -> f64 {
    0.5 * process.ratio2(t).ln_1p()
}

/// kappa of the grid.
pub fn grid(case: &Case) -> Option<Finding> {
    const LIMIT: f64 = 0.25;
    let times: Vec<f64> = case.times.iter().map(|&t| house_time(case.process, t)).collect();
    let kappa = kappa(&times);
    let n = times.len() - 1;
    let said = format!(
        "{n} reverse steps are up to kappa = {} of min(1, t) long; samplers of order 1 leave an error that grows with \
         kappa^2 D N + kappa D T (Benton et al. 2024)",
        short(kappa),
    );
    let finding = Finding::new("grid", kappa, LIMIT, said);
    Some(finding.warning(kappa > LIMIT, || {
        // along a grid of constant ratio at small times and equal steps at large ones, kappa falls like 1 / N
        let least = (times[0] - 1.0).max(0.0) + (1.0f64.min(times[0]) / times[n]).ln();
        format!(
            "sample with --steps {} or more and --grid benton, or a solver of higher order (--sampler dpmpp-2m)",
            (2.0 * least / LIMIT).ceil()
        )
    }))
}

/// Noise at T against the diameter, where the signal does not shrink.
pub fn largest_noise(case: &Case) -> Option<Finding> {
    let end = case.process.t_max();
    if (case.process.mean(end) - 1.0).abs() > 1e-12 {
        return None;
    }
    let (diameter, n) = rows::diameter(case.data);
    if diameter == 0.0 {
        return None;
    }
    let ratio = case.process.sigma(end) / diameter;
    let said = format!(
        "the largest noise, {}, is {} times the diameter of the data ({} over {n} rows, model units); about 1 is usual \
         (Song and Ermon 2020)",
        short(case.process.sigma(end)),
        short(ratio),
        short(diameter)
    );
    let finding = Finding::new("largest-noise", ratio, if ratio < 1.0 { 0.5 } else { 50.0 }, said);
    Some(finding.warning(!(0.5..=50.0).contains(&ratio), || fixes::of(case.process, diameter)))
}

/// Passes over the data.
pub fn passes(case: &Case) -> Option<Finding> {
    let (n, train) = (case.data.rows(), &case.config.train);
    let seen = f64::from(train.steps) * train.batch_size as f64;
    let passes = seen / n as f64;
    let parameters = case.network.layout.parameters();
    let numbers = n * case.data.dim;
    let said = format!(
        "{} passes over {n} rows ({} steps of {}); {parameters} parameters for {numbers} numbers",
        short(passes),
        train.steps,
        train.batch_size
    );
    // fresh draws: every row is used once in expectation; more of them do not make a training too short
    let short_of = passes < 1.0 && seen < 1e6;
    let by_heart = passes > 1000.0 && parameters > 30 * numbers;
    let finding = Finding::new("passes", passes, if by_heart { 1000.0 } else { 1.0 }, said);
    Some(finding.warning(short_of || by_heart, || {
        if short_of {
            let steps = (1e6f64.min(10.0 * n as f64) / train.batch_size as f64).ceil();
            return format!("train longer, --steps {steps}: some rows are never seen");
        }
        "the rows can be learned by heart: more rows (--n), fewer --steps, or a smaller network (--hidden 64x2); \
         `eval` prints the memorised share"
            .into()
    }))
}

/// Width against dimension and modes, and what training left above the floor.
pub fn capacity(case: &Case) -> Option<Finding> {
    const EXCESS: f64 = 0.05;
    let narrowest = case.network.hidden.iter().copied().min()?;
    if let Some((loss, floor)) = case.losses.filter(|(_, floor)| *floor > 0.0) {
        let excess = loss / floor - 1.0;
        let said = format!(
            "the held-out loss {} is {} % above the exact floor {}",
            short(loss),
            short(100.0 * excess),
            short(floor)
        );
        let finding = Finding::new("capacity", excess, EXCESS, said);
        return Some(finding.warning(excess > EXCESS, || {
            format!(
                "a wider network (--hidden {}x{}) or more --steps; `audit` tells which",
                2 * narrowest,
                case.network.hidden.len()
            )
        }));
    }
    let modes = case.data.truth.as_ref().and_then(|law| law.mode_centres()).map_or(1, |m| m.weights.len());
    let wanted = (case.data.dim + 1).max(modes + 1);
    let said = format!(
        "the narrowest hidden layer has {narrowest} units for {} dimensions{}",
        case.data.dim,
        if modes > 1 { format!(" and {modes} modes") } else { String::new() }
    );
    let finding = Finding::new("capacity", narrowest as f64, wanted as f64, said);
    Some(finding.warning(narrowest < wanted, || format!("--hidden {}x{}", 2 * wanted, case.network.hidden.len())))
}

/// Learning rate and batch.
pub fn step_size(case: &Case) -> Option<Finding> {
    let train = &case.config.train;
    // Adam moves every weight by about the learning rate a step; plain descent by the rate times the gradient
    let (least, most) = if train.optimiser == "sgd" { (1e-4, 1.0) } else { (1e-6, 2e-2) };
    let said = format!("learning rate {} with {} and batches of {}", train.lr, train.optimiser, train.batch_size);
    let rate = !(least..=most).contains(&train.lr);
    let batch = train.batch_size < 16 && train.lr > 0.1 * most;
    let finding = Finding::new("step-size", train.lr, if train.lr < least { least } else { most }, said);
    Some(finding.warning(rate || batch, || match rate {
        true => format!("--lr {} (usual are {least} to {most})", if train.optimiser == "sgd" { 0.05 } else { 2e-3 }),
        false => format!("--batch-size 128, or --lr {}", 0.1 * most),
    }))
}
