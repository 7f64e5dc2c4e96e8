//! The cells of a text table: where they end, which are numbers, and what is wrong with those that are not.

use std::borrow::Cow;

use super::lines::Line;
use crate::error::{Error, Problem, Result, printable};

/// The separator of a line: a tab if there is one, else a semicolon, else a comma; blanks only between numbers.
pub(super) fn separator_of(line: &str) -> char {
    let unquoted: String = line.split('"').step_by(2).collect();
    let spaced = unquoted.trim().contains(' ') && unquoted.split_whitespace().all(|c| parse_number(c).is_some());
    let found = ['\t', ';', ','].into_iter().find(|&c| unquoted.contains(c));
    found.unwrap_or(if spaced { ' ' } else { ',' })
}

/// The cells of a line, trimmed; a quoted cell may hold separators and doubled quotes but not a line end.
pub(super) fn split<'a>(line: &Line<'a>, separator: char, place: &str) -> Result<Vec<Cow<'a, str>>> {
    if separator == ' ' {
        return Ok(line.text.split_whitespace().map(Cow::Borrowed).collect());
    }
    if !line.text.contains('"') {
        return Ok(line.text.split(separator).map(|cell| Cow::Borrowed(cell.trim())).collect());
    }
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.text.chars() {
        match c {
            // a doubled quote leaves and enters again; it stands for itself only inside
            '"' => {
                if !quoted && cell.ends_with('\u{1}') {
                    cell.pop();
                    cell.push('"');
                }
                quoted = !quoted;
                if !quoted {
                    cell.push('\u{1}');
                }
            }
            c if c == separator && !quoted => cells.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
    }
    if quoted {
        let at = format!("{place}:row {}", line.number);
        return Err(Error::data(Problem::new("a quote is not closed on its line").at(at)));
    }
    cells.push(cell);
    Ok(cells.iter().map(|cell| Cow::Owned(cell.replace('\u{1}', "").trim().to_string())).collect())
}

/// A cell as a number: digits, signs, point and exponent only, so that neither `nan` nor `inf` is one.
pub(super) fn parse_number(cell: &str) -> Option<f64> {
    let plain = cell.bytes().all(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    if plain { cell.parse().ok() } else { None }
}

/// Whether a cell says that there is no value: an empty one, or one of the usual words.
pub(super) fn is_missing(cell: &str) -> bool {
    let lower = cell.trim().to_ascii_lowercase();
    ["", "?", "na", "n/a", "#n/a", "nan", "null"].contains(&lower.as_str())
}

pub(super) fn has_digit_above_zero(cell: &str) -> bool {
    cell.bytes().take_while(|b| !matches!(b, b'e' | b'E')).any(|b| matches!(b, b'1'..=b'9'))
}

/// Why a cell that is no number was probably meant to be one.
pub(super) fn suspicion(cell: &str) -> Option<&'static str> {
    let lower = cell.to_ascii_lowercase();
    let unsigned = lower.trim_start_matches(['+', '-']);
    let is_number = |text: &str| parse_number(text).is_some();
    match unsigned {
        "" => Some("an empty cell"),
        "nan" | "inf" | "infinity" => Some("not a finite number"),
        hex if hex.strip_prefix("0x").is_some_and(|h| !h.is_empty() && h.bytes().all(|b| b.is_ascii_hexdigit())) => {
            Some("a hexadecimal number")
        }
        text if text.contains(',') && is_number(&text.replacen(',', ".", 1)) => {
            Some("a decimal comma or another separator")
        }
        text if text.contains([',', ';', '_', ' ', '\''])
            && is_number(&text.replace([',', ';', '_', ' ', '\''], "")) =>
        {
            Some("digits with separators")
        }
        _ => None,
    }
}

/// A cell that is worth complaining about.
pub(super) struct Spot {
    pub row: u64,
    pub column: usize,
    pub text: String,
    pub reason: &'static str,
}

/// The complaint about some cells, the first of them as the place.
pub(super) fn bad_cells(place: &str, spots: &[Spot], count: u64, expected: &str) -> Error {
    let text = |s: &Spot| format!("'{}' ({})", printable(&s.text).chars().take(60).collect::<String>(), s.reason);
    let mut found = spots.first().map_or_else(String::new, text);
    for spot in spots.iter().skip(1) {
        found += &format!("; {} at row {}, column {}", text(spot), spot.row, spot.column);
    }
    if count > spots.len() as u64 {
        found += &format!("; {count} in all");
    }
    let at = spots.first().map_or_else(|| place.to_string(), |s| format!("{place}:row {}, column {}", s.row, s.column));
    Error::data(Problem::new("a cell cannot be used").at(at).found(found).expected(expected))
}
