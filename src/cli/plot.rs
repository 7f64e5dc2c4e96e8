//! `plot`: a still picture of a run, a file or a named distribution.

use std::path::PathBuf;

use super::Context;
use super::picture::{
    LookArgs, Scene, check_count, check_png, columns, cut, default_output, model_of, plan, scene, smooth, watcher,
};
use super::run::ScoreArgs;
use super::sample::SamplerArgs;
use super::signals::Signals;
use crate::error::{Error, Problem, Result};
use crate::io::Missing;
use crate::pictures::{self, Kind, Look, Model, Subject};
use crate::process::Process;
use crate::recording::Engine;
use crate::render::figure::Drawing;

/// Draw a picture of a run, a data file or a named distribution
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub struct Args {
    /// Run directory, checkpoint, number of a run or `last`; or a data file; or a named distribution (also by --data)
    subject: Option<String>,
    /// Which picture: samples, density, score, trajectories, loss, times, pairs, all
    #[arg(long)]
    kind: Option<String>,
    /// Output (default: the run's figures/KIND.png, or NAME-KIND.png here)
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Replace an existing output file
    #[arg(long)]
    force: bool,
    /// Points in the picture; paths for trajectories (default 20000, and 150)
    #[arg(short)]
    n: Option<usize>,
    /// Time of a score field or density; several, separated by commas, stand side by side
    #[arg(long, value_delimiter = ',')]
    t: Vec<f64>,
    /// Columns to show, by name or counted from 0: two for a plane, up to six for pairs
    #[arg(long, value_delimiter = ',')]
    columns: Vec<String>,
    /// Of a data file, rows with an empty cell, NA or NaN: refuse (the file), drop (the rows)
    #[arg(long, default_value = "refuse")]
    missing: String,
    #[command(flatten)]
    look: LookArgs,
    #[command(flatten)]
    sampler: SamplerArgs,
    #[command(flatten)]
    score: ScoreArgs,
}

const HELP: &str = "\
Kinds:
  samples       samples over the density of the data; a histogram in one dimension
  density       the density of the data, beside that of the model's samples
  score         the score as arrows over the density of x_t: --t 0.1, or three times side by side
  trajectories  paths of the reverse process from noise to data (of its ODE, unless --sampler is given)
  loss          training and held-out loss over the steps, with the floor no model can get below
  times         held-out loss by time, against the floor of each time
  pairs         all pairs of columns (the default beyond two dimensions)
  all           all of these of a run, and the animation, into its figures/ or the directory -o

Examples:
  scorefield plot last                               samples of the newest run
  scorefield plot e --kind loss                      an ensemble: mean and band of the losses of its members
  scorefield plot moons --kind score --t 0.05,0.5    the exact score, no training needed
  scorefield plot moons --score exact --kind trajectories   paths that follow it
  scorefield plot table.csv --columns age,height     two columns of a file
  scorefield plot r --kind loss --theme dark -o loss.png";

/// The kind that was asked for, or the one that suits.
fn kind(args: &Args, scene: &Scene) -> Result<&'static Kind> {
    let planar = scene.subject.dim <= 2 || args.columns.len() == 2;
    let kind = pictures::kind_of(args.kind.as_deref().unwrap_or(if planar { "samples" } else { "pairs" }))?;
    let has_log = scene.found.as_ref().is_some_and(|f| f.dir.is_some() && f.kind.is_none());
    if (kind.model && scene.found.is_none()) || (kind.log && !has_log) {
        let needs = if kind.log { "a run directory, whose logs it shows" } else { "a run with a trained model" };
        let problem = Problem::new(format!("a picture of kind {} needs {needs}", kind.name))
            .at("--kind")
            .found(&scene.subject.name);
        return Err(Error::usage(problem.hint("`scorefield train DATA` makes a run; `last` is the newest")));
    }
    Ok(kind)
}

/// Times within those of the process.
fn check_times(times: &[f64], process: &Process) -> Result<()> {
    let (low, high) = (process.t0(), process.t_max());
    if times.len() > 6 {
        return Err(Error::usage(
            Problem::new("too many times for one picture").at("--t").found(times.len()).expected("at most 6"),
        ));
    }
    match times.iter().find(|t| !(low..=high).contains(*t)) {
        None => Ok(()),
        Some(t) => {
            let problem = Problem::new("a time is out of range").at("--t").found(t);
            Err(Error::usage(problem.expected(format!("{low} (nearly data) to {high} (noise)"))))
        }
    }
}

/// Draws a still picture.
pub fn run(context: &mut Context, args: &Args) -> Result<()> {
    let signals = Signals::install();
    let look = args.look.look()?;
    if args.kind.as_deref() == Some("all") {
        return everything(context, args, look, &signals);
    }
    if let Some(name) = &args.kind {
        pictures::kind_of(name)?;
    }
    let scene = scene(context, args.subject.as_deref(), &args.sampler, &args.score, Missing::named(&args.missing)?)?;
    let kind = kind(args, &scene)?;
    let columns = columns(&args.columns, &scene.subject, kind.name == "pairs")?;
    let (usual, most) = if kind.name == "trajectories" { (150, 2000) } else { (20_000, 1 << 24) };
    let n = check_count("-n", args.n.unwrap_or(usual), most)?;
    let process = match &scene.found {
        Some(f) => f.score.process.clone(),
        None => args.score.process.build()?,
    };
    check_times(&args.t, &process)?;
    check_kind(kind, args, &scene)?;
    let name = format!("{}.png", kind.name);
    let output = args.output.clone().or(scene.figures().map(|dir| dir.join(&name)));
    let output = output.unwrap_or_else(|| default_output(None, &scene.subject, &name));
    // a picture that was made before, in its default place, is only a picture
    let force = args.force || args.output.is_none();
    check_png(context, &output, force)?;
    let drawing = if kind.log {
        log_picture(kind, &scene, look)?
    } else {
        let mut draw = Draw { args, scene: &scene, columns: &columns, n, process: &process, look, signals: &signals };
        draw.picture(context, kind)?
    };
    pictures::save(&drawing.image, &output, force)?;
    if drawing.skipped > 0 {
        context.ui.note(&format!("{} values were left out because they are not finite", drawing.skipped));
    }
    context.ui.value("output", output.display().to_string());
    context.ui.value("kind", kind.name);
    context.ui.value("size", vec![drawing.image.width(), drawing.image.height()]);
    context.ui.say(&output.display().to_string())
}

/// Every picture of a run, and the animation, into a directory.
fn everything(context: &mut Context, args: &Args, look: Look, signals: &Signals) -> Result<()> {
    let scene = scene(context, args.subject.as_deref(), &args.sampler, &args.score, Missing::named(&args.missing)?)?;
    let Some(found) = &scene.found else {
        let problem = Problem::new("only a run has all kinds of pictures").at("--kind all").found(&scene.subject.name);
        return Err(Error::usage(problem.hint("leave out --kind")));
    };
    let out = match (&args.output, scene.figures()) {
        (Some(path), _) => path.clone(),
        (None, Some(figures)) => figures,
        (None, None) => {
            return Err(Error::usage(
                Problem::new("a lone checkpoint has no figures/ directory").at("-o").expected("a directory"),
            ));
        }
    };
    let log = scene.log()?.filter(|_| found.kind.is_none());
    let n = args.n.map(|n| check_count("-n", n, 1 << 20)).transpose()?;
    let seed = context.global.seed;
    let mut engine = context.engine()?;
    let plan = plan(&args.sampler, found, engine.as_mut(), seed)?;
    let model = model_of(found, &plan, &args.sampler, seed);
    let asked = pictures::Gallery { log: log.as_ref(), n, out: &out };
    let mut progress = context.ui.progress("sampling", 1);
    let mut watch = watcher(&mut progress, signals);
    let files = pictures::gallery(engine.as_mut(), &scene.subject, &model, &asked, look, &mut watch)?;
    drop(watch);
    drop(progress);
    let files: Vec<String> = files.iter().map(|f| f.display().to_string()).collect();
    context.ui.value("output", files.clone());
    context.ui.say(&files.join("\n"))
}

/// What a kind cannot do with this subject, said before a device is opened.
fn check_kind(kind: &Kind, args: &Args, scene: &Scene) -> Result<()> {
    let subject = &scene.subject;
    let refuse = |what: &str, hint: &str| {
        let problem = Problem::new(what).at("--kind").found(format!("{} with {} column(s)", subject.name, subject.dim));
        Err(Error::usage(problem.hint(hint)))
    };
    let planar = subject.dim == 2;
    match kind.name {
        "score" if !planar => refuse("a score field needs two dimensions", "try --kind pairs or --kind density"),
        "score" if scene.found.is_none() && subject.oracle().is_none() => {
            refuse("a file has no score of its own", "train a model of it first, then plot the run")
        }
        "density" | "trajectories" if subject.dim < 2 => {
            refuse("the picture needs two columns", "--kind samples draws a histogram")
        }
        "density" if args.t.len() > 1 => {
            refuse("a density is drawn at one time", "give one --t, or --kind score for several")
        }
        "density"
            if !args.t.is_empty() && (scene.found.is_some() || subject.oracle().is_none() || subject.dim != 2) =>
        {
            refuse("the density at a time is only known for named distributions in two dimensions", "leave out --t")
        }
        "samples" if subject.dim > 2 && args.columns.is_empty() => {
            refuse("samples in the plane need two columns", "give --columns 0,1, or --kind pairs")
        }
        other if !args.t.is_empty() && !matches!(other, "score" | "density") => {
            refuse("only a score field and a density have a time", "leave out --t, or give --kind score")
        }
        _ => Ok(()),
    }
}

fn log_picture(kind: &Kind, scene: &Scene, look: Look) -> Result<Drawing> {
    let (Some(found), Some(log)) = (scene.found.as_ref(), scene.log()?) else {
        return Err(Error::bug(Problem::new("a picture of a log without a run")));
    };
    match kind.name {
        "loss" => pictures::loss(&log, &scene.subject.name, look),
        _ => pictures::times(&log, &scene.subject.name, found.score.process.t_max(), look),
    }
}

/// Everything a still picture is drawn from.
struct Draw<'a> {
    args: &'a Args,
    scene: &'a Scene,
    columns: &'a [usize],
    n: usize,
    process: &'a Process,
    look: Look,
    signals: &'a Signals,
}

impl Draw<'_> {
    fn picture(&mut self, context: &Context, kind: &Kind) -> Result<Drawing> {
        let mut engine = context.engine()?;
        let engine = engine.as_mut();
        let seed = context.global.seed;
        let Some(found) = &self.scene.found else {
            let subject = cut(&self.scene.subject, self.n, seed);
            return self.bare(engine, kind, &subject);
        };
        let sampler =
            if kind.name == "trajectories" { smooth(context, &self.args.sampler) } else { self.args.sampler.clone() };
        let plan = plan(&sampler, found, engine, seed)?;
        let model = model_of(found, &plan, &sampler, seed);
        let mut progress = context.ui.progress("sampling", 1);
        let mut watch = watcher(&mut progress, self.signals);
        self.trained(engine, kind, &model, &mut watch)
    }

    fn plane(&self) -> [usize; 2] {
        [self.columns[0], self.columns.get(1).copied().unwrap_or(self.columns[0])]
    }

    fn times(&self) -> Vec<f64> {
        if self.args.t.is_empty() { pictures::default_times(self.process) } else { self.args.t.clone() }
    }

    fn bare(&self, engine: &mut dyn Engine, kind: &Kind, subject: &Subject) -> Result<Drawing> {
        match kind.name {
            "density" => {
                let time = self.args.t.first().map(|t| (self.process, *t));
                pictures::density(engine, subject, None, time, self.plane(), self.look)
            }
            "score" => pictures::score_fields(engine, subject, None, self.process, &self.times(), self.look),
            "pairs" => pictures::pairs(engine, subject, None, self.columns, self.look),
            _ => pictures::samples(engine, subject, None, self.plane(), self.look),
        }
    }

    fn trained(
        &self,
        engine: &mut dyn Engine,
        kind: &Kind,
        model: &Model<'_>,
        watch: &mut dyn FnMut(u64, u64) -> Result<()>,
    ) -> Result<Drawing> {
        let (subject, look) = (&self.scene.subject, self.look);
        match kind.name {
            "score" => return pictures::score_fields(engine, subject, Some(model), self.process, &self.times(), look),
            "trajectories" => return pictures::trajectories(engine, subject, model, self.n, self.plane(), look, watch),
            _ => {}
        }
        let rows = model.draw(engine, self.n, watch)?;
        let exact = self.scene.found.as_ref().and_then(|f| f.kind);
        let label = exact.map_or("samples of a model".into(), |whose| format!("samples by the {whose} score"));
        let said = Some((&rows[..], label.as_str()));
        match kind.name {
            "density" => pictures::density(engine, subject, Some((model, &rows)), None, self.plane(), look),
            "pairs" => pictures::pairs(engine, subject, said, self.columns, look),
            _ => pictures::samples(engine, subject, said, self.plane(), look),
        }
    }
}
