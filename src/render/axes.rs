//! What surrounds a panel: frame, ticks, numbers, labels, legend, colour bar; and the figure's title and caption.

use super::canvas::{Canvas, TextStyle};
use super::colour::{Colour, Theme};
use super::figure::{ColourBar, Figure, Frame, Key, Panel};
use super::layout::{
    Area, BAR, BAR_GAP, CAPTION, HEADING, KEY, KEY_GAP, LABEL, Layout, NUMBER, PAD, TICK, TITLE, number_width,
};
use super::text::{self, Align, CAP_HEIGHT, Weight};

/// The panel being dressed.
struct Dress<'a> {
    canvas: &'a mut Canvas,
    panel: &'a Panel,
    area: &'a Area,
    unit: f64,
    theme: Theme,
    /// Thickness of axes and ticks, whole pixels.
    thick: f64,
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
}

/// Draws everything around one panel.
pub(super) fn draw(canvas: &mut Canvas, panel: &Panel, area: &Area, layout: &Layout, theme: Theme) {
    let (left, top) = (f64::from(area.x), f64::from(area.y));
    let mut dress = Dress {
        canvas,
        panel,
        area,
        unit: layout.unit,
        theme,
        thick: line_thickness(layout.unit),
        left,
        top,
        right: left + f64::from(area.w),
        bottom: top + f64::from(area.h),
    };
    dress.frame();
    if panel.frame.has_ticks() {
        dress.x_axis();
    }
    if panel.frame.has_y_ticks() {
        dress.y_axis();
    }
    dress.labels();
    dress.heading();
    if let Some(bar) = panel.colour_bar.as_ref().filter(|_| area.detail.numbers) {
        dress.colour_bar(bar);
    }
}

/// Thickness of axis lines in whole pixels.
pub(super) fn line_thickness(unit: f64) -> f64 {
    (0.7 * unit).round().max(1.0)
}

fn style(size: f64, colour: Colour, align: Align) -> TextStyle {
    TextStyle { size, weight: Weight::Regular, colour, align, upwards: false }
}

impl Dress<'_> {
    /// The frame lies outside the area, so that it never covers a pixel of a raster.
    fn frame(&mut self) {
        let (t, colour) = (self.thick, self.theme.axis());
        let (w, h) = (self.right - self.left, self.bottom - self.top);
        self.canvas.rectangle(self.left - t, self.bottom, w + t, t, colour);
        if self.panel.frame != Frame::Floor {
            self.canvas.rectangle(self.left - t, self.top, t, h, colour);
        }
        if !self.panel.frame.has_grid() {
            self.canvas.rectangle(self.left - t, self.top - t, w + 2.0 * t, t, colour);
            self.canvas.rectangle(self.right, self.top, t, h + t, colour);
        }
    }

    fn x_axis(&mut self) {
        let (t, unit, colour) = (self.thick, self.unit, self.theme.axis());
        let place = |v: f64| self.area.x_scale.fraction(v).map(|f| self.left + f * f64::from(self.area.w));
        for x in self.area.x_ticks.major.iter().filter_map(|tick| place(tick.0)) {
            self.canvas.rectangle((x - t / 2.0).round(), self.bottom + t, t, TICK * unit, colour);
        }
        if self.panel.x.log {
            for x in self.area.x_ticks.minor.iter().filter_map(|v| place(*v)) {
                self.canvas.rectangle((x - t / 2.0).round(), self.bottom + t, t, 0.55 * TICK * unit, colour);
            }
        }
        if self.panel.x.numbers && self.area.detail.numbers {
            let y = self.bottom + t + (TICK + PAD + CAP_HEIGHT * NUMBER) * unit;
            for (value, label) in &self.area.x_ticks.major {
                if let Some(x) = place(*value) {
                    self.canvas.text(x, y, label, &style(NUMBER * unit, self.theme.muted(), Align::Middle));
                }
            }
        }
    }

    fn y_axis(&mut self) {
        let (t, unit, colour) = (self.thick, self.unit, self.theme.axis());
        let place = |v: f64| self.area.y_scale.fraction(v).map(|f| self.bottom - f * f64::from(self.area.h));
        let end = self.left - t;
        for y in self.area.y_ticks.major.iter().filter_map(|tick| place(tick.0)) {
            self.canvas.rectangle(end - TICK * unit, (y - t / 2.0).round(), TICK * unit, t, colour);
        }
        if self.panel.y.log {
            for y in self.area.y_ticks.minor.iter().filter_map(|v| place(*v)) {
                self.canvas.rectangle(end - 0.55 * TICK * unit, (y - t / 2.0).round(), 0.55 * TICK * unit, t, colour);
            }
        }
        if self.panel.y.numbers && self.area.detail.numbers {
            let x = end - (TICK + PAD) * unit;
            for (value, label) in &self.area.y_ticks.major {
                if let Some(y) = place(*value) {
                    let y = y + CAP_HEIGHT * NUMBER * unit / 2.0;
                    self.canvas.text(x, y, label, &style(NUMBER * unit, self.theme.muted(), Align::End));
                }
            }
        }
    }

    fn labels(&mut self) {
        if !self.area.detail.labels {
            return;
        }
        let (size, unit) = (LABEL * self.unit, self.unit);
        let (w, h) = (self.right - self.left, self.bottom - self.top);
        if !self.panel.x.label.is_empty() {
            let label = text::cut(&self.panel.x.label, size, Weight::Regular, w + 20.0 * unit);
            let y = self.bottom + self.area.room[3] - 0.22 * size;
            self.canvas.text(self.left + w / 2.0, y, &label, &style(size, self.theme.foreground(), Align::Middle));
        }
        if !self.panel.y.label.is_empty() {
            let label = text::cut(&self.panel.y.label, size, Weight::Regular, h + 16.0 * unit);
            let upwards = TextStyle { upwards: true, ..style(size, self.theme.foreground(), Align::Middle) };
            let x = self.left - self.area.room[0] + 0.85 * size;
            self.canvas.text(x, self.top + h / 2.0, &label, &upwards);
        }
    }

    /// Title and legend, above the panel.
    fn heading(&mut self) {
        let unit = self.unit;
        let row = 1.55 * NUMBER * unit;
        let mut y = self.top - self.thick - 5.0 * unit;
        for entries in self.area.legend.iter().rev() {
            let row_of: Vec<_> = entries.iter().map(|&i| &self.panel.legend[i]).collect();
            legend_row(self.canvas, &row_of, self.left, self.right, y, unit, self.theme);
            y -= row;
        }
        if !self.panel.title.is_empty() {
            let size = HEADING * unit;
            let title = text::cut(&self.panel.title, size, Weight::Bold, self.right - self.left);
            let bold = TextStyle { weight: Weight::Bold, ..style(size, self.theme.foreground(), Align::Start) };
            self.canvas.text(self.left, y, &title, &bold);
        }
    }

    fn colour_bar(&mut self, bar: &ColourBar) {
        let Some((scale, ticks)) = &self.area.bar else { return };
        let (t, unit, h) = (self.thick, self.unit, f64::from(self.area.h));
        let (x, width) = ((self.right + BAR_GAP * unit).round(), (BAR * unit).round().max(2.0));
        for row in 0..self.area.h {
            let part = 1.0 - (f64::from(row) + 0.5) / h;
            let colour = bar.map.at(bar.part.0 + (bar.part.1 - bar.part.0) * part);
            self.canvas.rectangle(x, self.top + f64::from(row), width, 1.0, colour);
        }
        let colour = self.theme.axis();
        self.canvas.rectangle(x - t, self.top - t, width + 2.0 * t, t, colour);
        self.canvas.rectangle(x - t, self.bottom, width + 2.0 * t, t, colour);
        self.canvas.rectangle(x - t, self.top, t, h, colour);
        self.canvas.rectangle(x + width, self.top, t, h, colour);
        let mut end = x + width + t;
        for (value, label) in &ticks.major {
            let Some(y) = scale.fraction(*value).map(|f| self.bottom - f * h) else { continue };
            self.canvas.rectangle(end, (y - t / 2.0).round(), TICK * unit, t, colour);
            let (at, y) = (end + (TICK + PAD) * unit, y + CAP_HEIGHT * NUMBER * unit / 2.0);
            self.canvas.text(at, y, label, &style(NUMBER * unit, self.theme.muted(), Align::Start));
        }
        if self.area.detail.labels && !bar.axis.label.is_empty() {
            let widest = ticks.major.iter().map(|tick| number_width(&tick.1, unit)).fold(0.0, f64::max);
            end += (TICK + PAD) * unit + widest + 1.35 * LABEL * unit;
            let label = text::cut(&bar.axis.label, LABEL * unit, Weight::Regular, h + 16.0 * unit);
            let upwards = TextStyle { upwards: true, ..style(LABEL * unit, self.theme.foreground(), Align::Middle) };
            self.canvas.text(end, self.top + h / 2.0, &label, &upwards);
        }
    }
}

/// Draws the key of a legend entry in front of a text that begins `KEY` points to the right of `x`.
fn draw_key(canvas: &mut Canvas, key: Key, x: f64, y: f64, unit: f64) {
    let (a, b) = (x + 0.5 * unit, x + 12.5 * unit);
    match key {
        Key::Dot(colour) => canvas.circle((a + b) / 2.0, y, 2.6 * unit, colour),
        Key::Line(colour, width) => canvas.line(&[(a, y), (b, y)], width * unit, colour, None, true),
        Key::Dashed(colour) => {
            let dash = Some((3.4 * unit, 2.2 * unit));
            canvas.line(&[(a, y), (b + 0.5 * unit, y)], 1.2 * unit, colour, dash, false);
        }
        Key::Square(colour) => canvas.rectangle(a + 2.0 * unit, y - 4.0 * unit, 8.0 * unit, 8.0 * unit, colour),
    }
}

/// Draws one row of a legend from `x` to at most `right`.
fn legend_row(canvas: &mut Canvas, row: &[&(Key, String)], x: f64, right: f64, y: f64, unit: f64, theme: Theme) {
    let (mut x, size) = (x, NUMBER * unit);
    for (key, label) in row {
        draw_key(canvas, *key, x, y - CAP_HEIGHT * size / 2.0, unit);
        let label = text::cut(label, size, Weight::Regular, (right - x - KEY * unit).max(0.0));
        canvas.text(x + KEY * unit, y, &label, &style(size, theme.foreground(), Align::Start));
        x += (KEY + KEY_GAP) * unit + number_width(&label, unit);
    }
}

/// The figure's title and caption.
pub(super) fn texts(canvas: &mut Canvas, figure: &Figure, layout: &Layout) {
    let (unit, theme) = (layout.unit, figure.theme);
    let full = f64::from(layout.width) - layout.margin;
    if !figure.title.is_empty() {
        // flush with the first panel where the title fits there, smaller or cut where it fits nowhere
        let panel = layout.panels.first().map_or(layout.margin, |area| f64::from(area.x));
        let wide = |size: f64| text::width(&figure.title, size, Weight::Bold);
        let sizes = [TITLE, 0.92 * TITLE, 0.84 * TITLE, 0.76 * TITLE].map(|s| s * unit);
        let x = if panel + wide(sizes[0]) <= full { panel } else { layout.margin };
        let size = sizes.into_iter().find(|s| x + wide(*s) <= full).unwrap_or(sizes[3]);
        let title = text::cut(&figure.title, size, Weight::Bold, full - x);
        let bold = TextStyle { weight: Weight::Bold, ..style(size, theme.foreground(), Align::Start) };
        canvas.text(x, layout.title_baseline, &title, &bold);
    }
    let left = layout.panels.first().map_or(layout.margin, |area| f64::from(area.x));
    for (i, row) in layout.legend.iter().enumerate() {
        let (y, row) = (
            layout.legend_baseline + 1.55 * NUMBER * unit * i as f64,
            row.iter().map(|&k| &figure.legend[k]).collect::<Vec<_>>(),
        );
        legend_row(canvas, &row, if layout.legend.len() > 1 { layout.margin } else { left }, full, y, unit, theme);
    }
    let size = CAPTION * unit;
    let widest = layout.caption.iter().map(|line| text::width(line, size, Weight::Regular)).fold(0.0, f64::max);
    let x = if left + widest <= full { left } else { layout.margin };
    for (i, line) in layout.caption.iter().enumerate() {
        let y = layout.caption_baseline + 1.35 * size * i as f64;
        canvas.text(x, y, line, &style(size, theme.muted(), Align::Start));
    }
}
