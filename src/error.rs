//! Every way in which Scorefield refuses or fails, and the exit code of each.
//!
//! A [`Problem`] says what was found, where, what was expected and what to do; the variant of [`Error`] that
//! carries it says whose problem it is and therefore which code the process ends with. Exit codes are part of
//! the interface: scripts may rely on them.

use std::fmt;

/// What went wrong, in the words a user needs.
///
/// Printed as `<what> in <place>: found <found>, expected <expected>` with the absent parts left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong, as a sentence without its full stop.
    pub what: String,
    /// Where: a path, `path:row R, column C`, a flag or a configuration key.
    pub place: Option<String>,
    /// The value that was found.
    pub found: Option<String>,
    /// The range or form that was expected.
    pub expected: Option<String>,
    /// One thing to do about it.
    pub hint: Option<String>,
}

impl Problem {
    /// A problem described by `what` alone; add the rest with the builder methods.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), ..Self::default() }
    }
    /// Where the problem is.
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.place = Some(place.to_string());
        self
    }
    /// What was found there.
    pub fn found(mut self, found: impl fmt::Display) -> Self {
        self.found = Some(found.to_string());
        self
    }
    /// What was expected instead.
    pub fn expected(mut self, expected: impl fmt::Display) -> Self {
        self.expected = Some(expected.to_string());
        self
    }
    /// What the user can do.
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.what))?;
        if let Some(place) = &self.place {
            write!(f, " in {}", printable(place))?;
        }
        match (&self.found, &self.expected) {
            (Some(found), Some(expected)) => {
                write!(f, ": found {}, expected {}", printable(found), printable(expected))
            }
            (Some(found), None) => write!(f, ": found {}", printable(found)),
            (None, Some(expected)) => write!(f, ": expected {}", printable(expected)),
            (None, None) => Ok(()),
        }
    }
}

/// Text that came from outside, made safe to print: control characters escaped, cut at 400 characters.
pub fn printable(text: &str) -> String {
    const LIMIT: usize = 400;
    let mut out = String::with_capacity(text.len().min(LIMIT));
    for (i, c) in text.chars().enumerate() {
        if i == LIMIT {
            out.push('…');
            break;
        }
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

macro_rules! classes {
    ($($(#[$doc:meta])* $variant:ident $make:ident $label:literal $code:literal;)*) => {
        /// A failure, by whose problem it is. The table below is the whole list, with its exit codes.
        #[derive(Debug, Clone, thiserror::Error)]
        pub enum Error {
            $($(#[$doc])* #[error("{0}")] $variant(Problem),)*
        }
        impl Error {
            $($(#[$doc])* pub fn $make(problem: Problem) -> Self { Self::$variant(problem) })*
            /// The exit code of the process.
            pub fn exit_code(&self) -> u8 {
                match self { $(Self::$variant(_) => $code,)* }
            }
            /// The short name printed in `error[...]`.
            pub fn label(&self) -> &'static str {
                match self { $(Self::$variant(_) => $label,)* }
            }
            /// The description, whichever class it is of.
            pub fn problem(&self) -> &Problem {
                match self { $(Self::$variant(p) => p,)* }
            }
            /// The description, to be completed by a caller that knows more.
            pub fn problem_mut(&mut self) -> &mut Problem {
                match self { $(Self::$variant(p) => p,)* }
            }
        }
        /// `(label, exit code)` of every class, for `--help` and the documentation.
        pub const EXIT_CODES: &[(&str, u8)] = &[$(($label, $code),)*];
    };
}

classes! {
    /// A flag, a name or a configuration key is wrong.
    Usage usage "E-USAGE" 2;
    /// A data file cannot be used.
    Data data "E-DATA" 3;
    /// A checkpoint or a run cannot be used.
    Checkpoint checkpoint "E-CHECKPOINT" 4;
    /// No device, or the device's limits or memory do not suffice.
    Device device "E-DEVICE" 5;
    /// The device was lost or hangs.
    Lost lost "E-LOST" 6;
    /// A file cannot be written.
    Write write "E-WRITE" 7;
    /// Another process owns the run directory.
    Busy busy "E-BUSY" 8;
    /// The numbers diverged.
    Diverged diverged "E-DIVERGED" 9;
    /// A self-test or an evaluation failed.
    Check check "E-CHECK" 10;
    /// A fault of this program.
    Bug bug "E-BUG" 70;
    /// Stopped by Ctrl-C; everything was saved.
    Interrupted interrupted "E-INTERRUPTED" 130;
    /// Stopped by a termination signal; everything was saved.
    Terminated terminated "E-TERMINATED" 143;
}

/// The result of everything that can fail here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The legal name nearest to `given`, when it is near enough to be a slip of the keyboard.
pub fn nearest<'a>(given: &str, legal: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    legal
        .into_iter()
        .map(|name| (edit_distance(given, name), name))
        .min()
        .filter(|(distance, name)| *distance <= name.len().max(given.len()) / 3 + 1 && *distance < given.len().max(2))
        .map(|(_, name)| name)
}

/// Levenshtein distance in characters.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substitution = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substitution.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_prints_only_the_parts_it_has() {
        let p = Problem::new("bad width").at("--hidden").found("0").expected("1 to 2048");
        assert_eq!(p.to_string(), "bad width in --hidden: found 0, expected 1 to 2048");
        assert_eq!(Problem::new("a\u{1b}[31mb").to_string(), "a\\u{1b}[31mb");
    }

    #[test]
    fn the_nearest_name_is_found_and_strangers_are_not() {
        assert_eq!(nearest("mons", ["moons", "circles"]), Some("moons"));
        assert_eq!(nearest("zzzzzzzz", ["moons", "circles"]), None);
    }
}
