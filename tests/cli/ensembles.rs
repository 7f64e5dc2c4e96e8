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
