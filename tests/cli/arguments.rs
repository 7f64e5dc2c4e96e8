//! B-3: configuration and arguments, cases 55 to 75.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;

use super::harness::{Place, TINY, finish};

#[test]
fn wrong_flags_and_names_are_refused_with_what_would_be_right() {
    let place = Place::with_run();
    place.all_refused(&[
        (55, "train moons --hiden 8x1", 2, "--hiden & '--hidden'"),
        (55, "sample r --chunks 3", 2, "--chunks & '--chunk'"),
        (55, "trian moons", 2, "trian & 'train'"),
        (57, "train moons --steps 64.5", 2, "--steps & 64.5"),
        (57, "train moons --lr fast", 2, "--lr & fast"),
        (57, "train moons --hidden 8y1", 2, "--hidden & 8y1 & WIDTHxLAYERS"),
        (58, "train moons --batch-size 0", 2, "--batch-size & found 0 & 1 to"),
        (58, "train moons --batch-size -1", 2, "--batch-size & -1"),
        (58, "train moons --hidden 0x3", 2, "--hidden & widths 1 to 2048"),
        (58, "train moons --hidden 8x0", 2, "--hidden & 1 to 240 layers"),
        (58, "train moons --hidden 8,,8", 2, "--hidden"),
        (58, "train moons --steps 0", 2, "--steps & found 0"),
        (58, "train moons --n 0", 2, "--n & found 0 & 2 to"),
        (58, "train moons --eval-every 0", 2, "--eval-every"),
        (58, "sample r -n 0", 2, "-n & found 0"),
        (58, "sample r -n -5", 2, "-n & -5"),
        (58, "sample r --chunk 0", 2, "--chunk & found 0"),
        (58, "sample r --steps 0", 2, "steps & found 0 & 1 to 16777216"),
        (59, "train moons --t0 5", 2, "t0 & found 5 & t_max = 5"),
        (59, "train moons --t0 9", 2, "t0 & found 9"),
        (59, "train moons --t0 0", 2, "t0 & found 0"),
        (59, "train moons --t0 -1", 2, "t0 & found -1"),
        (59, "train moons --t0 nan", 2, "t0 & NaN"),
        (59, "train moons --t0 1e-40", 2, "t0 & sigma(t0)^2"),
        (59, "train moons --t-max 0", 2, "t_max & found 0"),
        (59, "train moons --t-max -2", 2, "t_max & found -2"),
        (59, "train moons --t-max inf", 2, "t_max & inf"),
        (59, "train moons --t-max 500", 2, "t_max & range of f32"),
        (60, "train moons --process ve --sigma-min 5 --sigma-max 2", 2, "sigma"),
        (60, "train moons --process vp --beta-min -1", 2, "beta_min & -1"),
        (60, "train moons --process vp --beta-min 3 --beta-max 2", 2, "beta"),
        (60, "train moons --sigma-min 1", 2, "sigma_min & ou"),
        (60, "train moons --process flow --t-max 1", 2, "t_max & found 1 & below 1"),
        (60, "train moons --process ddpm --timesteps 10.5", 2, "timesteps & 10.5 & whole"),
        (60, "train moons --process vp-cosine --cosine-s 2", 2, "cosine_s & found 2"),
        (60, "train moons --process ve-power --sigma-base 1", 2, "sigma_base & above 1"),
        (60, "train moons --process subvp", 2, "subvp & did you mean sub-vp?"),
        (62, "sample r --steps 16777216", 2, "steps & 4194304 evaluations"),
        (62, "sample r --sampler ald --steps 1000 --corrector-steps 10000", 2, "steps & 4194304 evaluations"),
        (75, "sample r --sampler dpmpp-2n", 2, "dpmpp-2n & did you mean dpmpp-2m?"),
        (75, "sample r --grid karas", 2, "karas & did you mean karras?"),
        (75, "sample r --grid uniform --rho 7", 2, "rho & the grid uniform & the grid karras"),
        (75, "sample r --grid karras --rho 0", 2, "rho & found 0"),
        (75, "sample r --sampler ei --order 2", 2, "order & ei & unipc or deis"),
        (75, "sample r --sampler deis --order 9", 2, "order & found 9 & 1 to 3"),
        (75, "sample r --sampler edm --s-churn nan", 2, "s_churn & NaN"),
        (75, "sample r --sampler ei --tolerance 1e-3", 2, "--tolerance & ei & ode-rk45"),
        (75, "sample r --sampler ode-rk45 --tolerance 0", 2, "--tolerance & found 0"),
        (75, "compare r --samplers em,nope", 2, "--samplers & nope & one of ei, em"),
        (75, "compare r --samplers em,,ei", 2, "--samplers & one of ei, em"),
        (75, "compare r --steps 5,0", 2, "--steps & found 0"),
        (75, "compare r --steps 5,ten", 2, "--steps & ten"),
        (75, "compare r --steps 1,2,3,4,5,6,7,8,9,10,11,12,13", 2, "too many cells & 6 by 13"),
        (75, "compare r -n 1", 2, "-n & found 1"),
        (75, "compare r --directions 0", 2, "--directions & found 0"),
        (75, "compare r --grid karas", 2, "karas & did you mean karras?"),
        (75, "compare r --columns 0,9", 2, "--columns & 0 to"),
        (75, "compare r --columns 0,1,2", 2, "--columns & found 3"),
        (75, "compare r -o sheet.jpg", 2, "sheet.jpg & .png"),
        (75, "compare r -o t.csv/x.png", 7, "t.csv"),
        (75, "compare nowhere", 2, "unknown data set & nowhere"),
        (62, "sample r --steps 16777217", 2, "steps & 16777216"),
        (62, "train moons --steps 16777217", 2, "--steps & 16777216"),
        (63, "train moons --lr -0.1", 2, "--lr & -0.1"),
        (63, "train moons --lr nan", 2, "--lr & NaN"),
        (63, "train moons --lr inf", 2, "--lr & inf"),
        (63, "train moons --ema 1.5", 2, "--ema & 1.5"),
        (64, "train moons --seed 18446744073709551616", 2, "--seed & 18446744073709551616"),
        (64, "train moons --seed -1", 2, "--seed & -1"),
        (64, "train moons --n 99999999999999999999999", 2, "--n"),
        (64, "sample r -n 4294967296", 2, "-n"),
        (65, "train moons --hidden 2049x2", 2, "--hidden & 2048"),
        (70, "train moons --resume --overwrite", 2, "--resume & --overwrite"),
        (70, "train --resume --config c.toml", 2, "--resume & --config"),
        (75, "train mons", 2, "mons & 8gaussians & did you mean moons?"),
        (75, "train moons@nope", 2, "nope"),
        (75, "train gmm:q=3", 2, "gmm"),
        (75, "train moons --activation silo", 2, "--activation & silo & did you mean"),
        (75, "train moons --process vq", 2, "vq & ou, vp, vp-cosine & did you mean ve?"),
        (75, "train moons --predict x1", 2, "--predict & x1 & residual"),
        (75, "train moons --optimiser adamm", 2, "--optimiser & adamm & did you mean"),
        (75, "train moons --lr-schedule cosin", 2, "--lr-schedule & cosine"),
        (75, "train moons --time-features fourer", 2, "--time-features & fourier"),
        (75, "train moons --init hee", 2, "--init & xavier"),
        (75, "train moons --weight 2", 2, "--weight & sigma2"),
        (75, "train moons --time-sampling log", 2, "--time-sampling & log-uniform"),
        (75, "train moons --standardise maybe", 2, "--standardise & auto, yes or no"),
        (75, "sample r --sampler eii", 2, "eii & ode-heun & did you mean ei?"),
        (75, "sample r --grid bentn", 2, "bentn & geometric & did you mean benton?"),
        (75, "sample r --sampler ddpm --variance alpha", 2, "--variance & alpha & beta-tilde"),
        (75, "sample r --sampler ddim --eta 2", 2, "eta"),
        (75, "train", 2, "no data was named & train moons"),
        (75, "train moons --teacher exactt", 2, "--teacher & exactt & empirical"),
        (75, "train t.csv --teacher exact --out o", 2, "--teacher exact & t.csv & --teacher empirical"),
        (75, "train moons --loss ismm", 2, "--loss & ismm & did you mean `ism`?"),
        (75, "train moons --loss ism --teacher exact", 2, "--loss & takes no teacher & esm"),
        (75, "train moons --loss ssm --activation relu", 2, "--activation & slope jumps & silu"),
        (75, "train moons --loss ism --skip", 2, "--skip & plain layers"),
        (75, "train moons --loss ism --predict structured", 2, "--predict & structured"),
        (75, "train sphere:dim=65 --loss ism --n 100", 2, "65 columns & at most 64 & --loss ssm"),
        (75, "train t.csv --loss esm --out o", 2, "t.csv & --teacher empirical"),
        (75, "train moons --predict structured --radius 0", 2, "--radius & above 0"),
        (75, "train moons --predict structured --noise-start nan", 2, "--noise-start & above 0"),
        (75, "data ifs:sierpinsky", 2, "character 5 & sierpinsky & level & sierpinski, cantor"),
        (75, "data ifs:sierpinski,levl=3", 2, "character 16 & levl & did you mean level?"),
        (75, "data ifs:maps=(1,0)(.5,.5)", 2, "character 10 & do not contract & stretches by up to 1"),
        (75, "data ifs:maps=(.5,0,0,.5,0,0)(.5,0)", 2, "different dimensions & 2 and 6"),
        (75, "data ifs:maps=(1,2,3)", 2, "not an affine map & 3 numbers"),
        (75, "data ifs:level=40", 2, "too many atoms & 1048576"),
        (75, "data ifs:cantor,weights=.3/.3", 2, "do not add to 1 & a sum of 0.6"),
        (75, "data ifs:file=none.txt", 2, "cannot be read & none.txt"),
        (75, "data ifs:file=t.csv", 2, "not a usable number & line 1"),
        (75, "data gmm:means=(0,0),cov=(1,2,2,1)", 2, "cov & eigenvalue"),
        (75, "data fourier:cos=(1,0),sin=(1,0,0)", 2, "different dimensions & 3"),
        (75, "data torus:dim=2", 2, "dim & found 2 & 3 to"),
        (75, "sample --score exact -o x.npy", 2, "no data was named & --data"),
        (75, "sample --score exact --data t.csv -o x.npy", 2, "only known where the law is & --score empirical"),
        (75, "sample r --score exact --data moons -o x.npy", 2, "two sources & --data"),
        (75, "sample r --data moons -o x.npy", 2, "--data & of its own"),
        (75, "sample r --t0 0.01 -o x.npy", 2, "--t0 & process of its own"),
        (75, "sample --score exact --data moons", 2, "-o & a file to write to"),
        (75, "sample r --steps 5,10", 2, "--steps"),
        (75, "eval", 2, "no score was named & --score exact"),
        (75, "eval r --steps 5,ten", 2, "--steps & ten"),
    ]);
    place.refused("train moons --family nope --out o", 2, "--family & nope & panel, tile");
}

#[test]
fn wrong_configuration_files_are_refused_with_the_line() {
    let place = Place::new();
    let cases: &[(u32, &str, &[u8], &str)] = &[
        (55, "key.toml", b"source = \"moons\"\n[train]\nstpes = 3\n", "line 3 & stpes & did you mean `steps`?"),
        (55, "table.toml", b"source = \"moons\"\n[trian]\nsteps = 3\n", "trian & did you mean `train`?"),
        (56, "twice.toml", b"source = \"moons\"\nseed = 1\nseed = 2\n", "line 3 & duplicate key"),
        (56, "place.toml", b"source = \"moons\"\n[network]\nsteps = 3\n", "line 3 & steps"),
        (57, "text.toml", b"source = \"moons\"\n[train]\nsteps = \"64\"\n", "line 3 & string & u32"),
        (57, "real.toml", b"source = \"moons\"\n[train]\nsteps = 64.5\n", "line 3 & floating point & u32"),
        (57, "truth.toml", b"source = \"moons\"\n[train]\nlr = true\n", "line 3 & boolean & f64"),
        (58, "zero.toml", b"source = \"moons\"\n[train]\nbatch-size = 0\n", "--batch-size & found 0"),
        (64, "wide.toml", b"source = \"moons\"\nseed = 99999999999999999999999\n", "line 2"),
        (69, "empty.toml", b"", "no data was named"),
        (69, "binary.toml", b"\x00\x01\xff\xfe", "not text"),
        (69, "broken.toml", b"source = \n", "line 1"),
        (69, "bom.toml", b"\xef\xbb\xbfs\xc3\xa9ed = 3\n", "line 1"),
    ];
    let mut lines = Vec::new();
    for (case, name, bytes, words) in cases {
        place.write(name, bytes);
        lines.push((*case, format!("train --config {name} --out o"), *words));
    }
    place.write("deep.toml", format!("source = {}", "[".repeat(100_000)));
    lines.push((69, "train --config deep.toml --out o".into(), "configuration is wrong"));
    place.write("long.toml", vec![b'#'; 3 << 20]);
    lines.push((69, "train --config long.toml --out o".into(), "at most 1048576 bytes"));
    finish(&mut place.shell("mkfifo pipe.toml; mkdir folder.toml")).done();
    lines.push((69, "train --config pipe.toml --out o".into(), "not a regular file"));
    lines.push((69, "train --config folder.toml --out o".into(), "not a regular file"));
    lines.push((69, "train --config none.toml --out o".into(), "none.toml & cannot be read"));
    let cases: Vec<_> = lines.iter().map(|(case, line, words)| (*case, line.as_str(), 2, *words)).collect();
    place.all_refused(&cases);
}

#[test]
fn case_69_an_empty_configuration_means_defaults_and_line_ends_do_not_matter() {
    let place = Place::new();
    place.write("empty.toml", "");
    place.write("windows.toml", b"\xef\xbb\xbfsource = \"circles\"\r\nseed = 7\r\n[train]\r\nsteps = 33\r\n");
    let plain = place.run("train moons --dry-run").done();
    assert_eq!(place.run("train moons --config empty.toml --dry-run").done(), plain);
    let windows = place.run("train --config windows.toml --dry-run").done();
    assert!(["source = \"circles\"", "seed = 7", "steps = 33"].iter().all(|w| windows.contains(w)), "{windows}");
    let overridden = place.run("train --config windows.toml --steps 44 --dry-run").done();
    assert!(overridden.contains("steps = 44") && overridden.contains("seed = 7"));
}

#[test]
fn case_58_a_dry_run_of_no_samples_is_allowed_and_makes_nothing() {
    let place = Place::with_run();
    let before = place.snapshot();
    let ran = place.run("sample r -n 0 --dry-run -o deep/x.csv");
    assert!(ran.out.contains("0 samples of dimension 5") && !ran.err.contains("W-SOFTWARE-DEVICE"), "{}", ran.out);
    ran.done();
    assert!(place.snapshot() == before);
}

#[test]
fn case_71_words_that_are_not_text_are_refused_and_paths_that_are_not_text_are_taken() {
    let place = Place::with_run();
    let odd = OsStr::from_bytes(b"caf\xe9.csv");
    for before in [&["train", "moons", "--activation"][..], &["sample"][..], &["--device"][..]] {
        let mut command = place.command(before);
        let fault = place.refused_by(command.arg(odd), 2, "invalid UTF-8");
        assert!(fault.is_empty(), "{before:?}: {fault}");
    }
    let ran = finish(place.command(["sample", "r", "-n", "3", "--steps", "2", "-o"]).arg(odd));
    assert!(ran.err.contains("moving average"), "{}", ran.err);
    ran.done();
    assert!(place.at(odd).exists());
}

#[test]
fn case_72_odd_file_names_work_and_are_printed_escaped() {
    let place = Place::new();
    let long = format!("{}.csv", "n".repeat(200));
    for name in ["a b.csv", "it's \"q\".csv", "two\nlines.csv", "\u{e9}.csv", "e\u{301}.csv", "-dash.csv", &long] {
        place.write(name, "1,2\n3,5\n4,4\n");
        let mut command = place.command(["train", "--out", "o", "--overwrite", "--dry-run", "--"]);
        finish(command.arg(name)).done();
        place.write(name, "1,2\n3,x\n");
        let mut command = place.command(["train", "--out", "o", "--"]);
        let fault = place.refused_by(command.arg(name), 3, "row 2, column 2");
        assert!(fault.is_empty(), "{name:?}: {fault}");
    }
}

#[test]
fn case_73_no_arguments_give_usage_and_help_survives_a_closed_pipe() {
    let place = Place::new();
    let ran = place.run("");
    assert!(ran.code == Some(2) && ran.out.is_empty() && ran.err.contains("Usage: scorefield"), "{}", ran.err);
    for line in ["--help", "train --help", "--version"] {
        assert!(place.run(line).done().contains("scorefield"));
        let ran = finish(&mut place.shell(&format!("\"$P\" {line} | true; exec \"$P\" {line} > /dev/full")));
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{line}");
    }
    let full = finish(&mut place.shell("exec \"$P\" 2> /dev/full"));
    assert_eq!(full.code, Some(2));
}

#[test]
fn case_74_an_empty_environment_and_a_missing_temporary_directory_do_no_harm() {
    let place = Place::with_run();
    for (key, value) in [("TMPDIR", "/nonexistent"), ("LANG", "xx_YY.nonsense"), ("HOME", "")] {
        let mut command = place.command(["sample", "r", "-n", "4", "--steps", "2", "--force", "-o", "x.csv"]);
        command.env_clear().env("NODEVICE_SELECT", "1").env(key, value).stdin(Stdio::null());
        finish(&mut command).done();
    }
}

#[test]
fn case_61_the_fewest_steps_give_finite_points_with_every_sampler() {
    let place = Place::with_run();
    for sampler in scorefield::process::SAMPLERS.iter().map(|row| row.name) {
        for steps in [1, 2] {
            place.run(&format!("sample r -n 9 --sampler {sampler} --steps {steps} --force -o x.npy")).done();
            let bytes = place.read("x.npy");
            let values = bytes[bytes.len() - 9 * 5 * 4..].chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()));
            assert!(values.into_iter().all(f32::is_finite), "{sampler} in {steps} steps");
        }
    }
}

#[test]
fn case_63_a_learning_rate_of_zero_is_allowed_and_said() {
    let place = Place::new();
    let ran = place.run(&format!("train moons {TINY} --lr 0 --out o"));
    assert!(ran.err.contains("learning rate is 0"), "{}", ran.err);
    ran.done();
}
