//! Samples over the density of the data; in one dimension, a histogram against the exact density.

use super::ground::{Noised, top, truth};
use super::{Look, Subject};
use crate::error::{Error, Problem, Result};
use crate::recording::Engine;
use crate::render::charts::heat_raster;
use crate::render::cloud::{Paint, Points, Style, cloud, radius};
use crate::render::figure::{Axis, Drawing, Figure, Frame, Key, Layer, Panel};
use crate::render::scale::{Scale, grouped};

/// Bins of a histogram.
const BINS: usize = 80;

/// `samples` (n, D) over the truth; without samples, the truth's own rows.
pub fn samples(
    engine: &mut dyn Engine,
    subject: &Subject,
    samples: Option<(&[f32], &str)>,
    columns: [usize; 2],
    look: Look,
) -> Result<Drawing> {
    if subject.dim == 1 {
        return histogram(subject, samples, look);
    }
    let (rows, said) = samples.unwrap_or((&subject.rows, "data"));
    if rows.is_empty() {
        return Err(Error::data(Problem::new("there are no points to draw").at(&subject.name)));
    }
    let ranges = subject.plane(columns, rows);
    let ground = match samples {
        Some(_) => truth(engine, subject, columns, ranges)?,
        None => None,
    };
    let [x, y] = [0, 1].map(|j| Axis::new(ranges[j], subject.columns[columns[j]].as_str()));
    let mut panel = Panel::columns(x, y);
    let map = look.theme.density_map();
    if ground.is_some() {
        let exact = subject.oracle().is_some() && subject.dim == 2;
        panel
            .legend
            .push((Key::Square(map.at(0.5)), if exact { "exact density" } else { "density of the data" }.into()));
    }
    let colour = if samples.is_some() { look.theme.accent() } else { look.theme.reference() };
    let count = rows.len() / subject.dim;
    panel.legend.push((Key::Dot(colour), format!("{said} ({})", grouped(count as u64))));
    let mut figure = Figure::new(look.width, look.theme, title(subject, samples.map(|s| s.1)), "");
    figure.panels.push(panel);
    let layout = figure.layout()?;
    let area = &layout.panels[0];
    if let Some(grid) = &ground {
        // the paler half of the map, so that samples stand out
        let raster = heat_raster(grid, area, map, (0.0, top(grid) / 0.5), true)?;
        figure.panels[0].layers.push(Layer::Raster(raster));
    }
    let style =
        Style { radius: radius(count, layout.unit), paint: Paint::Plain(colour), opacity: 0.85, exposure: None };
    let raster = cloud(engine, Points { rows, dim: subject.dim, columns }, area.window(), style)?;
    figure.panels[0].layers.push(Layer::Raster(raster));
    figure.draw_in(&layout)
}

fn title(subject: &Subject, label: Option<&str>) -> String {
    let Some(label) = label else { return subject.name.clone() };
    let (first, rest) = label.split_at(label.chars().next().map_or(0, char::len_utf8));
    format!("{}{rest} of {}", first.to_uppercase(), subject.name)
}

/// One dimension: columns for the points, a curve for the exact density.
fn histogram(subject: &Subject, samples: Option<(&[f32], &str)>, look: Look) -> Result<Drawing> {
    let (rows, said) = samples.unwrap_or((&subject.rows, "data"));
    let range = Scale::new(subject.range(0, rows), false);
    let edges: Vec<f64> = (0..=BINS).map(|i| range.at(i as f64 / BINS as f64)).collect();
    let heights = |rows: &[f32]| -> Vec<f64> {
        let mut counts = vec![0.0; BINS];
        let weight = BINS as f64 / (range.high - range.low) / rows.len().max(1) as f64;
        for part in rows.iter().filter_map(|v| range.fraction(f64::from(*v))).filter(|p| (0.0..1.0).contains(p)) {
            counts[(part * BINS as f64) as usize] += weight;
        }
        counts
    };
    let mine = heights(rows);
    let mut high = mine.iter().copied().fold(0.0, f64::max);
    let colour = if samples.is_some() { look.theme.accent() } else { look.theme.category(0) };
    let mut layers =
        vec![Layer::Bars { edges: edges.clone(), heights: mine, fill: colour.with_alpha(0.3), outline: Some(colour) }];
    let mut legend = vec![(Key::Square(colour.with_alpha(0.5)), format!("{said} ({})", grouped(rows.len() as u64)))];
    if let Some(oracle) = subject.oracle() {
        let xs: Vec<f64> = (0..=8 * BINS).map(|i| range.at(i as f64 / (8 * BINS) as f64)).collect();
        let sigma = Noised::DATA.sigma.max(oracle.resolution());
        let ys: Vec<f64> = xs.iter().map(|x| oracle.log_density(&[*x], 1.0, sigma).exp()).collect();
        high = ys.iter().copied().filter(|v| v.is_finite()).fold(high, f64::max);
        layers.push(Layer::Line { xs, ys, colour: look.theme.foreground(), width: 1.6, dashed: false });
        legend.push((Key::Line(look.theme.foreground(), 1.6), "exact density".into()));
    } else if samples.is_some() && !subject.rows.is_empty() {
        let theirs = heights(&subject.rows);
        high = theirs.iter().copied().fold(high, f64::max);
        let (fill, outline) = (look.theme.reference().with_alpha(0.0), Some(look.theme.reference()));
        layers.push(Layer::Bars { edges, heights: theirs, fill, outline });
        legend.push((Key::Line(look.theme.reference(), 1.2), "data".into()));
    }
    let mut panel = Panel::chart(
        Axis::new((range.low, range.high), subject.columns[0].as_str()),
        Axis::new((0.0, 1.08 * high), "density"),
    );
    panel.frame = Frame::Open;
    (panel.layers, panel.legend) = (layers, legend);
    let mut figure = Figure::new(look.width, look.theme, title(subject, samples.map(|s| s.1)), "");
    figure.panels.push(panel);
    figure.draw()
}
