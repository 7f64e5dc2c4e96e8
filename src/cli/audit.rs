//! `audit`: the error of a model split into its causes.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::picture::{LookArgs, check_count, check_png};
use super::run::{self, Found};
use super::signals::Signals;
use super::{Context, eval};
use crate::audit::{self, Audit, Subject};
use crate::config::{Loaded, RunConfig};
use crate::defaults::choices;
use crate::error::{Error, Problem, Result};
use crate::metrics::{Points, Settings, memorisation, short};
use crate::model::Which;
use crate::oracle::Law;
use crate::pictures::{self, Estimate, Log, Stack};
use crate::process::{self, GRIDS, Plan, SamplerOptions};
use crate::recording::Engine;
use crate::sample::{self, Request, State};
use crate::score::ExactScore;

/// Say where the error of a model comes from, in nats, and which flag reduces the largest part
#[derive(clap::Args)]
#[command(after_help = "\
The parts of KL(law at t0 || samples) for the sampler ei: initialisation, discretisation, score error (approximation,
estimation, optimisation, by training again) and their interaction. Where the law is not known, what can be said without.

Examples:
  scorefield audit last                      everything, retraining twice as long as the run was
  scorefield audit r --budget 0              without retraining: seconds
  scorefield audit r --steps 20              what would twenty steps cost?")]
pub struct Args {
    /// Run directory, number of a run, or `last`
    run: String,
    /// Reverse steps
    #[arg(long, default_value_t = super::lint::STEPS)]
    steps: usize,
    #[arg(long, help = choices("Time grid", GRIDS, |g| g.name), default_value = "benton")]
    grid: String,
    /// Exact paths that expectations are taken over
    #[arg(short, default_value_t = 1024)]
    n: usize,
    /// Length of each retraining as a multiple of the run's steps; 0 leaves the score error in one piece
    #[arg(long, default_value_t = 2.0)]
    budget: f64,
    /// Weights: ema, raw
    #[arg(long, default_value = "ema")]
    weights: String,
    /// Picture (default: the run's figures/audit.png)
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Replace an existing picture
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    look: LookArgs,
}

/// Audits a run.
pub fn run(context: &mut Context, args: &Args) -> Result<()> {
    let signals = Signals::install();
    let look = args.look.look()?;
    check_count("-n", args.n, 1 << 16)?;
    if args.n < 16 {
        return Err(Error::usage(Problem::new("too few paths").at("-n").found(args.n).expected("16 to 65536")));
    }
    if !(0.0..=1000.0).contains(&args.budget) {
        let problem = Problem::new("the budget is out of range").at("--budget").found(args.budget);
        return Err(Error::usage(problem.expected("0 to 1000 times the steps of the run")));
    }
    let which = match args.weights.as_str() {
        "ema" => Which::Average,
        "raw" => Which::Raw,
        other => {
            let problem = Problem::new("there is no such choice").at("--weights").found(format!("`{other}`"));
            return Err(Error::usage(problem.expected("ema or raw")));
        }
    };
    let mut found = run::open(&args.run, which)?;
    found.notes.iter().for_each(|n| context.ui.note(n));
    let (Some(loaded), Some(dir)) = (eval::truth_of(context, &mut found, &args.run, false)?, found.dir.as_ref()) else {
        let problem = Problem::new("an audit needs the data and settings of the training").at(&args.run);
        return Err(Error::checkpoint(problem.expected("a run directory with its config.toml")));
    };
    let config = RunConfig::from_toml(&dir.config())?;
    let picture = args.output.clone().unwrap_or_else(|| dir.figures().join("audit.png"));
    check_png(context, &picture, args.force || args.output.is_none())?;
    let process = found.score.process.clone();
    let times = process::grid(&args.grid, &process, args.steps)?;
    let plan = process::plan("ei", &process, &times, &SamplerOptions::default())?;
    let mut engine = context.engine()?;
    let task = Task { args, found: &found, loaded: &loaded, config: &config, plan: &plan, signals: &signals };
    let value = match loaded.data.truth.as_ref().and_then(|l| l.oracle()) {
        Some(oracle) => {
            let law = Law::of(oracle)?;
            let said = task.known(context, engine.as_mut(), law)?;
            let drawing = draw(&said, &loaded.data.name, args.steps, look)?;
            pictures::save(&drawing.image, &picture, true)?;
            report(context, &said, args)?;
            context.ui.value("picture", picture.display().to_string());
            json!({"law": "known", "steps": args.steps, "grid": args.grid, "paths": args.n, "budget": args.budget,
                   "step": found.step, "seed": context.global.seed, "audit": said, "beside": beside(&said)})
        }
        None => task.unknown(context, engine.as_mut())?,
    };
    dir.write_text("audit.json", &value.to_string())?;
    context.ui.value("audit", value);
    let files = dir.path().join("audit.json");
    let pictured = if picture.exists() { format!(", {}", picture.display()) } else { String::new() };
    context.ui.say(&format!("{}{pictured}", files.display()))
}

struct Task<'a> {
    args: &'a Args,
    found: &'a Found,
    loaded: &'a Loaded,
    config: &'a RunConfig,
    plan: &'a Plan,
    signals: &'a Signals,
}

impl Task<'_> {
    fn known(&self, context: &Context, engine: &mut dyn Engine, law: Law) -> Result<Audit> {
        let data = &self.loaded.data;
        let Some(truth) = &data.truth else { return Err(Error::bug(Problem::new("a law that is known and is not"))) };
        let process = &self.found.score.process;
        let exact = ExactScore { process: process.clone(), law };
        let subject = Subject {
            model: &self.found.score,
            exact: &exact,
            law: truth,
            process,
            plan: self.plan,
            data,
            config: self.config,
            paths: self.args.n,
            budget: self.args.budget,
            seed: context.global.seed,
        };
        let mut progress = context.ui.progress("auditing", 1);
        audit::audit(engine, &subject, &mut |what, done, of| {
            progress.at_of(done, of, what);
            self.signals.stop().map_or(Ok(()), Err)
        })
    }

    /// Rows whose law is not known: what can be said, and what cannot.
    fn unknown(&self, context: &mut Context, engine: &mut dyn Engine) -> Result<Value> {
        let (data, found, seed) = (&self.loaded.data, self.found, context.global.seed);
        let mut progress = context.ui.progress("auditing", 1);
        let mut watch = |what: &str, done: u64, of: u64| {
            progress.at_of(done, of, what);
            self.signals.stop().map_or(Ok(()), Err)
        };
        let process = &found.score.process;
        let walked = (self.args.n, seed);
        let said = audit::of_rows(engine, &found.score, process, &self.plan.times, data, walked, &mut watch)?;
        watch("sampling", 0, 1)?;
        let samples = self.samples(engine, seed)?;
        drop(progress);
        let points = Points::new("samples", &samples, data.dim)?;
        let training = Points::new("training rows", &data.train, data.dim)?;
        let held = (!data.held_out.is_empty()).then(|| Points::new("held-out rows", &data.held_out, data.dim));
        let settings = Settings { seed, ..Settings::default() };
        let by_heart = memorisation::memorisation(&points, &training, held.transpose()?.as_ref(), &settings)?;
        let dir = found.dir.as_ref();
        let log = dir.map(|d| Log::read(&d.train_log(), &d.metrics_log())).transpose()?.unwrap_or_default();
        let tail = &log.train[log.train.len() - log.train.len().div_ceil(10).min(log.train.len())..];
        let train = tail.iter().map(|(_, l)| l).sum::<f64>() / tail.len().max(1) as f64;
        let held_out = log.held_out.last().map(|(_, l)| *l);
        let ui = &mut context.ui;
        let start = &said.initialisation;
        ui.say(&format!(
            "initialisation   {} nats [{}, {}] (KL(p_T || prior), {}, n={})",
            short(start.value),
            short(start.interval.0),
            short(start.interval.1),
            start.method,
            start.n
        ))?;
        let [(one, e1), (two, e2)] = said.discretisation;
        let steps = self.args.steps;
        ui.say(&format!(
            "discretisation   {} +- {} nats in {steps} steps, {} +- {} in twice as many (path form with the model's own \
             score, {} paths)",
            short(one),
            short(e1),
            short(two),
            short(e2),
            said.paths
        ))?;
        if let Some(h) = held_out {
            ui.say(&format!(
                "generalisation   held-out loss {} against {} while training (mean of the last tenth): {:+.2} %",
                short(h),
                short(train),
                100.0 * (h / train - 1.0)
            ))?;
        }
        ui.say(&format!("memorisation     {by_heart}"))?;
        let worst = if start.value > one { "initialisation" } else { "discretisation" };
        let verdict = format!(
            "of what can be measured {worst} is the largest part: {}",
            audit::causes().iter().find(|c| c.name == worst).map_or("", |c| c.cure)
        );
        ui.say(&verdict)?;
        let limits = "not known without the law: the score error and its split into approximation, estimation and \
                      optimisation, the error of early stopping, and the KL of the samples";
        ui.say(limits)?;
        Ok(json!({"law": "unknown", "steps": steps, "grid": self.args.grid, "parts": said, "memorised": by_heart,
                  "loss": {"held_out": held_out, "train": train}, "verdict": verdict, "not_known": limits,
                  "step": found.step, "seed": seed}))
    }

    fn samples(&self, engine: &mut dyn Engine, seed: u64) -> Result<Vec<f32>> {
        let (card, plan) = (&self.found.card, self.plan);
        let (shift, scale) = (vec![0.0; card.dim], vec![1.0; card.dim]);
        let score = &self.found.score;
        let request =
            Request { score, plan, count: 4096, chunk: 4096, seed, shift: &shift, scale: &scale, follow: None };
        let mut out = Vec::new();
        sample::run(engine, &request, &mut |state| {
            if let State::Samples { points, .. } = state {
                out.extend_from_slice(points);
            }
            self.signals.stop().map_or(Ok(()), Err)
        })?;
        Ok(out)
    }
}

fn report(context: &mut Context, said: &Audit, args: &Args) -> Result<()> {
    let ui = &mut context.ui;
    ui.say(&format!(
        "parts of the bound of KL(law at t0 || samples), ei in {} steps, grid {}, nats",
        args.steps, args.grid
    ))?;
    for p in &said.parts {
        let mark = if p.in_sum { ' ' } else { '=' };
        let n = if p.n == 0 { String::new() } else { format!("n={}", p.n) };
        let interval = format!("[{}, {}]", short(p.interval.0), short(p.interval.1));
        let tv = p.tv_at_most.map_or(String::new(), |v| format!("TV <= {}", short(v)));
        ui.say(&format!("{mark} {:<16} {:>10}  {interval:<24} {tv:<14} {n:<7} {}", p.name, short(p.nats), p.said))?;
    }
    let interval = format!("[{}, {}]", short(said.interval.0), short(said.interval.1));
    ui.say(&format!(
        "= {:<16} {:>10}  {interval:<24} {:<14}         the sum of the lines without =",
        "bound",
        short(said.bound),
        format!("TV <= {}", short(audit::tv_at_most(said.bound)))
    ))?;
    for sentence in beside(said) {
        ui.say(&sentence)?;
    }
    said.notes.iter().for_each(|n| ui.note(n));
    ui.say(&said.verdict)
}

/// What stands beside the parts, one sentence each: what was measured of the samples, and the terms of the theory.
fn beside(said: &Audit) -> Vec<String> {
    let measured = said.measured.as_ref().map(|m| {
        let show = |v: Option<f64>| v.map_or("not known".into(), short);
        let sure = if m.n > 0 { format!(" +- {}, n={}", short(m.half_width), m.n) } else { String::new() };
        format!(
            "KL of the samples themselves, nats: model {}, exact score in as many steps {}, start alone {}{}{sure} ({})",
            show(m.model),
            show(m.exact_score),
            show(m.start),
            m.floor.map_or(String::new(), |f| format!(", two true samples {}", short(f))),
            m.method
        )
    });
    let distances = said.measured.as_ref().and_then(|m| m.w2.as_ref()).map(|w2| {
        format!(
            "sliced W2 of the samples to true ones at t0, model units: model {}, exact score in as many steps {}, two true \
             samples {}, n={} each",
            short(w2.model),
            short(w2.exact_score),
            short(w2.floor),
            w2.n
        )
    });
    let t = &said.theory;
    let theory = format!(
        "theory (Benton et al. 2024, each up to a constant it does not give): eps_score^2 {}, kappa^2 D N {} and kappa D T {} \
         at kappa {}, D e^-2T {}",
        short(t.eps_score2),
        short(t.kappa2_dn),
        short(t.kappa_dt),
        short(t.kappa),
        short(t.forgetting)
    );
    measured.into_iter().chain(distances).chain([theory]).collect()
}

fn draw(said: &Audit, name: &str, steps: usize, look: pictures::Look) -> Result<crate::render::Drawing> {
    let own = |(n, v): (&'static str, f64)| (n.to_string(), v);
    let bound: Vec<_> = said.parts.iter().filter(|p| p.in_sum).map(|p| own((p.name, p.nats))).collect();
    let mut stacks = vec![Stack { label: "the bound, its positive parts".into(), parts: bound }];
    if said.measured.is_some() {
        let parts = said.shares.iter().copied().map(own).collect();
        stacks.push(Stack { label: "the samples themselves, by cause".into(), parts });
    }
    let estimate = |p: &audit::Part| Estimate { name: p.name.into(), value: p.nats, interval: p.interval };
    let estimates: Vec<Estimate> = said.parts.iter().map(estimate).collect();
    let title = format!("Where the error comes from: {name}, {steps} steps");
    let mut caption = said.verdict.clone();
    if let Some(first) = caption.get(..1) {
        caption = first.to_uppercase() + &caption[1..] + ".";
    }
    pictures::budget(&title, &caption, &stacks, &estimates, look)
}
