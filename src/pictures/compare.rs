//! Samplers side by side: a sheet of small clouds, and the curves of error against evaluations of the score.

use super::ground::{top, truth};
use super::{Look, Subject};
use crate::error::Result;
use crate::recording::Engine;
use crate::render::charts::heat_raster;
use crate::render::cloud::{Paint, Points, Style, cloud, radius};
use crate::render::figure::{Axis, Drawing, Figure, Frame, Key, Layer, Panel};
use crate::render::scale::{Scale, grouped, plain, range_of};
use crate::render::{Area, Colour, Theme};

/// Bins of a histogram in a cell.
const BINS: usize = 48;

/// One setting of a sampler, as it is drawn.
pub struct Shown<'a> {
    /// The sampler.
    pub sampler: &'a str,
    /// N
    pub steps: usize,
    /// Evaluations of the score.
    pub evaluations: usize,
    /// Some samples (rows, D), data units.
    pub rows: &'a [f32],
    /// The distance to the truth; `None` where samples are not finite.
    pub distance: Option<f64>,
    /// Where the samples have exploded: how many times as wide as the truth they are.
    pub exploded: Option<f64>,
}

/// What a sheet and its curves show.
pub struct Comparison<'a> {
    /// The truth.
    pub subject: &'a Subject,
    /// The cells, sampler by sampler, each with the same numbers of steps.
    pub cells: &'a [Shown<'a>],
    /// Cells a sampler.
    pub per_row: usize,
    /// Mean and standard deviation of the distance between true samples.
    pub floor: Option<(f64, f64)>,
    /// Samples behind each distance.
    pub n: usize,
    /// What the distance is called: `sliced W2`.
    pub metric: String,
    /// The time grid.
    pub grid: &'a str,
}

impl Comparison<'_> {
    /// Whether a distance cannot be told from that of true samples.
    fn is_right(&self, distance: f64) -> bool {
        self.floor.is_some_and(|(mean, sd)| distance <= mean + 3.0 * sd)
    }

    fn floor_words(&self) -> String {
        match self.floor {
            Some((mean, sd)) => format!("; two true samples have {} ± {}, the floor", plain(mean), plain(sd)),
            None => String::new(),
        }
    }
}

/// A row of clouds a sampler, a column a number of steps, the distance in every cell.
pub fn sheet(engine: &mut dyn Engine, asked: &Comparison<'_>, columns: [usize; 2], look: Look) -> Result<Drawing> {
    let subject = asked.subject;
    let plane = subject.dim >= 2;
    let ranges = if plane { subject.plane(columns, &[]) } else { [subject.range(0, &[]), (0.0, 1.0)] };
    let mut figure = frame(asked, ranges, look);
    let layout = figure.layout()?;
    let ground = if plane { truth(engine, subject, columns, ranges)? } else { None };
    for (i, cell) in asked.cells.iter().enumerate() {
        let area = &layout.panels[i];
        let mut layers = Vec::new();
        if plane {
            if let Some(grid) = &ground {
                // the paler half of the map, so that samples stand out
                let raster = heat_raster(grid, area, look.theme.density_map(), (0.0, top(grid) / 0.5), true)?;
                layers.push(Layer::Raster(raster));
            }
            let paint = Paint::Plain(look.theme.accent());
            let dot = 0.75 * radius(cell.rows.len() / subject.dim, layout.unit);
            let style = Style { radius: dot, paint, opacity: 0.8, exposure: None };
            let points = Points { rows: cell.rows, dim: subject.dim, columns };
            layers.push(Layer::Raster(cloud(engine, points, area.window(), style)?));
        } else {
            histogram(subject, cell, area, look.theme, &mut layers);
        }
        words(asked, cell, area, layout.unit, look.theme, &mut layers);
        figure.panels[i].layers = layers;
    }
    figure.draw_in(&layout)
}

/// The figure with its empty cells.
fn frame(asked: &Comparison<'_>, ranges: [(f64, f64); 2], look: Look) -> Figure {
    let exploded = if asked.cells.iter().any(|c| c.exploded.is_some()) {
        " Marked with an x: that many times as wide as the truth, mostly outside the cell; the steps are too long."
    } else {
        ""
    };
    let caption = format!(
        "In each cell the {} of {} samples to the truth{}. NFE is the number of evaluations of the score. Grid {}.{exploded}",
        asked.metric,
        grouped(asked.n as u64),
        asked.floor_words(),
        asked.grid
    );
    let mut figure = Figure::new(look.width, look.theme, format!("Samplers on {}", asked.subject.name), caption);
    figure.columns = asked.per_row;
    if asked.subject.dim >= 2 {
        figure.legend.push((Key::Square(look.theme.density_map().at(0.4)), "truth".into()));
    } else {
        figure.legend.push((Key::Line(look.theme.reference(), 1.2), "truth".into()));
    }
    figure.legend.push((Key::Dot(look.theme.accent()), "samples".into()));
    if asked.floor.is_some() {
        let said = "number in this colour: within three standard deviations of the floor";
        figure.legend.push((Key::Square(right(look.theme)), said.into()));
    }
    for (i, cell) in asked.cells.iter().enumerate() {
        let (x, y) = (Axis::new(ranges[0], ""), Axis::new(ranges[1], ""));
        let mut panel = if asked.subject.dim >= 2 { Panel::columns(x, y) } else { Panel::chart(x, y) };
        panel.frame = Frame::Bare;
        if i < asked.per_row {
            panel.title = format!("{} step{}", cell.steps, if cell.steps == 1 { "" } else { "s" });
        }
        if i % asked.per_row == 0 {
            panel.y.label = cell.sampler.to_owned();
        }
        figure.panels.push(panel);
    }
    figure
}

/// The colour of distances at the floor.
fn right(theme: Theme) -> Colour {
    theme.category(2)
}

/// A histogram of one column with that of the truth, both scaled to the peak of the truth.
fn histogram(subject: &Subject, cell: &Shown<'_>, area: &Area, theme: Theme, layers: &mut Vec<Layer>) {
    let range = &area.x_scale;
    let edges: Vec<f64> = (0..=BINS).map(|i| range.at(i as f64 / BINS as f64)).collect();
    let heights = |rows: &[f32]| -> Vec<f64> {
        let mut counts = vec![0.0; BINS];
        for part in rows.iter().filter_map(|v| range.fraction(f64::from(*v))).filter(|p| (0.0..1.0).contains(p)) {
            counts[(part * BINS as f64) as usize] += 1.0 / rows.len().max(1) as f64;
        }
        counts
    };
    let theirs = heights(&subject.rows);
    // room for the words above the peak
    let peak = theirs.iter().copied().fold(1e-12, f64::max) / 0.72;
    let scaled = |heights: Vec<f64>| heights.into_iter().map(|h| (h / peak).min(1.0)).collect::<Vec<_>>();
    let (mine, accent) = (scaled(heights(cell.rows)), theme.accent());
    let (fill, outline) = (accent.with_alpha(0.35), Some(accent));
    layers.push(Layer::Bars { edges: edges.clone(), heights: mine, fill, outline });
    let (fill, outline) = (accent.with_alpha(0.0), Some(theme.reference()));
    layers.push(Layer::Bars { edges, heights: scaled(theirs), fill, outline });
}

/// The distance and the evaluations, at the upper and the lower left of a cell.
fn words(asked: &Comparison<'_>, cell: &Shown<'_>, area: &Area, unit: f64, theme: Theme, layers: &mut Vec<Layer>) {
    let inset = 5.0 * unit;
    let (w, h) = (f64::from(area.w), f64::from(area.h));
    let x = area.x_scale.at(inset / w);
    let colour = match cell.distance {
        Some(d) if asked.is_right(d) => right(theme),
        _ => theme.foreground(),
    };
    let text = cell.distance.map_or("not finite".to_owned(), plain);
    layers.push(Layer::Heading { x, y: area.y_scale.at(1.0 - 13.0 * unit / h), text, colour });
    let wide = cell.exploded.filter(|x| x.is_finite()).map_or(String::new(), |x| format!(", explodes x{}", plain(x)));
    let text = format!("NFE {}{wide}", cell.evaluations);
    layers.push(Layer::Text { x, y: area.y_scale.at(inset / h), text, colour: theme.muted() });
}

/// The distance above which a sampler has failed, so that it must not flatten the curves of the others.
fn off_the_scale(distances: &[f64]) -> f64 {
    let mut sorted = distances.to_vec();
    sorted.sort_by(f64::total_cmp);
    30.0 * sorted.get(sorted.len() / 2).copied().unwrap_or(f64::INFINITY)
}

/// The distance against the evaluations of the score, one curve a sampler.
pub fn curves(asked: &Comparison<'_>, look: Look) -> Result<Drawing> {
    let theme = look.theme;
    let seen = |c: &&Shown<'_>| c.distance.is_some_and(|d| d.is_finite() && d > 0.0);
    let cells: Vec<&Shown<'_>> = asked.cells.iter().filter(seen).collect();
    let nfe: Vec<f64> = cells.iter().map(|c| c.evaluations as f64).collect();
    let distances: Vec<f64> = cells.iter().filter_map(|c| c.distance).collect();
    let most = off_the_scale(&distances);
    let mut ends: Vec<f64> = distances.iter().copied().filter(|d| *d <= most).collect();
    ends.extend(asked.floor.iter().map(|(mean, _)| *mean));
    let (xs, ys) = (range_of(&nfe, 0.04, true), range_of(&ends, 0.05, true));
    // room for the floor's label
    let ys = (Scale::new(ys, true).at(-0.06), ys.1);
    let x = Axis::new(xs, "evaluations of the score (NFE)").log(true);
    let mut panel = Panel::chart(x, Axis::new(ys, asked.metric.as_str()).log(true));
    if let Some((mean, sd)) = asked.floor {
        let (low, high) = (vec![(mean - 3.0 * sd).max(ys.0); 2], vec![mean + 3.0 * sd; 2]);
        let colour = theme.floor();
        panel.layers.push(Layer::Band { xs: vec![xs.0, xs.1], low, high, colour: colour.with_alpha(0.16) });
    }
    for (i, row) in asked.cells.chunks(asked.per_row).enumerate() {
        let colour = theme.category(i);
        let shown: Vec<&Shown<'_>> = row.iter().filter(seen).collect();
        let xs: Vec<f64> = shown.iter().map(|c| c.evaluations as f64).collect();
        let ys: Vec<f64> = shown.iter().filter_map(|c| c.distance).collect();
        // there are eight colours
        let dashed = i >= 8;
        panel.layers.push(Layer::Line { xs: xs.clone(), ys: ys.clone(), colour, width: 1.4, dashed });
        panel.layers.push(Layer::Points { xs, ys, colour, radius: 2.3 });
        let key = if dashed { Key::Dashed(colour) } else { Key::Line(colour, 1.4) };
        panel.legend.push((key, row.first().map_or("", |c| c.sampler).to_owned()));
    }
    if let Some((mean, sd)) = asked.floor {
        let label = format!("floor {} ± {}", plain(mean), plain(sd));
        panel.layers.push(Layer::HorizontalLine { y: mean, label, colour: theme.floor(), dashed: true });
    }
    let caption = format!(
        "{} samples in each point; grid {}. The floor is the distance of two true samples, its band three standard \
         deviations.{}",
        grouped(asked.n as u64),
        asked.grid,
        if distances.iter().any(|d| *d > most) { " What leaves the picture at the top is off the scale." } else { "" },
    );
    let title = format!("Error against cost, {}", asked.subject.name);
    let mut figure = Figure::new(look.width, theme, title, caption);
    figure.panels.push(panel);
    figure.draw()
}
