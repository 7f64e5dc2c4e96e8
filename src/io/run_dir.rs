//! The directory of one training: what is where, and one writer at a time.
//!
//! ```text
//! config.toml  manifest.json  schema.json     what was asked, with what, on which data
//! train.jsonl  metrics.jsonl                  one object a line, each with its "step"
//! checkpoints/000020000.safetensors           the newest two
//! samples/  figures/                          what was made from it
//! ensemble.json  seed-0/  seed-1/ ..          of an ensemble: its seeds, and a run for each
//! lock                                        held by the process that trains
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::checkpoint::Checkpoint;
use super::lock;
use super::output::{OutputFile, cannot_write, directory_of, remove_leftovers, sync_directory};
use super::preflight;
use crate::error::{Error, Problem, Result, nearest};

/// Where numbered runs are.
pub(super) const RUNS: &str = "runs";
/// The seeds of an ensemble, as a JSON list; its members are runs below it.
pub const ENSEMBLE: &str = "ensemble.json";
/// How many checkpoints are kept.
const KEEP: usize = 2;
/// The parts by which a directory is known to hold a run.
pub(super) const MARKS: [&str; 3] = ["config.toml", "manifest.json", "checkpoints"];

/// A run directory. One that was created or locked may be trained into; one that was opened may be read.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    /// The one checkpoint to use, when the user named a file.
    chosen: Option<PathBuf>,
    /// The lock, held until the end.
    lock: Option<File>,
}

impl RunDir {
    /// Makes and locks a run directory: `out`, or `runs/NNNNN-slug` with the next number.
    ///
    /// A directory that holds a run is refused, or with `overwrite` renamed to `NAME.old-N`.
    pub fn create(out: Option<&Path>, slug: &str, overwrite: bool) -> Result<Self> {
        match out {
            Some(path) => Self::create_at(path, overwrite),
            None => Self::create_numbered(Path::new(RUNS), slug),
        }
    }

    pub(super) fn create_numbered(runs: &Path, slug: &str) -> Result<Self> {
        make_directory(runs)?;
        // numbers are given one process at a time, or two could get the same with different slugs
        let _turn = lock::wait_for(&runs.join(".lock"))?;
        let next = numbered(runs).last().map_or(1, |(number, _)| number + 1);
        let slug: String =
            slug.chars().map(|c| if c.is_alphanumeric() || "._=@".contains(c) { c } else { '-' }).take(80).collect();
        let path = runs.join(format!("{next:05}-{slug}"));
        fs::create_dir(&path).map_err(|e| cannot_write(&path, "create the directory", &e))?;
        Self { path, chosen: None, lock: None }.begin()
    }

    fn create_at(path: &Path, overwrite: bool) -> Result<Self> {
        make_directory(path)?;
        let mut run = Self { path: path.to_path_buf(), chosen: None, lock: None };
        // a stranger's directory is not even given a lock file
        preflight::refuse_strangers(path)?;
        run.lock()?;
        if run.holds_run() {
            preflight::refuse_run(path, overwrite)?;
            if cfg!(windows) {
                // there a directory with an open file in it cannot be renamed
                run.lock = None;
            }
            move_aside(path)?;
            make_directory(path)?;
            run.lock()?;
        }
        run.begin()
    }

    /// Locks a fresh directory and makes its parts.
    fn begin(mut self) -> Result<Self> {
        if self.lock.is_none() {
            self.lock()?;
        }
        for directory in [self.checkpoints(), self.samples(), self.figures()] {
            make_directory(&directory)?;
        }
        sync_directory(directory_of(&self.path));
        Ok(self)
    }

    /// Finds a run: a directory, a checkpoint file inside one, the number of a run, or `last`.
    pub fn open(name: &str) -> Result<Self> {
        Self::open_among(Path::new(RUNS), name)
    }

    pub(super) fn open_among(runs: &Path, name: &str) -> Result<Self> {
        let number = name.parse::<u64>().ok();
        let listed = if name == "last" || number.is_some() { numbered(runs) } else { Vec::new() };
        let found = match number {
            Some(number) => listed.into_iter().find(|(n, _)| *n == number),
            // a process killed at its very start leaves an empty directory, which is no run
            None => listed.into_iter().rfind(|(_, path)| is_run(path)),
        };
        let path = found.map_or_else(|| PathBuf::from(name), |(_, path)| path);
        let mut run = Self { path, chosen: None, lock: None };
        if run.path.is_file() {
            let file = std::mem::take(&mut run.path);
            run.path = fs::canonicalize(&file)
                .ok()
                .and_then(|f| Some(f.parent()?.parent()?.to_path_buf()))
                .unwrap_or_default();
            run.chosen = Some(file);
        }
        if run.holds_run() { Ok(run) } else { Err(no_run(runs, name)) }
    }

    /// The members of an ensemble by seed, when that is what the directory holds.
    pub fn ensemble(&self) -> Result<Option<Vec<(u64, PathBuf)>>> {
        let path = self.path.join(ENSEMBLE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(cannot_write(&path, "read", &e)),
        };
        let seeds = serde_json::from_str::<Vec<u64>>(&text).map_err(|e| {
            Error::checkpoint(Problem::new(format!("the list of seeds cannot be read: {e}")).at(path.display()))
        })?;
        Ok(Some(seeds.into_iter().map(|seed| (seed, self.member(seed))).collect()))
    }

    /// Where the member with this seed is.
    pub fn member(&self, seed: u64) -> PathBuf {
        self.path.join(format!("seed-{seed}"))
    }

    /// Takes the lock away from whoever has it and says who that was; nothing where nobody has. A living owner finds out
    /// when it saves its next checkpoint, and stops.
    pub fn break_lock(path: &Path) -> Result<Option<String>> {
        lock::break_open(&path.join("lock"))
    }

    fn holds_run(&self) -> bool {
        is_run(&self.path)
    }

    /// Becomes the one writer, or says who is ([`Error::Busy`]), and clears away what a killed writer left.
    pub fn lock(&mut self) -> Result<()> {
        let file = lock::take(&self.path.join("lock"))?;
        self.lock = Some(file);
        for directory in [self.path.clone(), self.checkpoints(), self.samples(), self.figures()] {
            remove_leftovers(&directory);
        }
        Ok(())
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }
    /// The configuration as text.
    pub fn config(&self) -> PathBuf {
        self.path.join("config.toml")
    }
    /// Version, arguments, device and data of the run.
    pub fn manifest(&self) -> PathBuf {
        self.path.join("manifest.json")
    }
    /// The data's columns.
    pub fn schema(&self) -> PathBuf {
        self.path.join("schema.json")
    }
    /// One line a tick of the training.
    pub fn train_log(&self) -> PathBuf {
        self.path.join("train.jsonl")
    }
    /// One line a measurement.
    pub fn metrics_log(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }
    /// The directory of the checkpoints.
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }
    /// The directory of sampled points.
    pub fn samples(&self) -> PathBuf {
        self.path.join("samples")
    }
    /// The directory of pictures.
    pub fn figures(&self) -> PathBuf {
        self.path.join("figures")
    }

    /// Writes a text file of the run atomically.
    pub fn write_text(&self, name: &str, text: &str) -> Result<()> {
        let mut file = OutputFile::create(&self.path.join(name), true)?;
        file.write_bytes(text.as_bytes())?;
        file.finish()
    }

    /// Adds a line to a log; it is with the system, not in a buffer, when this returns.
    pub fn append_jsonl(&self, name: &str, value: &Value) -> Result<()> {
        let path = self.path.join(name);
        let write = || {
            let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
            let before = file.metadata()?.len();
            let written = file.write_all(format!("{value}\n").as_bytes());
            if written.is_err() {
                // a part of a line would spoil the next one
                let _ = file.set_len(before);
            }
            written
        };
        write().map_err(|e| cannot_write(&path, "write", &e))
    }

    /// Cuts a log back to a checkpoint: drops lines whose `key` is beyond `max_step`, and a torn last line.
    pub fn truncate_jsonl(&self, name: &str, key: &str, max_step: u64) -> Result<()> {
        let path = self.path.join(name);
        let failed = |e| cannot_write(&path, "read back", &e);
        let mut reader = match File::open(&path) {
            Ok(file) => BufReader::new(file),
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(failed(e)),
        };
        let mut kept = OutputFile::create(&path, true)?;
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).map_err(failed)? > 0 {
            let value = serde_json::from_slice::<Value>(&line);
            let torn = !line.ends_with(b"\n") && value.is_err();
            let step = value.ok().and_then(|v| v.get(key)?.as_u64());
            if !torn && step.is_none_or(|step| step <= max_step) {
                kept.write_bytes(line.strip_suffix(b"\n").unwrap_or(&line))?;
                kept.write_bytes(b"\n")?;
            }
            line.clear();
        }
        kept.finish()
    }

    /// Writes `checkpoints/STEP.safetensors`, then removes all but the newest two that this program wrote.
    pub fn save_checkpoint(&self, step: u64, checkpoint: &Checkpoint) -> Result<PathBuf> {
        let Some(lock) = &self.lock else {
            return Err(Error::bug(Problem::new("a checkpoint is saved without the lock").at(self.path.display())));
        };
        let path = self.checkpoints().join(format!("{step:09}.safetensors"));
        // saving makes missing directories: without this, a run that was moved would go on in the shell of another
        let still_there = || match lock::is_still(&self.path.join("lock"), lock) {
            true => Ok(()),
            false => {
                Err(Error::write(Problem::new("the run was moved or removed while it went on").at(self.path.display())))
            }
        };
        still_there()?;
        checkpoint.save(&path)?;
        still_there()?;
        let listed = self.list_checkpoints();
        let own = listed.iter().rev().map(|(_, path)| path).filter(|path| Checkpoint::is_ours(path));
        for old in own.skip(KEEP).filter(|old| **old != path) {
            // one that cannot be removed only takes space
            let _ = fs::remove_file(old);
        }
        Ok(path)
    }

    /// The checkpoints by step, oldest first; only names as they are given here count.
    fn list_checkpoints(&self) -> Vec<(u64, PathBuf)> {
        let step = |path: &Path| {
            let digits = path.file_name()?.to_str()?.strip_suffix(".safetensors")?;
            if digits.len() < 9 { None } else { digits.parse::<u64>().ok() }
        };
        let entries = fs::read_dir(self.checkpoints()).into_iter().flatten().flatten();
        let mut found: Vec<_> = entries.filter_map(|e| Some((step(&e.path())?, e.path()))).collect();
        found.sort_unstable();
        found
    }

    /// Steps of the checkpoints that are whole, oldest first.
    pub fn whole_checkpoints(&self) -> Vec<u64> {
        let whole = |(step, path): (u64, PathBuf)| Checkpoint::load(&path).is_ok().then_some(step);
        self.list_checkpoints().into_iter().filter_map(whole).collect()
    }

    /// Uses the checkpoint of this step and no other.
    pub fn choose(&mut self, step: u64) {
        self.chosen = Some(self.checkpoints().join(format!("{step:09}.safetensors")));
    }

    /// The newest checkpoint that is whole, with its step and notes for the user; or the one the user named.
    pub fn latest_checkpoint(&self) -> Result<(u64, PathBuf, Checkpoint, Vec<String>)> {
        if let Some(path) = &self.chosen {
            let (checkpoint, notes) = Checkpoint::load(path)?;
            let step = path.file_stem().and_then(|s| s.to_str()?.parse().ok()).unwrap_or(0);
            return Ok((step, path.clone(), checkpoint, notes));
        }
        let mut notes = Vec::new();
        let mut first = None;
        for (step, path) in self.list_checkpoints().into_iter().rev() {
            match Checkpoint::load(&path) {
                Ok((checkpoint, more)) => {
                    notes.extend(more);
                    return Ok((step, path, checkpoint, notes));
                }
                Err(e) => {
                    notes.push(format!("skipped a checkpoint: {}", e.problem()));
                    first.get_or_insert(e);
                }
            }
        }
        Err(first.unwrap_or_else(|| {
            let problem = Problem::new("there is no complete checkpoint").at(self.checkpoints().display());
            Error::checkpoint(problem.hint("train longer, or start again with --overwrite"))
        }))
    }
}

fn make_directory(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|e| cannot_write(path, "create the directory", &e))
}

/// The numbered runs, in order.
fn numbered(runs: &Path) -> Vec<(u64, PathBuf)> {
    let number = |path: &Path| path.file_name()?.to_str()?.split_once('-')?.0.parse::<u64>().ok();
    let entries = fs::read_dir(runs).into_iter().flatten().flatten();
    // an overwritten run keeps its number in its name but is not the run of that number
    let old = |path: &Path| path.extension().is_some_and(|e| e.to_string_lossy().starts_with("old-"));
    let mut found: Vec<_> = entries
        .map(|e| e.path())
        .filter(|path| path.is_dir() && !old(path))
        .filter_map(|path| Some((number(&path)?, path)))
        .collect();
    found.sort_unstable();
    found
}

pub(super) fn is_run(path: &Path) -> bool {
    MARKS.iter().any(|mark| path.join(mark).exists())
}

fn no_run(runs: &Path, name: &str) -> Error {
    let names: Vec<String> =
        numbered(runs).iter().filter_map(|(_, path)| Some(path.file_name()?.to_str()?.to_string())).collect();
    let problem =
        Problem::new("there is no run").at(name).expected("a run directory, a checkpoint in one, a number or `last`");
    Error::checkpoint(match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => problem.hint(format!("did you mean {}?", runs.join(near).display())),
        None if name == "last" => problem.hint(format!(
            "`last` is the newest of {}/NNNNN-*; a run made with --out is named by its directory",
            runs.display()
        )),
        None => problem,
    })
}

/// Renames a run to the first free `NAME.old-N`.
fn move_aside(path: &Path) -> Result<()> {
    let whole = fs::canonicalize(path).map_err(|e| cannot_write(path, "move the old run", &e))?;
    for n in 1..10_000 {
        let mut name = whole.as_os_str().to_os_string();
        name.push(format!(".old-{n}"));
        if fs::symlink_metadata(&name).is_err() {
            return fs::rename(&whole, &name).map_err(|e| cannot_write(path, "move the old run", &e));
        }
    }
    Err(Error::write(Problem::new("too many old runs").at(path.display()).hint("remove some of NAME.old-N")))
}
