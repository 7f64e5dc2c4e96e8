//! B-5, signals: cases 94 to 97 and 101. What is stopped, even by SIGKILL, goes on to the very same weights.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::harness::{Place, finish};

/// A training of about a second with checkpoints all along.
const RUN: &str = "train moons --hidden 8x1 --features 2 --batch-size 32 --n 200 --steps 6000 --eval-every 2000 --checkpoint-every 250";
const LAST: &str = "checkpoints/000006000.safetensors";

fn start(place: &Place, line: &str) -> Child {
    place.command(line.split(' ')).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
}

fn send(child: &Child, signal: &str) {
    Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
}

/// Waits until a file is there, or the program has ended without it.
#[track_caller]
pub fn wait_for(file: &Path, child: &mut Child) {
    let clock = Instant::now();
    while !file.exists() {
        assert!(clock.elapsed() < Duration::from_secs(20), "{} never came", file.display());
        if let Some(status) = child.try_wait().unwrap() {
            assert!(file.exists(), "ended with {status} before {}", file.display());
        }
        sleep(Duration::from_millis(2));
    }
}

fn undisturbed(place: &Place) -> Vec<u8> {
    place.run(&format!("{RUN} --out whole -q")).done();
    place.read(&format!("whole/{LAST}"))
}

fn leftovers(place: &Place) -> usize {
    place.snapshot().keys().filter(|p| p.to_string_lossy().contains(".tmp-")).count()
}

#[test]
fn case_94_96_a_stopped_training_saves_says_so_and_goes_on_to_the_same_weights() {
    let place = Place::new();
    let whole = undisturbed(&place);
    for (signal, code, label) in [("-INT", 130, "E-INTERRUPTED"), ("-TERM", 143, "E-TERMINATED")] {
        let run = &format!("run{signal}");
        let mut child = start(&place, &format!("{RUN} --out {run} -q"));
        wait_for(&place.at(run).join("train.jsonl"), &mut child);
        let clock = Instant::now();
        send(&child, signal);
        let out = child.wait_with_output().unwrap();
        let err = String::from_utf8_lossy(&out.stderr);
        assert!(
            out.status.code() == Some(code) && err.contains(label) && err.contains("--resume"),
            "{:?} {err}",
            out.status
        );
        assert!(clock.elapsed() < Duration::from_secs(5));
        assert_eq!(leftovers(&place), 0);
        place.run(&format!("train --resume --out {run} -q")).done();
        assert!(place.read(&format!("{run}/{LAST}")) == whole, "{signal} changed the weights");
        let log = String::from_utf8(place.read(&format!("{run}/metrics.jsonl"))).unwrap();
        assert_eq!(log.lines().count(), 3, "a held-out loss was lost or measured twice");
    }
}

#[test]
fn case_94_96_a_signal_in_any_phase_ends_with_its_code_or_the_finished_work() {
    let place = Place::with_run();
    for (i, line) in
        ["train moons --steps 100000 --out a", "sample r -n 100000 --steps 1000 -o x.csv"].iter().enumerate()
    {
        for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
            for wait in [60, 150, 400] {
                let child = start(&place, &line.replace("--out a", &format!("--out a{signal}{wait}")));
                sleep(Duration::from_millis(wait));
                send(&child, signal);
                let clock = Instant::now();
                let out = child.wait_with_output().unwrap();
                let err = String::from_utf8_lossy(&out.stderr);
                // a slow machine may not have come to the first line of the program, which then said nothing
                let unborn = out.status.signal().is_some() && err.is_empty();
                let told = out.status.code() == Some(code) && err.matches("error[E-").count() == 1;
                assert!(unborn || told, "{line} after {wait} ms: {} {err}", out.status);
                assert!(clock.elapsed() < Duration::from_secs(5));
                assert!(leftovers(&place) == 0 && !place.at("x.csv").exists(), "phase {i}");
            }
        }
    }
}

#[test]
fn case_95_a_second_signal_stops_at_once_and_leaves_a_good_checkpoint() {
    let place = Place::new();
    let mut child = start(&place, &format!("{RUN} --out r -q"));
    wait_for(&place.at("r/train.jsonl"), &mut child);
    send(&child, "-TERM");
    send(&child, "-INT");
    let code = child.wait().unwrap().code();
    assert!([Some(130), Some(143)].contains(&code), "{code:?}");
    place.run("train --resume --out r -q").done();
}

#[test]
fn case_97_a_training_killed_again_and_again_arrives_at_the_same_weights() {
    let place = Place::new();
    let whole = undisturbed(&place);
    // moments that differ from run to run, so that in time all are tried
    let mut random = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let mut kills = 0;
    let mut line = format!("{RUN} --out r -q");
    for round in 0..12 {
        let mut child = start(&place, &line);
        // before its first checkpoint a run has nothing to go on from
        wait_for(&place.at("r/train.jsonl"), &mut child);
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        sleep(Duration::from_millis(if round == 0 { 20 } else { 100 + (random >> 40) % 250 }));
        send(&child, "-KILL");
        let status = child.wait().unwrap();
        kills += u32::from(status.code().is_none());
        if status.success() {
            break;
        }
        line = "train --resume --out r -q".into();
    }
    place.run("train --resume --out r -q").done();
    assert!(kills > 0, "nothing was ever killed");
    assert!(place.read(&format!("r/{LAST}")) == whole, "{kills} kills changed the weights");
    assert_eq!(leftovers(&place), 0);
    let log = String::from_utf8(place.read("r/train.jsonl")).unwrap();
    let step = |l: &str| serde_json::from_str::<serde_json::Value>(l).unwrap()["step"].as_u64().unwrap();
    assert!(log.lines().map(step).is_sorted_by(|a, b| a < b));
}

#[test]
fn case_101_a_paused_training_continues() {
    let place = Place::new();
    let mut child = start(&place, &format!("{RUN} --out r -q"));
    wait_for(&place.at("r/train.jsonl"), &mut child);
    send(&child, "-STOP");
    sleep(Duration::from_millis(300));
    let ran = finish(&mut place.command(["train", "--resume", "--out", "r"]));
    assert!(ran.code == Some(8) && ran.err.contains("E-BUSY"), "a paused run is still owned: {}", ran.err);
    send(&child, "-CONT");
    assert!(child.wait().unwrap().success());
}
