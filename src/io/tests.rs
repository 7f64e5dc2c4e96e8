//! Every case of bad input that the room must survive, by file.

mod checkpoint;
mod csv;
mod density;
mod npy;
mod npz;
mod output;
mod points;
mod run_dir;

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::io::{ReadOptions, Table, read_table};

/// A fresh directory with one file in it.
fn with_file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (dir, path)
}

fn read(name: &str, bytes: &[u8]) -> Result<Table> {
    let (_dir, path) = with_file(name, bytes);
    read_table(&path, &ReadOptions::default())
}

/// Asserts the class and that the sentence holds `needle`.
#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T>, code: u8, needle: &str) {
    let error: Error = result.expect_err(needle);
    assert_eq!(error.exit_code(), code, "{error}");
    assert!(error.to_string().contains(needle), "{error:?} lacks {needle:?}");
}

/// Bytes changed, cut, repeated and swapped at random must end in a table or a refusal, never in a panic.
#[test]
fn random_damage_never_panics() {
    use crate::random::{Purpose, Stream};
    const TELLING: &[u8] = b"\0\n\r\",;\t-.e'(){}[]:9";
    let npy = b"\x93NUMPY\x01\0\x3c\0{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }\n0123456789abcdef";
    let mut png = std::io::Cursor::new(Vec::new());
    image::GrayImage::from_fn(5, 5, |x, _| image::Luma([x as u8 * 50]))
        .write_to(&mut png, image::ImageFormat::Png)
        .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    checkpoint::small().save(&path).unwrap();
    let seeds: [&[u8]; 5] = [
        b"x,\"y, z\",k\n1.5,-2e3,a\n3,4.25,b\n",
        b"1;2\t3\r\n4;5\t6\r\n",
        npy,
        png.get_ref(),
        &std::fs::read(&path).unwrap(),
    ];
    for (kind, seed) in seeds.iter().enumerate() {
        for trial in 0..1000 {
            let mut random = Stream::new(1, Purpose::Test, trial, kind as u32);
            let mut bytes = seed.to_vec();
            for _ in 0..=random.below(4) {
                let at = random.below(bytes.len() as u32) as usize;
                match random.below(4) {
                    0 => bytes[at] = random.word() as u8,
                    1 => bytes.truncate(at.max(1)),
                    2 => bytes.extend_from_within(at..),
                    _ => bytes[at] = TELLING[random.below(TELLING.len() as u32) as usize],
                }
            }
            std::fs::write(&path, &bytes).unwrap();
            let results = [
                read_table(&path, &ReadOptions::default()).err(),
                crate::io::read_png_density(&path).err(),
                crate::io::Checkpoint::load(&path).err(),
            ];
            assert!(results.iter().flatten().all(|e| matches!(e.exit_code(), 3 | 4)), "{results:?}");
        }
    }
}
