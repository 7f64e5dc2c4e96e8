//! What the columns of a table are, and how words become numbers (one-hot) and back.

use serde::{Deserialize, Serialize};

/// The columns of a table in order; stored with a run so that samples look like the data did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// The columns, as the file had them.
    pub columns: Vec<Column>,
    /// Whether the file began with a row of names.
    pub header: bool,
}

/// One column of the file; it may take several encoded columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name: from the header, or `x1`, `x2`, ...
    pub name: String,
    /// What its cells are.
    pub kind: Kind,
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

impl Schema {
    /// `width` columns of numbers without a header; names that are not given are `x1`, `x2`, ...
    pub fn numeric(names: &[&str], width: usize) -> Self {
        let name = |i: usize| names.get(i).map_or_else(|| format!("x{}", i + 1), |n| (*n).to_string());
        let columns = (0..width).map(|i| Column { name: name(i), kind: Kind::Number { decimals: None } }).collect();
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

    /// Whether rows encoded by one can be read by the other: the same widths and the same levels; names and
    /// decimals may differ.
    pub fn same_shape(&self, other: &Schema) -> bool {
        self.columns.len() == other.columns.len()
            && self.columns.iter().zip(&other.columns).all(|(a, b)| match (&a.kind, &b.kind) {
                (Kind::Category { levels: a }, Kind::Category { levels: b }) => a == b,
                (Kind::Number { .. }, Kind::Number { .. }) => true,
                _ => false,
            })
    }

    /// One encoded row as the cells of the file: numbers rounded, categories by their largest entry.
    ///
    /// Cells for which the row has no entries are empty.
    pub fn decode(&self, row: &[f32]) -> Vec<String> {
        let mut rest = row;
        let mut cells = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let (own, after) = rest.split_at(column.kind.width().min(rest.len()));
            rest = after;
            cells.push(match &column.kind {
                Kind::Number { decimals } => own.first().map_or_else(String::new, |&x| number_text(x, *decimals)),
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
