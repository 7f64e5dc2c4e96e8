//! `eval --steps 50,100,...`: how a sampler's error falls with its steps.
//!
//! Where the law of the output is known (exact score, and normal data or data on the line) its KL divergence is computed, not
//! estimated, and stands beside the number on record; the samples of the device are checked against that law.

use serde_json::{Value, json};

use super::run::Found;
use super::sample::SamplerArgs;
use super::signals::Signals;
use super::{Context, eval};
use crate::distribution::Distribution;
use crate::error::{Error, Problem, Result};
use crate::evaluate::{self, Discretised, Truth, discretised, recorded};
use crate::process::{Plan, kappa};
use crate::recording::Engine;

/// What is known without sampling of a sampler with the exact score.
pub struct Known {
    /// The law of its output.
    pub law: Discretised,
    /// The KL divergence on record.
    pub recorded: Option<f64>,
}

/// The exact law of the output, in model units; nothing for a trained model.
pub fn known(found: &Found, truth: Option<&dyn Distribution>, plan: &Plan, grid: &str) -> Option<Known> {
    let truth = truth.filter(|_| found.kind == Some("exact"))?;
    let law = discretised(truth, &found.score.process, plan)?;
    Some(Known { recorded: recorded(truth.oracle()?, &found.score.process, plan, grid), law })
}

/// The numbers of steps on the command line; more than one asks for a ladder.
pub fn steps(context: &Context, args: &SamplerArgs) -> Result<Vec<usize>> {
    let all: Vec<usize> =
        context.matches.try_get_many("steps").ok().flatten().map_or(vec![args.steps], |all| all.copied().collect());
    if all.len() > 32 {
        let problem = Problem::new("too many numbers of steps").at("--steps").found(all.len());
        return Err(Error::usage(problem.expected("at most 32")));
    }
    Ok(all)
}

/// The mean of |x|^2 over samples (n, D), with its standard error.
fn second_moment(samples: &[f32], dim: usize) -> (f64, f64) {
    let squares: Vec<f64> =
        samples.chunks_exact(dim).map(|row| row.iter().map(|v| f64::from(*v).powi(2)).sum()).collect();
    let n = squares.len() as f64;
    let mean = squares.iter().sum::<f64>() / n;
    let variance = squares.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

/// The opening lines: what the columns are.
pub fn head(context: &mut Context, found: &Found, n: usize) -> Result<()> {
    let t0 = found.score.process.t0();
    context.ui.say(&format!(
        "KL(x at t0 = {t0} || output) in nats, computed from the law of the output with the exact score, without sampling;\n\
         on record: an independent computation, to the digits given; E|x|^2 of that law and of {n} samples of this device"
    ))?;
    context.ui.say(&format!(
        "{:>6} {:>9} {:>11} {:>11} {:>11} {:>9} {:>11}  {:>22} {:>6}",
        "steps", "kappa", "KL", "on record", "difference", "TV", "path bound", "E|x|^2 law, samples", "z"
    ))
}

/// One line of the ladder, and its value for `--json`.
pub fn line(context: &mut Context, known: &Known, plan: &Plan, samples: &[f32], dim: usize) -> Result<Value> {
    let law = &known.law;
    let (mean, error) = second_moment(samples, dim);
    // the law's own spread, where it is known, is a better error than that of the samples
    let error = law.spread.map_or(error, |v| (v.max(0.0) / (samples.len() / dim) as f64).sqrt());
    let z = if error > 0.0 { (mean - law.second_moment) / error } else { 0.0 };
    let or_dash = |v: Option<f64>, text: fn(f64) -> String| v.map_or("-".into(), text);
    let small = |v: f64| format!("{v:.4e}");
    context.ui.say(&format!(
        "{:>6} {:>9.4} {:>11.4e} {:>11} {:>11} {:>9} {:>11}  {:>10.5} {:>11.5} {:>6.2}",
        plan.times.len() - 1,
        kappa(&plan.times),
        law.kl,
        or_dash(known.recorded, small),
        or_dash(known.recorded.map(|r| law.kl - r), |v| format!("{v:+.1e}")),
        or_dash(law.tv, |v| format!("{v:.5}")),
        or_dash(law.path_kl, small),
        law.second_moment,
        mean,
        z
    ))?;
    Ok(json!({
        "steps": plan.times.len() - 1, "kappa": kappa(&plan.times), "kl": law.kl, "kl_on_record": known.recorded,
        "tv": law.tv, "path_kl": law.path_kl, "second_moment": law.second_moment, "second_moment_at_t0": law.wanted,
        "second_moment_of_samples": mean, "second_moment_error": error, "z": z, "n": samples.len() / dim,
    }))
}

/// What a ladder of steps is about.
pub struct Climb<'a> {
    /// What is known of the truth.
    pub truth: &'a Truth<'a>,
    /// The exact law, model units.
    pub exact: Option<&'a dyn Distribution>,
    /// Numbers of steps.
    pub rungs: &'a [usize],
    /// Samples of each.
    pub n: usize,
}

/// A line for each number of steps: the exact law of the output where it is known, else distances of samples.
pub fn climb(
    context: &mut Context,
    args: &eval::Args,
    engine: &mut dyn Engine,
    found: &Found,
    what: &Climb,
    signals: &Signals,
) -> Result<()> {
    let seed = context.global.seed;
    let mut values = Vec::new();
    for (i, &steps) in what.rungs.iter().enumerate() {
        let sampler = SamplerArgs { steps, ..args.sampler.clone() };
        let (mut samples, plan) = eval::draw(context, args, &sampler, engine, found, what.n, signals)?;
        if let Some(known) = known(found, what.exact, &plan, &sampler.scheme.grid) {
            if i == 0 {
                head(context, found, what.n)?;
            }
            values.push(line(context, &known, &plan, &eval::in_model_units(&samples, found), found.card.dim)?);
            continue;
        }
        if let Some(schema) = found.card.schema.as_ref().filter(|_| !args.raw) {
            schema.settle(&mut samples, &mut vec![0; schema.columns.len()]);
        }
        let mut watch = |_: &str| signals.stop().map_or(Ok(()), Err);
        let said = evaluate::model(
            &samples,
            found.card.dim,
            what.truth,
            &args.settings_for(found.card.schema.as_ref(), found.card.dim, seed),
            &mut watch,
        )?;
        context.ui.say(&format!("{steps} steps"))?;
        for m in said.measurements.iter().filter(|m| m.column.is_none()) {
            context.ui.say(&format!("    {m}"))?;
        }
        if i == 0 {
            said.notes.iter().for_each(|n| context.ui.note(n));
        }
        values.push(json!({"steps": steps, "metrics": said.measurements}));
    }
    context.ui.value("ladder", values);
    Ok(())
}
