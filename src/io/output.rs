//! Files that appear whole or not at all.
//!
//! What is written goes to `.NAME.tmp-PID` beside the target (`-1`, `-2`, ... added when that exists) and takes
//! the target's name only when it is complete and on the disk. A dropped, unfinished file leaves nothing.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Problem, Result};

/// The sentence by which [`is_closed_pipe`] knows its kind.
const CLOSED_PIPE: &str = "the reader of the pipe is gone";

/// The hint by which [`is_full`] knows its kind.
const FULL: &str = "free some space; the old file is untouched";

/// A file being written; see [`OutputFile::finish`].
#[derive(Debug)]
pub struct OutputFile {
    target: PathBuf,
    temporary: PathBuf,
    /// `None` once finished.
    file: Option<BufWriter<File>>,
    force: bool,
}

impl OutputFile {
    /// Begins a file. Without `force` a target that exists is refused ([`Error::Usage`]); what cannot be written
    /// is refused at once ([`Error::Write`]). Missing directories are made; a link stays a link.
    pub fn create(path: &Path, force: bool) -> Result<Self> {
        let target = follow_links(path)?;
        let Some(name) = target.file_name() else {
            let problem = Problem::new("not a file name").at(path.display());
            return Err(Error::usage(problem.expected("a path that ends in a name")));
        };
        let existing = check_target(&target, force)?;
        let directory = directory_of(&target);
        fs::create_dir_all(directory).map_err(|e| cannot_write(directory, "create the directory", &e))?;
        let (temporary, file) =
            create_beside(directory, name).map_err(|e| cannot_write(&target, "create the file", &e))?;
        if let Some(meta) = existing {
            // only for looks: a file whose mode cannot be kept is still a good file
            let _ = fs::set_permissions(&temporary, meta.permissions());
        }
        Ok(Self { target, temporary, file: Some(BufWriter::new(file)), force })
    }

    /// Writes bytes, with the target named in the error.
    pub fn write_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.write_all(bytes).map_err(|e| cannot_write(&self.target, "write", &e))
    }

    /// Puts the file on the disk and gives it its name. Whatever fails, the old file is still there.
    pub fn finish(mut self) -> Result<()> {
        let Some(writer) = self.file.take() else { return Ok(()) };
        let done = self.put_in_place(writer);
        if done.is_err() {
            let _ = fs::remove_file(&self.temporary);
        }
        done
    }

    fn put_in_place(&self, writer: BufWriter<File>) -> Result<()> {
        let file = writer.into_inner().map_err(|e| cannot_write(&self.target, "write", e.error()))?;
        // a failed fsync is never repeated: the kernel may have dropped the pages and would report success
        file.sync_all().map_err(|e| cannot_write(&self.target, "write to the disk", &e))?;
        drop(file);
        check_target(&self.target, self.force)?;
        rename(&self.temporary, &self.target).map_err(|e| cannot_write(&self.target, "replace", &e))?;
        sync_directory(directory_of(&self.target));
        Ok(())
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_mut().map_or(Err(ErrorKind::NotConnected.into()), |file| file.write(bytes))
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        if let Some(writer) = self.file.take() {
            // into_parts, because dropping the writer would still write what is buffered
            drop(writer.into_parts());
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Refuses now what [`OutputFile::create`] and writing would refuse after hours of work.
pub fn check_writable(path: &Path, force: bool) -> Result<()> {
    if path == Path::new("-") {
        return Ok(());
    }
    OutputFile::create(path, force).map(drop)
}

/// What exists at the target, if it may be replaced.
fn check_target(target: &Path, force: bool) -> Result<Option<fs::Metadata>> {
    let meta = match fs::metadata(target) {
        Ok(meta) => meta,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(cannot_write(target, "look at the file", &e)),
    };
    if !meta.is_file() {
        let kind = if meta.is_dir() { "a directory" } else { "a pipe, socket or device" };
        let problem = Problem::new("cannot write there").at(target.display()).found(kind).expected("a file name");
        return Err(Error::write(problem.hint("use `-` for the standard output")));
    }
    if !force {
        return Err(Error::usage(Problem::new("the file exists").at(target.display()).hint("--force replaces it")));
    }
    Ok(Some(meta))
}

/// The file that a path means when it is a link, whether or not that file exists.
fn follow_links(path: &Path) -> Result<PathBuf> {
    const MOST_LINKS: usize = 40;
    let mut target = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&target) {
            Ok(next) => target = directory_of(&target).join(next),
            Err(_) => return Ok(target),
        }
    }
    Err(Error::write(Problem::new("the links go in a circle").at(path.display())))
}

/// Creates the temporary file, never opening one that exists.
fn create_beside(directory: &Path, name: &OsStr) -> io::Result<(PathBuf, File)> {
    let mut last = ErrorKind::AlreadyExists.into();
    for attempt in 0..100 {
        let mut temporary = std::ffi::OsString::from(".");
        temporary.push(name);
        temporary.push(format!(".tmp-{}", std::process::id()));
        if attempt > 0 {
            temporary.push(format!("-{attempt}"));
        }
        let path = directory.join(temporary);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => last = e,
            Err(e) => return Err(e),
        }
    }
    Err(last)
}

/// Whether a file name is one that [`OutputFile`] gives to its temporary files.
fn is_temporary(name: &str) -> bool {
    let numbers = |text: &str| text.split('-').all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    name.starts_with('.') && name.rsplit_once(".tmp-").is_some_and(|(_, pid)| numbers(pid))
}

/// Removes the temporary files that a killed process left in a directory; only its owner may call this.
pub(super) fn remove_leftovers(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && entry.file_name().to_str().is_some_and(is_temporary) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The directory a path is in.
pub(super) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes a rename or a new entry last through a power cut, where the system offers that.
pub(super) fn sync_directory(directory: &Path) {
    // not every file system can do this, and the file itself is safe already
    if cfg!(unix)
        && let Ok(handle) = File::open(directory)
    {
        let _ = handle.sync_all();
    }
}

/// Renames; on Windows again and again for a while, because scanners hold new files open.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    let tries = if cfg!(windows) { 16 } else { 1 };
    let mut result = fs::rename(from, to);
    for _ in 1..tries {
        if !result.as_ref().is_err_and(|e| e.kind() == ErrorKind::PermissionDenied) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_secs(1));
        result = fs::rename(from, to);
    }
    result
}

/// The error for an output operation that failed: `verb` completes "cannot ...".
pub(super) fn cannot_write(path: &Path, verb: &str, error: &io::Error) -> Error {
    if error.kind() == ErrorKind::BrokenPipe {
        return Error::write(Problem::new(CLOSED_PIPE).at(path.display()));
    }
    let problem = Problem::new(format!("cannot {verb} ({error})")).at(path.display());
    Error::write(match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => problem.hint(FULL),
        ErrorKind::FileTooLarge => problem.hint("raise the limit on file sizes (ulimit -f)"),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            problem.hint("choose a directory you may write to")
        }
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            problem.hint("a part of the path is a file, not a directory")
        }
        _ => problem,
    })
}

/// Whether writing failed because the disk, or a quota of it, is full, which may pass.
pub fn is_full(error: &Error) -> bool {
    matches!(error, Error::Write(problem) if problem.hint.as_deref() == Some(FULL))
}

/// Refuses to begin a file of at least `bytes` bytes where the file system has less room. Where the system does not tell, it has.
pub fn check_room(path: &Path, bytes: u64) -> Result<()> {
    let there = path.ancestors().skip(1).map(|p| if p.as_os_str().is_empty() { Path::new(".") } else { p });
    let free = there.into_iter().find(|p| p.is_dir()).and_then(free_bytes);
    match free {
        Some(free) if free < bytes => {
            let text = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
            let problem = Problem::new("there is not enough room on the disk").at(path.display());
            let problem = problem.found(format!("{} free", text(free))).expected(format!("at least {}", text(bytes)));
            Err(Error::write(problem.hint(FULL)))
        }
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn free_bytes(directory: &Path) -> Option<u64> {
    let room = rustix::fs::statvfs(directory).ok()?;
    room.f_bavail.checked_mul(room.f_frsize)
}

#[cfg(not(unix))]
fn free_bytes(_: &Path) -> Option<u64> {
    None
}

/// Whether writing failed because the reader of a pipe left, which is no fault (`... | head`).
pub fn is_closed_pipe(error: &Error) -> bool {
    matches!(error, Error::Write(problem) if problem.what == CLOSED_PIPE)
}
