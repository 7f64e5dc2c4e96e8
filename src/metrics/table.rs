//! The list of all metrics; the command line and the documentation walk it.

use super::floor::real_against_real;
use super::score_error::{Rows, ScoresAt};
use super::{Floor, Measurement, Points, Settings, energy, exact_w2, memorisation, modes, score_error, sliced};
use crate::error::Result;

/// True sample `i` of `n` rows, for floors.
pub type Draw<'a> = &'a dyn Fn(u32, usize) -> Result<Vec<f32>>;

/// All that metrics may be computed from; what is absent turns off the metrics that need it.
pub struct Inputs<'a> {
    /// The generated rows.
    pub samples: &'a Points<'a>,
    /// True rows to compare with.
    pub reference: Option<&'a Points<'a>>,
    /// A source of further true samples; without it distances have no floor.
    pub draw: Option<Draw<'a>>,
    /// The rows that were trained on.
    pub training: Option<&'a Points<'a>>,
    /// True rows that were not trained on.
    pub held_out: Option<&'a Points<'a>>,
    /// Centres of the modes and their weights.
    pub modes: Option<(&'a Points<'a>, &'a [f64])>,
    /// Scores of the model and exact scores per time, and how rows of different times belong together.
    pub scores: Option<(&'a [ScoresAt<'a>], Rows)>,
    /// Seed, sizes and threads.
    pub settings: Settings,
}

impl<'a> Inputs<'a> {
    /// Samples alone, with default settings.
    pub fn new(samples: &'a Points<'a>) -> Self {
        let settings = Settings::default();
        Self {
            samples,
            reference: None,
            draw: None,
            training: None,
            held_out: None,
            modes: None,
            scores: None,
            settings,
        }
    }
}

/// One row of [`METRICS`].
pub struct Metric {
    /// The name on the command line.
    pub name: &'static str,
    /// What it is, in one line.
    pub doc: &'static str,
    /// What of [`Inputs`] it needs besides the samples.
    pub needs: &'static str,
    /// Computes it; no measurements when something it needs is absent.
    pub run: fn(&Inputs) -> Result<Vec<Measurement>>,
}

/// Every metric of the program.
pub const METRICS: &[Metric] = &[
    Metric {
        name: "sliced-w2",
        doc: "sliced Wasserstein distance W2 over random directions, not squared, for equal n up to millions",
        needs: "reference; draw for the floor",
        run: run_sliced,
    },
    Metric {
        name: "exact-w2",
        doc: "exact Wasserstein distance W2 by optimal matching, not squared, at most 4096 rows, with a certificate",
        needs: "reference; draw for the floor",
        run: run_exact,
    },
    Metric {
        name: "energy",
        doc: "energy distance, unbiased, no square root, with a standard error",
        needs: "reference; draw for the floor",
        run: run_energy,
    },
    Metric {
        name: "modes",
        doc: "total variation between the shares of the modes and their weights, with the multinomial floor",
        needs: "modes",
        run: run_modes,
    },
    Metric {
        name: "score-error",
        doc: "E|s - s*|^2 over p_t at each time and integrated over time",
        needs: "scores",
        run: run_score_error,
    },
    Metric {
        name: "memorisation",
        doc: "share of samples nearer to one training row than a third of the distance to the next",
        needs: "training; held_out for the base rate",
        run: run_memorisation,
    },
];

type Value<'a> = &'a dyn Fn(&Points, &Points) -> Result<f64>;

/// The floor of `metric` at n rows, when true samples can be drawn.
fn floor(inputs: &Inputs, n: usize, metric: Value) -> Result<Option<Floor>> {
    let Some(draw) = inputs.draw else { return Ok(None) };
    let dim = inputs.samples.dim();
    let value = |a: &[f32], b: &[f32]| {
        metric(&Points::new("true sample", a, dim)?, &Points::new("second true sample", b, dim)?)
    };
    real_against_real(inputs.settings.floor_repeats, |i| draw(i, n), value).map(Some)
}

fn run_sliced(inputs: &Inputs) -> Result<Vec<Measurement>> {
    let Some(reference) = inputs.reference else { return Ok(Vec::new()) };
    let settings = &inputs.settings;
    let mut out = sliced::sliced_w2(inputs.samples, reference, settings)?;
    out.floor = floor(inputs, out.n, &|a, b| sliced::sliced_w2_value(a, b, settings))?;
    Ok(vec![out])
}

fn run_exact(inputs: &Inputs) -> Result<Vec<Measurement>> {
    let Some(reference) = inputs.reference else { return Ok(Vec::new()) };
    let settings = &inputs.settings;
    let all = inputs.samples.rows().max(reference.rows());
    let n = settings.assignment_rows.min(exact_w2::MOST).min(inputs.samples.rows()).min(reference.rows());
    let (x, y) = (inputs.samples.capped(n, settings.seed, 6), reference.capped(n, settings.seed, 7));
    let mut out = exact_w2::exact_w2(&x, &y)?;
    if n < all {
        let said = format!(", drawn without replacement from {} and {} rows", inputs.samples.rows(), reference.rows());
        out.definition.push_str(&said);
        out = out.noted(format!("{n} rows drawn from each"));
    }
    out.floor = floor(inputs, n, &|a, b| Ok(exact_w2::solve(a, b)?.value))?;
    Ok(vec![out])
}

fn run_energy(inputs: &Inputs) -> Result<Vec<Measurement>> {
    let Some(reference) = inputs.reference else { return Ok(Vec::new()) };
    let threads = inputs.settings.threads;
    let mut out = energy::energy_distance(inputs.samples, reference, &inputs.settings)?;
    out.floor = floor(inputs, out.n, &|a, b| Ok(energy::estimate(a, b, threads)?.value))?;
    Ok(vec![out])
}

fn run_modes(inputs: &Inputs) -> Result<Vec<Measurement>> {
    let Some((centres, weights)) = inputs.modes else { return Ok(Vec::new()) };
    Ok(vec![modes::mode_weights(inputs.samples, centres, weights)?.total_variation])
}

fn run_score_error(inputs: &Inputs) -> Result<Vec<Measurement>> {
    let Some((scores, rows)) = inputs.scores else { return Ok(Vec::new()) };
    let got = score_error::score_error(scores, inputs.samples.dim(), rows)?;
    Ok(got.at.into_iter().chain(got.integral).collect())
}

fn run_memorisation(inputs: &Inputs) -> Result<Vec<Measurement>> {
    let Some(training) = inputs.training else { return Ok(Vec::new()) };
    Ok(vec![memorisation::memorisation(inputs.samples, training, inputs.held_out, &inputs.settings)?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::gaussian;

    #[test]
    fn every_row_runs_on_full_inputs_and_stays_silent_without() {
        let data = |seed| gaussian(600, 2, 0.0, 1.0, seed);
        let (x, y, train) = (data(1), data(2), data(3));
        let [samples, reference, training] = [&x, &y, &train].map(|d| Points::new("p", d, 2).unwrap());
        let mut inputs = Inputs::new(&samples);
        inputs.settings.assignment_rows = 100;
        for metric in METRICS {
            assert!((metric.run)(&inputs).unwrap().is_empty(), "{}", metric.name);
            assert!(!metric.doc.is_empty() && !metric.needs.is_empty());
        }
        let draw = |i: u32, n: usize| Ok(gaussian(n, 2, 0.0, 1.0, 1000 + u64::from(i)));
        let scores = [ScoresAt { time: 0.0, weight: 1.0, model: &x, exact: &y }];
        inputs.reference = Some(&reference);
        inputs.draw = Some(&draw);
        (inputs.training, inputs.held_out) = (Some(&training), Some(&reference));
        let weights = vec![1.0 / 600.0; 600];
        inputs.modes = Some((&reference, &weights));
        inputs.scores = Some((&scores, Rows::Independent));
        for metric in METRICS {
            let got = (metric.run)(&inputs).unwrap();
            assert_eq!(got.len(), 1, "{}", metric.name);
            assert!(got[0].value.is_finite() && !got[0].definition.is_empty());
            assert_eq!(got[0].floor.is_some(), metric.name != "score-error", "{}", metric.name);
            println!("{}", got[0]);
        }
        let exact = run_exact(&inputs).unwrap().remove(0);
        assert!(exact.n == 100 && exact.definition.contains("drawn without replacement from 600"));
    }
}
