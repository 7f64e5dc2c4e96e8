//! What a curve may use: the device, the seed, and what earlier points left for later ones.

use std::any::Any;
use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::error::{Error, Problem, Result};
use crate::metrics::interval::mean;
use crate::recording::Engine;

/// A measured point.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The value; NaN (null in files) where there is none, as the time of something that did not happen.
    #[serde(deserialize_with = "number_or_null")]
    pub value: f64,
    /// Half of its 95 % interval; 0 where it is computed.
    #[serde(deserialize_with = "number_or_null")]
    pub half_width: f64,
    /// Draws, paths or networks behind it; 0 where it is computed.
    pub n: usize,
}

fn number_or_null<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(from)?.unwrap_or(f64::NAN))
}

impl Outcome {
    /// Computed, without sampling.
    pub fn exact(value: f64) -> Self {
        Self { value, half_width: 0.0, n: 0 }
    }

    /// The mean of repetitions with its interval by Student's t.
    pub fn mean(values: &[f64]) -> Self {
        let said = mean(values);
        Self { value: said.value, half_width: said.half_width, n: said.n }
    }

    /// The median of repetitions, NaN sorted last; half of the distance between the order statistics that enclose it in
    /// 95 % of all cases, or between the extremes where there are too few.
    pub fn median(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(|a, b| a.is_nan().cmp(&b.is_nan()).then(a.total_cmp(b)));
        let n = sorted.len();
        if n == 0 {
            return Self { value: f64::NAN, half_width: f64::NAN, n };
        }
        let k = outer_rank(n);
        let value = 0.5 * (sorted[(n - 1) / 2] + sorted[n / 2]);
        Self { value, half_width: 0.5 * (sorted[n - 1 - k] - sorted[k]), n }
    }
}

/// The largest k with 2 P(Binomial(n, 1/2) <= k) <= 0.05, or 0: places k and n - 1 - k enclose the median.
fn outer_rank(n: usize) -> usize {
    let (mut term, mut sum, mut k) = (0.5f64.powi(n as i32), 0.0, 0);
    for i in 0..n / 2 {
        sum += term;
        // the lower place lies above the median with probability P(Binomial <= i), the upper one below it with the same
        if 2.0 * sum > 0.05 {
            break;
        }
        k = i;
        term *= (n - i) as f64 / (i + 1) as f64;
    }
    k
}

/// Told what goes on; stops everything by an error.
pub type Watch<'a> = &'a mut dyn FnMut(&str) -> Result<()>;

/// Opens the device when a curve first needs it, so that studies of formulas need none.
pub type Engines<'a> = &'a mut dyn FnMut() -> Result<Box<dyn Engine>>;

/// What a curve may use.
pub struct Bench<'a> {
    open: Engines<'a>,
    engine: Option<Box<dyn Engine>>,
    kept: BTreeMap<String, Box<dyn Any>>,
    /// Seed of everything random.
    pub seed: u64,
    /// Whether the whole must take minutes on two cores.
    pub quick: bool,
    /// See [`Watch`].
    pub watch: Watch<'a>,
}

impl<'a> Bench<'a> {
    /// A bench on which nothing lies yet.
    pub fn new(open: Engines<'a>, seed: u64, quick: bool, watch: Watch<'a>) -> Self {
        Self { open, engine: None, kept: BTreeMap::new(), seed, quick, watch }
    }

    /// The device, if a curve needed one.
    pub fn device(&self) -> Option<String> {
        self.engine.as_ref().map(|e| e.describe())
    }

    /// Work on the device, with the watcher, which lives beside it.
    pub fn on_device<T>(&mut self, work: impl FnOnce(&mut dyn Engine, &mut Watch<'a>) -> Result<T>) -> Result<T> {
        let mut engine = match self.engine.take() {
            Some(engine) => engine,
            None => (self.open)()?,
        };
        let outcome = work(engine.as_mut(), &mut self.watch);
        self.engine = Some(engine);
        outcome
    }

    /// Networks behind a point, unless a study says otherwise.
    pub fn seeds(&self) -> u64 {
        if self.quick { 3 } else { 8 }
    }

    /// Threads for work on the host.
    pub fn threads(&self) -> usize {
        std::thread::available_parallelism().map_or(1, usize::from)
    }

    /// What an earlier point left under `name`, or what `make` makes; `work` may change it, and it is kept for later
    /// points. An error forgets it.
    pub fn keep<K: 'static, T>(
        &mut self,
        name: &str,
        make: impl FnOnce(&mut Self) -> Result<K>,
        work: impl FnOnce(&mut Self, &mut K) -> Result<T>,
    ) -> Result<T> {
        let mut kept = match self.kept.remove(name) {
            Some(kept) => kept,
            None => Box::new(make(self)?),
        };
        let Some(value) = kept.downcast_mut::<K>() else {
            return Err(Error::bug(Problem::new(format!("two things of a study are both called `{name}`"))));
        };
        let outcome = work(self, value)?;
        self.kept.insert(name.into(), kept);
        Ok(outcome)
    }
}

/// Refuses a value of a key that is not a whole number in a range.
pub fn whole(x: f64, least: usize, most: usize, what: &str) -> Result<usize> {
    if x.fract() == 0.0 && x >= least as f64 && x <= most as f64 {
        return Ok(x as usize);
    }
    let problem = Problem::new("the value cannot be used").at("--vary").found(x);
    Err(Error::usage(problem.expected(format!("a whole number of {what}, {least} to {most}"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_has_the_interval_of_its_order_statistics() {
        // tables of the sign test: n = 8 takes the 1st and 8th, n = 9 the 2nd and 8th, n = 16 the 4th and 13th
        assert_eq!([5, 6, 8, 9, 16, 25].map(outer_rank), [0, 0, 0, 1, 3, 7]);
        let m = Outcome::median(&[3.0, 1.0, 2.0, 100.0, 4.0, 5.0, 6.0, 0.0, f64::NAN]);
        assert!(m.value == 4.0 && m.half_width == 0.5 * (100.0 - 1.0) && m.n == 9, "{m:?}");
        assert!(Outcome::median(&[f64::NAN, 1.0]).value.is_nan() && Outcome::median(&[]).value.is_nan());
    }

    #[test]
    fn what_has_no_value_is_null_in_files() {
        let text = serde_json::to_string(&Outcome { value: f64::NAN, half_width: f64::NAN, n: 3 }).unwrap();
        assert!(text.contains("null"), "{text}");
        let back: Outcome = serde_json::from_str(&text).unwrap();
        assert!(back.value.is_nan() && back.n == 3);
    }
}
