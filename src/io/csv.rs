//! Text tables, read in one pass: each cell becomes one f32 at once, a number or the index of a word.

use std::borrow::Cow;
use std::io::Read;

use super::cell::{Spot, bad_cells, has_digit_above_zero, is_missing, parse_number, separator_of, split, suspicion};
use super::lines::{Line, Lines};
use super::schema::{Column, Kind, Range, Schema};
use super::table::{Dropped, MAX_COLUMNS, MISSING_HINT, Missing, ReadOptions, Table};
use crate::error::{Error, Problem, Result};

/// A column of words with more different ones than this is no category.
const MAX_LEVELS: usize = 64;
/// Places listed in one message.
const MAX_PLACES: usize = 3;
/// A column of numbers with at most so many different ones, each this often on average, holds nothing else.
const MAX_VALUES: usize = 12;
const OFTEN: u64 = 10;
/// So many numbers without a negative one are not so by chance.
const ENOUGH: u64 = 20;

/// Reads a text table; `options.max_bytes` bounds what its categories expand to.
pub(super) fn read(input: &mut dyn Read, place: &str, options: &ReadOptions) -> Result<Table> {
    let mut lines = Lines::new(input, place);
    let mut reading: Option<Reading> = None;
    let mut blank = None;
    while let Some(line) = lines.next()? {
        if line.text.trim().is_empty() {
            blank.get_or_insert(line.number);
            continue;
        }
        match &mut reading {
            None => reading = Some(Reading::start(&line, place, options.missing)?),
            // blank lines may end a file; amid the data one is a row that is missing
            Some(_) if blank.is_some() => {
                let at = format!("{place}:row {}", blank.unwrap_or_default());
                return Err(Error::data(Problem::new("a blank line amid the data").at(at)));
            }
            Some(reading) => reading.row(&line, place)?,
        }
        blank = None;
    }
    match reading {
        Some(reading) => reading.finish(place, options.max_bytes),
        None => Err(Error::data(Problem::new("the file holds no rows").at(place))),
    }
}

/// What is known of one column so far.
#[derive(Default)]
struct Cells {
    numbers: u64,
    words: u64,
    /// The first words, in case the column turns out to be one of numbers.
    first_words: Vec<Spot>,
    levels: Vec<String>,
    too_many_levels: bool,
    decimals: usize,
    exponent: bool,
    /// The different numbers, as long as they are few.
    different: Vec<f32>,
    too_many_numbers: bool,
    negative: bool,
}

/// A table being read.
struct Reading {
    separator: char,
    names: Option<Vec<String>>,
    columns: Vec<Cells>,
    /// (rows, columns): a number, or the index of a word among the column's levels.
    cells: Vec<f32>,
    rows: usize,
    bad: Vec<Spot>,
    bad_count: u64,
    vanished: u64,
    missing: Missing,
    dropped: Dropped,
}

impl Reading {
    /// The first line decides the separator, the number of columns and whether there is a header.
    fn start(line: &Line, place: &str, missing: Missing) -> Result<Self> {
        let separator = separator_of(line.text);
        let cells = split(line, separator, place)?;
        if cells.len() > MAX_COLUMNS {
            let problem = Problem::new("too many columns").at(place).found(cells.len());
            return Err(Error::data(problem.expected(format!("at most {MAX_COLUMNS}"))));
        }
        let wordy = |cell: &Cow<str>| cell.is_empty() || (parse_number(cell).is_none() && suspicion(cell).is_none());
        let names = cells.iter().all(wordy).then(|| header_names(&cells));
        let mut reading = Self {
            separator,
            names,
            columns: cells.iter().map(|_| Cells::default()).collect(),
            cells: Vec::new(),
            rows: 0,
            bad: Vec::new(),
            bad_count: 0,
            vanished: 0,
            missing,
            dropped: Dropped::default(),
        };
        match &reading.names {
            Some(names) => check_names(names, place)?,
            None => reading.row(line, place)?,
        }
        Ok(reading)
    }

    fn row(&mut self, line: &Line, place: &str) -> Result<()> {
        let cells = split(line, self.separator, place)?;
        if cells.len() != self.columns.len() {
            let problem = Problem::new("the row has another number of columns than the first one")
                .at(format!("{place}:row {}", line.number))
                .found(cells.len())
                .expected(self.columns.len());
            return Err(Error::data(
                problem.hint(format!("columns are separated by {:?} in the first row", self.separator)),
            ));
        }
        if self.missing == Missing::Drop
            && let Some(column) = cells.iter().position(|cell| is_missing(cell))
        {
            let name = self.names.as_ref().map_or_else(|| format!("x{}", column + 1), |names| names[column].clone());
            self.dropped.add(line.number, &name);
            return Ok(());
        }
        for (column, cell) in cells.iter().enumerate() {
            let spot = |reason| Spot { row: line.number, column: column + 1, text: cell.to_string(), reason };
            let number = parse_number(cell);
            let complaint = match number {
                Some(x) if (x as f32).is_infinite() => Some("beyond the range of f32"),
                Some(_) => None,
                None => suspicion(cell),
            };
            if let Some(reason) = complaint {
                self.bad_count += 1;
                if self.bad.len() < MAX_PLACES {
                    self.bad.push(spot(reason));
                }
            }
            let known = &mut self.columns[column];
            let value = match number {
                Some(x) => known.number(cell, x),
                None => {
                    if known.first_words.len() < MAX_PLACES {
                        known.first_words.push(spot("not a number"));
                    }
                    known.word(cell)
                }
            };
            self.vanished += u64::from(number.is_some() && value == 0.0 && has_digit_above_zero(cell));
            self.cells.push(value);
        }
        self.rows += 1;
        Ok(())
    }

    fn finish(self, place: &str, max_bytes: u64) -> Result<Table> {
        if !self.bad.is_empty() {
            let mut refusal = bad_cells(place, &self.bad, self.bad_count, "plain finite numbers such as -1.5 or 2e3");
            if self.missing == Missing::Refuse && self.bad.iter().any(|spot| is_missing(&spot.text)) {
                refusal.problem_mut().hint = Some(MISSING_HINT.into());
            }
            return Err(refusal);
        }
        self.dropped.refuse_all(self.rows, place)?;
        let mut columns = Vec::with_capacity(self.columns.len());
        for (i, cells) in self.columns.iter().enumerate() {
            let name = self.names.as_ref().map_or_else(|| format!("x{}", i + 1), |names| names[i].clone());
            columns.push(Column { kind: cells.kind(place)?, range: cells.range(), name });
        }
        let schema = Schema { columns, header: self.names.is_some() };
        let mut notes: Vec<String> = self.dropped.note(self.rows, place).into_iter().collect();
        if self.vanished > 0 {
            notes.push(format!("{} numbers in {place} are too small for f32 and became 0", self.vanished));
        }
        if schema.header && schema.columns.iter().all(|c| matches!(c.kind, Kind::Category { .. })) {
            notes.push(format!("the first row of {place} is taken as the header; no column holds numbers"));
        }
        let width = schema.width();
        let values = one_hot(&schema, self.cells, self.rows, place, max_bytes)?;
        Ok(Table { schema, rows: self.rows, width, values, notes, sha256: String::new() })
    }
}

impl Cells {
    fn number(&mut self, cell: &str, x: f64) -> f32 {
        self.numbers += 1;
        self.exponent |= cell.contains(['e', 'E']);
        self.decimals = self.decimals.max(cell.split_once('.').map_or(0, |(_, after)| after.len()));
        self.negative |= x < 0.0;
        let value = x as f32;
        if !self.too_many_numbers && !self.different.contains(&value) {
            self.too_many_numbers = self.different.len() == MAX_VALUES;
            self.different.push(value);
        }
        value
    }

    fn word(&mut self, cell: &str) -> f32 {
        self.words += 1;
        let level = self.levels.iter().position(|level| level == cell).unwrap_or_else(|| {
            if self.levels.len() < MAX_LEVELS {
                self.levels.push(cell.to_string());
            } else {
                self.too_many_levels = true;
            }
            self.levels.len() - 1
        });
        level as f32
    }

    /// Which numbers the column can hold.
    fn range(&self) -> Range {
        let mut values = if self.words > 0 || self.too_many_numbers { Vec::new() } else { self.different.clone() };
        if self.numbers < OFTEN * values.len() as u64 {
            values.clear();
        }
        values.sort_by(f32::total_cmp);
        Range { not_negative: self.words == 0 && !self.negative && self.numbers >= ENOUGH, values }
    }

    /// What the column is, once all of it was seen.
    fn kind(&self, place: &str) -> Result<Kind> {
        if self.words == 0 {
            let decimals = u8::try_from(self.decimals).ok().filter(|&d| d <= 9 && !self.exponent);
            return Ok(Kind::Number { decimals });
        }
        if self.numbers > 0 {
            let all = self.numbers + self.words;
            let expected = format!("numbers, as in {} of the column's {all} cells (or words in all)", self.numbers);
            let mut refusal = bad_cells(place, &self.first_words, self.words, &expected);
            if self.first_words.iter().all(|spot| is_missing(&spot.text)) {
                refusal.problem_mut().hint = Some(MISSING_HINT.into());
            }
            return Err(refusal);
        }
        if self.too_many_levels {
            let column = self.first_words.first().map_or(0, |spot| spot.column);
            let problem = Problem::new("a column of words has too many different ones");
            let problem = problem.at(format!("{place}:column {column}")).found(format!("more than {MAX_LEVELS}"));
            return Err(Error::data(problem.expected(format!("numbers, or at most {MAX_LEVELS} different words"))));
        }
        Ok(Kind::Category { levels: self.levels.clone() })
    }
}

/// Replaces each word's index by a one among zeros.
fn one_hot(schema: &Schema, cells: Vec<f32>, rows: usize, place: &str, max_bytes: u64) -> Result<Vec<f32>> {
    let (narrow, width) = (schema.columns.len(), schema.width());
    if schema.columns.iter().all(|c| matches!(c.kind, Kind::Number { .. })) {
        return Ok(cells);
    }
    let count = rows.saturating_mul(width);
    let mut values = Vec::new();
    let fits = count as u64 <= max_bytes / 4 && values.try_reserve_exact(count).is_ok();
    if !fits {
        let problem = Problem::new("the categories take too much memory as columns of 0 and 1").at(place);
        return Err(Error::data(problem.found(format!("{rows} rows of {width}")).hint("use fewer rows or categories")));
    }
    for row in cells.chunks_exact(narrow) {
        for (column, &cell) in schema.columns.iter().zip(row) {
            match &column.kind {
                Kind::Number { .. } => values.push(cell),
                Kind::Category { levels } => {
                    values.extend((0..levels.len()).map(|i| if i == cell as usize { 1.0 } else { 0.0 }));
                }
            }
        }
    }
    Ok(values)
}

fn header_names(cells: &[Cow<str>]) -> Vec<String> {
    let name = |(i, cell): (usize, &Cow<str>)| if cell.is_empty() { format!("x{}", i + 1) } else { cell.to_string() };
    cells.iter().enumerate().map(name).collect()
}

/// Two columns of one name could not be told apart in JSON lines.
fn check_names(names: &[String], place: &str) -> Result<()> {
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Error::data(Problem::new(format!("two columns are called '{}'", pair[0])).at(place))),
        None => Ok(()),
    }
}
