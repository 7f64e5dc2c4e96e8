//! The list of all metrics; the command line and the documentation walk it.

use super::densities::{self, Ratios};
use super::floor::{real_against_real, real_against_real_of_many};
use super::score_error::{Rows, ScoresAt};
use super::support::{self, Distance};
use super::{Floor, Measurement, Points, Settings};
use super::{
    columns, energy, exact_w2, histogram, memorisation, mmd, modes, neighbours, score_error, sliced, transport,
};
use crate::error::{Error, Problem, Result, nearest};

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
    /// Log ratios of the densities of the law and of the model.
    pub densities: Option<Ratios<'a>>,
    /// Distance to the support of the law without its noise.
    pub support: Option<Distance<'a>>,
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
            densities: None,
            support: None,
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
    /// Whether it is computed when nothing is said; the others take longer.
    pub usual: bool,
    /// Whether it compares all columns at once and is the larger the less alike two samples are; verdicts rest on these.
    pub distance: bool,
    /// Computes it; no measurements when something it needs is absent.
    pub run: fn(&Inputs) -> Result<Vec<Measurement>>,
}

/// Every metric of the program.
pub const METRICS: &[Metric] = &[
    Metric {
        name: "sliced-w2",
        doc: "sliced Wasserstein distance W2 over random directions, not squared, for equal n up to millions",
        needs: "reference; draw for the floor",
        usual: true,
        distance: true,
        run: run_sliced,
    },
    Metric {
        name: "exact-w2",
        doc: "exact Wasserstein distance W2 by optimal matching, not squared, at most 4096 rows, with a certificate",
        needs: "reference; draw for the floor",
        usual: true,
        distance: true,
        run: run_exact,
    },
    Metric {
        name: "columns",
        doc: "each column of a table by itself: W1 and W2 of numbers, total variation of words",
        needs: "reference, names of columns; draw for the floor",
        usual: true,
        distance: false,
        run: run_columns,
    },
    Metric {
        name: "energy",
        doc: "energy distance, unbiased, no square root, with a standard error",
        needs: "reference; draw for the floor",
        usual: true,
        distance: true,
        run: run_energy,
    },
    Metric {
        name: "modes",
        doc: "total variation between the shares of the modes and their weights, with the multinomial floor",
        needs: "modes",
        usual: true,
        distance: true,
        run: run_modes,
    },
    Metric {
        name: "score-error",
        doc: "E|s - s*|^2 over p_t at each time and integrated over time",
        needs: "scores",
        usual: true,
        distance: false,
        run: run_score_error,
    },
    Metric {
        name: "memorisation",
        doc: "share of samples nearer to one training row than a third of the distance to the next",
        needs: "training; held_out for the base rate",
        usual: true,
        distance: false,
        run: run_memorisation,
    },
    Metric {
        name: "sliced-w1",
        doc: "sliced Wasserstein distance W1 over random directions",
        needs: "reference; draw for the floor",
        usual: false,
        distance: true,
        run: run_sliced_w1,
    },
    Metric {
        name: "exact-w1",
        doc: "exact Wasserstein distance W1 by optimal matching, at most 4096 rows, with a certificate",
        needs: "reference; draw for the floor",
        usual: false,
        distance: true,
        run: run_exact_w1,
    },
    Metric {
        name: "sinkhorn",
        doc: "Sinkhorn divergence of the cost |x - y|^2 / 2, debiased, of at most 1000 rows",
        needs: "reference; draw for the floor",
        usual: false,
        distance: true,
        run: run_sinkhorn,
    },
    Metric {
        name: "mmd",
        doc: "MMD^2 with five Gaussian kernels around the median distance, unbiased, of at most 4000 rows",
        needs: "reference; draw for the floor",
        usual: false,
        distance: true,
        run: run_mmd,
    },
    Metric {
        name: "c2st",
        doc: "accuracy of the 1-nearest-neighbour two-sample test, leave one out, of at most 5000 rows",
        needs: "reference; draw for the floor",
        usual: false,
        distance: true,
        run: run_c2st,
    },
    Metric {
        name: "prdc",
        doc: "precision, recall, density and coverage with the 5th nearest neighbours, of at most 5000 rows",
        needs: "reference; draw for the floor",
        usual: false,
        distance: false,
        run: run_quality,
    },
    Metric {
        name: "tv",
        doc: "total variation of histograms, on a grid up to two dimensions, of projections beyond",
        needs: "reference; draw for the floor",
        usual: false,
        distance: true,
        run: run_tv,
    },
    Metric {
        name: "kl",
        doc: "KL divergence of the law and the model in both directions, by their densities at t0",
        needs: "densities of the law and, on one number of --steps, of a trained model",
        usual: false,
        distance: false,
        run: run_kl,
    },
    Metric {
        name: "support",
        doc: "distance to the support of the law without its noise: manifolds, fractals, boxes, shells",
        needs: "support; draw for the floor",
        usual: false,
        distance: false,
        run: run_support,
    },
];

/// Names of the metrics that are computed when nothing is said.
pub fn usual() -> Vec<&'static str> {
    METRICS.iter().filter(|m| m.usual).map(|m| m.name).collect()
}

/// The names in a list separated by commas; `all` and `usual` stand for several. Refuses others, with the nearest.
pub fn chosen(list: &str) -> Result<Vec<&'static str>> {
    let mut out = Vec::new();
    for word in list.split(',').map(str::trim) {
        match (word, METRICS.iter().find(|m| m.name == word)) {
            ("all", _) => out.extend(METRICS.iter().map(|m| m.name)),
            ("usual", _) => out.extend(usual()),
            (_, Some(m)) => out.push(m.name),
            (_, None) => {
                let legal: Vec<&str> = METRICS.iter().map(|m| m.name).collect();
                let problem = Problem::new("there is no such metric").at("--metrics").found(format!("`{word}`"));
                let problem = problem.expected(format!("all, usual, {}", legal.join(", ")));
                return Err(Error::usage(match nearest(word, legal) {
                    Some(name) => problem.hint(format!("did you mean {name}?")),
                    None => problem,
                }));
            }
        }
    }
    Ok(out)
}

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

fn run_columns(inputs: &Inputs) -> Result<Vec<Measurement>> {
    let (Some(reference), false) = (inputs.reference, inputs.settings.columns.is_empty()) else {
        return Ok(Vec::new());
    };
    columns::by_column(inputs.samples, reference, inputs.draw, &inputs.settings)
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

/// At most `most` rows of the samples and of the reference; the draws are numbered from `which`.
fn capped<'a>(inputs: &Inputs<'a>, most: usize, which: u32) -> Option<[Points<'a>; 2]> {
    let reference = inputs.reference?;
    let n = most.min(inputs.samples.rows()).min(reference.rows());
    let seed = inputs.settings.seed;
    Some([inputs.samples.capped(n, seed, which), reference.capped(n, seed, which + 1)])
}

/// Says that rows were drawn, where they were.
fn of_drawn(inputs: &Inputs, out: Measurement) -> Measurement {
    let all = inputs.samples.rows().max(inputs.reference.map_or(0, Points::rows));
    let n = out.n;
    if n < all { out.noted(format!("{n} rows drawn from each without replacement")) } else { out }
}

fn run_sliced_w1(inputs: &Inputs) -> Result<Vec<Measurement>> {
    let Some(reference) = inputs.reference else { return Ok(Vec::new()) };
    let settings = &inputs.settings;
    let mut out = transport::sliced_w1(inputs.samples, reference, settings)?;
    out.floor = floor(inputs, out.n, &|a, b| transport::sliced_w1_value(a, b, settings))?;
    Ok(vec![out])
}

fn run_exact_w1(inputs: &Inputs) -> Result<Vec<Measurement>> {
    let most = inputs.settings.assignment_rows.min(exact_w2::MOST);
    let Some([x, y]) = capped(inputs, most, 6) else { return Ok(Vec::new()) };
    let mut out = transport::exact_w1(&x, &y)?;
    out.floor = floor(inputs, out.n, &|a, b| Ok(transport::solve_w1(a, b)?.0))?;
    Ok(vec![of_drawn(inputs, out)])
}

fn run_sinkhorn(inputs: &Inputs) -> Result<Vec<Measurement>> {
    let Some([x, y]) = capped(inputs, transport::MOST_SINKHORN, 10) else { return Ok(Vec::new()) };
    let threads = inputs.settings.threads;
    let mut out = transport::sinkhorn_divergence(&x, &y, &inputs.settings)?;
    let e = transport::blur(&y);
    out.floor = floor(inputs, out.n, &|a, b| Ok(transport::sinkhorn(a, b, e, threads)?.0))?;
    Ok(vec![of_drawn(inputs, out)])
}

fn run_mmd(inputs: &Inputs) -> Result<Vec<Measurement>> {
    let Some([x, y]) = capped(inputs, mmd::MOST, 12) else { return Ok(Vec::new()) };
    let (threads, median) = (inputs.settings.threads, mmd::median_distance(&y));
    let mut out = mmd::mmd(&x, &y, &inputs.settings)?;
    out.floor = floor(inputs, out.n, &|a, b| Ok(mmd::estimate(a, b, median, threads)?.0))?;
    Ok(vec![of_drawn(inputs, out)])
}

fn run_c2st(inputs: &Inputs) -> Result<Vec<Measurement>> {
    let Some([x, y]) = capped(inputs, neighbours::MOST, 14) else { return Ok(Vec::new()) };
    let threads = inputs.settings.threads;
    let mut out = neighbours::c2st(&x, &y, &inputs.settings)?;
    let share = |a: &Points, b: &Points| -> Result<f64> {
        Ok(neighbours::own_neighbours(a, b, threads)? / (a.rows() + b.rows()) as f64)
    };
    out.floor = floor(inputs, out.n, &share)?;
    Ok(vec![of_drawn(inputs, out)])
}

fn run_quality(inputs: &Inputs) -> Result<Vec<Measurement>> {
    let Some([x, y]) = capped(inputs, neighbours::MOST, 14) else { return Ok(Vec::new()) };
    let mut out = neighbours::measurements(&x, &y, &inputs.settings)?;
    if let Some(draw) = inputs.draw {
        // all four of a pair at once
        let (n, dim) = (x.rows(), x.dim());
        let four = |a: &[f32], b: &[f32]| -> Result<Vec<f64>> {
            let (a, b) = (Points::new("true sample", a, dim)?, Points::new("second true sample", b, dim)?);
            Ok(neighbours::quality(&a, &b, inputs.settings.threads)?.values(a.rows(), b.rows()))
        };
        let floors = real_against_real_of_many(inputs.settings.floor_repeats, |i| draw(i, n), four)?;
        out.iter_mut().zip(floors).for_each(|(m, floor)| m.floor = Some(floor));
    }
    Ok(out.into_iter().map(|m| of_drawn(inputs, m)).collect())
}

fn run_tv(inputs: &Inputs) -> Result<Vec<Measurement>> {
    let Some(reference) = inputs.reference else { return Ok(Vec::new()) };
    let settings = &inputs.settings;
    let mut out = histogram::total_variation(inputs.samples, reference, settings)?;
    out.floor = floor(inputs, out.n, &|a, b| histogram::total_variation_value(a, b, settings))?;
    Ok(vec![out])
}

fn run_kl(inputs: &Inputs) -> Result<Vec<Measurement>> {
    Ok(inputs.densities.map(|ratios| densities::divergences(&ratios)).unwrap_or_default())
}

fn run_support(inputs: &Inputs) -> Result<Vec<Measurement>> {
    let Some(to) = inputs.support else { return Ok(Vec::new()) };
    let threads = inputs.settings.threads;
    let mut out = support::support_distance(inputs.samples, to, threads);
    out.floor = floor(inputs, out.n, &|a, _| Ok(support::mean_distance(a, to, threads)))?;
    Ok(vec![out])
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
        inputs.settings.columns = columns::unnamed(2);
        let weights = vec![1.0 / 600.0; 600];
        inputs.modes = Some((&reference, &weights));
        inputs.scores = Some((&scores, Rows::Independent));
        let origin = |x: &[f32]| f64::from(x[0]).hypot(f64::from(x[1]));
        inputs.support = Some(&origin);
        inputs.densities = Some(Ratios { forward: &[0.1, 0.2], reverse: &[0.0, -0.1], of: "two rows" });
        for metric in METRICS {
            let got = (metric.run)(&inputs).unwrap();
            let several =
                [("prdc", 4), ("kl", 2), ("columns", 4)].iter().find(|(n, _)| *n == metric.name).map_or(1, |(_, k)| *k);
            assert_eq!(got.len(), several, "{}", metric.name);
            for m in &got {
                assert!(m.value.is_finite() && !m.definition.is_empty());
                let bare = ["sliced-w2", "exact-w2", "columns"].contains(&metric.name) || m.n < 3;
                assert!(m.interval.is_some() || bare, "{m}");
                assert_eq!(m.floor.is_some(), metric.name != "score-error", "{}", metric.name);
                println!("{m}");
            }
        }
        let exact = run_exact(&inputs).unwrap().remove(0);
        assert!(exact.n == 100 && exact.definition.contains("drawn without replacement from 600"));
    }

    #[test]
    fn lists_of_metrics_are_read_and_strangers_are_named() {
        assert_eq!(chosen("mmd, tv").unwrap(), ["mmd", "tv"]);
        assert_eq!(chosen("all").unwrap().len(), METRICS.len());
        assert!(chosen("usual,kl").unwrap().ends_with(&["kl"]) && !usual().contains(&"kl"));
        assert!(chosen("mdm").unwrap_err().problem().hint.is_some());
    }
}
