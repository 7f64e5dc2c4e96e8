//! NPZ archives: one member is taken, and it is never expanded beyond what its own header accounts for.

use std::io::Read;

use npyz::npz::NpzArchive;

use super::input::{Source, cannot_read};
use super::npy;
use super::table::{ReadOptions, Table, wrong_format};
use crate::error::{Error, Problem, Result};

/// Members that are taken without being asked for, in this order.
const USUAL_NAMES: [&str; 3] = ["x", "data", "arr_0"];
/// No archive of arrays has more members than this.
const MAX_MEMBERS: u16 = 4096;
/// DEFLATE cannot expand by more than 1032; a member that claims more is lying.
const MAX_EXPANSION: u64 = 1100;

/// Reads one array of the archive.
pub(super) fn read(input: &mut dyn Source, length: u64, place: &str, options: &ReadOptions) -> Result<Table> {
    let broken = |reason: &dyn std::fmt::Display| {
        Error::data(Problem::new(format!("the NPZ archive is broken ({reason})")).at(place))
    };
    check_end(input, length, place)?;
    let mut archive = NpzArchive::new(input).map_err(|e| broken(&e))?;
    let names: Vec<String> = archive.array_names().map(str::to_string).collect();
    let name = choose(&names, options.member.as_deref(), place)?;
    let place = &format!("{place}:{name}");

    let zip = archive.zip_archive();
    let file_name = npyz::npz::file_name_from_array_name(&name);
    // with an (unused) password, because zip 0.6 panics on some hostile entries when it has none
    let mut member = match zip.by_name_decrypt(&file_name, b"") {
        Ok(Ok(member)) => member,
        Ok(Err(_)) => return Err(broken(&"the member is encrypted")),
        Err(e) => return Err(broken(&e)),
    };
    let (size, packed) = (member.size(), member.compressed_size());
    let expansion = match member.compression().to_string().as_str() {
        "Stored" => 1,
        "Deflated" => MAX_EXPANSION,
        other => return Err(broken(&format!("compression {other}"))),
    };
    let limit = options.max_bytes.min(packed.saturating_mul(expansion));
    if size > limit || packed > length {
        let problem = Problem::new("the NPZ member claims an impossible or too large size").at(place);
        return Err(Error::data(problem.found(format!("{size} bytes")).expected(format!("at most {limit} bytes"))));
    }
    if size < 8 {
        return Err(broken(&"the member is no array"));
    }
    let mut magic = [0; 6];
    member.read_exact(&mut magic).map_err(|e| cannot_read(place, &e))?;
    if &magic != b"\x93NUMPY" {
        return Err(broken(&"the member is no array"));
    }
    let table = npy::read(&mut magic.chain(&mut member), size, place, options.missing)?;
    // the checksum is compared when the end is reached, so the end must be asked for
    match member.read(&mut [0]) {
        Ok(0) => Ok(table),
        Ok(_) => Err(broken(&"the member is longer than it says")),
        Err(e) => Err(broken(&e)),
    }
}

/// The end record must be plain and last, as NumPy writes it, so that the reader below cannot be made to
/// allocate for a directory that does not exist.
fn check_end(input: &mut dyn Source, length: u64, place: &str) -> Result<()> {
    const END: u64 = 22;
    const LOCATOR: u64 = 20;
    let read_tail = |input: &mut dyn Source| -> std::io::Result<Vec<u8>> {
        let mut tail = Vec::new();
        input.seek(std::io::SeekFrom::Start(length.saturating_sub(END + LOCATOR)))?;
        input.take(END + LOCATOR).read_to_end(&mut tail)?;
        input.seek(std::io::SeekFrom::Start(0))?;
        Ok(tail)
    };
    let tail = read_tail(input).map_err(|e| cannot_read(place, &e))?;
    let refuse =
        |what: &str| Err(Error::data(Problem::new(what).at(place).hint("save the array alone with numpy.save")));
    let Some((before, end)) = tail.len().checked_sub(END as usize).map(|at| tail.split_at(at)) else {
        return refuse("the zip archive is truncated");
    };
    if !end.starts_with(b"PK\x05\x06") {
        return refuse("the zip archive is truncated or has a comment");
    }
    if before.starts_with(b"PK\x06\x07") {
        return refuse("zip64 archives are not read");
    }
    if u16::from_le_bytes([end[8], end[9]]) > MAX_MEMBERS {
        return refuse("the zip archive has too many members");
    }
    Ok(())
}

/// Which member to read.
fn choose(names: &[String], wanted: Option<&str>, place: &str) -> Result<String> {
    let has = |name: &str| names.iter().any(|n| n == name).then(|| name.to_string());
    let chosen = match (wanted, names) {
        (Some(name), _) => has(name),
        (None, []) => return Err(wrong_format(place, "a zip archive without arrays (PyTorch .pt is one)")),
        (None, [only]) => Some(only.clone()),
        (None, _) => USUAL_NAMES.iter().find_map(|name| has(name)),
    };
    chosen.ok_or_else(|| {
        let mut listed: Vec<&str> = names.iter().map(String::as_str).collect();
        listed.sort_unstable();
        let what = wanted.map_or("cannot tell which array to read".into(), |w| format!("there is no array '{w}'"));
        let problem = Problem::new(what).at(place).found(listed.join(", "));
        Error::data(problem.expected("one array, or one called x, data or arr_0").hint("name one with --member"))
    })
}
