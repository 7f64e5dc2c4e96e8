use super::{read, refused, with_file};
use crate::io::{Kind, Missing, ReadOptions, read_table};
use std::path::Path;

#[test]
fn all_usual_forms_give_the_same_numbers() {
    for text in [
        "1,2\n3,4\n",
        "1,2\n3,4",
        "1,2\r\n3,4\r\n",
        "\u{feff}1,2\n3,4\n",
        "1\t2\n3\t4\n",
        "1;2\n3;4\n",
        "1 2\n3 4\n",
        " 1.0e0 \t2\n 3\t 4\n",
        "\n\n1,2\n3,4\n\n \n",
        "x,y\n1,2\n3,4\n",
        "\"x, first\",\"y \"\"q\"\"\"\n\"1\",2\n3,\"4\"\n",
        ",y\n1,2\n3,4\n",
    ] {
        let table = read("a.csv", text.as_bytes()).unwrap_or_else(|e| panic!("{text:?}: {e}"));
        assert_eq!((table.rows, table.width, &table.values[..]), (2, 2, &[1.0, 2.0, 3.0, 4.0][..]), "{text:?}");
    }
}

#[test]
fn headers_names_and_decimals_are_kept() {
    let t = read("a.csv", b"\"x, 1\",\"say \"\"y\"\"\",z\n1.50,7,1e3\n2.25,8,2\n").unwrap();
    assert!(t.schema.header);
    assert_eq!(t.schema.encoded_names(), ["x, 1", "say \"y\"", "z"]);
    let kinds: Vec<_> = t.schema.columns.iter().map(|c| c.kind.clone()).collect();
    assert_eq!(kinds, [Some(2), Some(0), None].map(|decimals| Kind::Number { decimals }));
    assert_eq!(t.schema.decode(&[-0.001, 3.7, 1e-7]), ["0.00", "4", "1e-7"]);
    assert_eq!(t.schema.decode(&[f32::NAN]), ["NaN", "", ""]);
    let back: crate::io::Schema = serde_json::from_str(&serde_json::to_string(&t.schema).unwrap()).unwrap();
    assert_eq!(back, t.schema);
    assert!(!read("a.csv", b"1,2\n3,4\n").unwrap().schema.header);
}

#[test]
fn words_become_one_hot_columns_and_come_back() {
    let t = read("a.csv", b"x,kind\n1,red\n2,blue\n3,red\n").unwrap();
    assert_eq!((t.rows, t.width), (3, 3));
    assert_eq!(t.values, [1., 1., 0., 2., 0., 1., 3., 1., 0.]);
    assert_eq!(t.schema.encoded_names(), ["x", "kind=red", "kind=blue"]);
    assert_eq!(t.schema.decode(&[1.2, 0.3, 0.9]), ["1", "blue"]);
    let many: String = (0..65).map(|i| format!("{i},w{i}\n")).collect();
    refused(read("a.csv", many.as_bytes()), 3, "column 2: found more than 64");
    let all_words = read("a.csv", b"a,b\nc,d\ne,f\n").unwrap();
    assert!(all_words.notes[0].contains("header"));
}

#[test]
fn columns_know_what_they_can_hold_once_there_are_rows_enough() {
    let row = |i: usize| format!("{},{},{},{}\n", i % 2, i * 7 % 90, 0.5 * (i % 3) as f64 - 0.5, i as f64 - 50.0);
    let text = |n: usize| "flag,age,grade,x\n".to_string() + &(0..n).map(row).collect::<String>();
    let t = read("a.csv", text(100).as_bytes()).unwrap();
    let ranges: Vec<(bool, &[f32])> =
        t.schema.columns.iter().map(|c| (c.range.not_negative, &c.range.values[..])).collect();
    assert_eq!(ranges, [(true, &[0.0, 1.0][..]), (true, &[]), (false, &[-0.5, 0.0, 0.5]), (false, &[])]);
    assert_eq!(t.schema.decode(&[0.7, -3.2, 0.2, -9.26]), ["1", "0", "0.0", "-9"]);
    let (mut rows, mut moved) = ([0.4, -0.2, 9.0, 0.3, 0.6, 44.6, -9.0, -7.5], [0; 4]);
    t.schema.settle(&mut rows, &mut moved);
    assert_eq!(rows, [0.0, 0.0, 0.5, 0.0, 1.0, 45.0, -0.5, -8.0]);
    // the flag and the age, of which one was below 0
    assert_eq!(moved, [0, 1, 0, 0]);
    assert_eq!(t.schema.raw().decode(&[0.75, -3.25, 0.2, 1.0]), ["0.75", "-3.25", "0.2", "1"]);
    let said = t.schema.remark().unwrap();
    assert!(said.contains("flag one of 0 1; age whole, not below 0; grade one of -0.5 0 0.5; x whole"), "{said}");
    // twelve rows say little
    let few = read("a.csv", text(12).as_bytes()).unwrap();
    assert!(few.schema.columns.iter().all(|c| c.range == crate::io::Range::default()));
    let text = serde_json::to_string(&t.schema).unwrap();
    assert!(serde_json::from_str::<crate::io::Schema>(&text).unwrap() == t.schema && text.contains("not-negative"));
    let older = r#"{"columns":[{"name":"a","kind":{"number":{"decimals":1}}}],"header":true}"#;
    assert_eq!(serde_json::from_str::<crate::io::Schema>(older).unwrap().columns[0].range, crate::io::Range::default());
}

#[test]
fn rows_without_a_value_are_dropped_where_that_is_asked_for() {
    let drop = ReadOptions { missing: Missing::Drop, ..ReadOptions::default() };
    let text = b"x,word\n1,a\n,b\nNA,a\n2, N/A \n3,b\nnan,b\n4,null\n";
    let (_dir, path) = with_file("a.csv", text);
    let t = read_table(&path, &drop).unwrap();
    assert_eq!((t.rows, &t.values[..]), (2, &[1.0, 1.0, 0.0, 3.0, 0.0, 1.0][..]));
    assert!(
        t.notes[0].starts_with("5 of 7 rows of ") && t.notes[0].contains("the first: row 3, column x"),
        "{:?}",
        t.notes
    );
    let refused = read("a.csv", text).unwrap_err();
    assert!(refused.problem().hint.as_ref().unwrap().contains("--missing drop"));
    // what is wrong otherwise stays wrong
    let (_dir, path) = with_file("b.csv", b"1,2\n,3\n4,1_000\n");
    super::refused(read_table(&path, &drop), 3, "digits with separators");
    let (_dir, path) = with_file("c.csv", b"1,2\n,3\n4\n");
    super::refused(read_table(&path, &drop), 3, "row 3: found 1, expected 2");
}

#[test]
fn rows_are_brought_to_the_columns_of_another_table() {
    let of = |text: &str| read("a.csv", text.as_bytes()).unwrap();
    let truth = of("x,word,y\n1,red,2\n2,blue,3\n3,green,4\n");
    let other = of("x,word,y\n5,green,6\n7,red,8\n");
    let same = other.clone().in_columns_of(&truth.schema).unwrap();
    assert_eq!(same.values, [5., 0., 0., 1., 6., 7., 1., 0., 0., 8.]);
    assert_eq!((same.width, same.schema), (5, truth.schema.clone()));
    // a word that is not known, and other columns
    assert!(truth.in_columns_of(&other.schema).is_none());
    assert!(of("1,2\n3,4\n").in_columns_of(&other.schema).is_none());
    assert!(of("a,b,c\n1,2,3\n3,4,5\n").in_columns_of(&other.schema).is_none());
}

#[test]
fn bad_tables_are_refused_with_the_place() {
    let long_line = [b"1,".repeat(1 << 20), b"\n".to_vec()].concat();
    let long_cell = ["1\n".as_bytes(), &b"7".repeat(10 << 20)].concat();
    let cases: &[(&[u8], &str)] = &[
        (b"", "empty"),
        (b"\n \n", "no rows"),
        (b"x,y\n", "too few rows"),
        (b"1,2\n", "at least 2 rows"),
        (b"1,2\n3\n", "row 2: found 1, expected 2"),
        (b"1,2\n\n3,4\n", "blank line amid the data in"),
        (b"1;2\n3;4,5\n", "row 2, column 2: found '4,5' (a decimal comma"),
        (b"1,2\n3;4\n", "row 2: found 1, expected 2"),
        (b"1,2\nnan,4\n", "row 2, column 1: found 'nan' (not a finite number)"),
        (b"nan,2\n3,4\n", "row 1, column 1"),
        (b"1,2\n-inf,4\n", "-inf"),
        (b"1,2\n,4\n", "an empty cell"),
        (b"1;2\n3;1,5\n", "decimal comma"),
        (b"1,2\n1_000,4\n", "digits with separators"),
        (b"1,2\n0x10,4\n", "hexadecimal"),
        (b"1,2\n3,1e999\n", "beyond the range of f32"),
        (b"1,2\n3,1e39\n", "beyond the range of f32"),
        (b"1,2\n3,oops\x07\n", "control byte 0x07"),
        (b"1,2\n3,oops\n5,6\n", "row 2, column 2: found 'oops' (not a number)"),
        (b"nan\nnan\n1\nnan\ninf\n", "; 4 in all"),
        (b"x,x\n1,2\n3,4\n", "two columns are called 'x'"),
        (b"1,2\n3,\"4\n", "quote is not closed"),
        (b"1,2\n3,4\0\n", "NUL byte (UTF-16 text has them) at byte 7"),
        (b"1,2\n3,\xff\n", "invalid UTF-8 at byte 6"),
        (b"\xff\xfe1\0,\0", "UTF-16"),
        (b"1\0,\x002\0\n\0", "NUL"),
        (b"1,2\r3,4\r", "control byte 0x0d"),
        (&long_line, "more than 1 MiB"),
        (&long_cell, "row 2: found more than 1 MiB"),
    ];
    for (bytes, needle) in cases {
        refused(read("a.csv", bytes), 3, needle);
    }
    refused(read("a.csv", b"1,2\n3,\x1b[31m\n"), 3, "0x1b");
    let columns = "1,".repeat(70_000) + "1\n";
    refused(read("a.csv", columns.as_bytes()), 3, "too many columns");
}

#[test]
fn numbers_too_small_become_zero_with_a_note() {
    let t = read("a.csv", b"1\n1e-400\n1e-50\n0e9\n").unwrap();
    assert_eq!(t.values, [1.0, 0.0, 0.0, 0.0]);
    assert!(t.notes[0].starts_with("2 numbers"), "{:?}", t.notes);
}

#[test]
fn one_row_needs_permission() {
    let (_dir, path) = with_file("a.csv", b"1,2\n");
    let options = ReadOptions { allow_point_mass: true, ..ReadOptions::default() };
    assert_eq!(read_table(&path, &options).unwrap().rows, 1);
}

#[test]
fn foreign_formats_are_named_whatever_the_extension() {
    let cases: &[(&[u8], &str)] = &[
        (b"\x1f\x8b\x08\0rest", "gzip"),
        (b"\x89HDF\r\n\x1a\nrest", "HDF5"),
        (b"MATLAB 5.0 MAT-file, x", "MATLAB"),
        (b"\x80\x02}q\0.", "pickle"),
        (b"\x89PNG\r\n\x1a\nrest", "PNG"),
        (b"\x10\0\0\0\0\0\0\0{\"a\":1}", "safetensors"),
    ];
    for (bytes, needle) in cases {
        for name in ["a.csv", "a.npy", "a"] {
            refused(read(name, bytes), 3, needle);
        }
    }
    refused(read("a.npy", b"1,2\n3,4\n"), 3, "named .npy");
    assert_eq!(read("a.dat", b"1,2\n3,4\n").unwrap().rows, 2);
}

#[test]
fn things_that_are_no_regular_files_are_refused_at_once() {
    let (dir, path) = with_file("cloud.csv", b"1,2\n3,4\n");
    let options = ReadOptions::default();
    let read = |p: &Path| read_table(p, &options);
    refused(read(dir.path()), 3, "a directory");
    refused(read(&dir.path().join("nothing")), 3, "no such file");
    let error = read(&dir.path().join("clowd.csv")).unwrap_err();
    assert!(error.problem().hint.as_ref().unwrap().contains("cloud.csv"));
    let small = ReadOptions { max_bytes: 3, ..ReadOptions::default() };
    refused(read_table(&path, &small), 3, "at most 3 bytes");
    #[cfg(unix)]
    {
        refused(read(Path::new("/dev/zero")), 3, "device");
        let (a, b, fifo) = (dir.path().join("a"), dir.path().join("b"), dir.path().join("fifo"));
        std::os::unix::fs::symlink(&a, &b).unwrap();
        std::os::unix::fs::symlink(&b, &a).unwrap();
        refused(read(&a), 3, "cannot open the file");
        if std::process::Command::new("mkfifo").arg(&fifo).status().is_ok_and(|s| s.success()) {
            refused(read(&fifo), 3, "a pipe");
        }
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(read(&link).unwrap().rows, 2);
    }
}

#[test]
fn the_hash_is_that_of_the_bytes() {
    let (_dir, path) = with_file("a.csv", b"1,2\n3,4\n");
    let table = read_table(&path, &ReadOptions::default()).unwrap();
    assert_eq!(table.sha256, crate::io::sha256_of_file(&path).unwrap());
    let endless = crate::io::read_to_limit(&mut std::io::repeat(7), 10, "stdin");
    refused(endless, 3, "more than 10 bytes");
}
