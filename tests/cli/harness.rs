//! Runs the built program in a temporary directory and checks what holds whenever it refuses something.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_scorefield");
/// A training that takes a fraction of a second.
pub const TINY: &str = "--hidden 8x1 --features 2 --batch-size 32 --steps 20 --n 200 --eval-every 20";

/// The same with a network and a length of one's own.
pub const SMALL: &str = "--features 2 --batch-size 32 --n 200";

/// What a run of the program left.
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
    pub took: Duration,
}

impl Ran {
    /// Asserts success and gives stdout.
    #[track_caller]
    pub fn done(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.err);
        assert!(!self.err.contains("panicked"), "{}", self.err);
        self.out
    }
}

/// A directory in which the program runs.
pub struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// A place with the files of a small finished run `r`, made once and copied.
    pub fn with_run() -> Self {
        static RUN: OnceLock<Place> = OnceLock::new();
        let made = RUN.get_or_init(|| {
            // it is never dropped, so it lies where `cargo clean` finds it
            let place = Place { dir: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap() };
            place.write("t.csv", mixed_table());
            place.run(&format!("train t.csv {TINY} --checkpoint-every 5 --out r")).done();
            place
        });
        let place = Place::new();
        copy(made.path(), place.path());
        place
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn at(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.at(name), bytes).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.at(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// The program with arguments, ready to start in this place.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(PROGRAM);
        self.prepare(&mut command);
        command.args(arguments);
        command
    }

    /// A shell line in this place, in which `$P` is the program.
    pub fn shell(&self, line: &str) -> Command {
        let mut command = Command::new("sh");
        self.prepare(&mut command);
        command.env("P", PROGRAM).args(["-c", line]);
        command
    }

    fn prepare(&self, command: &mut Command) {
        command.current_dir(self.path()).env("NODEVICE_SELECT", "1").env("RUST_BACKTRACE", "1").stdin(Stdio::null());
    }

    /// Runs the program with arguments separated by blanks.
    pub fn run(&self, arguments: &str) -> Ran {
        finish(&mut self.command(arguments.split_whitespace()))
    }

    /// Names of all files and directories with their bytes; locks, which each process signs, without.
    pub fn snapshot(&self) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        let mut all = BTreeMap::new();
        let mut open = vec![self.path().to_path_buf()];
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(directory).unwrap().flatten() {
                let (path, kind) = (entry.path(), entry.file_type().unwrap());
                let plain = kind.is_file() && entry.file_name() != "lock";
                all.insert(path.clone(), plain.then(|| fs::read(&path).unwrap_or_default()));
                if kind.is_dir() {
                    open.push(path);
                }
            }
        }
        all
    }

    /// Runs a command that must be refused; an empty text means that all is as it should be.
    ///
    /// Exit code and words are right; there is one line of error and at most a hint, no panic; stdout is empty; no
    /// file was made, changed or left over; it was quick; and for mistakes of the user no device was opened.
    pub fn refused_by(&self, command: &mut Command, code: i32, words: &str) -> String {
        let before = self.snapshot();
        let ran = finish(command);
        let errors = ran.err.lines().filter(|l| l.starts_with("error[E-")).count();
        let hints = ran.err.lines().filter(|l| l.starts_with("hint: ")).count();
        let faults = [
            (ran.code != Some(code), format!("exit code {:?}, expected {code}", ran.code)),
            (errors != 1 || hints > 1, format!("{errors} errors and {hints} hints")),
            (words.split(" & ").any(|w| !ran.err.contains(w)), format!("lacks {words:?}")),
            (
                ["panicked", "stack backtrace", "\u{1b}"].iter().any(|w| ran.err.contains(w)),
                "a panic or escapes".into(),
            ),
            (!ran.out.is_empty(), format!("stdout has {:?}", ran.out)),
            (self.snapshot() != before, "files were made or changed".into()),
            (ran.took > Duration::from_secs(5), format!("took {:?}", ran.took)),
            ([2, 3, 4, 7].contains(&code) && ran.err.contains("W-SOFTWARE-DEVICE"), "a device was opened".into()),
        ];
        let found: Vec<String> = faults.into_iter().filter(|(bad, _)| *bad).map(|(_, what)| what).collect();
        if found.is_empty() { String::new() } else { format!("{}\n{}", found.join("; "), ran.err) }
    }

    #[track_caller]
    pub fn refused(&self, arguments: &str, code: i32, words: &str) {
        let fault = self.refused_by(&mut self.command(arguments.split_whitespace()), code, words);
        assert!(fault.is_empty(), "`{arguments}`: {fault}");
    }

    /// Runs a table of cases (number, arguments, exit code, words) and reports all that went wrong.
    ///
    /// The address space is limited, so that a header's claim that is believed shows as a crash.
    #[track_caller]
    pub fn all_refused(&self, cases: &[(u32, &str, i32, &str)]) {
        let mut faults = Vec::new();
        for (case, arguments, code, words) in cases {
            let limited = "ulimit -v 1500000; exec \"$P\" \"$@\"";
            let mut command = self.shell(limited);
            command.arg("sh").args(arguments.split_whitespace());
            let fault = self.refused_by(&mut command, *code, words);
            if !fault.is_empty() {
                faults.push(format!("case {case}, `{arguments}`: {fault}"));
            }
        }
        assert!(faults.is_empty(), "{} of {} cases:\n{}", faults.len(), cases.len(), faults.join("\n"));
    }
}

/// Runs a command to its end.
pub fn finish(command: &mut Command) -> Ran {
    let clock = Instant::now();
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Ran { code: status.code(), out: text(&stdout), err: text(&stderr), took: clock.elapsed() }
}

/// Copies a directory and all in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A table with a header, whole numbers, two decimals and words.
pub fn mixed_table() -> String {
    let colour = ["red", "green", "light blue"];
    let row = |i: usize| format!("{},{:.2},{}\n", 20 + i * 7 % 50, 0.25 * (i * 13 % 40) as f64 - 5.0, colour[i % 3]);
    "age,height,colour\n".to_string() + &(0..120).map(row).collect::<String>()
}

/// An NPY file of version 1 with any dictionary and payload.
pub fn npy(dictionary: &str, payload: &[u8]) -> Vec<u8> {
    let text = format!("{dictionary}\n");
    [b"\x93NUMPY\x01\0", &(text.len() as u16).to_le_bytes()[..], text.as_bytes(), payload].concat()
}

/// An NPY file of a type, order and shape.
pub fn array(descr: &str, fortran: bool, shape: &str, payload: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    npy(&format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}"), payload)
}

/// Little-endian bytes.
pub fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// The newest checkpoint of a run, by name.
pub fn newest(place: &Place, run: &str) -> PathBuf {
    let entries = fs::read_dir(place.at(run).join("checkpoints")).unwrap();
    let mut names: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
    names.sort();
    names.pop().expect("a checkpoint")
}
