//! A cloud of points that has been looked at: not empty, whole rows, no NaN and no infinity.

use super::draw;
use crate::error::{Error, Problem, Result};
use crate::random::{Purpose, Stream};
use std::borrow::Cow;

/// Rows of a data set, row-major (n, D), all finite and at least one.
#[derive(Debug, Clone)]
pub struct Points<'a> {
    name: &'a str,
    data: Cow<'a, [f32]>,
    dim: usize,
}

impl<'a> Points<'a> {
    /// Takes `data` as rows of `dim` columns; `name` is what messages call it.
    ///
    /// Refuses an empty cloud, a length that is no multiple of `dim`, and rows that hold NaN or infinity, of
    /// which it says how many there are and which is the first.
    pub fn new(name: &'a str, data: &'a [f32], dim: usize) -> Result<Self> {
        let problem = |what: &str| Problem::new(what).at(name);
        if data.is_empty() || dim == 0 {
            let found = format!("{} values in rows of {dim}", data.len());
            return Err(Error::data(problem("no points").found(found).expected("at least one row of one column")));
        }
        if !data.len().is_multiple_of(dim) || data.len() / dim > u32::MAX as usize {
            let expected = format!("a multiple of {dim}, at most 2^32 rows");
            return Err(Error::data(problem("the points do not form rows").found(data.len()).expected(expected)));
        }
        let mut bad = data.chunks_exact(dim).enumerate().filter(|(_, row)| row.iter().any(|x| !x.is_finite()));
        if let Some((first, _)) = bad.next() {
            let count = 1 + bad.count();
            let found = format!("{count} of {} rows, the first is row {first}", data.len() / dim);
            return Err(Error::data(problem("rows with NaN or infinity").found(found).expected("finite numbers")));
        }
        Ok(Self { name, data: Cow::Borrowed(data), dim })
    }
    /// What messages call this cloud.
    pub fn name(&self) -> &str {
        self.name
    }
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.data.len() / self.dim
    }
    /// Number of columns.
    pub fn dim(&self) -> usize {
        self.dim
    }
    /// All values, row after row.
    pub fn data(&self) -> &[f32] {
        &self.data
    }
    /// One row.
    pub fn row(&self, i: usize) -> &[f32] {
        &self.data[i * self.dim..(i + 1) * self.dim]
    }
    /// The mean of each column.
    pub fn mean(&self) -> Vec<f64> {
        let mut sum = vec![0.0; self.dim];
        for row in self.data.chunks_exact(self.dim) {
            sum.iter_mut().zip(row).for_each(|(s, x)| *s += f64::from(*x));
        }
        sum.iter().map(|s| s / self.rows() as f64).collect()
    }
    /// `count` rows drawn without replacement in random order (Fisher and Yates); all rows when there are fewer.
    ///
    /// `which` separates clouds drawn with one seed.
    pub fn drawn(&self, count: usize, seed: u64, which: u32) -> Points<'a> {
        let n = self.rows();
        let count = count.min(n);
        let mut order: Vec<u32> = (0..n as u32).collect();
        let mut stream = Stream::new(seed, Purpose::Metric, which, draw::ORDER);
        let mut data = Vec::with_capacity(count * self.dim);
        for i in 0..count {
            let j = i + stream.below((n - i) as u32) as usize;
            order.swap(i, j);
            data.extend_from_slice(self.row(order[i] as usize));
        }
        Points { name: self.name, data: Cow::Owned(data), dim: self.dim }
    }
    /// These rows when there are at most `cap`, else `cap` drawn ones.
    pub fn capped(&self, cap: usize, seed: u64, which: u32) -> Points<'a> {
        if self.rows() <= cap { self.clone() } else { self.drawn(cap, seed, which) }
    }
}

/// Refuses two clouds of different dimension.
pub fn same_dim(a: &Points, b: &Points) -> Result<()> {
    if a.dim() == b.dim() {
        return Ok(());
    }
    let what = format!("{} and {} have different numbers of columns", a.name(), b.name());
    Err(Error::data(Problem::new(what).found(a.dim()).expected(b.dim())))
}

/// Refuses two clouds of different size or dimension: values at different n have different floors.
pub fn same_shape(a: &Points, b: &Points) -> Result<()> {
    same_dim(a, b)?;
    if a.rows() == b.rows() {
        return Ok(());
    }
    let what = format!("{} and {} have different numbers of rows", a.name(), b.name());
    let problem = Problem::new(what).found(a.rows()).expected(b.rows());
    Err(Error::data(problem.hint("draw the same number of rows from both")))
}

/// Refuses a result that is not finite: the differences were too large for the arithmetic.
pub fn finite(name: &str, value: f64) -> Result<f64> {
    if value.is_finite() {
        return Ok(value);
    }
    let problem = Problem::new(format!("{name} overflows")).found(value).expected("values far below 1e38");
    Err(Error::data(problem.hint("standardise the columns first")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_clouds_are_refused_by_name_and_row() {
        for (data, dim) in [(vec![], 2), (vec![1.0], 0), (vec![1.0; 3], 2)] {
            assert!(matches!(Points::new("samples", &data, dim), Err(Error::Data(_))));
        }
        let mut data = vec![0.0; 20];
        data[7] = f32::NAN;
        data[12] = f32::INFINITY;
        data[13] = f32::NEG_INFINITY;
        let said = Points::new("samples", &data, 2).unwrap_err().to_string();
        assert!(said.contains("in samples") && said.contains("2 of 10 rows, the first is row 3"), "{said}");
    }

    #[test]
    fn shapes_are_compared() {
        let data = [0.0; 12];
        let a = Points::new("a", &data, 2).unwrap();
        let b = Points::new("b", &data, 3).unwrap();
        let c = Points::new("c", &data[..6], 2).unwrap();
        assert!(same_dim(&a, &b).is_err() && same_dim(&a, &c).is_ok());
        assert!(same_shape(&a, &c).is_err() && same_shape(&a, &a).is_ok());
    }

    #[test]
    fn drawn_rows_are_distinct_and_uniform() {
        let data: Vec<f32> = (0..10).map(|i| i as f32).collect();
        let points = Points::new("p", &data, 1).unwrap();
        let mut hits = [0u32; 10];
        for seed in 0..2000 {
            let mut some = points.drawn(4, seed, 0).data().to_vec();
            some.sort_by(f32::total_cmp);
            some.dedup();
            assert_eq!(some.len(), 4);
            some.iter().for_each(|x| hits[*x as usize] += 1);
        }
        // Binomial(2000, 0.4): mean 800, sd 21.9; five sd
        assert!(hits.iter().all(|h| h.abs_diff(800) < 110), "{hits:?}");
    }
}
