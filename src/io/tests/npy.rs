use super::{read, refused, with_file};
use crate::io::{Kind, ReadOptions, read_table};

/// An NPY file with any header text.
fn npy(version: u8, header: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY".to_vec();
    bytes.extend([version, 0]);
    match version {
        1 => bytes.extend((header.len() as u16).to_le_bytes()),
        _ => bytes.extend((header.len() as u32).to_le_bytes()),
    }
    [&bytes, header.as_bytes(), payload].concat()
}

fn header(descr: &str, fortran: bool, shape: &str) -> String {
    let fortran = if fortran { "True" } else { "False" };
    format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}   \n")
}

fn array(descr: &str, shape: &str, payload: &[u8]) -> Vec<u8> {
    npy(1, &header(descr, false, shape), payload)
}

fn bytes<const N: usize, T: Copy>(values: &[T], to: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|&v| to(v)).collect()
}

#[test]
fn every_accepted_type_gives_the_same_numbers() {
    let cases = [
        ("<f4", bytes(&[1f32, 2., 3., 4.], f32::to_le_bytes)),
        (">f4", bytes(&[1f32, 2., 3., 4.], f32::to_be_bytes)),
        ("<f8", bytes(&[1f64, 2., 3., 4.], f64::to_le_bytes)),
        (">f8", bytes(&[1f64, 2., 3., 4.], f64::to_be_bytes)),
        ("<f2", bytes(&[0x3c00u16, 0x4000, 0x4200, 0x4400], u16::to_le_bytes)),
        ("|u1", vec![1, 2, 3, 4]),
        ("|i1", vec![1, 2, 3, 4]),
        ("<i2", bytes(&[1i16, 2, 3, 4], i16::to_le_bytes)),
        (">i4", bytes(&[1i32, 2, 3, 4], i32::to_be_bytes)),
        ("<i8", bytes(&[1i64, 2, 3, 4], i64::to_le_bytes)),
        ("<u8", bytes(&[1u64, 2, 3, 4], u64::to_le_bytes)),
    ];
    for (descr, payload) in cases {
        for version in 1..=3 {
            let t = read("a.npy", &npy(version, &header(descr, false, "(2, 2)"), &payload)).unwrap();
            assert_eq!((t.rows, t.width, &t.values[..]), (2, 2, &[1., 2., 3., 4.][..]), "{descr}");
            let decimals = if descr.contains('f') { None } else { Some(0) };
            assert_eq!(t.schema.columns[1].kind, Kind::Number { decimals });
        }
    }
    let negative = read("a.npy", &array("<i2", "(2L, 1L)", &bytes(&[-3i16, -32768], i16::to_le_bytes))).unwrap();
    assert_eq!(negative.values, [-3.0, -32768.0]);
    let halves = [0x0001u16, 0xfbff, 0x8000, 0x3555];
    let half = read("a.npy", &array("<f2", "(4,)", &bytes(&halves, u16::to_le_bytes))).unwrap();
    assert_eq!(half.values, [5.960_464_5e-8, -65504.0, -0.0, 0.333_251_95]);
    assert!(half.notes[0].contains("4 rows of one column"));
}

#[test]
fn fortran_order_gives_what_c_order_gives() {
    let c = read("a.npy", &array("|u1", "(3, 2)", &[1, 2, 3, 4, 5, 6])).unwrap();
    let f = read("a.npy", &npy(1, &header("|u1", true, "(3, 2)"), &[1, 3, 5, 2, 4, 6])).unwrap();
    assert_eq!(c.values, f.values);
}

#[test]
fn bad_arrays_are_refused_with_a_reason() {
    let h = |text: &str| npy(1, text, &[]);
    let deep = format!("{{'descr': '<f4', 'shape': {}", "(".repeat(10_000));
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"\x93NUMPY".to_vec(), "truncated"),
        (b"\x93NUMPY\x01\0\x40\0{'descr'".to_vec(), "found 18 bytes, expected at least 74 bytes"),
        (b"\x93NUMPY\x02\0\xf0\xff\xff\xff{}".to_vec(), "4294967280 bytes"),
        (npy(9, "{}", &[]), "found 9.0"),
        (array("<f4", "(2, 2)", &[0; 15]), "truncated in"),
        (array("<f4", "(2, 2)", &[0; 8]), "found 8 bytes of data, expected 16 bytes"),
        (array("<f4", "(2, 2)", &[0; 17]), "bytes after the array"),
        (array("<f4", "(4194305, 4194305, 211106198978564)", &[]), "too many dimensions"),
        (array("<f4", "(4611686018427387904, 4)", &[]), "overflows"),
        (array("<f4", "(4611686018427387904, 1)", &[]), "overflows"),
        (array("<f4", "(99999999999999999999, 1)", &[]), "overflows"),
        (array("<f4", "(0, 2)", &[]), "empty"),
        (array("<f4", "(2, 0)", &[]), "empty"),
        (array("<f4", "()", &[0; 4]), "single number"),
        (array("<f4", "(2, 1, 2)", &[0; 16]), "too many dimensions"),
        (array("|u1", "(2, 70000)", &[0; 140_000]), "too many columns"),
        (array("|O", "(2, 2)", b"\x80\x04."), "object arrays are never loaded"),
        (array("<c8", "(2,)", &[0; 16]), "'<c8'"),
        (array("|b1", "(2,)", &[0; 2]), "'|b1'"),
        (array("<U4", "(2,)", &[0; 32]), "'<U4'"),
        (array("<M8[ns]", "(2,)", &[0; 16]), "'<M8[ns]'"),
        (array("<f16", "(2,)", &[0; 32]), "'<f16'"),
        (h("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (2,)}"), "structured"),
        (h("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}"), "'descr' twice"),
        (h("{'descr': '<f4', 'shape': (2,)}"), "lacks 'fortran_order'"),
        (h("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'more': 1}"), "unknown key 'more'"),
        (h("{'descr': '<f4', 'fortran_order': False, 'shape': (1+1,)}"), "where ')' belongs"),
        (h("{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}"), "neither True nor False"),
        (h("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}"), "no size"),
        (h("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} + x"), "goes on"),
        (h("__import__('os')"), "where '{' belongs"),
        (h("{'descr"), "without an end"),
        (h(""), "where '{' belongs"),
        (h(&deep), "no size"),
        (h(&"(".repeat(10_000)), "where '{' belongs"),
        (h(&format!("{{'shape': ({})}}", "1,".repeat(10_000))), "more than 32"),
        (array("<f4", "(2,)", &bytes(&[1.0, f32::NAN], f32::to_le_bytes)), "1 numbers are not finite"),
        (array("<f8", "(2, 1)", &bytes(&[1e39f64, 1.0], f64::to_le_bytes)), "1e39 at row 1, column 1"),
        (array("<f2", "(2, 1)", &[0, 0x7c, 0, 0]), "inf at row 1"),
        (array("<f4", "(1, 2)", &[0; 8]), "too few rows"),
    ];
    for (file, needle) in cases {
        refused(read("a.npy", &file), 3, needle);
    }
}

#[test]
fn every_truncation_is_refused() {
    let whole = array("<f4", "(2, 2)", &[0; 16]);
    assert!(read("a.npy", &whole).is_ok());
    let (_dir, path) = with_file("a.npy", &whole);
    for n in 0..whole.len() {
        std::fs::write(&path, &whole[..n]).unwrap();
        assert_eq!(read_table(&path, &ReadOptions::default()).unwrap_err().exit_code(), 3, "{n} bytes");
    }
}

#[test]
fn numbers_too_small_are_noted() {
    let t = read("a.npy", &array("<f8", "(2,)", &bytes(&[1e-60f64, 1.0], f64::to_le_bytes))).unwrap();
    assert_eq!(t.values, [0.0, 1.0]);
    assert!(t.notes.iter().any(|n| n.starts_with("1 numbers")));
}
