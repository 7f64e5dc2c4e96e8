//! The lines of a text file: of bounded length, and certainly text.

use std::io::{BufRead, BufReader, Read};

use super::input::cannot_read;
use crate::error::{Error, Problem, Result};

/// Longest line that is read, in bytes.
const MAX_LINE: u64 = 1 << 20;

/// One line with its number, counted from 1.
pub(super) struct Line<'a> {
    pub text: &'a str,
    pub number: u64,
}

/// Lines of bounded length, checked to be text.
pub(super) struct Lines<'a> {
    reader: BufReader<&'a mut dyn Read>,
    line: Vec<u8>,
    number: u64,
    offset: u64,
    place: &'a str,
}

impl<'a> Lines<'a> {
    pub fn new(input: &'a mut dyn Read, place: &'a str) -> Self {
        Self { reader: BufReader::new(input), line: Vec::new(), number: 0, offset: 0, place }
    }

    /// The next line without its end; `None` after the last one.
    pub fn next(&mut self) -> Result<Option<Line<'_>>> {
        self.offset += self.line.len() as u64;
        self.line.clear();
        let limited = &mut (&mut self.reader).take(MAX_LINE + 1);
        limited.read_until(b'\n', &mut self.line).map_err(|e| cannot_read(self.place, &e))?;
        if self.line.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        // what comes first explains best: a binary file has control bytes long before its first line ends
        let text = match std::str::from_utf8(&self.line) {
            Ok(text) => text,
            Err(e) if self.line.len() as u64 > MAX_LINE && e.error_len().is_none() => "",
            Err(e) => return Err(self.not_text(e.valid_up_to(), "invalid UTF-8")),
        };
        let text = if self.number == 1 { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text };
        let start = self.line.len() - text.len();
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if let Some(at) = text.bytes().position(|b| b < b' ' && b != b'\t') {
            let found = match text.as_bytes()[at] {
                0 => "a NUL byte (UTF-16 text has them)".to_string(),
                byte => format!("control byte 0x{byte:02x}"),
            };
            return Err(self.not_text(start + at, &found));
        }
        if self.line.len() as u64 > MAX_LINE {
            let at = format!("{}:row {}", self.place, self.number);
            let problem = Problem::new("the line is too long").at(at).found("more than 1 MiB");
            return Err(Error::data(problem.expected("at most 1 MiB a line")));
        }
        Ok(Some(Line { text, number: self.number }))
    }

    fn not_text(&self, at: usize, found: &str) -> Error {
        let found = format!("{found} at byte {}", self.offset + at as u64);
        let problem = Problem::new("the file is not text").at(self.place).found(found);
        Error::data(problem.expected("UTF-8 text, or an NPY file"))
    }
}
