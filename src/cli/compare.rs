//! `compare`: samplers side by side, as a sheet of pictures and as curves of error against cost.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::picture::{LookArgs, check_count, check_png, columns, default_output, truth_of};
use super::run::ScoreArgs;
use super::sample::{SamplerArgs, Scheme};
use super::signals::Signals;
use super::ui::grouped;
use super::{Context, eval, run};
use crate::config;
use crate::error::{Error, Problem, Result};
use crate::evaluate::{self, Compared, Comparison, Truth};
use crate::metrics::{Settings, short};
use crate::pictures::{self, Look, Shown, Subject};
use crate::process::{self, Plan, Process};
use crate::recording::Engine;
use crate::sample::Probe;
use crate::score::Score;

/// The most cells of a sheet, and of a row of it.
const MOST_CELLS: usize = 200;
const MOST_COLUMNS: usize = 12;

/// Compare samplers on a model or an exact law: a sheet of their samples, and error against evaluations of the score
#[derive(clap::Args)]
#[command(after_help = "\
Every sampler starts from the same noise. In each cell stand the sliced W2 of its samples to the truth and the number
of evaluations of the score (NFE); the second picture, NAME-curves.png, has the one over the other. An option such as
--eta or --order goes to the samplers that know it.

Examples:
  scorefield compare moons                           a lecture in one picture, with the exact score
  scorefield compare r --samplers ei,ddim,heun,dpmpp-2m,unipc --steps 5,10,20,50 --grid log-snr -o compare.png")]
pub struct Args {
    /// Run directory, checkpoint, number of a run or `last`; or a named distribution or PNG, for its exact score
    run: String,
    /// Samplers, separated by commas, one a row; `sample --help` lists them
    #[arg(long, value_delimiter = ',', default_value = "em,ei,ddpm,ddim,heun,dpmpp-2m")]
    samplers: Vec<String>,
    /// Numbers of steps, separated by commas, one a column
    #[arg(long, value_delimiter = ',', default_value = "5,10,20,50,100")]
    steps: Vec<usize>,
    /// Sheet, a .png; the curves go to NAME-curves.png (default: the run's figures/compare.png)
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Replace existing output files
    #[arg(long)]
    force: bool,
    /// Samples of each setting
    #[arg(short, default_value_t = 10_000)]
    n: usize,
    /// Directions of the sliced W2
    #[arg(long, default_value_t = 128)]
    directions: usize,
    /// Samples on the device at a time; does not change the samples
    #[arg(long, default_value_t = 16_384)]
    chunk: usize,
    /// The two columns to show, by name or counted from 0
    #[arg(long, value_delimiter = ',')]
    columns: Vec<String>,
    #[command(flatten)]
    look: LookArgs,
    #[command(flatten)]
    scheme: Scheme,
    #[command(flatten)]
    score: ScoreArgs,
}

impl Args {
    /// Refuses names and counts before anything is read.
    fn check(&self) -> Result<()> {
        if self.n < 2 {
            let problem = Problem::new("a distance needs two samples").at("-n").found(self.n);
            return Err(Error::usage(problem.expected("at least 2")));
        }
        check_count("-n", self.n, 1 << 24)?;
        check_count("--directions", self.directions, 1 << 16)?;
        check_count("--chunk", self.chunk, 1 << 22)?;
        for name in &self.samplers {
            process::sampler(name).map_err(|mut e| {
                e.problem_mut().place = Some("--samplers".into());
                e
            })?;
        }
        for &steps in &self.steps {
            check_count("--steps", steps, process::MAX_STEPS)?;
        }
        if self.samplers.len() * self.steps.len() > MOST_CELLS || self.steps.len() > MOST_COLUMNS {
            let problem = Problem::new("the sheet would have too many cells").at("--samplers, --steps");
            let found = format!("{} by {}", self.samplers.len(), self.steps.len());
            let expected = format!("at most {MOST_CELLS} cells, at most {MOST_COLUMNS} numbers of steps");
            return Err(Error::usage(problem.found(found).expected(expected)));
        }
        Ok(())
    }

    /// The plans of all cells, row by row. Without a probe they are only good for checking.
    fn plans(&self, process: &Process, mut probe: Option<&mut Probe<'_>>) -> Result<Vec<Plan>> {
        let mut plans = Vec::new();
        for name in &self.samplers {
            let row = process::sampler(name)?;
            // columns of equal steps: none are chosen
            let scheme = Scheme { tolerance: None, ..self.scheme.known_by(row) };
            for &steps in &self.steps {
                let cell = SamplerArgs { sampler: row.name.into(), steps, scheme: scheme.clone() };
                plans.push(cell.fixed_plan(process, probe.as_deref_mut())?);
            }
        }
        Ok(plans)
    }
}

/// NAME-curves.png beside NAME.png.
fn beside(sheet: &Path) -> PathBuf {
    let stem = sheet.file_stem().unwrap_or_default().to_string_lossy();
    sheet.with_file_name(format!("{stem}-curves.png"))
}

/// Compares samplers.
pub fn run(context: &mut Context, args: &Args) -> Result<()> {
    let signals = Signals::install();
    let look = args.look.look()?;
    args.check()?;
    let bare = args.score.score.is_none() && args.score.data.is_none() && !run::is_run(&args.run);
    // a law by itself means its exact score
    let asked = ScoreArgs { score: Some("exact".into()), ..args.score.clone() };
    let of = if bare { &asked } else { &args.score };
    let mut found = of.find(context, Some(&args.run), args.scheme.which()?)?;
    found.notes.iter().for_each(|n| context.ui.note(n));
    let loaded = match found.loaded.take() {
        Some(loaded) => Some(loaded),
        None => eval::truth_of(context, &mut found, &args.run, false)?,
    };
    let law = config::law(&found.card.source)?;
    let truth = Truth { law: law.as_ref(), data: loaded.as_ref().map(|l| &l.data), pairs: &[], ratios: None };
    let n = evaluate::most_samples(&truth).map_or(args.n, |most| args.n.min(most.max(2)));
    if n < args.n {
        context.ui.note(&format!("{n} rows were held out, so {n} samples are drawn instead of {}", args.n));
    }
    let subject = truth_of(context, &found);
    let shown = columns(&args.columns, &subject, false)?;
    let output = args.output.clone().unwrap_or_else(|| default_output(Some(&found), &subject, "compare.png"));
    let force = args.force || args.output.is_none();
    for path in [&output, &beside(&output)] {
        check_png(context, path, force)?;
    }
    let (score, process): (&dyn Score, &Process) = (&found.score, &found.score.process);
    args.plans(process, None)?;
    let mut engine = context.engine()?;
    let seed = context.global.seed;
    let plans = args.plans(process, Some(&mut Probe { engine: engine.as_mut(), score, process, seed }))?;
    let settings = Settings { seed, directions: args.directions, ..Settings::default() };
    let (shift, scale) = (&found.card.shift, &found.card.scale);
    let variance = found.card.variance;
    let asked = Comparison { score, process, variance, shift, scale, truth, n, chunk: args.chunk, seed, settings };
    let compared = measured(context, engine.as_mut(), &asked, &plans, &signals)?;
    let plane = [shown[0], shown.get(1).copied().unwrap_or(shown[0])];
    draw(engine.as_mut(), args, &subject, &compared, plane, look, (&output, force))?;
    report(context, args, &compared, &output)
}

fn measured(
    context: &Context,
    engine: &mut dyn Engine,
    asked: &Comparison<'_>,
    plans: &[Plan],
    signals: &Signals,
) -> Result<Compared> {
    let mut progress = context.ui.progress("comparing", plans.len() as u64);
    evaluate::compare(engine, asked, plans, &mut |done, what| {
        progress.at(done as u64, what);
        signals.stop().map_or(Ok(()), Err)
    })
}

/// Both pictures, into the sheet's file and the one beside it.
fn draw(
    engine: &mut dyn Engine,
    args: &Args,
    subject: &Subject,
    compared: &Compared,
    plane: [usize; 2],
    look: Look,
    (output, force): (&Path, bool),
) -> Result<()> {
    let shown = |c: &'_ evaluate::Cell| c.distance.as_ref().map(|m| m.value);
    let cells: Vec<Shown<'_>> = compared
        .cells
        .iter()
        .map(|c| Shown {
            sampler: c.sampler,
            steps: c.steps,
            evaluations: c.evaluations,
            rows: &c.rows,
            distance: shown(c),
            exploded: c.exploded().then_some(c.spread),
        })
        .collect();
    let picture = pictures::Comparison {
        subject,
        cells: &cells,
        per_row: args.steps.len(),
        floor: compared.floor.as_ref().map(|f| (f.mean, f.sd)),
        n: compared.n,
        metric: "sliced W2".into(),
        grid: &args.scheme.grid,
    };
    pictures::save(&pictures::sheet(engine, &picture, plane, look)?.image, output, force)?;
    pictures::save(&pictures::curves(&picture, look)?.image, &beside(output), force)
}

/// The table on stdout, and everything as JSON.
fn report(context: &mut Context, args: &Args, compared: &Compared, output: &Path) -> Result<()> {
    let cell = |c: &evaluate::Cell| {
        json!({
            "sampler": c.sampler, "steps": c.steps, "evaluations": c.evaluations,
            "sliced_w2": c.distance.as_ref().map(|m| m.value),
            "interval": c.distance.as_ref().and_then(|m| m.interval),
            "times_as_wide": c.spread, "times_as_wide_normal_data": c.stretch,
        })
    };
    let files = [output, &beside(output)].map(|f| f.display().to_string());
    context.ui.value("cells", compared.cells.iter().map(cell).collect::<Vec<_>>());
    context.ui.value("floor", json!(compared.floor));
    context.ui.value("n", compared.n);
    context.ui.value("grid", args.scheme.grid.clone());
    context.ui.value("output", files.to_vec());
    let wide = compared.cells.iter().map(|c| c.sampler.len()).max().unwrap_or(0);
    let heads: String = args.steps.iter().map(|n| format!("{:>16}", format!("{n} steps"))).collect();
    context.ui.say(&format!("{:wide$}{heads}", ""))?;
    for row in compared.cells.chunks(args.steps.len()) {
        let cell = |c: &evaluate::Cell| {
            let value = c.distance.as_ref().map_or("not finite".into(), |m| short(m.value));
            format!("{:>16}", format!("{value} ({})", c.evaluations))
        };
        let name = row.first().map_or("", |c| c.sampler);
        context.ui.say(&format!("{name:wide$}{}", row.iter().map(cell).collect::<String>()))?;
    }
    let floor = compared.floor.as_ref().map_or(String::new(), |f| {
        format!("; floor {} +- {} ({}, {} repeats)", short(f.mean), short(f.sd), f.of, f.repeats)
    });
    context.ui.say(&format!(
        "sliced W2 of {} samples to {}, {} directions (in brackets: evaluations of the score); grid {}{floor}",
        grouped(compared.n),
        compared.reference,
        args.directions,
        args.scheme.grid,
    ))?;
    for c in compared.cells.iter().filter(|c| c.exploded()) {
        context.ui.say(&explosion(c))?;
    }
    context.ui.say(&files.join("\n"))
}

/// What there is to say of samples that are far wider than the truth.
fn explosion(c: &evaluate::Cell) -> String {
    let steps = format!("{} step{}", c.steps, if c.steps == 1 { "" } else { "s" });
    let what = match c.spread.is_finite() {
        true => {
            format!("{} in {steps} explodes: its samples are {} times as wide as the truth", c.sampler, short(c.spread))
        }
        false => format!("{} in {steps} explodes: some samples are not finite", c.sampler),
    };
    if c.stretch > evaluate::EXPLODED {
        return format!(
            "{what}; so are those of normal data with the exact score ({} times): the steps are too long",
            short(c.stretch)
        );
    }
    format!("{what}, though those of normal data with the exact score are not")
}
