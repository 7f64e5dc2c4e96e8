//! `logp`: densities against their closed forms, their integral, their probes and their units.

use crate::harness::{Place, TINY};

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

fn column(place: &Place, name: &str) -> Vec<f64> {
    let text = String::from_utf8(place.read(name)).unwrap();
    text.lines().map(|l| l.parse().unwrap()).collect()
}

#[test]
fn exact_scores_give_the_exact_density_within_the_printed_errors() {
    let place = Place::new();
    for data in ["gmm:k=3,dim=2", "gmm:k=5,dim=3,layout=random", "checkerboard", "gaussian:dim=1"] {
        // until little is left of the data, so that the start is nearly right
        let said = json(&place.run(&format!("logp --score exact --data {data} --t-max 9 -n 60 --json")).done());
        assert_eq!(said["within_error"], 60, "{data}: {said}");
        // and the errors are small enough to mean something
        assert!(said["integration"]["error_most"].as_f64().unwrap() < 0.02, "{data}: {said}");
        assert!(said["start_error"]["most"].as_f64().unwrap() < 0.02, "{data}: {said}");
    }
}

#[test]
fn any_network_has_a_density_that_adds_up_to_one() {
    let place = Place::new();
    for (i, more) in ["moons", "gaussian:dim=1 --layer-norm --skip", "8gaussians --process ve"].iter().enumerate() {
        place.run(&format!("train {more} {TINY} --out m{i}")).done();
        let said = json(&place.run(&format!("logp m{i} -n 20 --check --json")).done());
        let sum = said["check"]["integral"].as_f64().unwrap();
        assert!((sum - 1.0).abs() < 1e-3, "{more}: {sum}");
    }
}

#[test]
fn probes_agree_with_the_exact_divergence_within_their_standard_error() {
    let place = Place::new();
    place.run(&format!("train gmm:k=4,dim=5,layout=random {TINY} --out r")).done();
    place.run("logp r -n 150 --steps 32 -o exact.csv").done();
    let probed = "logp r -n 150 --steps 32 --divergence hutchinson --probes 16 --json -o probed.csv";
    let said = json(&place.run(probed).done());
    let (exact, probed) = (column(&place, "exact.csv"), column(&place, "probed.csv"));
    let gaps: Vec<f64> = probed.iter().zip(&exact).map(|(a, b)| a - b).collect();
    let error = said["probe_error"]["rms"].as_f64().unwrap();
    let rms = (gaps.iter().map(|g| g * g).sum::<f64>() / 150.0).sqrt();
    // 150 gaps of independent signs: their size is known to about 6 %, their mean to a twelfth of it
    assert!(error > 0.0 && (rms / error - 1.0).abs() < 0.4, "{rms} for {error}");
    assert!((gaps.iter().sum::<f64>() / 150.0).abs() < 5.0 * error / 150f64.sqrt());
    // a chunk is only a chunk
    place.run("logp r -n 150 --steps 32 --divergence hutchinson --probes 16 --chunk 64 -o chunk.csv").done();
    assert!(place.read("chunk.csv") == place.read("probed.csv"));
}

#[test]
fn densities_are_in_the_units_of_the_file() {
    let place = Place::new();
    let row = |i: usize, scale: f64| {
        let x = ((i * 37) % 101) as f64 / 50.0;
        format!("{},{}\n", scale * x + 3.0 * (scale - 1.0), scale * (x * x - (i % 7) as f64 / 8.0))
    };
    for (name, scale) in [("a", 1.0), ("b", 16.0)] {
        place.write(&format!("{name}.csv"), (0..200).map(|i| row(i, scale)).collect::<String>());
        place.run(&format!("train {name}.csv {TINY} --out {name}")).done();
        place.run(&format!("logp {name} {name}.csv --steps 32 -o {name}-logp.csv")).done();
    }
    let (a, b) = (column(&place, "a-logp.csv"), column(&place, "b-logp.csv"));
    assert_eq!(a.len(), 200);
    for (a, b) in a.iter().zip(&b) {
        assert!((a - b - 2.0 * 16f64.ln()).abs() < 2e-2, "{a} {b}");
    }
}

#[test]
fn what_cannot_be_done_is_refused() {
    let place = Place::with_run();
    place.write("two.csv", "1,2\n3,4\n");
    for (line, code, words) in [
        ("logp r --check", 2, "1 or 2 columns"),
        ("logp r two.csv", 3, "do not have the columns"),
        ("logp r --steps 1", 2, "--steps"),
        ("logp r --probes 1", 2, "--probes"),
        ("logp r --divergence guess", 2, "exact or hutchinson"),
        ("logp r --method rk44", 2, "did you mean rk4"),
        ("logp r --grid benten", 2, "did you mean benton"),
        ("logp r --tolerance 0", 2, "--tolerance"),
        ("logp", 2, "no score was named"),
        ("logp --score exact --data moons --divergence hutchinson", 2, "without probes"),
    ] {
        let ran = place.run(line);
        assert_eq!(ran.code, Some(code), "{line}: {}", ran.err);
        assert!(ran.err.contains(words), "{line}: {}", ran.err);
    }
}
