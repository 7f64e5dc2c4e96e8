//! Pictures of the plane: densities, clouds, score fields, trajectories.

use crate::error::{Error, Problem, Result};
use crate::render::colour::{Colour, ColourMap, Theme};
use crate::render::figure::{Axis, ColourBar, Drawing, Figure, Key, Layer, Panel};
use crate::render::layout::Area;
use crate::render::scale::{Scale, range_of};
use crate::render::twin::{self, Window};
use image::{Rgba, RgbaImage};

/// What every picture of the plane has.
#[derive(Debug, Clone)]
pub struct View {
    /// Width of the figure in pixels.
    pub width: u32,
    /// Light or dark.
    pub theme: Theme,
    /// Title; may be empty.
    pub title: String,
    /// Caption; may be empty.
    pub caption: String,
    /// The part of the plane that is shown.
    pub x_range: (f64, f64),
    /// The part of the plane that is shown.
    pub y_range: (f64, f64),
    /// Names of the two coordinates.
    pub labels: [String; 2],
}

/// Values on a regular grid of cells; row 0 is the top row, as in every raster.
#[derive(Debug, Clone)]
pub struct Grid {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub columns: usize,
    /// The values, row by row (rows, columns).
    pub values: Vec<f64>,
    /// The outer edges of the first and the last column.
    pub x_range: (f64, f64),
    /// The outer edges of the last (lower) and the first (upper) row.
    pub y_range: (f64, f64),
}

/// Something that fills a panel.
pub enum Picture<'a> {
    /// Nothing.
    Nothing,
    /// A density on a grid, in the theme's colours.
    Density(&'a Grid),
    /// Points (x, y), drawn on the host.
    Cloud(&'a [(f64, f64)]),
    /// A raster made by the caller, usually on the device: it must fill the area's pixels over the area's ranges.
    Drawn(&'a mut dyn FnMut(&Area) -> Result<RgbaImage>),
}

/// Paths of M points over some frames: `states` is (M, frames, 2), `times` has one entry a frame.
#[derive(Debug, Clone, Copy)]
pub struct Trajectories<'a> {
    /// The states, (M, frames, 2).
    pub states: &'a [f64],
    /// The time of each frame, from noise to data.
    pub times: &'a [f64],
}

impl View {
    fn figure(&self) -> Figure {
        let [x, y] = &self.labels;
        let mut figure = Figure::new(self.width, self.theme, &self.title, &self.caption);
        figure.panels.push(Panel::columns(Axis::new(self.x_range, x), Axis::new(self.y_range, y)));
        figure
    }
}

impl Area {
    /// The window of the plane that this area shows, for kernels and their twins.
    pub fn window(&self) -> Window {
        Window {
            width: self.w,
            height: self.h,
            x_low: self.x_scale.low,
            x_high: self.x_scale.high,
            y_low: self.y_scale.low,
            y_high: self.y_scale.high,
        }
    }
}

/// The layer that shows `picture`, and the number of points left out of it.
fn layer_of(picture: Picture, area: &Area, theme: Theme, unit: f64, colour: Colour) -> Result<(Option<Layer>, u64)> {
    Ok(match picture {
        Picture::Nothing => (None, 0),
        Picture::Density(grid) => {
            let raster = heat_raster(grid, area, theme.density_map(), (0.0, top_of(grid)), false)?;
            (Some(Layer::Raster(raster)), 0)
        }
        Picture::Cloud(points) => {
            // many points are drawn smaller and fainter, so that the cloud keeps its shading
            let crowd = (points.len() as f64 / 2000.0).max(1.0);
            let radius = (1.5 * unit * crowd.powf(-0.22)).max(0.45);
            let (raster, skipped) = twin::cloud(points.iter().copied(), &area.window(), radius, colour.with_alpha(0.9));
            (Some(Layer::Raster(raster)), skipped)
        }
        Picture::Drawn(draw) => (Some(Layer::Raster(draw(area)?)), 0),
    })
}

fn top_of(grid: &Grid) -> f64 {
    range_of(&grid.values, 0.0, false).1
}

/// Generated samples over a density.
pub fn scatter_over_density(view: &View, density: Picture, samples: Picture) -> Result<Drawing> {
    let mut figure = view.figure();
    if !matches!(density, Picture::Nothing) {
        let map = view.theme.density_map();
        figure.panels[0].legend.push((Key::Square(map.at(0.55)), "density".to_owned()));
    }
    figure.panels[0].legend.push((Key::Dot(view.theme.accent()), "samples".to_owned()));
    let layout = figure.layout()?;
    let (ground, _) = layer_of(density, &layout.panels[0], view.theme, layout.unit, view.theme.reference())?;
    let (cloud, skipped) = layer_of(samples, &layout.panels[0], view.theme, layout.unit, view.theme.accent())?;
    figure.panels[0].layers.extend(ground.into_iter().chain(cloud));
    let drawing = figure.draw_in(&layout)?;
    Ok(Drawing { skipped: drawing.skipped + skipped, ..drawing })
}

/// Values on a grid with a colour bar; `signed` values get a diverging map with zero in its middle.
pub fn density_heat_map(view: &View, grid: &Grid, bar_label: &str, signed: bool) -> Result<Drawing> {
    let (low, high) = range_of(&grid.values, 0.0, false);
    let most = low.abs().max(high.abs());
    let range = if signed { (-most, most) } else { (low.min(0.0), high) };
    let map = if signed { view.theme.signed_map() } else { view.theme.density_map() };
    let mut figure = view.figure();
    figure.panels[0].colour_bar = Some(ColourBar { map, part: (0.0, 1.0), axis: Axis::new(range, bar_label) });
    let layout = figure.layout()?;
    let raster = heat_raster(grid, &layout.panels[0], map, range, true)?;
    figure.panels[0].layers.push(Layer::Raster(raster));
    let drawing = figure.draw_in(&layout)?;
    let missing = grid.values.iter().filter(|v| !v.is_finite()).count() as u64;
    Ok(Drawing { skipped: drawing.skipped + missing, ..drawing })
}

/// The field of `along` at the points `at`, both (K, 2), over a background; `time` is written into the title line.
pub fn score_field(
    view: &View,
    at: &[(f64, f64)],
    along: &[(f64, f64)],
    background: Picture,
    time: &str,
) -> Result<Drawing> {
    let mut sizes: Vec<f64> = along.iter().map(|v| v.0.hypot(v.1)).filter(|s| s.is_finite()).collect();
    sizes.sort_by(f64::total_cmp);
    // one long arrow must not make all the others invisible
    let full = sizes.get(sizes.len() * 95 / 100).or(sizes.last()).copied().unwrap_or(1.0).max(1e-300);
    let mut figure = view.figure();
    let (map, part) = (view.theme.arrow_map(), (0.0, 1.0));
    figure.panels[0].title = time.to_owned();
    figure.panels[0].colour_bar = Some(ColourBar { map, part, axis: Axis::new((0.0, full), "score magnitude") });
    let layout = figure.layout()?;
    let area = &layout.panels[0];
    let (ground, skipped) = match background {
        // the paler part of the map only: arrows must stand out from it
        Picture::Density(grid) => {
            let range = (0.0, top_of(grid) / 0.42);
            (Some(Layer::Raster(heat_raster(grid, area, view.theme.density_map(), range, true)?)), 0)
        }
        other => layer_of(other, area, view.theme, layout.unit, view.theme.reference())?,
    };
    let cell = (f64::from(area.w) * f64::from(area.h) / at.len().max(1) as f64).sqrt() / layout.unit;
    figure.panels[0].layers.extend(ground);
    let (at, along, longest) = (at.to_vec(), along.to_vec(), 0.92 * cell);
    figure.panels[0].layers.push(Layer::Arrows { at, along, full, longest, map, part });
    let drawing = figure.draw_in(&layout)?;
    Ok(Drawing { skipped: drawing.skipped + skipped, ..drawing })
}

/// Paths from noise (pale) to data (strong) over a picture of the final cloud.
pub fn trajectory_fan(view: &View, paths: Trajectories, cloud: Picture) -> Result<Drawing> {
    let frames = paths.times.len();
    if frames == 0 || !paths.states.len().is_multiple_of(2 * frames) {
        let problem = Problem::new("trajectories do not have the shape (M, frames, 2)")
            .found(format!("{} numbers", paths.states.len()));
        return Err(Error::bug(problem.expected(format!("a multiple of {}", 2 * frames))));
    }
    let (map, part) = match view.theme {
        Theme::Light => (ColourMap::Dusk, (0.14, 0.92)),
        Theme::Dark => (ColourMap::Dawn, (0.2, 0.9)),
    };
    let (end, start) = (paths.times[frames - 1], paths.times[0]);
    let mut figure = view.figure();
    // most of the way is covered late: over many decades of time, colours follow its logarithm
    let log = end > 0.0 && start > 50.0 * end;
    let bar = ColourBar { map, part: (part.1, part.0), axis: Axis::new((end, start), "time t").log(log) };
    figure.panels[0].colour_bar = Some(bar);
    let layout = figure.layout()?;
    let (last, skipped) = layer_of(cloud, &layout.panels[0], view.theme, layout.unit, view.theme.accent())?;
    let count = paths.states.len() / (2 * frames);
    let scale = Scale::new((end, start), log);
    let values: Vec<f64> =
        paths.times.windows(2).map(|t| 1.0 - scale.fraction((t[0] + t[1]) / 2.0).unwrap_or(0.0)).collect();
    let alpha = (120.0 / count.max(1) as f64).sqrt().clamp(0.25, 0.95);
    for path in paths.states.chunks(2 * frames) {
        let (xs, ys) = path.chunks(2).map(|p| (p[0], p[1])).unzip();
        figure.panels[0].layers.push(Layer::Path { xs, ys, values: values.clone(), map, part, width: 0.9, alpha });
    }
    figure.panels[0].layers.extend(last);
    let drawing = figure.draw_in(&layout)?;
    Ok(Drawing { skipped: drawing.skipped + skipped, ..drawing })
}

/// `grid` as a raster for `area`, interpolated between cell centres; what lies outside the grid is transparent.
///
/// With `opaque` the lowest colour is drawn too; without, opacity rises over the first tenth, so that a density fades
/// into whatever is below.
pub fn heat_raster(grid: &Grid, area: &Area, map: ColourMap, range: (f64, f64), opaque: bool) -> Result<RgbaImage> {
    if grid.rows * grid.columns != grid.values.len() || grid.values.is_empty() {
        let found = format!("{} values for {} x {}", grid.values.len(), grid.rows, grid.columns);
        return Err(Error::bug(Problem::new("a grid does not have the values of its shape").found(found)));
    }
    let (xs, ys) = (Scale::new(grid.x_range, false), Scale::new(grid.y_range, false));
    let range = Scale::new(range, false);
    let shade = |i: u32, j: u32| {
        let x = xs.fraction(area.x_scale.at((f64::from(i) + 0.5) / f64::from(area.w)))?;
        let y = 1.0 - ys.fraction(area.y_scale.at(1.0 - (f64::from(j) + 0.5) / f64::from(area.h)))?;
        let part = range.fraction(grid.sample(x, y)?)?.clamp(0.0, 1.0);
        let Colour([r, g, b, _]) = map.at(part);
        Some(Rgba([r, g, b, if opaque { 255 } else { (part * 2550.0).min(255.0) as u8 }]))
    };
    Ok(RgbaImage::from_fn(area.w, area.h, |i, j| shade(i, j).unwrap_or(Rgba([0; 4]))))
}

impl Grid {
    /// The value at (x, y) in 0..=1 from the top left, bilinear between cell centres.
    fn sample(&self, x: f64, y: f64) -> Option<f64> {
        if !(0.0..=1.0).contains(&x) || !(0.0..=1.0).contains(&y) {
            return None;
        }
        let split = |part: f64, count: usize| {
            let place = (part * count as f64 - 0.5).clamp(0.0, (count - 1) as f64);
            (place as usize, (place as usize + 1).min(count - 1), place.fract())
        };
        let ((i0, i1, u), (j0, j1, v)) = (split(x, self.columns), split(y, self.rows));
        let at = |i: usize, j: usize| self.values[j * self.columns + i];
        let (upper, lower) = (at(i0, j0) * (1.0 - u) + at(i1, j0) * u, at(i0, j1) * (1.0 - u) + at(i1, j1) * u);
        let value = upper * (1.0 - v) + lower * v;
        value.is_finite().then_some(value)
    }
}
