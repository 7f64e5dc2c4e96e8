//! Paths of the reverse process over the cloud they end in.

use super::subject::Watch;
use super::{Look, Model, Subject};
use crate::error::Result;
use crate::recording::Engine;
use crate::render::charts::{Picture, Trajectories, View, trajectory_fan};
use crate::render::cloud::{Paint, Points, Style, cloud, radius};
use crate::render::figure::Drawing;
use crate::sample::{Follow, State, frames, time_after};

/// Samples that make the cloud at the end.
const CLOUD: usize = 4000;
/// States kept of every path.
const FRAMES: usize = 160;

/// `paths` paths from noise to data, over the samples they belong to.
pub fn trajectories(
    engine: &mut dyn Engine,
    subject: &Subject,
    model: &Model<'_>,
    paths: usize,
    columns: [usize; 2],
    look: Look,
    watch: Watch<'_>,
) -> Result<Drawing> {
    let dim = subject.dim;
    let stages = frames(model.plan.stages.len(), FRAMES);
    let times: Vec<f64> = stages.iter().map(|s| time_after(model.plan, *s)).collect();
    let follow = Follow { paths: CLOUD.max(paths), stages };
    let mut states: Vec<Vec<f64>> = vec![Vec::with_capacity(2 * times.len()); paths];
    let mut last = Vec::new();
    model.follow(engine, CLOUD.max(paths), Some(follow), watch, &mut |state| {
        match state {
            State::Frame { points, .. } => {
                for (path, row) in states.iter_mut().zip(points.chunks_exact(dim)) {
                    path.extend(columns.map(|c| f64::from(row[c])));
                }
            }
            State::Samples { points, .. } => last.extend_from_slice(points),
            State::Progress { .. } => {}
        }
        Ok(())
    })?;
    let states = states.concat();
    let [x_range, y_range] = plane(subject, columns, &states, &last);
    let view = View {
        width: look.width,
        theme: look.theme,
        title: format!("From noise to {}", subject.name),
        caption: format!("{paths} paths of the reverse process ({}) over {} samples", model.sampler, last.len() / dim),
        x_range,
        y_range,
        labels: columns.map(|c| subject.columns[c].clone()),
    };
    let unit = f64::from(look.width) / 560.0;
    let paint = Paint::Plain(look.theme.accent());
    let style = Style { radius: radius(CLOUD, unit), paint, opacity: 0.7, exposure: None };
    let mut draw =
        |area: &crate::render::Area| cloud(engine, Points { rows: &last, dim, columns }, area.window(), style);
    trajectory_fan(&view, Trajectories { states: &states, times: &times }, Picture::Drawn(&mut draw))
}

/// The data's plane, widened to hold the paths but for their farthest excursions.
fn plane(subject: &Subject, columns: [usize; 2], states: &[f64], last: &[f32]) -> [(f64, f64); 2] {
    let data = subject.plane(columns, last);
    let mut out = data;
    for (j, range) in out.iter_mut().enumerate() {
        let mut values: Vec<f64> = states.iter().skip(j).step_by(2).copied().filter(|v| v.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        let tail = values.len() / 500;
        if let (Some(low), Some(high)) = (values.get(tail), values.get(values.len().saturating_sub(tail + 1))) {
            *range = (range.0.min(*low), range.1.max(*high));
        }
    }
    out
}
