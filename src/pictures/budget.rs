//! An error in parts: stacked bars, and every part with its interval on a logarithmic axis.

use super::Look;
use crate::error::Result;
use crate::render::Colour;
use crate::render::figure::{Axis, Drawing, Figure, Frame, Key, Layer, Panel};
use crate::render::scale::{Scale, plain, range_of};

/// One stacked bar: a label and its parts in order, by name; parts that are not positive have no length.
pub struct Stack {
    /// What the bar is.
    pub label: String,
    /// (name, nats)
    pub parts: Vec<(String, f64)>,
}

/// One part with its interval.
pub struct Estimate {
    /// Its name, by which it has the colour of the bar.
    pub name: String,
    /// Nats.
    pub value: f64,
    /// 95 % interval.
    pub interval: (f64, f64),
}

/// Stacked bars over one another, and the estimates below them.
pub fn budget(title: &str, caption: &str, stacks: &[Stack], estimates: &[Estimate], look: Look) -> Result<Drawing> {
    let mut names: Vec<&str> = estimates.iter().map(|e| e.name.as_str()).collect();
    for name in stacks.iter().flat_map(|s| &s.parts).map(|(name, _)| name.as_str()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let colour = |name: &str| look.theme.category(names.iter().position(|n| *n == name).unwrap_or(0));
    let mut figure = Figure::new(look.width, look.theme, title, caption);
    let shown = |name: &&&str| stacks.iter().any(|s| s.parts.iter().any(|(n, v)| n == **name && *v > 0.0));
    figure.legend = names.iter().filter(shown).map(|n| (Key::Square(colour(n)), (*n).to_owned())).collect();
    figure.panels.push(bars(stacks, &colour, look));
    figure.panels.push(dots(estimates, &colour, look));
    figure.draw()
}

/// A row for each of `count` things, from the top.
fn rows(panel: &mut Panel, count: usize) {
    panel.y.numbers = false;
    panel.frame = Frame::Floor;
    panel.aspect = (0.07 * count as f64 + 0.04).clamp(0.1, 1.5);
}

fn bars(stacks: &[Stack], colour: &dyn Fn(&str) -> Colour, look: Look) -> Panel {
    let count = stacks.len().max(1) as f64;
    let total = |s: &Stack| s.parts.iter().map(|(_, v)| v.max(0.0)).sum::<f64>();
    let most = stacks.iter().map(total).fold(1e-12, f64::max);
    let mut panel = Panel::chart(Axis::new((0.0, 1.12 * most), "nats"), Axis::new((0.0, count), ""));
    rows(&mut panel, stacks.len());
    for (i, stack) in stacks.iter().enumerate() {
        let y = count - i as f64;
        let mut from = 0.0;
        for (name, value) in stack.parts.iter().filter(|(_, v)| *v > 0.0) {
            let (xs, to) = (vec![from, from + value], from + value);
            panel.layers.push(Layer::Band {
                xs,
                low: vec![y - 0.86; 2],
                high: vec![y - 0.42; 2],
                colour: colour(name),
            });
            from = to;
        }
        let text = format!("{}: {} nats", stack.label, plain(from));
        panel.layers.push(Layer::Text { x: 0.004 * most, y: y - 0.34, text, colour: look.theme.foreground() });
    }
    panel
}

fn dots(estimates: &[Estimate], colour: &dyn Fn(&str) -> Colour, look: Look) -> Panel {
    let positive: Vec<f64> =
        estimates.iter().flat_map(|e| [e.value, e.interval.1]).filter(|v| *v > 0.0 && v.is_finite()).collect();
    let (low, high) = range_of(&positive, 0.06, true);
    let low = low.max(high * 1e-9);
    let count = estimates.len().max(1) as f64;
    let label = "nats, logarithmic; with 95 % intervals";
    let mut panel = Panel::chart(Axis::new((low, high), label).log(true), Axis::new((0.0, count), ""));
    rows(&mut panel, estimates.len());
    let x = Scale::new((low, high), true);
    for (i, e) in estimates.iter().enumerate() {
        let (y, colour) = (count - 0.66 - i as f64, colour(&e.name));
        let xs = vec![e.interval.0.max(low), e.interval.1.max(low)];
        panel.layers.push(Layer::Line { xs, ys: vec![y; 2], colour, width: 1.6, dashed: false });
        panel.layers.push(Layer::Points { xs: vec![e.value], ys: vec![y], colour, radius: 3.2 });
        let text = format!("{} {}", e.name, plain(e.value));
        panel.layers.push(Layer::Text { x: x.at(0.008), y: y + 0.24, text, colour: look.theme.foreground() });
    }
    panel
}
