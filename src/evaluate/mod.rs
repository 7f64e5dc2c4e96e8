//! How good samples are: every metric that applies, each with its n, definition, interval and floor.
//!
//! A model is judged in data units against fresh draws of the exact law where there is one, else against the rows that
//! were held out; its score is judged in model units, where it was trained. Two files are judged against each other.
//! Where the settings ask for it, every column is divided by its standard deviation in the data first.
//!
//! Floors are real against real: independent draws of the law, or disjoint halves of the true rows.

mod compare;
mod densities;
mod discretised;
mod initial;
mod recorded;
mod scores;
mod support;
mod units;
mod verdict;

pub use compare::{Cell, Compared, Comparison, EXPLODED, compare};
pub use densities::{Ratios, log_ratios};
pub use discretised::{Discretised, discretised, discretised_with, reach_of};
pub use initial::{Initial, Level, initial_kl, own_noise};
pub use recorded::{RECORDED, recorded};
pub use scores::{ScorePair, score_pairs};
pub use verdict::Verdict;

use std::cell::RefCell;
use std::sync::Arc;

use crate::distribution::Distribution;
use crate::error::Result;
use crate::metrics::score_error::{Rows, ScoresAt};
use crate::metrics::{Column, Inputs, METRICS, Measurement, Metric, Points, Settings, draw};
use crate::random::{Purpose, Stream};
use crate::train::Dataset;
use units::Units;

/// Told what is being computed; stops everything by an error.
pub type Watch<'a> = &'a mut dyn FnMut(&str) -> Result<()>;

/// Measurements, and what a reader has to know of all of them.
#[derive(Debug, Default)]
pub struct Evaluation {
    /// In the order of [`METRICS`].
    pub measurements: Vec<Measurement>,
    /// Remarks.
    pub notes: Vec<String>,
    /// The columns of a table, with their units.
    pub columns: Vec<Column>,
    /// What the distances say together, where they have floors of their own size.
    pub verdict: Option<Verdict>,
}

/// Disjoint halves of true rows, in an order drawn anew for each pair.
struct Halves<'a> {
    rows: &'a [f32],
    dim: usize,
    seed: u64,
}

impl Halves<'_> {
    /// The most rows a half can have.
    fn most(&self) -> usize {
        self.rows.len() / self.dim / 2
    }
    /// Half `i % 2` of pair `i / 2`, with at most `n` rows.
    fn draw(&self, i: u32, n: usize) -> Vec<f32> {
        let count = self.rows.len() / self.dim;
        let mut order: Vec<usize> = (0..count).collect();
        let mut stream = Stream::new(self.seed, Purpose::Floor, i / 2, 0);
        for j in (1..count).rev() {
            order.swap(j, stream.below(j as u32 + 1) as usize);
        }
        let n = n.min(self.most());
        let half = &order[(i % 2) as usize * n..][..n];
        half.iter().flat_map(|&r| &self.rows[r * self.dim..(r + 1) * self.dim]).copied().collect()
    }
    /// Says in each floor what it was taken from.
    fn name(&self, what: &str, measurements: &mut [Measurement]) {
        for m in measurements {
            if let Some(floor) = m.floor.as_mut().filter(|f| f.of == "real against real") {
                let rows = m.n.min(self.most());
                floor.of = format!("halves of {what}, {rows} rows each");
                floor.smaller = rows < m.n;
            }
        }
    }
}

/// What was asked for by name and could not be measured, one sentence each.
fn unmeasured(settings: &Settings, measurements: &[Measurement]) -> Vec<String> {
    let asked = |m: &&Metric| settings.metrics.contains(&m.name);
    // the usual ones together are those that fit
    let all_usual = METRICS.iter().filter(|m| m.usual).all(|m| asked(&m));
    let known = |m: &&Metric| measurements.iter().any(|o| o.metric == m.name);
    let absent = METRICS.iter().filter(asked).filter(|m| !(known(m) || m.usual && all_usual));
    absent.map(|m| format!("{} is not known here: it needs {}", m.name, m.needs)).collect()
}

/// Runs every metric that its inputs allow.
fn measure(inputs: &Inputs, watch: &RefCell<Watch>) -> Result<Vec<Measurement>> {
    let mut out = Vec::new();
    for metric in METRICS.iter().filter(|m| inputs.settings.metrics.contains(&m.name)) {
        watch.borrow_mut()(metric.name)?;
        let of = |m: Measurement| Measurement { metric: metric.name, ..m };
        out.extend((metric.run)(inputs)?.into_iter().map(of));
    }
    Ok(out)
}

/// What is known of the truth behind a model.
pub struct Truth<'a> {
    /// The exact law in data units.
    pub law: Option<&'a Arc<dyn Distribution>>,
    /// The rows of the run, re-created.
    pub data: Option<&'a Dataset>,
    /// See [`score_pairs`].
    pub pairs: &'a [ScorePair],
    /// See [`log_ratios`].
    pub ratios: Option<&'a Ratios>,
}

/// The most samples that can be compared with what is known: fresh draws have no end, held-out rows have.
pub fn most_samples(truth: &Truth) -> Option<usize> {
    match (truth.law, truth.data) {
        (Some(_), _) | (None, None) => None,
        (None, Some(data)) => Some(data.held_out.len() / data.dim),
    }
}

/// True rows in data units, as the metrics want them.
struct Rowsets {
    reference: Option<Vec<f32>>,
    training: Option<Vec<f32>>,
    held_out: Option<Vec<f32>>,
    centres: Vec<f32>,
}

impl Rowsets {
    fn new(truth: &Truth, n: usize, dim: usize, seed: u64) -> Self {
        let held_out = truth.data.map(|d| d.to_data(&d.held_out)).filter(|rows| !rows.is_empty());
        let modes = truth.law.and_then(|law| law.mode_centres());
        Self {
            reference: match truth.law {
                Some(law) => Some(law.draw(seed, Purpose::Reference, 0, n)),
                None => held_out.as_ref().map(|rows| rows[..(n * dim).min(rows.len())].to_vec()),
            },
            training: truth.data.map(|d| d.to_data(&d.train)),
            held_out,
            centres: modes.iter().flat_map(|m| &m.centres).map(|&v| v as f32).collect(),
        }
    }
    /// The largest set of true rows there is, and its name.
    fn known(&self) -> Option<(&'static str, &[f32])> {
        let sets = [("the training rows", &self.training), ("fresh draws of the law", &self.reference)];
        sets.into_iter().find_map(|(name, rows)| rows.as_deref().map(|rows| (name, rows)))
    }
    /// Brings all of them to other units.
    fn divide(&mut self, units: &Units) {
        for rows in [&mut self.reference, &mut self.training, &mut self.held_out].into_iter().flatten() {
            *rows = units.divided(rows).into_owned();
        }
        self.centres = units.divided(&self.centres).into_owned();
    }
}

fn cloud<'a>(name: &'a str, rows: &'a Option<Vec<f32>>, dim: usize) -> Result<Option<Points<'a>>> {
    rows.as_deref().map(|r| Points::new(name, r, dim)).transpose()
}

/// Every metric of samples (n, D) of a model, data units. `watch` hears of each metric and each pair of a floor.
pub fn model(samples: &[f32], dim: usize, truth: &Truth, settings: &Settings, watch: Watch) -> Result<Evaluation> {
    let seed = settings.seed;
    let watch = RefCell::new(watch);
    let mut rows = Rowsets::new(truth, samples.len() / dim, dim, seed);
    let units = match (settings.standardise, rows.known()) {
        (true, Some((of, data))) => Units::of(data, dim, &settings.columns, of),
        _ => Units::own(),
    };
    let (samples, settings) = (units.divided(samples), &units.told(settings));
    rows.divide(&units);
    let halves = Halves { rows: rows.training.as_deref().unwrap_or_default(), dim, seed };
    let floor = |i: u32, n: usize| {
        watch.borrow_mut()(&format!("floor, sample {}", i + 1))?;
        match truth.law {
            // keys that differ give independent draws
            Some(law) => {
                let rows = law.draw(seed.wrapping_add((u64::from(i) + 1) << 32), Purpose::Floor, 0, n);
                Ok(units.divided(&rows).into_owned())
            }
            None => Ok(halves.draw(i, n)),
        }
    };
    let points = Points::new("samples", &samples, dim)?;
    let of = if truth.law.is_some() { "fresh draws of the law" } else { "held-out rows" };
    let reference = cloud(of, &rows.reference, dim)?;
    let (training, held_out) =
        (cloud("training rows", &rows.training, dim)?, cloud("held-out rows", &rows.held_out, dim)?);
    let modes = truth.law.and_then(|law| law.mode_centres());
    let centres = modes.map(|_| Points::new("centres of the modes", &rows.centres, dim)).transpose()?;
    let distance = truth.law.and_then(|law| law.oracle()).and_then(support::distance);
    let units = &units;
    let distance = distance.map(|to| move |row: &[f32]| to(&units.back(row)));
    let at: Vec<ScoresAt> = truth.pairs.iter().map(ScorePair::at).collect();
    let inputs = Inputs {
        reference: reference.as_ref(),
        draw: (truth.law.is_some() || halves.most() > 1).then_some(&floor),
        training: training.as_ref(),
        held_out: held_out.as_ref(),
        modes: centres.as_ref().zip(modes.map(|m| m.weights.as_slice())),
        scores: (!at.is_empty()).then_some((&at[..], Rows::Independent)),
        densities: truth.ratios.map(Ratios::view),
        support: distance.as_ref().map(|to| to as &(dyn Fn(&[f32]) -> f64 + Sync)),
        settings: settings.clone(),
        ..Inputs::new(&points)
    };
    let mut measurements = measure(&inputs, &watch)?;
    for m in measurements.iter_mut().filter(|m| m.name.starts_with("score error")) {
        let units = if m.parameters.is_empty() { "model units" } else { ", model units" };
        m.parameters.push_str(units);
    }
    if truth.law.is_none() {
        halves.name("the training rows", &mut measurements);
    }
    units.tell(&mut measurements);
    let verdict = verdict::verdict(&measurements, of);
    let mut notes = notes(truth);
    notes.extend(unmeasured(settings, &measurements));
    Ok(Evaluation { measurements, notes, columns: settings.columns.clone(), verdict })
}

/// What the numbers rest on.
fn notes(truth: &Truth) -> Vec<String> {
    let mut notes = Vec::new();
    match (truth.law, truth.data) {
        (Some(_), _) => {}
        (None, Some(data)) if data.held_out.is_empty() => {
            notes.push("no rows were held out: there is nothing to compare samples with".into());
        }
        (None, Some(_)) => notes.push(
            "the law of a file is not known: samples are compared with its held-out rows, and floors come from halves of \
             its training rows, which share rows between repeats"
                .into(),
        ),
        (None, None) => notes.push("neither law nor data of this model are at hand: give it its run directory".into()),
    }
    notes
}

/// Every metric of two sets of rows (n, D) and (n', D): `a` judged by `b`, at the size of the smaller one.
pub fn files(
    a: &[f32],
    b: &[f32],
    dim: usize,
    names: [&str; 2],
    settings: &Settings,
    watch: Watch,
) -> Result<Evaluation> {
    let seed = settings.seed;
    let watch = RefCell::new(watch);
    // looked at before they are divided, so that messages speak of what the files hold
    [(names[0], a), (names[1], b)].into_iter().try_for_each(|(name, rows)| Points::new(name, rows, dim).map(drop))?;
    let units = if settings.standardise { Units::of(b, dim, &settings.columns, names[1]) } else { Units::own() };
    let (a, b, settings) = (units.divided(a), units.divided(b), &units.told(settings));
    let [all_a, all_b] = [Points::new(names[0], &a, dim)?, Points::new(names[1], &b, dim)?];
    let n = all_a.rows().min(all_b.rows());
    // a file may be sorted, so the rows left out are drawn and not the last ones
    let [samples, reference] = [all_a.capped(n, seed, draw::FIRST_FILE), all_b.capped(n, seed, draw::SECOND_FILE)];
    let halves = Halves { rows: &b, dim, seed };
    let floor = |i: u32, n: usize| {
        watch.borrow_mut()(&format!("floor, sample {}", i + 1))?;
        Ok(halves.draw(i, n))
    };
    let inputs = Inputs {
        reference: Some(&reference),
        draw: (halves.most() > 1).then_some(&floor),
        settings: settings.clone(),
        ..Inputs::new(&samples)
    };
    let mut measurements = measure(&inputs, &watch)?;
    halves.name(names[1], &mut measurements);
    let mut notes = unmeasured(settings, &measurements);
    if all_a.rows() != all_b.rows() {
        notes.push(format!("{} and {} rows: {n} of each are compared", all_a.rows(), all_b.rows()));
    }
    if halves.most() < n {
        notes.push(format!(
            "{} is too short for halves of {n} rows: floors are those of fewer rows, which are larger, so there is no \
             verdict; -n {} compares as many as the floors have",
            names[1],
            halves.most()
        ));
    }
    units.tell(&mut measurements);
    let verdict = verdict::verdict(&measurements, names[1]);
    Ok(Evaluation { measurements, notes, columns: settings.columns.clone(), verdict })
}

/// A name for a log: lower case, words joined by `_`, times set apart by `/`; of a column `column/NAME/w1`.
pub fn key(measurement: &Measurement) -> String {
    if let Some(column) = &measurement.column {
        let what = measurement.name.split(' ').next().unwrap_or_default().to_lowercase();
        return format!("column/{column}/{what}");
    }
    measurement.name.to_lowercase().replace(" at t = ", "/t=").replace(' ', "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, Problem};
    use crate::metrics::testing::gaussian;

    fn quick() -> Settings {
        Settings { assignment_rows: 64, directions: 8, ..Settings::default() }
    }

    #[test]
    fn halves_share_no_row_and_change_from_pair_to_pair() {
        let rows: Vec<f32> = (0..21).map(|i| i as f32).collect();
        let halves = Halves { rows: &rows, dim: 1, seed: 3 };
        let mut both = [halves.draw(4, 100), halves.draw(5, 100)].concat();
        both.sort_by(f32::total_cmp);
        both.dedup();
        assert_eq!(both.len(), 20);
        assert_ne!(halves.draw(4, 100), halves.draw(6, 100));
    }

    #[test]
    fn like_files_are_at_the_floor_and_unlike_files_are_not() {
        let (a, b, c) = (gaussian(600, 2, 0.0, 1.0, 1), gaussian(1200, 2, 0.0, 1.0, 2), gaussian(600, 2, 1.0, 1.0, 3));
        let of = |x: &[f32]| files(x, &b, 2, ["a", "b"], &quick(), &mut |_| Ok(())).unwrap();
        let (like, unlike) = (of(&a), of(&c));
        assert_eq!(like.measurements.len(), 3);
        for (l, u) in like.measurements.iter().zip(&unlike.measurements) {
            let floor = l.floor.as_ref().unwrap();
            assert!(l.value < floor.mean + 8.0 * floor.sd && u.value > floor.mean + 8.0 * floor.sd, "{l} {u}");
            assert!(floor.of.starts_with("halves of b"));
        }
        assert_eq!(like.notes.len(), 1);
    }

    #[test]
    fn a_perfect_model_of_a_law_has_no_score_error_and_a_watcher_can_stop() {
        let law: Arc<dyn Distribution> = Arc::from(crate::distribution::parse("8gaussians").unwrap());
        let samples = law.draw(9, Purpose::Test, 0, 500);
        let exact = vec![0.5f32; 64];
        let pair = |time| ScorePair { time, model: exact.clone(), exact: exact.clone() };
        let pairs = [pair(0.1), pair(1.0)];
        let truth = Truth { law: Some(&law), data: None, pairs: &pairs, ratios: None };
        let said = model(&samples, 2, &truth, &quick(), &mut |_| Ok(())).unwrap();
        let find = |name: &str| said.measurements.iter().find(|m| m.name == name).unwrap();
        assert_eq!(find("score error").value, 0.0);
        let floor = find("sliced W2").floor.clone().unwrap();
        assert!((find("sliced W2").value - floor.mean).abs() < 8.0 * floor.sd);
        assert_eq!(key(&said.measurements[said.measurements.len() - 2]), "score_error/t=1");
        let stop = |_: &str| Err(Error::interrupted(Problem::new("enough")));
        assert!(matches!(model(&samples, 2, &truth, &quick(), &mut { stop }), Err(Error::Interrupted(_))));
    }
}
