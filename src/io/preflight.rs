//! What can be refused of a run directory before a device is opened or anything is made.

use std::fs;
use std::path::Path;

use super::lock;
use super::output::{OutputFile, cannot_write};
use super::run_dir::{MARKS, RUNS, RunDir, is_run};
use crate::error::{Error, Problem, Result};

impl RunDir {
    /// Refuses now what [`RunDir::create`] with the same arguments would refuse; changes nothing.
    pub fn check(out: Option<&Path>, overwrite: bool) -> Result<()> {
        let path = out.unwrap_or(Path::new(RUNS));
        if out.is_some() && path.is_dir() {
            refuse_strangers(path)?;
            lock::check(&path.join("lock"))?;
            refuse_run(path, overwrite)?;
        }
        // the directory that is there, in which the missing ones would be made
        let there = path.ancestors().find(|p| p.symlink_metadata().is_ok()).unwrap_or(Path::new("."));
        let probe = OutputFile::create(&there.join("scorefield-probe"), true).map(drop);
        probe.map_err(|mut e| {
            e.problem_mut().place = Some(path.display().to_string());
            e
        })
    }
}

/// Refuses a directory that has things in it which are no run.
pub(super) fn refuse_strangers(path: &Path) -> Result<()> {
    // one listing, because another process may be making or moving a run here at this moment
    let entries = fs::read_dir(path).map_err(|e| cannot_write(path, "look into the directory", &e))?;
    let names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    let is_run = names.iter().any(|name| MARKS.iter().any(|mark| name == mark));
    if is_run || names.iter().all(|name| name == "lock") {
        return Ok(());
    }
    let problem = Problem::new("the directory is not empty and holds no run").at(path.display());
    Err(Error::usage(problem.hint("choose a new directory")))
}

/// Refuses to write over a run that nobody allowed to be moved.
pub(super) fn refuse_run(path: &Path, overwrite: bool) -> Result<()> {
    if overwrite || !is_run(path) {
        return Ok(());
    }
    let problem = Problem::new("the directory already holds a run").at(path.display());
    Err(Error::usage(problem.hint("--resume continues it, --overwrite moves it aside")))
}
