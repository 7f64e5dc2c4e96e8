//! Sweeps: quantities against a key on logarithmic axes, with the slopes that were fitted.

use super::Look;
use crate::error::Result;
use crate::render::figure::{Axis, Drawing, Figure, Key, Layer, Panel};
use crate::render::scale::range_of;

/// Colours that tell curves apart.
const COLOURS: usize = 8;

/// Curves whose intervals can still be told apart; those of more stand in the table alone.
const CROWD: usize = 4;

/// One panel.
pub struct SweepPanel {
    /// Above the panel.
    pub title: String,
    /// Labels of the axes.
    pub labels: [String; 2],
    /// The curves.
    pub curves: Vec<SweepCurve>,
}

/// One curve with its fit.
pub struct SweepCurve {
    /// In the legend.
    pub name: String,
    /// (x, y, half of the 95 % interval of y)
    pub points: Vec<(f64, f64, f64)>,
}

/// All panels of a study.
pub fn sweeps(title: &str, caption: &str, panels: &[SweepPanel], look: Look) -> Result<Drawing> {
    let mut figure = Figure::new(look.width, look.theme, title, caption);
    figure.columns = panels.len().clamp(1, 2);
    for asked in panels {
        // a start at 0 has no place on a logarithmic axis
        let seen = |p: &&(f64, f64, f64)| p.0 > 0.0 && p.1 > 0.0 && p.1.is_finite();
        let all = || asked.curves.iter().flat_map(|c| &c.points).filter(seen);
        let xs: Vec<f64> = all().map(|p| p.0).collect();
        // an interval that reaches below 0 says no more than that: it is left out, and stands in the table
        let ends = |p: &(f64, f64, f64)| if p.2 < p.1 { [p.1 - p.2, p.1 + p.2] } else { [p.1; 2] };
        let ys: Vec<f64> = all().flat_map(ends).collect();
        let [x, y] = asked.labels.clone();
        let x = Axis::new(range_of(&xs, 0.06, true), x).log(true);
        let mut panel = Panel::chart(x, Axis::new(range_of(&ys, 0.08, true), y).log(true));
        panel.title = asked.title.clone();
        panel.aspect = if panels.len() == 1 { 0.5 } else { 0.8 };
        for (i, curve) in asked.curves.iter().enumerate() {
            // as many colours as there are; then they come again, dashed
            let (colour, dashed) = (look.theme.category(i), i >= COLOURS);
            let points: Vec<_> = curve.points.iter().filter(seen).collect();
            let few = asked.curves.len() <= CROWD;
            for (x, y, half) in points.iter().filter(|p| few && p.2 > 0.0 && p.2 < p.1) {
                let (xs, ys) = (vec![*x; 2], vec![y - half, y + half]);
                panel.layers.push(Layer::Line { xs, ys, colour, width: 1.0, dashed: false });
            }
            let (xs, ys): (Vec<f64>, Vec<f64>) = points.iter().map(|p| (p.0, p.1)).unzip();
            panel.layers.push(Layer::Line { xs: xs.clone(), ys: ys.clone(), colour, width: 1.2, dashed });
            panel.layers.push(Layer::Points { xs, ys, colour, radius: 2.6 });
            let key = if dashed { Key::Dashed(colour) } else { Key::Dot(colour) };
            panel.legend.push((key, curve.name.clone()));
        }
        figure.panels.push(panel);
    }
    figure.draw()
}
