//! Checkpoints: named tensors and texts in one safetensors file, sealed by a hash over all of it.
//!
//! A file written here has these metadata keys besides the caller's own: `format` = `scorefield-checkpoint`,
//! `format_version` = `1`, `sealed` = `sha256`, and `sha256`: the hexadecimal SHA-256 of the whole file in which
//! those 64 digits are zeros. Files from elsewhere need only the first two; they are accepted with a note that
//! nothing vouches for their bytes.

use std::collections::BTreeMap;
use std::io::{BufReader, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::header::{Entry, Header, MAX_HEADER};
use super::input::{format_of, hex, open_file};
use super::output::OutputFile;
use crate::error::{Error, Problem, Result, printable};

const FORMAT: &str = "scorefield-checkpoint";
const VERSION: u64 = 1;
const HASH_KEY: &str = "sha256";
/// What stands in the place of the hash while the hash is computed.
const NO_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// The key that says that the hash must be there, lest damage to the hash's own name unseal a file.
const SEALED_KEY: &str = "sealed";
/// Elements that are converted at a time.
const BLOCK: usize = 16 << 10;

/// Named tensors and texts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Checkpoint {
    /// The tensors by name.
    pub tensors: BTreeMap<String, Tensor>,
    /// Texts by key, without the keys that belong to the format.
    pub metadata: BTreeMap<String, String>,
}

/// Numbers with a shape, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// The size of each dimension; empty for a single number.
    pub shape: Vec<usize>,
    /// The numbers.
    pub data: TensorData,
}

/// The numbers of a tensor.
#[derive(Debug, Clone, PartialEq)]
pub enum TensorData {
    /// Real numbers, all finite in a file.
    F32(Vec<f32>),
    /// Counters and seeds.
    U32(Vec<u32>),
}

impl TensorData {
    fn dtype(&self) -> &'static str {
        match self {
            TensorData::F32(_) => "F32",
            TensorData::U32(_) => "U32",
        }
    }
    fn len(&self) -> usize {
        match self {
            TensorData::F32(values) => values.len(),
            TensorData::U32(values) => values.len(),
        }
    }
    /// Hands out the little-endian bytes in blocks.
    fn for_each_block(&self, mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut bytes = Vec::with_capacity(4 * BLOCK.min(self.len()));
        for start in (0..self.len()).step_by(BLOCK) {
            let end = (start + BLOCK).min(self.len());
            bytes.clear();
            match self {
                TensorData::F32(values) => values[start..end].iter().for_each(|x| bytes.extend(x.to_le_bytes())),
                TensorData::U32(values) => values[start..end].iter().for_each(|x| bytes.extend(x.to_le_bytes())),
            }
            each(&bytes)?;
        }
        Ok(())
    }
}

impl Checkpoint {
    /// Adds a tensor of real numbers.
    pub fn insert_f32(&mut self, name: impl Into<String>, shape: &[usize], values: Vec<f32>) {
        self.tensors.insert(name.into(), Tensor { shape: shape.to_vec(), data: TensorData::F32(values) });
    }

    /// Adds a tensor of counters.
    pub fn insert_u32(&mut self, name: impl Into<String>, shape: &[usize], values: Vec<u32>) {
        self.tensors.insert(name.into(), Tensor { shape: shape.to_vec(), data: TensorData::U32(values) });
    }

    /// The real numbers of a tensor that must be there with this shape.
    pub fn f32(&self, name: &str, shape: &[usize]) -> Result<&[f32]> {
        match self.data(name, shape)? {
            TensorData::F32(values) => Ok(values),
            other => Err(wrong_tensor(name, "another type", other.dtype(), "F32")),
        }
    }

    /// The counters of a tensor that must be there with this shape.
    pub fn u32(&self, name: &str, shape: &[usize]) -> Result<&[u32]> {
        match self.data(name, shape)? {
            TensorData::U32(values) => Ok(values),
            other => Err(wrong_tensor(name, "another type", other.dtype(), "U32")),
        }
    }

    fn data(&self, name: &str, shape: &[usize]) -> Result<&TensorData> {
        let tensor = self.tensors.get(name).ok_or_else(|| {
            let problem = Problem::new("a tensor is missing").at(format!("tensor '{name}'"));
            Error::checkpoint(problem.found("nothing").expected(format!("shape {shape:?}")))
        })?;
        if tensor.shape != shape {
            return Err(wrong_tensor(name, "another shape", &format!("{:?}", tensor.shape), &format!("{shape:?}")));
        }
        Ok(&tensor.data)
    }

    /// Refuses tensors whose names are not among `known`.
    pub fn no_others(&self, known: &[&str]) -> Result<()> {
        match self.tensors.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(Error::checkpoint(
                Problem::new("there is a tensor that does not belong to this model").at(format!("tensor '{name}'")),
            )),
            None => Ok(()),
        }
    }

    /// Writes the file atomically, replacing one that exists.
    pub fn save(&self, path: &Path) -> Result<()> {
        let mut header = self.header()?;
        header.metadata.insert(HASH_KEY.into(), NO_HASH.into());
        let mut hash = Sha256::new_with_prefix(header.to_bytes());
        for tensor in self.tensors.values() {
            tensor.data.for_each_block(|bytes| {
                hash.update(bytes);
                Ok(())
            })?;
        }
        header.metadata.insert(HASH_KEY.into(), hex(hash));
        let start = header.to_bytes();
        if start.len() as u64 > MAX_HEADER {
            let problem = Problem::new("the checkpoint's header is too long").at(path.display());
            return Err(Error::bug(problem.found(start.len()).expected(format!("at most {MAX_HEADER} bytes"))));
        }
        let mut file = OutputFile::create(path, true)?;
        file.write_bytes(&start)?;
        for tensor in self.tensors.values() {
            tensor.data.for_each_block(|bytes| file.write_bytes(bytes))?;
        }
        file.finish()
    }

    /// The header of the file, all but the hash; refuses what must never be written.
    fn header(&self) -> Result<Header> {
        let mut header = Header { metadata: self.metadata.clone(), tensors: BTreeMap::new() };
        header.metadata.insert("format".into(), FORMAT.into());
        header.metadata.insert("format_version".into(), VERSION.to_string());
        header.metadata.insert(SEALED_KEY.into(), HASH_KEY.into());
        let mut end = 0;
        for (name, Tensor { shape, data }) in &self.tensors {
            if shape.iter().product::<usize>() != data.len() {
                let problem = Problem::new("a tensor's shape and numbers differ").at(format!("tensor '{name}'"));
                return Err(Error::bug(problem.found(data.len()).expected(format!("shape {shape:?}"))));
            }
            if let Some((index, value)) = first_not_finite(data) {
                let problem = Problem::new("refusing to save a number that is not finite");
                return Err(Error::diverged(problem.at(format!("tensor '{name}', index {index}")).found(value)));
            }
            let from = end;
            end += 4 * data.len() as u64;
            let entry = Entry { dtype: data.dtype().into(), shape: shape.clone(), data_offsets: [from, end] };
            header.tensors.insert(name.clone(), entry);
        }
        Ok(header)
    }

    /// Reads a checkpoint and checks all of it. The texts are notes for the user.
    pub fn load(path: &Path) -> Result<(Self, Vec<String>)> {
        let mut file = Opened::open(path)?;
        let sealed = file.seal()?;
        let mut checkpoint = Checkpoint::default();
        let mut hash = Sha256::new_with_prefix(file.start_without_hash(sealed.as_deref()));
        for (name, entry) in file.header.by_place() {
            let data = read_tensor(&mut file.reader, entry, &mut hash, &file.place)?;
            checkpoint.tensors.insert(name.clone(), Tensor { shape: entry.shape.clone(), data });
        }
        let mut notes = Vec::new();
        match sealed {
            Some(expected) if expected != hex(hash) => {
                let problem = Problem::new("the content hash differs: the file is damaged").at(&file.place);
                return Err(Error::checkpoint(problem.hint("use an older checkpoint or a backup")));
            }
            Some(_) => {}
            None => notes.push(format!("{} carries no content hash, so damage to it cannot be seen", file.place)),
        }
        // only now, so that damage is called damage
        for (name, tensor) in &checkpoint.tensors {
            if let Some((index, value)) = first_not_finite(&tensor.data) {
                let problem = Problem::new(format!("tensor '{name}' is not finite at index {index}"));
                return Err(Error::checkpoint(problem.at(&file.place).found(value).expected("finite numbers")));
            }
        }
        checkpoint.metadata = file.header.metadata;
        ["format", "format_version", SEALED_KEY, HASH_KEY]
            .iter()
            .for_each(|key| drop(checkpoint.metadata.remove(*key)));
        Ok((checkpoint, notes))
    }

    /// Whether this program wrote the file, as far as its header tells.
    pub(super) fn is_ours(path: &Path) -> bool {
        Opened::open(path).is_ok_and(|file| file.header.metadata.contains_key(SEALED_KEY))
    }
}

fn wrong_tensor(name: &str, what: &str, found: &str, expected: &str) -> Error {
    let problem = Problem::new(format!("a tensor has {what} than the model")).at(format!("tensor '{name}'"));
    Error::checkpoint(problem.found(found).expected(expected))
}

fn first_not_finite(data: &TensorData) -> Option<(usize, f32)> {
    let TensorData::F32(values) = data else { return None };
    values.iter().copied().enumerate().find(|(_, x)| !x.is_finite())
}

/// Reads one tensor, whose size was checked against the file's length, and adds its bytes to the hash.
fn read_tensor(reader: &mut impl Read, entry: &Entry, hash: &mut Sha256, place: &str) -> Result<TensorData> {
    let refuse = |what: String| Error::checkpoint(Problem::new(what).at(place));
    let count = entry.count();
    let mut values: Vec<u32> = Vec::new();
    values
        .try_reserve_exact(count)
        .map_err(|_| refuse(format!("a tensor of {count} numbers does not fit into memory")))?;
    let mut bytes = vec![0; 4 * BLOCK.min(count)];
    while values.len() < count {
        let block = &mut bytes[..4 * BLOCK.min(count - values.len())];
        reader.read_exact(block).map_err(|e| refuse(format!("cannot read the checkpoint ({e})")))?;
        hash.update(&*block);
        values.extend(block.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])));
    }
    Ok(match entry.dtype.as_str() {
        "U32" => TensorData::U32(values),
        // in place: both have four bytes
        _ => TensorData::F32(values.into_iter().map(f32::from_bits).collect()),
    })
}

/// A file whose header was read and fits its length.
struct Opened {
    reader: BufReader<std::fs::File>,
    header: Header,
    /// The header's text.
    text: Vec<u8>,
    place: String,
}

impl Opened {
    fn open(path: &Path) -> Result<Self> {
        let place = path.display().to_string();
        let (file, length) = open_file(path, u64::MAX, Error::checkpoint)?;
        let mut reader = BufReader::new(file);
        let mut start = Vec::new();
        let refuse = |what: &str| Error::checkpoint(Problem::new(what).at(&place));
        let failed = |e: std::io::Error| refuse(&format!("cannot read the checkpoint ({e})"));
        (&mut reader).take(16).read_to_end(&mut start).map_err(failed)?;
        if let Some(other) = format_of(&start).filter(|&name| name != "safetensors") {
            let problem = Problem::new("not a checkpoint of this program").at(&place).found(other);
            return Err(Error::checkpoint(problem.expected("a safetensors file")));
        }
        let truncated = |needed: u64| {
            let problem = Problem::new("the checkpoint is truncated").at(&place).found(format!("{length} bytes"));
            Error::checkpoint(problem.expected(format!("{needed} bytes")))
        };
        let Some((size, first)) = start.split_first_chunk::<8>() else { return Err(truncated(16)) };
        let size = u64::from_le_bytes(*size);
        // (at least as much as was taken already, and no less than `format` and its value need)
        if !(16..=MAX_HEADER).contains(&size) || first.first().is_some_and(|&byte| byte != b'{') {
            return Err(refuse("not a checkpoint of this program: it does not begin with a safetensors header"));
        }
        if length < 8 + size {
            return Err(truncated(8 + size));
        }
        let mut text = vec![0; size as usize];
        first.chain(&mut reader).read_exact(&mut text).map_err(failed)?;
        let header =
            Header::parse(&text).map_err(|reason| refuse(&format!("the checkpoint cannot be used: {reason}")))?;
        let whole = (8 + size).saturating_add(header.payload());
        match whole.cmp(&length) {
            std::cmp::Ordering::Greater => return Err(truncated(whole)),
            std::cmp::Ordering::Less => return Err(refuse("there are bytes after the last tensor of the checkpoint")),
            std::cmp::Ordering::Equal => {}
        }
        Ok(Self { reader, header, text, place })
    }

    /// The bytes before the tensors, with zeros for the hash.
    fn start_without_hash(&self, hash: Option<&str>) -> Vec<u8> {
        let mut start = (self.text.len() as u64).to_le_bytes().to_vec();
        start.extend(&self.text);
        let hash = hash.unwrap_or_default().as_bytes();
        if hash.len() == NO_HASH.len()
            && let Some(at) = start.windows(hash.len()).position(|text| text == hash)
        {
            start[at..at + hash.len()].copy_from_slice(NO_HASH.as_bytes());
        }
        start
    }

    /// Checks format and version, and gives the hash if the file is sealed.
    fn seal(&self) -> Result<Option<String>> {
        let text = |key: &str| self.header.metadata.get(key).map(String::as_str);
        if text("format") != Some(FORMAT) {
            let found = text("format").map_or("no format".into(), printable);
            let problem = Problem::new("not a checkpoint of this program").at(&self.place).found(found);
            return Err(Error::checkpoint(problem.expected(format!("metadata format = {FORMAT}"))));
        }
        let version = text("format_version").unwrap_or("none");
        if version != VERSION.to_string() {
            let newer = version.parse::<u64>().is_ok_and(|v| v > VERSION);
            let what = if newer { "made by a newer version of this program" } else { "unknown checkpoint version" };
            let problem = Problem::new(what).at(&self.place).found(format!("format_version {}", printable(version)));
            return Err(Error::checkpoint(problem.expected(VERSION)));
        }
        match (text(SEALED_KEY), text(HASH_KEY)) {
            (None, None) => Ok(None),
            (_, Some(hash)) => Ok(Some(hash.to_string())),
            (Some(_), None) => Err(Error::checkpoint(
                Problem::new("the checkpoint is damaged: its content hash is missing").at(&self.place),
            )),
        }
    }
}
