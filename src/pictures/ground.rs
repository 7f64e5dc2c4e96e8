//! Densities: exact where there is an oracle, histograms where there are only rows.

use super::{Look, Model, Subject};
use crate::distribution::Oracle;
use crate::error::{Error, Problem, Result};
use crate::recording::Engine;
use crate::render::charts::{Grid, heat_raster};
use crate::render::cloud::{Points, histogram};
use crate::render::figure::{Axis, ColourBar, Drawing, Figure, Layer, Panel};
use crate::render::twin::Window;

/// Cells along the longer side of an exact density.
const CELLS: usize = 300;

/// Where in the noising a density is taken: the law of m x_0 + sigma eps, in model units.
#[derive(Debug, Clone, Copy)]
pub(super) struct Noised {
    /// Factor of the data.
    pub m: f64,
    /// Standard deviation of the noise.
    pub sigma: f64,
}

impl Noised {
    /// No noise.
    pub const DATA: Self = Self { m: 1.0, sigma: 0.0 };
}

/// `f(x)` at the middles of `rows` x `columns` cells, on all cores.
pub(super) fn on_grid(
    rows: usize,
    columns: usize,
    ranges: [(f64, f64); 2],
    f: &(dyn Fn(f64, f64) -> f64 + Sync),
) -> Grid {
    let [x_range, y_range] = ranges;
    let mut values = vec![0.0; rows * columns];
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let share = rows.div_ceil(threads).max(1);
    let middle = |range: (f64, f64), i: usize, n: usize| range.0 + (range.1 - range.0) * (i as f64 + 0.5) / n as f64;
    std::thread::scope(|scope| {
        for (k, part) in values.chunks_mut(share * columns).enumerate() {
            scope.spawn(move || {
                for (i, value) in part.iter_mut().enumerate() {
                    let (row, column) = (k * share + i / columns, i % columns);
                    *value = f(middle(x_range, column, columns), middle((y_range.1, y_range.0), row, rows));
                }
            });
        }
    });
    Grid { rows, columns, values, x_range, y_range }
}

/// Rows and columns of a grid of about square cells.
pub(super) fn cells_of(ranges: [(f64, f64); 2], most: usize) -> (usize, usize) {
    let [w, h] = ranges.map(|r| r.1 - r.0);
    // as `Panel::columns` draws them: columns of very unequal units do not share one
    let [w, h] = if w > 4.0 * h || h > 4.0 * w { [1.0, 1.0] } else { [w, h] };
    let side = |part: f64| ((part * most as f64).round() as usize).clamp(8, most);
    (side(h / w.max(h)), side(w / w.max(h)))
}

/// The exact density of a law in the plane at a noise level, in data units: data = shift + scale * model.
pub(super) fn exact(oracle: &dyn Oracle, noise: Noised, units: (&[f32], &[f32]), ranges: [(f64, f64); 2]) -> Grid {
    let (shift, scale) = units;
    let sigma = noise.sigma.max(oracle.resolution() * f64::from(u8::from(noise.sigma == 0.0)));
    let (rows, columns) = cells_of(ranges, CELLS);
    let at = |x: f64, j: usize| (x - f64::from(shift[j])) / f64::from(scale[j]);
    let volume: f64 = scale.iter().map(|s| f64::from(*s)).product();
    on_grid(rows, columns, ranges, &|x, y| oracle.log_density(&[at(x, 0), at(y, 1)], noise.m, sigma).exp() / volume)
}

/// A histogram of rows as a density, counted on the device.
pub(super) fn counted(
    engine: &mut dyn Engine,
    rows: &[f32],
    dim: usize,
    columns: [usize; 2],
    ranges: [(f64, f64); 2],
) -> Result<Grid> {
    let n = (rows.len() / dim).max(1);
    // as many cells as leave about a dozen points in each that has any
    let most = ((n as f64 / 6.0).sqrt() as usize).clamp(24, 240);
    let (height, width) = cells_of(ranges, most);
    let [(x_low, x_high), (y_low, y_high)] = ranges;
    let window = Window { width: width as u32, height: height as u32, x_low, x_high, y_low, y_high };
    let counts = histogram(engine, Points { rows, dim, columns }, window)?;
    let cell = (x_high - x_low) * (y_high - y_low) / (width * height) as f64;
    let values = smoothed(&counts.iter().map(|c| f64::from(*c) / (n as f64 * cell)).collect::<Vec<_>>(), width);
    Ok(Grid { rows: height, columns: width, values, x_range: ranges[0], y_range: ranges[1] })
}

/// Each value averaged with its neighbours (1 2 1, both ways): less noise for half a cell of blur.
fn smoothed(values: &[f64], width: usize) -> Vec<f64> {
    let height = values.len() / width.max(1);
    let blend = |get: &dyn Fn(usize) -> f64, i: usize, n: usize| {
        0.25 * get(i.saturating_sub(1)) + 0.5 * get(i) + 0.25 * get((i + 1).min(n - 1))
    };
    let across: Vec<f64> =
        (0..values.len()).map(|k| blend(&|i| values[k / width * width + i], k % width, width)).collect();
    (0..values.len()).map(|k| blend(&|j| across[j * width + k % width], k / width, height)).collect()
}

/// The density of the truth in the plane of two columns: exact in two dimensions with an oracle, else counted.
///
/// `None` where nothing of the truth is known.
pub(super) fn truth(
    engine: &mut dyn Engine,
    subject: &Subject,
    columns: [usize; 2],
    ranges: [(f64, f64); 2],
) -> Result<Option<Grid>> {
    if let Some(oracle) = subject.oracle()
        && subject.dim == 2
        && columns == [0, 1]
    {
        let grid = exact(oracle, Noised::DATA, (&[0.0; 2], &[1.0; 2]), ranges);
        return Ok(Some(grid).filter(|g| g.values.iter().any(|v| v.is_finite() && *v > 0.0)));
    }
    if subject.rows.is_empty() {
        return Ok(None);
    }
    counted(engine, &subject.rows, subject.dim, columns, ranges).map(Some)
}

/// The greatest value that the bulk of a density has: singular peaks must not darken all the rest.
pub(super) fn top(grid: &Grid) -> f64 {
    let mut values: Vec<f64> = grid.values.iter().copied().filter(|v| v.is_finite() && *v > 0.0).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() * 998 / 1000).copied().unwrap_or(1.0).max(1e-300)
}

/// The density of the truth, of samples, or both side by side with one scale of colours.
///
/// With a process and a time t, the exact density of x_t takes the place of the data's.
pub fn density(
    engine: &mut dyn Engine,
    subject: &Subject,
    model: Option<(&Model<'_>, &[f32])>,
    time: Option<(&crate::process::Process, f64)>,
    columns: [usize; 2],
    look: Look,
) -> Result<Drawing> {
    let mut panels: Vec<(String, Grid)> = Vec::new();
    let samples = model.map_or(&[][..], |m| m.1);
    let mut ranges = subject.plane(columns, samples);
    match (time, subject.oracle()) {
        (None, _) => {
            let said = if subject.oracle().is_some() && subject.dim == 2 { "data, exact" } else { "data" };
            panels.extend(truth(engine, subject, columns, ranges)?.map(|grid| (said.to_string(), grid)));
        }
        (Some((process, t)), Some(oracle)) if subject.dim == 2 => {
            let noise = Noised { m: process.mean(t), sigma: process.sigma(t) };
            ranges = super::field::widened(subject, noise);
            panels.push((format!("x at time {t}, exact"), exact(oracle, noise, (&[0.0; 2], &[1.0; 2]), ranges)));
        }
        _ => return Err(no_exact(subject)),
    }
    if let Some((model, rows)) = model {
        let said = format!(
            "model, {} samples ({})",
            crate::render::scale::grouped((rows.len() / subject.dim) as u64),
            model.sampler
        );
        panels.push((said, counted(engine, rows, subject.dim, columns, ranges)?));
    }
    if panels.is_empty() {
        return Err(Error::data(Problem::new("there is nothing to draw a density of").at(&subject.name)));
    }
    // one scale for both, or the eye would compare nothing; the exact one decides where there is one
    let high = top(&panels[0].1);
    let counted = model.is_some() || time.is_none() && (subject.oracle().is_none() || subject.dim > 2);
    let caption =
        if counted { "Densities of points are histograms, each cell averaged with its neighbours." } else { "" };
    let mut figure = Figure::new(look.width, look.theme, format!("Density of {}", subject.name), caption);
    figure.columns = panels.len();
    let map = look.theme.density_map();
    let last = panels.len() - 1;
    for (i, (title, _)) in panels.iter().enumerate() {
        let [x, y] = [0, 1].map(|j| Axis::new(ranges[j], subject.columns[columns[j]].as_str()));
        let mut panel = Panel::columns(x, y);
        panel.title.clone_from(title);
        panel.y.numbers = i == 0;
        if i > 0 {
            panel.y.label.clear();
        }
        if i == last {
            panel.colour_bar = Some(ColourBar { map, part: (0.0, 1.0), axis: Axis::new((0.0, high), "density") });
        }
        figure.panels.push(panel);
    }
    let layout = figure.layout()?;
    for (i, (_, grid)) in panels.iter().enumerate() {
        let raster = heat_raster(grid, &layout.panels[i], map, (0.0, high), true)?;
        figure.panels[i].layers.push(Layer::Raster(raster));
    }
    figure.draw_in(&layout)
}

/// The refusal of a picture that needs an exact density in the plane.
pub(super) fn no_exact(subject: &Subject) -> Error {
    let problem = Problem::new("the density at a time t > 0 is only known for named distributions in two dimensions");
    let found = format!("{} with {} columns", subject.name, subject.dim);
    Error::usage(problem.at("--t").found(found).hint("leave out --t for the density of the data"))
}

/// The plane that holds both.
pub(super) fn both(a: [(f64, f64); 2], b: [(f64, f64); 2]) -> [(f64, f64); 2] {
    [0, 1].map(|j| (a[j].0.min(b[j].0), a[j].1.max(b[j].1)))
}
