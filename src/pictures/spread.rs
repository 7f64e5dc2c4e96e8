//! All pairs of a few columns of data and samples.

use super::{Look, Subject};
use crate::error::Result;
use crate::recording::Engine;
use crate::render::Colour;
use crate::render::charts::{PairPlot, pair_plot};
use crate::render::cloud::{Paint, Points, Style, cloud};
use crate::render::figure::Drawing;
use crate::render::scale::grouped;

/// Layers into which two clouds are cut.
const TURNS: usize = 6;

/// Histograms and scatters of `columns` (at most six); without samples, of the data alone.
pub fn pairs(
    engine: &mut dyn Engine,
    subject: &Subject,
    samples: Option<(&[f32], &str)>,
    columns: &[usize],
    look: Look,
) -> Result<Drawing> {
    let chosen = |rows: &[f32]| -> Vec<f64> {
        rows.chunks_exact(subject.dim).flat_map(|row| columns.iter().map(|c| f64::from(row[*c]))).collect()
    };
    let generated = samples.map_or(&[][..], |s| s.0);
    let names: Vec<String> = columns.iter().map(|c| subject.columns[*c].clone()).collect();
    let (real, made) = (chosen(&subject.rows), chosen(generated));
    let title = if samples.is_some() { format!("Data and model: {}", subject.name) } else { subject.name.clone() };
    let dim = subject.dim;
    let clouds: Vec<(&[f32], Colour)> = [(&subject.rows[..], look.theme.reference()), (generated, look.theme.accent())]
        .into_iter()
        .filter(|(rows, _)| !rows.is_empty())
        .collect();
    // as many of each, or the larger cloud would cover the other
    let count = clouds.iter().map(|(rows, _)| rows.len() / dim).min().unwrap_or(0);
    let mut caption = String::new();
    if clouds.len() > 1 {
        caption = format!("{} points of each, in turns, so that neither covers the other. ", grouped(count as u64));
    }
    if dim > columns.len() {
        caption.push_str(&format!("{} of {dim} columns; --columns chooses others.", columns.len()));
    }
    let plot =
        PairPlot { width: look.width, theme: look.theme, title, caption, names: &names, real: &real, generated: &made };
    let unit = f64::from(look.width) / 560.0 / (columns.len() as f64).sqrt();
    let mut draw = |row: usize, column: usize, area: &crate::render::Area| {
        let mut sheet = image::RgbaImage::new(area.w, area.h);
        let crowd = (count as f64 / 500.0).max(1.0);
        let radius = (1.1 * unit * crowd.powf(-0.2)).max(0.4);
        let turns = if clouds.len() > 1 { TURNS } else { 1 };
        for turn in 0..turns {
            for (rows, colour) in &clouds {
                let part = every(rows, dim, count, turn, turns);
                let style = Style { radius, paint: Paint::Plain(*colour), opacity: 0.75, exposure: None };
                let points = Points { rows: &part, dim, columns: [columns[column], columns[row]] };
                over(&mut sheet, &cloud(engine, points, area.window(), style)?);
            }
        }
        Ok(sheet)
    };
    pair_plot(&plot, Some(&mut draw))
}

/// Rows `turn`, `turn + turns`, ... of `count` rows taken evenly from all.
fn every(rows: &[f32], dim: usize, count: usize, turn: usize, turns: usize) -> Vec<f32> {
    let all = rows.len() / dim;
    let chosen = (turn..count).step_by(turns).map(|i| i * all / count);
    chosen.flat_map(|i| &rows[i * dim..(i + 1) * dim]).copied().collect()
}

/// Lays one straight-alpha raster over another of the same size.
fn over(below: &mut image::RgbaImage, above: &image::RgbaImage) {
    for (b, a) in below.pixels_mut().zip(above.pixels()) {
        let (top, under) = (f64::from(a.0[3]) / 255.0, f64::from(b.0[3]) / 255.0);
        let whole = top + under * (1.0 - top);
        if whole > 0.0 {
            for i in 0..3 {
                let mixed = f64::from(a.0[i]) * top + f64::from(b.0[i]) * under * (1.0 - top);
                b.0[i] = (mixed / whole).round() as u8;
            }
        }
        b.0[3] = (255.0 * whole).round() as u8;
    }
}
