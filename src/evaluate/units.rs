//! What distances are measured in: the units of the data, or the spread of each column, so that none outweighs the others.

use std::borrow::Cow;

use crate::metrics::columns::unnamed;
use crate::metrics::{Column, METRICS, Measurement, Settings};

/// A divisor for each column of the rows.
pub(super) struct Units {
    /// (D); empty where everything stays as it is.
    scale: Vec<f64>,
    /// A divisor for each column of the table.
    of_columns: Vec<f64>,
    /// Whose deviations they are.
    of: String,
}

impl Units {
    /// The units of the data.
    pub fn own() -> Self {
        Self { scale: Vec::new(), of_columns: Vec::new(), of: String::new() }
    }

    /// Standard deviations of the columns of `rows` (n, D), which are called `of`; all levels of a column of words together
    /// count as one column, the root of the summed variance. What is constant is left as it is.
    pub fn of(rows: &[f32], dim: usize, columns: &[Column], of: &str) -> Self {
        let n = (rows.len() / dim) as f64;
        let column = |d: usize| rows.iter().skip(d).step_by(dim).map(|v| f64::from(*v));
        let variance = |d: usize| {
            let mean = column(d).sum::<f64>() / n;
            column(d).map(|v| (v - mean).powi(2)).sum::<f64>() / n
        };
        let bare;
        let columns = if columns.is_empty() {
            bare = unnamed(dim);
            &bare
        } else {
            columns
        };
        let (mut scale, mut of_columns) = (Vec::with_capacity(dim), Vec::new());
        for c in columns {
            let sd = (scale.len()..scale.len() + c.width).map(variance).sum::<f64>().sqrt();
            let sd = if sd > 0.0 && sd.is_finite() { sd } else { 1.0 };
            of_columns.push(sd);
            scale.extend(std::iter::repeat_n(sd, c.width));
        }
        Self { scale, of_columns, of: of.into() }
    }

    /// Rows in these units.
    pub fn divided<'a>(&self, rows: &'a [f32]) -> Cow<'a, [f32]> {
        if self.scale.is_empty() {
            return Cow::Borrowed(rows);
        }
        let one = |(v, s): (&f32, &f64)| (f64::from(*v) / s) as f32;
        Cow::Owned(rows.iter().zip(self.scale.iter().cycle()).map(one).collect())
    }

    /// A row in the units of the data again.
    pub fn back<'a>(&self, row: &'a [f32]) -> Cow<'a, [f32]> {
        if self.scale.is_empty() {
            return Cow::Borrowed(row);
        }
        Cow::Owned(row.iter().zip(&self.scale).map(|(v, s)| (f64::from(*v) * s) as f32).collect())
    }

    /// The settings with the units of their columns.
    pub fn told(&self, settings: &Settings) -> Settings {
        let mut settings = settings.clone();
        settings.columns.iter_mut().zip(&self.of_columns).for_each(|(c, unit)| c.unit = *unit);
        settings
    }

    /// Says in the definitions of distances what they are measured in.
    pub fn tell(&self, measurements: &mut [Measurement]) {
        if self.scale.is_empty() {
            return;
        }
        for m in measurements {
            let joint = METRICS.iter().any(|row| row.name == m.metric && row.distance && row.name != "modes");
            if joint || m.metric == "memorisation" {
                m.definition.push_str(&format!(
                    "; every column is first divided by its standard deviation in {} (one of words by that of all its levels \
                     together)",
                    self.of
                ));
            } else if m.column.is_some() && !m.name.starts_with("TV") {
                m.definition.push_str(&format!(", in standard deviations of the column in {}", self.of));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_weigh_the_same_and_words_as_much_as_numbers() {
        // a column of deviation 500, a constant one, and words with shares 1/2, 1/4, 1/4
        let rows: Vec<f32> = [
            [1000.0, 7.0, 1.0, 0.0, 0.0],
            [0.0, 7.0, 1.0, 0.0, 0.0],
            [1000.0, 7.0, 0.0, 1.0, 0.0],
            [0.0, 7.0, 0.0, 0.0, 1.0],
        ]
        .concat();
        let column = |name: &str, width| Column { name: name.into(), width, words: width > 1, unit: 1.0 };
        let columns = [column("a", 1), column("b", 1), column("c", 3)];
        let units = Units::of(&rows, 5, &columns, "t");
        let words = (0.25f64 + 2.0 * 0.1875).sqrt();
        assert_eq!(units.scale, [500.0, 1.0, words, words, words]);
        let divided = units.divided(&rows);
        assert_eq!(&divided[..2], [2.0, 7.0]);
        assert!(units.back(&divided[..5]).iter().zip(&rows).all(|(a, b)| (a - b).abs() < 1e-4 * b.abs().max(1.0)));
        let told = units.told(&Settings { columns: columns.to_vec(), ..Settings::default() });
        assert_eq!(told.columns.iter().map(|c| c.unit).collect::<Vec<_>>(), [500.0, 1.0, words]);
        assert!(matches!(Units::own().divided(&rows), Cow::Borrowed(_)));
    }
}
