//! Rows of numbers streamed to a file, in the format that its name asks for; memory stays flat.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Number, Value};

use super::output::{OutputFile, cannot_write};
use super::schema::{Kind, Schema};
use crate::error::{Error, Problem, Result};

/// Writes rows of `width` encoded numbers.
///
/// NPY files hold the encoded numbers; CSV, TSV and JSON lines hold the cells as the data file had them.
#[derive(Debug)]
pub struct PointWriter {
    sink: Sink,
    path: PathBuf,
    format: Format,
    schema: Schema,
    rows: usize,
    width: usize,
    written: usize,
    /// What stands before the rows; written with them, so that a refusal leaves nothing on the standard output.
    start: Vec<u8>,
}

#[derive(Debug)]
enum Sink {
    File(OutputFile),
    Stdout(BufWriter<io::Stdout>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Npy,
    Text { separator: char },
    JsonLines,
}

impl PointWriter {
    /// Begins a file of `rows` rows: `.npy`, `.csv`, `.tsv` or `.jsonl`; `-` is CSV on the standard output.
    pub fn create(path: &Path, force: bool, schema: Option<&Schema>, rows: usize, width: usize) -> Result<Self> {
        let schema = schema.cloned().unwrap_or_else(|| Schema::numeric(&[], width));
        if schema.width() != width || width == 0 {
            let problem = Problem::new("the schema does not fit the points").found(schema.width());
            return Err(Error::bug(problem.expected(width)));
        }
        let format = format_of(path)?;
        let sink = match path.to_str() {
            Some("-") => Sink::Stdout(BufWriter::new(io::stdout())),
            _ => Sink::File(OutputFile::create(path, force)?),
        };
        let mut writer =
            Self { sink, path: path.to_path_buf(), format, schema, rows, width, written: 0, start: Vec::new() };
        writer.start = match format {
            Format::Npy => npy_header(&[rows, width]),
            Format::Text { separator } if writer.schema.header => {
                let names: Vec<String> = writer.schema.columns.iter().map(|c| c.name.clone()).collect();
                text_line(&names, separator).into_bytes()
            }
            _ => Vec::new(),
        };
        Ok(writer)
    }

    /// Gives the rows of an .npy file more than two axes: (`axes`.., width), whose product is the number of rows.
    pub fn shaped(mut self, axes: &[usize]) -> Result<Self> {
        if self.format != Format::Npy || self.written > 0 || axes.iter().product::<usize>() != self.rows {
            return Err(Error::usage(
                Problem::new("only .npy files have more than two axes")
                    .at(self.path.display())
                    .expected("a name that ends in .npy"),
            ));
        }
        self.start = npy_header(&[axes, &[self.width]].concat());
        Ok(self)
    }

    /// Writes whole rows, row-major.
    pub fn write_rows(&mut self, values: &[f32]) -> Result<()> {
        let rows = values.len() / self.width;
        if !values.len().is_multiple_of(self.width) || rows > self.rows - self.written {
            let problem = Problem::new("points were written that do not fit").at(self.path.display());
            return Err(Error::bug(problem.found(values.len()).expected((self.rows - self.written) * self.width)));
        }
        let mut bytes = std::mem::take(&mut self.start);
        for row in values.chunks_exact(self.width) {
            match self.format {
                Format::Npy => row.iter().for_each(|x| bytes.extend(x.to_le_bytes())),
                Format::Text { separator } => bytes.extend(text_line(&self.schema.decode(row), separator).bytes()),
                Format::JsonLines => bytes.extend(json_line(&self.schema, row).bytes()),
            }
            if bytes.len() >= 1 << 16 {
                self.put(&bytes)?;
                bytes.clear();
            }
        }
        self.written += rows;
        self.put(&bytes)
    }

    /// Completes the file. All announced rows must have been written.
    pub fn finish(mut self) -> Result<()> {
        let start = std::mem::take(&mut self.start);
        self.put(&start)?;
        if self.written != self.rows {
            let problem = Problem::new("points are missing").at(self.path.display()).found(self.written);
            return Err(Error::bug(problem.expected(self.rows)));
        }
        match self.sink {
            Sink::File(file) => file.finish(),
            Sink::Stdout(mut out) => out.flush().map_err(|e| cannot_write(Path::new("stdout"), "write", &e)),
        }
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.sink {
            Sink::File(file) => file.write_bytes(bytes),
            Sink::Stdout(out) => out.write_all(bytes).map_err(|e| cannot_write(Path::new("stdout"), "write", &e)),
        }
    }
}

fn format_of(path: &Path) -> Result<Format> {
    if path == Path::new("-") {
        return Ok(Format::Text { separator: ',' });
    }
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
    match extension.as_str() {
        "npy" => Ok(Format::Npy),
        "csv" => Ok(Format::Text { separator: ',' }),
        "tsv" => Ok(Format::Text { separator: '\t' }),
        "jsonl" | "ndjson" => Ok(Format::JsonLines),
        _ => Err(Error::usage(
            Problem::new("unknown format of points")
                .at(path.display())
                .found(format!("extension '{extension}'"))
                .expected(".npy, .csv, .tsv or .jsonl"),
        )),
    }
}

/// An NPY header of version 1, padded so that the numbers begin at a multiple of 64 bytes.
fn npy_header(shape: &[usize]) -> Vec<u8> {
    const BEFORE: usize = 10;
    let shape: Vec<String> = shape.iter().map(usize::to_string).collect();
    let mut text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", shape.join(", "));
    let padded = (BEFORE + text.len() + 1).next_multiple_of(64) - BEFORE;
    text += &" ".repeat(padded - 1 - text.len());
    text.push('\n');
    // a few axes of at most 20 digits each are far below the 65 535 bytes of version 1
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.bytes());
    bytes
}

/// Cells as one line, quoted where they must be.
fn text_line(cells: &[String], separator: char) -> String {
    let mut line = String::new();
    for (i, cell) in cells.iter().enumerate() {
        if i > 0 {
            line.push(separator);
        }
        if cell.contains([separator, '"', '\n', '\r']) {
            line.push('"');
            line += &cell.replace('"', "\"\"");
            line.push('"');
        } else {
            line += cell;
        }
    }
    line.push('\n');
    line
}

/// One row as a JSON object; a number that is not finite becomes null.
fn json_line(schema: &Schema, row: &[f32]) -> String {
    let cells = schema.decode(row);
    let value = |kind: &Kind, cell: String| match kind {
        Kind::Category { .. } => Value::String(cell),
        Kind::Number { decimals: Some(0) } if let Ok(whole) = cell.parse::<i64>() => Value::Number(whole.into()),
        Kind::Number { .. } => cell.parse().ok().and_then(Number::from_f64).map_or(Value::Null, Value::Number),
    };
    let object: Map<String, Value> =
        schema.columns.iter().zip(cells).map(|(c, cell)| (c.name.clone(), value(&c.kind, cell))).collect();
    Value::Object(object).to_string() + "\n"
}
