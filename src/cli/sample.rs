//! `sample`: a model in, points out.

use std::path::PathBuf;

use serde_json::json;

use super::Context;
use super::run::{Found, ScoreArgs};
use super::signals::Signals;
use super::ui::{grouped, missing_directory};
use crate::defaults::choices;
use crate::error::{Error, Problem, Result};
use crate::io::{PointWriter, Schema};
use crate::model::Which;
use crate::process::{self, GRIDS, Plan, Process, SAMPLERS, SamplerOptions, SamplerRow, Variance};
use crate::sample::{self, Follow, Probe, Request, State};

/// Which reverse process.
#[derive(clap::Args, Clone)]
pub struct SamplerArgs {
    #[arg(long, help = choices("Sampler", SAMPLERS, |s| s.name), default_value = "ei", help_heading = "Sampler")]
    pub sampler: String,
    /// Reverse steps
    #[arg(long, default_value_t = 250, help_heading = "Sampler")]
    pub steps: usize,
    #[command(flatten)]
    pub scheme: Scheme,
}

/// What a reverse process may be told beside its sampler and steps.
#[derive(clap::Args, Clone)]
pub struct Scheme {
    #[arg(long, help = choices("Time grid", GRIDS, |g| g.name), default_value = "benton", help_heading = "Sampler")]
    pub grid: String,
    /// karras grid: its exponent [default: 7]
    #[arg(long, help_heading = "Sampler")]
    pub rho: Option<f64>,
    /// ddpm: variance of a step: beta, beta-tilde, analytic
    #[arg(long, help_heading = "Sampler")]
    pub variance: Option<String>,
    /// ddim, dpmpp-2m-sde: 0 is deterministic, 1 is ancestral
    #[arg(long, help_heading = "Sampler")]
    pub eta: Option<f64>,
    /// unipc, deis: evaluations a step looks at, 1 to 3
    #[arg(long, help_heading = "Sampler")]
    pub order: Option<u32>,
    /// ode-rk45: error of a step, relative and absolute, by which it chooses its steps [default: 0.0001]
    #[arg(long, help_heading = "Sampler")]
    pub tolerance: Option<f64>,
    /// edm: noise added back over all steps, S_churn; 0 is deterministic [default: 40]
    #[arg(long, help_heading = "Sampler")]
    pub s_churn: Option<f64>,
    /// edm: only where sigma / m is at least this, S_tmin [default: 0.05]
    #[arg(long, help_heading = "Sampler")]
    pub s_tmin: Option<f64>,
    /// edm: only where sigma / m is at most this, S_tmax [default: 50]
    #[arg(long, help_heading = "Sampler")]
    pub s_tmax: Option<f64>,
    /// edm: factor of that noise, S_noise [default: 1]
    #[arg(long, help_heading = "Sampler")]
    pub s_noise: Option<f64>,
    /// pc, ald: r of Langevin steps of size 2 r^2 sigma^2 [default: 0.16]
    #[arg(long, help_heading = "Sampler")]
    pub snr: Option<f64>,
    /// pc, ald: Langevin steps at each time [default: pc 1, ald 5]
    #[arg(long, help_heading = "Sampler")]
    pub corrector_steps: Option<u32>,
    /// Weights: ema, raw
    #[arg(long, default_value = "ema", help_heading = "Sampler")]
    pub weights: String,
}

impl Scheme {
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

    /// The variance of `ddpm`.
    fn variance(&self) -> Result<Option<Variance>> {
        let Some(name) = self.variance.as_deref() else { return Ok(None) };
        let names = [("beta", Variance::Beta), ("beta-tilde", Variance::BetaTilde), ("analytic", Variance::Analytic)];
        match names.iter().find(|(n, _)| *n == name) {
            Some((_, variance)) => Ok(Some(*variance)),
            None => Err(Error::usage(
                Problem::new("there is no such choice")
                    .at("--variance")
                    .found(format!("`{name}`"))
                    .expected("beta, beta-tilde or analytic"),
            )),
        }
    }

    /// The same without the options that `row` lacks.
    pub fn known_by(&self, row: &SamplerRow) -> Self {
        let knows = |option: &str| row.options.contains(&option);
        let o = self.clone();
        Self {
            variance: o.variance.filter(|_| knows("variance")),
            eta: o.eta.filter(|_| knows("eta")),
            order: o.order.filter(|_| knows("order")),
            s_churn: o.s_churn.filter(|_| knows("s_churn")),
            s_tmin: o.s_tmin.filter(|_| knows("s_tmin")),
            s_tmax: o.s_tmax.filter(|_| knows("s_tmax")),
            s_noise: o.s_noise.filter(|_| knows("s_noise")),
            snr: o.snr.filter(|_| knows("snr")),
            corrector_steps: o.corrector_steps.filter(|_| knows("corrector_steps")),
            tolerance: o.tolerance.filter(|_| row.adaptive),
            ..o
        }
    }
}

impl SamplerArgs {
    /// The plan for a process. A sampler that chooses its steps, and the analytic variance, ask the `probe`; without
    /// one the plan is only good for checking what was asked for.
    pub fn plan(&self, process: &Process, mut probe: Option<&mut Probe<'_>>) -> Result<Plan> {
        let row = process::sampler(&self.sampler)?;
        if let Some(tolerance) = self.scheme.tolerance {
            if !row.adaptive {
                let names: Vec<_> = SAMPLERS.iter().filter(|r| r.adaptive).map(|r| r.name).collect();
                let problem = Problem::new("only a sampler that chooses its steps has a tolerance").at("--tolerance");
                return Err(Error::usage(problem.found(row.name).expected(names.join(" or "))));
            }
            sample::check_tolerance(tolerance)?;
        }
        match probe.as_deref_mut().filter(|_| row.adaptive) {
            Some(asked) => {
                let times = asked.adaptive_grid(self.scheme.tolerance.unwrap_or(sample::TOLERANCE))?;
                self.over(process, &times, probe)
            }
            None => self.fixed_plan(process, probe),
        }
    }

    /// As [`SamplerArgs::plan`], but always with the number of steps and the grid that were given.
    pub fn fixed_plan(&self, process: &Process, probe: Option<&mut Probe<'_>>) -> Result<Plan> {
        let keys: Vec<_> = self.scheme.rho.map(|rho| ("rho", rho)).into_iter().collect();
        self.over(process, &process::grid_with(&self.scheme.grid, process, self.steps, &keys)?, probe)
    }

    fn over(&self, process: &Process, times: &[f64], probe: Option<&mut Probe<'_>>) -> Result<Plan> {
        let s = &self.scheme;
        let variance = s.variance()?;
        let energy_per_dim = match (variance, probe) {
            (Some(Variance::Analytic), Some(probe)) => Some(probe.energy(&times[..times.len() - 1])?),
            (Some(Variance::Analytic), None) => Some(vec![1.0; times.len() - 1]),
            _ => None,
        };
        let options = SamplerOptions {
            variance,
            eta: s.eta,
            energy_per_dim,
            order: s.order,
            s_churn: s.s_churn,
            s_tmin: s.s_tmin,
            s_tmax: s.s_tmax,
            s_noise: s.s_noise,
            snr: s.snr,
            corrector_steps: s.corrector_steps,
        };
        process::plan(&self.sampler, process, times, &options)
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
    /// Write the numbers of the network: neither rounded nor held to what the columns of the data hold
    #[arg(long)]
    raw: bool,
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

/// Plans of more evaluations are not looked at for steps that are too long.
const LONG: usize = 4096;

/// Says so when the steps are too long for the sampler, by the law of its output on normal data with the exact score.
pub(super) fn remark_steps(context: &Context, plan: &Plan, found: &Found) {
    let (process, variance, steps) = (&found.score.process, found.card.variance, plan.times.len() - 1);
    let off = |stretch: f64| !(0.67..1.5).contains(&stretch);
    if plan.evaluations() > LONG || !off(plan.stretch(process, variance)) {
        return;
    }
    let at_home = |row: &&SamplerRow| {
        let other = process::plan(row.name, process, &plan.times, &SamplerOptions::default());
        other.is_ok_and(|other| (0.9..1.1).contains(&other.stretch(process, variance)))
    };
    let others: Vec<&str> = SAMPLERS.iter().filter(at_home).map(|row| row.name).take(4).collect();
    let instead = if others.is_empty() { String::new() } else { format!(", or --sampler {}", others.join(", ")) };
    context.ui.note(&format!(
        "{steps} step{} of {} are too long: even with the exact score normal data come out {:.3} times as wide as they are; \
         take more --steps{instead} [W-LONG-STEPS]",
        if steps == 1 { "" } else { "s" },
        plan.sampler,
        plan.stretch(process, variance)
    ));
}

/// Samples to a file.
pub fn run(context: &mut Context, args: &Args) -> Result<()> {
    let signals = Signals::install();
    let found = args.score.find(context, args.run.as_deref(), args.sampler.scheme.which()?)?;
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
    let held = found.card.schema.as_ref().filter(|_| !args.raw);
    let unheld = found.card.schema.as_ref().map(Schema::raw);
    let schema = held.or(unheld.as_ref());
    let mut moved = vec![0; held.map_or(0, |s| s.columns.len())];
    if args.trajectories.as_ref() == Some(&output) {
        return Err(Error::usage(
            Problem::new("samples and paths cannot go to one file").at("--trajectories").found(output.display()),
        ));
    }
    let process = &found.score.process;
    // once without a score, so that whatever can be refused is refused before a device is opened
    args.sampler.plan(process, None)?;
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
    if output.as_os_str() != "-" {
        let text = output.extension().is_none_or(|e| !e.eq_ignore_ascii_case("npy"));
        // a cell of text and its separator take two bytes at the very least
        let least = if text { 2 * schema.map_or(dim, |s| s.columns.len()) } else { 4 * dim };
        crate::io::check_room(&output, u64::from(args.n) * least as u64)?;
    }
    let made = [Some(&output), args.trajectories.as_ref()].map(|file| file.and_then(|f| missing_directory(f)));
    let mut writer = PointWriter::create(&output, args.force, schema, args.n as usize, dim)?;
    if let Some(path) = &args.trajectories {
        crate::io::check_writable(path, args.force)?;
    }
    made.into_iter().for_each(|directory| context.ui.note_made(directory));
    let mut engine = context.engine()?;
    let mut probe = Probe { engine: engine.as_mut(), score: &found.score, process, seed: context.global.seed };
    let plan = args.sampler.plan(process, Some(&mut probe))?;
    remark_steps(context, &plan, &found);
    let stages = plan.evaluations();
    let follow = args.trajectories.as_ref().map(|_| Follow {
        paths: args.paths.clamp(1, args.n.max(1) as usize),
        stages: sample::frames(stages, args.frames),
    });
    let mut paths = match (&args.trajectories, &follow) {
        (Some(path), Some(f)) => Some((
            PointWriter::create(path, args.force, None, f.paths * f.stages.len(), dim)?
                .shaped(&[f.paths, f.stages.len()])?,
            Vec::new(),
        )),
        _ => None,
    };
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
                match held {
                    Some(schema) => {
                        let mut rows = points.to_vec();
                        schema.settle(&mut rows, &mut moved);
                        writer.write_rows(&rows)?;
                    }
                    None => writer.write_rows(points)?,
                }
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
    for (column, count) in held.iter().flat_map(|s| &s.columns).zip(&moved).filter(|(_, count)| **count > 0) {
        let name = &column.name;
        context.ui.note(&format!("{count} of {} numbers of {name} were below 0 and raised (--raw keeps them)", args.n));
    }
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
    let steps = plan.times.len() - 1;
    let rate = f64::from(args.n) * stages as f64 / seconds;
    context.ui.value("output", output.display().to_string());
    context.ui.value("n", args.n);
    let chosen = process::sampler(plan.sampler)?.adaptive;
    let grid = if chosen { "chosen" } else { &args.sampler.scheme.grid };
    context.ui.value("sampler", json!({"name": plan.sampler, "steps": steps, "evaluations": stages, "grid": grid, "kappa": process::kappa(&plan.times)}));
    context.ui.value("seconds", seconds);
    if output.as_os_str() == "-" {
        return Ok(());
    }
    context.ui.say(&format!(
        "{} samples in {seconds:.1} s, {steps} steps with {stages} evaluations of the score ({:.2} million a second): {}",
        grouped(args.n as usize),
        rate / 1e6,
        output.display()
    ))
}
