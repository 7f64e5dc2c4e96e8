//! The lock of a run directory: held by the system for a process, so that no dead process can keep it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::output::{cannot_write, directory_of};
use crate::error::{Error, Problem, Result};

/// Takes the lock and writes into it whose it is, or refuses with [`Error::Busy`]. It is held while the file is open.
pub(super) fn take(path: &Path) -> Result<File> {
    let mut file = open_lock(path)?;
    match file.try_lock() {
        Ok(()) if !is_still(path, &file) => return Err(busy(path)),
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(busy(path)),
        Err(TryLockError::Error(e)) => return Err(cannot_write(path, "lock the run", &e)),
    }
    let owner = json!({ "pid": std::process::id(), "host": host(), "start": now() });
    let written = file.set_len(0).and_then(|()| file.write_all(format!("{owner}\n").as_bytes()));
    written.map_err(|e| cannot_write(path, "write", &e))?;
    Ok(file)
}

/// Whether the path still means the file that was opened: an overwrite may have moved the directory aside since.
#[cfg(unix)]
pub(super) fn is_still(path: &Path, file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let place = |meta: fs::Metadata| (meta.dev(), meta.ino());
    fs::metadata(path).ok().map(place) == file.metadata().ok().map(place)
}

/// Elsewhere a directory with an open file in it cannot be moved.
#[cfg(not(unix))]
pub(super) fn is_still(_: &Path, _: &File) -> bool {
    true
}

/// Refuses when another process holds the lock, without taking it.
pub(super) fn check(path: &Path) -> Result<()> {
    let Ok(file) = File::open(path) else { return Ok(()) };
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Err(busy(path)),
        _ => Ok(()),
    }
}

/// Removes the lock, whoever holds it: what is locked is the file, and the next one that is made is another. Gives its owner.
pub(super) fn break_open(path: &Path) -> Result<Option<String>> {
    let owner = File::open(path).ok().filter(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)));
    if owner.is_none() {
        return Ok(None);
    }
    let (who, _) = owner_of(path);
    fs::remove_file(path).map_err(|e| cannot_write(path, "break the lock", &e))?;
    Ok(Some(who))
}

/// Takes a lock that everybody holds for moments only.
pub(super) fn wait_for(path: &Path) -> Result<File> {
    let file = open_lock(path)?;
    file.lock().map_err(|e| cannot_write(path, "lock the directory", &e))?;
    Ok(file)
}

fn open_lock(path: &Path) -> Result<File> {
    let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    options.map_err(|e| match e.kind() {
        // the directory was there a moment ago, so another process is moving it aside
        ErrorKind::NotFound => busy(path),
        _ => cannot_write(path, "open the lock", &e),
    })
}

/// The refusal that names the owner, as far as its lock file tells.
fn busy(path: &Path) -> Error {
    let (who, elsewhere) = owner_of(path);
    let place = directory_of(path).display();
    let hint = if elsewhere {
        "wait for it; if that machine is no more, --break-lock takes the run over"
    } else {
        "wait for it, or use another --out"
    };
    Error::busy(Problem::new("the run is being written").at(place).found(who).hint(hint))
}

/// Who holds a lock, as far as its file tells, and whether on another machine.
fn owner_of(path: &Path) -> (String, bool) {
    let mut text = String::new();
    // on Windows a locked file cannot be read; the refusal then only says that there is an owner
    let _ = File::open(path).and_then(|file| file.take(4096).read_to_string(&mut text));
    let owner: Value = serde_json::from_str(&text).unwrap_or_default();
    let age = owner["start"].as_u64().map_or(0, |start| now().saturating_sub(start));
    match (owner["pid"].as_u64(), owner["host"].as_str()) {
        (Some(pid), Some(name)) => (format!("process {pid} on {name}, for {age} s"), name != host()),
        _ => ("another process".to_string(), false),
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

fn host() -> String {
    let from_file = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = from_file.or_else(|| std::env::var("HOSTNAME").ok()).or_else(|| std::env::var("COMPUTERNAME").ok());
    name.map_or_else(|| "an unknown host".into(), |n| n.trim().to_string())
}
