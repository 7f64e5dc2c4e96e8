//! How far a sample is from the law it should have: every number with its definition, its n and its floor.
//!
//! A distance between two finite samples is never zero, not even between two samples of one law. Each metric
//! here therefore returns a [`Measurement`]: the value, the sentence that defines it, the number of rows, a
//! 95 % interval where one can be defended, and the *floor*, which is the value two true samples of the same
//! size give. Distances are Euclidean and not squared; the energy distance says that it is the other way round.
//!
//! | file | what |
//! |---|---|
//! | `points.rs` | a validated cloud, drawing rows without replacement |
//! | `parallel.rs` | threads whose number cannot change a result; blocked distances |
//! | `sliced.rs` | sliced W2, and W2 on the line |
//! | `assignment.rs`, `certificate.rs` | linear assignment and the proof that it is optimal |
//! | `exact_w2.rs` | exact W2 of two small clouds |
//! | `columns.rs` | each column of a table by itself |
//! | `energy.rs` | energy distance with a standard error |
//! | `box_dimension.rs` | box-counting dimension of a cloud |
//! | `modes.rs` | shares of the modes against their weights |
//! | `score_error.rs` | mean square error of the score per time, and its integral |
//! | `memorisation.rs` | share of samples that sit on a training row |
//! | `transport.rs` | sliced W1, exact W1, the Sinkhorn divergence |
//! | `mmd.rs` | MMD^2 with Gaussian kernels |
//! | `neighbours.rs` | two-sample test by nearest neighbours; precision, recall, density, coverage |
//! | `histogram.rs` | total variation on a grid and of projections |
//! | `densities.rs` | KL divergences from log ratios of densities |
//! | `support.rs` | distance to the support without noise |
//! | `floor.rs` | real against real; intervals |
//! | `table.rs` | the list of all metrics, for the command line and the documentation |
//!
//! All sums are f64 in an order fixed by the data alone, so the number of threads never changes a digit.

use serde::Serialize;
use std::fmt;

pub mod assignment;
pub mod box_dimension;
pub mod certificate;
pub mod columns;
pub mod densities;
pub mod energy;
pub mod exact_w2;
pub mod floor;
pub mod histogram;
pub mod interval;
pub mod memorisation;
pub mod mmd;
pub mod modes;
pub mod neighbours;
pub mod parallel;
pub mod points;
pub mod score_error;
pub mod sliced;
pub mod support;
pub mod table;
pub mod transport;

pub use columns::Column;
pub use points::Points;
pub use table::{Inputs, METRICS, Metric};

/// The value a metric takes on data that are right, with its spread.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Floor {
    /// Mean over the repeats.
    pub mean: f64,
    /// Standard deviation of one value (not of the mean).
    pub sd: f64,
    /// How many repeats it was estimated from; 0 when it comes from a formula.
    pub repeats: usize,
    /// What was compared, such as `real against real`.
    pub of: String,
    /// Whether it is of fewer rows than the value, because there are no more: then it is too large to judge by.
    pub smaller: bool,
}

/// One number about a sample, with all that is needed to read it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measurement {
    /// Short name, such as `sliced W2`.
    pub name: String,
    /// One sentence that defines the number, with every parameter.
    pub definition: String,
    /// The number; NaN (null in JSON) when it is undefined, and then `note` says why.
    pub value: f64,
    /// How many rows of the sample it was computed from.
    pub n: usize,
    /// The parameters worth a place on the line, such as `128 directions`; may be empty.
    pub parameters: String,
    /// 95 % interval; the definition says what varies in it.
    pub interval: Option<(f64, f64)>,
    /// What the same number is for data that are right.
    pub floor: Option<Floor>,
    /// Anything else a reader has to know.
    pub note: Option<String>,
    /// The row of [`METRICS`] it came from; empty where it was computed without the table.
    pub metric: &'static str,
    /// The column it is about, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
}

impl Measurement {
    /// A measurement with neither interval nor floor nor note.
    pub fn new(name: impl Into<String>, definition: impl Into<String>, value: f64, n: usize) -> Self {
        Self {
            name: name.into(),
            definition: definition.into(),
            value,
            n,
            parameters: String::new(),
            interval: None,
            floor: None,
            note: None,
            metric: "",
            column: None,
        }
    }
    /// Whether data that are right would give as much: whether it is up to [`Floor::limit`]; nothing where that cannot be said.
    pub fn at_floor(&self) -> Option<bool> {
        self.floor
            .as_ref()
            .filter(|floor| !floor.smaller && !self.value.is_nan())
            .map(|floor| self.value <= floor.limit())
    }
    /// The same with a note added after those it already has.
    pub fn noted(mut self, note: impl Into<String>) -> Self {
        let note = note.into();
        self.note = Some(self.note.take().map_or(note.clone(), |old| format!("{old}; {note}")));
        self
    }
}

impl fmt::Display for Measurement {
    /// One line: `name  value [low, high]  floor mean +- sd (what, n = N, parameters)  note: ...`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  ", self.name)?;
        if self.value.is_nan() {
            write!(f, "undefined")?
        } else {
            write!(f, "{}", short(self.value))?
        }
        if let Some((low, high)) = self.interval {
            write!(f, " [{}, {}]", short(low), short(high))?;
        }
        let mut facts = vec![format!("n = {}", grouped(self.n))];
        if let Some(floor) = &self.floor {
            write!(f, "  floor {} +- {}", short(floor.mean), short(floor.sd))?;
            facts.insert(0, floor.of.clone());
        }
        if !self.parameters.is_empty() {
            facts.push(self.parameters.clone());
        }
        let gap = if self.floor.is_some() { " " } else { "  " };
        write!(f, "{gap}({})", facts.join(", "))?;
        self.note.as_ref().map_or(Ok(()), |note| write!(f, "  note: {note}"))
    }
}

/// Three significant digits, with an exponent outside 1e-4 to 1e6.
pub fn short(x: f64) -> String {
    let size = x.abs();
    if x == 0.0 || !x.is_finite() {
        return format!("{x}");
    }
    if !(1e-4..1e6).contains(&size) {
        return format!("{x:.2e}");
    }
    let digits = (2 - size.log10().floor() as i32).max(0) as usize;
    format!("{x:.digits$}")
}

/// A whole number with a space between groups of three digits.
pub fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(c);
    }
    out
}

/// What every metric may be told; the defaults are those of the command line.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Seed of directions, subsamples and blocks.
    pub seed: u64,
    /// Number of directions of the sliced distance (in one dimension there is only one).
    pub directions: usize,
    /// Metrics of quadratic cost draw at most this many rows.
    pub rows: usize,
    /// The exact distance, of cubic cost, draws at most this many rows.
    pub assignment_rows: usize,
    /// Pairs of true samples per floor.
    pub floor_repeats: usize,
    /// Threads; changes the time and nothing else.
    pub threads: usize,
    /// Names of the metrics to compute.
    pub metrics: Vec<&'static str>,
    /// The columns of the table that the rows come from; empty where columns have no names of their own.
    pub columns: Vec<Column>,
    /// Divide every column by its standard deviation in the data before anything is measured.
    pub standardise: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 0,
            directions: 128,
            rows: 20_000,
            assignment_rows: 2048,
            floor_repeats: 5,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            metrics: table::usual(),
            columns: Vec::new(),
            standardise: false,
        }
    }
}

/// The second number of a Philox counter of purpose `Metric`: which of the draws of this room it is.
pub(crate) mod draw {
    /// Directions of the sliced distance.
    pub const DIRECTION: u32 = 0;
    /// Random order of rows, for blocks and for subsamples.
    pub const ORDER: u32 = 1;
    /// Noise added to points at which scores are compared.
    pub const NOISE: u32 = 2;
    /// Noise that brings draws of a law to t0, where densities are compared.
    pub const AT_T0: u32 = 3;
    /// Starts of a probability flow.
    pub const AT_END: u32 = 4;
    /// Which of the clouds drawn in random order: rows of the first of two files.
    pub const FIRST_FILE: u32 = 8;
    /// Which of the clouds drawn in random order: rows of the second of two files.
    pub const SECOND_FILE: u32 = 9;
}

#[cfg(test)]
pub(crate) mod testing {
    use crate::random::{Purpose, normals, words};

    /// n rows of N(mean, sd^2) per column, a pure function of the seed.
    pub fn gaussian(n: usize, dim: usize, mean: f64, sd: f64, seed: u64) -> Vec<f32> {
        let mut out = Vec::with_capacity(n * dim);
        for i in 0..n {
            for j in 0..dim {
                let z = normals(words(seed, Purpose::Test, i as u32, 0, (j / 4) as u32));
                out.push((mean + sd * z[j % 4]) as f32);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_as_documented() {
        let mut m = Measurement::new("sliced W2", "the definition", 0.03124, 100_000);
        m.parameters = "128 directions".into();
        assert_eq!(m.to_string(), "sliced W2  0.0312  (n = 100 000, 128 directions)");
        m.interval = Some((0.029, 0.034));
        m.floor = Some(Floor { mean: 0.0208, sd: 0.0021, repeats: 5, of: "real against real".into(), smaller: false });
        let line = "sliced W2  0.0312 [0.0290, 0.0340]  floor 0.0208 +- 0.00210 \
                    (real against real, n = 100 000, 128 directions)";
        assert_eq!(m.to_string(), line);
        m.value = f64::NAN;
        let m = m.noted("undefined: duplicates").noted("more");
        assert!(m.to_string().starts_with("sliced W2  undefined ["));
        assert!(m.to_string().ends_with("  note: undefined: duplicates; more"));
    }

    #[test]
    fn numbers_are_short() {
        let said: Vec<_> = [0.0, 1.0, -12.345, 123456.0, 1.2e-7, 3e9, 0.99999].iter().map(|x| short(*x)).collect();
        assert_eq!(said, ["0", "1.00", "-12.3", "123456", "1.20e-7", "3.00e9", "1.000"]);
        assert_eq!([grouped(7), grouped(1000), grouped(1234567)], ["7", "1 000", "1 234 567"]);
    }
}
