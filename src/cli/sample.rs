//! `sample`: a model in, points out.

use std::path::PathBuf;

use serde_json::json;

use super::Context;
use super::run::ScoreArgs;
use super::signals::Signals;
use super::ui::grouped;
use crate::defaults::choices;
use crate::error::{Error, Problem, Result};
use crate::io::PointWriter;
use crate::model::Which;
use crate::process::{self, GRIDS, Plan, Process, SAMPLERS, SamplerOptions, Variance};
use crate::sample::{self, Follow, Request, State};

/// Which reverse process.
#[derive(clap::Args, Clone)]
pub struct SamplerArgs {
    #[arg(long, help = choices("Sampler", SAMPLERS, |s| s.name), default_value = "ei", help_heading = "Sampler")]
    pub sampler: String,
    /// Reverse steps
    #[arg(long, default_value_t = 250, help_heading = "Sampler")]
    pub steps: usize,
    #[arg(long, help = choices("Time grid", GRIDS, |g| g.name), default_value = "benton", help_heading = "Sampler")]
    pub grid: String,
    /// ddpm: variance of a step: beta, beta-tilde, analytic
    #[arg(long, help_heading = "Sampler")]
    pub variance: Option<String>,
    /// ddim: 0 is deterministic, 1 is ancestral
    #[arg(long, help_heading = "Sampler")]
    pub eta: Option<f64>,
    /// Weights: ema, raw
    #[arg(long, default_value = "ema", help_heading = "Sampler")]
    pub weights: String,
}

impl SamplerArgs {
    /// Which set of weights they ask for.
    pub fn which(&self) -> Result<Which> {
        match self.weights.as_str() {
            "ema" => Ok(Which::Average),
            "raw" => Ok(Which::Raw),
            other => Err(Error::usage(
                Problem::new("there is no such choice")
                    .at("--weights")
                    .found(format!("`{other}`"))
                    .expected("ema or raw"),
            )),
        }
    }
    /// The plan for a process; `energy` gives E|s|^2 / D at a list of times, for the analytic variance.
    pub fn plan(&self, process: &Process, energy: &mut dyn FnMut(&[f64]) -> Result<Vec<f64>>) -> Result<Plan> {
        let times = process::grid(&self.grid, process, self.steps)?;
        let variance = self.variance.as_deref().map(|v| {
            let names =
                [("beta", Variance::Beta), ("beta-tilde", Variance::BetaTilde), ("analytic", Variance::Analytic)];
            names.iter().find(|(n, _)| *n == v).map(|(_, variance)| *variance).ok_or_else(|| {
                Error::usage(
                    Problem::new("there is no such choice")
                        .at("--variance")
                        .found(format!("`{v}`"))
                        .expected("beta, beta-tilde or analytic"),
                )
            })
        });
        let variance = variance.transpose()?;
        let energy_per_dim = match variance {
            Some(Variance::Analytic) => Some(energy(&times[..times.len() - 1])?),
            _ => None,
        };
        process::plan(&self.sampler, process, &times, &SamplerOptions { variance, eta: self.eta, energy_per_dim })
    }
}

/// Draw samples from a trained model, or by the exact score of a law
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub struct Args {
    /// Run directory, checkpoint file, number of a run, or `last`; or data, with --score exact or empirical
    run: Option<String>,
    /// Number of samples
    #[arg(short, default_value_t = 10_000)]
    n: u32,
    /// Output: .npy, .csv, .tsv, .jsonl, or `-` for CSV on stdout (default: in the run's samples/)
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Replace an existing output file
    #[arg(long)]
    force: bool,
    /// Samples on the device at a time; does not change the samples
    #[arg(long, default_value_t = 16_384)]
    chunk: usize,
    /// Also write the paths of the first samples: (paths, frames, D) to this .npy
    #[arg(long)]
    trajectories: Option<PathBuf>,
    /// Number of paths
    #[arg(long, default_value_t = 64)]
    paths: usize,
    /// Frames in a path
    #[arg(long, default_value_t = 51)]
    frames: usize,
    /// Check everything and stop before sampling
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    sampler: SamplerArgs,
    #[command(flatten)]
    score: ScoreArgs,
}

const HELP: &str = "\
Examples:
  scorefield sample last -n 100000 -o x.npy                    the newest run
  scorefield sample last --sampler ddim --steps 50 -o x.csv    another sampler
  scorefield sample --score exact --data moons -o m.npy        no training: the score of the law itself
  scorefield sample --score empirical --data t.csv -o m.csv    the score that remembers every row of a table";

/// Samples to a file.
pub fn run(context: &mut Context, args: &Args) -> Result<()> {
    let signals = Signals::install();
    let found = args.score.find(context, args.run.as_deref(), args.sampler.which()?)?;
    found.notes.iter().for_each(|n| context.ui.note(n));
    if args.n == 0 && !args.dry_run {
        return Err(Error::usage(Problem::new("no samples were asked for").at("-n").found(0).expected("at least 1")));
    }
    if !(1..=1 << 22).contains(&args.chunk) {
        return Err(Error::usage(
            Problem::new("a count is out of range").at("--chunk").found(args.chunk).expected("1 to 4194304"),
        ));
    }
    let output = match (&args.output, &found.dir) {
        (Some(path), _) => path.clone(),
        (None, Some(dir)) => {
            let whose = found.kind.map_or(String::new(), |k| format!("{k}-"));
            let ending = if found.card.schema.as_ref().is_some_and(|s| s.header) { "csv" } else { "npy" };
            dir.samples().join(format!(
                "{whose}{:09}-{}-{}-s{}.{ending}",
                found.step, args.sampler.sampler, args.sampler.steps, context.global.seed
            ))
        }
        (None, None) => {
            return Err(Error::usage(
                Problem::new("without a run there is no samples/ directory").at("-o").expected("a file to write to"),
            ));
        }
    };
    let dim = found.card.dim;
    let schema = found.card.schema.as_ref();
    if args.trajectories.as_ref() == Some(&output) {
        return Err(Error::usage(
            Problem::new("samples and paths cannot go to one file").at("--trajectories").found(output.display()),
        ));
    }
    let process = &found.score.process;
    // once with any energies, so that whatever can be refused is refused before a device is opened
    let stages = args.sampler.plan(process, &mut |times| Ok(vec![1.0; times.len()]))?.stages.len();
    let follow = args.trajectories.as_ref().map(|_| Follow {
        paths: args.paths.clamp(1, args.n.max(1) as usize),
        stages: sample::frames(stages, args.frames),
    });
    if args.dry_run {
        // a missing directory would be made, which a dry run does not
        if output.parent().is_some_and(|p| p.as_os_str().is_empty() || p.is_dir()) {
            crate::io::check_writable(&output, args.force)?;
        }
        return context.ui.say(&format!(
            "{} samples of dimension {dim} in {} steps of {} would go to {}",
            args.n,
            args.sampler.steps,
            args.sampler.sampler,
            output.display()
        ));
    }
    let mut writer = PointWriter::create(&output, args.force, schema, args.n as usize, dim)?;
    let mut paths = match (&args.trajectories, &follow) {
        (Some(path), Some(f)) => Some((
            PointWriter::create(path, args.force, None, f.paths * f.stages.len(), dim)?
                .shaped(&[f.paths, f.stages.len()])?,
            Vec::new(),
        )),
        _ => None,
    };
    let mut engine = context.engine()?;
    let plan = args
        .sampler
        .plan(process, &mut |times| crate::sample::energy(engine.as_mut(), &found.score, times, context.global.seed))?;
    let request = Request {
        score: &found.score,
        plan: &plan,
        count: args.n,
        chunk: args.chunk,
        seed: context.global.seed,
        shift: &found.card.shift,
        scale: &found.card.scale,
        follow,
    };
    let clock = std::time::Instant::now();
    let mut progress = context.ui.progress("sampling", u64::from(args.n));
    let mut live = u64::from(args.n).min(args.chunk as u64);
    sample::run(engine.as_mut(), &request, &mut |state| {
        if let Some(why) = signals.stop() {
            return Err(why);
        }
        match state {
            State::Frame { points, .. } => {
                if let Some((_, frames)) = &mut paths {
                    frames.push(points.to_vec());
                }
            }
            State::Samples { first, points } => {
                writer.write_rows(points)?;
                live = (u64::from(args.n - first) - (points.len() / dim) as u64).min(args.chunk as u64);
            }
            State::Progress { done, stage } => {
                progress.at(u64::from(done) + live * stage as u64 / stages as u64, "samples");
            }
        }
        Ok(())
    })?;
    drop(progress);
    writer.finish()?;
    if let Some((mut file, frames)) = paths {
        // frame by frame to path by path
        for p in 0..frames.first().map_or(0, Vec::len) / dim {
            for frame in &frames {
                file.write_rows(&frame[p * dim..(p + 1) * dim])?;
            }
        }
        file.finish()?;
    }
    let seconds = clock.elapsed().as_secs_f64();
    let rate = f64::from(args.n) * args.sampler.steps as f64 / seconds;
    context.ui.value("output", output.display().to_string());
    context.ui.value("n", args.n);
    context.ui.value("sampler", json!({"name": args.sampler.sampler, "steps": args.sampler.steps, "grid": args.sampler.grid, "kappa": process::kappa(&plan.times)}));
    context.ui.value("seconds", seconds);
    if output.as_os_str() == "-" {
        return Ok(());
    }
    context.ui.say(&format!(
        "{} samples in {seconds:.1} s ({:.2} million samples x steps a second): {}",
        grouped(args.n as usize),
        rate / 1e6,
        output.display()
    ))
}
