//! A data file as rows of f32, whatever its format.

use std::io::{Read, SeekFrom};
use std::path::Path;

use super::input::{self, Hashing, Input, cannot_read, format_of};
use super::{Schema, csv, npy, npz};
use crate::error::{Error, Problem, Result};

/// More columns than this are refused in every format: a schema has an entry for each.
pub(super) const MAX_COLUMNS: usize = 65_536;

/// A data set that was read: (rows, width) numbers, row-major, all finite.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// What the columns of the file are.
    pub schema: Schema,
    /// Number of rows.
    pub rows: usize,
    /// Number of encoded columns, `schema.width()`.
    pub width: usize,
    /// The numbers, row after row, categories one-hot.
    pub values: Vec<f32>,
    /// Things worth telling the user once.
    pub notes: Vec<String>,
    /// SHA-256 of the file's bytes.
    pub sha256: String,
}

impl Table {
    /// The same rows with the columns of another table, whose levels may have come in another order or be more; nothing if
    /// they are other columns.
    pub fn in_columns_of(mut self, schema: &Schema) -> Option<Self> {
        let places = schema.places_in(&self.schema)?;
        let row = |row: &[f32]| places.iter().map(|p| p.map_or(0.0, |p| row[p])).collect::<Vec<_>>();
        self.values = self.values.chunks_exact(self.width).flat_map(row).collect();
        (self.width, self.schema) = (schema.width(), schema.clone());
        Some(self)
    }
}

/// How to read a data file.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// Accept a single row.
    pub allow_point_mass: bool,
    /// Which array of an NPZ archive to take.
    pub member: Option<String>,
    /// Refuse files, and encoded tables, larger than this.
    pub max_bytes: u64,
    /// What is done with rows that lack a value.
    pub missing: Missing,
}

/// What is done with rows that lack a value: an empty cell, `NA`, `NaN` and the like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Missing {
    /// The file is refused, with the first places.
    #[default]
    Refuse,
    /// They are left out, and a note says how many.
    Drop,
}

impl Missing {
    /// From the word on the command line and in a configuration.
    pub fn named(name: &str) -> Result<Self> {
        match name {
            "refuse" => Ok(Self::Refuse),
            "drop" => Ok(Self::Drop),
            other => {
                let problem = Problem::new("there is no such choice").at("--missing").found(format!("`{other}`"));
                Err(Error::usage(problem.expected("refuse or drop")))
            }
        }
    }
}

/// What can be done about missing values.
pub(super) const MISSING_HINT: &str =
    "--missing drop (of train, lint, eval, data and plot) leaves out rows that lack a value";

/// Rows that were left out because they lack a value.
#[derive(Debug, Default)]
pub(super) struct Dropped {
    rows: u64,
    first: Option<String>,
}

impl Dropped {
    /// One more, which lacks a value in this column.
    pub fn add(&mut self, row: u64, column: &str) {
        self.rows += 1;
        self.first.get_or_insert_with(|| format!("row {row}, column {column}"));
    }
    /// Refuses a file of which nothing is left.
    pub fn refuse_all(&self, kept: usize, place: &str) -> Result<()> {
        if self.rows == 0 || kept > 0 {
            return Ok(());
        }
        let problem = Problem::new("every row lacks a value, and all were dropped").at(place);
        Err(Error::data(problem.found(format!("{} rows", self.rows)).expected("some whole rows")))
    }
    /// How many there were, and the first.
    pub fn note(&self, kept: usize, place: &str) -> Option<String> {
        let first = self.first.as_ref()?;
        let all = self.rows + kept as u64;
        let share = 100.0 * self.rows as f64 / all as f64;
        Some(format!(
            "{} of {all} rows of {place} lack a value and were dropped, {share:.1} % (the first: {first}); what is left is no \
             fair sample if values are missing for a reason",
            self.rows
        ))
    }
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { allow_point_mass: false, member: None, max_bytes: 8 << 30, missing: Missing::default() }
    }
}

/// Reads a CSV, TSV, semicolon- or space-separated text, an NPY array or an NPZ archive; `-` is stdin.
///
/// The content decides the format, not the name. Every refusal is an [`Error::Data`] that names the place.
pub fn read_table(path: &Path, options: &ReadOptions) -> Result<Table> {
    let place = if path == Path::new("-") { "stdin".to_string() } else { path.display().to_string() };
    let Input { mut reader, length } = input::open(path, options.max_bytes, Error::data)?;
    let rewind = |reader: &mut Box<dyn input::Source>| {
        reader.seek(SeekFrom::Start(0)).map_err(|e| cannot_read(&place, &e)).map(|_| ())
    };
    let mut head = Vec::new();
    (&mut reader).take(512).read_to_end(&mut head).map_err(|e| cannot_read(&place, &e))?;
    rewind(&mut reader)?;

    let format = format_of(&head);
    let (mut table, sha256, seen) = if format == Some("zip") {
        let mut hashing = Hashing::new(&mut reader);
        std::io::copy(&mut hashing, &mut std::io::sink()).map_err(|e| cannot_read(&place, &e))?;
        let (sha256, seen) = hashing.finish();
        rewind(&mut reader)?;
        (npz::read(&mut reader, length, &place, options)?, sha256, seen)
    } else {
        let mut hashing = Hashing::new(&mut reader);
        let table = match format {
            Some("NPY") => npy::read(&mut hashing, length, &place, options.missing)?,
            Some(other) => return Err(wrong_format(&place, other)),
            None => {
                check_name(path, &place)?;
                csv::read(&mut hashing, &place, options)?
            }
        };
        let (sha256, seen) = hashing.finish();
        (table, sha256, seen)
    };
    if seen != length {
        let problem = Problem::new("the file changed while it was read").at(&place);
        return Err(Error::data(problem.found(format!("{seen} bytes")).expected(format!("{length} bytes"))));
    }
    check_rows(&table, &place, options)?;
    table.sha256 = sha256;
    Ok(table)
}

/// A format that is recognised but never read.
pub(super) fn wrong_format(place: &str, found: &str) -> Error {
    Error::data(
        Problem::new("not a data file that can be read")
            .at(place)
            .found(found)
            .expected("CSV, TSV, NPY or NPZ")
            .hint("save it with numpy.save(name, array.astype('float32'))"),
    )
}

/// A file called `.npy` that is no array would only give a puzzling complaint about its text.
fn check_name(path: &Path, place: &str) -> Result<()> {
    match path.extension().and_then(|e| e.to_str()) {
        Some(name @ ("npy" | "npz")) => {
            let problem = Problem::new(format!("named .{name} but does not begin as such a file")).at(place);
            Err(Error::data(problem.found("other bytes").expected("the magic bytes of the format")))
        }
        _ => Ok(()),
    }
}

fn check_rows(table: &Table, place: &str, options: &ReadOptions) -> Result<()> {
    if table.rows >= 2 || (table.rows == 1 && options.allow_point_mass) {
        return Ok(());
    }
    Err(Error::data(
        Problem::new("too few rows")
            .at(place)
            .found(table.rows)
            .expected("at least 2 rows")
            .hint("--allow-point-mass accepts a single row"),
    ))
}
