//! Where everything in a figure lies, in whole pixels for the panels, solved before anything is drawn.
//!
//! Panels of one figure are equally wide. The room for numbers and labels is measured from the texts themselves;
//! where a figure is too narrow for them, first the axis labels go, then the numbers
//! and with them the colour bars.

use super::figure::{Axis, Figure, Key, Panel};
use super::scale::{Scale, Ticks};
use super::text::{self, Weight};
use crate::error::{Error, Problem, Result};

/// The most panels a figure may have.
pub const MAX_PANELS: usize = 256;
/// Text sizes in points.
pub(super) const TITLE: f64 = 13.5;
pub(super) const HEADING: f64 = 11.0;
pub(super) const LABEL: f64 = 10.5;
pub(super) const NUMBER: f64 = 9.5;
pub(super) const CAPTION: f64 = 9.0;
/// Lengths in points: ticks, the space after them, the colour bar and its distance, the key of a legend entry.
pub(super) const TICK: f64 = 3.5;
pub(super) const PAD: f64 = 3.5;
pub(super) const BAR: f64 = 9.0;
pub(super) const BAR_GAP: f64 = 8.0;
pub(super) const KEY: f64 = 17.0;
pub(super) const KEY_GAP: f64 = 13.0;
const MARGIN: f64 = 11.0;
const GAP: f64 = 13.0;
/// The flattest and the steepest panel of equal aspect, as height over width.
const FLATTEST: f64 = 0.3;
const STEEPEST: f64 = 1.6;

/// The solved layout of a figure.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Width of the picture in pixels.
    pub width: u32,
    /// Height of the picture in pixels.
    pub height: u32,
    /// Pixels a point; all text, line widths and radii scale with it.
    pub unit: f64,
    /// The panels, in the figure's order.
    pub panels: Vec<Area>,
    pub(super) margin: f64,
    pub(super) title_baseline: f64,
    pub(super) legend: Vec<Vec<usize>>,
    pub(super) legend_baseline: f64,
    pub(super) caption: Vec<String>,
    pub(super) caption_baseline: f64,
}

/// The inside of a panel: the pixels that rasters fill and the ranges that belong to their outer edges.
#[derive(Debug, Clone)]
pub struct Area {
    /// Left edge in pixels.
    pub x: u32,
    /// Top edge in pixels.
    pub y: u32,
    /// Width in pixels.
    pub w: u32,
    /// Height in pixels.
    pub h: u32,
    /// The horizontal axis: `low` is the left edge of the first pixel, `high` the right edge of the last.
    pub x_scale: Scale,
    /// The vertical axis: `low` is the bottom edge of the last row, `high` the top edge of the first.
    pub y_scale: Scale,
    pub(super) x_ticks: Ticks,
    pub(super) y_ticks: Ticks,
    pub(super) bar: Option<(Scale, Ticks)>,
    pub(super) legend: Vec<Vec<usize>>,
    /// Room taken at the left, right, top and bottom, in pixels.
    pub(super) room: [f64; 4],
    pub(super) detail: Detail,
}

/// What there is room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Detail {
    pub labels: bool,
    pub numbers: bool,
}

impl Layout {
    /// `(x, y, w, h)` of panel `index`: the pixels a raster of that panel must fill.
    pub fn panel_pixels(&self, index: usize) -> Option<(u32, u32, u32, u32)> {
        self.panels.get(index).map(|a| (a.x, a.y, a.w, a.h))
    }
    /// `((x_low, x_high), (y_low, y_high))` of panel `index`, as the outer edges of its pixels.
    pub fn panel_ranges(&self, index: usize) -> Option<((f64, f64), (f64, f64))> {
        let area = self.panels.get(index)?;
        Some(((area.x_scale.low, area.x_scale.high), (area.y_scale.low, area.y_scale.high)))
    }

    pub(super) fn solve(figure: &Figure) -> Result<Self> {
        let count = figure.panels.len();
        if count == 0 || count > MAX_PANELS {
            let problem = Problem::new("the number of panels of a figure is out of range").found(count);
            return Err(Error::usage(problem.expected(format!("1 to {MAX_PANELS}"))));
        }
        let columns = figure.columns.clamp(1, count);
        for (labels, numbers) in [(true, true), (false, true)] {
            let layout = Self::attempt(figure, columns, Detail { labels, numbers });
            if f64::from(layout.panels[0].w) >= 0.45 * f64::from(figure.width) / columns as f64 {
                return Ok(layout);
            }
        }
        let layout = Self::attempt(figure, columns, Detail { labels: false, numbers: false });
        if layout.panels.iter().any(|area| area.x + area.w >= layout.width) {
            let problem =
                Problem::new("the picture is too narrow for its panels").found(format!("{} pixels", figure.width));
            return Err(Error::usage(
                problem.expected(format!("at least {} for {columns} panels a row", 20 * columns)),
            ));
        }
        Ok(layout)
    }

    fn attempt(figure: &Figure, columns: usize, detail: Detail) -> Self {
        let width = f64::from(figure.width);
        let unit = (width / (560.0 * (columns as f64).sqrt())).max(0.85);
        let (margin, gap) = ((MARGIN * unit).min(0.06 * width), (GAP * unit).min(0.12 * width / columns as f64));
        let mut sides = vec![[40.0 * unit, 6.0 * unit]; columns];
        let mut areas = Vec::new();
        for pass in 0..3 {
            let taken: f64 = sides.iter().map(|s| s[0] + s[1]).sum::<f64>() + gap * (columns - 1) as f64 + 2.0 * margin;
            let w = ((width - taken) / columns as f64).floor().max(4.0) as u32;
            areas = figure.panels.iter().map(|panel| Area::measure(panel, w, unit, detail)).collect();
            if pass < 2 {
                sides = vec![[0.0f64; 2]; columns];
                for (i, area) in areas.iter().enumerate() {
                    let side = &mut sides[i % columns];
                    *side = [side[0].max(area.room[0]), side[1].max(area.room[1])];
                }
            }
        }
        let mut layout = Self {
            width: figure.width,
            height: 0,
            unit,
            panels: areas,
            margin,
            title_baseline: 0.0,
            legend: legend_rows(&figure.legend, width - 2.0 * margin, unit),
            legend_baseline: 0.0,
            caption: Vec::new(),
            caption_baseline: 0.0,
        };
        layout.stack(figure, columns, &sides, gap);
        layout
    }

    /// Gives every panel its corner, row by row, and the figure its height.
    fn stack(&mut self, figure: &Figure, columns: usize, sides: &[[f64; 2]], gap: f64) {
        let unit = self.unit;
        let mut y = self.margin;
        if !figure.title.is_empty() {
            self.title_baseline = y + TITLE * unit * 0.85;
            y += TITLE * unit * 1.45;
        }
        if !self.legend.is_empty() {
            self.legend_baseline = y + NUMBER * unit;
            y += 1.55 * NUMBER * unit * self.legend.len() as f64 + 5.0 * unit;
        }
        for row in self.panels.chunks_mut(columns) {
            let most = |f: &dyn Fn(&Area) -> f64| row.iter().map(f).fold(0.0, f64::max);
            let (top, h, bottom) = (most(&|a| a.room[2]), most(&|a| f64::from(a.h)), most(&|a| a.room[3]));
            let mut x = self.margin;
            for (area, side) in row.iter_mut().zip(sides) {
                area.x = (x + side[0]).round() as u32;
                area.y = (y + top).ceil() as u32;
                x += side[0] + f64::from(area.w) + side[1] + gap;
            }
            y += top + h + bottom + 0.6 * gap;
        }
        y -= 0.6 * gap;
        let size = CAPTION * unit;
        self.caption = text::wrap(&figure.caption, size, Weight::Regular, f64::from(self.width) - 2.0 * self.margin);
        if !self.caption.is_empty() {
            self.caption_baseline = y + 1.9 * size;
            y = self.caption_baseline + 1.35 * size * (self.caption.len() - 1) as f64 + 0.25 * size;
        }
        self.height = (y + self.margin).ceil() as u32;
    }
}

impl Area {
    fn measure(panel: &Panel, w: u32, unit: f64, detail: Detail) -> Self {
        let (x_scale, y_scale, h) = scales(panel, w);
        let (width, height) = (f64::from(w), f64::from(h));
        let mut area = Self {
            x: 0,
            y: 0,
            w,
            h,
            x_scale,
            y_scale,
            x_ticks: Ticks::default(),
            y_ticks: Ticks::default(),
            bar: None,
            legend: Vec::new(),
            room: [0.0; 4],
            detail,
        };
        if panel.frame.has_ticks() {
            area.x_ticks = x_scale.ticks(width, 58.0 * unit, &|s| number_width(s, unit) + 0.9 * NUMBER * unit);
        }
        if panel.frame.has_y_ticks() {
            area.y_ticks = upright_ticks(&y_scale, height, if panel.equal_aspect { 58.0 } else { 40.0 }, unit);
            if panel.equal_aspect && !panel.x.log && !panel.y.log {
                area.share_step(unit);
            }
        }
        area.bar = panel.colour_bar.as_ref().map(|bar| {
            let scale = Scale::new(bar.axis.range, bar.axis.log);
            (scale, upright_ticks(&scale, height, 50.0, unit))
        });
        area.legend = legend_rows(&panel.legend, width, unit);
        area.room = area.rooms(panel, unit);
        area
    }

    /// On axes of equal aspect both directions get the coarser of the two steps.
    fn share_step(&mut self, unit: f64) {
        let apart = |ticks: &Ticks, scale: &Scale, pixels: u32| match ticks.major.as_slice() {
            [(a, _), (b, _), ..] => (b - a) / (scale.high - scale.low) * f64::from(pixels),
            _ => 0.0,
        };
        let (dx, dy) = (apart(&self.x_ticks, &self.x_scale, self.w), apart(&self.y_ticks, &self.y_scale, self.h));
        if dy > 0.0 && dx > 1.01 * dy {
            let coarse = upright_ticks(&self.y_scale, f64::from(self.h), 0.99 * dx / unit, unit);
            if coarse.major.len() > 1 {
                self.y_ticks = coarse;
            }
        } else if dx > 0.0 && dy > 1.01 * dx {
            let extent = |s: &str| number_width(s, unit) + 0.9 * NUMBER * unit;
            let coarse = self.x_scale.ticks(f64::from(self.w), 0.99 * dy, &extent);
            if coarse.major.len() > 1 {
                self.x_ticks = coarse;
            }
        }
    }

    fn rooms(&self, panel: &Panel, unit: f64) -> [f64; 4] {
        let widest = |ticks: &Ticks| ticks.major.iter().map(|t| number_width(&t.1, unit)).fold(0.0, f64::max);
        let ticks = if panel.frame.has_ticks() { TICK * unit } else { 1.0 };
        let numbers = |axis: &Axis| self.detail.numbers && axis.numbers && panel.frame.has_ticks();
        let labelled = |axis: &Axis| self.detail.labels && !axis.label.is_empty();
        let mut left = if panel.frame.has_y_ticks() { ticks } else { 1.0 };
        if numbers(&panel.y) && panel.frame.has_y_ticks() {
            left += PAD * unit + widest(&self.y_ticks);
        }
        if labelled(&panel.y) {
            left += 1.45 * LABEL * unit;
        }
        let mut bottom = ticks;
        if numbers(&panel.x) {
            bottom += (PAD + 0.95 * NUMBER) * unit;
        }
        if labelled(&panel.x) {
            bottom += 1.4 * LABEL * unit;
        }
        // half of a number at the right end hangs over
        let mut right = if numbers(&panel.x) { self.overhang(unit) } else { 1.0 };
        // without its numbers a colour bar says nothing
        if let (Some(bar), Some((_, ticks)), true) = (&panel.colour_bar, &self.bar, self.detail.numbers) {
            right = (BAR_GAP + BAR + TICK + PAD) * unit + widest(ticks);
            if labelled(&bar.axis) {
                right += 1.5 * LABEL * unit;
            }
        }
        let heading = if panel.title.is_empty() { 0.0 } else { 1.5 * HEADING * unit };
        let legend = 1.55 * NUMBER * unit * self.legend.len() as f64;
        let top = heading + legend + if legend > 0.0 { 3.0 * unit } else { 0.0 } + 1.0;
        [left, right, top.max(0.5 * NUMBER * unit), bottom]
    }

    fn overhang(&self, unit: f64) -> f64 {
        let last =
            self.x_ticks.major.last().and_then(|(v, s)| Some((self.x_scale.fraction(*v)?, number_width(s, unit))));
        last.map_or(1.0, |(part, width)| (width / 2.0 - (1.0 - part) * f64::from(self.w)).max(1.0))
    }
}

/// Scales and height of a panel `w` pixels wide.
fn scales(panel: &Panel, w: u32) -> (Scale, Scale, u32) {
    let (mut x, mut y) = (Scale::new(panel.x.range, panel.x.log), Scale::new(panel.y.range, panel.y.log));
    let width = f64::from(w);
    if !panel.equal_aspect || panel.x.log || panel.y.log {
        let aspect = if panel.aspect.is_finite() { panel.aspect.clamp(0.1, 5.0) } else { 0.6 };
        return (x, y, (width * aspect).round().max(4.0) as u32);
    }
    let widen = |scale: &mut Scale, span: f64| {
        let middle = scale.low / 2.0 + scale.high / 2.0;
        (scale.low, scale.high) = (middle - span / 2.0, middle + span / 2.0);
    };
    let ratio = (y.high - y.low) / (x.high - x.low);
    if ratio > STEEPEST {
        widen(&mut x, (y.high - y.low) / STEEPEST);
    }
    let ratio = ratio.clamp(FLATTEST, STEEPEST);
    // a whole number of rows, and exactly as many data units a row as a column
    let rows = (width * ratio - 1e-6).ceil().max(2.0);
    widen(&mut y, rows * ((x.high - x.low) / width));
    (x, y, rows as u32)
}

fn upright_ticks(scale: &Scale, pixels: f64, spacing: f64, unit: f64) -> Ticks {
    scale.ticks(pixels, spacing * unit, &|_| 1.5 * NUMBER * unit)
}

pub(super) fn number_width(label: &str, unit: f64) -> f64 {
    text::width(label, NUMBER * unit, Weight::Regular)
}

/// A legend's entries flowed into rows of `width` pixels.
fn legend_rows(entries: &[(Key, String)], width: f64, unit: f64) -> Vec<Vec<usize>> {
    let mut rows: Vec<Vec<usize>> = Vec::new();
    let mut used = f64::INFINITY;
    for (i, (_, label)) in entries.iter().enumerate() {
        let wide = number_width(label, unit) + (KEY + KEY_GAP) * unit;
        match rows.last_mut() {
            Some(row) if used + wide - KEY_GAP * unit <= width => row.push(i),
            _ => {
                rows.push(vec![i]);
                used = 0.0;
            }
        }
        used += wide;
    }
    rows
}
