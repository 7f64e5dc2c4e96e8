//! Lint, audit, report and study, as typed.

use serde_json::Value;

use super::harness::{Place, TINY};

const MODES: &str = "gmm:means=(-3)(3),sd=1";
const NET: &str = "--hidden 32x2 --features 8 --batch-size 128 -q";

/// The JSON object a command prints.
#[track_caller]
fn object(place: &Place, line: &str) -> Value {
    serde_json::from_str(&place.run(&format!("{line} --json")).done()).unwrap()
}

/// A closed outline in the plane, in the scale in which such data are usually given.
fn outline() -> String {
    let point = |i: usize| {
        let a = i as f64 * 0.618_034 * std::f64::consts::TAU;
        let r = 1.9 + 0.5 * (3.0 * a).cos() + 0.25 * (5.0 * a).sin();
        format!("{:.4},{:.4}\n", r * a.cos(), 1.1 * r * a.sin() + 0.3 * (2.0 * a).cos())
    };
    "x,y\n".to_string() + &(0..1000).map(point).collect::<String>()
}

#[test]
fn a_table_of_fifty_steps_is_known_to_end_far_from_noise() {
    let place = Place::new();
    place.write("dino-like.csv", outline());
    let nats = |flags: &str| {
        let said = object(&place, &format!("lint dino-like.csv --process ddpm-linear {flags}"));
        let first = said["findings"][0].clone();
        assert_eq!(first["name"], "initialisation");
        (first["warns"].as_bool().unwrap(), first["value"].as_f64().unwrap(), first["fix"].to_string())
    };
    // in the units of the data, whose variance is not 1, it is worse
    let (standardised, raw) = (nats("--steps 50"), nats("--steps 50 --standardise no"));
    assert!(standardised.0 && standardised.1 > 0.01, "{standardised:?}");
    assert!(raw.0 && raw.1 > 0.1 && raw.2.contains("--timesteps"), "{raw:?}");
    let long = nats("--steps 1000");
    assert!(!long.0 && long.1 < 1e-3, "{long:?}");
    let ran = place.run("lint dino-like.csv --process ddpm --steps 50 --strict");
    assert_eq!(ran.code, Some(10), "{}", ran.err);
    assert!(ran.out.contains("nats") && ran.err.contains("initialisation"), "{}", ran.err);
    place.run("lint 8gaussians --strict").done();
    // and a training says it before it begins
    let said = place.run("train dino-like.csv --process ddpm --timesteps 50 --t0 0.02 --dry-run");
    assert!(said.err.contains("initialisation") && said.err.contains("nats"), "{}", said.err);
}

#[test]
fn lint_refuses_what_train_refuses() {
    let place = Place::new();
    place.all_refused(&[
        (1, "lint", 2, "scorefield --help"),
        (2, "lint nowhere.csv", 3, "nowhere.csv"),
        (3, "lint moons --steps 0", 2, "steps"),
        (4, "lint moons --lr -1", 2, "--lr"),
        (5, "audit nowhere", 4, "nowhere"),
        (6, "study bentn", 2, "did you mean `benton`?"),
        (7, "study benton --vary q=1", 2, "--vary"),
        (8, "study benton --vary N=0.5 --out s", 2, "--vary & a whole number"),
        (9, "report nowhere", 4, "nowhere"),
    ]);
}

#[test]
fn an_audit_names_the_cause_of_bad_models_and_adds_up_on_a_good_one() {
    let place = Place::new();
    place.run(&format!("train {MODES} {NET} --steps 1500 --out good")).done();
    place.run(&format!("train {MODES} {NET} --steps 1500 --t-max 0.7 --out short")).done();
    place.run(&format!("train {MODES} {NET} --steps 1500 --n 30 --out few")).done();
    let audit = |line: &str| object(&place, &format!("audit {line} -n 256 -q"))["audit"]["audit"].clone();
    assert_eq!(audit("short --budget 0 --steps 100")["largest"], "initialisation");
    assert_eq!(audit("good --budget 0 --steps 8")["largest"], "discretisation");
    let few = audit("few --budget 1 --steps 150");
    assert_eq!(few["largest"], "estimation");
    // a difference of two errors bounds no distance
    let tv =
        |name: &str| few["parts"].as_array().unwrap().iter().find(|p| p["name"] == name).unwrap()["tv_at_most"].clone();
    assert!(tv("estimation").is_null() && tv("optimisation").is_null() && tv("approximation").is_number());
    let good = audit("good --budget 0 --steps 150");
    let number = |v: &Value| v.as_f64().unwrap();
    let parts = good["parts"].as_array().unwrap();
    let sum: f64 = parts.iter().filter(|p| p["in_sum"] == true).map(|p| number(&p["nats"])).sum();
    assert!((sum / number(&good["bound"]) - 1.0).abs() < 1e-9, "{sum} {}", good["bound"]);
    // the bound bounds the KL of the samples, which is computed independently of it, and so do its parts
    let measured = number(&good["measured"]["model"]);
    assert!(measured < number(&good["bound"]) && measured < 0.1, "{good}");
    assert!(number(&good["measured"]["exact_score"]) < measured);
    // nats bound the total variation, and the samples lie as near to true ones as true ones do
    assert!(parts.iter().all(|p| p["name"] == "interaction" || number(&p["tv_at_most"]) < 1.0), "{good}");
    let w2 = &good["measured"]["w2"];
    let [model, exact, floor] = ["model", "exact_score", "floor"].map(|k| number(&w2[k]));
    assert!(floor > 0.0 && exact < 3.0 * floor && model < 6.0 * floor, "{w2}");
    assert!(place.read("good/figures/audit.png").starts_with(b"\x89PNG") && place.at("good/audit.json").exists());
}

#[test]
fn a_file_is_audited_as_far_as_can_be_and_reported_in_one_file() {
    let place = Place::with_run();
    let said = place.run("audit r -n 64 --steps 20").done();
    for words in ["initialisation", "discretisation", "memorised share", "not known without the law"] {
        assert!(said.contains(words), "{words} is not in\n{said}");
    }
    place.run("report r -o r.html").done();
    let page = String::from_utf8(place.read("r.html")).unwrap();
    for words in ["data:image/png;base64,", "held-out loss", "config.toml", "not known without the law", "sliced w2"] {
        assert!(page.contains(words), "{words} is not in the report");
    }
    for words in ["<script", "http://", "https://", "src=\"/", "<link"] {
        assert!(!page.contains(words), "{words} is in the report");
    }
    place.refused("report r -o r.html --as-is", 2, "r.html & --force");
}

#[test]
fn a_study_goes_on_where_it_stopped_and_its_verdict_can_be_no() {
    let place = Place::new();
    let said = object(&place, "study benton --quick --out s")["study"].clone();
    assert!(said["verdict"].as_str().unwrap().starts_with("holds: 9 of 9"), "{said}");
    for file in ["figure.png", "points.csv", "study.json", "points.jsonl"] {
        assert!(place.at("s").join(file).exists(), "{file}");
    }
    // half of the points are forgotten, one is falsified: what is there is taken as it is, the rest measured again
    let text = String::from_utf8(place.read("s/points.jsonl")).unwrap();
    let kept: String = text.lines().take(text.lines().count() / 2).map(|l| format!("{l}\n")).collect();
    let mut lines: Vec<Value> = kept.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    lines[0]["outcome"]["value"] = serde_json::json!(1.0);
    place.write("s/points.jsonl", lines.iter().map(|l| format!("{l}\n")).collect::<String>());
    let said = object(&place, "study benton --quick --out s")["study"].clone();
    assert!(said["verdict"].as_str().unwrap().starts_with("does not hold here: 8 of 9"), "{said}");
    let page = String::from_utf8({
        place.run("report s").done();
        place.read("s/report.html")
    })
    .unwrap();
    for words in ["data:image/png;base64,", said["verdict"].as_str().unwrap(), "uniform grid", "study benton --quick"] {
        assert!(page.contains(words), "{words} is not in the report");
    }
    let said = object(&place, "study benton --quick --out s --fresh")["study"].clone();
    assert!(said["verdict"].as_str().unwrap().starts_with("holds"), "{said}");
    let listed = place.run("study").done();
    assert!(scorefield::study::PRESETS.iter().all(|p| listed.contains(p.name)), "{listed}");
    place.run(&format!("train moons {TINY} --out m")).done();
    assert_eq!(place.run("lint m").code, Some(0));
}
