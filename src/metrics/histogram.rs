//! Total variation between histograms: in the plane and on the line on a grid, in more dimensions along random directions.

use super::floor::Z95;
use super::parallel::{self, mean_variance};
use super::points::same_dim;
use super::sliced::direction;
use super::{Measurement, Points, Settings};
use crate::error::Result;

/// Most cells an axis.
const MOST_CELLS: usize = 200;

/// Cells an axis for n rows: 2 n^(1/3) on the line, 2 n^(1/4) in the plane, so that both bias and spread fall.
pub fn cells(n: usize, dim: usize) -> usize {
    let power = if dim == 2 { 0.25 } else { 1.0 / 3.0 };
    ((2.0 * (n as f64).powf(power)).round() as usize).clamp(2, MOST_CELLS)
}

/// Even cells over what the reference covers, and one cell for everything outside.
struct Axis {
    low: f64,
    width: f64,
    cells: usize,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64>, cells: usize) -> Self {
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let width = (high - low) / cells as f64;
        Self { low, width: if width > 0.0 { width } else { 1.0 }, cells }
    }
    /// The cell of a value; nothing outside.
    fn cell(&self, value: f64) -> Option<usize> {
        let at = ((value - self.low) / self.width).floor();
        // the largest value of the reference belongs to the last cell
        let top = self.low + self.width * self.cells as f64;
        match at {
            _ if value >= self.low && (at as usize) < self.cells => Some(at as usize),
            _ if value <= top * (1.0 + 1e-12 * top.signum()) && value >= self.low => Some(self.cells - 1),
            _ => None,
        }
    }
}

/// A total variation, and the sides of the rows of the samples and of the reference.
type Compared = (f64, Vec<f64>, Vec<f64>);

/// Total variation of two lists of cells below `count`, and for every row whether its cell has too many samples (+1), too few
/// (-1) or neither: rows of samples, then of the reference.
fn compared(x: &[usize], y: &[usize], count: usize) -> Compared {
    let mut gap = vec![0.0; count];
    x.iter().for_each(|&c| gap[c] += 1.0 / x.len() as f64);
    y.iter().for_each(|&c| gap[c] -= 1.0 / y.len() as f64);
    let side = |cells: &[usize]| {
        let sign = |&c: &usize| if gap[c] == 0.0 { 0.0 } else { gap[c].signum() };
        cells.iter().map(sign).collect()
    };
    (0.5 * gap.iter().map(|g| g.abs()).sum::<f64>(), side(x), side(y))
}

fn grid(samples: &Points, reference: &Points, cells: usize) -> Compared {
    let dim = samples.dim();
    let axis = |d: usize| Axis::over(reference.data().chunks(dim).map(|r| f64::from(r[d])), cells);
    let axes: Vec<Axis> = (0..dim).map(axis).collect();
    let outside = cells.pow(dim as u32);
    let cell = |row: &[f32]| -> usize {
        let along = row.iter().zip(&axes).map(|(v, a)| a.cell(f64::from(*v)));
        along.rev().try_fold(0, |at, c| c.map(|c| at * cells + c)).unwrap_or(outside)
    };
    let all = |p: &Points| p.data().chunks(dim).map(cell).collect::<Vec<_>>();
    compared(&all(samples), &all(reference), outside + 1)
}

fn along(samples: &Points, reference: &Points, u: &[f64], cells: usize) -> Compared {
    let project = |p: &Points| -> Vec<f64> {
        p.data().chunks(u.len()).map(|r| r.iter().zip(u).map(|(x, u)| f64::from(*x) * u).sum()).collect()
    };
    let (x, y) = (project(samples), project(reference));
    let axis = Axis::over(y.iter().copied(), cells);
    let all = |v: &[f64]| v.iter().map(|v| axis.cell(*v).unwrap_or(cells)).collect::<Vec<_>>();
    compared(&all(&x), &all(&y), cells + 1)
}

/// The total variation with what each row adds to it.
fn parts(samples: &Points, reference: &Points, settings: &Settings) -> Result<(Vec<f64>, Vec<f64>, Vec<f64>)> {
    same_dim(samples, reference)?;
    let (n, dim) = (samples.rows().min(reference.rows()), samples.dim());
    if dim <= 2 {
        let (value, x, y) = grid(samples, reference, cells(n, dim));
        return Ok((vec![value], x, y));
    }
    let count = settings.directions.max(1);
    let one = |(): &mut (), i: usize| along(samples, reference, &direction(settings.seed, i as u32, dim), cells(n, 1));
    let all = parallel::map(settings.threads, count, || (), one);
    let mean = |of: fn(&Compared) -> &[f64], rows: usize| -> Vec<f64> {
        (0..rows).map(|i| all.iter().map(|a| of(a)[i]).sum::<f64>() / count as f64).collect()
    };
    Ok((all.iter().map(|a| a.0).collect(), mean(|a| &a.1, samples.rows()), mean(|a| &a.2, reference.rows())))
}

/// The value alone.
pub fn total_variation_value(samples: &Points, reference: &Points, settings: &Settings) -> Result<f64> {
    let (values, _, _) = parts(samples, reference, settings)?;
    Ok(values.iter().sum::<f64>() / values.len() as f64)
}

/// Half the summed difference of the shares of cells; in three dimensions or more the mean of that over directions.
///
/// The interval is 1.96 standard errors of the terms by which single rows move it, +-1/2 by the sign of their cell's difference,
/// and of the mean over directions; it holds where cells differ by more than chance, else the floor says all.
pub fn total_variation(samples: &Points, reference: &Points, settings: &Settings) -> Result<Measurement> {
    let (values, x, y) = parts(samples, reference, settings)?;
    let (n, m, dim) = (samples.rows(), reference.rows(), samples.dim());
    let value = values.iter().sum::<f64>() / values.len() as f64;
    let over = if values.len() > 1 { mean_variance(&values).1 / values.len() as f64 } else { 0.0 };
    let rows = 0.25 * (mean_variance(&x).1 / n as f64 + mean_variance(&y).1 / m as f64);
    let error = (rows + over).sqrt();
    let a = cells(n.min(m), dim);
    let what = match dim {
        1 => format!("{a} even cells"),
        2 => format!("{a} x {a} even cells"),
        _ => format!("{a} even cells along a direction, mean over {} uniform directions", values.len()),
    };
    let definition = format!(
        "half the sum of |share of {n} rows of {} - share of {m} of {}| over {what} of the range of the latter and one for all \
         outside; the interval is 1.96 standard errors, without the bias that the floor shows",
        samples.name(),
        reference.name()
    );
    let name = if dim <= 2 { "TV on a grid" } else { "TV of projections" };
    let mut out = Measurement::new(name, definition, value, n);
    out.interval = Some(((value - Z95 * error).max(0.0), (value + Z95 * error).min(1.0)));
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::gaussian;

    #[test]
    fn shares_of_cells_are_compared() {
        let points = |data: &'static [f32]| Points::new("p", data, 1).unwrap();
        // two rows give two or three cells over [0, 4]; n = 4: 2 * 4^(1/3) = 3.17, so 3 cells, and 9 lies outside
        let (x, y) = (points(&[0.0, 0.0, 3.9, 9.0]), points(&[0.0, 2.0, 4.0, 4.0]));
        assert_eq!(cells(4, 1), 3);
        let settings = Settings::default();
        // shares 2 0 1 | 1 against 1 1 2 | 0
        assert_eq!(total_variation_value(&x, &y, &settings).unwrap(), 0.5);
        assert_eq!(total_variation_value(&y, &y, &settings).unwrap(), 0.0);
    }

    #[test]
    fn shifted_normals_have_nearly_their_total_variation() {
        // TV(N(0, 1), N(1, 1)) = 2 Phi(1/2) - 1 = 0.38292; along a direction u it is that of a shift |<u, v>|
        let exact = 0.382_925;
        let settings = Settings::default();
        for dim in [1, 2] {
            let x = gaussian(40_000, dim, 0.0, 1.0, 51);
            let mut y = gaussian(40_000, dim, 0.0, 1.0, 52);
            y.chunks_mut(dim).for_each(|r| r[0] += 1.0);
            let [a, b] = [&x, &y].map(|d| Points::new("p", d, dim).unwrap());
            let got = total_variation(&a, &b, &settings).unwrap();
            // a grid loses a little where the densities cross, chance adds a little
            assert!((got.value - exact).abs() < 0.02, "{dim}: {}", got.value);
            let (low, high) = got.interval.unwrap();
            assert!(high - low < 0.03 && low < got.value && got.value < high);
        }
        let (x, y) = (gaussian(5000, 4, 0.0, 1.0, 53), gaussian(5000, 4, 8.0, 1.0, 54));
        let [a, b] = [&x, &y].map(|d| Points::new("p", d, 4).unwrap());
        // only directions nearly across a shift of 16 leave anything in common
        assert!(total_variation(&a, &b, &settings).unwrap().value > 0.9);
    }
}
