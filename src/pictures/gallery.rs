//! All the pictures of a run at once: what `demo` leaves behind.

use std::path::{Path, PathBuf};

use super::subject::{SMOOTH, Watch};
use super::{
    FRAMES, Frames, Log, Look, Model, Reverse, Subject, animate, default_times, density, loss, open_animation, pairs,
    samples, save, score_fields, times, trajectories,
};
use crate::error::Result;
use crate::recording::Engine;
use crate::render::charts::MAX_COLUMNS;
use crate::render::figure::Drawing;

/// Samples in the pictures of a gallery, if nothing is said.
const SAMPLES: usize = 12_000;
/// Paths in the fan.
const PATHS: usize = 150;
/// Width of the animation, whatever the stills have: it is looked at in a page.
const ANIMATION_WIDTH: u32 = 640;

/// What a gallery shows besides the model, and where it goes.
pub struct Gallery<'a> {
    /// The logs of the run.
    pub log: Option<&'a Log>,
    /// Samples, if not as many as usual.
    pub n: Option<usize>,
    /// The directory.
    pub out: &'a Path,
}

/// Draws everything that can be drawn of a model into a directory, replacing what is there, and gives the files.
///
/// samples.png, density.png, score-field.png, trajectories.png, reverse.gif and reverse.png (an APNG) for two columns and
/// more, pairs.png beyond two, loss.png and times.png where there are logs.
pub fn gallery(
    engine: &mut dyn Engine,
    subject: &Subject,
    model: &Model<'_>,
    asked: &Gallery<'_>,
    look: Look,
    watch: Watch<'_>,
) -> Result<Vec<PathBuf>> {
    let (log, out) = (asked.log, asked.out);
    let plan = model.smooth_plan()?;
    let sampler = format!("{SMOOTH}, {} steps", plan.times.len() - 1);
    let smooth = Model { card: model.card, score: model.score, plan: &plan, sampler, seed: model.seed };
    let mut files = Vec::new();
    let mut keep = |name: &str, drawing: Drawing| -> Result<()> {
        let path = out.join(name);
        save(&drawing.image, &path, true)?;
        files.push(path);
        Ok(())
    };
    let columns = [0, 1.min(subject.dim - 1)];
    // one sampling run serves the stills and the animation
    let frames =
        Frames::follow(engine, model, Reverse { samples: asked.n.unwrap_or(SAMPLES), frames: FRAMES, columns }, watch)?;
    let rows = &model.settled(frames.last().to_vec())[..];
    let said = (rows, "samples of a model");
    if subject.dim <= 2 {
        keep("samples.png", samples(engine, subject, Some(said), columns, look)?)?;
    } else {
        let shown: Vec<usize> = (0..subject.dim.min(MAX_COLUMNS)).collect();
        keep("pairs.png", pairs(engine, subject, Some(said), &shown, look)?)?;
    }
    if subject.dim >= 2 {
        keep("density.png", density(engine, subject, Some((model, rows)), None, columns, look)?)?;
    }
    if subject.dim == 2 {
        let when = default_times(model.process());
        keep("score-field.png", score_fields(engine, subject, Some(model), model.process(), &when, look)?)?;
    }
    if subject.dim >= 2 {
        keep("trajectories.png", trajectories(engine, subject, &smooth, PATHS, columns, look, watch)?)?;
    }
    if let Some(log) = log {
        keep("loss.png", loss(log, &subject.name, look)?)?;
        keep("times.png", times(log, &subject.name, model.process().t_max(), look)?)?;
    }
    if subject.dim >= 2 {
        let names = ["reverse.gif", "reverse.png"];
        let animations = names.iter().map(|n| open_animation(&out.join(n), true)).collect::<Result<Vec<_>>>()?;
        let small = Look { width: look.width.min(ANIMATION_WIDTH), ..look };
        files.extend(animate(engine, subject, &frames, small, animations)?);
    }
    Ok(files)
}
