//! B-4: outputs, cases 76 to 93.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use super::harness::{Place, SMALL, TINY, finish};

#[test]
fn outputs_that_cannot_be_written_are_refused_before_the_work() {
    let place = Place::with_run();
    place.write("file", "x");
    place.write("old.csv", "precious");
    fs::create_dir(place.at("mine")).unwrap();
    place.write("mine/notes.txt", "precious");
    symlink("circle.csv", place.at("circle.csv")).unwrap();
    finish(&mut place.shell("mkfifo pipe.csv")).done();
    let long = format!("sample r -o {}.csv", "n".repeat(300));
    place.all_refused(&[
        (72, long.as_str(), 7, "too long"),
        (77, "train moons --out file", 7, "file"),
        (77, "train moons --out file/run", 7, "file/run"),
        (77, "train moons --out /proc/none/run", 7, "/proc/none/run"),
        (77, "sample r -o file/x.csv", 7, "file"),
        (77, "sample r -o mine.csv/../mine", 2, ".npy, .csv"),
        (77, "sample r -o /proc/none/x.csv", 7, "/proc/none"),
        (77, "sample r -o x.csv --trajectories file/t.npy", 7, "file"),
        (78, "train moons --out r", 2, "already holds a run & --resume & --overwrite"),
        (78, "train moons --out r --dry-run", 2, "already holds a run"),
        (78, "train moons --out mine", 2, "not empty and holds no run"),
        (79, "sample r -o old.csv", 2, "the file exists & --force"),
        (79, "sample r -o old.csv --dry-run", 2, "the file exists & --force"),
        (79, "sample r -o x.npy --trajectories x.npy", 2, "cannot go to one file"),
        (79, "sample r -o x.docx", 2, "docx & .npy, .csv, .tsv or .jsonl"),
        (79, "sample r -o noending", 2, ".npy, .csv"),
        (85, "sample r -o circle.csv --force", 7, "circle"),
        (85, "sample r -o pipe.csv --force", 7, "a pipe, socket or device"),
    ]);
}

#[test]
fn case_76_missing_directories_are_made() {
    let place = Place::with_run();
    place.run(&format!("train moons {TINY} --out a/b/c")).done();
    let ran = place.run("sample a/b/c -n 3 --steps 2 -o d/e/x.csv");
    assert!(ran.err.contains("made the directory d/e"), "{}", ran.err);
    ran.done();
    assert!(place.at("d/e/x.csv").exists());
    // without --out runs are numbered, and the last one is found
    place.run(&format!("train moons {TINY}")).done();
    place.run(&format!("train moons {TINY} --seed 4")).done();
    place.run("sample last -n 3 --steps 2").done();
    assert!(place.at("runs/00002-moons-s4/samples/000000020-ei-2-s0.npy").exists());
    place.run("sample 1 -n 3 --steps 2").done();
    assert!(place.at("runs/00001-moons-s0/samples/000000020-ei-2-s0.npy").exists());
}

#[test]
fn case_77_a_directory_without_permission_is_refused_before_the_work() {
    let place = Place::with_run();
    fs::create_dir(place.at("closed")).unwrap();
    fs::set_permissions(place.at("closed"), fs::Permissions::from_mode(0o555)).unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for line in ["train moons --out closed", "train moons --out closed/new", "sample r -o closed/x.csv"] {
        let mut command = place.command(line.split(' '));
        // permissions mean nothing to root
        if fs::metadata("/proc/self").unwrap().uid() == 0 {
            command.uid(65534);
        }
        let fault = place.refused_by(&mut command, 7, "closed & Permission denied & choose a directory");
        assert!(fault.is_empty(), "{line}: {fault}");
    }
}

#[test]
fn case_78_an_overwritten_run_is_moved_aside_and_not_deleted() {
    let place = Place::with_run();
    let old = place.read("r/checkpoints/000000020.safetensors");
    place.run(&format!("train moons {TINY} --out r --overwrite")).done();
    assert!(place.read("r.old-1/checkpoints/000000020.safetensors") == old);
    assert!(place.read("r/checkpoints/000000020.safetensors") != old);
}

#[test]
fn case_79_85_a_forced_output_replaces_the_file_and_keeps_links_and_permissions() {
    let place = Place::with_run();
    fs::create_dir(place.at("there")).unwrap();
    place.write("there/real.csv", "old");
    fs::set_permissions(place.at("there/real.csv"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink("there/real.csv", place.at("link.csv")).unwrap();
    place.run("sample r -n 3 --steps 2 --force -o link.csv").done();
    assert!(fs::symlink_metadata(place.at("link.csv")).unwrap().is_symlink());
    assert!(place.read("there/real.csv").starts_with(b"age,height,colour\n"));
    assert_eq!(fs::metadata(place.at("there/real.csv")).unwrap().mode() & 0o777, 0o640);
    // 93: a new file has the permissions that any program would give it
    finish(&mut place.shell("umask 027; exec \"$P\" sample r -n 3 --steps 2 -o new.csv")).done();
    assert_eq!(fs::metadata(place.at("new.csv")).unwrap().mode() & 0o777, 0o640);
}

#[test]
fn case_82_a_limit_on_file_sizes_is_an_error_of_writing_and_keeps_the_old_file() {
    let place = Place::with_run();
    place.write("x.npy", "old");
    let sample = place.refused_by(
        &mut place.shell("ulimit -f 8; exec \"$P\" sample r -n 5000 --steps 1 --force -o x.npy -q"),
        7,
        "x.npy & File too large & ulimit -f",
    );
    assert!(sample.is_empty(), "{sample}");
    let ran = finish(
        &mut place.shell(&format!("ulimit -f 2; exec \"$P\" train moons {SMALL} --hidden 64x2 --steps 20 --out o")),
    );
    assert!(ran.code == Some(7) && ran.err.contains("File too large"), "{:?} {}", ran.code, ran.err);
    let names: Vec<_> = fs::read_dir(place.at("o/checkpoints")).unwrap().collect();
    assert!(names.is_empty(), "{names:?}");
}

#[test]
fn case_81_a_full_disk_is_an_error_of_writing_and_keeps_the_old_file() {
    let place = Place::with_run();
    let line = "mount -t tmpfs -o size=64k none m && echo old > m/x.csv && \"$P\" sample r -n 6000 --steps 1 --force -o m/x.csv; \
                echo code $?; cat m/x.csv; ls -A m";
    let Some(ran) = small_disk(&place, line) else { return };
    assert_eq!(ran.out, "code 7\nold\nx.csv\n", "{}", ran.err);
    assert!(ran.err.contains("No space left") && ran.err.contains("the old file is untouched"), "{}", ran.err);
    // an array has a size that is known beforehand
    let line = "mount -t tmpfs -o size=64k none m && echo old > m/x.npy && \"$P\" sample r -n 6000 --steps 1 --force -o m/x.npy; \
                echo code $?; cat m/x.npy; ls -A m";
    let Some(ran) = small_disk(&place, line) else { return };
    assert_eq!(ran.out, "code 7\nold\nx.npy\n", "{}", ran.err);
    assert!(ran.err.contains("not enough room on the disk") && ran.err.contains("found 0.1 MiB free"), "{}", ran.err);
    assert!(!ran.err.contains("W-SOFTWARE-DEVICE"), "a device was opened: {}", ran.err);
}

/// Runs a shell line that mounts a small file system on `m`, where that is allowed.
fn small_disk(place: &Place, line: &str) -> Option<super::harness::Ran> {
    let _ = fs::create_dir(place.at("m"));
    let ran = finish(
        Command::new("unshare")
            .args(["-rm", "sh", "-c", line])
            .current_dir(place.path())
            .envs([("P", super::harness::PROGRAM), ("NODEVICE_SELECT", "1")]),
    );
    if !ran.out.contains("code ") || ran.err.contains("mount: ") {
        eprintln!("not checked: no mounts allowed here: {}", ran.err);
        return None;
    }
    Some(ran)
}

#[test]
fn case_80_a_training_without_room_for_its_checkpoints_is_not_begun() {
    let place = Place::new();
    let line = "mount -t tmpfs -o size=64k none m && \"$P\" train moons --hidden 64x3 --out m/r; echo code $?; ls -A m";
    let Some(ran) = small_disk(&place, line) else { return };
    assert_eq!(ran.out, "code 7\n", "{}", ran.err);
    assert!(ran.err.contains("not enough room on the disk") && ran.err.contains("m/r/checkpoints"), "{}", ran.err);
}

#[test]
fn case_81_a_training_waits_while_the_disk_is_full_and_ends_as_if_it_had_never_been() {
    let place = Place::new();
    let train = format!("train moons {SMALL} --hidden 8x1 --steps 3000 --checkpoint-every 500 --seed 5");
    place.run(&format!("{train} --out whole -q")).done();
    // the disk is filled up when the training has begun, and freed when it says that it waits
    let line = format!(
        "mount -t tmpfs -o size=400k none m && ( \"$P\" {train} --out m/r 2> log; echo code $? ) & \
         while [ ! -s m/r/train.jsonl ]; do sleep 0.05; done; cat /dev/zero > m/filler 2> /dev/null; \
         for i in $(seq 300); do if grep -q 'trying again' log; then break; fi; sleep 0.1; done; \
         grep -c 'No space left.*trying again for' log; rm m/filler; wait; cp m/r/checkpoints/000003000.safetensors . && cp m/r/train.jsonl ."
    );
    let Some(ran) = small_disk(&place, &line) else { return };
    let log = String::from_utf8(place.read("log")).unwrap();
    assert!(ran.out.ends_with("code 0\n") && !ran.out.starts_with("0\n"), "{}{}{log}", ran.out, ran.err);
    assert!(place.read("000003000.safetensors") == place.read("whole/checkpoints/000003000.safetensors"));
    let lines = String::from_utf8(place.read("train.jsonl")).unwrap();
    let step = |l: &str| serde_json::from_str::<serde_json::Value>(l).unwrap()["step"].as_u64().unwrap();
    assert!(lines.lines().map(step).is_sorted_by(|a, b| a < b), "a line was lost or torn: {lines}");
}

#[test]
fn case_84_a_run_directory_that_vanishes_is_an_error_of_writing() {
    let place = Place::new();
    let arguments = format!("train moons {SMALL} --hidden 8x1 --steps 30000 --checkpoint-every 100 --out o");
    let mut child = place.command(arguments.split(' ')).stderr(Stdio::piped()).spawn().unwrap();
    super::signals::wait_for(&place.at("o/checkpoints/000000100.safetensors"), &mut child);
    fs::rename(place.at("o"), place.at("moved")).unwrap();
    let out = child.wait_with_output().unwrap();
    let err = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.code() == Some(7) && err.contains("error[E-WRITE]") && !err.contains("panicked"), "{err}");
}

#[test]
fn case_88_a_closed_or_full_stdout_ends_quietly_or_with_an_error_of_writing() {
    let place = Place::with_run();
    let closed = "( \"$P\" sample r -n 30000 --steps 1 -q -o -; echo $? > code ) | head -1; cat code";
    let ran = finish(&mut place.shell(closed));
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("age,height,colour\n141\n", ""));
    let ran = finish(&mut place.shell("exec \"$P\" sample r -n 30 --steps 1 -q -o - > /dev/full"));
    assert!(ran.code == Some(7) && ran.err.starts_with("error[E-WRITE]") && ran.err.contains("stdout"), "{}", ran.err);
    // the file is finished although nobody reads the report
    let line = "( sleep 0.1; \"$P\" sample r -n 30 --steps 1 -q -o x.csv; echo $? > code ) | true; sleep 1; cat code";
    assert_eq!(finish(&mut place.shell(line)).out, "0\n");
    assert_eq!(String::from_utf8(place.read("x.csv")).unwrap().lines().count(), 31);
    for line in ["devices", "devices --json", "train moons --dry-run"] {
        let ran = finish(&mut place.shell(&format!("exec \"$P\" {line} > /dev/full")));
        assert!(ran.code == Some(7) && ran.err.contains("error[E-WRITE]"), "{line}: {}", ran.err);
    }
}

#[test]
fn case_89_a_closed_stderr_changes_nothing_but_the_messages() {
    let place = Place::with_run();
    finish(&mut place.shell("exec \"$P\" sample r -n 30 --steps 1 -o x.csv 2>&-")).done();
    finish(&mut place.shell("exec \"$P\" sample r -n 30 --steps 1 -o y.csv 2> /dev/full")).done();
    assert!(place.read("x.csv") == place.read("y.csv"));
    assert_eq!(finish(&mut place.shell("exec \"$P\" sample none 2>&-")).code, Some(4));
    assert_eq!(finish(&mut place.shell("exec \"$P\" sample none 2> /dev/full")).code, Some(4));
}

#[test]
fn case_92_an_array_of_samples_begins_at_a_multiple_of_64_bytes_and_reads_back() {
    let place = Place::with_run();
    place.run("sample r -n 31 --steps 2 -o x.npy").done();
    let bytes = place.read("x.npy");
    let header = 10 + u16::from_le_bytes([bytes[8], bytes[9]]) as usize;
    assert_eq!((header % 64, bytes.len() - header), (0, 31 * 5 * 4));
    let text = String::from_utf8(bytes[10..header].to_vec()).unwrap();
    assert!(text.contains("'<f4'") && text.contains("(31, 5)") && text.ends_with('\n'), "{text}");
    place.run(&format!("train x.npy {TINY} --dry-run")).done();
}
