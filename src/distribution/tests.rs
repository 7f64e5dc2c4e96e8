//! Every row of the table against independent truths: golden numbers, quadrature, differences, draws.

use super::*;
use std::f64::consts::PI;

/// Specs beyond the plain rows: variants, other dimensions, full and singular covariances, embeddings.
const EXTRA: &[&str] = &[
    "gmm:k=3,dim=5,layout=random,sd=.5/.7/.9",
    "gmm:k=2,dim=2,layout=line,cov=(1 .5 .5 1)(2 -.3 -.3 .4)",
    "gmm:means=(0,0,1)(1,2,3),weights=.3/.7,cov=(1 0 0 0 0 0 0 0 2)",
    "gmm:layout=pair,dim=1",
    "gaussian:dim=16,sd=2",
    "circle:dim=5,noise=.2,rotate=3",
    "sphere:dim=8",
    "sphere:dim=12,span=4,rotate=1,radius=2,noise=.3",
    "checkerboard:noise=.1",
    "moons:noise=0",
    "circles:noise=0",
];

fn all_specs() -> Vec<String> {
    let named = DATASETS.iter().flat_map(|row| row.variants.iter().map(move |v| format!("{}@{}", row.name, v.name)));
    named.chain(EXTRA.iter().map(|s| s.to_string())).collect()
}

pub(super) fn of(spec: &str) -> Box<dyn Distribution> {
    parse(spec).unwrap_or_else(|e| panic!("{spec}: {e}"))
}

#[track_caller]
pub(super) fn close(got: f64, want: f64, tolerance: f64, what: &str) {
    assert!((got - want).abs() <= tolerance, "{what}: got {got}, want {want} +- {tolerance}");
}

#[test]
fn scores_are_the_gradients_of_the_log_densities_also_far_away() {
    for spec in all_specs() {
        let law = of(&spec);
        let (oracle, d) = (law.oracle().unwrap(), law.dim());
        let rows = law.draw(3, Purpose::Test, 0, 6);
        let mut stream = Stream::new(4, Purpose::Test, 0, 0);
        for (m, sigma) in [(0.999, 0.05), (0.8, 0.6), (0.1, 0.99), (1.0, 20.0)] {
            for stretch in [1.0, 1.3, 30.0] {
                for row in rows.chunks_exact(d) {
                    let x: Vec<f64> =
                        row.iter().map(|v| stretch * (m * f64::from(*v) + sigma * stream.normal())).collect();
                    check_gradient(oracle, &x, m, sigma, &format!("{spec} m={m} sigma={sigma} x={x:?}"));
                }
            }
        }
    }
}

fn check_gradient(oracle: &dyn Oracle, x: &[f64], m: f64, sigma: f64, what: &str) {
    let d = x.len();
    let mut s = vec![0.0; d];
    let log = oracle.score_and_log_density(x, m, sigma, &mut s);
    assert!(log.is_finite() && s.iter().all(|v| v.is_finite()), "{what}: {log} {s:?}");
    let size = s.iter().map(|v| v * v).sum::<f64>().sqrt();
    for j in 0..d.min(4) {
        // a step that balances rounding of a large log density against its third derivative
        let h = 1e-4 * sigma.max(1e-3);
        let at = |step: f64| {
            let mut y = x.to_vec();
            y[j] += step;
            oracle.log_density(&y, m, sigma)
        };
        let numeric = (at(h) - at(-h)) / (2.0 * h);
        let rounding = 4e-15 * (1.0 + log.abs()) / h;
        let allowed = 1e-5 * (1.0 + size) + 20.0 * rounding;
        assert!((s[j] - numeric).abs() <= allowed, "{what} axis {j}: {} against {numeric}", s[j]);
    }
}

#[test]
fn densities_of_the_plane_integrate_to_one() {
    for spec in all_specs() {
        let law = of(&spec);
        if law.dim() != 2 {
            continue;
        }
        let oracle = law.oracle().unwrap();
        let (m, sigma) = (0.95, 0.3);
        let (n, reach) = (160, 12.0);
        let h = 2.0 * reach / f64::from(n);
        let mut mass = 0.0;
        for i in 0..n {
            for j in 0..n {
                let x = [-reach + h * (f64::from(i) + 0.5), -reach + h * (f64::from(j) + 0.5)];
                mass += h * h * oracle.log_density(&x, m, sigma).exp();
            }
        }
        if !spec.starts_with("gmm") {
            close(mass, 1.0, 1e-6, &spec);
        }
    }
}

#[test]
fn draws_have_the_moments_and_the_score_of_their_oracle() {
    for spec in all_specs() {
        let law = of(&spec);
        let (oracle, d) = (law.oracle().unwrap(), law.dim());
        let n = 10_000;
        let rows = law.draw(11, Purpose::Test, 0, n);
        let (mean, variances) = (oracle.mean(), oracle.variances());
        for j in 0..d {
            let column: Vec<f64> = rows.iter().skip(j).step_by(d).map(|v| f64::from(*v)).collect();
            let average = column.iter().sum::<f64>() / n as f64;
            close(average, mean[j], 5.0 * (variances[j] / n as f64).sqrt() + 1e-6, &format!("{spec} mean {j}"));
            let squares: Vec<f64> = column.iter().map(|v| (v - mean[j]).powi(2)).collect();
            let spread = squares.iter().sum::<f64>() / n as f64;
            let fourth = squares.iter().map(|v| (v - spread).powi(2)).sum::<f64>() / n as f64;
            close(spread, variances[j], 5.0 * (fourth / n as f64).sqrt() + 1e-6, &format!("{spec} variance {j}"));
        }
        for (m, sigma) in [(0.95, 0.31), (0.3, 0.95)] {
            // E s = 0 and E <x, s> = -D under the law itself
            let mut totals: Vec<_> = (0..=d).map(|_| floor::Moments::default()).collect();
            let mut s = vec![0.0; d];
            floor::for_each_noised(&*law, m, sigma, 4000, 12, |x| {
                oracle.score(x, m, sigma, &mut s);
                s.iter().zip(&mut totals).for_each(|(s, t)| t.add(*s));
                totals[d].add(s.iter().zip(x).map(|(s, x)| s * x).sum());
            });
            for (j, total) in totals.iter().enumerate() {
                let (got, se) = total.mean_and_error();
                close(got, if j == d { -(d as f64) } else { 0.0 }, 5.0 * se, &format!("{spec} Stein {j}"));
            }
        }
    }
}

#[test]
fn draws_do_not_depend_on_chunks_and_names_lead_back() {
    for spec in all_specs() {
        let law = of(&spec);
        let d = law.dim();
        let whole = law.draw(7, Purpose::Data, 10, 50);
        let mut parts = law.draw(7, Purpose::Data, 10, 13);
        parts.extend(law.draw(7, Purpose::Data, 23, 37));
        assert_eq!(whole, parts, "{spec}");
        assert_eq!(whole.len(), 50 * d);
        assert_ne!(whole, law.draw(8, Purpose::Data, 10, 50), "{spec}");
        assert_eq!(of(&law.name()).draw(7, Purpose::Data, 10, 50), whole, "{spec} as {}", law.name());
        if let Some(modes) = law.mode_centres() {
            assert_eq!(modes.centres.len(), modes.weights.len() * d);
            close(modes.weights.iter().sum(), 1.0, 1e-12, &spec);
        }
    }
}

/// The curve rule against a brute midpoint rule on the curve itself, near the points and far from them.
#[test]
fn curves_agree_with_a_fine_midpoint_rule() {
    let (noise, n) = (0.2, 200_000);
    let law = of("moons@ffjord");
    let oracle = law.oracle().unwrap();
    for (m, sigma) in [(1.0, 0.0), (0.9, 0.4)] {
        let v = m * m * noise * noise + sigma * sigma;
        for x in [[-1.0, 1.8], [1.0, -0.2], [-3.0, -0.2], [0.0, 0.0], [4.0, 5.0]] {
            let mut sum = 0.0;
            for i in 0..n {
                let (sin, cos) = (PI * (f64::from(i) + 0.5) / f64::from(n)).sin_cos();
                for (a, b) in [(cos, sin), (1.0 - cos, 0.5 - sin)] {
                    let (dx, dy) = (x[0] - m * (2.0 * a - 1.0), x[1] - m * (2.0 * b - 0.2));
                    sum += (-0.5 * (dx * dx + dy * dy) / v).exp() / (2.0 * PI * v) / f64::from(2 * n);
                }
            }
            // the brute rule itself is off by (slope * step)^2 / 24
            let tolerance = if x[0] == 4.0 && sigma == 0.0 { 1e-4 } else { 2e-7 };
            close(oracle.log_density(&x, m, sigma), sum.ln(), tolerance, &format!("{x:?}"));
        }
    }
}

#[test]
fn a_picture_is_a_density() {
    let mass = [0.0, 1.0, 0.0, 2.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 4.0];
    let picture = PixelDensity::new(4, 3, &mass, "test").unwrap();
    assert_eq!((picture.corner(), picture.pitch()), ([-3.0, -2.25], [1.5, 1.5]));
    close(
        entropy(&picture, 0, 0).unwrap().value,
        (1..=4).map(|i| f64::from(i) / 10.0).map(|p| -p * (p / 2.25).ln()).sum(),
        1e-12,
        "H",
    );
    // the same law as boxes
    let cells: Vec<(f64, f64, f64)> = (0..12)
        .map(|i| (mass[i], -3.0 + 1.5 * (i % 4) as f64, 2.25 - 1.5 * (i / 4 + 1) as f64))
        .filter(|c| c.0 > 0.0)
        .collect();
    let low: Vec<f64> = cells.iter().flat_map(|c| [c.1, c.2]).collect();
    let high = low.iter().map(|v| v + 1.5).collect();
    let boxes = BoxMixture::new(cells.iter().map(|c| c.0).collect(), low, high, vec![0.0; 2]);
    let (mut a, mut b) = ([0.0; 2], [0.0; 2]);
    for (m, sigma) in [(1.0, 1e-3), (0.99, 0.05), (0.7, 0.7), (0.0, 1.0)] {
        for x in [[0.1, 0.2], [-1.6, 1.5], [2.9, -2.2], [80.0, -3.0], [-1e4, 1e5], [0.0, -2.0]] {
            let p = picture.score_and_log_density(&x, m, sigma, &mut a);
            let q = boxes.score_and_log_density(&x, m, sigma, &mut b);
            close(p, q, 1e-9 * (1.0 + q.abs()), &format!("log density at {x:?} {m} {sigma}"));
            (0..2).for_each(|j| close(a[j], b[j], 1e-9 * (1.0 + b[j].abs()), &format!("score at {x:?} {m} {sigma}")));
        }
    }
    let rows = picture.draw(1, Purpose::Test, 0, 20_000);
    for j in 0..2 {
        let column: Vec<f64> = rows.iter().skip(j).step_by(2).map(|v| f64::from(*v)).collect();
        close(column.iter().sum::<f64>() / 2e4, Oracle::mean(&picture)[j], 0.06, "mean");
    }
    for bad in [&[0.0; 12][..], &[1.0; 11], &[-1.0; 12], &[f64::NAN; 12]] {
        assert!(PixelDensity::new(4, 3, bad, "test").is_err());
    }
}

#[test]
fn standardising_keeps_the_oracle_exact() {
    for spec in [
        "8gaussians",
        "gmm:k=2,layout=line,cov=(1 .5 .5 1)(2 -.3 -.3 .4)",
        "checkerboard",
        "moons",
        "pinwheel",
        "circles",
        "2spirals",
    ] {
        let inner: Arc<dyn Distribution> = of(spec).into();
        let wrapped = Standardised::new(inner.clone(), &[0.5, -1.0], &[2.0, 3.0]).unwrap();
        let (old, new) = (inner.oracle().unwrap(), wrapped.oracle().unwrap());
        let scale = wrapped.scale().to_vec();
        assert_eq!(scale[0] == scale[1], spec == "circles");
        // without process noise the density is the old one times the Jacobian
        for row in inner.draw(1, Purpose::Test, 0, 5).chunks_exact(2) {
            let x = [f64::from(row[0]), f64::from(row[1])];
            let y = [(x[0] - 0.5) / scale[0], (x[1] + 1.0) / scale[1]];
            if old.resolution() == 0.0 {
                let want = old.log_density(&x, 1.0, 0.0) + (scale[0] * scale[1]).ln();
                close(new.log_density(&y, 1.0, 0.0), want, 1e-6, spec);
            }
            check_gradient(new, &[y[0] + 0.1, y[1]], 0.9, 0.4, spec);
        }
        let n = 4000;
        let mut totals = [floor::Moments::default(), floor::Moments::default()];
        let mut s = [0.0; 2];
        floor::for_each_noised(&wrapped, 0.9, 0.4, n, 2, |x| {
            new.score(x, 0.9, 0.4, &mut s);
            totals[0].add(s[0] + s[1]);
            totals[1].add(s[0] * x[0] + s[1] * x[1]);
        });
        for (total, want) in totals.iter().zip([0.0, -2.0]) {
            let (got, se) = total.mean_and_error();
            close(got, want, 5.0 * se, spec);
        }
        let unit = Standardised::from_moments(inner).unwrap();
        close(unit.oracle().unwrap().variance(), 1.0, if spec == "circles" { 1e-2 } else { 1e-9 }, spec);
        close(unit.oracle().unwrap().mean()[0], 0.0, 1e-9, spec);
    }
    let inner: Arc<dyn Distribution> = of("moons").into();
    assert!(Standardised::new(inner.clone(), &[0.0], &[1.0]).is_err());
    assert!(Standardised::new(inner, &[0.0; 2], &[1.0, 0.0]).is_err());
}

#[test]
fn wrong_specs_are_refused_with_position_and_legal_names() {
    for (spec, parts) in [
        ("mons", &["character 1", "one of 8gaussians", "did you mean moons"][..]),
        ("moons@rw", &["character 7", "one of ffjord, raw", "did you mean raw"]),
        ("moons:nois=.1", &["character 7", "one of noise, scale", "did you mean noise"]),
        ("moons:noise", &["no value", "key=value"]),
        ("moons:", &["no value", "character 7"]),
        ("moons:noise=x", &["character 13", "not a number"]),
        ("moons:noise=-1", &["value out of range", "from 0"]),
        ("moons:noise=nan", &["value out of range"]),
        ("moons:noise=.1,noise=.2", &["given twice", "character 16"]),
        ("gmm:k=0", &["whole number from 1"]),
        ("gmm:k=2.5", &["not a whole number"]),
        ("gmm:dim=5000", &["from 1 to 1024"]),
        ("gmm:means=(-3)(3),weights=.3/.6", &["add to 1", "0.8999999999999999"]),
        ("gmm:means=(-3)(3),weights=1", &["wrong number of weights", "found 1, expected 2"]),
        ("gmm:means=(-3)(3 1)", &["different dimensions"]),
        ("gmm:means=-3", &["not a list of groups"]),
        ("gmm:means=()", &["empty list"]),
        ("gmm:means=(0)(1),sep=3", &["of no use beside means"]),
        ("gmm:means=(0)(1),k=3", &["contradicts the means"]),
        ("gmm:cov=(1 2 2 1)", &["an eigenvalue of -1.0"]),
        ("gmm:cov=(1 .5 .4 1)", &["not symmetric"]),
        ("gmm:cov=(1 0 0)", &["wrong number of entries"]),
        ("gmm:layout=pear", &["ring, line, random, pair"]),
        ("gmm:layout=ring,dim=1", &["needs a plane"]),
        ("gmm:layout=pair,k=3", &["two components"]),
        ("circle:dim=1", &["from 2 to 1024"]),
        ("sphere:dim=3,span=4", &["from 2 to 3"]),
        ("circle:rotate=-1", &["not a seed"]),
        ("\u{1b}[31m", &["unknown data set"]),
    ] {
        let Err(error) = parse(spec) else { panic!("{spec} was accepted") };
        let text = format!("{error} {}", error.problem().hint.clone().unwrap_or_default());
        assert_eq!(error.exit_code(), 2, "{text}");
        parts.iter().for_each(|part| assert!(text.contains(part), "{spec}: {text:?} lacks {part:?}"));
    }
    assert!(is_spec("moons") && is_spec("gmm:k=3") && is_spec("8gaussians@torchcfm"));
    assert!(!is_spec("moons.csv") && !is_spec("data/moons") && !is_spec("mons") && !is_spec(""));
}

#[test]
fn high_dimensions_stay_finite() {
    for spec in [
        "sphere:dim=1024",
        "sphere:dim=1023,span=700,rotate=2,noise=0",
        "gmm:k=16,dim=1024",
        "circle:dim=1024,rotate=5",
    ] {
        let law = of(spec);
        let d = law.dim();
        let mut s = vec![0.0; d];
        for (m, sigma) in [(0.9999, 0.01), (0.5, 0.8), (0.0, 1.0), (1.0, 50.0)] {
            let row: Vec<f64> = law.draw(1, Purpose::Test, 0, 1).iter().map(|v| f64::from(*v)).collect();
            for stretch in [0.0, 1.0, 1e3] {
                let x: Vec<f64> = row.iter().map(|v| stretch * v).collect();
                let log = law.oracle().unwrap().score_and_log_density(&x, m, sigma, &mut s);
                assert!(log.is_finite() && s.iter().all(|v| v.is_finite()), "{spec} {m} {sigma} {stretch}");
            }
        }
    }
}

/// What one query costs; `cargo test --release cost -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn cost_of_a_query() {
    for spec in all_specs() {
        let law = of(&spec);
        let (oracle, d) = (law.oracle().unwrap(), law.dim());
        let rows: Vec<f64> = law.draw(1, Purpose::Test, 0, 500).iter().map(|v| f64::from(*v)).collect();
        let mut s = vec![0.0; d];
        let start = std::time::Instant::now();
        rows.chunks_exact(d).for_each(|x| oracle.score(x, 0.9, 0.4, &mut s));
        println!("{spec}: {:.2} us", start.elapsed().as_secs_f64() * 1e6 / 500.0);
    }
}

#[test]
fn a_point_that_is_not_a_number_gives_one_that_is_not() {
    for spec in all_specs() {
        let law = of(&spec);
        let mut s = vec![0.0; law.dim()];
        let mut x = vec![0.5; law.dim()];
        x[0] = f64::NAN;
        let log = law.oracle().unwrap().score_and_log_density(&x, 0.9, 0.4, &mut s);
        assert!(log.is_nan() && s.iter().any(|v| v.is_nan()), "{spec}: {log} {s:?}");
    }
}
