//! B-2: checkpoints, cases 33 to 54.

use serde_json::{Value, json};

use super::harness::{Place, copy, finish, floats, newest};

/// A file with any header text.
fn file(header: &str, payload: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), payload].concat()
}

/// A good checkpoint without its seal, with header and payload changed.
fn crafted(good: &[u8], change: impl FnOnce(&mut Value, &mut Vec<u8>)) -> Vec<u8> {
    let size = u64::from_le_bytes(good[..8].try_into().unwrap()) as usize;
    let mut header: Value = serde_json::from_slice(&good[8..8 + size]).unwrap();
    let mut payload = good[8 + size..].to_vec();
    for key in ["sealed", "sha256"] {
        header["__metadata__"].as_object_mut().unwrap().remove(key);
    }
    change(&mut header, &mut payload);
    file(&header.to_string(), &payload)
}

/// A good checkpoint with its description changed.
fn described(good: &[u8], change: impl FnOnce(&mut Value)) -> Vec<u8> {
    crafted(good, |header, _| {
        let mut card: Value = serde_json::from_str(header["__metadata__"]["model"].as_str().unwrap()).unwrap();
        change(&mut card);
        header["__metadata__"]["model"] = json!(card.to_string());
    })
}

fn foreign(tensors: &str, payload: &[u8]) -> Vec<u8> {
    let meta = "\"__metadata__\":{\"format\":\"scorefield-checkpoint\",\"format_version\":\"1\"}";
    file(&format!("{{{meta},{tensors}}}"), payload)
}

fn one(entry: &str) -> Vec<u8> {
    foreign(&format!("\"w\":{entry}"), &[0; 8])
}

#[test]
fn bad_checkpoints_are_refused_with_the_reason() {
    let place = Place::with_run();
    let good = std::fs::read(newest(&place, "r")).unwrap();
    let half = good.len() / 2;
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let keys: String = (0..9000).map(|i| format!("\"k{i}\":1,")).collect();
    let deep = format!("\"w\":{}", "[".repeat(10_000));
    let unmetered = |tensors: &str| file(&format!("{{{tensors}}}"), &[]);
    let first = |h: &Value| h.as_object().unwrap().keys().find(|k| *k != "__metadata__").unwrap().clone();
    let cases: Vec<(u32, &str, Vec<u8>, &str)> = vec![
        (33, "empty", vec![], "the file is empty"),
        (33, "byte", vec![7], "truncated"),
        (33, "stranger", b"hello, this is no checkpoint at all".to_vec(), "not a checkpoint of this program"),
        (33, "pickle", b"\x80\x04\x95 a pickle that is never read".to_vec(), "a Python pickle"),
        (33, "torch", b"PK\x03\x04 a zip that is never read".to_vec(), "zip"),
        (33, "theirs", file("{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", &[0; 8]), "no format"),
        (34, "cut", good[..half].to_vec(), "truncated"),
        (34, "cut1", good[..good.len() - 1].to_vec(), "truncated"),
        (35, "flipped", flipped, "content hash differs"),
        (36, "nan", crafted(&good, |_, p| p[4..8].copy_from_slice(&floats(&[f32::NAN]))), "not finite at index"),
        (
            37,
            "shape",
            crafted(&good, |h, _| {
                let k = first(h);
                h[&k]["shape"] = json!([
                    h[&k]["shape"][0].as_u64().unwrap() * h[&k]["shape"].get(1).map_or(1, |v| v.as_u64().unwrap()),
                    1,
                    1
                ])
            }),
            "another shape",
        ),
        (
            38,
            "extra",
            crafted(&good, |h, p| {
                let n = p.len();
                h["stranger"] = json!({"dtype": "F32", "shape": [1], "data_offsets": [n, n + 4]});
                p.extend([0; 4])
            }),
            "'stranger'",
        ),
        (
            38,
            "missing",
            crafted(&good, |h, _| {
                let k = first(h);
                let v = h.as_object_mut().unwrap().remove(&k).unwrap();
                h["renamed"] = v
            }),
            "tensor",
        ),
        (
            38,
            "twice",
            foreign(
                "\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}",
                &[0; 8],
            ),
            "twice",
        ),
        (40, "newer", crafted(&good, |h, _| h["__metadata__"]["format_version"] = json!("7")), "newer version & 7"),
        (40, "odd", described(&good, |c| c["new-feature"] = json!(true)), "new-feature"),
        (42, "length", [&(1u64 << 63).to_le_bytes()[..], b"{\"w\":1}..............."].concat(), "not a checkpoint"),
        (42, "hole", one("{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}"), "a hole"),
        (
            42,
            "overlap",
            foreign(
                "\"v\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}",
                &[0; 8],
            ),
            "overlaps",
        ),
        (42, "backward", one("{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}"), "ends before it begins"),
        (42, "beyond", one("{\"dtype\":\"F32\",\"shape\":[2048],\"data_offsets\":[0,8192]}"), "truncated"),
        (
            42,
            "product",
            one("{\"dtype\":\"F32\",\"shape\":[4194305,4194305,211106198978564],\"data_offsets\":[0,8]}"),
            "overflows",
        ),
        (43, "deep", foreign(&deep, &[]), "header"),
        (43, "keys", unmetered(&format!("{keys}\"w\":1")), "header"),
        (43, "integer", one("{\"dtype\":\"F32\",\"shape\":[1e400],\"data_offsets\":[0,8]}"), "header"),
        (43, "utf8", [&18u64.to_le_bytes()[..], b"{\"\xff\xfe\":{\"dtype\":1}}"].concat(), "UTF-8"),
        (43, "surrogate", foreign("\"\\ud800\":{}", &[]), "header"),
        (44, "width", described(&good, |c| c["network"]["hidden"] = json!("2147483648x1")), "2147483648x1"),
        (44, "dim", described(&good, |c| c["dim"] = json!(1u64 << 40)), "dimension"),
        (45, "escape", described(&good, |c| c["network"]["activation"] = json!("\u{1b}[31m../../x")), "\\u{1b}[31m"),
    ];
    let mut lines = Vec::new();
    for (case, name, bytes, words) in cases {
        place.write(&format!("{name}.safetensors"), bytes);
        lines.push((case, format!("sample {name}.safetensors -n 4 -o z.csv"), words));
    }
    finish(&mut place.shell("mkfifo pipe.safetensors")).done();
    lines.push((54, "sample pipe.safetensors -o z.csv".into(), "pipe.safetensors"));
    lines.push((54, "sample /dev/zero -o z.csv".into(), "/dev/zero"));
    let cases: Vec<_> = lines.iter().map(|(case, line, words)| (*case, line.as_str(), 4, *words)).collect();
    place.all_refused(&cases);
}

#[test]
fn case_34_35_47_the_checkpoint_before_a_damaged_one_is_used_and_that_is_said() {
    let undisturbed = Place::with_run();
    for damage in ["cut", "flip"] {
        let place = Place::with_run();
        let path = newest(&place, "r");
        let mut bytes = std::fs::read(&path).unwrap();
        let whole = bytes.clone();
        if damage == "cut" {
            bytes.truncate(whole.len() / 2);
        } else {
            bytes[whole.len() - 100] ^= 16;
        }
        std::fs::write(&path, bytes).unwrap();
        let ran = place.run("sample r -n 5 --steps 2 -o x.csv");
        assert!(ran.err.contains("skipped a checkpoint") && ran.err.contains("000000015.safetensors"), "{}", ran.err);
        ran.done();
        // training goes on from the older one and arrives where it was
        place.run("train --resume --out r").done();
        assert!(place.read("r/checkpoints/000000020.safetensors") == whole);
    }
    let place = undisturbed;
    for name in ["000000015", "000000020"] {
        place.write(&format!("r/checkpoints/{name}.safetensors"), "damaged");
    }
    place.refused("sample r -o x.csv", 4, "truncated");
    place.refused("train --resume --out r", 4, "truncated");
}

#[test]
fn case_46_a_directory_of_leftovers_holds_no_checkpoint_and_only_the_owner_removes_them() {
    let place = Place::with_run();
    for name in ["000000015", "000000020"] {
        std::fs::remove_file(place.at(format!("r/checkpoints/{name}.safetensors"))).unwrap();
    }
    let leftover = "r/checkpoints/.000000020.safetensors.tmp-4000000000";
    place.write(leftover, "half a checkpoint");
    place.refused("sample r -o x.csv", 4, "no complete checkpoint");
    assert!(place.at(leftover).exists());
    assert_eq!(place.run("train --resume --out r").code, Some(4));
    assert!(!place.at(leftover).exists());
}

#[test]
fn case_48_averaged_weights_are_the_default_and_raw_ones_differ() {
    let place = Place::with_run();
    let mut files = Vec::new();
    for (flags, said) in [("", "moving average"), ("--weights ema", "moving average"), ("--weights raw", "raw weights")]
    {
        let ran = place.run(&format!("sample r -n 9 --steps 3 --force -o x.npy {flags}"));
        assert!(ran.err.contains(said), "{}", ran.err);
        ran.done();
        files.push(place.read("x.npy"));
    }
    assert!(files[0] == files[1] && files[0] != files[2]);
    place.refused("sample r --weights live -o y.npy", 2, "--weights & `live` & ema or raw");
}

#[test]
fn case_39_49_50_a_run_goes_on_only_with_what_it_was_started_with() {
    let place = Place::with_run();
    place.refused("train --resume --out none", 4, "no run & none");
    place.refused("train --resume --out r --activation tanh --predict eps", 4, "silu & tanh & residual & eps");
    place.refused(
        "train --resume --out r --process vp --t0 0.01 --batch-size 8",
        4,
        "process was & t0 was not set, is now 0.01 & batch-size was 32, is now 8",
    );
    place.refused("train --resume --out r --seed 5", 4, "seed was 0, is now 5");
    place.refused("train moons --resume --out r", 4, "source was");
    let table = place.read("t.csv");
    place.write("t.csv", [&table[..], b"33,1.00,red\n"].concat());
    place.refused("train --resume --out r --steps 40", 4, "data-sha256");
    place.write("t.csv", table);
    // more steps are no other run
    let ran = place.run("train --resume --out r --steps 25 --checkpoint-every 25");
    assert!(ran.err.contains("steps was 20, is now 25"), "{}", ran.err);
    ran.done();
    assert!(place.at("r/checkpoints/000000025.safetensors").exists());
    assert!(String::from_utf8(place.read("r/config.toml")).unwrap().contains("steps = 25"));
}

#[test]
fn case_51_a_finished_run_is_said_to_be_complete_and_nothing_is_rewritten() {
    let place = Place::with_run();
    let before = place.snapshot();
    let ran = place.run("train --resume --out r");
    assert!(ran.out.contains("already complete at step 20"), "{}", ran.out);
    assert!(!ran.err.contains("W-SOFTWARE-DEVICE"));
    ran.done();
    assert!(place.snapshot() == before);
}

#[test]
fn case_52_a_log_that_is_ahead_of_the_checkpoint_is_cut_back() {
    let place = Place::with_run();
    std::fs::remove_file(place.at("r/checkpoints/000000020.safetensors")).unwrap();
    let log = [place.read("r/train.jsonl"), b"{\"step\": 999}\n{\"step\": 21, \"lo".to_vec()].concat();
    place.write("r/train.jsonl", log);
    place.run("train --resume --out r").done();
    let text = String::from_utf8(place.read("r/train.jsonl")).unwrap();
    let steps: Vec<u64> =
        text.lines().map(|l| serde_json::from_str::<Value>(l).unwrap()["step"].as_u64().unwrap()).collect();
    assert!(steps.is_sorted_by(|a, b| a < b) && steps.last() == Some(&20), "{steps:?}");
}

#[test]
fn case_53_a_checkpoint_of_one_device_is_used_on_another() {
    let place = Place::with_run();
    place.run("sample r -n 8 --steps 3 -o gpu.csv").done();
    place.run("sample r -n 8 --steps 3 --device reference -o host.csv").done();
    let cells = |name: &str| -> Vec<f64> {
        let text = String::from_utf8(place.read(name)).unwrap();
        text.lines().skip(1).map(|l| l.split(',').nth(1).unwrap().parse().unwrap()).collect()
    };
    let worst = cells("gpu.csv").iter().zip(cells("host.csv")).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(worst <= 0.02, "{worst}");
}

#[test]
fn a_lone_checkpoint_is_sampled_anywhere_and_gives_what_its_run_gives() {
    let place = Place::with_run();
    let away = Place::new();
    std::fs::copy(newest(&place, "r"), away.at("model.safetensors")).unwrap();
    away.run("sample model.safetensors -n 12 --steps 4 -o x.csv").done();
    place.run("sample r -n 12 --steps 4 -o x.csv").done();
    assert!(away.read("x.csv") == place.read("x.csv"));
    away.refused("sample model.safetensors", 2, "-o");
    copy(&place.at("r"), &away.at("moved"));
    away.run("sample moved -n 12 --steps 4 -o y.csv").done();
    assert!(away.read("y.csv") == away.read("x.csv"));
}
