//! Figures as values: panels in a grid, each a stack of layers inside axes.
//!
//! [`Figure::layout`] says where every panel will lie before anything is drawn, so that the device can draw rasters
//! of exactly that size over exactly that range; [`Figure::draw`] then makes the picture.

use super::canvas::Canvas;
use super::colour::{Colour, ColourMap, Theme};
use super::layout::Layout;
use super::{axes, paint};
use crate::error::{Error, Problem, Result};
use image::RgbaImage;

/// The widths a figure may have, in pixels.
pub const WIDTHS: std::ops::RangeInclusive<u32> = 64..=16384;

/// A picture with title, panels and caption.
#[derive(Debug, Clone)]
pub struct Figure {
    /// Width in pixels; the height follows from the panels.
    pub width: u32,
    /// Light or dark.
    pub theme: Theme,
    /// One line at the top; may be empty.
    pub title: String,
    /// Small text at the bottom, wrapped; may be empty.
    pub caption: String,
    /// Written under the title, for all panels.
    pub legend: Vec<(Key, String)>,
    /// Panels a row.
    pub columns: usize,
    /// The panels, row by row.
    pub panels: Vec<Panel>,
}

/// One axis of a panel.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// The ends; anything unusable is widened or replaced.
    pub range: (f64, f64),
    /// The label; may be empty.
    pub label: String,
    /// Logarithmic.
    pub log: bool,
    /// Write the numbers at the ticks.
    pub numbers: bool,
}

impl Axis {
    /// A linear axis.
    pub fn new(range: (f64, f64), label: impl Into<String>) -> Self {
        Self { range, label: label.into(), log: false, numbers: true }
    }
    /// The same axis, logarithmic if `log`.
    pub fn log(mut self, log: bool) -> Self {
        self.log = log;
        self
    }
}

/// How a panel is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// A thin box around a picture.
    Boxed,
    /// Axes at the left and below, and a faint grid.
    Open,
    /// The lower axis alone, and a faint grid of verticals: histograms and rows of estimates.
    Floor,
    /// A box without ticks.
    Bare,
    /// Nothing at all: an empty place in the grid.
    Hidden,
}

impl Frame {
    /// Whether there are ticks at all.
    pub(super) fn has_ticks(self) -> bool {
        matches!(self, Self::Boxed | Self::Open | Self::Floor)
    }
    /// Whether there are ticks at the left.
    pub(super) fn has_y_ticks(self) -> bool {
        matches!(self, Self::Boxed | Self::Open)
    }
    /// Whether a grid is drawn.
    pub(super) fn has_grid(self) -> bool {
        matches!(self, Self::Open | Self::Floor)
    }
}

/// A strip beside a panel that says what its colours mean.
#[derive(Debug, Clone, PartialEq)]
pub struct ColourBar {
    /// The colours.
    pub map: ColourMap,
    /// Which part of the map is used, within 0..=1.
    pub part: (f64, f64),
    /// The values at the ends, and whether the scale is logarithmic.
    pub axis: Axis,
}

/// What stands before a legend's text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Key {
    /// A dot.
    Dot(Colour),
    /// A line of this width.
    Line(Colour, f64),
    /// A dashed line.
    Dashed(Colour),
    /// A filled square.
    Square(Colour),
}

/// A pair of axes with what is drawn between them.
#[derive(Debug, Clone)]
pub struct Panel {
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// One unit is as long in x as in y; the shorter range is widened by less than a pixel's worth, or more where
    /// the panel would become a ribbon.
    pub equal_aspect: bool,
    /// Height over width where the aspect is free.
    pub aspect: f64,
    /// A line above the panel.
    pub title: String,
    /// The frame.
    pub frame: Frame,
    /// What is drawn, from the bottom up.
    pub layers: Vec<Layer>,
    /// Written above the panel.
    pub legend: Vec<(Key, String)>,
    /// Drawn to the right.
    pub colour_bar: Option<ColourBar>,
}

impl Panel {
    /// A picture of the plane: boxed, equal aspect, linear.
    pub fn plane(x: Axis, y: Axis) -> Self {
        Self { equal_aspect: true, frame: Frame::Boxed, ..Self::chart(x, y) }
    }
    /// A picture of two columns: a plane, unless one range is so much longer than the other that a common unit would
    /// leave nothing to see.
    pub fn columns(x: Axis, y: Axis) -> Self {
        const MOST: f64 = 4.0;
        let [w, h] = [&x, &y].map(|axis| (axis.range.1 - axis.range.0).abs());
        let apart = w > MOST * h || h > MOST * w;
        Self { equal_aspect: !apart, aspect: 0.8, ..Self::plane(x, y) }
    }
    /// A chart: open axes, free aspect.
    pub fn chart(x: Axis, y: Axis) -> Self {
        Self {
            x,
            y,
            equal_aspect: false,
            aspect: 0.6,
            title: String::new(),
            frame: Frame::Open,
            layers: Vec::new(),
            legend: Vec::new(),
            colour_bar: None,
        }
    }
}

/// Something inside a panel. Coordinates are data; widths and radii are in points (see [`Layout::unit`]).
///
/// Values that are not finite, or not positive on a logarithmic axis, are left out and counted.
#[derive(Debug, Clone)]
pub enum Layer {
    /// An image of exactly the panel's pixels, blended over what is below. Row 0 is the top.
    Raster(RgbaImage),
    /// Discs.
    Points { xs: Vec<f64>, ys: Vec<f64>, colour: Colour, radius: f64 },
    /// A polyline, interrupted where a value is missing.
    Line { xs: Vec<f64>, ys: Vec<f64>, colour: Colour, width: f64, dashed: bool },
    /// A polyline whose k-th segment has the colour of `values[k]` (0..=1) in `part` of `map`.
    Path { xs: Vec<f64>, ys: Vec<f64>, values: Vec<f64>, map: ColourMap, part: (f64, f64), width: f64, alpha: f64 },
    /// Arrows from (x, y) along (u, v); lengths grow with the square root of the magnitude up to `longest` points at
    /// magnitude `full`, colours go through `part` of `map`.
    Arrows { at: Vec<(f64, f64)>, along: Vec<(f64, f64)>, full: f64, longest: f64, map: ColourMap, part: (f64, f64) },
    /// A line across the panel, with a label under its left end.
    HorizontalLine { y: f64, label: String, colour: Colour, dashed: bool },
    /// The area between two curves.
    Band { xs: Vec<f64>, low: Vec<f64>, high: Vec<f64>, colour: Colour },
    /// Columns over `edges` (one more than `heights`), standing on zero or on the panel's floor.
    Bars { edges: Vec<f64>, heights: Vec<f64>, fill: Colour, outline: Option<Colour> },
    /// A text whose baseline begins at a point.
    Text { x: f64, y: f64, text: String, colour: Colour },
    /// As [`Layer::Text`], in the size and weight of a panel's title.
    Heading { x: f64, y: f64, text: String, colour: Colour },
}

/// A finished picture.
#[derive(Debug, Clone)]
pub struct Drawing {
    /// The pixels, opaque.
    pub image: RgbaImage,
    /// How many values were left out because they are not finite or have no place on a logarithmic axis.
    pub skipped: u64,
}

impl Figure {
    /// A figure without panels yet, one panel a row.
    pub fn new(width: u32, theme: Theme, title: impl Into<String>, caption: impl Into<String>) -> Self {
        Self {
            width,
            theme,
            title: title.into(),
            caption: caption.into(),
            legend: Vec::new(),
            columns: 1,
            panels: Vec::new(),
        }
    }
    /// Where everything will lie. Depends on texts, axes, legends and colour bars, never on the layers.
    pub fn layout(&self) -> Result<Layout> {
        if !WIDTHS.contains(&self.width) {
            let problem =
                Problem::new("the width of the picture is out of range").found(format!("{} pixels", self.width));
            return Err(Error::usage(problem.expected(format!("{} to {}", WIDTHS.start(), WIDTHS.end()))));
        }
        Layout::solve(self)
    }
    /// Draws the figure. A raster that does not have the pixels of its panel is an error.
    pub fn draw(&self) -> Result<Drawing> {
        self.draw_in(&self.layout()?)
    }
    /// Draws the figure in a layout that was solved for it before, so that many frames share one.
    pub fn draw_in(&self, layout: &Layout) -> Result<Drawing> {
        let mut canvas = Canvas::new(layout.width, layout.height, self.theme.background())?;
        let mut skipped = 0;
        for (panel, area) in self.panels.iter().zip(&layout.panels).filter(|(panel, _)| panel.frame != Frame::Hidden) {
            let (inside, missing) = paint::panel(panel, area, layout, self.theme)?;
            canvas.blend(&inside.into_image(), i64::from(area.x), i64::from(area.y));
            axes::draw(&mut canvas, panel, area, layout, self.theme);
            skipped += missing;
        }
        axes::texts(&mut canvas, self, layout);
        Ok(Drawing { image: canvas.into_image(), skipped })
    }
}
