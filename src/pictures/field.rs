//! The score as arrows over the density of x_t, at one time or several side by side.

use std::sync::Arc;

use super::ground::{Noised, exact};
use super::{Look, Model, Subject};
use crate::distribution::Distribution;
use crate::error::{Error, Problem, Result};
use crate::process::Process;
use crate::recording::Engine;
use crate::render::charts::{Grid, heat_raster};
use crate::render::colour::ColourMap;
use crate::render::figure::{Axis, ColourBar, Drawing, Figure, Layer, Panel};
use crate::score::scores;

/// Arrows along the wider side of a panel that fills the figure.
const ARROWS: f64 = 26.0;

/// Three times at which a noising looks different: shape almost gone, coarse, fine.
pub fn default_times(process: &Process) -> Vec<f64> {
    [-0.5, 0.55, 1.6].map(|level| rounded(time_of(process, level), process)).to_vec()
}

/// The time at which ln(m / sigma) is `level`; it falls with time.
pub(super) fn time_of(process: &Process, level: f64) -> f64 {
    let (mut low, mut high) = (process.t0(), process.t_max());
    for _ in 0..60 {
        let middle = (low * high).sqrt();
        if process.log_snr(middle) > level {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low * high).sqrt()
}

/// Two significant digits, inside the process's times.
fn rounded(t: f64, process: &Process) -> f64 {
    let unit = 10f64.powi(t.log10().floor() as i32 - 1);
    ((t / unit).round() * unit).clamp(process.t0(), process.t_max())
}

/// The plane that shows the law of x_t, model and data units being the same.
pub(super) fn widened(subject: &Subject, noise: Noised) -> [(f64, f64); 2] {
    plane_at(subject, noise, (&[0.0; 2], &[1.0; 2]))
}

/// The plane that shows x_t, written in data units: data = shift + scale * model.
fn plane_at(subject: &Subject, noise: Noised, (shift, scale): (&[f32], &[f32])) -> [(f64, f64); 2] {
    let plane = subject.plane([0, 1], &[]);
    let ends = |j: usize| {
        let (a, c) = (f64::from(shift[j]), f64::from(scale[j]));
        let (low, high) = ((plane[j].0 - a) / c, (plane[j].1 - a) / c);
        let (middle, half) = (noise.m * (low + high) / 2.0, (noise.m * (high - low) / 2.0).hypot(2.6 * noise.sigma));
        (a + c * (middle - half), a + c * (middle + half))
    };
    [ends(0), ends(1)]
}

/// Where the arrows of one panel start, and where they point.
struct Field {
    at: Vec<(f64, f64)>,
    along: Vec<(f64, f64)>,
    full: f64,
}

/// The score of a model, or without one of the law itself, at each of `times`.
pub fn score_fields(
    engine: &mut dyn Engine,
    subject: &Subject,
    model: Option<&Model<'_>>,
    process: &Process,
    times: &[f64],
    look: Look,
) -> Result<Drawing> {
    if subject.dim != 2 || (model.is_none() && subject.oracle().is_none()) {
        let problem = Problem::new("a score field needs two dimensions, and a model or a law with a known score");
        return Err(Error::usage(
            problem.at("--kind score").found(format!("{} with {} columns", subject.name, subject.dim)),
        ));
    }
    let units = model.map_or((vec![0.0; 2], vec![1.0; 2]), |m| (m.card.shift.clone(), m.card.scale.clone()));
    let units = (units.0.as_slice(), units.1.as_slice());
    let law = subject.in_units(units.0, units.1)?;
    let who = if model.is_some() { "Score of a model of" } else { "Exact score of" };
    let mut figure = Figure::new(look.width, look.theme, format!("{who} {}", subject.name), "");
    figure.columns = times.len().min(3);
    let (map, part) = (look.theme.arrow_map(), (0.0, 1.0));
    let mut fields: Vec<(Field, Option<Grid>)> = Vec::new();
    let noises: Vec<Noised> = times.iter().map(|&t| Noised { m: process.mean(t), sigma: process.sigma(t) }).collect();
    // one plane for all times, so that what contracts is seen to contract
    let ranges =
        noises.iter().map(|noise| plane_at(subject, *noise, units)).reduce(super::ground::both).unwrap_or_default();
    for (i, (&t, &noise)) in times.iter().zip(&noises).enumerate() {
        let field = field(engine, model, law.as_ref(), (t, noise), units, ranges, figure.columns)?;
        let ground = law.as_deref().and_then(|l| l.oracle()).map(|o| exact(o, noise, units, ranges));
        let mut panel = Panel::plane(Axis::new(ranges[0], ""), Axis::new(ranges[1], ""));
        panel.title = format!("t = {t}");
        if times.len() == 1 {
            panel.x.label.clone_from(&subject.columns[0]);
            panel.y.label.clone_from(&subject.columns[1]);
            let axis = Axis::new((0.0, field.full), "length of the score");
            panel.colour_bar = Some(ColourBar { map, part, axis });
        }
        panel.y.numbers = i % figure.columns == 0 || times.len() > 3;
        figure.panels.push(panel);
        fields.push((field, ground));
    }
    let ground = if law.is_some() { " over the exact density of x at that time" } else { "" };
    figure.caption = format!("Arrows{ground}; they grow with the square root of the score's length.");
    let layout = figure.layout()?;
    for (i, (field, ground)) in fields.into_iter().enumerate() {
        let area = &layout.panels[i];
        let cell = (f64::from(area.w) * f64::from(area.h) / field.at.len().max(1) as f64).sqrt() / layout.unit;
        if let Some(grid) = ground {
            figure.panels[i].layers.push(Layer::Raster(pale(&grid, area, look.theme.density_map())?));
        }
        let Field { at, along, full } = field;
        figure.panels[i].layers.push(Layer::Arrows { at, along, full, longest: 0.92 * cell, map, part });
    }
    figure.draw_in(&layout)
}

/// A density in the paler part of its map: arrows must stand out from it.
fn pale(grid: &Grid, area: &crate::render::Area, map: ColourMap) -> Result<image::RgbaImage> {
    heat_raster(grid, area, map, (0.0, super::ground::top(grid) / 0.45), true)
}

/// Scores on a grid over `ranges` (data units) at time t.
fn field(
    engine: &mut dyn Engine,
    model: Option<&Model<'_>>,
    law: Option<&Arc<dyn Distribution>>,
    (t, noise): (f64, Noised),
    (shift, scale): (&[f32], &[f32]),
    ranges: [(f64, f64); 2],
    columns: usize,
) -> Result<Field> {
    let (rows, columns) = super::ground::cells_of(ranges, (ARROWS / (columns as f64).sqrt()).round() as usize);
    let middle = |r: (f64, f64), i: usize, n: usize| r.0 + (r.1 - r.0) * (i as f64 + 0.5) / n as f64;
    let at: Vec<(f64, f64)> = (0..rows * columns)
        .map(|i| (middle(ranges[0], i % columns, columns), middle(ranges[1], i / columns, rows)))
        .collect();
    let points: Vec<f32> =
        at.iter().flat_map(|p| [(p.0 as f32 - shift[0]) / scale[0], (p.1 as f32 - shift[1]) / scale[1]]).collect();
    let values: Vec<f64> = match (model, law.and_then(|l| l.oracle())) {
        (Some(m), _) => scores(engine, m.score, &points, &[t])?.concat().iter().map(|v| f64::from(*v)).collect(),
        (None, Some(oracle)) => {
            let mut all = vec![0.0; points.len()];
            for (x, s) in points.chunks_exact(2).zip(all.chunks_exact_mut(2)) {
                oracle.score(&[f64::from(x[0]), f64::from(x[1])], noise.m, noise.sigma, s);
            }
            all
        }
        _ => Vec::new(),
    };
    // d/d(data) = 1/scale d/d(model)
    let along: Vec<(f64, f64)> =
        values.chunks_exact(2).map(|s| (s[0] / f64::from(scale[0]), s[1] / f64::from(scale[1]))).collect();
    let mut sizes: Vec<f64> = along.iter().map(|v| v.0.hypot(v.1)).filter(|s| s.is_finite()).collect();
    sizes.sort_by(f64::total_cmp);
    // one long arrow must not make all the others invisible
    let full = sizes.get(sizes.len() * 95 / 100).copied().unwrap_or(1.0).max(1e-300);
    Ok(Field { at, along, full })
}
