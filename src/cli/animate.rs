//! `animate`: noise becoming data, as a GIF or APNG.

use std::path::PathBuf;

use super::Context;
use super::picture::{LookArgs, check_count, columns, default_output, model_of, plan, truth_of, watcher};
use super::run::ScoreArgs;
use super::sample::SamplerArgs;
use super::signals::Signals;
use crate::error::{Error, Problem, Result};
use crate::pictures::{self, Frames, Reverse};

/// Animate noise becoming data
#[derive(clap::Args)]
#[command(after_help = "\
One run of the reverse process is followed and drawn on fixed axes; the data's density appears at the end.
A sampler without noise (--sampler ei-ode) moves every point smoothly.

Examples:
  scorefield animate last                            figures/reverse.gif of the newest run
  scorefield animate moons --score exact             the score of the law itself, no training
  scorefield animate r -o reverse.apng --theme dark  exact colours, for browsers")]
pub struct Args {
    /// Run directory, checkpoint, number of a run or `last`; or data, with --score exact or empirical
    run: Option<String>,
    /// Output: .gif plays everywhere, .png or .apng has exact colours (default: the run's figures/reverse.gif)
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Replace an existing output file
    #[arg(long)]
    force: bool,
    /// Samples followed
    #[arg(short, default_value_t = 20_000)]
    n: usize,
    /// Frames, at most one a reverse step
    #[arg(long, default_value_t = pictures::FRAMES)]
    frames: usize,
    /// The two columns to show, by name or counted from 0
    #[arg(long, value_delimiter = ',')]
    columns: Vec<String>,
    /// Width in pixels
    #[arg(long, default_value_t = 640)]
    width: u32,
    /// Colours: light, dark
    #[arg(long, default_value = "light")]
    theme: String,
    #[command(flatten)]
    sampler: SamplerArgs,
    #[command(flatten)]
    score: ScoreArgs,
}

/// Draws an animation.
pub fn run(context: &mut Context, args: &Args) -> Result<()> {
    let signals = Signals::install();
    let look = LookArgs { width: args.width, theme: args.theme.clone() }.look()?;
    check_count("-n", args.n, 1 << 20)?;
    if !(2..=1000).contains(&args.frames) {
        return Err(Error::usage(
            Problem::new("a count is out of range").at("--frames").found(args.frames).expected("2 to 1000"),
        ));
    }
    let found = args.score.find(context, args.run.as_deref(), args.sampler.scheme.which()?)?;
    found.notes.iter().for_each(|n| context.ui.note(n));
    let subject = truth_of(context, &found);
    if subject.dim < 2 {
        let problem = Problem::new("an animation needs two columns").at(&subject.name).found(subject.dim);
        return Err(Error::usage(problem.hint("`plot --kind samples` draws a histogram")));
    }
    let columns = columns(&args.columns, &subject, false)?;
    let output = args.output.clone().unwrap_or_else(|| default_output(Some(&found), &subject, "reverse.gif"));
    let file = pictures::open_animation(&output, args.force || args.output.is_none())?;
    let seed = context.global.seed;
    let mut engine = context.engine()?;
    let plan = plan(&args.sampler, &found, engine.as_mut(), seed)?;
    let model = model_of(&found, &plan, &args.sampler, seed);
    let what = Reverse { samples: args.n, frames: args.frames, columns: [columns[0], columns[1]] };
    let mut progress = context.ui.progress("sampling", args.n as u64);
    let frames = Frames::follow(engine.as_mut(), &model, what, &mut watcher(&mut progress, &signals))?;
    drop(progress);
    pictures::animate(engine.as_mut(), &subject, &frames, look, vec![file])?;
    let bytes = std::fs::metadata(&output).map_or(0, |m| m.len());
    context.ui.value("output", output.display().to_string());
    context.ui.value("bytes", bytes);
    context.ui.say(&format!("{} ({:.1} MB)", output.display(), bytes as f64 / 1e6))
}
