//! The rows a training sees: drawn from a named distribution or read from a file, split, standardised.

use std::sync::Arc;

use crate::distribution::{Distribution, Standardised};
use crate::error::{Error, Problem, Result};
use crate::random::{Purpose, Stream};

/// Rows for training and for the held-out loss, in model units, and the way back to data units.
pub struct Dataset {
    /// How the user named it.
    pub name: String,
    /// D
    pub dim: usize,
    /// (n, D) training rows, model units.
    pub train: Vec<f32>,
    /// (n', D) held-out rows, model units.
    pub held_out: Vec<f32>,
    /// (D) data = shift + scale * model
    pub shift: Vec<f32>,
    /// (D) data = shift + scale * model
    pub scale: Vec<f32>,
    /// The exact law, in model units, where it is known.
    pub truth: Option<Arc<dyn Distribution>>,
    /// Mean variance of the coordinates, model units.
    pub variance: f64,
    /// Remarks for the user.
    pub notes: Vec<String>,
}

/// Mean and variance of each column, in f64, safe against huge values.
fn moments(rows: &[f32], dim: usize) -> (Vec<f64>, Vec<f64>) {
    let n = (rows.len() / dim) as f64;
    let mut mean = vec![0.0; dim];
    for row in rows.chunks_exact(dim) {
        mean.iter_mut().zip(row).for_each(|(m, &v)| *m += f64::from(v));
    }
    // divided last: so the mean of equal values is that value, and their variance 0, to the bit
    mean.iter_mut().for_each(|m| *m /= n);
    let mut variance = vec![0.0; dim];
    for row in rows.chunks_exact(dim) {
        variance.iter_mut().zip(row).zip(&mean).for_each(|((s, &v), m)| *s += (f64::from(v) - m).powi(2) / n);
    }
    (mean, variance)
}

/// Splits `n` rows: `share` of them, at least one, in an order drawn from the seed, are held out.
fn split(rows: Vec<f32>, dim: usize, share: f64, seed: u64) -> (Vec<f32>, Vec<f32>) {
    let n = rows.len() / dim;
    let held = ((n as f64 * share).round() as usize).min(n.saturating_sub(1));
    let mut order: Vec<usize> = (0..n).collect();
    let mut stream = Stream::new(seed, Purpose::Split, 0, 0);
    for i in (1..n).rev() {
        order.swap(i, stream.below(i as u32 + 1) as usize);
    }
    let take = |part: &[usize]| part.iter().flat_map(|&i| &rows[i * dim..(i + 1) * dim]).copied().collect();
    (take(&order[held..]), take(&order[..held]))
}

impl Dataset {
    /// `n` rows drawn from a named distribution; in data units, or in units of its own mean and deviation.
    pub fn from_distribution(
        law: Arc<dyn Distribution>,
        n: usize,
        held_out: f64,
        standardise: bool,
        seed: u64,
    ) -> Result<Self> {
        let dim = law.dim();
        let (mut shift, mut scale) = (vec![0.0; dim], vec![1.0; dim]);
        let name = law.name();
        let mut truth = law;
        if standardise {
            let moved = Standardised::from_moments(truth)?;
            shift = moved.shift().iter().map(|&v| v as f32).collect();
            scale = moved.scale().iter().map(|&v| v as f32).collect();
            truth = Arc::new(moved);
        }
        let held = ((n as f64 * held_out).round() as usize).min(n - 1);
        let rows = truth.draw(seed, Purpose::Data, 0, n);
        // rows are independent, so the last ones serve as well as any
        let (train, held_out) = rows.split_at((n - held) * dim);
        let variance = match truth.oracle() {
            Some(oracle) => oracle.variance(),
            None => moments(train, dim).1.iter().sum::<f64>() / dim as f64,
        };
        let (train, held_out) = (train.to_vec(), held_out.to_vec());
        Ok(Self {
            name,
            dim,
            train,
            held_out,
            shift,
            scale,
            truth: Some(truth),
            variance: variance.max(1e-12),
            notes: Vec::new(),
        })
    }

    /// Rows from a file: split, then brought to mean 0 and variance 1 by the training part.
    pub fn from_rows(
        name: String,
        rows: Vec<f32>,
        dim: usize,
        held_out: f64,
        standardise: bool,
        seed: u64,
    ) -> Result<Self> {
        let (mut train, mut held) = split(rows, dim, held_out, seed);
        let (mean, variance) = moments(&train, dim);
        let mut notes = Vec::new();
        let (mut shift, mut scale) = (vec![0.0f32; dim], vec![1.0f32; dim]);
        if standardise {
            shift = mean.iter().map(|&m| m as f32).collect();
            scale = variance.iter().map(|v| if *v > 0.0 { v.sqrt() as f32 } else { 1.0 }).collect();
            let constant: Vec<usize> = (0..dim).filter(|&d| variance[d] == 0.0 || scale[d] == 0.0).collect();
            constant.iter().for_each(|&d| scale[d] = 1.0);
            if !constant.is_empty() {
                notes.push(format!("{} of {dim} columns are constant; they are kept as they are", constant.len()));
            }
            for part in [&mut train, &mut held] {
                for row in part.chunks_exact_mut(dim) {
                    for (d, v) in row.iter_mut().enumerate() {
                        *v = ((f64::from(*v) - f64::from(shift[d])) / f64::from(scale[d])) as f32;
                    }
                }
            }
        }
        if let Some(bad) = train.iter().chain(&held).position(|v| !v.is_finite()) {
            return Err(Error::data(
                Problem::new("a number leaves the range of 32-bit numbers when standardised")
                    .at(&name)
                    .found(format!("value {bad}")),
            ));
        }
        let variance = moments(&train, dim).1.iter().sum::<f64>() / dim as f64;
        Ok(Self { name, dim, train, held_out: held, shift, scale, truth: None, variance: variance.max(1e-12), notes })
    }

    /// Brings rows of a file to the units of a model that was trained on others, so that it can go on with these.
    pub fn adopt(&mut self, shift: &[f32], scale: &[f32]) {
        let dim = self.dim;
        let to_model =
            |(i, v): (usize, f32)| ((f64::from(v) - f64::from(shift[i % dim])) / f64::from(scale[i % dim])) as f32;
        self.train = self.to_data(&self.train).into_iter().enumerate().map(to_model).collect();
        self.held_out = self.to_data(&self.held_out).into_iter().enumerate().map(to_model).collect();
        (self.shift, self.scale) = (shift.to_vec(), scale.to_vec());
    }

    /// Training rows.
    pub fn rows(&self) -> usize {
        self.train.len() / self.dim
    }

    /// Rows in model units brought to data units.
    pub fn to_data(&self, rows: &[f32]) -> Vec<f32> {
        let back = |(i, &v): (usize, &f32)| self.shift[i % self.dim] + self.scale[i % self.dim] * v;
        rows.iter().enumerate().map(back).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_other_data_are_brought_to_the_units_of_a_model() {
        let rows: Vec<f32> = (0..40).map(|i| (i * 7 % 11) as f32).collect();
        let mut d = Dataset::from_rows("t".into(), rows, 2, 0.25, true, 7).unwrap();
        let before = (d.to_data(&d.train), d.to_data(&d.held_out));
        d.adopt(&[1.0, 2.0], &[4.0, 0.5]);
        let after = (d.to_data(&d.train), d.to_data(&d.held_out));
        let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(near(&before.0, &after.0) && near(&before.1, &after.1) && d.scale == [4.0, 0.5]);
        assert!((d.train[0] - (before.0[0] - 1.0) / 4.0).abs() < 1e-5);
    }

    #[test]
    fn rows_are_split_once_and_standardised_by_the_training_part() {
        let rows: Vec<f32> = (0..200).flat_map(|i| [i as f32, 1e30 * i as f32, 5.0]).collect();
        let d = Dataset::from_rows("t".into(), rows.clone(), 3, 0.25, true, 7).unwrap();
        assert_eq!((d.rows(), d.held_out.len() / 3), (150, 50));
        let (mean, variance) = moments(&d.train, 3);
        assert!(mean[0].abs() < 1e-5 && (variance[0] - 1.0).abs() < 1e-5 && (variance[1] - 1.0).abs() < 1e-5);
        assert_eq!(d.notes.len(), 1);
        let mut back: Vec<i32> = d
            .to_data(&d.train)
            .chunks(3)
            .chain(d.to_data(&d.held_out).chunks(3))
            .map(|r| r[0].round() as i32)
            .collect();
        back.sort_unstable();
        assert_eq!(back, (0..200).collect::<Vec<_>>());
    }
}
