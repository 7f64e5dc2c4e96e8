//! `train --seeds`: one run for each seed, trained side by side in the same dispatches.

use serde_json::json;

use super::signals::Signals;
use super::train::{self, Args};
use super::ui::grouped;
use super::{Context, ui::Ui};
use crate::config::{self, Loaded, RunConfig};
use crate::error::{Error, Problem, Result};
use crate::io::{ENSEMBLE, RunDir};
use crate::metrics::interval::mean;
use crate::network::Network;
use crate::recording::Engine;
use crate::session::{self, Job, Outcome};
use crate::train::State;

/// Most members of an ensemble.
const MOST: usize = 1024;

/// The seeds of a list such as `0-15` or `1,4,8-11`, in order.
pub fn parse_seeds(text: &str) -> Result<Vec<u64>> {
    let bad = |found: &str| {
        let expected = format!("1 to {MOST} different numbers and ranges, such as 0-15 or 1,4,8-11");
        Error::usage(
            Problem::new("the seeds cannot be read").at("--seeds").found(format!("`{found}`")).expected(expected),
        )
    };
    let mut seeds = Vec::new();
    for part in text.split(',') {
        let number = |s: &str| s.trim().parse::<u64>().map_err(|_| bad(part));
        let (low, high) = match part.split_once('-') {
            Some((low, high)) => (number(low)?, number(high)?),
            None => (number(part)?, number(part)?),
        };
        if high < low || high - low >= MOST as u64 {
            return Err(bad(part));
        }
        seeds.extend(low..=high);
    }
    let mut sorted = seeds.clone();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() != seeds.len() || seeds.len() > MOST {
        return Err(bad(text));
    }
    Ok(seeds)
}

/// One member, loaded.
struct Member {
    config: RunConfig,
    loaded: Loaded,
}

fn load(base: &RunConfig, seeds: &[u64]) -> Result<Vec<Member>> {
    let one = |&seed: &u64| -> Result<Member> {
        let config = RunConfig { seed, ..base.clone() };
        let loaded = config::load(&config)?;
        train::check(&config, &loaded)?;
        Ok(Member { config: config.resolved(&loaded), loaded })
    };
    seeds.iter().map(one).collect()
}

/// Trains an ensemble anew.
pub fn run(context: &mut Context, args: &Args, base: &RunConfig, seeds: &[u64], signals: &Signals) -> Result<()> {
    let members = load(base, seeds)?;
    let Some(first) = members.first() else { return Ok(()) };
    let base = &base.clone().resolved(&first.loaded);
    train::remark(context, &first.config, &first.loaded);
    RunDir::check(args.out.as_deref(), args.overwrite)?;
    if args.dry_run {
        context.ui.value("seeds", json!(seeds));
        context.ui.value("config", json!(base));
        return context.ui.say(base.to_toml()?.trim_end());
    }
    let mut engine = context.engine()?;
    let network = Network::new(&base.network, first.loaded.data.dim)?;
    engine.check(&crate::train::needs(
        &network,
        &base.process.build()?,
        &first.loaded.data,
        &base.train,
        seeds.len(),
    )?)?;
    train::room(args.out.as_deref(), base, first.loaded.data.dim, seeds.len())?;
    let list = args.seeds.as_deref().unwrap_or_default();
    let slug = train::slug(&base.source, &format!("s{list}"));
    let parent = RunDir::create(args.out.as_deref(), &slug, args.overwrite)?;
    parent.write_text("config.toml", &base.to_toml()?)?;
    let mut dirs = Vec::new();
    for (m, seed) in members.iter().zip(seeds) {
        let dir = RunDir::create(Some(&parent.member(*seed)), "", false)?;
        train::describe(&dir, &m.config, &m.loaded, &engine.describe())?;
        dirs.push(dir);
    }
    // last, so that a directory that calls itself an ensemble has all its members
    parent.write_text(ENSEMBLE, &json!(seeds).to_string())?;
    go(context, engine.as_mut(), &members, &parent, &mut dirs, &[], signals)
}

/// Goes on with an ensemble from the newest step of which every member has a checkpoint.
pub fn resume(context: &mut Context, args: &Args, parent: &RunDir, signals: &Signals) -> Result<()> {
    let list = parent.ensemble()?.unwrap_or_default();
    let mut dirs = Vec::new();
    for (_, path) in &list {
        let mut dir = RunDir::open(&path.display().to_string())?;
        dir.lock()?;
        dirs.push(dir);
    }
    let mut common = dirs.first().map(RunDir::whole_checkpoints).unwrap_or_default();
    for dir in dirs.iter().skip(1) {
        let steps = dir.whole_checkpoints();
        common.retain(|step| steps.contains(step));
    }
    let Some(step) = common.last().copied() else {
        let problem = Problem::new("there is no step of which every member has a checkpoint");
        return Err(Error::checkpoint(
            problem.at(parent.path().display()).hint("go on with the members one by one, with --resume --out MEMBER"),
        ));
    };
    let (mut members, mut states) = (Vec::new(), Vec::<State>::new());
    for dir in &mut dirs {
        dir.choose(step);
        let (before, card, state, notes) = session::resume(dir)?;
        notes.iter().for_each(|n| context.ui.note(n));
        let (config, changes) = train::continued(context, args, &before)?;
        if members.is_empty() {
            changes.iter().for_each(|change| context.ui.note(change));
        }
        let loaded = train::continued_data(context, args, &card, &config)?;
        members.push(Member { config, loaded });
        states.push(state);
    }
    let steps = members.first().map_or(0, |m| m.config.train.steps);
    if step >= u64::from(steps) {
        return context.ui.say(&format!("{} is already complete at step {step}", parent.path().display()));
    }
    for (dir, member) in dirs.iter().zip(&members) {
        train::rewind(dir, &member.config, step)?;
    }
    context.ui.note(&format!("{} goes on from step {step}", parent.path().display()));
    let mut engine = context.engine()?;
    go(context, engine.as_mut(), &members, parent, &mut dirs, &states, signals)
}

fn go(
    context: &mut Context,
    engine: &mut dyn Engine,
    members: &[Member],
    parent: &RunDir,
    dirs: &mut [RunDir],
    states: &[State],
    signals: &Signals,
) -> Result<()> {
    let Some(first) = members.first() else { return Ok(()) };
    context.ui.note(&format!(
        "{} seeds of {}: {} rows of {} columns each; {}",
        members.len(),
        first.loaded.data.name,
        grouped(first.loaded.data.rows()),
        first.loaded.data.dim,
        parent.path().display()
    ));
    let mut progress = context.ui.progress("training", u64::from(first.config.train.steps));
    let jobs = members.iter().zip(dirs).enumerate();
    let jobs = jobs.map(|(i, (m, dir))| Job { config: &m.config, loaded: &m.loaded, dir, start: states.get(i) });
    let outcomes = session::train_ensemble(engine, jobs.collect(), &mut |e| train::show(&mut progress, &e), &|| {
        signals.stop_saved()
    })?;
    drop(progress);
    report(&mut context.ui, parent, members, outcomes)
}

/// Each member's losses, and their means with intervals.
fn report(ui: &mut Ui, parent: &RunDir, members: &[Member], outcomes: Vec<Result<Outcome>>) -> Result<()> {
    let (mut rows, mut losses, mut excesses) = (Vec::new(), Vec::new(), Vec::new());
    let mut failed = None;
    for (member, outcome) in members.iter().zip(outcomes) {
        let seed = member.config.seed;
        match outcome {
            Ok(o) => {
                let loss = o.held_out.as_ref().map(|h| h.loss);
                let floor = o.floor.as_ref().map(|f| f.value);
                losses.extend(loss);
                excesses.extend(loss.zip(floor).map(|(l, f)| l - f));
                rows.push(json!({"seed": seed, "held_out_loss": loss, "floor": floor, "steps": o.state.step}));
            }
            Err(why) => {
                ui.note(&format!("seed {seed}: {}", why.problem()));
                rows.push(json!({"seed": seed, "error": why.problem().to_string()}));
                failed.get_or_insert(why);
            }
        }
    }
    ui.value("run", parent.path().display().to_string());
    ui.value("members", json!(rows));
    for (key, what, values) in [
        ("held_out_loss", "held-out loss (noise loss of the averaged weights)", &losses),
        ("excess", "excess over the exact floor", &excesses),
    ] {
        if values.is_empty() {
            continue;
        }
        let m = mean(values);
        let certain = if m.n > 1 { format!(" +- {:.5}", m.half_width) } else { String::new() };
        ui.value(key, json!({"mean": m.value, "half_width": m.half_width, "n": m.n}));
        ui.say(&format!("{what}: {:.5}{certain} (mean over {} seeds, 95 % interval by Student's t)", m.value, m.n))?;
    }
    parent.write_text("summary.json", &json!({"members": rows}).to_string())?;
    ui.say(&format!("the runs are {}/seed-*", parent.path().display()))?;
    failed.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_numbers_and_ranges_without_repeats() {
        assert_eq!(parse_seeds("0-3").unwrap(), [0, 1, 2, 3]);
        assert_eq!(parse_seeds("7, 2-3").unwrap(), [7, 2, 3]);
        for bad in ["", "x", "3-1", "1,1", "0-2,2", "-1", "0-1024", "1-"] {
            let said = parse_seeds(bad).unwrap_err().to_string();
            assert!(said.contains("--seeds"), "{bad}: {said}");
        }
        assert_eq!(parse_seeds("0-1023").unwrap().len(), 1024);
    }
}
