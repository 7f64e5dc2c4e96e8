//! The error of a score against the exact one: E over p_t of |s(x, t) - s*(x, t)|^2 per time, and its integral.
//!
//! This is the quantity that the convergence theorems assume small (Chen, Chewi, Li, Li, Salim, Zhang,
//! "Sampling is as easy as learning the score", ICLR 2023): summed over coordinates, not per dimension. With
//! the weight g(t)^2 / 2 its integral bounds KL by Girsanov (Song, Durkan, Murray, Ermon, NeurIPS 2021).

use super::floor::Z95;
use super::parallel::mean_variance;
use super::points::finite;
use super::{Measurement, Points};
use crate::error::{Error, Problem, Result};

/// Scores at one time, at n points drawn from p_t; row-major (n, D).
#[derive(Debug, Clone, Copy)]
pub struct ScoresAt<'a> {
    /// The time.
    pub time: f64,
    /// The weight of this time in the integral; 1 for the plain one.
    pub weight: f64,
    /// The scores of the model.
    pub model: &'a [f32],
    /// The exact scores at the same points.
    pub exact: &'a [f32],
}

/// How the points of different times belong together, which decides how errors propagate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Drawn anew at every time.
    Independent,
    /// Row i of every time lies on path i (or comes from one data row and one noise), so times are correlated.
    Paths,
}

/// The error at every time and over all times.
#[derive(Debug, Clone)]
pub struct ScoreError {
    /// The times, in increasing order.
    pub times: Vec<f64>,
    /// Mean square error at each time, with its interval.
    pub at: Vec<Measurement>,
    /// Standard error of each; NaN for a single row.
    pub errors: Vec<f64>,
    /// Integral over the times by trapezoids; absent when there is one time.
    pub integral: Option<Measurement>,
}

/// Mean square score error per time with standard errors, and its trapezoid integral in t.
///
/// Times must increase. For independent rows the error of the integral is sqrt(sum of (c_k se_k)^2) with the
/// trapezoid weights c_k; for paths it is the standard error of the integral along each row, which keeps the
/// correlation. Neither contains the error of the trapezoid rule.
pub fn score_error(scores: &[ScoresAt], dim: usize, rows: Rows) -> Result<ScoreError> {
    check_times(scores, rows)?;
    let squares: Vec<Vec<f64>> = scores.iter().map(|s| squared_errors(s, dim)).collect::<Result<_>>()?;
    let moments: Vec<(f64, f64)> = squares.iter().map(|s| mean_variance(s)).collect();
    let errors: Vec<f64> = moments.iter().zip(&squares).map(|((_, v), s)| (v / s.len() as f64).sqrt()).collect();
    let mut at = Vec::with_capacity(scores.len());
    for (((s, squares), (mean, _)), error) in scores.iter().zip(&squares).zip(&moments).zip(&errors) {
        let n = squares.len();
        let definition = format!(
            "mean over {n} rows drawn from p_t of |s - s*|^2, summed over {dim} coordinates, at t = {}; 1.96 standard \
             errors",
            s.time
        );
        let name = format!("score error at t = {}", s.time);
        at.push(with_error(Measurement::new(name, definition, finite("the score error", *mean)?, n), *error));
    }
    let integral = (scores.len() > 1).then(|| integral(scores, &squares, &moments, &errors, rows));
    Ok(ScoreError { times: scores.iter().map(|s| s.time).collect(), at, errors, integral })
}

fn with_error(mut m: Measurement, error: f64) -> Measurement {
    if error.is_finite() {
        m.interval = Some(((m.value - Z95 * error).max(0.0), m.value + Z95 * error));
        return m;
    }
    m.noted("one row has no standard error")
}

fn check_times(scores: &[ScoresAt], rows: Rows) -> Result<()> {
    let bad = |what: &str| Err(Error::data(Problem::new(what).at("the score error")));
    if scores.is_empty() {
        return bad("no times");
    }
    if scores.iter().any(|s| !s.time.is_finite() || !s.weight.is_finite() || s.weight < 0.0) {
        return bad("a time or a weight is not finite, or a weight is negative");
    }
    if scores.windows(2).any(|w| w[1].time <= w[0].time) {
        return bad("times do not increase");
    }
    if rows == Rows::Paths && scores.iter().any(|s| s.model.len() != scores[0].model.len()) {
        return bad("paths need the same number of rows at every time");
    }
    Ok(())
}

fn squared_errors(scores: &ScoresAt, dim: usize) -> Result<Vec<f64>> {
    let place = |mut e: Error| {
        let place = e.problem().place.clone().unwrap_or_default();
        e.problem_mut().place = Some(format!("{place} at t = {}", scores.time));
        e
    };
    let model = Points::new("the model's scores", scores.model, dim).map_err(place)?;
    let exact = Points::new("the exact scores", scores.exact, dim).map_err(place)?;
    super::points::same_shape(&model, &exact).map_err(place)?;
    let square = |(a, b): (&f32, &f32)| (f64::from(*a) - f64::from(*b)).powi(2);
    let row = |i: usize| model.row(i).iter().zip(exact.row(i)).map(square).sum();
    Ok((0..model.rows()).map(row).collect())
}

/// Weights of the trapezoid rule times the weights of the times.
fn trapezoid(scores: &[ScoresAt]) -> Vec<f64> {
    let last = scores.len() - 1;
    let width = |k: usize| scores[(k + 1).min(last)].time - scores[k.saturating_sub(1)].time;
    (0..=last).map(|k| 0.5 * width(k) * scores[k].weight).collect()
}

fn integral(
    scores: &[ScoresAt],
    squares: &[Vec<f64>],
    moments: &[(f64, f64)],
    errors: &[f64],
    rows: Rows,
) -> Measurement {
    let c = trapezoid(scores);
    let value = c.iter().zip(moments).map(|(c, (mean, _))| c * mean).sum();
    let n = squares.iter().map(Vec::len).min().unwrap_or(0);
    let error = match rows {
        Rows::Independent => c.iter().zip(errors).map(|(c, e)| (c * e).powi(2)).sum::<f64>().sqrt(),
        Rows::Paths => {
            let along = |i: usize| c.iter().zip(squares).map(|(c, s)| c * s[i]).sum();
            let paths: Vec<f64> = (0..n).map(along).collect();
            (mean_variance(&paths).1 / n as f64).sqrt()
        }
    };
    let (first, last) = (scores[0].time, scores[scores.len() - 1].time);
    let weight = if scores.iter().all(|s| s.weight == 1.0) { "weight 1" } else { "given weights" };
    let kind = if rows == Rows::Paths { "rows are paths" } else { "rows independent between times" };
    let definition = format!(
        "integral of E|s - s*|^2 over t from {first} to {last} by trapezoids on {} times, {weight}, {kind}, at least {n} \
         rows per time; 1.96 standard errors, without the error of the trapezoids",
        scores.len()
    );
    let mut out = Measurement::new("score error", definition, value, n);
    out.parameters = format!("{} times", scores.len());
    with_error(out, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::gaussian;

    fn at<'a>(time: f64, model: &'a [f32], exact: &'a [f32]) -> ScoresAt<'a> {
        ScoresAt { time, weight: 1.0, model, exact }
    }

    #[test]
    fn a_constant_error_is_found_exactly() {
        let (zero, model) = ([0.0f32; 6], [3.0f32, 4.0, 3.0, 4.0, 3.0, 4.0]);
        let times = [at(0.5, &model, &zero), at(1.0, &model, &zero), at(3.0, &model, &zero)];
        let got = score_error(&times, 2, Rows::Independent).unwrap();
        assert!(got.at.iter().all(|m| m.value == 25.0 && m.n == 3) && got.errors == [0.0; 3]);
        let integral = got.integral.unwrap();
        assert_eq!((integral.value, integral.interval), (62.5, Some((62.5, 62.5))));
        assert!(score_error(&times[..1], 2, Rows::Paths).unwrap().integral.is_none());
    }

    #[test]
    fn weights_enter_the_integral() {
        let (zero, model) = ([0.0f32; 2], [1.0f32, 1.0]);
        let mut times = [at(0.0, &model, &zero), at(1.0, &model, &zero), at(4.0, &model, &zero)];
        times[1].weight = 0.0;
        times[2].weight = 2.0;
        let got = score_error(&times, 1, Rows::Independent).unwrap().integral.unwrap();
        assert_eq!(got.value, 0.5 + 2.0 * 1.5);
        assert!(got.definition.contains("given weights"));
    }

    #[test]
    fn gaussian_errors_have_chi_square_moments() {
        let (n, dim) = (20_000, 3);
        let (a, zero) = (gaussian(n, dim, 0.0, 1.0, 21), vec![0.0; n * dim]);
        let b = gaussian(n, dim, 0.0, 1.0, 22);
        // |N(0, I_3)|^2 has mean 3 and variance 6
        let se = (6.0 / n as f64).sqrt();
        let apart = score_error(&[at(0.0, &a, &zero), at(2.0, &b, &zero)], dim, Rows::Independent).unwrap();
        assert!((apart.at[0].value - 3.0).abs() < 5.0 * se && (apart.errors[0] / se - 1.0).abs() < 0.1);
        let half = |m: &Measurement| (m.interval.unwrap().1 - m.value) / Z95;
        // independent: se sqrt 2; the same rows twice as paths: 2 se, twice taken for independent: too small
        assert!((half(&apart.integral.unwrap()) / (se * 2f64.sqrt()) - 1.0).abs() < 0.1);
        let twice = [at(0.0, &a, &zero), at(2.0, &a, &zero)];
        let paths = score_error(&twice, dim, Rows::Paths).unwrap();
        assert!((half(&paths.integral.unwrap()) / (2.0 * paths.errors[0]) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn bad_input_is_refused() {
        let (x, nan) = ([0.0f32; 4], [0.0f32, f32::NAN, 0.0, 0.0]);
        let said = score_error(&[at(0.25, &nan, &x)], 2, Rows::Paths).unwrap_err().to_string();
        assert!(said.contains("the model's scores at t = 0.25") && said.contains("the first is row 0"), "{said}");
        assert!(score_error(&[], 2, Rows::Paths).is_err());
        assert!(score_error(&[at(1.0, &x, &x), at(1.0, &x, &x)], 2, Rows::Paths).is_err());
        assert!(score_error(&[at(0.0, &x, &x), at(1.0, &x[..2], &x[..2])], 2, Rows::Paths).is_err());
        assert!(score_error(&[at(0.0, &x, &x), at(1.0, &x[..2], &x[..2])], 2, Rows::Independent).is_ok());
        assert!(score_error(&[at(0.0, &x, &x[..2])], 2, Rows::Paths).is_err());
        assert!(score_error(&[at(f64::NAN, &x, &x)], 2, Rows::Paths).is_err());
        let one = score_error(&[at(0.0, &x[..2], &x[..2])], 2, Rows::Paths).unwrap();
        assert!(one.at[0].interval.is_none() && one.at[0].note.is_some());
    }
}
