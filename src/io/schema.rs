//! What the columns of a table are, and how words become numbers (one-hot) and back.

use serde::{Deserialize, Serialize};

/// The columns of a table in order; stored with a run so that samples look like the data did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// The columns, as the file had them.
    pub columns: Vec<Column>,
    /// Whether the file began with a row of names.
    pub header: bool,
}

/// One column of the file; it may take several encoded columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name: from the header, or `x1`, `x2`, ...
    pub name: String,
    /// What its cells are.
    pub kind: Kind,
    /// Which numbers it can hold, as far as its own ones tell.
    #[serde(default, skip_serializing_if = "Range::is_free")]
    pub range: Range,
}

/// The numbers that samples of a column may have.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Range {
    /// Nothing below zero.
    pub not_negative: bool,
    /// Only these, in order; empty where there are too many different ones.
    pub values: Vec<f32>,
}

impl Range {
    fn is_free(&self) -> bool {
        *self == Self::default()
    }
    /// The number that may stand for `x`: the nearest of the values, or at least 0.
    fn nearest(&self, x: f32) -> f32 {
        let near = |best: f32, v: &f32| if (v - x).abs() < (best - x).abs() { *v } else { best };
        match self.values.split_first() {
            Some((first, rest)) => rest.iter().fold(*first, near),
            None if self.not_negative && x < 0.0 => 0.0,
            None => x,
        }
    }
}

/// What the cells of a column are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Kind {
    /// Numbers, written with this many decimals; `None` when they need more than nine or an exponent.
    Number {
        /// Digits after the point; 0 for integers.
        decimals: Option<u8>,
    },
    /// Words, encoded as one column of 0 and 1 for each level, in order of first appearance.
    Category {
        /// The words.
        levels: Vec<String>,
    },
}

impl Kind {
    /// How many encoded columns it takes.
    pub fn width(&self) -> usize {
        match self {
            Kind::Number { .. } => 1,
            Kind::Category { levels } => levels.len(),
        }
    }
}

impl Column {
    /// A column of any numbers, or of words.
    pub fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self { name: name.into(), kind, range: Range::default() }
    }
}

impl Schema {
    /// `width` columns of numbers without a header; names that are not given are `x1`, `x2`, ...
    pub fn numeric(names: &[&str], width: usize) -> Self {
        let name = |i: usize| names.get(i).map_or_else(|| format!("x{}", i + 1), |n| (*n).to_string());
        let columns = (0..width).map(|i| Column::new(name(i), Kind::Number { decimals: None })).collect();
        Self { columns, header: !names.is_empty() }
    }

    /// The number of encoded columns.
    pub fn width(&self) -> usize {
        self.columns.iter().map(|c| c.kind.width()).sum()
    }

    /// The names of the encoded columns: `name`, or `name=level` for a category.
    pub fn encoded_names(&self) -> Vec<String> {
        let names = |column: &Column| match &column.kind {
            Kind::Number { .. } => vec![column.name.clone()],
            Kind::Category { levels } => levels.iter().map(|level| format!("{}={level}", column.name)).collect(),
        };
        self.columns.iter().flat_map(names).collect()
    }

    /// The same columns without anything that samples are held to: neither rounding nor ranges.
    pub fn raw(&self) -> Self {
        let one = |c: &Column| match c.kind {
            Kind::Number { .. } => Column::new(c.name.clone(), Kind::Number { decimals: None }),
            Kind::Category { .. } => c.clone(),
        };
        Self { columns: self.columns.iter().map(one).collect(), header: self.header }
    }

    /// Encoded rows (n, width) brought to what the file could hold: numbers rounded and within their range, categories 1 for
    /// the largest entry and else 0. Adds to `moved`, one entry a column of the file, the numbers that were below 0.
    pub fn settle(&self, rows: &mut [f32], moved: &mut [u64]) {
        for row in rows.chunks_exact_mut(self.width().max(1)) {
            let mut rest = row;
            for (column, moved) in self.columns.iter().zip(moved.iter_mut()) {
                let (own, after) = rest.split_at_mut(column.kind.width());
                rest = after;
                match &column.kind {
                    Kind::Number { decimals } => {
                        let bounded = column.range.not_negative && column.range.values.is_empty();
                        *moved += u64::from(bounded && own[0] < 0.0);
                        own[0] = column.range.nearest(rounded(own[0], *decimals));
                    }
                    Kind::Category { .. } => {
                        let chosen = largest(own);
                        own.iter_mut().enumerate().for_each(|(i, v)| *v = f32::from(u8::from(Some(i) == chosen)));
                    }
                }
            }
        }
    }

    /// Where each encoded column of this schema is in rows of `other`, which hold the same columns but may have met other
    /// levels, or in another order; `None` for levels that they lack. Nothing if the columns differ or rows of `other` have
    /// levels that are unknown here.
    pub fn places_in(&self, other: &Schema) -> Option<Vec<Option<usize>>> {
        if self.columns.len() != other.columns.len() {
            return None;
        }
        let (mut places, mut start) = (Vec::new(), 0);
        for (own, theirs) in self.columns.iter().zip(&other.columns) {
            match (&own.kind, &theirs.kind) {
                (Kind::Number { .. }, Kind::Number { .. }) => places.push(Some(start)),
                (Kind::Category { levels }, Kind::Category { levels: met })
                    if met.iter().all(|l| levels.contains(l)) =>
                {
                    let place = |level: &String| met.iter().position(|l| l == level).map(|i| start + i);
                    places.extend(levels.iter().map(place));
                }
                _ => return None,
            }
            start += theirs.kind.width();
        }
        Some(places)
    }

    /// What samples are held to, column by column, as one remark; nothing where there is nothing to say.
    pub fn remark(&self) -> Option<String> {
        let said = |c: &Column| {
            let number = |v: &f32| number_text(*v, None);
            let what = match (&c.kind, &c.range) {
                (Kind::Category { .. }, _) => return None,
                (_, range) if !range.values.is_empty() => {
                    format!("one of {}", range.values.iter().map(number).collect::<Vec<_>>().join(" "))
                }
                (Kind::Number { decimals: Some(0) }, range) if range.not_negative => "whole, not below 0".into(),
                (Kind::Number { decimals: Some(0) }, _) => "whole".into(),
                (_, range) if range.not_negative => "not below 0".into(),
                _ => return None,
            };
            Some(format!("{} {what}", c.name))
        };
        let all: Vec<String> = self.columns.iter().filter_map(said).collect();
        const MOST: usize = 6;
        let rest = if all.len() > MOST { format!("; and {} more", all.len() - MOST) } else { String::new() };
        let shown = all.iter().take(MOST).cloned().collect::<Vec<_>>().join("; ");
        (!all.is_empty())
            .then(|| format!("samples will be held to what the columns hold: {shown}{rest} (sample --raw does not)"))
    }

    /// One encoded row as the cells of the file: numbers rounded and within their range, categories by their largest entry.
    ///
    /// Cells for which the row has no entries are empty.
    pub fn decode(&self, row: &[f32]) -> Vec<String> {
        let mut rest = row;
        let mut cells = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let (own, after) = rest.split_at(column.kind.width().min(rest.len()));
            rest = after;
            cells.push(match &column.kind {
                Kind::Number { decimals } => {
                    own.first().map_or_else(String::new, |&x| number_text(column.range.nearest(x), *decimals))
                }
                Kind::Category { levels } => largest(own).and_then(|i| levels.get(i)).cloned().unwrap_or_default(),
            });
        }
        cells
    }
}

/// The place of the largest number, the first one if several are; NaN is never the largest.
fn largest(values: &[f32]) -> Option<usize> {
    let score = |x: f32| if x.is_nan() { f32::NEG_INFINITY } else { x };
    (0..values.len()).reduce(|best, i| if score(values[i]) > score(values[best]) { i } else { best })
}

/// A number with so many decimals.
fn rounded(x: f32, decimals: Option<u8>) -> f32 {
    match decimals {
        Some(n) => {
            let unit = 10f64.powi(i32::from(n.min(9)));
            ((f64::from(x) * unit).round_ties_even() / unit) as f32
        }
        None => x,
    }
}

/// A number as text: rounded to `decimals`, or the shortest text that reads back as the same f32.
fn number_text(x: f32, decimals: Option<u8>) -> String {
    let text = match decimals {
        Some(n) => format!("{x:.*}", usize::from(n.min(9))),
        None if x != 0.0 && (x.abs() < 1e-5 || x.abs() >= 1e16) && x.is_finite() => format!("{x:e}"),
        None => x.to_string(),
    };
    // a small negative number rounds to -0.00, which no input looks like
    match text.strip_prefix('-') {
        Some(positive) if positive.bytes().all(|b| b == b'0' || b == b'.') => positive.to_string(),
        _ => text,
    }
}
