//! The inside of a panel: its ground, its grid and its layers, on a sheet of exactly the panel's pixels.

use super::axes::line_thickness;
use super::canvas::{Canvas, TextStyle};
use super::colour::{Colour, Theme};
use super::figure::{Layer, Panel};
use super::layout::{Area, HEADING, Layout, NUMBER};
use super::text::{self, Align, Weight};
use crate::error::{Error, Problem, Result};

/// A sheet with the way from data to its pixels.
struct Brush<'a> {
    canvas: Canvas,
    area: &'a Area,
    unit: f64,
    theme: Theme,
    /// Missing values met so far.
    missing: u64,
}

/// Draws the inside of a panel; also returns how many values were left out.
pub(super) fn panel(panel: &Panel, area: &Area, layout: &Layout, theme: Theme) -> Result<(Canvas, u64)> {
    let canvas = Canvas::new(area.w, area.h, theme.background())?;
    let mut brush = Brush { canvas, area, unit: layout.unit, theme, missing: 0 };
    if panel.frame.has_grid() {
        brush.grid();
    }
    for layer in &panel.layers {
        brush.layer(layer)?;
    }
    Ok((brush.canvas, brush.missing))
}

impl Brush<'_> {
    fn grid(&mut self) {
        let (w, h, t) = (f64::from(self.area.w), f64::from(self.area.h), line_thickness(self.unit));
        let (colour, faint) = (self.theme.grid(), self.theme.grid().with_alpha(0.45));
        let (xs, ys) = (&self.area.x_ticks, &self.area.y_ticks);
        for (values, colour) in [(&ys.minor, faint), (&ys.major.iter().map(|v| v.0).collect(), colour)] {
            for y in values.iter().filter_map(|v| self.area.y_scale.fraction(*v)) {
                self.canvas.rectangle(0.0, ((1.0 - y) * h - t / 2.0).round(), w, t, colour);
            }
        }
        for x in xs.major.iter().filter_map(|v| self.area.x_scale.fraction(v.0)) {
            self.canvas.rectangle((x * w - t / 2.0).round(), 0.0, t, h, colour);
        }
    }

    fn layer(&mut self, layer: &Layer) -> Result<()> {
        let unit = self.unit;
        match layer {
            Layer::Raster(raster) => {
                if raster.dimensions() != (self.area.w, self.area.h) {
                    let found = format!("{} x {}", raster.width(), raster.height());
                    let problem = Problem::new("a raster does not have the size of its panel").found(found);
                    return Err(Error::bug(problem.expected(format!("{} x {}", self.area.w, self.area.h))));
                }
                self.canvas.blend(raster, 0, 0);
            }
            Layer::Points { xs, ys, colour, radius } => {
                for point in self.places(xs, ys).into_iter().flatten() {
                    if self.near(point) {
                        self.canvas.circle(point.0, point.1, radius * unit, *colour);
                    }
                }
            }
            Layer::Line { xs, ys, colour, width, dashed } => {
                let places = self.places(xs, ys);
                self.polyline(&places, width * unit, *colour, *dashed);
            }
            Layer::Path { .. } => self.path(layer),
            Layer::Arrows { .. } => self.arrows(layer),
            Layer::HorizontalLine { y, label, colour, dashed } => self.horizontal(*y, label, *colour, *dashed),
            Layer::Band { xs, low, high, colour } => self.band(xs, low, high, *colour),
            Layer::Bars { edges, heights, fill, outline } => self.bars(edges, heights, *fill, *outline),
            Layer::Text { x, y, text, colour } => self.text((*x, *y), text, *colour, NUMBER, Weight::Regular),
            Layer::Heading { x, y, text, colour } => self.text((*x, *y), text, *colour, HEADING, Weight::Bold),
        }
        Ok(())
    }

    fn text(&mut self, at: (f64, f64), text: &str, colour: Colour, size: f64, weight: Weight) {
        if let Some((x, y)) = self.place(at.0, at.1) {
            let style = TextStyle { size: size * self.unit, weight, colour, align: Align::Start, upwards: false };
            self.canvas.text(x, y, text, &style);
        }
    }

    /// The pixel of a data point; None, and counted, where there is none.
    fn place(&mut self, x: f64, y: f64) -> Option<(f64, f64)> {
        match (self.area.x_scale.fraction(x), self.area.y_scale.fraction(y)) {
            (Some(x), Some(y)) => Some((x * f64::from(self.area.w), (1.0 - y) * f64::from(self.area.h))),
            _ => {
                self.missing += 1;
                None
            }
        }
    }
    fn places(&mut self, xs: &[f64], ys: &[f64]) -> Vec<Option<(f64, f64)>> {
        xs.iter().zip(ys).map(|(x, y)| self.place(*x, *y)).collect()
    }
    /// The panel with a rim, beyond which nothing can leave a trace inside.
    fn bounds(&self) -> [f64; 4] {
        let rim = 60.0 * self.unit;
        [-rim, -rim, f64::from(self.area.w) + rim, f64::from(self.area.h) + rim]
    }
    fn near(&self, (x, y): (f64, f64)) -> bool {
        let [x0, y0, x1, y1] = self.bounds();
        (x0..=x1).contains(&x) && (y0..=y1).contains(&y)
    }

    /// Draws the stretches of a polyline between missing points, each clipped to the bounds.
    fn polyline(&mut self, places: &[Option<(f64, f64)>], width: f64, colour: Colour, dashed: bool) {
        let (bounds, dash) = (self.bounds(), dashed.then_some((4.2 * self.unit, 2.6 * self.unit)));
        let mut run: Vec<(f64, f64)> = Vec::new();
        for pair in places.windows(2) {
            let piece = if let [Some(a), Some(b)] = pair { clip(*a, *b, bounds) } else { None };
            let goes_on = piece.is_some_and(|(a, _)| run.last() == Some(&a));
            if !goes_on && !run.is_empty() {
                self.canvas.line(&run, width, colour, dash, !dashed);
                run.clear();
            }
            if let Some((a, b)) = piece {
                if run.is_empty() {
                    run.push(a);
                }
                run.push(b);
            }
        }
        if !run.is_empty() {
            self.canvas.line(&run, width, colour, dash, !dashed);
        }
    }

    fn path(&mut self, layer: &Layer) {
        let Layer::Path { xs, ys, values, map, part, width, alpha } = layer else { return };
        let places = self.places(xs, ys);
        for (pair, value) in places.windows(2).zip(values) {
            let [Some(a), Some(b)] = pair else { continue };
            if let Some((a, b)) = clip(*a, *b, self.bounds()) {
                let colour = map.at(part.0 + (part.1 - part.0) * value).with_alpha(*alpha);
                self.canvas.line(&[a, b], width * self.unit, colour, None, *alpha >= 1.0);
            }
        }
    }

    fn arrows(&mut self, layer: &Layer) {
        let Layer::Arrows { at, along, full, longest, map, part } = layer else { return };
        for (at, along) in at.iter().zip(along) {
            let Some(middle) = self.place(at.0, at.1) else { continue };
            let size = along.0.hypot(along.1);
            if !size.is_finite() {
                self.missing += 1;
                continue;
            }
            let share = if *full > 0.0 { (size / full).clamp(0.0, 1.0) } else { 0.0 };
            if size == 0.0 || share <= 0.0 || !self.near(middle) {
                continue;
            }
            let length = (share.sqrt() * longest).max(0.25 * longest) * self.unit;
            let (dx, dy) = (along.0 / size, -along.1 / size);
            let colour = map.at(part.0 + (part.1 - part.0) * share.sqrt());
            let points =
                arrow(length, (0.55 * self.unit).min(0.06 * length).max(0.4), (0.42 * length).min(4.4 * self.unit));
            let turned: Vec<(f64, f64)> =
                points.iter().map(|(u, v)| (middle.0 + u * dx - v * dy, middle.1 + u * dy + v * dx)).collect();
            self.canvas.polygon(&turned, colour);
        }
    }

    fn horizontal(&mut self, y: f64, label: &str, colour: Colour, dashed: bool) {
        let Some((_, y)) = self.place(self.area.x_scale.high, y) else { return };
        let (w, unit) = (f64::from(self.area.w), self.unit);
        if !(-1.0..=f64::from(self.area.h) + 1.0).contains(&y) {
            return;
        }
        self.polyline(&[Some((0.0, y)), Some((w, y))], 1.2 * unit, colour, dashed);
        let size = NUMBER * unit;
        let label = text::cut(label, size, Weight::Regular, w - 8.0 * unit);
        // below the line and at its beginning, where curves that come down to it leave room
        let below = y + 1.5 * size < f64::from(self.area.h);
        let baseline = if below { y + 1.15 * size } else { y - 0.45 * size };
        let wide = text::width(&label, size, Weight::Regular);
        let ground = self.theme.background().with_alpha(0.8);
        self.canvas.rectangle(unit, baseline - 0.95 * size, wide + 6.0 * unit, 1.15 * size, ground);
        let style = TextStyle { size, weight: Weight::Regular, colour, align: Align::Start, upwards: false };
        self.canvas.text(4.0 * unit, baseline, &label, &style);
    }

    fn band(&mut self, xs: &[f64], low: &[f64], high: &[f64], colour: Colour) {
        let (floor, ceiling) = (self.bounds()[3], self.bounds()[1]);
        let (below, above) = (self.places(xs, low), self.places(xs, high));
        let columns: Vec<_> = below.into_iter().zip(above).map(|(l, h)| Some((l?, h?))).collect();
        for run in columns.split(Option::is_none) {
            let pull = |(x, y): (f64, f64)| (x, y.clamp(ceiling, floor));
            let upper = run.iter().flatten().map(|pair| pull(pair.1));
            let lower = run.iter().flatten().rev().map(|pair| pull(pair.0));
            let points: Vec<(f64, f64)> = upper.chain(lower).collect();
            if points.len() > 3 {
                self.canvas.polygon(&points, colour);
            }
        }
    }

    fn bars(&mut self, edges: &[f64], heights: &[f64], fill: Colour, outline: Option<Colour>) {
        let base = if self.area.y_scale.log { self.area.y_scale.low } else { 0.0 };
        let mut steps: Vec<Option<(f64, f64)>> = Vec::new();
        for (pair, height) in edges.windows(2).zip(heights) {
            // a column of height zero is no missing value, also where zero has no logarithm
            let top = if self.area.y_scale.log && *height == 0.0 { base } else { *height };
            let (Some(a), Some(b)) = (self.place(pair[0], base), self.place(pair[1], top)) else { continue };
            self.canvas.rectangle(a.0, a.1.min(b.1), b.0 - a.0, (a.1 - b.1).abs(), fill);
            if steps.is_empty() {
                steps.push(Some(a));
            }
            steps.extend([Some((a.0, b.1)), Some(b)]);
        }
        if let (Some(colour), Some(Some(last))) = (outline, steps.last().copied()) {
            let ground = self.area.y_scale.fraction(base).map_or(last.1, |f| (1.0 - f) * f64::from(self.area.h));
            steps.push(Some((last.0, ground)));
            self.polyline(&steps, 1.1 * self.unit, colour, false);
        }
    }
}

/// The outline of an arrow of `length` along +x, centred, with a shaft of half-width `half` and a head `head` long.
fn arrow(length: f64, half: f64, head: f64) -> [(f64, f64); 7] {
    let (tail, tip, neck) = (-length / 2.0, length / 2.0, length / 2.0 - head);
    let wing = 0.42 * head + half * 0.6;
    [(tail, half), (neck, half), (neck, wing), (tip, 0.0), (neck, -wing), (neck, -half), (tail, -half)]
}

/// The part of the segment inside `[x0, y0, x1, y1]` (Liang and Barsky).
fn clip(a: (f64, f64), b: (f64, f64), [x0, y0, x1, y1]: [f64; 4]) -> Option<((f64, f64), (f64, f64))> {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let (mut enter, mut leave) = (0.0f64, 1.0f64);
    for (step, room) in [(-dx, a.0 - x0), (dx, x1 - a.0), (-dy, a.1 - y0), (dy, y1 - a.1)] {
        if step == 0.0 {
            if room < 0.0 {
                return None;
            }
        } else if step < 0.0 {
            enter = enter.max(room / step);
        } else {
            leave = leave.min(room / step);
        }
    }
    let at = |t: f64| {
        if t == 0.0 {
            a
        } else if t == 1.0 {
            b
        } else {
            (a.0 + t * dx, a.1 + t * dy)
        }
    };
    (enter <= leave).then(|| (at(enter), at(leave)))
}
