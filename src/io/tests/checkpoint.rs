use super::{refused, with_file};
use crate::error::Result;
use crate::io::Checkpoint;
use std::collections::HashMap;
use std::fs;

pub(super) fn small() -> Checkpoint {
    let mut c = Checkpoint::default();
    c.insert_f32("layers.0.weight", &[2, 3], vec![1.0, -2.0, 3.5, 0.0, f32::MIN_POSITIVE, f32::MAX]);
    c.insert_u32("counter", &[], vec![7]);
    c.metadata.insert("model".into(), "{\"width\":3}\u{1b}../x".into());
    c
}

/// A safetensors file with any header text.
fn file(header: &str, payload: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), payload].concat()
}

fn foreign(tensors: &str, payload: &[u8]) -> Vec<u8> {
    let meta = "\"__metadata__\":{\"format\":\"scorefield-checkpoint\",\"format_version\":\"1\"}";
    file(&format!("{{{meta},{tensors}}}"), payload)
}

fn load(bytes: &[u8]) -> Result<(Checkpoint, Vec<String>)> {
    let (_dir, path) = with_file("a.safetensors", bytes);
    Checkpoint::load(&path)
}

fn saved() -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.safetensors");
    small().save(&path).unwrap();
    small().save(&path).unwrap();
    fs::read(path).unwrap()
}

#[test]
fn what_is_saved_is_loaded_and_others_can_read_it() {
    let bytes = saved();
    assert_eq!(bytes, saved(), "the same checkpoint gives the same bytes");
    assert_eq!(load(&bytes).unwrap(), (small(), vec![]));
    let theirs = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(theirs.tensor("layers.0.weight").unwrap().shape(), [2, 3]);
    assert_eq!(theirs.tensor("counter").unwrap().data(), 7u32.to_le_bytes());
}

#[test]
fn files_of_the_safetensors_crate_are_accepted_with_a_note() {
    let data: Vec<u8> = [1f32, 2.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![2], &data).unwrap();
    let meta = [("format", "scorefield-checkpoint"), ("format_version", "1")];
    let meta: HashMap<_, _> = meta.map(|(k, v)| (k.to_string(), v.to_string())).into();
    let bytes = safetensors::serialize([("w", view)], Some(meta)).unwrap();
    let (checkpoint, notes) = load(&bytes).unwrap();
    assert_eq!(checkpoint.f32("w", &[2]).unwrap(), [1.0, 2.0]);
    assert!(notes[0].contains("no content hash"));
}

#[test]
fn every_truncation_and_every_flipped_bit_is_refused() {
    let whole = saved();
    let (_dir, path) = with_file("a", &whole);
    for n in 0..whole.len() {
        fs::write(&path, &whole[..n]).unwrap();
        refused(Checkpoint::load(&path), 4, if n == 0 { "empty" } else { "truncated" });
    }
    for bit in 0..8 * whole.len() {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &damaged).unwrap();
        assert_eq!(Checkpoint::load(&path).expect_err(&format!("bit {bit}")).exit_code(), 4);
    }
    refused(load(&[&whole[..], b"\0"].concat()), 4, "bytes after the last tensor");
}

#[test]
fn hostile_headers_are_refused() {
    let t = |entry: &str| foreign(&format!("\"w\":{entry}"), &[0; 8]);
    let many: String =
        (0..4100).map(|i| format!("\"{i}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}},")).collect();
    let good = "{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}";
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"x".to_vec(), "truncated"),
        (b"PK\x03\x04 torch".to_vec(), "found zip"),
        (b"\x80\x02}q\0.".to_vec(), "pickle"),
        (b"hello, this is no checkpoint".to_vec(), "not a checkpoint"),
        ([&(1u64 << 63).to_le_bytes()[..], b"{}"].concat(), "not a checkpoint"),
        (file(&format!("{{{}", " ".repeat(300 << 10)), &[]), "not a checkpoint"),
        (file("{}              ", &[]), "found no format"),
        (file("{\"__metadata__\":{\"format\":\"pt\"}}", &[]), "found pt"),
        (file(&"[".repeat(10_000), &[]), "not a checkpoint"),
        (file(&format!("{{\"a\":{}", "[".repeat(10_000)), &[]), "damaged"),
        (t(&format!("{{\"dtype\":\"F32\",\"shape\":{}", "[".repeat(10_000))), "damaged"),
        (foreign(&format!("{many}\"w\":{good}"), &[0; 8]), "cannot be used: its header is damaged (more than 4096"),
        (foreign(&format!("\"w\":{good},\"w\":{good}"), &[0; 8]), "'w' stands there twice"),
        (t("{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}"), "duplicate field"),
        (t("{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":1}"), "unknown field"),
        (t("{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[0,8]}"), "type F16"),
        (t("{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}"), "needs 12"),
        (t("{\"dtype\":\"F32\",\"shape\":[2147483648,2147483648,4294967296],\"data_offsets\":[0,8]}"), "overflows"),
        (t("{\"dtype\":\"F32\",\"shape\":[1e400],\"data_offsets\":[0,8]}"), "damaged"),
        (t("{\"dtype\":\"F32\",\"shape\":[99999999999999999999999],\"data_offsets\":[0,8]}"), "damaged"),
        (t("{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,8]}"), "damaged"),
        (t("{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,2],\"data_offsets\":[0,8]}"), "9 dimensions"),
        (t("{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}"), "ends before it begins"),
        (t("{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}"), "a hole"),
        (t("{\"dtype\":\"F32\",\"shape\":[2147483648],\"data_offsets\":[0,8589934592]}"), "truncated"),
        (t("{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}"), "bytes after"),
        (
            foreign(&format!("\"w\":{good},\"v\":{{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}"), &[0; 8]),
            "overlaps",
        ),
        (foreign(&format!("\"\\ud800\":{good}"), &[0; 8]), "damaged"),
        (foreign(&format!("\"w\":{good}"), &[0, 0, 0x80, 0x7f, 0, 0, 0, 0]), "'w' is not finite at index 0"),
        (
            file("{\"__metadata__\":{\"format\":\"scorefield-checkpoint\",\"format_version\":\"2\"}}", &[]),
            "newer version",
        ),
        (file("{\"__metadata__\":{\"format\":\"scorefield-checkpoint\"}}", &[]), "format_version none"),
        (file("{\"__metadata__\":{\"format\":1}}        ", &[]), "damaged"),
    ];
    for (bytes, needle) in cases {
        refused(load(&bytes), 4, needle);
    }
    let mut invalid = foreign(&format!("\"w\":{good}"), &[0; 8]);
    invalid[20] = 0xff;
    refused(load(&invalid), 4, "not UTF-8");
    #[cfg(unix)]
    refused(Checkpoint::load(std::path::Path::new("/dev/zero")), 4, "device");
}

#[test]
fn getters_name_the_tensor_and_both_shapes() {
    let c = small();
    assert_eq!(c.u32("counter", &[]).unwrap(), [7]);
    refused(c.f32("layers.0.weight", &[3, 2]), 4, "'layers.0.weight': found [2, 3], expected [3, 2]");
    refused(c.f32("nothing", &[3]), 4, "'nothing'");
    refused(c.f32("counter", &[]), 4, "found U32, expected F32");
    c.no_others(&["counter", "layers.0.weight"]).unwrap();
    refused(c.no_others(&["counter"]), 4, "'layers.0.weight'");
}

#[test]
fn what_must_not_be_written_leaves_the_old_file() {
    let (_dir, path) = with_file("a.safetensors", b"old");
    let mut bad = small();
    bad.insert_f32("w", &[2], vec![0.0, f32::INFINITY]);
    refused(bad.save(&path), 9, "'w', index 1");
    bad.insert_f32("w", &[3], vec![0.0]);
    refused(bad.save(&path), 70, "shape");
    bad.insert_f32("w", &[1], vec![0.0]);
    bad.metadata.insert("long".into(), "x".repeat(300 << 10));
    refused(bad.save(&path), 70, "too long");
    assert_eq!(fs::read(path).unwrap(), b"old");
}
