//! `bench`: what it refuses, and that its rows hold what other programs' rows hold.

use serde_json::Value;

use super::harness::Place;

#[test]
fn wrong_flags_of_bench_are_refused_before_anything_is_timed() {
    let place = Place::with_run();
    place.all_refused(&[
        (55, "bench --quik", 2, "--quik & '--quick'"),
        (57, "bench --only nothing", 2, "--only & nothing & D=2"),
        (58, "bench --repeats 0", 2, "--repeats & found 0 & 1 to 1000"),
        (58, "bench --window nan", 2, "--window & NaN"),
        (58, "bench --window 0", 2, "--window & found 0"),
        (75, "bench --family warp --list --device 0 --only nothing", 2, "--only"),
        (75, "bench --quick --family warp", 2, "--family & warp & panel"),
        (75, "bench --device reference", 2, "--device & reference"),
        (76, "bench --jsonl none/rows.jsonl", 7, "none/rows.jsonl & cannot be appended"),
        (76, "bench --jsonl .", 7, "cannot be appended"),
    ]);
}

#[test]
fn a_row_of_bench_says_what_was_timed_on_what_and_adds_up() {
    let place = Place::new();
    place.write("rows.jsonl", "{\"peer\":\"another\"}\n");
    let cell = "train,D=2,3x64,signrelu,B=512";
    let out = place.run(&format!("bench --only {cell} --repeats 2 --window 0.01 --jsonl rows.jsonl --json -q")).done();
    let report: Value = serde_json::from_str(&out).unwrap();
    let names = |list: &Value, key: &str| -> Vec<String> {
        list.as_array().unwrap().iter().map(|v| v[key].as_str().unwrap().to_string()).collect()
    };
    let ceilings = ["multiply-add", "read", "read, cached", "copy", "dispatch", "submission"];
    assert_eq!(names(&report["ceilings"], "name"), ceilings);
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    let number = |key: &str| row[key].as_f64().unwrap_or_else(|| panic!("{key} in {row}"));
    for key in ["median", "min", "max", "gflops", "first_call_s", "tensor_bytes", "launches", "samples_per_s"] {
        assert!(number(key) > 0.0, "{key}: {row}");
    }
    assert_eq!((&row["peer"], &row["kind"], &row["act"]), (&"scorefield".into(), &"train".into(), &"signrelu".into()));
    assert_eq!(
        [number("D"), number("L"), number("W"), number("B"), number("params")],
        [2.0, 3.0, 64.0, 512.0, 10_690.0]
    );
    assert!((number("gflops") / (6.0 * 10_690.0 * 512.0 * number("median") * 1e-9) - 1.0).abs() < 1e-9);
    assert!(number("min") <= number("median") && number("median") <= number("max") && number("repeats") == 2.0);
    assert!(number("share") * number("ceiling_gflops") / number("gflops") - 1.0 < 1e-9);
    for key in ["adapter", "backend", "driver", "family", "variant"] {
        assert!(row[key].as_str().is_some_and(|s| !s.is_empty()), "{key}: {row}");
    }
    // the family is what ran the cell, the variant what was asked for
    assert_eq!(row["variant"], "chosen");
    let fuses = place.run("devices").done().contains("kernels: fused-panel");
    assert!(!fuses || row["family"] == "fused-panel", "{row}");
    // what was in the file stays
    let text = String::from_utf8(place.read("rows.jsonl")).unwrap();
    let lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!((lines.len(), &lines[0]["peer"], &lines[1]), (2, &"another".into(), row));
    let first = &report["first_step_s"];
    assert!(first["warm"]["median"].as_f64().unwrap() > 0.0 && first["cold"]["median"].as_f64().unwrap() > 0.0);
}

#[test]
fn cells_are_listed_without_a_device() {
    let place = Place::new();
    let out = place.run("bench --list --json --only sample --device none").done();
    let cells: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(cells["cells"].as_array().unwrap().len(), 8);
    assert_eq!(cells["cells"][1]["label"], "sample D=2 3x128 signrelu B=10000");
    assert_eq!(place.run("bench --quick --list").done().lines().count(), 3);
}

#[test]
fn a_profile_tells_the_kernels_of_trainings_and_of_samplings() {
    let place = Place::new();
    for (cell, kernel) in
        [("train,D=2,3x64,signrelu,B=512", "optimiser/update"), ("sample,D=2,3x64", "sampler/advance")]
    {
        let out = place.run(&format!("bench --profile --only {cell} --repeats 2"));
        if out.code == Some(5) {
            // a device need not take timestamps
            assert!(out.err.contains("timestamps"), "{}", out.err);
            continue;
        }
        let said = out.done();
        assert!(said.contains(kernel) && said.contains("GFLOP/s between launches"), "{said}");
    }
}
