//! NumPy arrays: versions 1, 2 and 3, one or two dimensions, real numbers of any size and byte order.
//!
//! The shape is compared with the file's length before memory is taken.

use std::io::Read;

use super::input::cannot_read;
use super::npy_header::{Dtype, Header};
use super::schema::{Kind, Schema};
use super::table::{Dropped, MAX_COLUMNS, MISSING_HINT, Missing, Table};
use crate::error::{Error, Problem, Result};

/// Longest header that is read, in bytes.
const MAX_HEADER: u64 = 64 << 10;
/// Reads an array of which `length` bytes are there.
pub(super) fn read(input: &mut dyn Read, length: u64, place: &str, missing: Missing) -> Result<Table> {
    let (header, header_bytes) = read_header(input, length, place)?;
    let (rows, width) = dimensions(&header, place)?;
    let overflow = || Error::data(Problem::new("the shape overflows").at(place).found(shape_text(&header.shape)));
    let count = rows.checked_mul(width).ok_or_else(overflow)?;
    let payload = (count as u64).checked_mul(header.dtype.size as u64).ok_or_else(overflow)?;
    let there = length - header_bytes;
    if payload != there {
        let what = if payload > there { "the array is truncated" } else { "there are bytes after the array" };
        let problem = Problem::new(what).at(place).found(format!("{there} bytes of data"));
        return Err(Error::data(problem.expected(format!("{payload} bytes for shape {}", shape_text(&header.shape)))));
    }
    let mut notes = Vec::new();
    if header.shape.len() == 1 {
        notes.push(format!("{place} has shape ({rows},) and is read as {rows} rows of one column"));
    }
    let mut values = read_values(input, &header, [rows, width], place, missing, &mut notes)?;
    let rows = drop_rows(&mut values, width, place, &mut notes)?;
    let mut schema = Schema::numeric(&[], width);
    if header.dtype.kind != b'f' {
        schema.columns.iter_mut().for_each(|c| c.kind = Kind::Number { decimals: Some(0) });
    }
    Ok(Table { schema, rows, width, values, notes, sha256: String::new() })
}

/// Rows and columns of the array.
fn dimensions(header: &Header, place: &str) -> Result<(usize, usize)> {
    let refuse = |what: &str| {
        let problem = Problem::new(what).at(place).found(format!("shape {}", shape_text(&header.shape)));
        Err(Error::data(
            problem.expected("shape (rows, columns)").hint("reshape it with array.reshape(len(array), -1)"),
        ))
    };
    let (rows, width) = match header.shape[..] {
        [rows] => (rows, 1),
        [rows, width] => (rows, width),
        [] => return refuse("the array is a single number"),
        _ => return refuse("the array has too many dimensions"),
    };
    if rows == 0 || width == 0 {
        return refuse("the array is empty");
    }
    match (usize::try_from(rows), usize::try_from(width)) {
        (Ok(rows), Ok(width)) if width <= MAX_COLUMNS => Ok((rows, width)),
        _ => refuse("the array has too many columns or rows"),
    }
}

fn shape_text(shape: &[u64]) -> String {
    match shape {
        [n] => format!("({n},)"),
        _ => format!("({})", shape.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// Reads the numbers in blocks and puts each where it belongs in row-major order.
fn read_values(
    input: &mut dyn Read,
    header: &Header,
    [rows, width]: [usize; 2],
    place: &str,
    missing: Missing,
    notes: &mut Vec<String>,
) -> Result<Vec<f32>> {
    let (dtype, fortran) = (header.dtype, header.fortran);
    let count = rows * width;
    let mut values = Vec::new();
    values.try_reserve_exact(count).map_err(|_| {
        Error::data(Problem::new("the array does not fit into memory").at(place).found(format!("{count} numbers")))
    })?;
    if fortran {
        values.resize(count, 0.0f32);
    }
    let mut block = vec![0u8; dtype.size * 8192];
    let (mut done, mut lost, mut bad_count, mut bad) = (0usize, 0u64, 0u64, Vec::new());
    while done < count {
        let n = (count - done).min(8192);
        let bytes = &mut block[..n * dtype.size];
        input.read_exact(bytes).map_err(|e| cannot_read(place, &e))?;
        for (i, item) in bytes.chunks_exact(dtype.size).enumerate() {
            let k = done + i;
            let (row, column) = if fortran { (k % rows, k / rows) } else { (k / width, k % width) };
            let exact = number(item, dtype);
            let value = exact as f32;
            if !(value.is_finite() || exact.is_nan() && missing == Missing::Drop) {
                bad_count += 1;
                if bad.len() < 3 {
                    bad.push(format!("{exact:e} at row {}, column {}", row + 1, column + 1));
                }
            }
            // only numbers too small for f32 lose this much
            lost += u64::from((f64::from(value) - exact).abs() > 1e-6 * exact.abs());
            if fortran {
                values[row * width + column] = value;
            } else {
                values.push(value);
            }
        }
        done += n;
    }
    judge(bad_count, &bad, lost, place, notes)?;
    Ok(values)
}

/// Leaves out the rows that hold NaN, of which there are none unless rows with missing cells are to be dropped.
fn drop_rows(values: &mut Vec<f32>, width: usize, place: &str, notes: &mut Vec<String>) -> Result<usize> {
    let (mut dropped, mut kept) = (Dropped::default(), 0);
    for row in 0..values.len() / width {
        let from = row * width;
        if let Some(column) = values[from..from + width].iter().position(|v| v.is_nan()) {
            dropped.add(row as u64 + 1, &format!("x{}", column + 1));
            continue;
        }
        values.copy_within(from..from + width, kept * width);
        kept += 1;
    }
    values.truncate(kept * width);
    dropped.refuse_all(kept, place)?;
    notes.extend(dropped.note(kept, place));
    Ok(kept)
}

/// Refuses an array with numbers that are not finite, and notes those that lost digits.
fn judge(bad_count: u64, bad: &[String], lost: u64, place: &str, notes: &mut Vec<String>) -> Result<()> {
    if bad_count > 0 {
        let problem = Problem::new(format!("{bad_count} numbers are not finite as f32")).at(place);
        let problem = problem.found(bad.join("; ")).expected("finite numbers below 3.4e38");
        let is_missing = bad.iter().any(|b| b.starts_with("NaN"));
        return Err(Error::data(if is_missing { problem.hint(MISSING_HINT) } else { problem }));
    }
    if lost > 0 {
        notes.push(format!("{lost} numbers in {place} are too small for f32 and lost digits or became 0"));
    }
    Ok(())
}

/// One number of the file; `item` has `dtype.size` bytes.
fn number(item: &[u8], dtype: Dtype) -> f64 {
    let mut bits = 0u64;
    for (i, &byte) in item.iter().enumerate() {
        let place = if dtype.big_endian { dtype.size - 1 - i } else { i };
        bits |= u64::from(byte) << (8 * place);
    }
    match (dtype.kind, dtype.size) {
        (b'f', 2) => half(bits as u16),
        (b'f', 4) => f64::from(f32::from_bits(bits as u32)),
        (b'f', _) => f64::from_bits(bits),
        (b'u', _) => bits as f64,
        // sign extension from the file's size to 64 bits
        (_, size) => (((bits << (64 - 8 * size)) as i64) >> (64 - 8 * size)) as f64,
    }
}

/// An IEEE half as f64.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    let size = match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    };
    if bits >> 15 == 1 { -size } else { size }
}

/// Reads magic, version and dictionary; also gives the number of bytes they took.
fn read_header(input: &mut dyn Read, length: u64, place: &str) -> Result<(Header, u64)> {
    let truncated = |needed: u64| {
        let problem = Problem::new("the NPY header is truncated").at(place).found(format!("{length} bytes"));
        Error::data(problem.expected(format!("at least {needed} bytes")))
    };
    let mut take = |n: u64, before: u64| {
        let mut bytes = vec![0; n as usize];
        if before + n > length {
            return Err(truncated(before + n));
        }
        input.read_exact(&mut bytes).map(|()| bytes).map_err(|e| cannot_read(place, &e))
    };
    let start = take(8, 0)?;
    let digits = match start[6] {
        1 => 2,
        2 | 3 => 4,
        version => {
            let problem = Problem::new("unknown NPY version").at(place).found(format!("{version}.{}", start[7]));
            return Err(Error::data(problem.expected("1.0, 2.0 or 3.0")));
        }
    };
    let size = take(digits, 8)?.iter().rev().fold(0u64, |n, &byte| n << 8 | u64::from(byte));
    if size > MAX_HEADER {
        let problem = Problem::new("the NPY header is too long").at(place).found(format!("{size} bytes"));
        return Err(Error::data(problem.expected(format!("at most {MAX_HEADER} bytes"))));
    }
    let text = take(size, 8 + digits)?;
    let header = Header::parse(&text).map_err(|reason| {
        Error::data(Problem::new(reason).at(place).expected("an array of real numbers saved by numpy.save"))
    })?;
    Ok((header, 8 + digits + size))
}
