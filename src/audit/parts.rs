//! The parts, measured one by one and put together.

use std::sync::Arc;

use serde::Serialize;

use super::known::{Endpoint, Samplers, endpoint};
use super::paths::{PathSums, Walk, walk};
use super::retrain::Retraining;
use crate::config::RunConfig;
use crate::distribution::Distribution;
use crate::error::Result;
use crate::evaluate::{Initial, Level, initial_kl, own_noise};
use crate::metrics::floor::Z95;
use crate::metrics::short;
use crate::process::{Plan, Process, kappa};
use crate::random::Purpose;
use crate::recording::Engine;
use crate::score::Score;
use crate::train::Dataset;

/// A row of [`causes`]: a cause of error and what reduces it.
pub struct Cause {
    /// The name of the part.
    pub name: &'static str,
    /// One line: what it is.
    pub doc: &'static str,
    /// The flag that reduces it.
    pub cure: &'static str,
}

/// Every cause that can be named as the largest.
pub const fn causes() -> &'static [Cause] {
    &[
        Cause {
            name: "initialisation",
            doc: "KL(p_T || prior): the sampler starts from the wrong law",
            cure: "train with a larger --t-max (or more noise at T; `lint` says how much)",
        },
        Cause {
            name: "discretisation",
            doc: "the exact score frozen over the steps of this grid",
            cure: "sample with more --steps, --grid benton, or a sampler of higher order",
        },
        Cause {
            name: "approximation",
            doc: "score error that stays with fresh draws without end",
            cure: "train a wider or deeper network (--hidden); audit with a larger --budget shows whether --steps would do",
        },
        Cause {
            name: "estimation",
            doc: "score error of a long training that more rows remove",
            cure: "train on more rows (--n, or a larger file)",
        },
        Cause {
            name: "optimisation",
            doc: "score error that training longer on the same rows removes",
            cure: "train longer (--steps) or with another --lr",
        },
        Cause {
            name: "score error",
            doc: "the network's score against the exact one at the times of the grid",
            cure: "audit with --budget 2 to see whether --steps, --hidden or --n is what helps",
        },
    ]
}

/// One part of the bound.
#[derive(Debug, Clone, Serialize)]
pub struct Part {
    /// A name of [`causes`], or `interaction`, `early stopping`.
    pub name: &'static str,
    /// Nats.
    pub nats: f64,
    /// 95 % interval.
    pub interval: (f64, f64),
    /// Draws or paths behind it; 0 where it is a closed form.
    pub n: usize,
    /// Whether it is a part of the sum (some parts are split further, or stand beside the sum).
    pub in_sum: bool,
    /// Total variation that so many nats allow at most; nothing of what bounds no divergence, such as a difference of parts.
    pub tv_at_most: Option<f64>,
    /// What it is.
    pub said: String,
}

/// The most total variation at a KL divergence: by Pinsker, and beyond 1.6 nats by Bretagnolle and Huber.
pub fn tv_at_most(nats: f64) -> f64 {
    let nats = nats.max(0.0);
    (0.5 * nats).sqrt().min((-(-nats).exp_m1()).sqrt())
}

/// Terms of theorem 1 of Benton et al. 2024, which hold up to constants it does not give.
#[derive(Debug, Clone, Serialize)]
pub struct Theory {
    /// Sum of gamma_k E|s_theta - s*|^2, in the time in which g^2 = 2.
    pub eps_score2: f64,
    /// kappa of the grid in that time.
    pub kappa: f64,
    /// kappa^2 D N
    pub kappa2_dn: f64,
    /// kappa D T
    pub kappa_dt: f64,
    /// D e^(-2 T)
    pub forgetting: f64,
}

/// Everything that was found.
#[derive(Debug, Clone, Serialize)]
pub struct Audit {
    /// The parts in the order of the formula.
    pub parts: Vec<Part>,
    /// The bound: the sum of the parts that are in the sum, with its interval.
    pub bound: f64,
    /// 95 % interval of the bound.
    pub interval: (f64, f64),
    /// The error of the samples themselves.
    pub measured: Option<Endpoint>,
    /// The same causes by what they do to the samples, where that is known: what the verdict goes by.
    pub shares: Vec<(&'static str, f64)>,
    /// The name of the largest cause.
    pub largest: &'static str,
    /// One sentence.
    pub verdict: String,
    /// Terms of the theory.
    pub theory: Theory,
    /// What a reader has to know.
    pub notes: Vec<String>,
}

/// What is audited: a model, the exact score beside it, the law and the sampler.
pub struct Subject<'a> {
    /// The model.
    pub model: &'a dyn Score,
    /// The exact score, model units.
    pub exact: &'a dyn Score,
    /// The law, model units.
    pub law: &'a Arc<dyn Distribution>,
    /// The process.
    pub process: &'a Process,
    /// The exponential integrator over some grid.
    pub plan: &'a Plan,
    /// Rows and settings of the training.
    pub data: &'a Dataset,
    /// Settings of the training.
    pub config: &'a RunConfig,
    /// Paths.
    pub paths: usize,
    /// Length of the retrainings as a multiple of the run's; 0 leaves them out.
    pub budget: f64,
    /// Seed.
    pub seed: u64,
}

/// Below this all is called small: total variation up to 0.1 by Pinsker.
const SMALL: f64 = 0.02;
/// Parts that are differences or products of others.
const DIFFERENCES: [&str; 3] = ["estimation", "optimisation", "interaction"];
/// Draws behind the error of early stopping.
const STOPPING: usize = 16_384;

/// Measures all parts. `watch` hears what goes on and how far, and may end the work.
pub fn audit(
    engine: &mut dyn Engine,
    subject: &Subject<'_>,
    watch: &mut dyn FnMut(&str, u64, u64) -> Result<()>,
) -> Result<Audit> {
    let law = subject.law.as_ref();
    let start = initial_kl(subject.data, Level::end(subject.process), subject.seed);
    let mut others = Vec::new();
    let retraining =
        Retraining { config: subject.config, data: subject.data, law: subject.law, factor: subject.budget };
    if subject.budget > 0.0 {
        let mut tell = |done, of| watch("training on the same rows", done, of);
        others.extend(retraining.same(engine, &mut tell)?);
        let mut tell = |done, of| watch("training on fresh draws", done, of);
        others.extend(retraining.fresh(engine, &mut tell)?);
    }
    let models: Vec<&dyn Score> =
        std::iter::once(subject.model).chain(others.iter().map(|s| s as &dyn Score)).collect();
    let rows = law.draw(subject.seed, Purpose::Reference, 0, subject.paths);
    let (process, times) = (subject.process, &subject.plan.times[..]);
    let asked = Walk { exact: subject.exact, models: &models, process, times, rows: &rows, seed: subject.seed };
    let sums = walk(engine, &asked, &mut |done, of| watch("following paths", done, of))?;
    watch("measuring the samples", 0, 1)?;
    let (exact, model, plan, seed) = (subject.exact, subject.model, subject.plan, subject.seed);
    let measured = endpoint(engine, &Samplers { exact, model, law, process, plan, seed })?;
    Ok(together(subject, &start, &sums, measured, &retraining))
}

/// Mean and 95 % interval over paths.
fn mean(values: &[f64]) -> (f64, (f64, f64)) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    let half = Z95 * (variance / n).sqrt();
    (mean, (mean - half, mean + half))
}

fn part(name: &'static str, values: &[f64], in_sum: bool, said: impl Into<String>) -> Part {
    let (nats, interval) = mean(values);
    let tv_at_most = (!DIFFERENCES.contains(&name)).then(|| tv_at_most(nats));
    Part { name, nats, interval, n: values.len(), in_sum, tv_at_most, said: said.into() }
}

/// Mean of several lists, element by element.
fn average(lists: &[Vec<f64>]) -> Vec<f64> {
    let n = lists.len() as f64;
    (0..lists.first().map_or(0, Vec::len)).map(|i| lists.iter().map(|l| l[i]).sum::<f64>() / n).collect()
}

fn minus(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

/// The parts of the score error.
fn split(sums: &PathSums, retraining: &Retraining<'_>) -> Vec<Part> {
    let score = &sums.score[0];
    let doc = |name: &str| causes().iter().find(|c| c.name == name).map_or("", |c| c.doc);
    if sums.score.len() == 1 {
        return vec![part("score error", score, true, doc("score error"))];
    }
    let half = 1 + (sums.score.len() - 1) / 2;
    let (same, fresh) = (average(&sums.score[1..half]), average(&sums.score[half..]));
    let spread = |lists: &[Vec<f64>]| {
        let means: Vec<f64> = lists.iter().map(|l| mean(l).0).collect();
        let ends = means.iter().fold((f64::INFINITY, 0.0f64), |(a, b), v| (a.min(*v), b.max(*v)));
        format!("{} networks from {:.2e} to {:.2e}", means.len(), ends.0, ends.1)
    };
    let (steps, n) = (retraining.steps(), retraining.fresh_rows());
    vec![
        part("score error", score, false, doc("score error")),
        part(
            "approximation",
            &fresh,
            true,
            format!("{} ({steps} steps on {n} fresh rows, {})", doc("approximation"), spread(&sums.score[half..])),
        ),
        part(
            "estimation",
            &minus(&same, &fresh),
            true,
            format!("{} ({steps} steps on the {} rows)", doc("estimation"), retraining.data.rows()),
        ),
        part(
            "optimisation",
            &minus(score, &same),
            true,
            format!("{} ({})", doc("optimisation"), spread(&sums.score[1..half])),
        ),
    ]
}

fn together(
    subject: &Subject<'_>,
    start: &Initial,
    sums: &PathSums,
    measured: Option<Endpoint>,
    retraining: &Retraining<'_>,
) -> Audit {
    let doc = |name: &str| causes().iter().find(|c| c.name == name).map_or("", |c| c.doc);
    let mut parts = vec![
        Part {
            name: "initialisation",
            nats: start.value,
            interval: start.interval,
            n: start.n,
            in_sum: true,
            tv_at_most: Some(tv_at_most(start.value)),
            said: format!("{} ({})", doc("initialisation"), start.method),
        },
        part("discretisation", &sums.discretisation, true, format!("{}, path form", doc("discretisation"))),
    ];
    parts.extend(split(sums, retraining));
    parts.extend(stopping(subject));
    let cross = minus(&minus(&sums.joint, &sums.discretisation), &sums.score[0]);
    parts.push(part("interaction", &cross, true, "twice the mean product of score error and discretisation"));
    let (path, path_interval) = mean(&sums.joint);
    let interval = (start.interval.0 + path_interval.0, start.interval.1 + path_interval.1);
    let shares = shares(&parts, measured.as_ref());
    let (largest, verdict) = verdict(&shares, measured.as_ref());
    let mut notes = vec![
        "the bound is that of the exponential integrator (Girsanov, constant 1); it bounds the law of whole paths, so for \
         many small steps it lies far above the error of the samples"
            .to_string(),
    ];
    if parts.iter().any(|p| p.in_sum && p.nats < 0.0) {
        notes.push("a negative part means that the model is better there than what it is compared with".into());
    }
    let bound = start.value + path;
    let theory = theory(subject, sums);
    Audit { parts, bound, interval, measured, shares, largest, verdict, theory, notes }
}

/// KL(p_0 || p_t0), which stands beside the sum: the sampler aims at p_t0. Of laws with a density that is accurate at t = 0.
fn stopping(subject: &Subject<'_>) -> Option<Part> {
    let oracle = subject.law.oracle().filter(|o| o.resolution() == 0.0 && own_noise(*o).is_some())?;
    let t0 = subject.process.t0();
    let (m, sigma) = (subject.process.mean(t0), subject.process.sigma(t0));
    let rows = subject.law.draw(subject.seed, Purpose::Metric, 0, STOPPING);
    let terms: Vec<f64> = rows
        .chunks_exact(subject.law.dim())
        .map(|row| {
            let x: Vec<f64> = row.iter().map(|v| f64::from(*v)).collect();
            let l = oracle.log_density(&x, 1.0, 0.0) - oracle.log_density(&x, m, sigma);
            // E q/p = 1, so this has the mean of l, no negative term and little variance near 0
            if l.abs() < 1e-4 { 0.5 * l * l } else { (-l).exp_m1() + l }
        })
        .collect();
    let finite = terms.iter().all(|t| t.is_finite());
    // x_0 and m x_0 + sigma z together are one way to carry p_0 to p_t0
    let square = rows.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / STOPPING as f64;
    let w2 = ((1.0 - m).powi(2) * square + sigma * sigma * subject.law.dim() as f64).sqrt();
    let said = format!(
        "KL(p_0 || p_t0) at t0 = {t0}, W2 at most {}: beside the sum, which is about p_t0; --t0 reduces it",
        short(w2)
    );
    finite.then(|| part("early stopping", &terms, false, said))
}

/// What each cause does to the samples: where their error is known, start and grid by the exact score and the score by the
/// rest, divided like the score error; else the parts of the bound.
fn shares(parts: &[Part], measured: Option<&Endpoint>) -> Vec<(&'static str, f64)> {
    let named = |p: &&Part| causes().iter().any(|c| c.name == p.name) && p.in_sum;
    let mut shares: Vec<(&'static str, f64)> = parts.iter().filter(named).map(|p| (p.name, p.nats)).collect();
    let Some(Endpoint { exact_score: Some(exact), model: Some(model), start, floor, .. }) = measured else {
        return shares;
    };
    let floor = floor.unwrap_or(0.0);
    let all: f64 = shares.iter().filter(|(name, _)| is_score(name)).map(|(_, v)| v.max(0.0)).sum();
    // where it is estimated, exact laws of normal data need no floor
    let by_score = (model - floor.max(0.0) - exact).max(0.0);
    for (name, share) in &mut shares {
        *share = match *name {
            "initialisation" => start.unwrap_or(*share).min(*share),
            "discretisation" => (exact - start.unwrap_or(floor.max(0.0))).max(0.0),
            _ if all > 0.0 => by_score.min(all) * share.max(0.0) / all,
            _ => 0.0,
        };
    }
    shares
}

fn is_score(name: &str) -> bool {
    !matches!(name, "initialisation" | "discretisation" | "interaction")
}

fn verdict(shares: &[(&'static str, f64)], measured: Option<&Endpoint>) -> (&'static str, String) {
    let largest = shares.iter().max_by(|a, b| a.1.total_cmp(&b.1)).copied().unwrap_or(("initialisation", 0.0));
    let cure = causes().iter().find(|c| c.name == largest.0).map_or("", |c| c.cure);
    let total: f64 = shares.iter().map(|(_, v)| v.max(0.0)).sum();
    let whose = if measured.is_some() { "of the error of the samples" } else { "of the bound" };
    let said = if total < SMALL {
        format!(
            "all parts are small, together {total:.2e} nats; the largest is {} with {:.2e}: {cure}",
            largest.0, largest.1
        )
    } else {
        format!(
            "the largest part {whose} is {}, {:.3e} of {total:.3e} nats ({:.0} %): {cure}",
            largest.0,
            largest.1,
            100.0 * largest.1 / total
        )
    };
    (largest.0, said)
}

fn theory(subject: &Subject<'_>, sums: &PathSums) -> Theory {
    let d = subject.law.dim() as f64;
    let times: Vec<f64> = subject.plan.times.iter().map(|&t| 0.5 * subject.process.ratio2(t).ln_1p()).collect();
    let (kappa, n) = (kappa(&times), times.len() as f64 - 1.0);
    Theory {
        eps_score2: mean(&sums.score[0]).0,
        kappa,
        kappa2_dn: kappa * kappa * d * n,
        kappa_dt: kappa * d * times[0],
        forgetting: d * (-2.0 * times[0]).exp(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nats_bound_the_total_variation_of_normal_laws() {
        // N(0, 1) and N(mu, 1): KL mu^2 / 2, TV erf(mu / sqrt 8), the latter by adding up the density of N(0, 1)
        for mu in [0.01, 0.3, 1.0, 2.0, 4.0] {
            let (half, steps) = (0.5 * mu, 20_000);
            let density = |x: f64| (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt();
            let width = half / f64::from(steps);
            let tv: f64 = (0..steps).map(|i| 2.0 * width * density((f64::from(i) + 0.5) * width)).sum();
            let most = tv_at_most(0.5 * mu * mu);
            assert!(tv <= most && most < 1.0, "mu {mu}: {tv} {most}");
        }
        assert_eq!((tv_at_most(0.02), tv_at_most(-1e-9)), (0.1, 0.0));
        assert!((tv_at_most(2.0) - (1.0 - (-2.0f64).exp()).sqrt()).abs() < 1e-15);
    }
}
