//! What a command says: results on stdout (text, or one JSON object), everything else on stderr.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Map, Value, json};

use crate::error::{Error, Problem, Result};

/// Whether everything on stderr is a JSON object a line.
static JSON_LINES: AtomicBool = AtomicBool::new(false);

/// Makes stderr one JSON object a line (`--log-format json`), or text.
pub fn log_as_json(json: bool) {
    JSON_LINES.store(json, Ordering::Relaxed);
}

/// A line on stderr: text, or the object with `level` and `text`.
fn log_line(level: &str, text: &str) {
    // nobody can be told when stderr itself is gone
    let _ = match JSON_LINES.load(Ordering::Relaxed) {
        true => writeln!(std::io::stderr(), "{}", json!({"level": level, "text": text})),
        false => writeln!(std::io::stderr(), "{}", crate::error::printable(text)),
    };
}

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
            log_line("note", text);
        }
    }

    /// Says that a directory was made for a file, where [`missing_directory`] found none before.
    pub fn note_made(&self, directory: Option<PathBuf>) {
        if let Some(directory) = directory {
            self.note(&format!("made the directory {}", directory.display()));
        }
    }

    /// A progress display of `total` units: a bar on a terminal, a line now and then elsewhere.
    pub fn progress(&self, what: &str, total: u64) -> Progress {
        let lines = JSON_LINES.load(Ordering::Relaxed);
        let terminal = std::io::stderr().is_terminal() && !self.quiet && !lines;
        let bar = terminal.then(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(8));
            let style = ProgressStyle::with_template("{prefix} {bar:28} {pos}/{len}  {eta} left  {msg}");
            if let Ok(style) = style {
                bar.set_style(style.progress_chars("━╸ "));
            }
            bar.set_prefix(what.to_string());
            bar
        });
        Progress {
            bar,
            quiet: self.quiet,
            what: what.into(),
            total,
            next: Duration::from_secs(5),
            clock: std::time::Instant::now(),
            began: None,
        }
    }
}

/// Says how long the device has not answered.
pub fn tell_waiting(passed: Duration) {
    log_line("note", &format!("the device has not answered for {:.0} s; still waiting", passed.as_secs_f64()));
}

/// The directory that writing a file will make.
pub fn missing_directory(file: &Path) -> Option<PathBuf> {
    let directory = file.parent().filter(|d| !d.as_os_str().is_empty() && !d.exists());
    directory.map(Path::to_path_buf)
}

/// A running display.
pub struct Progress {
    bar: Option<ProgressBar>,
    quiet: bool,
    what: String,
    total: u64,
    next: Duration,
    clock: std::time::Instant,
    /// Where the work was when it was first heard of, and when: a run that goes on does not begin at 0.
    began: Option<(u64, Duration)>,
}

/// A duration in words of one unit.
fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 99.5 => format!("{s:.0} s"),
        s if s < 5940.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
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
                self.print(position, words);
            }
            None => {}
        }
        self.began.get_or_insert((position, self.clock.elapsed()));
    }

    /// Seconds to go at the pace so far; nothing before there is one.
    fn left(&self, position: u64) -> Option<f64> {
        let (first, then) = self.began?;
        let done = position.checked_sub(first).filter(|done| *done > 0)?;
        let each = (self.clock.elapsed() - then).as_secs_f64() / done as f64;
        Some(each * self.total.saturating_sub(position) as f64)
    }

    fn print(&self, position: u64, words: &str) {
        let (what, total, left) = (&self.what, self.total, self.left(position));
        if JSON_LINES.load(Ordering::Relaxed) {
            let line = json!({
                "level": "progress", "what": what, "done": position, "of": total, "seconds_left": left, "text": words,
            });
            let _ = writeln!(std::io::stderr(), "{line}");
            return;
        }
        let left = left.map_or(String::new(), |s| format!("  {} left", duration(s)));
        let _ = writeln!(std::io::stderr(), "{what} {position}/{total}{left}  {words}");
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
            None if !self.quiet => log_line("progress", text),
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
    if JSON_LINES.load(Ordering::Relaxed) {
        let line = json!({
            "level": "error", "class": error.label(), "exit_code": error.exit_code(), "what": problem.what,
            "place": problem.place, "found": problem.found, "expected": problem.expected, "hint": problem.hint,
        });
        let _ = writeln!(std::io::stderr(), "{line}");
        return;
    }
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
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_told_in_a_unit_that_suits() {
        assert_eq!([3.4, 99.0, 100.0, 5000.0, 7000.0].map(duration), ["3 s", "99 s", "2 min", "83 min", "1.9 h"]);
    }

    #[test]
    fn the_time_left_counts_from_where_the_work_went_on() {
        let mut progress = Ui::new(false, true).progress("training", 1000);
        assert_eq!(progress.left(500), None);
        progress.at(500, "");
        assert_eq!(progress.left(500), None);
        progress.began = Some((500, Duration::ZERO));
        std::thread::sleep(Duration::from_millis(20));
        let left = progress.left(600).unwrap();
        let pace = progress.clock.elapsed().as_secs_f64() / 100.0;
        assert!(left > 400.0 * 0.0002 && left <= 400.0 * pace, "{left}");
    }
}
