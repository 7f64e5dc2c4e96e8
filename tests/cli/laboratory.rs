//! Processes, samplers and their comparison, as typed.

use super::harness::{Place, TINY};

#[test]
fn samplers_are_compared_in_two_pictures_a_table_and_one_object() {
    let place = Place::new();
    place.run(&format!("train moons {TINY} --out m")).done();
    let line = "compare m --samplers heun,dpmpp-2m,deis,ode-rk45 --order 2 --steps 2,4 -n 300 --directions 8 -o c.png";
    let text = place.run(line).done();
    for words in ["2 steps", "4 steps", "ode-heun", "(4)", "deis", "(24)", "floor", "c.png", "c-curves.png"] {
        assert!(text.contains(words), "{words} is not in\n{text}");
    }
    assert!(["c.png", "c-curves.png"].iter().all(|f| place.read(f).starts_with(b"\x89PNG")));
    place.refused(line, 2, "c.png & --force");
    let said: serde_json::Value = serde_json::from_str(&place.run(&format!("{line} --force --json")).done()).unwrap();
    let cells = said["cells"].as_array().unwrap();
    let nfe: Vec<u64> = cells.iter().map(|c| c["evaluations"].as_u64().unwrap()).collect();
    assert_eq!(nfe, [4, 8, 2, 4, 2, 4, 12, 24]);
    assert!(cells.iter().all(|c| c["sliced_w2"].as_f64().unwrap() > 0.0) && said["floor"]["repeats"] == 12);
    // one column, a table of words and numbers, and held-out rows only
    place.write("line.csv", (0..200).map(|i| format!("{}\n", (f64::from(i) * 0.7).sin())).collect::<String>());
    place.run(&format!("train line.csv {TINY} --out l")).done();
    let ran = place.run("compare l --samplers ei,ei-ode --steps 3 -o l.png");
    assert!(ran.err.contains("20 rows were held out"), "{}", ran.err);
    ran.done();
    place.run("compare l --samplers edm --s-churn 0 --eta 0.5 --steps 1 -o one.png").done();
}

#[test]
fn every_process_and_every_head_can_be_trained_and_sampled() {
    let place = Place::new();
    for process in scorefield::process::PROCESSES.iter().map(|row| row.name) {
        place.run(&format!("train moons {TINY} --process {process} --out p --overwrite")).done();
        place.run("sample p -n 9 --sampler unipc --steps 4 --grid log-snr --force -o x.csv").done();
    }
    for head in scorefield::network::HEADS.iter().map(|head| head.name) {
        place.run(&format!("train moons {TINY} --predict {head} --process edm --out p --overwrite")).done();
    }
}

#[test]
fn a_sampler_that_chooses_its_steps_says_how_many() {
    let place = Place::with_run();
    let steps = |tolerance: &str| -> u64 {
        let line = format!("sample r -n 40 --sampler rk45 --tolerance {tolerance} --json --force -o x.csv");
        let said: serde_json::Value = serde_json::from_str(&place.run(&line).done()).unwrap();
        assert_eq!(said["sampler"]["evaluations"].as_u64(), said["sampler"]["steps"].as_u64().map(|n| 6 * n));
        assert_eq!(said["sampler"]["grid"], "chosen");
        said["sampler"]["steps"].as_u64().unwrap()
    };
    assert!(steps("1e-5") > steps("1e-2"));
    let first = place.read("x.csv");
    place.run("sample r -n 40 --sampler rk45 --tolerance 1e-2 --chunk 7 --force -o x.csv").done();
    assert!(place.read("x.csv") == first);
}
