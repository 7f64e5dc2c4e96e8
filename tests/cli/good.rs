//! Good inputs of every kind, from the file to samples that look like it.

use super::harness::{Place, TINY, array, finish, floats, mixed_table};
use serde_json::Value;

#[test]
fn a_table_with_words_comes_back_with_its_header_look_and_words() {
    let place = Place::with_run();
    place.run("sample r -n 60 --steps 10 -o x.csv").done();
    let text = String::from_utf8(place.read("x.csv")).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("age,height,colour"));
    let mut colours = Vec::new();
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells.len(), 3, "{line}");
        assert!(cells[0].parse::<i64>().is_ok(), "a whole number: {line}");
        assert_eq!(cells[1].split_once('.').map(|(_, d)| d.len()), Some(2), "two decimals: {line}");
        assert!(["red", "green", "light blue"].contains(&cells[2]), "{line}");
        colours.push(cells[2].to_string());
    }
    colours.sort();
    colours.dedup();
    assert_eq!((text.lines().count(), colours.len()), (61, 3));
    // the same as tabs, as JSON lines, and on stdout
    place.run("sample r -n 60 --steps 10 -o x.tsv").done();
    assert_eq!(String::from_utf8(place.read("x.tsv")).unwrap(), text.replace(',', "\t"));
    assert_eq!(place.run("sample r -n 60 --steps 10 -o - -q").done(), text);
    place.run("sample r -n 60 --steps 10 -o x.jsonl").done();
    let rows = String::from_utf8(place.read("x.jsonl")).unwrap();
    let row: Value = serde_json::from_str(rows.lines().next().unwrap()).unwrap();
    assert!(row["age"].is_i64() && row["height"].is_f64() && row["colour"].is_string(), "{row}");
}

#[test]
fn an_array_of_16_columns_and_an_archive_train_and_sample() {
    let place = Place::new();
    let values: Vec<f32> = (0..64 * 16).map(|i| ((i * 37) % 101) as f32 / 10.0).collect();
    place.write("x.npy", array("<f4", false, "(64, 16)", &floats(&values)));
    place.run(&format!("train x.npy {TINY} --out o")).done();
    place.run("sample o -n 5 --steps 3 -o y.npy").done();
    assert!(String::from_utf8_lossy(&place.read("y.npy")).contains("(5, 16)"));
}

#[test]
fn a_picture_is_a_density_of_the_plane() {
    let place = Place::new();
    let ink = |x: u32, y: u32| image::Luma([if (4..9).contains(&x) && y > 10 { 0u8 } else { 255 }]);
    image::GrayImage::from_fn(24, 20, ink).save(place.at("ink.png")).unwrap();
    image::GrayImage::from_pixel(24, 20, image::Luma([9])).save(place.at("blank.png")).unwrap();
    let ran = place.run(&format!("train ink.png {TINY} --out o"));
    assert!(ran.out.contains("exact floor"), "the law of a picture is known: {}{}", ran.out, ran.err);
    ran.done();
    place.run("sample o -n 5 --steps 3 -o x.csv").done();
    place.refused("train blank.png --out p", 3, "blank.png & blank");
    place.write("cut.png", &place.read("ink.png")[..60]);
    place.refused("train cut.png --out p", 3, "cut.png & cannot be decoded");
    place.write("text.png", "no picture");
    place.refused("train text.png --out p", 3, "text.png & PNG");
}

#[test]
fn a_run_is_repeated_from_its_configuration_to_the_same_bytes() {
    let place = Place::with_run();
    place.run("train --config r/config.toml --out again").done();
    let name = "checkpoints/000000020.safetensors";
    assert!(place.read(&format!("again/{name}")) == place.read(&format!("r/{name}")));
    assert!(place.read("again/config.toml") == place.read("r/config.toml"));
    // what was drawn is written down, should the default ever change
    place.run("train moons --hidden 8x1 --batch-size 32 --steps 20 --eval-every 20 --out law").done();
    assert!(String::from_utf8(place.read("law/config.toml")).unwrap().contains("\nn = "));
    place.run("train --config r/config.toml --seed 1 --out other").done();
    assert!(place.read(&format!("other/{name}")) != place.read(&format!("r/{name}")));
}

#[test]
fn data_from_stdin_gives_the_same_model_as_the_file() {
    let place = Place::with_run();
    finish(&mut place.shell(&format!("\"$P\" train - {TINY} --checkpoint-every 5 --out piped < t.csv"))).done();
    place.run("sample piped -n 20 --steps 3 -o a.csv").done();
    place.run("sample r -n 20 --steps 3 -o b.csv").done();
    assert!(place.read("a.csv") == place.read("b.csv"));
}

#[test]
fn json_is_one_object_and_nothing_else() {
    let place = Place::with_run();
    place.write("t2.csv", mixed_table());
    let lines = [
        (format!("train t2.csv {TINY} --out o --json"), "held_out_loss"),
        ("sample r -n 3 --steps 2 -o x.csv --json".into(), "output"),
        ("devices --json".into(), "devices"),
        ("train moons --dry-run --json".into(), "config"),
        ("train --resume --out r --json".into(), "steps"),
    ];
    for (line, key) in lines {
        let out = place.run(&line).done();
        let value: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{line}: {e}: {out}"));
        assert!(out.lines().count() == 1 && !value[key].is_null(), "{line}: {out}");
    }
    place.refused("sample none --json", 4, "none");
}

#[test]
fn a_dry_run_prints_a_configuration_that_can_be_used_and_makes_nothing() {
    let place = Place::new();
    let ran = place.run("train moons --steps 77 --out o --dry-run");
    assert!(!ran.err.contains("W-SOFTWARE-DEVICE"));
    let text = ran.done();
    assert!(place.snapshot().is_empty(), "a dry run made something");
    place.write("c.toml", &text);
    assert_eq!(place.run("train --config c.toml --out o --dry-run").done(), text);
}

#[test]
fn paths_of_samples_are_written_beside_them() {
    let place = Place::with_run();
    place.run("sample r --raw -n 40 --steps 6 -o x.npy --trajectories t.npy --paths 4 --frames 3").done();
    let (samples, paths) = (place.read("x.npy"), place.read("t.npy"));
    let numbers = |bytes: &[u8], n: usize| -> Vec<u8> { bytes[bytes.len() - 4 * n..].to_vec() };
    let (samples, paths) = (numbers(&samples, 40 * 5), numbers(&paths, 4 * 3 * 5));
    for path in 0..4 {
        let end = (path * 3 + 2) * 20;
        assert!(paths[end..end + 20] == samples[path * 20..path * 20 + 20], "path {path} ends elsewhere");
    }
}

/// Numbers of an NPY file of f32.
fn numbers(bytes: &[u8]) -> Vec<f32> {
    let head = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    bytes[head..].chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

#[test]
fn the_exact_score_is_sampled_without_a_training_and_does_not_depend_on_chunks() {
    let place = Place::new();
    let line = "sample --score exact --data 25gaussians -n 100 --steps 20";
    place.run(&format!("{line} -o a.npy")).done();
    place.run(&format!("{line} --chunk 7 -o b.npy")).done();
    assert_eq!(place.read("a.npy"), place.read("b.npy"));
    // modes at even numbers, of deviation 0.05
    let off = numbers(&place.read("a.npy")).iter().map(|x| (x - 2.0 * (x / 2.0).round()).abs()).fold(0.0, f32::max);
    assert!(off < 0.5, "{off}");
    place.run("plot moons --score exact --kind trajectories -n 20 --steps 10 -o t.png").done();
    place.run("animate --score exact --data ifs:koch,level=2 -n 9 --frames 3 --steps 4 -o t.gif").done();
}

#[test]
fn the_empirical_score_gives_the_training_rows_back() {
    let place = Place::new();
    let rows: Vec<f32> = (0..60).flat_map(|i| [((i * 37) % 61) as f32, ((i * 17) % 59) as f32]).collect();
    place.write("x.npy", array("<f4", false, "(60, 2)", &floats(&rows)));
    place.run("sample --score empirical --data x.npy -n 50 --steps 200 --t0 1e-5 -o y.npy").done();
    for y in numbers(&place.read("y.npy")).chunks_exact(2) {
        let near = |x: &[f32]| (x[0] - y[0]).hypot(x[1] - y[1]);
        let nearest = rows.chunks_exact(2).map(near).fold(f32::INFINITY, f32::min);
        // four standard deviations of the noise at t0 = 1e-5, of columns with a deviation of about 17
        assert!(nearest < 17.6 * 4.0 * 2e-5f32.sqrt(), "{y:?} is {nearest} from any row");
    }
}

#[test]
fn a_ladder_of_steps_gives_the_divergences_on_record() {
    let place = Place::new();
    let text =
        place.run("eval --score exact --data gmm:means=(-3)(3) --t0 0.01 --steps 20,40,80 -n 2000 --json").done();
    let said: Value = serde_json::from_str(&text).unwrap();
    let rungs = said["ladder"].as_array().unwrap();
    assert_eq!(rungs.len(), 3);
    for rung in rungs {
        let (kl, record) = (rung["kl"].as_f64().unwrap(), rung["kl_on_record"].as_f64().unwrap());
        assert!((kl / record - 1.0).abs() < 5e-4, "{rung}");
        // the device's samples are of the law that was computed
        assert!(rung["z"].as_f64().unwrap().abs() < 5.0, "{rung}");
    }
}

#[test]
fn a_fractal_has_its_dimension() {
    let place = Place::new();
    let text = place.run("data ifs:sierpinski,level=8 --json").done();
    let said: Value = serde_json::from_str(&text).unwrap();
    let d = said["box_dimension"]["value"].as_f64().unwrap();
    assert!((d - 3f64.ln() / 2f64.ln()).abs() < 0.02, "{d}");
    place.run(&format!("train ifs:cantor,level=5 {TINY} --teacher exact --out o")).done();
    place.run("sample o --score exact -n 5 --steps 3 -o x.npy").done();
}

#[test]
fn a_law_is_drawn_to_a_place_that_need_not_be_named() {
    let place = Place::new();
    place.run("data moons -n 200 --plot").done();
    assert!(place.at("moons-ffjord-samples.png").exists());
    place.run("data ifs:sierpinski,level=3 -n 200 --plot s.png").done();
    assert!(place.at("s.png").exists());
}

#[test]
fn products_of_f16_are_asked_for_and_checked_before_they_are_believed() {
    let place = Place::new();
    place.refused("train moons --precision f8 --out o", 2, "--precision & f8 & f32, f16");
    place.refused("train moons --precision f16 --device reference --out o", 2, "--precision & f64");
    assert_eq!(place.run("train moons --precision f16 --family tile --out o").code, Some(2));
    let ran = place.run(&format!("train moons {TINY} --precision f16 --out o"));
    // a device need not have f16
    if ran.code == Some(4) {
        assert!(ran.err.contains("16-bit numbers"), "{}", ran.err);
        return;
    }
    assert!(ran.err.contains("f16 agrees with f32"), "{}", ran.err);
    place.run(&format!("train moons {TINY} --family tile --out p")).done();
    let last = |run: &str| -> f64 {
        let log = std::fs::read_to_string(place.at(run).join("metrics.jsonl")).unwrap();
        let row: serde_json::Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
        row["loss/held_out"].as_f64().unwrap_or_else(|| panic!("{row}"))
    };
    let (half, single) = (last("o"), last("p"));
    // close, and not the same numbers under another name
    assert!(half != single && (half - single).abs() < 0.02 * single, "{half} {single}");
}

#[test]
fn fused_kernels_are_told_by_flag_and_make_the_same_samples() {
    let place = Place::new();
    let listed = place.run("devices").done();
    assert!(listed.contains("kernels: "), "{listed}");
    assert!(
        place.run("devices --family fused").done().contains("kernels: fused, tile for what does not fit (--family)")
    );
    place.refused("devices --family nope", 2, "--family & nope & fused");
    place.run(&format!("train moons {TINY} --family fused --out o")).done();
    let draw = |family: &str| -> Vec<f32> {
        let text = place.run(&format!("sample o -n 40 --steps 20 -o - -q --family {family}")).done();
        text.split(['\n', ',']).filter_map(|cell| cell.trim().parse().ok()).collect()
    };
    let (fused, tile) = (draw("fused"), draw("tile"));
    assert!(fused.len() == 80 && tile.len() == 80, "{} {}", fused.len(), tile.len());
    assert!(fused.iter().zip(&tile).all(|(a, b)| (a - b).abs() <= 1e-3 * b.abs().max(1.0)));
}

#[test]
fn chunks_of_more_than_a_million_samples_are_those_of_small_chunks() {
    let place = Place::new();
    // wide enough that its products are streamed, by which tiles share 1 200 000 rows
    place.run("train moons --hidden 16x2 --steps 4 --n 200 --seed 1 --out r").done();
    let line = "sample r -n 1200000 --steps 2 -q";
    place.run(&format!("{line} --chunk 1200000 -o a.npy")).done();
    place.run(&format!("{line} --chunk 100000 -o b.npy")).done();
    // not by `assert_eq`, which would print ten million bytes
    assert!(place.read("a.npy") == place.read("b.npy"));
}

#[test]
fn an_ensemble_too_large_for_fused_kernels_says_that_it_rounds_otherwise() {
    let place = Place::new();
    // what does not fit is the table of times: 4096 rows of 8 + 512 numbers for 16 members, where those of 15 fit
    let train = |seeds: &str| {
        place.run(&format!(
            "train moons --family fused-panel --hidden 8x1 --features 510 --batch-size 32 --steps 2 --n 200 --seeds {seeds} \
             --out e{seeds}"
        ))
    };
    let fits = train("0-14");
    // a device need not have subgroups that the kernels can use
    if fits.code == Some(4) {
        assert!(fits.err.contains("fused-panel"), "{}", fits.err);
        return;
    }
    let beyond = train("0-15");
    assert!(fits.code == Some(0) && !fits.err.contains("round otherwise"), "{}", fits.err);
    assert!(beyond.code == Some(0) && beyond.err.contains("round otherwise"), "{}", beyond.err);
}

#[test]
fn every_loss_trains_and_what_was_set_can_be_set_back() {
    let place = Place::new();
    for loss in scorefield::train::LOSSES.iter().map(|loss| loss.name) {
        place.run(&format!("train moons {TINY} --loss {loss} --out {loss}")).done();
        let config = String::from_utf8(place.read(&format!("{loss}/config.toml"))).unwrap();
        assert_eq!(config.contains(&format!("loss = \"{loss}\"")), loss != "dsm", "{config}");
    }
    // a teacher alone is what it always was
    place.run(&format!("train moons {TINY} --teacher exact --out t")).done();
    place.run("train --config ism/config.toml --loss dsm --out back").done();
    let config = String::from_utf8(place.read("back/config.toml")).unwrap();
    assert!(!config.contains("ism"), "{config}");
}

#[test]
fn a_structured_head_says_its_noise_and_keeps_to_its_ball() {
    let place = Place::new();
    let ran = place.run(&format!("train circle:radius=3 {TINY} --predict structured --out s"));
    assert!(ran.err.contains("rows lie outside the ball of --radius 2"), "{}", ran.err);
    ran.done();
    let text = place.run(&format!("train circle {TINY} --predict structured --out s --overwrite --json")).done();
    let said: Value = serde_json::from_str(&text).unwrap();
    assert!(said["learned_noise"].as_f64().unwrap() > 0.0, "{said}");
    place.run("sample s -n 50 --steps 5 -o x.npy").done();
    place.write("points.csv", "0.5,0.5\n1,0\n");
    place.run("logp s points.csv --steps 8 -o logp.csv").done();
    assert!(!place.read("logp.csv").is_empty());
}
