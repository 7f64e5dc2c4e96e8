//! Memorisation: how many generated rows sit on a training row rather than among them.
//!
//! A row counts as memorised when its nearest training row is nearer than a third of the second-nearest.
//! Source: Yoon, Choi, Kwon, Ryu, "Diffusion probabilistic models generalize when they fail to memorize" (2023);
//! Gu et al., "On memorization in diffusion models" (2023) use the same third. In few dimensions many true rows
//! pass that test too, so the share of held-out rows is printed beside it.

use super::floor::wilson;
use super::parallel::{self, Columns};
use super::points::same_dim;
use super::{Floor, Measurement, Points, Settings};
use crate::error::{Error, Problem, Result};
use std::collections::HashSet;

/// Rows per task of a thread.
const CHUNK: usize = 64;

/// Share of `generated` rows whose nearest training row is nearer than 1/3 of the second-nearest.
///
/// The floor is the same share of `held_out` rows, the base rate. Equal training rows count once, because a
/// copy of a doubled row has two nearest rows at the same distance and would pass for new; the note says how
/// many there were. With fewer than two distinct rows the value is undefined. At most `settings.rows` rows of
/// each set of queries are drawn; the training rows are all used.
pub fn memorisation(
    generated: &Points,
    training: &Points,
    held_out: Option<&Points>,
    settings: &Settings,
) -> Result<Measurement> {
    same_dim(generated, training)?;
    if training.rows() < 2 {
        let problem =
            Problem::new("memorisation needs a second-nearest row").at(training.name()).found(training.rows());
        return Err(Error::data(problem.expected("at least 2 rows")));
    }
    let queries = generated.capped(settings.rows, settings.seed, 4);
    let n = queries.rows();
    let definition = format!(
        "share of {n} of {} rows of {} whose nearest of {} rows of {} is nearer than 1/3 of the second-nearest \
         (Euclidean, equal training rows counted once); the interval is Wilson's",
        generated.rows(),
        generated.name(),
        training.rows(),
        training.name(),
    );
    let mut out = Measurement::new("memorised share", definition, f64::NAN, n);
    let distinct = distinct(training);
    let doubled = training.rows() - distinct.len() / training.dim();
    if doubled + 1 == training.rows() {
        return Ok(out.noted("undefined: duplicates (all training rows are equal)"));
    }
    let columns = Columns::new(&Points::new("training rows", &distinct, training.dim())?);
    let hits = memorised(&queries, &columns, settings.threads);
    out.value = hits as f64 / n as f64;
    out.interval = Some(wilson(hits, n));
    if let Some(held_out) = held_out {
        same_dim(held_out, training)?;
        let queries = held_out.capped(settings.rows, settings.seed, 5);
        let base = memorised(&queries, &columns, settings.threads) as f64 / queries.rows() as f64;
        let sd = (base * (1.0 - base) / queries.rows() as f64).sqrt();
        let of = format!("held-out rows, {} of them", queries.rows());
        out.floor = Some(Floor { mean: base, sd, repeats: 1, of, smaller: false });
    }
    Ok(if doubled > 0 { out.noted(format!("duplicates: {doubled} training rows equal an earlier one")) } else { out })
}

/// The rows without those that equal an earlier one; -0 equals 0.
fn distinct(points: &Points) -> Vec<f32> {
    let mut seen: HashSet<Vec<u32>> = HashSet::with_capacity(points.rows());
    let mut out = Vec::with_capacity(points.data().len());
    for i in 0..points.rows() {
        let row = points.row(i);
        if seen.insert(row.iter().map(|x| (x + 0.0).to_bits()).collect()) {
            out.extend_from_slice(row);
        }
    }
    out
}

fn memorised(queries: &Points, training: &Columns, threads: usize) -> usize {
    let chunk = |_: &mut (), c: usize| {
        let end = ((c + 1) * CHUNK).min(queries.rows());
        (c * CHUNK..end).filter(|i| is_memorised(queries.row(*i), training)).count()
    };
    parallel::map(threads, queries.rows().div_ceil(CHUNK), || (), chunk).iter().sum()
}

fn is_memorised(x: &[f32], training: &Columns) -> bool {
    let (mut first, mut second) = (f64::INFINITY, f64::INFINITY);
    training.squared(x, |_, squares| {
        for s in squares {
            if *s < second {
                (first, second) = if *s < first { (*s, first) } else { (first, *s) };
            }
        }
    });
    // squared distances, hence 1/9
    9.0 * first < second
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::gaussian;

    fn points(data: &[f32], dim: usize) -> Points<'_> {
        Points::new("p", data, dim).unwrap()
    }

    #[test]
    fn the_third_is_where_it_says() {
        let training = [0.0f32, 4.0];
        // at 0.5: 0.5 / 3.5 < 1/3; at 1: 1 / 3 is not nearer than a third; at 1.5 and 2: no; at 4: 0 / 4
        let got =
            memorisation(&points(&[0.5, 1.0, 1.5, 2.0, 4.0], 1), &points(&training, 1), None, &Settings::default());
        let got = got.unwrap();
        assert_eq!((got.value, got.n, got.floor), (0.4, 5, None));
        let (low, high) = got.interval.unwrap();
        assert!(low < 0.4 && 0.4 < high);
    }

    #[test]
    fn copies_are_found_and_new_rows_have_the_base_rate() {
        let dim = 2;
        let (training, held) = (gaussian(2000, dim, 0.0, 1.0, 31), gaussian(2000, dim, 0.0, 1.0, 32));
        let fresh = gaussian(2000, dim, 0.0, 1.0, 33);
        let run = |x: &[f32], threads| {
            let settings = Settings { threads, ..Settings::default() };
            memorisation(&points(x, dim), &points(&training, dim), Some(&points(&held, dim)), &settings).unwrap()
        };
        assert_eq!(run(&training, 2).value, 1.0);
        let got = run(&fresh, 2);
        assert_eq!(got, run(&fresh, 1));
        assert_eq!(got, run(&fresh, 7));
        // locally uniform in D dimensions: P(r1 / r2 < c) = c^D = 1/9
        let sd = (8.0 / 81.0 / 2000.0f64).sqrt();
        let floor = got.floor.unwrap();
        assert!((got.value - 1.0 / 9.0).abs() < 6.0 * sd && (floor.mean - 1.0 / 9.0).abs() < 6.0 * sd, "{floor:?}");
    }

    #[test]
    fn duplicates_are_counted_once_or_make_it_undefined() {
        let equal = memorisation(&points(&[1.0], 1), &points(&[2.0, 2.0, 2.0], 1), None, &Settings::default()).unwrap();
        assert!(equal.value.is_nan() && equal.interval.is_none());
        assert!(equal.note.unwrap().starts_with("undefined: duplicates"));
        let training = [0.0f32, -0.0, 0.0, 5.0];
        let got = memorisation(&points(&[0.0, 0.1], 1), &points(&training, 1), None, &Settings::default()).unwrap();
        assert_eq!((got.value, got.note.as_deref()), (1.0, Some("duplicates: 2 training rows equal an earlier one")));
    }

    #[test]
    fn bad_input_is_refused_and_the_cap_is_stated() {
        let x = gaussian(100, 2, 0.0, 1.0, 1);
        let settings = Settings { rows: 10, ..Settings::default() };
        assert!(memorisation(&points(&x, 2), &points(&x[..2], 2), None, &settings).is_err());
        assert!(memorisation(&points(&x, 2), &points(&x, 4), None, &settings).is_err());
        assert!(memorisation(&points(&x, 2), &points(&x, 2), Some(&points(&x, 1)), &settings).is_err());
        let got = memorisation(&points(&x, 2), &points(&x, 2), None, &settings).unwrap();
        assert!(got.n == 10 && got.definition.contains("10 of 100 rows"));
    }
}
