//! `train`: data in, a run directory out.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::signals::Signals;
use super::ui::grouped;
use super::{Context, ensemble, ui::Progress};
use crate::config::{self, DataOptions, Loaded, RunConfig};
use crate::error::{Error, Problem, Result};
use crate::io::{RunDir, Schema};
use crate::model::ModelCard;
use crate::network::{Network, NetworkOptions};
use crate::session::{self, Event, Outcome};
use crate::train::{ProcessOptions, State, TrainOptions};

/// Train a model of a named distribution or of a file
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  scorefield train moons                                      into runs/00001-moons-s0, or the next number
  scorefield train table.csv --out r                          a table: numbers and words, with or without a header
  scorefield train table.csv --missing drop --steps 20000 --out r   without the rows that lack a value; longer
  scorefield train --resume --out r --steps 40000             go on with it, further than was planned
  scorefield train moons --hidden 256x4 --activation gelu     another network
  scorefield train moons --process vp --predict v             another process and head
  scorefield train 8gaussians --seeds 0-7 --out e             eight trainings side by side
  scorefield train --config r/config.toml --seed 1            the same again with another seed")]
pub struct Args {
    /// Named distribution (8gaussians@ffjord, gmm:k=8,dim=16), or a file: CSV, TSV, NPY, NPZ, PNG; `-` is stdin
    data: Option<String>,
    /// Run directory (default: runs/NNNNN-name)
    #[arg(long)]
    pub(super) out: Option<PathBuf>,
    /// Continue the run in --out (or named as DATA) where it stopped
    #[arg(long, conflicts_with_all = ["overwrite", "config"])]
    resume: bool,
    /// Move a run that is already there to NAME.old-N
    #[arg(long)]
    pub(super) overwrite: bool,
    /// Repeat a run from its config.toml; other flags override it
    #[arg(long)]
    config: Option<PathBuf>,
    /// Take the run from its owner, such as a machine that is no more; an owner that lives stops at its next checkpoint
    #[arg(long)]
    break_lock: bool,
    /// With --resume: go on though the rows of the data file are no longer what they were
    #[arg(long, requires = "resume")]
    data_changed_ok: bool,
    /// Train one run for each seed side by side: 0-15, or 1,4,8-11; each is what it would be alone
    #[arg(long, value_name = "LIST", conflicts_with = "resume")]
    pub(super) seeds: Option<String>,
    /// Print the configuration and stop
    #[arg(long)]
    pub(super) dry_run: bool,
    #[command(flatten)]
    options: DataOptions,
    #[command(flatten)]
    network: NetworkOptions,
    #[command(flatten)]
    process: ProcessOptions,
    #[command(flatten)]
    train: TrainOptions,
}

/// Keys that may change when a run goes on.
const EXTENDABLE: &[&str] = &["steps", "eval-every", "checkpoint-every"];

/// Trains, anew or from a checkpoint.
pub fn run(context: &mut Context, args: &Args) -> Result<()> {
    let signals = Signals::install();
    if args.resume {
        return resume(context, args, &signals);
    }
    if let Some(out) = args.out.as_deref().filter(|_| args.break_lock) {
        break_lock(context, out)?;
    }
    let config = configure(context, args)?;
    if let Some(list) = &args.seeds {
        if context.given("seed") {
            let problem = Problem::new("--seed and --seeds are given together").expected("one of them");
            return Err(Error::usage(problem.at("--seeds")));
        }
        return ensemble::run(context, args, &config, &ensemble::parse_seeds(list)?, &signals);
    }
    let loaded = config::load(&config)?;
    let config = config.resolved(&loaded);
    check(&config, &loaded)?;
    remark(context, &config, &loaded);
    RunDir::check(args.out.as_deref(), args.overwrite)?;
    if args.dry_run {
        context.ui.value("config", json!(config));
        return context.ui.say(config.to_toml()?.trim_end());
    }
    let mut engine = context.engine()?;
    engine.check(&crate::train::needs(
        &Network::new(&config.network, loaded.data.dim)?,
        &config.process.build()?,
        &loaded.data,
        &config.train,
        1,
    )?)?;
    room(args.out.as_deref(), &config, loaded.data.dim, 1)?;
    let slug = slug(&config.source, &format!("s{}", config.seed));
    let mut dir = RunDir::create(args.out.as_deref(), &slug, args.overwrite)?;
    describe(&dir, &config, &loaded, &engine.describe())?;
    go(context, engine.as_mut(), &config, &loaded, &mut dir, None, &signals)
}

/// Writes down what a run is made of.
pub(super) fn describe(dir: &RunDir, config: &RunConfig, loaded: &Loaded, device: &str) -> Result<()> {
    dir.write_text("config.toml", &config.to_toml()?)?;
    if let Some(schema) = &loaded.schema {
        dir.write_text("schema.json", &json!(schema).to_string())?;
    }
    dir.write_text("manifest.json", &manifest(config, loaded, device).to_string())
}

/// What the user should know of the data and the settings.
pub(super) fn remark(context: &Context, config: &RunConfig, loaded: &Loaded) {
    let data = &loaded.data;
    for note in data.notes.iter().chain(&loaded.schema.as_ref().and_then(Schema::remark)) {
        context.ui.note(note);
    }
    if config.train.lr == 0.0 {
        context.ui.note("the learning rate is 0: the weights stay as they are");
    }
    match crate::train::losses::loss(&config.train) {
        Ok(loss) if loss.taught => context.ui.note(&format!(
            "the loss of a step is the distance to the {} score, 0 at best; the held-out loss is the noise loss as ever",
            if config.train.teacher == "none" { "exact" } else { &config.train.teacher }
        )),
        Ok(loss) if loss.probes.is_some() => context.ui.note(
            "the loss of a step asks for the divergence instead of the noise; in expectation, and held out, it is the noise loss",
        ),
        _ => {}
    }
    let radius = config.network.radius;
    let far = |row: &&[f32]| row.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() > radius * radius;
    let outside = data.train.chunks_exact(data.dim).filter(far).count();
    if config.network.predict == "structured" && outside > 0 {
        context.ui.note(&format!(
            "{} of {} rows lie outside the ball of --radius {radius}, which the structured head does not leave",
            grouped(outside),
            grouped(data.rows())
        ));
    }
    for finding in super::lint::before_training(config, loaded).unwrap_or_default().iter().filter(|f| f.warns) {
        context.ui.note(&super::lint::line(finding));
    }
    if data.rows() < config.train.batch_size {
        context.ui.note(&format!(
            "{} rows are fewer than a batch of {}: rows repeat within it",
            data.rows(),
            config.train.batch_size
        ));
    }
}

/// Refuses to begin where there is no room for three checkpoints of each member: two are kept while one is written.
pub(super) fn room(out: Option<&Path>, config: &RunConfig, dim: usize, members: usize) -> Result<()> {
    let parameters = Network::new(&config.network, dim)?.layout.parameters() as u64;
    // weights, their average and two moments, four bytes each
    let checkpoint = 4 * 4 * parameters;
    crate::io::check_room(&out.unwrap_or(Path::new("runs")).join("checkpoints"), 3 * checkpoint * members as u64)
}

fn break_lock(context: &Context, path: &Path) -> Result<()> {
    if let Some(owner) = RunDir::break_lock(path)? {
        context.ui.note(&format!("{} is taken from {owner}", path.display()));
    }
    Ok(())
}

/// Everything that can be refused, refused before a device is touched or a directory made.
pub(super) fn check(config: &RunConfig, loaded: &Loaded) -> Result<()> {
    config.train.check()?;
    config.process.build()?;
    crate::train::teacher::teacher(&config.train, &loaded.data)?;
    let network = Network::new(&config.network, loaded.data.dim)?;
    crate::train::losses::probes(&config.train, &network)?;
    Ok(())
}

/// A name for a run directory from its data and seeds.
pub(super) fn slug(source: &str, seeds: &str) -> String {
    let stem = Path::new(source).file_stem().and_then(|s| s.to_str()).unwrap_or("data");
    let clean: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(40).collect();
    format!("{}-{seeds}", clean.trim_matches('-'))
}

fn manifest(config: &RunConfig, loaded: &Loaded, device: &str) -> serde_json::Value {
    let arguments: Vec<String> = std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect();
    json!({
        "program": "scorefield", "version": env!("CARGO_PKG_VERSION"), "arguments": arguments, "device": device,
        "rng-version": 1, "seed": config.seed, "data": config.source, "data-sha256": loaded.sha256,
        "rows": loaded.data.rows(), "held-out-rows": loaded.data.held_out.len() / loaded.data.dim, "dim": loaded.data.dim,
    })
}

/// The configuration: defaults, then `--config`, then what was given by hand.
fn configure(context: &Context, args: &Args) -> Result<RunConfig> {
    let given = RunConfig {
        source: args.data.clone().unwrap_or_default(),
        seed: context.global.seed,
        data: args.options.clone(),
        network: args.network.clone(),
        process: args.process.clone(),
        train: args.train.clone(),
    };
    let Some(path) = &args.config else { return with_source(given) };
    let mut base = RunConfig::from_toml(path)?;
    if !given.source.is_empty() {
        base.source = given.source.clone();
    }
    if context.given("seed") {
        base.seed = given.seed;
    }
    with_source(overlay(&base, &given, &|key| context.given(key))?)
}

fn with_source(config: RunConfig) -> Result<RunConfig> {
    if !config.source.is_empty() {
        return Ok(config);
    }
    Err(Error::usage(
        Problem::new("no data was named")
            .at("scorefield train DATA")
            .expected("a file or a distribution")
            .hint("try `scorefield train moons`; `scorefield data` lists what there is"),
    ))
}

/// `base` with the values of `given` whose flags `by_hand` says were given.
fn overlay(base: &RunConfig, given: &RunConfig, by_hand: &dyn Fn(&str) -> bool) -> Result<RunConfig> {
    let value = |c: &RunConfig| serde_json::to_value(c).map_err(|e| Error::bug(Problem::new(e.to_string())));
    let (mut out, given) = (value(base)?, value(given)?);
    for group in ["data", "network", "process", "train"] {
        let Some(target) = out[group].as_object_mut() else { continue };
        // what is not written down in its usual state has been set back by hand
        target.retain(|key, _| given[group].get(key).is_some() || !by_hand(&key.replace('-', "_")));
        for (key, v) in given[group].as_object().into_iter().flatten() {
            if by_hand(&key.replace('-', "_")) {
                target.insert(key.clone(), v.clone());
            }
        }
    }
    serde_json::from_value(out).map_err(|e| Error::bug(Problem::new(e.to_string())))
}

fn resume(context: &mut Context, args: &Args, signals: &Signals) -> Result<()> {
    let name = match (&args.out, &args.data) {
        (Some(out), _) => out.display().to_string(),
        (None, Some(data)) => data.clone(),
        (None, None) => "last".into(),
    };
    let mut dir = RunDir::open(&name)?;
    if args.break_lock {
        break_lock(context, dir.path())?;
    }
    dir.lock()?;
    if dir.ensemble()?.is_some() {
        return ensemble::resume(context, args, &dir, signals);
    }
    let (before, card, state, notes) = session::resume(&dir)?;
    notes.iter().for_each(|n| context.ui.note(n));
    let (config, changes) = continued(context, args, &before)?;
    let loaded = continued_data(context, args, &card, &config)?;
    if state.step >= config.train.steps {
        context.ui.value("steps", state.step);
        return context.ui.say(&format!("{name} is already complete at step {}", state.step));
    }
    remark(context, &config, &loaded);
    rewind(&dir, &config, u64::from(state.step))?;
    changes.iter().for_each(|change| context.ui.note(change));
    context.ui.note(&format!("{name} goes on from step {}", state.step));
    let mut engine = context.engine()?;
    go(context, engine.as_mut(), &config, &loaded, &mut dir, Some(&state), signals)
}

/// The data of a run that goes on: what they were, unless other rows are allowed.
pub(super) fn continued_data(context: &Context, args: &Args, card: &ModelCard, config: &RunConfig) -> Result<Loaded> {
    let mut loaded = config::load(config)?;
    check(config, &loaded)?;
    if args.data_changed_ok && loaded.sha256 != card.data_sha256 {
        session::adopt(card, &mut loaded)?;
        context.ui.note(&format!(
            "{} has changed: the run goes on with what is there now, in the units of the model; rows that were held out may \
             have been trained on before",
            config.source
        ));
    }
    session::same_run(card, &session::card(config, &loaded), args.data_changed_ok)?;
    Ok(loaded)
}

/// The configuration of a run that goes on, with what changed: what it was, then what was given by hand.
pub(super) fn continued(context: &Context, args: &Args, before: &RunConfig) -> Result<(RunConfig, Vec<String>)> {
    let given = RunConfig {
        source: args.data.clone().filter(|_| args.out.is_some()).unwrap_or(before.source.clone()),
        seed: if context.given("seed") { context.global.seed } else { before.seed },
        data: args.options.clone(),
        network: args.network.clone(),
        process: args.process.clone(),
        train: args.train.clone(),
    };
    let mut config = overlay(before, &given, &|key| context.given(key))?;
    (config.source, config.seed) = (given.source, given.seed);
    let changes = refuse_frozen(before, &config)?;
    Ok((config, changes))
}

/// Cuts the logs of a run back to a step and writes its configuration anew.
pub(super) fn rewind(dir: &RunDir, config: &RunConfig, step: u64) -> Result<()> {
    dir.truncate_jsonl("train.jsonl", "step", step)?;
    dir.truncate_jsonl("metrics.jsonl", "step", step)?;
    dir.write_text("config.toml", &config.to_toml()?)
}

/// Refuses changes of settings that may not change, all at once; gives those that may.
fn refuse_frozen(before: &RunConfig, now: &RunConfig) -> Result<Vec<String>> {
    let (a, b) = (json!(before), json!(now));
    let (mut frozen, mut free) = (Vec::new(), Vec::new());
    let mut compare = |key: &str, old: &Value, new: &Value| {
        if old != new {
            // a setting that was left to its default is not in the file
            let said = |v: &Value| if v.is_null() { "not set".into() } else { v.to_string() };
            let list = if EXTENDABLE.contains(&key) { &mut free } else { &mut frozen };
            list.push(format!("{key} was {}, is now {}", said(old), said(new)));
        }
    };
    for group in ["data", "network", "process", "train"] {
        let keys: BTreeSet<&String> =
            [&a, &b].iter().filter_map(|c| c[group].as_object()).flat_map(Map::keys).collect();
        keys.iter().for_each(|key| compare(key, &a[group][key.as_str()], &b[group][key.as_str()]));
    }
    ["source", "seed"].iter().for_each(|key| compare(key, &a[*key], &b[*key]));
    if frozen.is_empty() {
        return Ok(free);
    }
    Err(Error::checkpoint(
        Problem::new("a run that goes on cannot change these settings")
            .found(frozen.join("; "))
            .expected(format!("changes of {} only", EXTENDABLE.join(", "))),
    ))
}

fn go(
    context: &mut Context,
    engine: &mut dyn crate::recording::Engine,
    config: &RunConfig,
    loaded: &Loaded,
    dir: &mut RunDir,
    start: Option<&State>,
    signals: &Signals,
) -> Result<()> {
    let data = &loaded.data;
    context.ui.note(&format!(
        "{}: {} rows of {} columns to train on, {} held out; {}",
        data.name,
        grouped(data.rows()),
        data.dim,
        grouped(data.held_out.len() / data.dim),
        dir.path().display()
    ));
    let mut progress = context.ui.progress("training", u64::from(config.train.steps));
    let job = session::Job { config, loaded, dir, start };
    let outcome = session::train(engine, job, &mut |e| show(&mut progress, &e), &|| signals.stop_saved())?;
    drop(progress);
    report(context, dir, &outcome)
}

pub(super) fn show(progress: &mut Progress, event: &Event<'_>) {
    match event {
        Event::Tick { step, loss, rate } => {
            progress.at(u64::from(*step), &format!("loss {loss:.4}  {rate:.0} steps/s"));
        }
        Event::Crowded => progress.line(
            "so many seeds do not fit the kernels that each would be trained with alone, so these runs round otherwise; \
             --family panel trains both alike",
        ),
        Event::Waiting { problem, left } => {
            progress.line(&format!("{problem}; trying again for {} s, in which space may be freed", left.as_secs()));
        }
        Event::HeldOut { step, held_out, floors } => {
            let n = held_out.len() as f64;
            let loss = held_out.iter().map(|h| h.loss).sum::<f64>() / n;
            let floor = floors.iter().map(|f| f.map(|f| f.value)).sum::<Option<f64>>().map(|sum| sum / n);
            let floor = floor.map(|f| format!("  floor {f:.4}  excess {:+.2}%", 100.0 * (loss / f - 1.0)));
            let mean = if held_out.len() > 1 { "mean " } else { "" };
            progress.line(&format!("step {step:>7}  {mean}held-out loss {loss:.4}{}", floor.unwrap_or_default()));
        }
    }
}

/// Says how it ended.
fn report(context: &mut Context, dir: &RunDir, outcome: &Outcome) -> Result<()> {
    let ui = &mut context.ui;
    ui.value("run", dir.path().display().to_string());
    ui.value("steps", outcome.state.step);
    ui.value("seconds", outcome.seconds);
    ui.value("first_step_seconds", outcome.first_step);
    if let Some(h) = &outcome.held_out {
        ui.value("held_out_loss", h.loss);
        ui.value("held_out_draws", h.draws);
        let mut line =
            format!("held-out loss {:.5} (noise loss of the averaged weights, {} draws)", h.loss, grouped(h.draws));
        if let Some(f) = &outcome.floor {
            ui.value("floor", f.value);
            ui.value("floor_error", f.error);
            let excess = h.loss - f.value;
            line.push_str(&format!(
                "\nexact floor   {:.5} +- {:.5} (loss of the exact score on the same draws); excess {excess:.5}, {:.2} %",
                f.value,
                f.error,
                100.0 * excess / f.value
            ));
        }
        ui.say(&line)?;
    }
    if let Some(s) = outcome.card.network()?.learned_noise(&outcome.state.average) {
        ui.value("learned_noise", s);
        ui.say(&format!("learned noise {s:.4} (s of the structured head, averaged weights, in units of the model)"))?;
    }
    ui.say(&format!(
        "{} steps in {:.1} s (first after {:.1} s); {}",
        outcome.state.step,
        outcome.seconds,
        outcome.first_step,
        dir.path().display()
    ))
}
