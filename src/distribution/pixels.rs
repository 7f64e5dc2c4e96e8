//! Densities given by a picture: constant in each pixel, convolved with noise through two one-dimensional tables.

use super::boxes::axis;
use super::{Distribution, Form, LogSum, Modes, Oracle, cumulative, draw_rows, pick};
use crate::error::{Error, Problem, Result};
use crate::random::{Purpose, Stream};

/// A density on a rectangle, constant in each pixel of a `width` x `height` grid. Two-dimensional.
#[derive(Debug, Clone)]
pub struct PixelDensity {
    width: usize,
    height: usize,
    /// Masses adding to 1, bottom row first.
    mass: Vec<f64>,
    cumulative: Vec<f64>,
    corner: [f64; 2],
    pitch: [f64; 2],
    label: String,
}

impl PixelDensity {
    /// A density from `mass` (height, width), row-major, top row first, not negative, in any unit.
    ///
    /// The picture is centred at the origin and its longer side covers [-3, 3]; x to the right, y upwards.
    pub fn new(width: usize, height: usize, mass: &[f64], label: impl Into<String>) -> Result<Self> {
        let label = label.into();
        let refuse = |what: &str| Error::data(Problem::new(what).at(&label));
        if width == 0 || height == 0 || width.checked_mul(height) != Some(mass.len()) {
            return Err(refuse("a picture without pixels, or with a wrong number of them"));
        }
        if let Some(i) = mass.iter().position(|m| !m.is_finite() || *m < 0.0) {
            let problem =
                Problem::new("a pixel has no usable mass").found(mass[i]).expected("a finite number, at least 0");
            return Err(Error::data(problem.at(format!("{label}:row {}, column {}", i / width + 1, i % width + 1))));
        }
        let total: f64 = mass.iter().sum();
        if !(total > 0.0 && total.is_finite()) {
            return Err(refuse("the picture has no mass anywhere"));
        }
        let upright: Vec<f64> = mass.chunks_exact(width).rev().flatten().map(|m| m / total).collect();
        let side = 6.0 / width.max(height) as f64;
        let corner = [-0.5 * side * width as f64, -0.5 * side * height as f64];
        Ok(Self { width, height, cumulative: cumulative(&upright), mass: upright, corner, pitch: [side; 2], label })
    }

    /// Pixels along x.
    pub fn width(&self) -> usize {
        self.width
    }
    /// Pixels along y.
    pub fn height(&self) -> usize {
        self.height
    }
    /// Masses (height, width), row-major, **bottom** row first, adding to 1.
    pub fn mass(&self) -> &[f64] {
        &self.mass
    }
    /// The lower left corner of the picture, data units.
    pub fn corner(&self) -> [f64; 2] {
        self.corner
    }
    /// Width and height of a pixel, data units.
    pub fn pitch(&self) -> [f64; 2] {
        self.pitch
    }

    /// The law of `(X - shift) / scale`, coordinate by coordinate; `shift` and `scale` (2), scale positive.
    pub fn transformed(&self, shift: &[f64], scale: &[f64]) -> Self {
        let corner = std::array::from_fn(|j| (self.corner[j] - shift[j]) / scale[j]);
        let pitch = std::array::from_fn(|j| self.pitch[j] / scale[j]);
        Self { corner, pitch, ..self.clone() }
    }

    /// `(log density, slope)` along axis `j` of each of `count` pixels.
    fn table(&self, j: usize, count: usize, x: f64, m: f64, sigma: f64) -> Vec<(f64, f64)> {
        let edge = |i: usize| self.corner[j] + self.pitch[j] * i as f64;
        (0..count).map(|i| axis(x, edge(i), edge(i + 1), m, sigma)).collect()
    }

    fn draw_row(&self, stream: &mut Stream, out: &mut [f64]) {
        let cell = pick(&self.cumulative, stream.unit());
        for (j, index) in [cell % self.width, cell / self.width].into_iter().enumerate() {
            out[j] = self.corner[j] + self.pitch[j] * (index as f64 + stream.unit());
        }
    }

    /// The sum over all pixels in logarithms: slow, for points so far away that the tables would underflow.
    fn in_logarithms(&self, columns: &[(f64, f64)], rows: &[(f64, f64)], score: &mut [f64]) -> f64 {
        let mut sum = LogSum::new(score);
        for (masses, row) in self.mass.chunks_exact(self.width).zip(rows) {
            for (mass, column) in masses.iter().zip(columns).filter(|(mass, _)| **mass > 0.0) {
                if let Some(weight) = sum.weight(mass.ln() + column.0 + row.0) {
                    sum.add(0, weight * column.1);
                    sum.add(1, weight * row.1);
                }
            }
        }
        sum.finish()
    }
}

/// A table of logarithms as its maximum, values relative to it, and the range that is not negligible.
fn relative(table: &[(f64, f64)]) -> (f64, Vec<f64>, std::ops::Range<usize>) {
    let max = table.iter().fold(f64::NEG_INFINITY, |a, b| a.max(b.0));
    let values: Vec<f64> =
        table.iter().map(|entry| if entry.0 > max - 200.0 { (entry.0 - max).exp() } else { 0.0 }).collect();
    let first = values.iter().position(|v| *v > 0.0).unwrap_or(0);
    let last = values.iter().rposition(|v| *v > 0.0).map_or(0, |i| i + 1);
    (max, values, first..last)
}

impl Oracle for PixelDensity {
    fn dim(&self) -> usize {
        2
    }

    /// `p = sum_rows b_r (sum_columns M_rc a_c)`: width + height error functions instead of width x height.
    fn score_and_log_density(&self, x: &[f64], m: f64, sigma: f64, score: &mut [f64]) -> f64 {
        let columns = self.table(0, self.width, x[0], m, sigma);
        let rows = self.table(1, self.height, x[1], m, sigma);
        let (column_max, a, across) = relative(&columns);
        let (row_max, b, along) = relative(&rows);
        let (mut p, mut dx, mut dy) = (0.0, 0.0, 0.0);
        for r in along {
            let masses = &self.mass[r * self.width..][..self.width];
            let (mut line, mut slope) = (0.0, 0.0);
            for c in across.clone() {
                let term = masses[c] * a[c];
                line += term;
                slope += term * columns[c].1;
            }
            p += b[r] * line;
            dx += b[r] * slope;
            dy += b[r] * line * rows[r].1;
        }
        // a nearest pixel without mass may leave only terms beyond the cut-off of the tables
        if p.is_nan() || p <= 1e-60 {
            return self.in_logarithms(&columns, &rows, score);
        }
        score[0] = dx / p;
        score[1] = dy / p;
        p.ln() + column_max + row_max
    }

    fn mean(&self) -> Vec<f64> {
        let mut out = vec![0.0; 2];
        for (i, mass) in self.mass.iter().enumerate() {
            out[0] += mass * (self.corner[0] + self.pitch[0] * ((i % self.width) as f64 + 0.5));
            out[1] += mass * (self.corner[1] + self.pitch[1] * ((i / self.width) as f64 + 0.5));
        }
        out
    }

    fn variances(&self) -> Vec<f64> {
        let mean = self.mean();
        let mut out = vec![self.pitch[0].powi(2) / 12.0, self.pitch[1].powi(2) / 12.0];
        for (i, mass) in self.mass.iter().enumerate() {
            for (j, index) in [i % self.width, i / self.width].into_iter().enumerate() {
                out[j] += mass * (self.corner[j] + self.pitch[j] * (index as f64 + 0.5) - mean[j]).powi(2);
            }
        }
        out
    }

    fn entropy(&self) -> Option<(f64, f64)> {
        let area = (self.pitch[0] * self.pitch[1]).ln();
        let used = self.mass.iter().filter(|m| **m > 0.0);
        Some((used.map(|m| m * (area - m.ln())).sum(), 1e-12))
    }

    fn form(&self) -> Form<'_> {
        Form::Pixels(self)
    }
}

impl Distribution for PixelDensity {
    fn name(&self) -> String {
        self.label.clone()
    }
    fn dim(&self) -> usize {
        2
    }
    fn draw(&self, seed: u64, purpose: Purpose, first: u32, n: usize) -> Vec<f32> {
        draw_rows(2, seed, purpose, first, n, &|stream, out| self.draw_row(stream, out))
    }
    fn oracle(&self) -> Option<&dyn Oracle> {
        Some(self)
    }
    fn mode_centres(&self) -> Option<&Modes> {
        None
    }
}
