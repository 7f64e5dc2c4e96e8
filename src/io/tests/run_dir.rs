use super::checkpoint::small;
use super::refused;
use crate::io::RunDir;
use serde_json::json;
use std::fs;

fn steps(run: &RunDir) -> Vec<String> {
    let entries = fs::read_dir(run.checkpoints()).unwrap();
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn runs_are_numbered_and_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let runs = dir.path().join("runs");
    let one = RunDir::create_numbered(&runs, "8gaussians-s0").unwrap();
    let two = RunDir::create_numbered(&runs, "my/../data").unwrap();
    assert!(one.path().ends_with("00001-8gaussians-s0"));
    assert!(two.path().ends_with("00002-my-..-data"));
    assert_eq!(RunDir::open_among(&runs, "last").unwrap().path(), two.path());
    assert_eq!(RunDir::open_among(&runs, "1").unwrap().path(), one.path());
    assert_eq!(RunDir::open_among(&runs, one.path().to_str().unwrap()).unwrap().path(), one.path());
    fs::create_dir(runs.join("00003-killed-at-birth")).unwrap();
    assert_eq!(RunDir::open_among(&runs, "last").unwrap().path(), two.path());
    refused(RunDir::open_among(&runs, "7"), 4, "no run");
    refused(RunDir::open_among(&runs, dir.path().to_str().unwrap()), 4, "no run");
    let error = RunDir::open_among(&runs, "00001-8gaussian-s0").unwrap_err();
    assert!(error.problem().hint.as_ref().unwrap().contains("00001-8gaussians-s0"));
    refused(RunDir::open_among(&dir.path().join("none"), "last"), 4, "no run");
}

#[test]
fn numbers_are_given_once_even_at_the_same_time() {
    let dir = tempfile::tempdir().unwrap();
    let numbers: Vec<_> = std::thread::scope(|scope| {
        let make = |i| RunDir::create_numbered(dir.path(), &format!("s{i}")).unwrap().path().to_path_buf();
        let handles: Vec<_> = (0..16).map(|i| scope.spawn(move || make(i))).collect();
        handles.into_iter().map(|h| h.join().unwrap()).collect()
    });
    let mut starts: Vec<_> =
        numbers.iter().map(|p| p.file_name().unwrap().to_str().unwrap()[..5].to_string()).collect();
    starts.sort();
    starts.dedup();
    assert_eq!(starts.len(), 16);
}

#[test]
fn one_of_many_wins_a_directory_and_the_others_learn_who() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    for _ in 0..10 {
        let results: Vec<_> = std::thread::scope(|scope| {
            let handles: Vec<_> = (0..16).map(|_| scope.spawn(|| RunDir::create(Some(&out), "", true))).collect();
            handles.into_iter().map(|h| h.join().unwrap()).collect()
        });
        assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1);
        for error in results.iter().filter_map(|r| r.as_ref().err()) {
            assert_eq!(error.exit_code(), 8, "{error}");
        }
        // all are dropped here, so the next round takes the lock over
    }
    let held = RunDir::create(Some(&out), "", true).unwrap();
    refused(RunDir::create(Some(&out), "", true), 8, &format!("process {} on", std::process::id()));
    let mut reader = RunDir::open(out.to_str().unwrap()).unwrap();
    refused(reader.lock(), 8, "being written");
    drop(held);
    reader.lock().unwrap();
}

#[test]
fn existing_directories_are_not_destroyed() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    RunDir::create(Some(&out), "", false).unwrap().write_text("config.toml", "first").unwrap();
    refused(RunDir::create(Some(&out), "", false), 2, "already holds a run");
    let again = RunDir::create(Some(&out), "", true).unwrap();
    assert!(!again.config().exists());
    drop(again);
    drop(RunDir::create(Some(&out), "", true).unwrap());
    assert_eq!(fs::read_to_string(dir.path().join("run.old-1/config.toml")).unwrap(), "first");
    assert!(dir.path().join("run.old-2").exists());

    let photos = dir.path().join("photos");
    fs::create_dir(&photos).unwrap();
    fs::write(photos.join("a.jpg"), "x").unwrap();
    refused(RunDir::create(Some(&photos), "", true), 2, "not empty and holds no run");
    assert_eq!(fs::read_dir(&photos).unwrap().count(), 1);
    refused(RunDir::create(Some(&photos.join("a.jpg")), "", true), 7, "cannot create");
}

#[test]
fn two_checkpoints_are_kept_and_strangers_too() {
    let dir = tempfile::tempdir().unwrap();
    let run = RunDir::create(Some(&dir.path().join("run")), "", false).unwrap();
    refused(run.latest_checkpoint(), 4, "no complete checkpoint");
    fs::write(run.checkpoints().join("000000001.safetensors"), "theirs").unwrap();
    fs::write(run.checkpoints().join("best.safetensors"), "theirs").unwrap();
    for step in [10, 20, 30] {
        run.save_checkpoint(step, &small()).unwrap();
    }
    let mut kept = vec!["000000001.safetensors", "000000020.safetensors", "000000030.safetensors", "best.safetensors"];
    assert_eq!(steps(&run), kept);
    let (step, _, checkpoint, notes) = run.latest_checkpoint().unwrap();
    assert_eq!((step, checkpoint, notes.len()), (30, small(), 0));

    let newest = run.checkpoints().join("000000030.safetensors");
    let half = fs::read(&newest).unwrap();
    fs::write(&newest, &half[..half.len() / 2]).unwrap();
    let (step, path, _, notes) = run.latest_checkpoint().unwrap();
    assert_eq!(step, 20);
    assert!(notes[0].contains("skipped a checkpoint: the checkpoint is truncated"), "{notes:?}");

    let chosen = RunDir::open(path.to_str().unwrap()).unwrap();
    assert_eq!(chosen.path().canonicalize().unwrap(), run.path().canonicalize().unwrap());
    assert_eq!(chosen.latest_checkpoint().unwrap().0, 20);
    refused(RunDir::open(newest.to_str().unwrap()).unwrap().latest_checkpoint(), 4, "truncated");
    fs::write(&path, "also broken").unwrap();
    refused(run.latest_checkpoint(), 4, "truncated");
    kept.retain(|name| !name.is_empty());
    assert_eq!(steps(&run), kept);
    refused(RunDir::open(run.path().to_str().unwrap()).unwrap().save_checkpoint(1, &small()), 70, "without the lock");
}

#[test]
fn logs_are_cut_back_to_the_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let run = RunDir::create(Some(&dir.path().join("run")), "", false).unwrap();
    run.truncate_jsonl("train.jsonl", "step", 5).unwrap();
    for step in 0..10 {
        run.append_jsonl("train.jsonl", &json!({ "step": step, "loss/train": 0.5 })).unwrap();
    }
    run.append_jsonl("train.jsonl", &json!({ "note": "no step" })).unwrap();
    let text = fs::read_to_string(run.train_log()).unwrap() + "{\"step\": 3, \"lo";
    fs::write(run.train_log(), &text).unwrap();
    run.truncate_jsonl("train.jsonl", "step", 5).unwrap();
    let cut = fs::read_to_string(run.train_log()).unwrap();
    assert_eq!(cut.lines().count(), 7);
    assert!(cut.ends_with("{\"note\":\"no step\"}\n"));
    run.truncate_jsonl("train.jsonl", "step", 5).unwrap();
    assert_eq!(fs::read_to_string(run.train_log()).unwrap(), cut);
}

#[test]
fn leftovers_are_removed_by_the_next_owner_and_only_leftovers() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    drop(RunDir::create(Some(&path), "", false).unwrap());
    let mine = path.join("checkpoints/.000000010.safetensors.tmp-4242");
    let theirs = path.join("checkpoints/.notes.tmp-mine");
    fs::write(&mine, "torn").unwrap();
    fs::write(&theirs, "kept").unwrap();
    let mut run = RunDir::open(path.to_str().unwrap()).unwrap();
    refused(run.latest_checkpoint(), 4, "no complete checkpoint");
    assert!(mine.exists());
    run.lock().unwrap();
    assert!(!mine.exists() && theirs.exists());
}
