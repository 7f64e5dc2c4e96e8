//! `eval`: how good a model, or a file, is; every number with its floor.

use std::path::Path;

use serde_json::{Value, json};

use super::run::{Found, ScoreArgs};
use super::sample::{SamplerArgs, remark_steps};
use super::signals::Signals;
use super::{Context, ladder, members, run, scoreboard};
use crate::config::{self, Loaded, RunConfig};
use crate::error::{Error, Problem, Result};
use crate::evaluate::{self, Evaluation, Truth};
use crate::io::{Kind, Missing, ReadOptions, RunDir, Schema, Table, read_table};
use crate::metrics::columns::unnamed;
use crate::metrics::exact_w2::MOST;
use crate::metrics::table::{chosen, usual};
use crate::metrics::{Column, METRICS, Settings};
use crate::process::Plan;
use crate::recording::Engine;
use crate::sample::{self, Probe, Request, State};

/// Samples of a model when the command line does not say.
const SAMPLES: usize = 10_000;

/// Measure a model against the law or data it was trained on, or one file against another
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  scorefield eval last                                        the newest run
  scorefield eval last --metrics usual,kl,prdc,mmd            more metrics; `all` takes minutes
  scorefield eval RUN                                         an ensemble: each metric's mean over its members
  scorefield eval a.csv b.csv                                 one file against another, column by column and jointly
  scorefield eval --score exact --data gmm:means=(-3)(3) --t0 0.01 --steps 20,40,80,160
                                                              how far the sampler itself is off")]
pub struct Args {
    /// Run directory, checkpoint file, number of a run, or `last`; or a file of points; or data, with --score
    run: Option<String>,
    /// A second file, of true points: RUN is then a file too and is compared with it
    truth: Option<String>,
    /// Number of samples (of two files: at most so many rows of each) [default: 10000; files: all]
    #[arg(short)]
    n: Option<usize>,
    /// Metrics, separated by commas, `usual` or `all`; --list-metrics lists them
    #[arg(long, default_value = "usual")]
    metrics: String,
    /// List all metrics and stop
    #[arg(long)]
    list_metrics: bool,
    /// Rows of the exact W1 and W2, whose cost is cubic; at most 4096
    #[arg(long, default_value_t = 2048)]
    exact_rows: usize,
    /// Directions of the sliced W2
    #[arg(long, default_value_t = 128)]
    directions: usize,
    /// Divide each column by its standard deviation in the data before distances are taken: auto (files yes, named
    /// distributions no), yes, no
    #[arg(long, default_value = "auto")]
    standardise: String,
    /// Judge the numbers of the network, not what `sample` writes: neither rounded nor held to what the columns hold
    #[arg(long)]
    pub(super) raw: bool,
    /// Judge by the data as they are now, though they are no longer what the model was trained on
    #[arg(long)]
    data_changed_ok: bool,
    /// Of two files, rows with an empty cell, NA or NaN: refuse (the file), drop (the rows)
    #[arg(long, default_value = "refuse")]
    missing: String,
    /// Samples on the device at a time; does not change the samples
    #[arg(long, default_value_t = 16_384)]
    chunk: usize,
    #[command(flatten)]
    pub(super) sampler: SamplerArgs,
    #[command(flatten)]
    score: ScoreArgs,
}

impl Args {
    pub(super) fn settings(&self, seed: u64) -> Settings {
        Settings {
            seed,
            assignment_rows: self.exact_rows,
            directions: self.directions,
            // `check` has read the list
            metrics: chosen(&self.metrics).unwrap_or_else(|_| usual()),
            standardise: self.standardise == "yes",
            ..Settings::default()
        }
    }

    /// The settings for rows of a file, or of a model of one, with columns that have names.
    pub(super) fn settings_for(&self, schema: Option<&Schema>, dim: usize, seed: u64) -> Settings {
        let settings = self.settings(seed);
        match schema {
            Some(schema) => Settings { columns: columns_of(schema), standardise: self.standardise != "no", ..settings },
            // of a law the columns are measured when they are asked for
            None if self.metrics != "usual" => Settings { columns: unnamed(dim), ..settings },
            None => settings,
        }
    }

    /// Refuses counts out of range before anything is read.
    fn check(&self) -> Result<()> {
        chosen(&self.metrics)?;
        if !["auto", "yes", "no"].contains(&self.standardise.as_str()) {
            let problem = Problem::new("there is no such choice").at("--standardise");
            return Err(Error::usage(problem.found(format!("`{}`", self.standardise)).expected("auto, yes or no")));
        }
        let counts = [
            ("-n", self.n.unwrap_or(SAMPLES), 2, 1 << 28),
            ("--exact-rows", self.exact_rows, 2, MOST),
            ("--directions", self.directions, 1, 1 << 16),
            ("--chunk", self.chunk, 1, 1 << 22),
        ];
        match counts.iter().find(|(_, n, least, most)| !(least..=most).contains(&n)) {
            Some((flag, n, least, most)) => {
                let problem = Problem::new("a count is out of range").at(flag).found(n);
                Err(Error::usage(problem.expected(format!("{least} to {most}"))))
            }
            None => Ok(()),
        }
    }
}

/// The columns of a file, as metrics want them.
fn columns_of(schema: &Schema) -> Vec<Column> {
    let one = |c: &crate::io::Column| Column {
        name: c.name.clone(),
        width: c.kind.width(),
        words: matches!(c.kind, Kind::Category { .. }),
        unit: 1.0,
    };
    schema.columns.iter().map(one).collect()
}

/// Refuses a file or a distribution alone, which has nothing to be compared with.
fn refuse_alone(name: &str) -> Result<()> {
    if run::is_run(name) {
        return Ok(());
    }
    let problem = |what: &str| Problem::new(what).at(name);
    if Path::new(name).is_file() {
        return Err(Error::usage(
            problem("a file alone cannot be judged")
                .expected("a model, or two files")
                .hint("scorefield eval SAMPLES TRUTH compares two files; scorefield eval RUN judges a trained model"),
        ));
    }
    if crate::distribution::is_spec(name) {
        return Err(Error::usage(
            problem("a distribution alone cannot be judged")
                .expected("a model of it, or a sampler with its score")
                .hint(format!("scorefield eval --score exact --data {name} judges the sampler; `train` makes a model")),
        ));
    }
    Ok(())
}

/// Measures a model or a file.
pub fn run(context: &mut Context, args: &Args) -> Result<()> {
    let signals = Signals::install();
    args.check()?;
    if args.list_metrics {
        return list(context);
    }
    match (&args.run, &args.truth) {
        (Some(run), Some(truth)) => return files(context, args, [run, truth], &signals),
        (Some(run), None) if args.score.score.is_none() => {
            if let Some(members) = RunDir::open(run).ok().map(|dir| dir.ensemble()).transpose()?.flatten() {
                return members::ensemble(context, args, &members, &signals);
            }
            refuse_alone(run)?;
        }
        _ => {}
    }
    let Some(mut judged) = model(context, args, args.run.as_deref(), &signals)? else { return Ok(()) };
    scoreboard::print(context, &judged.said)?;
    // the log of a run is about its network
    if judged.found.kind.is_none() {
        log(context, args, &mut judged.found, judged.n, &judged.said);
    }
    Ok(())
}

/// All metrics, one a line.
fn list(context: &mut Context) -> Result<()> {
    for m in METRICS {
        let usual = if m.usual { "usual" } else { "" };
        context.ui.say(&format!("{:12} {usual:6} {}  (needs {})", m.name, m.doc, m.needs))?;
    }
    let rows = METRICS.iter().map(|m| json!({"name": m.name, "doc": m.doc, "needs": m.needs, "usual": m.usual}));
    context.ui.value("metrics", rows.collect::<Vec<_>>());
    Ok(())
}

/// A model with what was measured of it.
pub(super) struct Judged {
    pub(super) said: Evaluation,
    pub(super) found: Found,
    pub(super) n: usize,
}

fn files(context: &mut Context, args: &Args, [run, truth]: [&str; 2], signals: &Signals) -> Result<()> {
    let options = ReadOptions { missing: Missing::named(&args.missing)?, ..ReadOptions::default() };
    let read = |name: &str| read_table(Path::new(name), &options);
    let (mut a, b) = (read(run)?, read(truth)?);
    for note in a.notes.iter().chain(&b.notes) {
        context.ui.note(note);
    }
    let columns = |t: &Table| t.schema.encoded_names().join(", ");
    let found = columns(&a);
    a = a.in_columns_of(&b.schema).ok_or_else(|| {
        Error::data(Problem::new("the files do not have the same columns").at(run).found(found).expected(columns(&b)))
    })?;
    let most = |t: &Table| t.rows.min(args.n.unwrap_or(t.rows)) * t.width;
    let settings = args.settings_for(Some(&b.schema), b.width, context.global.seed);
    let mut progress = context.ui.progress("evaluating", 1);
    let said = evaluate::files(&a.values[..most(&a)], &b.values, a.width, [run, truth], &settings, &mut |what| {
        progress.at(0, what);
        signals.stop().map_or(Ok(()), Err)
    })?;
    drop(progress);
    scoreboard::print(context, &said)
}

/// The run of a model with its data re-created, as far as they are at hand.
pub(super) fn truth_of(context: &Context, found: &mut Found, name: &str, changed_ok: bool) -> Result<Option<Loaded>> {
    // a checkpoint file inside a run directory still belongs to that run
    found.dir = found.dir.take().or_else(|| RunDir::open(name).ok());
    let Some(dir) = found.dir.as_ref().filter(|d| d.config().exists()) else { return Ok(None) };
    let config = RunConfig::from_toml(&dir.config())?;
    let loaded = config::load(&config)?;
    let (now, then) = ((loaded.data.rows(), &loaded.sha256), (found.card.rows, &found.card.data_sha256));
    if now != then && changed_ok && loaded.data.dim == found.card.dim {
        context.ui.note(&format!(
            "{} is no longer what the model was trained on: it is judged by what is there now, of which any row may have been \
             trained on",
            config.source
        ));
    } else if now != then || loaded.data.dim != found.card.dim {
        return Err(Error::checkpoint(
            Problem::new("the data is no longer what the model was trained on")
                .at(&config.source)
                .found(format!("{} rows, hash {}", now.0, now.1.as_deref().unwrap_or("none")))
                .expected(format!("{} rows, hash {}", then.0, then.1.as_deref().unwrap_or("none")))
                .hint("put the old data back, or take what is there with `eval --data-changed-ok`"),
        ));
    }
    loaded.data.notes.iter().for_each(|n| context.ui.note(n));
    Ok(Some(loaded))
}

/// Draws and measures; nothing is left to say where several numbers of steps were asked for.
pub(super) fn model(
    context: &mut Context,
    args: &Args,
    run: Option<&str>,
    signals: &Signals,
) -> Result<Option<Judged>> {
    let mut found = args.score.find(context, run, args.sampler.scheme.which()?)?;
    found.notes.iter().for_each(|n| context.ui.note(n));
    let loaded = match found.loaded.take() {
        Some(loaded) => Some(loaded),
        None => truth_of(
            context,
            &mut found,
            run.or(args.score.score.as_deref()).unwrap_or_default(),
            args.data_changed_ok,
        )?,
    };
    let source = &found.card.source;
    let law = config::law(source)?;
    let mut truth = Truth { law: law.as_ref(), data: loaded.as_ref().map(|l| &l.data), pairs: &[], ratios: None };
    let mut n = args.n.unwrap_or(SAMPLES);
    if let Some(most) = evaluate::most_samples(&truth).filter(|&most| (2..n).contains(&most)) {
        context.ui.note(&format!("{most} rows were held out, so {most} samples are drawn instead of {n}"));
        n = most;
    }
    // a lone checkpoint in the units of its law needs no run for the law to be known
    let in_data_units = found.card.shift.iter().all(|v| *v == 0.0) && found.card.scale.iter().all(|v| *v == 1.0);
    let of_name = law.as_deref().filter(|l| in_data_units && l.dim() == found.card.dim);
    let exact = loaded.as_ref().map_or(of_name, |l| l.data.truth.as_deref());
    let rungs = ladder::steps(context, &args.sampler)?;
    let mut engine = context.engine()?;
    let seed = context.global.seed;
    if rungs.len() > 1 {
        let what = ladder::Climb { truth: &truth, exact, rungs: &rungs, n };
        return ladder::climb(context, args, engine.as_mut(), &found, &what, signals).map(|()| None);
    }
    let (mut samples, plan) = draw(context, args, &args.sampler, engine.as_mut(), &found, n, signals)?;
    remark_steps(context, &plan, &found);
    if let Some(schema) = found.card.schema.as_ref().filter(|_| !args.raw) {
        schema.settle(&mut samples, &mut vec![0; schema.columns.len()]);
    }
    if let Some(known) = ladder::known(&found, exact, &plan, &args.sampler.scheme.grid) {
        ladder::head(context, &found, n)?;
        let value = ladder::line(context, &known, &plan, &in_model_units(&samples, &found), found.card.dim)?;
        context.ui.value("discretisation", value);
    }
    let mut progress = context.ui.progress("evaluating", 1);
    let mut watch = |what: &str| {
        progress.at(0, what);
        signals.stop().map_or(Ok(()), Err)
    };
    let (pairs, note) = match exact {
        Some(law) => evaluate::score_pairs(engine.as_mut(), &found.score, &found.score.process, law, seed, &mut watch)?,
        None => (Vec::new(), None),
    };
    truth.pairs = &pairs;
    let settings = args.settings_for(found.card.schema.as_ref(), found.card.dim, seed);
    // of a score that is exact both densities are the same
    let wanted = found.kind.is_none() && settings.metrics.contains(&"kl");
    let ratios = match exact.filter(|_| wanted) {
        Some(law) => evaluate::log_ratios(engine.as_mut(), &found.score, law, seed, &mut watch)?,
        None => None,
    };
    truth.ratios = ratios.as_ref();
    let mut said = evaluate::model(&samples, found.card.dim, &truth, &settings, &mut watch)?;
    said.notes.extend(note);
    if found.card.schema.is_some() && !args.raw {
        said.notes.push("samples are judged as `sample` writes them: rounded and held to what the columns hold".into());
    }
    drop(progress);
    Ok(Some(Judged { said, found, n }))
}

/// Samples (n, D) in data units.
pub(super) fn draw(
    context: &Context,
    args: &Args,
    sampler: &SamplerArgs,
    engine: &mut dyn Engine,
    found: &Found,
    n: usize,
    signals: &Signals,
) -> Result<(Vec<f32>, Plan)> {
    let seed = context.global.seed;
    let process = &found.score.process;
    let plan = sampler.plan(process, Some(&mut Probe { engine, score: &found.score, process, seed }))?;
    let (shift, scale) = (&found.card.shift, &found.card.scale);
    // invariant: `check` holds n below 2^28
    let count = n as u32;
    let request =
        Request { score: &found.score, plan: &plan, count, chunk: args.chunk, seed, shift, scale, follow: None };
    let mut out = crate::io::reserve(n.saturating_mul(found.card.dim), "the samples of -n")?;
    let mut progress = context.ui.progress("sampling", n as u64);
    sample::run(engine, &request, &mut |state| {
        if let Some(why) = signals.stop() {
            return Err(why);
        }
        match state {
            State::Samples { points, .. } => out.extend_from_slice(points),
            State::Progress { done, stage } => {
                let live = (n as u64 - u64::from(done)).min(args.chunk as u64);
                progress.at(u64::from(done) + live * stage as u64 / plan.stages.len() as u64, "samples");
            }
            State::Frame { .. } => {}
        }
        Ok(())
    })?;
    drop(progress);
    Ok((out, plan))
}

/// Samples in data units brought back to model units.
pub(super) fn in_model_units(samples: &[f32], found: &Found) -> Vec<f32> {
    let (shift, scale, dim) = (&found.card.shift, &found.card.scale, found.card.dim);
    samples.iter().enumerate().map(|(i, v)| (v - shift[i % dim]) / scale[i % dim]).collect()
}

/// Adds the numbers to the run's log; where that is not possible they were printed all the same.
pub(super) fn log(context: &Context, args: &Args, found: &mut Found, n: usize, said: &Evaluation) {
    let Some(dir) = &mut found.dir else { return };
    let mut line = json!({
        "step": found.step, "eval/n": n, "eval/seed": context.global.seed, "eval/sampler": args.sampler.sampler,
        "eval/steps": args.sampler.steps, "eval/grid": args.sampler.scheme.grid, "eval/weights": args.sampler.scheme.weights,
        "eval/standardise": args.settings_for(found.card.schema.as_ref(), found.card.dim, 0).standardise,
        "eval/verdict": said.verdict.as_ref().map(|v| &v.words),
    });
    for m in &said.measurements {
        let key = format!("eval/{}", evaluate::key(m));
        if let Some((low, high)) = m.interval {
            line[format!("{key}/low")] = json!(low);
            line[format!("{key}/high")] = json!(high);
        }
        if let Some(floor) = &m.floor {
            line[format!("{key}/floor")] = json!(floor.mean);
            line[format!("{key}/floor_sd")] = json!(floor.sd);
        }
        line[key] = json!(m.value);
    }
    let added = dir.lock().and_then(|()| dir.append_jsonl("metrics.jsonl", &line as &Value));
    if let Err(e) = added {
        context.ui.note(&format!("the numbers are not added to the run's metrics.jsonl: {}", e.problem()));
    }
}
