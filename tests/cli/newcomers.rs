//! What somebody with a table of their own meets first: kinds of columns, missing values, verdicts, names of columns.

use serde_json::Value;

use super::harness::{Place, TINY, finish};

/// A table with a wide column, whole numbers from 0, a flag, a scale of few values, and words.
fn people(rows: usize, seed: usize) -> String {
    let mut text = "income,children,smoker,grade,town\n".to_string();
    let mut state = 12345 + 7919 * seed as u64;
    let mut random = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as f64 / (1u64 << 31) as f64
    };
    for _ in 0..rows {
        let normal = (0..12).map(|_| random()).sum::<f64>() - 6.0;
        let children = (random() * random() * 14.0) as u32;
        let town = ["Ulm", "Bonn", "Kiel"][(random() * 2.999) as usize];
        let grade = 0.5 * (1.0 + (random() * 4.999).floor());
        let income = 30_000.0 + 9_000.0 * normal;
        text += &format!("{income:.0},{children},{},{grade},{town}\n", u8::from(random() < 0.3));
    }
    text
}

fn json(place: &Place, line: &str) -> Value {
    let out = place.run(line).done();
    serde_json::from_str(&out).unwrap_or_else(|e| panic!("{line}: {e}: {out}"))
}

#[test]
fn samples_hold_what_the_columns_hold_unless_they_are_to_be_raw() {
    let place = Place::new();
    place.write("p.csv", people(400, 0));
    let ran = place.run(&format!("train p.csv {TINY} --out r"));
    assert!(
        ran.err.contains("children whole, not below 0; smoker one of 0 1; grade one of 0.5 1 1.5 2 2.5"),
        "{}",
        ran.err
    );
    ran.done();
    let ran = place.run("sample r -n 300 --steps 20 -o x.csv");
    let raised =
        ran.err.lines().find(|l| l.contains("numbers of children were below 0 and raised")).map(str::to_string);
    ran.done();
    let text = String::from_utf8(place.read("x.csv")).unwrap();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        assert!(cells[0].parse::<f64>().is_ok_and(|v| v >= 0.0) && cells[1].parse::<u32>().is_ok(), "{line}");
        assert!(["0", "1"].contains(&cells[2]) && ["0.5", "1.0", "1.5", "2.0", "2.5"].contains(&cells[3]), "{line}");
    }
    place.run("sample r -n 300 --steps 20 --raw -o raw.csv").done();
    let raw = String::from_utf8(place.read("raw.csv")).unwrap();
    let children = |line: &str| line.split(',').nth(1).and_then(|c| c.parse::<f64>().ok()).unwrap();
    let below = raw.lines().skip(1).filter(|l| children(l) < 0.0).count();
    assert!(raw.lines().skip(1).any(|l| children(l).fract() != 0.0), "{raw}");
    // what was raised is what is below 0 otherwise
    assert_eq!(
        raised.as_deref(),
        Some(&*format!("{below} of 300 numbers of children were below 0 and raised (--raw keeps them)"))
    );
    // a file of samples is a table of the same kind, and an array has the same numbers
    place.run("sample r -n 300 --steps 20 -o x.npy").done();
    let bytes = place.read("x.npy");
    let numbers: Vec<f32> =
        bytes[128..].chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    let first: Vec<&str> = text.lines().nth(1).unwrap().split(',').collect();
    assert_eq!(numbers[1..4], [1, 2, 3].map(|i| first[i].parse::<f32>().unwrap()));
    assert_eq!(numbers[4..7].iter().sum::<f32>(), 1.0);
}

#[test]
fn rows_with_missing_values_are_refused_or_dropped_and_counted() {
    let place = Place::new();
    let mut text = people(200, 0);
    text += "41000,,1,1.5,Bonn\n,2,0,1.5,Ulm\n38000,1,NA,2.5,Kiel\n38000,1,1,2.5,n/a\n";
    place.write("p.csv", &text);
    place.refused(
        &format!("train p.csv {TINY} --out r"),
        3,
        "row 202, column 2 & an empty cell & hint: --missing drop (of train",
    );
    let ran = place.run(&format!("train p.csv {TINY} --missing drop --out r"));
    let said = "4 of 204 rows of p.csv lack a value and were dropped, 2.0 % (the first: row 202, column children)";
    assert!(
        ran.err.contains(said) && ran.err.contains("180 rows of 7 columns to train on, 20 held out"),
        "{}",
        ran.err
    );
    ran.done();
    // whoever reads the data again drops the same rows
    place.run("eval r -n 20 --steps 5 --metrics columns").done();
    assert!(!place.run("plot r --steps 5 -n 50").err.contains("the data is not there"));
    place.refused("train p.csv --missing guess --out q", 2, "--missing & `guess` & refuse or drop");
    place.write("none.csv", "1,\n2,\n");
    place.refused("train none.csv --missing drop --out q", 3, "every row lacks a value & 2 rows");
    let nan: Vec<f32> = (0..80).map(|i| if i == 9 { f32::NAN } else { (i * 37 % 41) as f32 }).collect();
    place.write("x.npy", super::harness::array("<f4", false, "(40, 2)", &super::harness::floats(&nan)));
    place.refused(&format!("train x.npy {TINY} --out q"), 3, "NaN at row 5, column 2 & --missing drop");
    assert!(
        place.run(&format!("train x.npy {TINY} --missing drop --out q")).err.contains("1 of 40 rows of x.npy lack")
    );
}

#[test]
fn two_tables_are_compared_column_by_column_with_a_verdict() {
    let place = Place::new();
    place.write("truth.csv", people(1200, 1));
    place.write("like.csv", people(500, 2));
    // another order in which words are met, and one column that is off
    let off: Vec<String> = people(500, 3)
        .lines()
        .skip(1)
        .map(|l| l.split_once(',').map(|(_, rest)| format!("30000,{rest}")).unwrap())
        .collect();
    place.write("off.csv", "income,children,smoker,grade,town\n".to_string() + &off.join("\n"));
    let (like, unlike) =
        (json(&place, "eval like.csv truth.csv --json"), json(&place, "eval off.csv truth.csv --json"));
    assert_eq!(like["verdict"]["indistinguishable"], true, "{}", like["verdict"]);
    assert_eq!(unlike["verdict"]["indistinguishable"], false, "{}", unlike["verdict"]);
    assert!(
        unlike["verdict"]["words"].as_str().unwrap().contains("differ by themselves: income"),
        "{}",
        unlike["verdict"]
    );
    let value = |of: &Value, name: &str| {
        let all = of["metrics"].as_array().unwrap();
        all.iter().find(|m| m["name"] == name).unwrap_or_else(|| panic!("{name}"))["value"].as_f64().unwrap()
    };
    // a constant instead of a normal law: W2 is one standard deviation
    assert!((value(&unlike, "W2 of income") - 1.0).abs() < 0.1);
    assert!(value(&unlike, "TV of town") < 0.15 && value(&unlike, "sliced W2") < 1.0);
    let raw = json(&place, "eval off.csv truth.csv --standardise no --json");
    assert!(value(&raw, "W2 of income") > 7000.0 && value(&raw, "exact W2") > 7000.0);
    let text = place.run("eval like.csv truth.csv").done();
    for words in
        ["W1 (own units)", "income ", "TV 0.", "like the data", "standard deviation in truth.csv", "\nverdict: "]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    // floors of fewer rows are too large to judge by
    let short = json(&place, "eval truth.csv like.csv --json");
    assert!(short["verdict"].is_null() && short["notes"].to_string().contains("-n 250 compares"), "{}", short["notes"]);
    assert!(!json(&place, "eval truth.csv like.csv -n 250 --json")["verdict"].is_null());
    place.refused("eval off.csv", 2, "off.csv & a file alone cannot be judged & eval SAMPLES TRUTH");
    place.refused("eval moons", 2, "moons & --score exact --data moons");
    place.refused("eval off.csv truth.csv --standardise maybe", 2, "--standardise & auto, yes or no");
}

#[test]
fn columns_of_pictures_are_named() {
    let place = Place::new();
    place.write("p.csv", people(100, 0));
    place.run("plot p.csv --columns income,grade -o a.png").done();
    place.run("plot p.csv --columns 0,3 -o b.png").done();
    assert!(place.read("a.png") == place.read("b.png"));
    place.refused(
        "plot p.csv --columns income,childern -o c.png",
        2,
        "`childern` & town=Kiel & did you mean children?",
    );
    place.refused("plot p.csv --columns income,town -o c.png", 2, "`town` & drawn level by level: town=");
    place.refused("plot p.csv --columns income,9 -o c.png", 2, "`9` & 0 to 6");
    place.refused("plot p.csv --columns income,0 -o c.png", 2, "--columns & different");
    let ran = place.run("plot moons --columns x2,x1 --kind samples -o deep/m.png");
    assert!(ran.err.contains("made the directory deep"), "{}", ran.err);
    ran.done();
}

#[test]
fn an_ensemble_is_drawn_by_its_first_member_and_the_mean_of_its_losses() {
    let place = Place::new();
    place.run(&format!("train moons {TINY} --seeds 3-4 --out e -q")).done();
    for (flags, file) in [("", "samples"), ("--kind loss", "loss"), ("--kind times", "times")] {
        let ran = place.run(&format!("plot e {flags} -n 50 --steps 5"));
        assert!(ran.err.contains("e is an ensemble of 2") && ran.err.contains("e/seed-3"), "{}", ran.err);
        assert_eq!(ran.done().trim(), format!("e/figures/{file}.png"));
    }
    place.run("plot e --kind all -n 60 --steps 5").done();
    assert!(place.at("e/figures/reverse.gif").exists() && !place.at("e/seed-3/figures/reverse.gif").exists());
    place.refused("plot e --kind all -n 0", 2, "-n & found 0");
}

#[test]
fn steps_that_are_too_long_are_told_and_an_explosion_is_shown() {
    let place = Place::new();
    let ran = place.run("compare 8gaussians --samplers ei,ddpm --steps 5,100 -n 500 -o c.png");
    let exploded: Vec<&str> = ran.out.lines().filter(|l| l.contains(" explodes: ")).collect();
    assert!(exploded.len() == 1 && exploded[0].starts_with("ei in 5 steps explodes: its samples are "), "{}", ran.out);
    assert!(exploded[0].contains("so are those of normal data with the exact score"), "{}", ran.out);
    let ran = place.run("sample --score exact --data 8gaussians -n 50 --steps 5 -o x.npy");
    assert!(ran.err.contains("5 steps of ei are too long") && ran.err.contains("--sampler "), "{}", ran.err);
    for line in ["--steps 50", "--steps 5 --sampler unipc"] {
        let ran = place.run(&format!("sample --score exact --data 8gaussians -n 50 {line} --force -o x.npy"));
        assert!(!ran.err.contains("W-LONG-STEPS"), "{line}: {}", ran.err);
    }
}

#[test]
fn stderr_can_be_json_line_by_line() {
    let place = Place::with_run();
    for (line, code) in [
        ("sample r -n 3 --steps 2 -o deep/x.csv --log-format json", 0),
        ("train none.csv --log-format=json --out o", 3),
        ("sample r --chunks 3 --log-format json", 2),
    ] {
        let ran = place.run(line);
        assert_eq!(ran.code, Some(code), "{}", ran.err);
        // drivers have words of their own
        let own: Vec<&str> = ran.err.lines().filter(|l| l.starts_with('{')).collect();
        let values: Vec<Value> = own.iter().map(|l| serde_json::from_str(l).unwrap()).collect();
        let errors: Vec<&Value> = values.iter().filter(|v| v["level"] == "error").collect();
        assert_eq!(errors.len(), usize::from(code != 0), "{}", ran.err);
        assert!(errors.iter().all(|e| e["exit_code"] == code && e["what"].is_string()), "{}", ran.err);
        assert!(code != 0 || values.iter().any(|v| v["text"] == "made the directory deep"), "{}", ran.err);
        assert!(!ran.err.contains("error[") && !ran.err.contains("hint: "), "{}", ran.err);
    }
    place.refused("devices --log-format xml", 2, "--log-format & xml");
    let ran = finish(&mut place.command(["train", "--help"]));
    assert!(ran.out.contains("Examples:") && place.run("bench --help").out.contains("Examples:"));
}

#[test]
fn a_metric_that_was_named_and_is_not_known_says_so() {
    let place = Place::new();
    for (line, words) in [
        ("eval --score exact --data moons --metrics modes -n 50 --steps 3", "modes is not known here: it needs modes"),
        ("eval --score exact --data moons --metrics kl -n 50 --steps 3,4", "kl is not known here: it needs densities"),
    ] {
        let ran = place.run(line);
        assert!(ran.err.contains(words), "{line}: {}", ran.err);
    }
    let usual = place.run("eval --score exact --data moons -n 50 --steps 3");
    assert!(!usual.err.contains("is not known here"), "{}", usual.err);
}
