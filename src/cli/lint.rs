//! `lint`: what speaks against a configuration before it is trained, or against a run.

use serde_json::json;

use super::run::is_run;
use super::{Context, train};
use crate::config::{self, DataOptions, Loaded, RunConfig};
use crate::defaults::choices;
use crate::error::{Error, Problem, Result};
use crate::io::RunDir;
use crate::lint::{self, Case, Finding};
use crate::network::{Network, NetworkOptions};
use crate::pictures::Log;
use crate::process::{self, GRIDS, Process};
use crate::train::{ProcessOptions, TrainOptions};

/// Reverse steps and their grid when nothing is said: the defaults of `sample`.
pub(super) const STEPS: usize = 250;
const GRID: &str = "benton";

/// What the theory and the data say against a configuration, before it is trained; or against a run
#[derive(clap::Args)]
#[command(after_help = "\
Takes the flags of train, but --steps are reverse steps here, as in sample, and --train-steps those of the training. The
process ddpm then has a table of as many entries, unless --timesteps says otherwise.

Examples:
  scorefield lint table.csv                              would the defaults suit it?
  scorefield lint table.csv --process ddpm --steps 50    a table of 50: is the end noise?
  scorefield lint last --strict                          exit code 10 if anything is found")]
pub struct Args {
    /// Named distribution or file, as for train; or a run directory
    data: String,
    /// Reverse steps
    #[arg(id = "reverse-steps", long = "steps", default_value_t = STEPS, help_heading = "Sampler")]
    reverse_steps: usize,
    #[arg(long, help = choices("Time grid", GRIDS, |g| g.name), default_value = GRID, help_heading = "Sampler")]
    grid: String,
    /// End with exit code 10 if there is a warning
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    options: DataOptions,
    #[command(flatten)]
    network: NetworkOptions,
    #[command(flatten)]
    process: ProcessOptions,
    #[command(flatten)]
    train: TrainOptions,
}

/// Looks and reports.
pub fn run(context: &mut Context, args: &Args) -> Result<()> {
    let (config, losses) = configure(context, args)?;
    let loaded = config::load(&config)?;
    loaded.data.notes.iter().for_each(|n| context.ui.note(n));
    train::check(&config, &loaded)?;
    let process = config.process.build()?;
    let times = process::grid(&args.grid, &process, args.reverse_steps)?;
    let found = findings(&config, &loaded, &process, &times, losses)?;
    let warned = found.iter().filter(|f| f.warns).count();
    for finding in &found {
        context.ui.say(&line(finding))?;
    }
    context.ui.value("data", config.source.clone());
    context.ui.value("findings", json!(found));
    context.ui.value("warnings", warned);
    context.ui.say(&match warned {
        0 => format!("{} findings, no warning", found.len()),
        1 => format!("{} findings, 1 warning", found.len()),
        n => format!("{} findings, {n} warnings", found.len()),
    })?;
    if args.strict && warned > 0 {
        let names: Vec<&str> = found.iter().filter(|f| f.warns).map(|f| f.name).collect();
        let problem = Problem::new("the configuration has warnings").at(&args.data).found(names.join(", "));
        context.ui.finish()?;
        return Err(Error::check(problem.expected("none, with --strict")));
    }
    Ok(())
}

/// The configuration of a run with its last losses, or that of the flags.
fn configure(context: &Context, args: &Args) -> Result<(RunConfig, Option<(f64, f64)>)> {
    if is_run(&args.data) {
        let dir = RunDir::open(&args.data)?;
        let config = RunConfig::from_toml(&dir.config())?;
        let log = Log::read(&dir.train_log(), &dir.metrics_log())?;
        let losses = log.held_out.last().map(|(_, loss)| *loss).zip(log.floor.map(|(floor, _)| floor));
        return Ok((config, losses));
    }
    let mut process = args.process.clone();
    if process::row(&process.process).is_some_and(|row| row.name == "ddpm")
        && context.given("reverse-steps")
        && process.timesteps.is_none()
    {
        let k = args.reverse_steps as f64;
        process.timesteps = Some(k);
        process.t0 = process.t0.or(Some(1.0 / k));
        context.ui.note(&format!("a table of as many entries as steps: --timesteps {k} --t0 {}", 1.0 / k));
    }
    let config = RunConfig {
        source: args.data.clone(),
        seed: context.global.seed,
        data: args.options.clone(),
        network: args.network.clone(),
        process,
        train: args.train.clone(),
    };
    Ok((config, None))
}

fn findings(
    config: &RunConfig,
    loaded: &Loaded,
    process: &Process,
    times: &[f64],
    losses: Option<(f64, f64)>,
) -> Result<Vec<Finding>> {
    let network = Network::new(&config.network, loaded.data.dim)?;
    let (data, seed) = (&loaded.data, config.seed);
    Ok(lint::lint(&Case { config, data, process, network: &network, times, losses, seed }))
}

/// The findings of what is about to be trained, with the reverse process that `sample` takes by default.
pub(super) fn before_training(config: &RunConfig, loaded: &Loaded) -> Result<Vec<Finding>> {
    let process = config.process.build()?;
    let times = process::grid(GRID, &process, STEPS)?;
    findings(config, loaded, &process, &times, None)
}

/// A finding as it is printed.
pub(super) fn line(finding: &Finding) -> String {
    let mark = if finding.warns { "warning" } else { "fine" };
    let fix = finding.fix.as_ref().map_or(String::new(), |fix| format!("\n         try {fix}"));
    format!("{mark:<8} {}: {}{fix}", finding.name, finding.said)
}
