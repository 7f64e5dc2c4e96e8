//! `train --seeds`: an ensemble is its members, resumed and refused as a whole.

use crate::harness::{Place, TINY};

fn checkpoint(place: &Place, run: &str, step: u32) -> Vec<u8> {
    place.read(&format!("{run}/checkpoints/{step:09}.safetensors"))
}

#[test]
fn each_seed_of_an_ensemble_is_the_run_it_would_be_alone() {
    let place = Place::new();
    let out = place.run(&format!("train moons {TINY} --seeds 4,7-8 --out e --json")).done();
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["members"].as_array().unwrap().len(), 3);
    assert_eq!(json["held_out_loss"]["n"], 3);
    assert!(json["held_out_loss"]["half_width"].as_f64().unwrap() > 0.0);
    for seed in [4, 8] {
        place.run(&format!("train moons {TINY} --seed {seed} --out s{seed}")).done();
        assert!(checkpoint(&place, &format!("e/seed-{seed}"), 20) == checkpoint(&place, &format!("s{seed}"), 20));
    }
    place.run("sample e/seed-7 -n 5 --steps 3 -o x.csv").done();
    place.refused("sample e -n 5 -o y.csv", 2, "ensemble & e/seed-4");
}

#[test]
fn an_ensemble_goes_on_from_the_last_step_that_all_members_have() {
    let place = Place::new();
    place.run(&format!("train moons {TINY} --checkpoint-every 10 --seeds 0-1 --out e")).done();
    let whole = checkpoint(&place, "e/seed-1", 20);
    // as a kill between the two last checkpoints leaves it
    std::fs::remove_file(place.at("e/seed-1/checkpoints/000000020.safetensors")).unwrap();
    place.run("train --resume --out e").done();
    assert!(checkpoint(&place, "e/seed-1", 20) == whole);
    std::fs::remove_dir_all(place.at("e/seed-0/checkpoints")).unwrap();
    place.refused("train --resume --out e", 4, "every member");
}

#[test]
fn lists_of_seeds_that_make_no_sense_are_refused() {
    let place = Place::new();
    for list in ["", "a", "3-1", "1,1", "0-2000"] {
        place.refused(&format!("train moons {TINY} --out e --seeds={list}"), 2, "--seeds");
    }
    place.refused(&format!("train moons {TINY} --out e --seeds 0-1 --seed 3"), 2, "--seed");
    assert!(!place.at("e").exists());
}

#[test]
fn an_ensemble_is_judged_by_the_means_of_its_members() {
    let place = Place::new();
    place.run(&format!("train moons {TINY} --seeds 0-2 --out e")).done();
    let line = "eval e -n 200 --steps 20 --metrics sliced-w1,c2st,kl --json";
    let said: serde_json::Value = serde_json::from_str(&place.run(line).done()).unwrap();
    let names: Vec<&str> = said["metrics"].as_array().unwrap().iter().map(|m| m["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["sliced W1", "C2ST 1-NN accuracy", "KL(law || model)", "KL(model || law)"]);
    for m in said["metrics"].as_array().unwrap() {
        let values: Vec<f64> = m["values"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        assert_eq!((values.len(), m["seeds"].as_u64()), (3, Some(3)));
        let mean = values.iter().sum::<f64>() / 3.0;
        assert!((m["mean"].as_f64().unwrap() - mean).abs() < 1e-12 * mean.abs().max(1.0), "{m}");
        assert!(m["half_width"].as_f64().unwrap() > 0.0 && m["floor"].is_number());
    }
    // one member by itself gives the same number
    let alone: serde_json::Value =
        serde_json::from_str(&place.run(&line.replace("eval e", "eval e/seed-1")).done()).unwrap();
    assert_eq!(alone["metrics"][0]["value"], said["metrics"][0]["values"][1]);
    assert_eq!(place.run("eval e --steps 5,10").code, Some(2));
    let wrong = place.run("eval e --metrics mdm");
    assert!(wrong.code == Some(2) && wrong.err.contains("did you mean mmd"), "{}", wrong.err);
}
