//! B-5, devices, processes and numbers: cases 98 to 118.

use std::process::Stdio;

use super::harness::{Place, SMALL, TINY, finish};

#[test]
fn case_63_98_a_diverging_training_ends_with_the_step_and_keeps_finite_weights() {
    let place = Place::new();
    let ran = place.run(&format!("train moons {TINY} --lr 1e10 --checkpoint-every 1 --out o -q"));
    assert_eq!(ran.code, Some(9), "{}", ran.err);
    for words in ["error[E-DIVERGED]", "at step", "losses", "learning rate", "hint: the last checkpoint is finite"] {
        assert!(ran.err.contains(words), "{}", ran.err);
    }
    place.run("sample o -n 3 --steps 1 -o x.npy").done();
}

#[test]
fn case_99_weights_that_overflow_under_a_finite_loss_are_caught_in_the_same_step() {
    let place = Place::new();
    // the first loss is finite, and one step of this length leaves the range of f32
    let ran =
        place.run(&format!("train moons {TINY} --optimiser sgd --weight 1 --lr 3e38 --warmup 0 --clip 0 --out o -q"));
    assert_eq!(ran.code, Some(9), "{}", ran.err);
    assert!(ran.err.contains("error[E-DIVERGED]") && ran.err.contains("at step 1"), "{}", ran.err);
    // what is saved is what the training began with
    place.run("sample o -n 3 --steps 1 -o x.csv").done();
    let text = String::from_utf8(place.read("x.csv")).unwrap();
    assert!(text.split([',', '\n']).filter(|c| !c.is_empty()).all(|c| c.parse::<f64>().is_ok_and(f64::is_finite)));
}

#[test]
fn case_107_a_device_that_does_not_answer_in_time_is_left() {
    let place = Place::new();
    // one step of this size takes any software device seconds
    let line = "train moons --hidden 1024x4 --batch-size 4096 --n 5000 --device-timeout 0.05 --out o -q";
    let ran = place.run(line);
    if !place.run("devices").done().lines().next().unwrap().contains("software") {
        return;
    }
    assert_eq!(ran.code, Some(6), "{}", ran.err);
    assert!(ran.err.contains("does not answer") && ran.err.contains("--device-timeout"), "{}", ran.err);
    place.refused("devices --device-timeout 0", 2, "--device-timeout & 0.001");
}

#[test]
fn case_112_memory_that_the_machine_does_not_have_is_refused() {
    let place = Place::with_run();
    let good = place.read("r/checkpoints/000000020.safetensors");
    for line in [
        "train moons --n 268435456 --out o",
        "eval --score exact --data moons -n 268435456",
        "sample r -n 10 --chunk 4194304 -o x.npy",
    ] {
        let ran = finish(&mut place.shell(&format!("ulimit -v 1200000; exec \"$P\" {line}")));
        assert!(
            matches!(ran.code, Some(0 | 3 | 5)) && !ran.err.contains("panicked"),
            "{line}: {:?} {}",
            ran.code,
            ran.err
        );
    }
    assert!(place.read("r/checkpoints/000000020.safetensors") == good);
    assert!(!place.at("o").exists(), "a run was begun");
}

#[test]
fn case_109_a_run_is_taken_from_an_owner_and_a_living_one_stops() {
    let place = Place::new();
    let line = format!("train moons {SMALL} --hidden 8x1 --steps 1000000 --checkpoint-every 2000 --out o -q");
    let mut first = place.command(line.split(' ')).stderr(Stdio::piped()).spawn().unwrap();
    super::signals::wait_for(&place.at("o/train.jsonl"), &mut first);
    let ran = place.run("train --resume --out o");
    assert!(ran.code == Some(8) && ran.err.contains("use another --out"), "{}", ran.err);
    let mut second =
        place.command("train --resume --break-lock --out o".split(' ')).stderr(Stdio::piped()).spawn().unwrap();
    let out = first.wait_with_output().unwrap();
    let err = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.code() == Some(7) && err.contains("moved or removed"), "{:?} {err}", out.status);
    second.kill().unwrap();
    let out = second.wait_with_output().unwrap();
    let err = String::from_utf8_lossy(&out.stderr);
    assert!(err.contains("o is taken from process ") && err.contains("o goes on from step "), "{err}");
    // the lock of a machine that is no more: its file says another host
    let owner = "import fcntl,json,sys,time; f=open('o/lock','r+'); fcntl.flock(f,fcntl.LOCK_EX); f.truncate(0); \
                 f.write(json.dumps({'pid':7,'host':'gone','start':1})); f.flush(); print(1,flush=True); time.sleep(60)";
    let Ok(mut other) = std::process::Command::new("python3").args(["-c", owner]).current_dir(place.path()).spawn()
    else {
        return eprintln!("not checked: no python3 to hold a lock");
    };
    let clock = std::time::Instant::now();
    let busy = loop {
        let ran = place.run("train --resume --out o --steps 1");
        if ran.err.contains("on gone") || clock.elapsed().as_secs() > 20 {
            break ran;
        }
    };
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(
        busy.code == Some(8) && busy.err.contains("process 7 on gone") && busy.err.contains("--break-lock"),
        "{}",
        busy.err
    );
}

#[test]
fn case_49_data_that_changed_are_judged_by_only_when_that_is_asked_for() {
    let place = Place::with_run();
    let text = String::from_utf8(place.read("t.csv")).unwrap();
    place.write("t.csv", text + "33,1.25,red\n");
    place.refused("eval r -n 20 --steps 5", 4, "no longer what the model was trained on & --data-changed-ok");
    let ran = place.run("eval r -n 10 --steps 5 --metrics columns --data-changed-ok");
    assert!(ran.err.contains("judged by what is there now"), "{}", ran.err);
    assert!(ran.done().contains("TV 0"));
    // a training goes on with them when that is asked for, and then they are its data
    place.refused("train --resume --out r --steps 40", 4, "rows was & --data-changed-ok");
    let ran = place.run("train --resume --out r --steps 40 --data-changed-ok");
    assert!(ran.err.contains("t.csv has changed"), "{}", ran.err);
    ran.done();
    place.run("eval r -n 10 --steps 5 --metrics columns").done();
    place.write("t.csv", "age,height,colour\n1,2.5,black\n2,3.5,red\n3,1.5,red\n");
    place.refused(
        "train --resume --out r --steps 60 --data-changed-ok",
        4,
        "not with other columns & colour=black & colour=green",
    );
}

#[test]
fn case_102_without_a_driver_the_refusal_says_how_to_get_one_and_no_run_is_begun() {
    let place = Place::with_run();
    for line in ["devices", "doctor", "train moons --out o", "sample r -o -", "sample r -o x.csv"] {
        let mut command = place.command(line.split(' '));
        command.env("VK_DRIVER_FILES", "/nonexistent").env("VK_ICD_FILENAMES", "/nonexistent");
        let fault = place.refused_by(&mut command, 5, "no graphics device was found & Vulkan & mesa-vulkan-drivers");
        assert!(fault.is_empty(), "{line}: {fault}");
    }
    // the host needs none
    let mut command = place.command("sample r -n 3 --steps 2 --device reference -o x.csv".split(' '));
    finish(command.env("VK_DRIVER_FILES", "/nonexistent").env("VK_ICD_FILENAMES", "/nonexistent")).done();
}

#[test]
fn case_103_104_a_device_is_never_chosen_silently() {
    let place = Place::with_run();
    let software = place.run("devices").done().lines().next().unwrap().contains("software");
    if software {
        let ran = place.run("sample r -n 3 --steps 2 -o x.csv");
        assert_eq!(ran.err.matches("W-SOFTWARE-DEVICE").count(), 1, "{}", ran.err);
        place.refused("train moons --require-gpu --out o", 5, "software & --require-gpu");
        place.refused("sample r --require-gpu -o y.csv", 5, "software & --require-gpu");
        assert!(String::from_utf8(place.read("r/manifest.json")).unwrap().contains("software"));
    }
    place.refused("train moons --device nope --out o", 5, "no device matches & `nope` & 0: ");
    place.refused("sample r --device 99 -o y.csv", 5, "no device matches & `99` & 0: ");
}

#[test]
fn case_65_66_what_does_not_fit_the_device_is_refused_and_what_does_is_chunked_without_a_trace() {
    let place = Place::with_run();
    place.refused("train moons --hidden 2048x2 --batch-size 1048576 --out o", 5, "does not fit & MiB & --batch-size");
    let mut files = Vec::new();
    for chunk in [1, 31, 32, 33, 64, 500] {
        place.run(&format!("sample r -n 97 --steps 4 --chunk {chunk} --force -o x.npy")).done();
        files.push(place.read("x.npy"));
    }
    assert!(files.iter().all(|f| *f == files[0]), "the size of a chunk changed the samples");
}

#[test]
fn case_108_109_a_run_has_one_writer_and_a_dead_one_keeps_nothing() {
    let place = Place::with_run();
    let line = format!("train moons {SMALL} --hidden 8x1 --steps 1000000 --out busy -q");
    let mut child = place.command(line.split(' ')).stderr(Stdio::null()).spawn().unwrap();
    super::signals::wait_for(&place.at("busy/train.jsonl"), &mut child);
    for second in ["train moons --out busy", "train moons --out busy --overwrite", "train --resume --out busy"] {
        let ran = place.run(second);
        assert_eq!(ran.code, Some(8), "{second}: {}", ran.err);
        assert!(ran.err.contains(&format!("process {} on ", child.id())) && ran.err.contains("hint: "), "{}", ran.err);
        assert!(!ran.err.contains("W-SOFTWARE-DEVICE") && ran.out.is_empty(), "{second}");
    }
    // reading is free
    place.run("sample busy -n 3 --steps 1 -o x.csv").done();
    child.kill().unwrap();
    child.wait().unwrap();
    place.run(&format!("train moons {TINY} --out busy --overwrite")).done();
}

#[test]
fn case_113_114_few_file_descriptors_and_no_terminal_are_enough() {
    let place = Place::with_run();
    let ran = finish(&mut place.shell("ulimit -n 16; exec \"$P\" sample r -n 3 --steps 2 -o x.csv"));
    assert!(matches!(ran.code, Some(0 | 5)) && !ran.err.contains("panicked"), "{:?} {}", ran.code, ran.err);
    let ran = finish(&mut place.shell(&format!("exec nohup \"$P\" train moons {TINY} --out o <&-")));
    assert!(!ran.err.contains('\u{1b}') && !ran.err.contains('\r'), "{:?}", ran.err);
    ran.done();
}

#[test]
fn case_118_sample_counts_are_exact() {
    let place = Place::with_run();
    let all = |n: usize| {
        place.run(&format!("sample r -n {n} --steps 3 --chunk 32 --force -o x.csv")).done();
        let text = String::from_utf8(place.read("x.csv")).unwrap();
        assert_eq!(text.lines().count(), n + 1);
        text
    };
    let most = all(33);
    for n in [1, 31, 32] {
        assert!(most.starts_with(&all(n)), "sample i depends on how many are asked for");
    }
}

#[test]
fn case_117_the_self_test_passes_here_and_prints_a_verdict_for_each_kernel() {
    let place = Place::new();
    let text = place.run("doctor --quick").done();
    assert!(text.contains("agree with their f64 twins") && !text.contains("WRONG"), "{text}");
}

/// A process for the next test: a fault in the program, seen from outside.
#[test]
fn a_faulty_program_for_the_next_test() {
    if std::env::var_os("SCOREFIELD_TEST_FAULT").is_some() {
        let code = scorefield::cli::without_panics(|| {
            let empty: Vec<u8> = Vec::new();
            empty[std::env::args().count()]
        });
        std::process::exit(i32::from(code));
    }
}

#[test]
fn a_fault_of_the_program_is_one_line_and_a_request_and_exit_code_70() {
    let place = Place::new();
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "processes::a_faulty_program_for_the_next_test", "--nocapture", "--quiet"]);
    command.env("SCOREFIELD_TEST_FAULT", "1").env("RUST_BACKTRACE", "1").current_dir(place.path());
    let ran = finish(&mut command);
    assert_eq!(ran.code, Some(70), "{}", ran.err);
    assert!(ran.err.starts_with("error[E-BUG]: ") && ran.err.contains("index out of bounds"), "{}", ran.err);
    assert!(ran.err.contains("processes.rs:") && ran.err.contains("hint: please report"), "{}", ran.err);
    assert!(ran.err.lines().count() == 2 && !ran.err.contains("panicked"), "{}", ran.err);
}
