//! Gates against their functions and their bounds, the assembled score against the exact oracle, atoms against their points.

use super::atoms::{all, barycentres};
use super::decay::{POLYNOMIAL, RATIONAL, Start};
use super::gates::Exponential;
use super::*;
use crate::distribution;
use crate::error::Error;
use crate::reference::Reference;

fn family(name: &str) -> &'static Family {
    FAMILIES.iter().find(|f| f.name == name).unwrap()
}

fn law(spec: &str) -> Components {
    let law = distribution::parse(spec).unwrap();
    components(law.oracle().unwrap(), spec).unwrap()
}

#[test]
fn families_have_the_values_of_the_table_of_activations() {
    for f in FAMILIES {
        let row = crate::network::ACTIVATIONS.iter().find(|a| a.name == f.name).unwrap();
        for z in [-1e6, -3.0, -0.5, 0.0, 1e-3, 7.0] {
            assert_eq!((f.value)(z), (row.value)(z, 1.0), "{}", f.name);
            assert!((f64::from((f.value_f32)(z as f32)) - (f.value)(z)).abs() <= 1e-6 * z.abs(), "{}", f.name);
            assert!((f.value)(z) >= z.max(0.0) - f.leak && (f.value)(z) <= z.max(0.0), "{} leaks more", f.name);
        }
    }
}

#[test]
fn every_gate_of_every_family_keeps_its_bound_and_the_bound_keeps_eps() {
    for f in FAMILIES {
        for gate in GATES {
            for (size, eps) in [(gate.size, 1e-1), (gate.size, 1e-4), (0.5 * gate.size + gate.sizes.0.max(0.2), 1e-2)] {
                let built = match gate.built(f, size, eps) {
                    Ok(built) => built,
                    // a leak is what it is
                    Err(e) if gate.name == "rectifier" && f.leak / 64.0 > eps => {
                        assert!(e.to_string().contains("at least 1.56e-2"), "{e}");
                        continue;
                    }
                    Err(e) => panic!("{} {}: {e}", f.name, gate.name),
                };
                let points = Points::of_gate(gate, size, 4000, 3);
                let (exact, rounded) = points.on_host(&built);
                let rounding = 1e-12 * size.max(1.0).powi(2);
                let said = format!("{} {} M = {size}: {exact:?} {rounded:?} {}", f.name, gate.name, built.bound());
                assert!(built.bound() <= eps && exact.greatest <= built.bound() + rounding, "{said}");
                assert!(rounded.greatest <= built.bound() + 2e-5 * size.max(1.0).powi(2), "{said}");
            }
        }
    }
}

#[test]
fn signrelu_needs_the_neurons_of_the_formulas_and_is_exact() {
    let sizes = [("identity", vec![1]), ("reciprocal", vec![1]), ("square", vec![2, 1]), ("product", vec![4, 2])];
    for (name, hidden) in sizes {
        let gate = GATES.iter().find(|g| g.name == name).unwrap();
        let built = gate.built(family("signrelu"), gate.size, 1e-15).unwrap();
        assert_eq!((built.hidden(), built.bound()), (hidden, 0.0), "{name}");
    }
    // outside its box a gate is wrong, which is why arguments are scaled
    let square = GATES[3].built(family("signrelu"), 2.0, 1e-15).unwrap();
    assert!((square.evaluate(&[3.0])[0] - 9.0).abs() > 1.0);
}

#[test]
fn relu_depth_grows_with_the_logarithm_of_the_error() {
    let square = GATES.iter().find(|g| g.name == "square").unwrap();
    let depth = |eps: f64| square.built(family("relu"), 1.0, eps).unwrap().hidden().len();
    // a layer for each factor of 4, and one for |z|
    assert_eq!([1e-2, 1e-4, 1e-6].map(depth), [5, 7, 10]);
    let built = square.built(family("relu"), 1.0, 1e-4).unwrap();
    let (exact, _) = Points::of_gate(square, 1.0, 1 << 15, 0).on_host(&built);
    // the bound is attained: between the teeth
    assert!(exact.greatest > 0.99 * built.bound(), "{exact:?} {}", built.bound());
}

#[test]
fn exponentials_have_their_order_and_stay_below_their_bound() {
    for start in RATIONAL.iter().chain(POLYNOMIAL) {
        assert!((0..200_000).all(|i| start.value(0.01 * f64::from(i)).abs() <= 1.0), "order {}", start.order);
        let greatest = |k: u32| {
            let n = f64::from(1u32 << k);
            let error = |s: f64| (start.value(s / n).powf(n) - (-s).exp()).abs();
            // the powers of r have a hump of their own far out, where e^-s is nothing
            let far = (0..2000).map(|i| 60.0 * 1.01f64.powi(i));
            (0..60_000).map(|i| 0.001 * f64::from(i)).chain(far).map(error).fold(0.0, f64::max)
        };
        for k in 3..7 {
            let (error, bound) = (greatest(k), start.bound(k));
            assert!(error <= bound && bound < 1.2 * error + 1e-6, "order {} k {k}: {error} {bound}", start.order);
        }
        let slope = (greatest(4) / greatest(6)).log2() / 2.0;
        assert!((slope - f64::from(start.order)).abs() < 0.2, "order {} has {slope}", start.order);
    }
    // (1 + s / 64)^-64 and its known greatest error, 2 e^-2 / 64 to first order
    let first: &Start = &RATIONAL[0];
    assert!((first.value(1.0 / 64.0).powi(64) - (1.0 + 1.0 / 64.0f64).powi(-64)).abs() < 1e-13);
    assert!((first.bound(6) * 64.0 / 0.2707 - 1.0).abs() < 0.02, "{}", first.bound(6));
}

#[test]
fn the_assembled_score_is_the_exact_one_within_its_bound() {
    let cases = [
        ("gmm:means=(-3)(3)", 1e-3),
        ("gmm:k=8", 1e-3),
        ("gmm:k=3,dim=3,layout=random,weights=.2/.3/.5", 1e-2),
        ("gaussian:dim=2,means=(1 -2),sd=.5", 1e-3),
    ];
    for (spec, eps) in cases {
        for name in ["signrelu", "relu"] {
            let (law, process) = (law(spec), Process::named("ou").unwrap());
            let most = greatest_signal(&process, law.variance);
            let built = match law.built(family(name), most, eps) {
                Err(Error::Usage(p)) if name == "relu" => {
                    assert!(p.to_string().contains("too deep"), "{p}");
                    continue;
                }
                built => built.unwrap(),
            };
            let points = Points::of_mixture(&law, &process, 3000, 1);
            let (exact, rounded) = points.on_host(&built);
            let said = format!("{spec} {name}: {} {exact:?} {rounded:?} {:?}", built.bound(), built.hidden());
            assert!(built.bound() <= eps && exact.greatest <= built.bound() + 1e-9, "{said}");
            assert!(rounded.greatest <= eps + 1e-3, "{said}");
            // the points have some where components compete, or the test would see nothing
            assert!(points.truth.iter().any(|f| f.abs() > 0.1) || law.count() == 1, "{said}");
            // the same through the kernels' twins, weights rounded as in a file
            let (network, weights) = network(&built, law.dim).unwrap();
            let few = Points::of_mixture(&law, &process, 300, 2);
            let device = few.on_engine(&mut Reference::default(), &network, &weights).unwrap();
            assert!(device.greatest <= eps + 1e-3, "{said} {device:?}");
        }
    }
}

#[test]
fn the_mean_of_the_centres_gives_the_score_of_the_oracle() {
    for spec in ["gmm:k=5,sd=.7", "8gaussians", "gmm:means=(0 0)(1e4 0),sd=.1"] {
        let (law, exact) = (law(spec), distribution::parse(spec).unwrap());
        let points = Points::of_mixture(&law, &Process::named("ou").unwrap(), 300, 4);
        for (input, f) in points.inputs.chunks_exact(law.dim + 3).zip(points.truth.chunks_exact(law.dim)) {
            // b = m / sqrt V and c = sigma / sqrt V fix m and sigma up to a factor, which y = x / sqrt V shares
            let (b, c) = (input[law.dim], input[law.dim + 1]);
            assert!((b * b * law.variance + c * c - 1.0).abs() < 1e-12);
            let mut score = vec![0.0; law.dim];
            exact.oracle().unwrap().score(&input[..law.dim], b, c, &mut score);
            for j in 0..law.dim {
                assert!(
                    (b * f[j] - input[j] - score[j]).abs() < 1e-9 * (1.0 + score[j].abs() + b * f[j].abs()),
                    "{spec}"
                );
            }
        }
    }
}

#[test]
fn atoms_are_the_barycentres_of_their_cells_and_the_error_falls_with_their_square_distance() {
    let fractal = law("ifs:cantor,level=9");
    let mut last: Option<f64> = None;
    for count in [4, 8, 16, 32] {
        let found = barycentres(&fractal, count, 0);
        let (weights, mean): (f64, f64) =
            found.law.weights.iter().zip(&found.law.means).fold((0.0, 0.0), |(a, b), (w, x)| (a + w, b + w * x));
        assert!((weights - 1.0).abs() < 1e-12 && mean.abs() < 1e-12, "barycentres keep the mean");
        assert!(found.distortion <= found.radius.powi(2) && found.law.count() <= count);
        // halving the cells' number of digits divides the distortion by 9, if the cells are those of the levels
        if let Some(last) = last {
            let ratio = last / found.distortion;
            assert!((3.0..30.0).contains(&ratio), "{ratio}");
        }
        last = Some(found.distortion);
    }
    let same = all(fractal.clone());
    assert_eq!((same.law, same.distortion), (fractal, 0.0));
}

#[test]
fn laws_that_are_no_such_mixture_are_refused_and_so_is_what_does_not_fit() {
    for spec in ["checkerboard", "gmm:k=2,sd=.5/.7", "gmm:k=2,cov=(1 .5 .5 1)"] {
        let law = distribution::parse(spec).unwrap();
        let refused = components(law.oracle().unwrap(), spec).unwrap_err();
        assert!(refused.to_string().contains("share one isotropic variance"), "{refused}");
    }
    let wide = law("gmm:k=1500,dim=2,layout=random").built(family("signrelu"), 1.0, 1e-2).err().unwrap();
    assert!(wide.to_string().contains("too wide") && wide.problem().hint.is_some(), "{wide}");
    let fine = law("gmm:k=4").built(family("signrelu"), 1.0, 1e-300).err().unwrap();
    assert!(fine.to_string().contains("at least") && !fine.to_string().contains("inf"), "{fine}");
}

#[test]
fn the_ladder_of_exponentials_only_gets_better() {
    for f in FAMILIES {
        let all = Exponential::ladder(f);
        assert!(all.len() > 5 && all.windows(2).all(|w| w[1].bound < w[0].bound && w[1].squarings >= w[0].squarings));
    }
}
