//! Each column of a table by itself, so that one column of large numbers cannot hide the others.
//!
//! On the line W1 = int |F - G| and W2^2 = int (F^-1 - G^-1)^2 are sums over sorted values (Villani, "Topics in optimal
//! transportation", theorem 2.18 and remark 2.19). For words there is no order, so their shares are compared: total
//! variation, half the sum of |share - share|.

use super::floor::real_against_real_of_many;
use super::points::{finite, same_shape};
use super::table::Draw;
use super::{Floor, Measurement, Points, Settings, parallel};
use crate::error::Result;

/// Pairs of true samples behind the floor of a column: sorting is cheap, and there are many columns to be judged.
const REPEATS: usize = 12;

/// A column of a table, as it was before words became several columns of 0 and 1.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// How many columns of the rows it takes; more than one only for words.
    pub width: usize,
    /// Whether it holds words: the row belongs to the level whose column is the largest.
    pub words: bool,
    /// What 1 in the units of measurement is in the column's own units.
    pub unit: f64,
}

/// Columns `x1`, `x2`, ... of numbers, in their own units.
pub fn unnamed(dim: usize) -> Vec<Column> {
    (1..=dim).map(|i| Column { name: format!("x{i}"), width: 1, words: false, unit: 1.0 }).collect()
}

/// W1 and W2 of a column of numbers; of words the total variation, and nothing.
type Pair = (f64, Option<f64>);

/// W1 and W2 of every column of numbers and the total variation of every column of words in `settings.columns`, whose
/// widths have to add up to the dimension of the rows; clouds of equal size.
pub fn by_column(
    samples: &Points,
    reference: &Points,
    draw: Option<Draw>,
    settings: &Settings,
) -> Result<Vec<Measurement>> {
    let columns = &settings.columns;
    let n = samples.rows();
    let values = distances(samples, reference, settings)?;
    let floors = match draw {
        None => None,
        Some(draw) => {
            let dim = samples.dim();
            let of = |a: &[f32], b: &[f32]| {
                let pair =
                    distances(&Points::new("true sample", a, dim)?, &Points::new("true sample", b, dim)?, settings)?;
                Ok(pair.into_iter().flat_map(|(first, second)| [first, second.unwrap_or(0.0)]).collect())
            };
            Some(real_against_real_of_many(REPEATS, |i| draw(i, n), of)?)
        }
    };
    let floor = |place: usize| -> Option<Floor> { floors.as_ref().map(|f| f[place].clone()) };
    let mut out = Vec::new();
    for (i, (column, (first, second))) in columns.iter().zip(values).enumerate() {
        let between = format!("between {n} rows of {} and {n} of {}", samples.name(), reference.name());
        let mut keep = |name: &str, definition: String, value: f64, floor: Option<Floor>| {
            let mut m = Measurement::new(format!("{name} of {}", column.name), definition, value, n);
            (m.floor, m.column) = (floor, Some(column.name.clone()));
            out.push(m);
        };
        match second {
            None => {
                keep("TV", format!("half the summed difference of the shares of words {between}"), first, floor(2 * i))
            }
            Some(second) => {
                let sorted = "of the sorted values of one column";
                keep("W1", format!("mean |difference| {sorted} {between}"), first, floor(2 * i));
                keep("W2", format!("root of the mean square difference {sorted} {between}"), second, floor(2 * i + 1));
            }
        }
    }
    Ok(out)
}

fn distances(a: &Points, b: &Points, settings: &Settings) -> Result<Vec<Pair>> {
    same_shape(a, b)?;
    let starts: Vec<usize> = settings
        .columns
        .iter()
        .scan(0, |next, c| {
            let start = *next;
            *next += c.width;
            Some(start)
        })
        .collect();
    let one = |(): &mut (), i: usize| -> Result<Pair> {
        let (column, start) = (&settings.columns[i], starts[i]);
        if column.words {
            return Ok((shares(a, b, start, column.width), None));
        }
        let (w1, w2) = on_the_line(a, b, start);
        Ok((finite("W1 of a column", w1)?, Some(finite("W2 of a column", w2)?)))
    };
    parallel::map(settings.threads, starts.len(), || (), one).into_iter().collect()
}

/// W1 and W2 of column `c` of clouds of equal size.
fn on_the_line(a: &Points, b: &Points, c: usize) -> (f64, f64) {
    let [a, b] = [a, b].map(|points| {
        let mut values: Vec<f32> = points.data().iter().skip(c).step_by(points.dim()).copied().collect();
        values.sort_unstable_by(f32::total_cmp);
        values
    });
    let n = a.len() as f64;
    let gap = |(a, b): (&f32, &f32)| (f64::from(*a) - f64::from(*b)).abs();
    let square: f64 = a.iter().zip(&b).map(gap).map(|g| g * g).sum();
    (a.iter().zip(&b).map(gap).sum::<f64>() / n, (square / n).sqrt())
}

/// Half the summed difference of the shares of levels, which lie in columns `start..start + width`.
fn shares(a: &Points, b: &Points, start: usize, width: usize) -> f64 {
    let mut gap = vec![0.0; width];
    for (points, sign) in [(a, 1.0), (b, -1.0)] {
        for row in points.data().chunks_exact(points.dim()) {
            let own = &row[start..start + width];
            let largest = (1..width).fold(0, |best, i| if own[i] > own[best] { i } else { best });
            gap[largest] += sign / points.rows() as f64;
        }
    }
    0.5 * gap.iter().map(|g: &f64| g.abs()).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::gaussian;

    fn of(columns: Vec<Column>) -> Settings {
        Settings { columns, ..Settings::default() }
    }

    #[test]
    fn every_column_is_measured_by_itself() {
        // the first column is shifted by 3, the second is the same in another order
        let a = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
        let b = [3.0, 7.0, 5.0, 5.0, 7.0, 3.0, 9.0, 1.0];
        let [a, b] = [&a, &b].map(|d| Points::new("p", d, 2).unwrap());
        let got = by_column(&a, &b, None, &of(unnamed(2))).unwrap();
        let values: Vec<(&str, f64)> = got.iter().map(|m| (m.name.as_str(), m.value)).collect();
        assert_eq!(values, [("W1 of x1", 3.0), ("W2 of x1", 3.0), ("W1 of x2", 0.0), ("W2 of x2", 0.0)]);
        assert!(got.iter().all(|m| m.floor.is_none() && m.column.is_some()));
    }

    #[test]
    fn words_are_compared_by_their_shares() {
        let words = Column { name: "colour".into(), width: 3, words: true, unit: 1.0 };
        let a = [1.0, 0.0, 0.1, 0.2, 0.9, 0.0, 0.0, 0.3, 0.8, 0.9, 0.2, 0.3];
        let b = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
        let [a, b] = [&a, &b].map(|d| Points::new("p", d, 3).unwrap());
        // shares 2 1 1 against 3 1 0, of four
        let got = by_column(&a, &b, None, &of(vec![words])).unwrap();
        assert_eq!((got.len(), got[0].name.as_str(), got[0].value), (1, "TV of colour", 0.25));
    }

    #[test]
    fn one_wrong_column_of_many_is_the_one_above_its_floor() {
        let dim = 6;
        let mut x = gaussian(500, dim, 0.0, 1.0, 3);
        x.chunks_mut(dim).for_each(|row| row[4] *= 1.5);
        let y = gaussian(500, dim, 0.0, 1.0, 4);
        let draw = |i: u32, n: usize| Ok(gaussian(n, 6, 0.0, 1.0, 100 + u64::from(i)));
        let [a, b] = [&x, &y].map(|d| Points::new("p", d, dim).unwrap());
        let got = by_column(&a, &b, Some(&draw), &of(unnamed(dim))).unwrap();
        let far: Vec<&str> = got.iter().filter(|m| m.at_floor() == Some(false)).map(|m| m.name.as_str()).collect();
        assert!(far.contains(&"W1 of x5") && far.contains(&"W2 of x5") && far.len() <= 4, "{far:?}");
        // N(0, 1.5^2) against N(0, 1) on the line: W2 is 0.5
        let w2 = got.iter().find(|m| m.name == "W2 of x5").unwrap().value;
        assert!((w2 - 0.5).abs() < 0.15, "{w2}");
    }

    #[test]
    fn every_column_has_a_floor_of_its_own() {
        // the second column is ten times as wide as the first, so true samples differ ten times as much in it
        let wide = |seed: u64, n: usize| -> Vec<f32> {
            gaussian(n, 2, 0.0, 1.0, seed)
                .iter()
                .enumerate()
                .map(|(i, v)| if i % 2 == 1 { 10.0 * v } else { *v })
                .collect()
        };
        let (x, y) = (wide(1, 800), wide(2, 800));
        let draw = |i: u32, n: usize| Ok(wide(100 + u64::from(i), n));
        let [a, b] = [&x, &y].map(|d| Points::new("p", d, 2).unwrap());
        let got = by_column(&a, &b, Some(&draw), &of(unnamed(2))).unwrap();
        let floors: Vec<f64> = got.iter().map(|m| m.floor.as_ref().unwrap().mean).collect();
        let [w1, w2] = [floors[2] / floors[0], floors[3] / floors[1]];
        assert!((5.0..20.0).contains(&w1) && (5.0..20.0).contains(&w2), "{floors:?}");
        // the W2 of a column is never below its W1, and here never equal to it
        assert!(floors[1] > floors[0] && floors[3] > floors[2], "{floors:?}");
    }
}
