//! What a command says: results on stdout (text, or one JSON object), everything else on stderr.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Map, Value};

use crate::error::{Error, Problem, Result};

/// Where a command prints.
pub struct Ui {
    json: bool,
    quiet: bool,
    report: Map<String, Value>,
    closed: bool,
}

impl Ui {
    /// Text or JSON, with or without remarks.
    pub fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet, report: Map::new(), closed: false }
    }

    /// A line of the result, not printed with `--json`.
    pub fn say(&mut self, line: &str) -> Result<()> {
        if self.json { Ok(()) } else { self.print(line) }
    }

    /// A value of the result, printed with `--json`.
    pub fn value(&mut self, key: &str, value: impl Into<Value>) {
        self.report.insert(key.into(), value.into());
    }

    fn print(&mut self, line: &str) -> Result<()> {
        if self.closed {
            return Ok(());
        }
        let mut out = std::io::stdout().lock();
        match writeln!(out, "{line}").and_then(|()| out.flush()) {
            Ok(()) => Ok(()),
            // the reader has seen enough; files are still to be finished
            Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            Err(e) => Err(Error::write(Problem::new(format!("the output cannot be written: {e}")).at("stdout"))),
        }
    }

    /// Ends a command: prints the JSON object.
    pub fn finish(&mut self) -> Result<()> {
        if !self.json || self.report.is_empty() {
            return Ok(());
        }
        let text = Value::Object(std::mem::take(&mut self.report)).to_string();
        self.print(&text)
    }

    /// A remark on stderr.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            // nobody can be told when stderr itself is gone
            let _ = writeln!(std::io::stderr(), "{}", crate::error::printable(text));
        }
    }

    /// A progress display of `total` units: a bar on a terminal, a line now and then elsewhere.
    pub fn progress(&self, what: &str, total: u64) -> Progress {
        let terminal = std::io::stderr().is_terminal() && !self.quiet;
        let bar = terminal.then(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(8));
            let style = ProgressStyle::with_template("{prefix} {bar:28} {pos}/{len}  {eta} left  {msg}");
            if let Ok(style) = style {
                bar.set_style(style.progress_chars("━╸ "));
            }
            bar.set_prefix(what.to_string());
            bar
        });
        Progress { bar, quiet: self.quiet, what: what.into(), total, next: Duration::from_secs(5), clock: std::time::Instant::now() }
    }
}

/// A running display.
pub struct Progress {
    bar: Option<ProgressBar>,
    quiet: bool,
    what: String,
    total: u64,
    next: Duration,
    clock: std::time::Instant,
}

impl Progress {
    /// Shows the position and a few words.
    pub fn at(&mut self, position: u64, words: &str) {
        match &self.bar {
            Some(bar) => {
                bar.set_position(position);
                bar.set_message(words.to_string());
            }
            None if !self.quiet && self.clock.elapsed() >= self.next => {
                self.next = self.clock.elapsed() + Duration::from_secs(10);
                let _ = writeln!(std::io::stderr(), "{} {position}/{}  {words}", self.what, self.total);
            }
            None => {}
        }
    }
    /// Shows the position of `total`, where the work itself knows how much there is.
    pub fn at_of(&mut self, position: u64, total: u64, words: &str) {
        self.total = total;
        if let Some(bar) = &self.bar {
            bar.set_length(total);
        }
        self.at(position, words);
    }
    /// A line that stays, above the bar.
    pub fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None if !self.quiet => {
                let _ = writeln!(std::io::stderr(), "{text}");
            }
            None => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Prints an error in its one shape.
pub fn complain(error: &Error) {
    let problem = error.problem();
    let mut text = format!("error[{}]: {problem}", error.label());
    if let Some(hint) = &problem.hint {
        text.push_str(&format!("\nhint: {}", crate::error::printable(hint)));
    }
    // with stderr closed the exit code has to do
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A count with thin groups of three digits.
pub fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(' ');
        }
        out.push(c);
    }
    out
}
