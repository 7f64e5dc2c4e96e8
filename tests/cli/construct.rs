//! `construct`: networks that nobody trained, as typed.

use super::harness::Place;

/// The numbers of an .npy file of f32 that this program wrote.
fn numbers(bytes: &[u8]) -> Vec<f32> {
    let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    bytes[header..].chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

#[test]
fn a_network_that_nobody_trained_samples_the_mixture() {
    let place = Place::new();
    let said = place.run("construct ratio --data gmm:k=8 --eps 1e-3 --points 600 -o net.safetensors").done();
    for words in
        ["8 components of standard deviation 1", "signrelu, ", "parameters", "certified", "600 points", "device"]
    {
        assert!(said.contains(words), "{words} is not in\n{said}");
    }
    place.run("sample net.safetensors -n 8000 --steps 60 -o x.npy").done();
    let points = numbers(&place.read("x.npy"));
    // a ring with a distance of 6 between neighbours; a point is with the component it is nearest to
    let radius = 3.0 / (std::f64::consts::PI / 8.0).sin();
    let (mut counts, mut squares) = ([0u32; 8], 0.0);
    for p in points.chunks_exact(2) {
        let (x, y) = (f64::from(p[0]), f64::from(p[1]));
        let k = (y.atan2(x) / std::f64::consts::FRAC_PI_4).round().rem_euclid(8.0);
        let angle = k * std::f64::consts::FRAC_PI_4;
        counts[k as usize] += 1;
        squares += (x - radius * angle.cos()).powi(2) + (y - radius * angle.sin()).powi(2);
    }
    // binomial with n = 8000 and p = 1/8: standard deviation 30
    assert!(counts.iter().all(|c| c.abs_diff(1000) < 180), "{counts:?}");
    // the mixture's own score takes the same noise to the same places: the certified error of 1e-3 is all there is between
    place.run("sample --score exact --data gmm:k=8 -n 8000 --steps 60 -o exact.npy").done();
    let exact = numbers(&place.read("exact.npy"));
    let apart = points.iter().zip(&exact).map(|(a, b)| f64::from((a - b).abs()));
    let mean = apart.sum::<f64>() / points.len() as f64;
    assert!(mean < 2e-3, "{mean}");
    // noise of variance 1 in 16000 coordinates, and what 60 steps add to it
    assert!((0.95..1.2).contains(&(squares / 16_000.0)), "{squares}");
    // evaluation and pictures take it too, and it is written like any checkpoint
    let line = "eval net.safetensors -n 500 --steps 20 --metrics sliced-w2 --json";
    assert!(place.run(line).done().contains("sliced"), "eval");
    place.run("plot net.safetensors --kind score --t 0.5 -o f.png").done();
    place.refused("construct ratio --data gmm:k=8 -o net.safetensors", 2, "net.safetensors & --force");
}

#[test]
fn atoms_and_gates_are_built_measured_and_said_in_one_object() {
    let place = Place::new();
    let line = "construct softmax --data ifs:cantor,level=4 --t0 0.05 --eps 1e-2 --points 300 --json -o c.safetensors";
    let said: serde_json::Value = serde_json::from_str(&place.run(line).done()).unwrap();
    assert_eq!(said["law"]["components"], 16);
    let (certified, device) = (&said["error"]["certified"], &said["error"]["device"]["greatest"]);
    assert!(certified.as_f64().unwrap() <= 1e-2 && device.as_f64().unwrap() <= 1e-2, "{said}");
    place.run("sample c.safetensors -n 100 --steps 20 -o x.npy").done();
    // rows of a table as atoms: the columns come back
    place.write("t.csv", (0..60).map(|i| format!("{},{}\n", i % 2 * 4, i % 3)).collect::<String>());
    let text = place.run("construct softmax --data t.csv --atoms 5 --t0 0.05 --eps 1e-2 --points 300 -o t.safetensors");
    assert!(text.done().contains("E|x - atom|^2"));
    place.run("sample t.safetensors -n 20 --steps 20 -o t.npy").done();
    for gate in scorefield::construct::GATES {
        for family in scorefield::construct::FAMILIES {
            let line = format!("construct {} --activation {} --eps 0.02 --points 64 --json", gate.name, family.name);
            let said: serde_json::Value = serde_json::from_str(&place.run(&line).done()).unwrap();
            assert!(said["error"]["device"]["greatest"].as_f64().unwrap() <= 0.02, "{line}: {said}");
            assert_eq!(said["network"]["activation"], family.name);
        }
    }
    assert!(place.run("construct").done().contains("softmax"));
}

#[test]
fn what_cannot_be_built_is_refused_with_what_can() {
    let place = Place::new();
    place.write("t.csv", "1,2\n3,4\n5,6\n");
    place.all_refused(&[
        (75, "construct ration --data gmm", 2, "`ration` & ratio, softmax, identity & did you mean `ratio`?"),
        (75, "construct square --activation tanh", 2, "--activation & tanh & signrelu, relu"),
        (75, "construct ratio", 2, "no law was named & --data"),
        (75, "construct ratio --data gmmm", 2, "gmmm"),
        (75, "construct ratio --data checkerboard", 2, "checkerboard & one isotropic variance & softmax"),
        (75, "construct ratio --data gmm:k=2,sd=.5/.7", 2, "different variance"),
        (75, "construct ratio --data t.csv", 2, "t.csv & named distribution"),
        (75, "construct ratio --data gmm --eps 0", 2, "--eps & found 0"),
        (75, "construct ratio --data gmm --eps nan", 2, "--eps & NaN"),
        (75, "construct ratio --data gmm:k=2 --eps 2e-5", 2, "--eps & 32-bit & at least"),
        (75, "construct ratio --data gmm:k=2 --eps 1e-300", 2, "--eps & at least"),
        (75, "construct square --activation relu --eps 1e-30", 2, "--eps & at least"),
        (75, "construct ratio --data gmm:k=1500,layout=random", 2, "too wide & 2048 & --atoms"),
        (75, "construct softmax --data moons --rows 5000 --t0 0.01 --eps 0.1", 2, "too wide & --atoms"),
        (75, "construct ratio --data gmm --activation relu --eps 1e-3", 2, "too deep & at most 240 & signrelu"),
        (75, "construct softmax --data moons --atoms 0", 2, "--atoms & found 0"),
        (75, "construct ratio --data gmm --atoms 3", 2, "--atoms & softmax"),
        (75, "construct ratio --data gmm --box 3", 2, "--box"),
        (75, "construct square --box 0", 2, "--box & found 0"),
        (75, "construct reciprocal --box inf", 2, "--box & inf"),
        (75, "construct square --data gmm", 2, "--data & no use"),
        (75, "construct square -o s.safetensors", 2, "-o & no score"),
        (75, "construct square --points 3", 2, "--points & found 3"),
        (75, "construct ratio --data gmm -o net.npy", 2, "net.npy & .safetensors"),
        (75, "construct ratio --data gmm -o t.csv/net.safetensors", 7, "t.csv"),
        (75, "construct ratio --data gmm --t0 9", 2, "t0 & found 9"),
    ]);
}
