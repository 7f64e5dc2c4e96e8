//! All pairs of coordinates of two clouds: histograms on the diagonal, scatters below it.

use crate::error::{Error, Problem, Result};
use crate::render::colour::Theme;
use crate::render::figure::{Axis, Drawing, Figure, Frame, Key, Layer, Panel};
use crate::render::layout::Area;
use crate::render::twin;
use image::RgbaImage;

/// The most columns of a pair plot.
pub const MAX_COLUMNS: usize = 6;
const BINS: usize = 48;

/// Two clouds to compare, (N, D) row by row.
#[derive(Debug, Clone)]
pub struct PairPlot<'a> {
    /// Width in pixels.
    pub width: u32,
    /// Light or dark.
    pub theme: Theme,
    /// Title; may be empty.
    pub title: String,
    /// Caption; may be empty.
    pub caption: String,
    /// One name a column.
    pub names: &'a [String],
    /// The data, (N, D).
    pub real: &'a [f64],
    /// The model's samples, (N', D).
    pub generated: &'a [f64],
}

/// Draws a raster for the panel whose vertical axis is the first and whose horizontal axis is the second column.
pub type PairRaster<'a> = &'a mut dyn FnMut(usize, usize, &Area) -> Result<RgbaImage>;

/// Draws all pairs of up to six columns; `scatter` draws the lower triangle, and without it the host does.
pub fn pair_plot(data: &PairPlot, mut scatter: Option<PairRaster>) -> Result<Drawing> {
    let d = data.names.len();
    let whole = d > 0 && data.real.len().is_multiple_of(d) && data.generated.len().is_multiple_of(d);
    if d == 0 || d > MAX_COLUMNS || !whole {
        let problem = Problem::new("a pair plot cannot show these columns").found(format!("{d} columns"));
        return Err(Error::usage(problem.expected(format!("1 to {MAX_COLUMNS}")).hint("choose the columns to show")));
    }
    let ranges: Vec<(f64, f64)> = (0..d).map(|c| column_range(data, c)).collect();
    let mut figure = Figure::new(data.width, data.theme, &data.title, &data.caption);
    figure.columns = d;
    let both = [("data", data.real, data.theme.reference()), ("samples", data.generated, data.theme.accent())];
    let present = both.iter().filter(|(_, cloud, _)| !cloud.is_empty());
    figure.legend = present.map(|(name, _, colour)| (Key::Dot(*colour), (*name).to_owned())).collect();
    for row in 0..d {
        figure.panels.extend((0..d).map(|column| pair_panel(data, &ranges, row, column)));
    }
    let layout = figure.layout()?;
    let mut skipped = 0;
    for row in 1..d {
        for column in 0..row {
            let area = &layout.panels[row * d + column];
            let layers = match &mut scatter {
                Some(draw) => vec![Layer::Raster(draw(row, column, area)?)],
                None => clouds(data, area, row, column, layout.unit, &mut skipped),
            };
            figure.panels[row * d + column].layers = layers;
        }
    }
    let drawing = figure.draw_in(&layout)?;
    Ok(Drawing { skipped: drawing.skipped + skipped, ..drawing })
}

fn column(values: &[f64], d: usize, c: usize) -> impl Iterator<Item = f64> {
    values.iter().skip(c).step_by(d).copied()
}

/// The middle 99 % of both clouds, widened: single far points must not squeeze the picture.
fn column_range(data: &PairPlot, c: usize) -> (f64, f64) {
    let mut ends = (f64::INFINITY, f64::NEG_INFINITY);
    for cloud in [data.real, data.generated] {
        let mut sorted: Vec<f64> = column(cloud, data.names.len(), c).filter(|v| v.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let tail = sorted.len() / 200;
        if let (Some(low), Some(high)) = (sorted.get(tail), sorted.get(sorted.len().saturating_sub(tail + 1))) {
            ends = (ends.0.min(*low), ends.1.max(*high));
        }
    }
    let margin = 0.12 * (ends.1 - ends.0);
    if ends.0 <= ends.1 { (ends.0 - margin, ends.1 + margin) } else { (f64::NAN, f64::NAN) }
}

fn pair_panel(data: &PairPlot, ranges: &[(f64, f64)], row: usize, column: usize) -> Panel {
    let d = ranges.len();
    let x_label = if row + 1 == d { data.names[column].clone() } else { String::new() };
    let y_label = if column == 0 && row > 0 { data.names[row].clone() } else { String::new() };
    let mut panel = Panel::chart(Axis::new(ranges[column], x_label), Axis::new(ranges[row], y_label));
    panel.aspect = 1.0;
    panel.x.numbers = row + 1 == d;
    panel.y.numbers = column == 0 && row > 0;
    panel.frame = if column > row { Frame::Hidden } else { Frame::Boxed };
    if column == row {
        diagonal(&mut panel, data, ranges[row], row);
    }
    panel
}

/// Two overlaid histograms; their heights have no numbers.
fn diagonal(panel: &mut Panel, data: &PairPlot, range: (f64, f64), c: usize) {
    let range = crate::render::scale::Scale::new(range, false);
    let edges: Vec<f64> = (0..=BINS).map(|i| range.at(i as f64 / BINS as f64)).collect();
    let mut top: f64 = 0.0;
    for (cloud, colour) in [(data.real, data.theme.reference()), (data.generated, data.theme.accent())] {
        if cloud.is_empty() {
            continue;
        }
        let mut counts = [0.0; BINS];
        let mut total = 0.0;
        for part in column(cloud, data.names.len(), c).filter_map(|v| range.fraction(v)) {
            total += 1.0;
            if let Some(bin) = counts.get_mut((part * BINS as f64).floor() as usize).filter(|_| part >= 0.0) {
                *bin += 1.0;
            }
        }
        let heights: Vec<f64> = counts.iter().map(|n| n / f64::max(total, 1.0)).collect();
        top = heights.iter().copied().fold(top, f64::max);
        let (fill, outline, edges) = (colour.with_alpha(0.16), Some(colour), edges.clone());
        panel.layers.push(Layer::Bars { edges, heights, fill, outline });
    }
    panel.y.range = (0.0, 1.12 * top.max(1e-9));
    panel.y.numbers = false;
    panel.frame = Frame::Floor;
}

fn clouds(data: &PairPlot, area: &Area, row: usize, col: usize, unit: f64, skipped: &mut u64) -> Vec<Layer> {
    let d = data.names.len();
    let mut layers = Vec::new();
    for (cloud, colour) in [(data.real, data.theme.reference()), (data.generated, data.theme.accent())] {
        let crowd = (cloud.len() as f64 / d as f64 / 500.0).max(1.0);
        let points = column(cloud, d, col).zip(column(cloud, d, row));
        let radius = (1.1 * unit * crowd.powf(-0.2)).max(0.45);
        let (raster, missing) = twin::cloud(points, &area.window(), radius, colour.with_alpha(0.8));
        *skipped += missing;
        layers.push(Layer::Raster(raster));
    }
    layers
}
