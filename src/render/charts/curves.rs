//! Curves: losses over training, losses over time against their floor, metrics with intervals.

use crate::error::Result;
use crate::render::colour::{Colour, Theme};
use crate::render::figure::{Axis, Drawing, Figure, Key, Layer, Panel};
use crate::render::scale::{Scale, plain, range_of};

/// What a series of a loss figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeriesKind {
    /// Noisy: a faint raw line under a smoothed one.
    Train,
    /// Few exact values: points joined by a line.
    HeldOut,
}

/// One curve.
#[derive(Debug, Clone)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Training steps.
    pub steps: Vec<f64>,
    /// Values at the steps.
    pub values: Vec<f64>,
    /// How it is drawn.
    pub kind: SeriesKind,
    /// A band about it, (low, high) at each step; may be empty.
    pub band: Vec<(f64, f64)>,
}

/// What a loss figure shows.
#[derive(Debug, Clone)]
pub struct LossCurves {
    /// Width in pixels.
    pub width: u32,
    /// Light or dark.
    pub theme: Theme,
    /// Title and caption; may be empty.
    pub title: String,
    /// Caption; may be empty.
    pub caption: String,
    /// The curves.
    pub series: Vec<Series>,
    /// A value no model can get below, with its standard error.
    pub floor: Option<(f64, f64)>,
    /// Logarithmic axes (x, y).
    pub log: (bool, bool),
}

/// Losses over training steps.
pub fn loss_curves(data: &LossCurves) -> Result<Drawing> {
    let floor = data.floor.map(|(value, _)| value);
    let smooth: Vec<Vec<f64>> = data
        .series
        .iter()
        .map(|s| if s.kind == SeriesKind::Train { smoothed(&s.values) } else { s.values.clone() })
        .collect();
    let xs = range_of(data.series.iter().flat_map(|s| &s.steps), 0.0, data.log.0);
    // a training that began at step 1 or 10 is shown from 0
    let xs = if !data.log.0 && xs.0 > 0.0 && xs.0 < 0.1 * xs.1 { (0.0, xs.1) } else { xs };
    let ys = y_range(data, &smooth, floor);
    let mut panel = Panel::chart(Axis::new(xs, "training step").log(data.log.0), Axis::new(ys, "loss").log(data.log.1));
    if let Some((value, error)) = data.floor {
        let colour = data.theme.floor();
        let (xs, low, high) = (vec![xs.0, xs.1], vec![value - 2.0 * error; 2], vec![value + 2.0 * error; 2]);
        let low = if data.log.1 { low.into_iter().map(|v| v.max(value * 1e-3)).collect() } else { low };
        panel.layers.push(Layer::Band { xs, low, high, colour: colour.with_alpha(0.18) });
        let range = if error > 0.0 { format!(" ± {}", plain(error)) } else { String::new() };
        let label = format!("floor {}{range}", plain(value));
        panel.layers.push(Layer::HorizontalLine { y: value, label, colour, dashed: true });
    }
    let floor_layers = std::mem::take(&mut panel.layers);
    for (i, (series, smooth)) in data.series.iter().zip(smooth).enumerate() {
        add_series(&mut panel, series, smooth, data.theme.category(i), data.width);
    }
    // on top, so that its label stays legible
    panel.layers.extend(floor_layers);
    finish(data.width, data.theme, &data.title, &data.caption, panel)
}

fn finish(width: u32, theme: Theme, title: &str, caption: &str, panel: Panel) -> Result<Drawing> {
    let mut figure = Figure::new(width, theme, title, caption);
    figure.panels.push(panel);
    figure.draw()
}

fn add_series(panel: &mut Panel, series: &Series, smooth: Vec<f64>, colour: Colour, width: u32) {
    let xs = series.steps.clone();
    if !series.band.is_empty() {
        let (low, high): (Vec<f64>, Vec<f64>) = series.band.iter().copied().unzip();
        let even = |values: Vec<f64>| if series.kind == SeriesKind::Train { smoothed(&values) } else { values };
        let (low, high) = (even(low), even(high));
        panel.layers.push(Layer::Band { xs: xs.clone(), low, high, colour: colour.with_alpha(0.2) });
    }
    match series.kind {
        SeriesKind::Train => {
            // a band says how noisy it is
            if series.band.is_empty() {
                let (raw_x, raw_y) = thinned(&series.steps, &series.values, 2 * width as usize);
                let faint = colour.with_alpha(0.22);
                panel.layers.push(Layer::Line { xs: raw_x, ys: raw_y, colour: faint, width: 0.6, dashed: false });
            }
            panel.layers.push(Layer::Line { xs, ys: smooth, colour, width: 1.5, dashed: false });
            panel.legend.push((Key::Line(colour, 1.5), series.name.clone()));
        }
        SeriesKind::HeldOut => {
            panel.layers.push(Layer::Line { xs: xs.clone(), ys: smooth.clone(), colour, width: 1.1, dashed: false });
            panel.layers.push(Layer::Points { xs, ys: smooth, colour, radius: 2.1 });
            panel.legend.push((Key::Dot(colour), series.name.clone()));
        }
    }
}

/// The vertical range: all of the smoothed and held-out values and the floor, and the raw values but their tails.
fn y_range(data: &LossCurves, smooth: &[Vec<f64>], floor: Option<f64>) -> (f64, f64) {
    let usable = |v: &&f64| v.is_finite() && (!data.log.1 || **v > 0.0);
    let mut raw: Vec<f64> = data.series.iter().flat_map(|s| &s.values).filter(usable).copied().collect();
    raw.sort_by(f64::total_cmp);
    let tail = raw.len() / 200;
    let ends = raw.get(tail).into_iter().chain(raw.get(raw.len().saturating_sub(tail + 1)));
    let (low, high) = range_of(ends.chain(smooth.iter().flatten()).chain(&floor), 0.05, data.log.1);
    match floor {
        // room for the floor's label under its line
        Some(_) if low.is_finite() => (Scale::new((low, high), data.log.1).at(-0.05), high),
        _ => (low, high),
    }
}

/// Centred moving average whose window grows from nothing to about a fortieth of the series on each side, so that
/// the steep start is not dragged behind; missing values are bridged.
fn smoothed(values: &[f64]) -> Vec<f64> {
    let (mut sums, mut counts) = (vec![0.0], vec![0usize]);
    for (i, value) in values.iter().enumerate() {
        let usable = value.is_finite();
        sums.push(sums[i] + if usable { *value } else { 0.0 });
        counts.push(counts[i] + usize::from(usable));
    }
    let mean = |i: usize| {
        let reach = (values.len() / 40).min(i / 6).min(values.len() - 1 - i);
        let (from, to) = (i - reach, i + reach + 1);
        (sums[to] - sums[from]) / (counts[to] - counts[from]) as f64
    };
    (0..values.len()).map(mean).collect()
}

/// At most about `limit` points that draw the same: the lowest and the highest of every stretch.
fn thinned(xs: &[f64], ys: &[f64], limit: usize) -> (Vec<f64>, Vec<f64>) {
    let stretch = 2 * ys.len().div_ceil(limit.max(2));
    if stretch <= 2 {
        return (xs.to_vec(), ys.to_vec());
    }
    let pairs: Vec<(f64, f64)> = xs.iter().copied().zip(ys.iter().copied()).collect();
    let mut out = Vec::new();
    for part in pairs.chunks(stretch) {
        let finite = || part.iter().enumerate().filter(|(_, p)| p.1.is_finite());
        let low = finite().min_by(|a, b| a.1.1.total_cmp(&b.1.1));
        let high = finite().max_by(|a, b| a.1.1.total_cmp(&b.1.1));
        if let (Some((i, low)), Some((j, high))) = (low, high) {
            out.extend(if i <= j { [*low, *high] } else { [*high, *low] });
        }
    }
    out.into_iter().unzip()
}

/// The loss of each time bin against the floor of the bin.
#[derive(Debug, Clone)]
pub struct TimeBins {
    /// Width in pixels.
    pub width: u32,
    /// Light or dark.
    pub theme: Theme,
    /// Title; may be empty.
    pub title: String,
    /// Caption; may be empty.
    pub caption: String,
    /// Ends of the bins, one more than there are bins.
    pub edges: Vec<f64>,
    /// The model's loss in each bin.
    pub losses: Vec<f64>,
    /// The floor of each bin.
    pub floors: Vec<f64>,
    /// Logarithmic loss axis.
    pub log_y: bool,
}

/// Two step curves over logarithmic time; the area between them is what training could still gain.
pub fn time_bins(data: &TimeBins) -> Result<Drawing> {
    let (theme, colour) = (data.theme, data.theme.category(0));
    let xs: Vec<f64> = data.edges.windows(2).flat_map(|pair| [pair[0], pair[1]]).collect();
    let steps = |values: &[f64]| -> Vec<f64> { values.iter().flat_map(|v| [*v, *v]).collect() };
    let (losses, floors) = (steps(&data.losses), steps(&data.floors));
    let x = Axis::new(range_of(&data.edges, 0.0, true), "time t").log(true);
    let all: Vec<f64> = data.losses.iter().chain(&data.floors).copied().collect();
    let (low, high) = range_of(&all, 0.06, data.log_y);
    // losses are shown from 0, unless one is below it
    let positive = !data.log_y && all.iter().all(|v| v.is_nan() || *v >= 0.0);
    let y = Axis::new((if positive { 0.0 } else { low }, high), "loss in the bin").log(data.log_y);
    let mut panel = Panel::chart(x, y);
    panel.legend = vec![
        (Key::Line(colour, 1.5), "model".to_owned()),
        (Key::Dashed(theme.floor()), "floor".to_owned()),
        (Key::Square(colour.with_alpha(0.22)), "excess".to_owned()),
    ];
    panel.layers = vec![
        Layer::Band { xs: xs.clone(), low: floors.clone(), high: losses.clone(), colour: colour.with_alpha(0.16) },
        Layer::Line { xs: xs.clone(), ys: floors, colour: theme.floor(), width: 1.2, dashed: true },
        Layer::Line { xs, ys: losses, colour, width: 1.5, dashed: false },
    ];
    finish(data.width, theme, &data.title, &data.caption, panel)
}

/// One row of [`metric_bars`].
#[derive(Debug, Clone)]
pub struct MetricBar {
    /// Name of the model or setting.
    pub name: String,
    /// The estimate.
    pub value: f64,
    /// Its interval.
    pub interval: (f64, f64),
    /// What two samples of the truth would give.
    pub floor: f64,
}

/// One estimate a row, as a dot with its interval; the grey strip below each is the floor.
pub fn metric_bars(
    width: u32,
    theme: Theme,
    title: &str,
    caption: &str,
    metric: &str,
    rows: &[MetricBar],
) -> Result<Drawing> {
    let ends =
        rows.iter().flat_map(|r| [r.value, r.interval.0, r.interval.1, r.floor]).chain([0.0]).collect::<Vec<_>>();
    let (_, high) = range_of(&ends, 0.08, false);
    let count = rows.len().max(1) as f64;
    let mut panel = Panel::chart(Axis::new((0.0, high), metric), Axis::new((0.0, count), ""));
    panel.y.numbers = false;
    panel.frame = crate::render::figure::Frame::Floor;
    panel.aspect = (0.075 * count + 0.04).clamp(0.12, 2.0);
    panel.legend = vec![
        (Key::Dot(theme.category(0)), metric.to_owned()),
        (Key::Square(theme.floor().with_alpha(0.35)), "floor".to_owned()),
    ];
    let x = Scale::new((0.0, high), false);
    for (i, row) in rows.iter().enumerate() {
        let y = count - 0.62 - i as f64;
        let line = |a: f64, b: f64, colour, width| Layer::Line {
            xs: vec![a, b],
            ys: vec![y; 2],
            colour,
            width,
            dashed: false,
        };
        panel.layers.push(line(0.0, row.floor, theme.floor().with_alpha(0.35), 6.0));
        panel.layers.push(line(row.interval.0, row.interval.1, theme.category(0), 1.3));
        panel.layers.push(Layer::Points { xs: vec![row.value], ys: vec![y], colour: theme.category(0), radius: 3.2 });
        panel.layers.push(Layer::Text {
            x: x.at(0.012),
            y: y + 0.26,
            text: row.name.clone(),
            colour: theme.foreground(),
        });
    }
    finish(width, theme, title, caption, panel)
}
