use super::{read, refused};
use crate::io::{PointWriter, ReadOptions, read_table};
use std::fs;

#[test]
fn npy_is_aligned_and_reads_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.npy");
    let values: Vec<f32> = (0..300).map(|i| i as f32 / 7.0).collect();
    let mut writer = PointWriter::create(&path, false, None, 100, 3).unwrap();
    writer.write_rows(&values[..30]).unwrap();
    writer.write_rows(&values[30..]).unwrap();
    writer.finish().unwrap();
    let bytes = fs::read(&path).unwrap();
    assert_eq!((bytes.len() - 1200) % 64, 0);
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\0");
    assert_eq!(read_table(&path, &ReadOptions::default()).unwrap().values, values);
    let theirs: Vec<f32> = npyz::NpyFile::new(&bytes[..]).unwrap().into_vec().unwrap();
    assert_eq!(theirs, values);
}

#[test]
fn text_looks_like_the_input() {
    let input = "x,\"k, ind\"\n1.50,\"a \"\"q\"\"\"\n-2.25,b\n";
    let table = read("a.csv", input.as_bytes()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str| {
        let path = dir.path().join(name);
        let mut writer = PointWriter::create(&path, false, Some(&table.schema), 2, 3).unwrap();
        writer.write_rows(&table.values).unwrap();
        writer.finish().unwrap();
        fs::read_to_string(path).unwrap()
    };
    assert_eq!(write("a.csv"), input);
    assert_eq!(write("a.tsv"), "x\tk, ind\n1.50\t\"a \"\"q\"\"\"\n-2.25\tb\n");
    assert_eq!(write("a.jsonl"), "{\"x\":1.5,\"k, ind\":\"a \\\"q\\\"\"}\n{\"x\":-2.25,\"k, ind\":\"b\"}\n");
}

#[test]
fn wrong_counts_and_names_are_refused_and_leave_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.npy");
    let mut writer = PointWriter::create(&path, false, None, 2, 2).unwrap();
    refused(writer.write_rows(&[1.0; 3]), 70, "do not fit");
    refused(writer.write_rows(&[1.0; 6]), 70, "do not fit");
    writer.write_rows(&[1.0, f32::NAN]).unwrap();
    refused(writer.finish(), 70, "missing");
    refused(PointWriter::create(&dir.path().join("a.mat"), false, None, 2, 2), 2, "extension 'mat'");
    refused(PointWriter::create(&path, false, Some(&crate::io::Schema::numeric(&["x"], 1)), 2, 2), 70, "schema");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}
