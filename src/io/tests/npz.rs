use super::{read, refused, with_file};
use crate::io::{ReadOptions, Table, read_table};
use npyz::WriterBuilder;
use npyz::npz::NpzWriter;

/// An archive of (2, 2) arrays whose numbers are all the place in the list.
fn archive(names: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut zip = NpzWriter::new(std::io::Cursor::new(&mut bytes));
    for (i, name) in names.iter().enumerate() {
        let array = zip.array(name, Default::default()).unwrap();
        let mut writer = array.default_dtype().shape(&[2, 2]).begin_nd().unwrap();
        writer.extend([i as f32; 4]).unwrap();
        writer.finish().unwrap();
    }
    drop(zip);
    bytes
}

fn member(bytes: &[u8], name: &str) -> crate::error::Result<Table> {
    let (_dir, path) = with_file("a.npz", bytes);
    read_table(&path, &ReadOptions { member: Some(name.into()), ..ReadOptions::default() })
}

#[test]
fn the_usual_the_only_and_the_named_member_are_read() {
    assert_eq!(read("a.npz", &archive(&["cloud"])).unwrap().values, [0.0; 4]);
    assert_eq!(read("a.dat", &archive(&["y", "x"])).unwrap().values, [1.0; 4]);
    assert_eq!(read("a.npz", &archive(&["other", "more", "arr_0"])).unwrap().values, [2.0; 4]);
    assert_eq!(member(&archive(&["a", "b"]), "b").unwrap().values, [1.0; 4]);
    refused(member(&archive(&["a", "b"]), "c"), 3, "no array 'c'");
    refused(read("a.npz", &archive(&["b", "a"])), 3, "found a, b");
    refused(read("a.npz", &archive(&[])), 3, "empty zip");
}

#[test]
fn no_damage_makes_it_panic_or_read_wrong_numbers() {
    let whole = archive(&["x"]);
    let (_dir, path) = with_file("a.npz", &whole);
    for n in 0..whole.len() {
        std::fs::write(&path, &whole[..n]).unwrap();
        assert_eq!(read_table(&path, &ReadOptions::default()).unwrap_err().exit_code(), 3, "{n} bytes");
    }
    for bit in 0..8 * whole.len() {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, &damaged).unwrap();
        match read_table(&path, &ReadOptions::default()) {
            // dates, names of the local header and the like mean nothing here
            Ok(table) => assert_eq!(table.values, [0.0; 4], "bit {bit}"),
            Err(e) => assert_eq!(e.exit_code(), 3, "bit {bit}: {e}"),
        }
    }
}

#[test]
fn a_size_that_cannot_be_is_refused() {
    let mut bytes = archive(&["x"]);
    // the uncompressed size stands 24 bytes into the entry of the central directory
    let at = bytes.windows(4).position(|w| w == b"PK\x01\x02").unwrap() + 24;
    bytes[at..at + 4].copy_from_slice(&0x7fff_ffffu32.to_le_bytes());
    refused(read("a.npz", &bytes), 3, "impossible or too large size");
}
