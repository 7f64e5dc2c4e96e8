//! B-1: data files, cases 1 to 32.

use std::fmt::Write as _;

use super::harness::{Place, TINY, array, finish, floats, npy};

/// Every bad file of the table below.
fn write_bad_files(place: &Place) {
    let four = floats(&[1.0, 2.0, 3.0, 4.0]);
    let ok = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }";
    let typed = |descr: &str| array(descr, false, "(2, 2)", &[0; 64]);
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("moon.csv", b"1,2\n3,4\n".to_vec()),
        ("empty.csv", vec![]),
        ("magic.npy", b"\x93NUMPY".to_vec()),
        ("cut.npy", npy(ok, &four)[..40].to_vec()),
        ("short.npy", npy(ok, &four[..15])),
        ("half.npy", npy(ok, &four[..8])),
        ("long.npy", npy(ok, &[&four[..], b"x"].concat())),
        ("claim.npy", b"\x93NUMPY\x02\0\xf0\xff\xff\xff{}".to_vec()),
        ("overflow.npy", array("<f4", false, "(4194305, 4194305, 211106198978564)", &four)),
        ("overflow2.npy", array("<f4", false, "(18446744073709551615, 9)", &four)),
        ("rows0.npy", array("<f4", false, "(0, 2)", &[])),
        ("cols0.npy", array("<f4", false, "(2, 0)", &[])),
        ("scalar.npy", array("<f4", false, "()", &four[..4])),
        ("cube.npy", array("<f4", false, "(2, 1, 2)", &four)),
        ("object.npy", typed("|O")),
        ("pickle.pkl", b"\x80\x04\x95cos\nsystem".to_vec()),
        ("struct.npy", npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", &four)),
        ("text.npy", typed("<U4")),
        ("complex.npy", typed("<c8")),
        ("date.npy", typed("<M8[s]")),
        ("bool.npy", typed("|b1")),
        ("big.npy", array("<f8", false, "(2, 1)", &[1e39f64.to_le_bytes(), 1f64.to_le_bytes()].concat())),
        ("twice.npy", npy("{'shape': (2, 2), 'descr': '<f4', 'shape': (2, 2), 'fortran_order': False, }", &four)),
        ("missing.npy", npy("{'descr': '<f4', 'shape': (2, 2), }", &four)),
        ("extra.npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), 'x': 1, }", &four)),
        ("python.npy", npy("__import__('os').system('touch pwned')", &four)),
        ("nested.npy", npy(&format!("{{'shape': {}", "(".repeat(10_000)), &four)),
        ("version9.npy", [b"\x93NUMPY\x09\0", &npy(ok, &four)[8..]].concat()),
        ("torch.csv", b"PK\x03\x04rest of a zip".to_vec()),
        ("gz.csv", b"\x1f\x8b\x08rest".to_vec()),
        ("hdf.npy", b"\x89HDF\r\n\x1a\nrest".to_vec()),
        ("matlab.mat", b"MATLAB 5.0 MAT-file, rest".to_vec()),
        ("nan.npy", array("<f4", false, "(2, 2)", &floats(&[1.0, f32::NAN, 3.0, f32::INFINITY]))),
        ("one.csv", b"1,2\n".to_vec()),
        ("wide.npy", array("<f4", false, "(2, 1025)", &floats(&[1.0; 2050]))),
        ("ragged.csv", b"1,2\n3,4\n5,6,7\n".to_vec()),
        ("mixed.csv", b"1,2\n3;4\n".to_vec()),
        ("nan.csv", b"1,2\n3,nan\n".to_vec()),
        ("inf.csv", b"1,2\ninf,3\n".to_vec()),
        ("hole.csv", b"1,2\n,3\n".to_vec()),
        ("comma.csv", b"1;2\n1,5;3\n".to_vec()),
        ("score.csv", b"1,2\n1_000,3\n".to_vec()),
        ("hex.csv", b"1,2\n0x10,3\n".to_vec()),
        ("escape.csv", b"1,2\n\"a\xc2\x9bb\",3\n".to_vec()),
        ("quote.csv", b"1,2\n\"3,4\n".to_vec()),
        ("nul.csv", b"1,2\n3,\x004\n".to_vec()),
        ("utf16.csv", b"\xff\xfe1\0,\x002\0\n\0".to_vec()),
        ("latin.csv", b"1,2\n3,\xe9\n".to_vec()),
        ("line.csv", [b"1,".repeat(2 << 20), b"1\n".to_vec()].concat()),
        ("cell.csv", b"1".repeat(10 << 20)),
        ("huge.csv", b"1,2\n3,1e999\n".to_vec()),
    ];
    for (name, bytes) in files {
        place.write(name, bytes);
    }
    let made = place.shell("mkfifo pipe.csv; ln -s loop.csv loop.csv; mkdir folder.csv");
    finish(&mut { made }).done();
}

/// (number, file, words); all end in exit code 3.
const BAD: &[(u32, &str, &str)] = &[
    (1, "moom.csv", "no such file & did you mean moon.csv"),
    (1, "folder.csv", "not a regular file & a directory"),
    (2, "empty.csv", "the file is empty"),
    (3, "magic.npy", "truncated & found 6 bytes & at least 8 bytes"),
    (3, "cut.npy", "truncated & found 40 bytes"),
    (4, "short.npy", "truncated & 15 bytes & 16 bytes"),
    (4, "half.npy", "truncated & 8 bytes & 16 bytes"),
    (5, "long.npy", "bytes after the array & 17 bytes & 16 bytes"),
    (6, "claim.npy", "header is too long"),
    (7, "overflow.npy", "4194305"),
    (7, "overflow2.npy", "18446744073709551615"),
    (8, "rows0.npy", "the array is empty"),
    (8, "cols0.npy", "the array is empty"),
    (8, "scalar.npy", "a single number"),
    (8, "cube.npy", "too many dimensions"),
    (9, "object.npy", "object arrays are never loaded"),
    (9, "pickle.pkl", "a Python pickle"),
    (10, "struct.npy", "structured arrays are not read & float32"),
    (10, "text.npy", "'<U4' & float32"),
    (10, "complex.npy", "'<c8'"),
    (10, "date.npy", "'<M8[s]'"),
    (10, "bool.npy", "'|b1'"),
    (11, "big.npy", "not finite as f32 & row 1, column 1"),
    (13, "twice.npy", "'shape' twice"),
    (13, "missing.npy", "lacks 'fortran_order'"),
    (13, "extra.npy", "unknown key 'x'"),
    (13, "python.npy", "NPY header"),
    (13, "nested.npy", "NPY header"),
    (14, "version9.npy", "unknown NPY version & 9.0 & 1.0, 2.0 or 3.0"),
    (15, "torch.csv", "zip"),
    (15, "gz.csv", "gzip"),
    (15, "hdf.npy", "HDF5"),
    (15, "matlab.mat", "MATLAB"),
    (16, "nan.npy", "2 numbers & row 1, column 2 & row 2, column 2"),
    (17, "one.csv", "too few rows & at least 2 rows & --allow-point-mass"),
    (22, "wide.npy", "1025 & 1024"),
    (23, "ragged.csv", "row 3 & found 3, expected 2"),
    (24, "mixed.csv", "row 2"),
    (25, "nan.csv", "row 2, column 2 & 'nan'"),
    (25, "inf.csv", "row 2, column 1 & 'inf'"),
    (25, "hole.csv", "row 2, column 1 & an empty cell"),
    (25, "comma.csv", "row 2, column 1 & '1,5' & decimal comma"),
    (25, "score.csv", "row 2, column 1 & '1_000'"),
    (25, "hex.csv", "row 2, column 1 & '0x10'"),
    (25, "escape.csv", "row 2, column 1 & a\\u{9b}b"),
    (25, "quote.csv", "row 2"),
    (26, "nul.csv", "not text & byte 6"),
    (26, "utf16.csv", "UTF-16"),
    (26, "latin.csv", "not text & byte 6"),
    (27, "line.csv", "too long & 1 MiB"),
    (27, "cell.csv", "too long & 1 MiB"),
    (28, "huge.csv", "row 2, column 2 & 1e999"),
    (29, "pipe.csv", "not a regular file & use `-`"),
    (29, "/dev/zero", "not a regular file"),
    (29, "/proc/self/status", "in /proc/self/status"),
    (30, "-", "the input is empty in stdin"),
    (32, "loop.csv", "cannot open the file"),
];

#[test]
fn bad_data_files_are_refused_before_anything_is_done() {
    let place = Place::new();
    write_bad_files(&place);
    let lines: Vec<String> = BAD.iter().map(|(_, file, _)| format!("train {file} {TINY} --out o")).collect();
    let cases: Vec<_> =
        BAD.iter().zip(&lines).map(|((case, _, words), line)| (*case, line.as_str(), 3, *words)).collect();
    place.all_refused(&cases);
    assert!(!place.at("pwned").exists());
}

#[test]
fn what_looks_odd_but_is_good_is_accepted_with_a_note() {
    let place = Place::new();
    let f8: Vec<u8> = [1f64, 2.0, 3.0, 5.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    let big_endian: Vec<u8> = [1f32, 2.0, 3.0, 5.0].iter().flat_map(|v| v.to_be_bytes()).collect();
    let cases: &[(u32, &str, Vec<u8>, &str)] = &[
        (8, "flat.npy", array("<f4", false, "(4,)", &floats(&[1.0, 2.0, 3.0, 5.0])), "rows of one column"),
        (11, "f8.npy", array("<f8", false, "(2, 2)", &f8), ""),
        (11, "f2.npy", array("<f2", false, "(2, 2)", &[0, 60, 0, 64, 0, 66, 0, 68]), ""),
        (11, "i4.npy", array("<i4", false, "(2, 1)", &[1, 0, 0, 0, 2, 0, 0, 0]), ""),
        (11, "u1.npy", array("|u1", false, "(2, 2)", &[1, 2, 3, 4]), ""),
        (11, "be.npy", array(">f4", false, "(2, 2)", &big_endian), ""),
        (17, "one.csv", b"1,2\n".to_vec(), "constant"),
        (19, "constant.csv", b"1,7\n2,7\n3,7\n".to_vec(), "1 of 2 columns are constant"),
        (20, "extreme.csv", b"1e30,1e-30\n2e30,3e-30\n-1e30,0\n".to_vec(), ""),
        (21, "same.csv", b"1,7\n".repeat(20), "2 of 2 columns are constant"),
        (24, "bom.csv", b"\xef\xbb\xbfa;b\r\n1;2\r\n3;4\r\n\r\n\r\n".to_vec(), ""),
        (24, "tabs.tsv", b"1\t2\n3\t4".to_vec(), ""),
        (28, "small.csv", b"1,1e-400\n2,3\n".to_vec(), "too small for f32"),
        (72, "n\u{e4}me.csv", b"1,2\n3,5\n".to_vec(), ""),
    ];
    for (case, name, bytes, words) in cases {
        place.write(name, bytes);
        let ran = place.run(&format!("train {name} {TINY} --allow-point-mass --dry-run"));
        assert_eq!((ran.code, ran.err.contains(words)), (Some(0), true), "case {case}, {name}: {}", ran.err);
    }
}

#[test]
fn a_column_major_array_trains_to_the_same_weights_as_a_row_major_one() {
    let place = Place::new();
    let value = |i: usize, j: usize| ((i * 7 + j * 5) % 11) as f32;
    let rows: Vec<f32> = (0..80).map(|k| value(k / 2, k % 2)).collect();
    let columns: Vec<f32> = (0..80).map(|k| value(k % 40, k / 40)).collect();
    place.write("c.npy", array("<f4", false, "(40, 2)", &floats(&rows)));
    place.write("f.npy", array("<f4", true, "(40, 2)", &floats(&columns)));
    let mut samples = Vec::new();
    for name in ["c", "f"] {
        place.run(&format!("train {name}.npy {TINY} --out {name}")).done();
        place.run(&format!("sample {name} -n 50 --steps 5 -o {name}.samples.npy")).done();
        samples.push(place.read(&format!("{name}.samples.npy")));
    }
    assert!(samples[0] == samples[1]);
}

#[test]
fn degenerate_tables_train_and_sample_to_finite_numbers() {
    let place = Place::new();
    let mut one_column = String::new();
    (0..50).for_each(|i| writeln!(one_column, "{}", i % 7).unwrap());
    place.write("same.csv", b"1,7\n".repeat(20));
    place.write("line.csv", one_column);
    place.write("one.csv", b"1,2\n");
    for name in ["same", "line", "one"] {
        let ran = place.run(&format!("train {name}.csv {TINY} --allow-point-mass --out {name}"));
        assert!(name == "line" || ran.err.contains("fewer than a batch"), "case 18: {}", ran.err);
        ran.done();
        place.run(&format!("sample {name} -n 20 --steps 4 -o {name}.out.csv")).done();
        let text = String::from_utf8(place.read(&format!("{name}.out.csv"))).unwrap();
        let finite = |cell: &str| cell.parse::<f64>().is_ok_and(f64::is_finite);
        assert!(text.lines().count() == 20 && text.lines().all(|l| l.split(',').all(finite)), "{name}: {text}");
    }
}
