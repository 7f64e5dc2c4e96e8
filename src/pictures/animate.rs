//! Noise becoming data: one run of the reverse process, followed, drawn frame by frame on fixed axes.

use std::path::{Path, PathBuf};

use image::RgbaImage;

use super::ground::{both, top, truth};
use super::subject::Watch;
use super::{Look, Model, Subject};
use crate::error::{Error, Problem, Result};
use crate::io::OutputFile;
use crate::process::Plan;
use crate::recording::Engine;
use crate::render::charts::heat_raster;
use crate::render::cloud::{Paint, Stage, Style, radius};
use crate::render::figure::{Axis, Figure, Layer, Panel};
use crate::render::layout::Layout;
use crate::render::{AnimationKind, FrameWriter};
use crate::sample::{Follow, State, time_after};

/// Frames of an animation, where the sampler has as many steps.
pub const FRAMES: usize = 60;
/// Frames a second.
const PACE: f64 = 20.0;

/// What an animation shows.
#[derive(Debug, Clone, Copy)]
pub struct Reverse {
    /// Samples followed.
    pub samples: usize,
    /// Frames, at most.
    pub frames: usize,
    /// The columns shown.
    pub columns: [usize; 2],
}

/// An animation file to be written.
pub struct Animation {
    path: PathBuf,
    kind: AnimationKind,
    file: OutputFile,
}

/// Begins an animation file; the ending decides the format.
pub fn open_animation(path: &Path, force: bool) -> Result<Animation> {
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
    let kind = match ending.as_str() {
        "gif" => AnimationKind::Gif,
        "png" | "apng" => AnimationKind::Apng,
        _ => {
            let problem = Problem::new("unknown format of an animation")
                .at(path.display())
                .found(format!("extension '{ending}'"));
            return Err(Error::usage(problem.expected(".gif, .png or .apng")));
        }
    };
    Ok(Animation { path: path.to_path_buf(), kind, file: OutputFile::create(path, force)? })
}

/// Stage counts to show: even in how far the picture has come, not in time, which would spend most frames on noise.
fn stages_of(plan: &Plan, model: &Model<'_>, count: usize) -> Vec<usize> {
    let process = model.process();
    // rises fastest where noise and data are of equal size, with long tails towards both ends
    let clock = |stage: usize| (0.5 * process.log_snr(time_after(plan, stage))).tanh();
    let last = plan.stages.len();
    let (start, end) = (clock(0), clock(last));
    let mut stages = vec![0];
    for i in 1..count.max(2) {
        let wanted = start + (end - start) * i as f64 / (count.max(2) - 1) as f64;
        let from = stages.last().map_or(0, |s| s + 1);
        if let Some(stage) = (from..=last).find(|s| clock(*s) >= wanted - 1e-9 || *s == last) {
            stages.push(stage);
        }
    }
    if stages.last() != Some(&last) {
        stages.push(last);
    }
    stages
}

/// The states of one sampling run, noise first.
pub struct Frames {
    what: Reverse,
    /// (time, points (samples, D) in data units)
    states: Vec<(f64, Vec<f32>)>,
}

impl Frames {
    /// Runs the reverse process once and keeps what it passes through.
    pub fn follow(engine: &mut dyn Engine, model: &Model<'_>, what: Reverse, watch: Watch<'_>) -> Result<Self> {
        let stages = stages_of(model.plan, model, what.frames);
        let mut states = Vec::with_capacity(stages.len());
        let follow = Follow { paths: what.samples, stages };
        model.follow(engine, what.samples, Some(follow), watch, &mut |state| {
            if let State::Frame { time, points, .. } = state {
                states.push((time, points.to_vec()));
            }
            Ok(())
        })?;
        Ok(Self { what, states })
    }

    /// The samples at the end (n, D).
    pub fn last(&self) -> &[f32] {
        self.states.last().map_or(&[], |s| &s.1)
    }
}

/// Draws the frames into all of `files` and gives their paths.
pub fn animate(
    engine: &mut dyn Engine,
    subject: &Subject,
    frames: &Frames,
    look: Look,
    mut files: Vec<Animation>,
) -> Result<Vec<PathBuf>> {
    let Frames { what, states } = frames;
    let mut scene = Scene::new(engine, subject, states, *what, look)?;
    let (w, h, count) = (scene.layout.width, scene.layout.height, states.len() as u32);
    let mut writers = Vec::new();
    for f in &mut files {
        writers.push(FrameWriter::new(f.kind, w, h, count, PACE, &mut f.file)?);
    }
    for (i, (time, points)) in states.iter().enumerate() {
        let frame = scene.frame(engine, *time, i as f64 / (count - 1).max(1) as f64, points)?;
        writers.iter_mut().try_for_each(|writer| writer.push(&frame))?;
    }
    scene.stage.release(engine);
    writers.into_iter().try_for_each(FrameWriter::finish)?;
    let finish = |f: Animation| f.file.finish().map(|()| f.path);
    files.into_iter().map(finish).collect()
}

/// Everything that stays the same from frame to frame.
struct Scene {
    figure: Figure,
    layout: Layout,
    stage: Stage,
    ground: Option<RgbaImage>,
}

impl Scene {
    fn new(
        engine: &mut dyn Engine,
        subject: &Subject,
        states: &[(f64, Vec<f32>)],
        what: Reverse,
        look: Look,
    ) -> Result<Self> {
        let (first, last) = match (states.first(), states.last()) {
            (Some((_, first)), Some((_, last))) => (first, last),
            _ => return Err(Error::bug(Problem::new("an animation without frames"))),
        };
        let ranges = both(
            subject.plane(what.columns, last),
            Subject::of_rows("", subject.columns.clone(), first.clone()).plane(what.columns, &[]),
        );
        let [x, y] = [0, 1].map(|j| Axis::new(ranges[j], ""));
        let mut figure = Figure::new(look.width, look.theme, format!("Noise becoming {}", subject.name), "");
        figure.panels.push(Panel::columns(x, y));
        figure.panels[0].title = "t = 0.000".into();
        let layout = figure.layout()?;
        let area = &layout.panels[0];
        let paint = Paint::Plain(look.theme.accent());
        let style = Style { radius: radius(what.samples, layout.unit), paint, opacity: 0.95, exposure: None };
        let mut stage = Stage::new(engine, area.window(), subject.dim, what.columns, what.samples, style)?;
        stage.expose(engine, last)?;
        let ground = match truth(engine, subject, what.columns, ranges)? {
            Some(grid) => Some(heat_raster(&grid, area, look.theme.density_map(), (0.0, top(&grid) / 0.4), false)?),
            None => None,
        };
        Ok(Self { figure, layout, stage, ground })
    }

    /// The frame at `part` of the way through.
    fn frame(&mut self, engine: &mut dyn Engine, time: f64, part: f64, points: &[f32]) -> Result<RgbaImage> {
        let panel = &mut self.figure.panels[0];
        panel.layers.clear();
        // the truth fades in where the samples have arrived, as the thing to compare with
        let opacity = ((part - 0.72) / 0.28).clamp(0.0, 1.0);
        if let Some(ground) = self.ground.as_ref().filter(|_| opacity > 0.0) {
            let mut faded = ground.clone();
            faded.pixels_mut().for_each(|p| p.0[3] = (f64::from(p.0[3]) * opacity).round() as u8);
            panel.layers.push(Layer::Raster(faded));
        }
        panel.layers.push(Layer::Raster(self.stage.draw(engine, points)?));
        panel.title = format!("t = {time:.3}");
        Ok(self.figure.draw_in(&self.layout)?.image)
    }
}
