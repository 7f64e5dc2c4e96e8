//! Opening what a user names: only regular files and stdin, never endless, with the format recognised by content.

use std::fs::{self, File};
use std::io::{self, BufReader, Cursor, ErrorKind, Read, Seek};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::{Error, Problem, Result, nearest};

/// Which class of error a bad file belongs to: `Error::data` or `Error::checkpoint`.
pub(super) type Class = fn(Problem) -> Error;

/// The most that is taken from stdin, whose length nobody can know before.
const STDIN_LIMIT: u64 = 1 << 30;

/// Something that can be read and rewound.
pub(super) trait Source: Read + Seek {}
impl<T: Read + Seek> Source for T {}

/// An opened file or the whole of stdin, with its length in bytes.
pub(super) struct Input {
    pub reader: Box<dyn Source>,
    pub length: u64,
}

/// Opens a regular, non-empty file of at most `max_bytes`, or takes in stdin when the path is `-`.
pub(super) fn open(path: &Path, max_bytes: u64, class: Class) -> Result<Input> {
    if path != Path::new("-") {
        let (file, length) = open_file(path, max_bytes, class)?;
        return Ok(Input { reader: Box::new(BufReader::new(file)), length });
    }
    let bytes = read_to_limit(&mut io::stdin().lock(), max_bytes.min(STDIN_LIMIT), "stdin")?;
    if bytes.is_empty() {
        return Err(class(
            Problem::new("the input is empty").at("stdin").hint("use a file name, or `command | ... -`"),
        ));
    }
    Ok(Input { length: bytes.len() as u64, reader: Box::new(Cursor::new(bytes)) })
}

/// Opens a regular, non-empty file of at most `max_bytes` and says how long it is.
pub(super) fn open_file(path: &Path, max_bytes: u64, class: Class) -> Result<(File, u64)> {
    let place = path.display();
    // the kind is asked before opening, because opening a FIFO waits for a writer for ever
    let before = fs::metadata(path).map_err(|e| cannot_open(path, &e, class))?;
    check_regular(path, &before, class)?;
    let file = File::open(path).map_err(|e| cannot_open(path, &e, class))?;
    let meta = file.metadata().map_err(|e| cannot_open(path, &e, class))?;
    check_regular(path, &meta, class)?;
    match meta.len() {
        0 => Err(class(Problem::new("the file is empty").at(place))),
        n if n > max_bytes => Err(class(
            Problem::new("the file is too large")
                .at(place)
                .found(format!("{n} bytes"))
                .expected(format!("at most {max_bytes} bytes")),
        )),
        n => Ok((file, n)),
    }
}

fn check_regular(path: &Path, meta: &fs::Metadata, class: Class) -> Result<()> {
    if meta.is_file() {
        return Ok(());
    }
    let kind = if meta.is_dir() { "a directory" } else { "a pipe, socket or device" };
    Err(class(
        Problem::new("not a regular file")
            .at(path.display())
            .found(kind)
            .expected("a regular file")
            .hint("use `-` to read from a pipe"),
    ))
}

/// Why a file could not be opened, with a file of a similar name beside it as the hint.
fn cannot_open(path: &Path, error: &io::Error, class: Class) -> Error {
    let what = match error.kind() {
        ErrorKind::NotFound => "no such file".to_string(),
        ErrorKind::PermissionDenied => "no permission to read the file".to_string(),
        _ => format!("cannot open the file ({error})"),
    };
    let problem = Problem::new(what).at(path.display());
    let near = if error.kind() == ErrorKind::NotFound { near_name(path) } else { None };
    class(match near {
        Some(name) => problem.hint(format!("did you mean {name}?")),
        None => problem,
    })
}

fn near_name(path: &Path) -> Option<String> {
    const LOOK_AT_MOST: usize = 1000;
    let wanted = path.file_name()?.to_str()?;
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let names: Vec<String> = fs::read_dir(directory)
        .ok()?
        .take(LOOK_AT_MOST)
        .filter_map(|e| e.ok()?.file_name().into_string().ok())
        .collect();
    let near = nearest(wanted, names.iter().map(String::as_str))?;
    Some(path.with_file_name(near).display().to_string())
}

/// Reads all there is, refusing when it is more than `limit` bytes.
pub fn read_to_limit(reader: &mut dyn Read, limit: u64, place: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| cannot_read(place, &e))?;
    if bytes.len() as u64 > limit {
        let problem = Problem::new("too much input").at(place).found(format!("more than {limit} bytes"));
        return Err(Error::data(problem.expected(format!("at most {limit} bytes"))));
    }
    Ok(bytes)
}

/// A read that failed midway.
pub(super) fn cannot_read(place: &str, error: &io::Error) -> Error {
    Error::data(match error.kind() {
        ErrorKind::UnexpectedEof => Problem::new("the file became shorter while it was read").at(place),
        _ => Problem::new(format!("cannot read ({error})")).at(place),
    })
}

/// SHA-256 of a file's bytes in hexadecimal.
pub fn sha256_of_file(path: &Path) -> Result<String> {
    let (mut file, _) = open_file(path, u64::MAX, Error::data)?;
    sha256_of(&mut file).map_err(|e| cannot_read(&path.display().to_string(), &e))
}

/// SHA-256 of all that a reader yields, in hexadecimal.
pub(super) fn sha256_of(reader: &mut dyn Read) -> io::Result<String> {
    let mut hashing = Hashing::new(reader);
    io::copy(&mut hashing, &mut io::sink())?;
    Ok(hashing.finish().0)
}

/// A reader that hashes and counts what passes through it.
pub(super) struct Hashing<R> {
    inner: R,
    hash: Sha256,
    count: u64,
}

impl<R: Read> Hashing<R> {
    pub fn new(inner: R) -> Self {
        Self { inner, hash: Sha256::new(), count: 0 }
    }
    /// The hash in hexadecimal and the number of bytes.
    pub fn finish(self) -> (String, u64) {
        (hex(self.hash), self.count)
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.hash.update(&buffer[..n]);
        self.count += n as u64;
        Ok(n)
    }
}

/// A finished SHA-256 in hexadecimal.
pub(super) fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The name of the binary format that a file begins like, if it is one we know of.
///
/// Only the NPY, NPZ, PNG and safetensors rows are ever read; the others are here to be named in a refusal.
pub(super) fn format_of(head: &[u8]) -> Option<&'static str> {
    const MAGICS: &[(&[u8], &str)] = &[
        (b"\x93NUMPY", "NPY"),
        (b"PK\x03\x04", "zip"),
        (b"PK\x05\x06", "an empty zip archive"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\x1f\x8b", "gzip"),
        (b"BZh91AY&SY", "bzip2"),
        (b"\xfd7zXZ\0", "xz"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"\x89HDF\r\n\x1a\n", "HDF5 (also MATLAB 7.3 .mat)"),
        (b"MATLAB 5.0 MAT-file", "MATLAB .mat"),
        (b"\x80\x02", "a Python pickle (such as an old PyTorch .pt)"),
        (b"\x80\x03", "a Python pickle"),
        (b"\x80\x04", "a Python pickle"),
        (b"\x80\x05", "a Python pickle"),
        (b"PAR1\x15", "Parquet"),
        (b"ARROW1\0\0", "Arrow"),
        (b"\xff\xd8\xff", "JPEG"),
        (b"GIF87a", "GIF"),
        (b"GIF89a", "GIF"),
        (b"%PDF", "PDF"),
        (b"\x7fELF", "an executable"),
        (b"\xff\xfe", "UTF-16 text"),
        (b"\xfe\xff", "UTF-16 text"),
    ];
    if let Some((_, name)) = MAGICS.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Some(name);
    }
    (head.len() > 9 && head[8] == b'{' && head[4..8] == [0; 4]).then_some("safetensors")
}
