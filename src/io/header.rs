//! The safetensors header: a length in 8 bytes, then JSON that names each tensor with its type, shape and place.
//!
//! Written here rather than by the `safetensors` crate, so that the same tensors always give the same bytes, and
//! read here, so that a repeated key, a hole or an overlap is refused with its name. The tests read each other's.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value, json};

use crate::error::printable;

/// Longest header that is read or written, in bytes.
pub(super) const MAX_HEADER: u64 = 256 << 10;
/// Most tensors and most metadata keys.
const MAX_KEYS: usize = 4096;
/// Most dimensions of a tensor.
const MAX_RANK: usize = 8;

/// Where a tensor is and what it is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub dtype: String,
    pub shape: Vec<usize>,
    pub data_offsets: [u64; 2],
}

impl Entry {
    /// The number of elements; [`Header::parse`] has checked that it does not overflow.
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }
}

/// All that the header says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Header {
    pub metadata: BTreeMap<String, String>,
    pub tensors: BTreeMap<String, Entry>,
}

impl Header {
    /// Reads the JSON and checks every entry. The error is the whole complaint.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "its header is not UTF-8 text".to_string())?;
        let header: Header = serde_json::from_str(text).map_err(|e| format!("its header is damaged ({e})"))?;
        for (name, entry) in &header.tensors {
            entry.check().map_err(|reason| format!("tensor '{}' {reason}", printable(name)))?;
        }
        let mut end = 0;
        for (name, entry) in header.by_place() {
            let [from, to] = entry.data_offsets;
            if from != end {
                let kind = if from > end { "leaves a hole before it" } else { "overlaps another one" };
                return Err(format!("tensor '{}' {kind}", printable(name)));
            }
            end = to;
        }
        Ok(header)
    }

    /// The tensors in the order of their bytes.
    pub fn by_place(&self) -> Vec<(&String, &Entry)> {
        let mut entries: Vec<_> = self.tensors.iter().collect();
        entries.sort_by_key(|(_, entry)| entry.data_offsets);
        entries
    }

    /// The number of bytes after the header.
    pub fn payload(&self) -> u64 {
        self.tensors.values().map(|entry| entry.data_offsets[1]).max().unwrap_or(0)
    }

    /// The header as it stands in the file: its length, then JSON padded to a multiple of 8 bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut all = Map::new();
        all.insert("__metadata__".into(), json!(self.metadata));
        for (name, Entry { dtype, shape, data_offsets }) in self.by_place() {
            all.insert(name.clone(), json!({ "dtype": dtype, "shape": shape, "data_offsets": data_offsets }));
        }
        let mut text = Value::Object(all).to_string();
        text += &" ".repeat(text.len().next_multiple_of(8) - text.len());
        let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
        bytes.extend(text.bytes());
        bytes
    }
}

impl Entry {
    fn check(&self) -> Result<(), String> {
        let [from, to] = self.data_offsets;
        if !matches!(self.dtype.as_str(), "F32" | "U32") {
            return Err(format!("has type {}, expected F32 or U32", printable(&self.dtype)));
        }
        if self.shape.len() > MAX_RANK {
            return Err(format!("has {} dimensions, expected at most {MAX_RANK}", self.shape.len()));
        }
        let bytes = self.shape.iter().try_fold(4u64, |n, &size| n.checked_mul(size as u64));
        let bytes = bytes.ok_or_else(|| format!("has shape {:?}, which overflows", self.shape))?;
        match to.checked_sub(from) {
            None => Err("ends before it begins".into()),
            Some(there) if there != bytes => Err(format!("has {there} bytes but shape {:?} needs {bytes}", self.shape)),
            Some(_) => Ok(()),
        }
    }
}

/// Reads a JSON object into a map, refusing repeated keys and too many of them, which maps would swallow.
fn insert<V, E: de::Error>(map: &mut BTreeMap<String, V>, key: String, value: V) -> Result<(), E> {
    if map.len() >= MAX_KEYS {
        return Err(E::custom(format!("more than {MAX_KEYS} keys")));
    }
    if map.contains_key(&key) {
        return Err(E::custom(format!("'{}' stands there twice", printable(&key))));
    }
    map.insert(key, value);
    Ok(())
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Header;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object of tensors")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let mut header = Header::default();
                let mut metadata = None;
                while let Some(key) = map.next_key::<String>()? {
                    if key != "__metadata__" {
                        insert(&mut header.tensors, key, map.next_value::<Entry>()?)?;
                    } else if metadata.replace(map.next_value::<Texts>()?).is_some() {
                        return Err(de::Error::custom("'__metadata__' stands there twice"));
                    }
                }
                header.metadata = metadata.map(|texts| texts.0).unwrap_or_default();
                Ok(header)
            }
        }
        deserializer.deserialize_map(All)
    }
}

/// The metadata: texts by unique keys.
struct Texts(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Texts;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object of texts")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Texts, A::Error> {
                let mut texts = BTreeMap::new();
                while let Some((key, value)) = map.next_entry::<String, String>()? {
                    insert(&mut texts, key, value)?;
                }
                Ok(Texts(texts))
            }
        }
        deserializer.deserialize_map(All)
    }
}
