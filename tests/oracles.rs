//! Exact scores on the device against the f64 oracles, over all named data sets and times.

use std::sync::Arc;

use scorefield::distribution::{DATASETS, Distribution, Standardised, parse};
use scorefield::gpu::{Choice, Gpu};
use scorefield::oracle::Law;
use scorefield::process::Process;
use scorefield::random::{Purpose, Stream};
use scorefield::score::{ExactScore, log_densities, scores};

/// Laws beyond the plain rows.
const EXTRA: &[&str] = &[
    "gmm:k=3,dim=5,layout=random,sd=.5/.7/.9",
    "gmm:k=2,dim=2,layout=line,cov=(1 .5 .5 1)(2 -.3 -.3 .4)",
    "gaussian:dim=16,sd=2",
    "circle:dim=5,noise=.2,rotate=3",
    "sphere:dim=8",
    "checkerboard:noise=.1",
    "moons:noise=0.02",
    "circles:noise=0",
    // atoms enough to be passed over by blocks
    "ifs:sierpinski,level=8",
];

/// The worst error of the score, relative to its root mean square at that time, and of the log density, in nats.
fn worst(gpu: &mut Gpu, law: &dyn Distribution, process: &Process, times: &[f64]) -> (f64, f64) {
    let (oracle, dim, n) = (law.oracle().unwrap(), law.dim(), 200);
    let score = ExactScore { process: process.clone(), law: Law::of(oracle).unwrap() };
    let (mut worst, mut worst_log) = (0.0f64, 0.0f64);
    for (k, &t) in times.iter().enumerate() {
        let (m, sigma) = (process.mean(t), process.sigma(t));
        let mut stream = Stream::new(5, Purpose::Test, k as u32, 0);
        let rows = law.draw(7, Purpose::Test, 0, n);
        let points: Vec<f32> = rows.iter().map(|x| (m * f64::from(*x) + sigma * stream.normal()) as f32).collect();
        let got = scores(gpu, &score, &points, &[t]).unwrap().concat();
        let logs = log_densities(gpu, &score, &points, &[t]).unwrap().concat();
        let mut truth = Vec::new();
        for (row, log) in points.chunks_exact(dim).zip(&logs) {
            let x: Vec<f64> = row.iter().map(|v| f64::from(*v)).collect();
            let mut s = vec![0.0; dim];
            let want = oracle.score_and_log_density(&x, m, sigma, &mut s);
            truth.extend(s);
            worst_log = worst_log.max((f64::from(*log) - want).abs() / dim as f64);
        }
        let scale = (truth.iter().map(|s| s * s).sum::<f64>() / truth.len() as f64).sqrt();
        worst = truth.iter().zip(&got).fold(worst, |w, (a, b)| w.max((a - f64::from(*b)).abs() / scale));
    }
    (worst, worst_log)
}

#[test]
fn the_device_agrees_with_the_oracles_at_all_times() {
    let mut gpu = Gpu::open(&Choice::default()).unwrap();
    let process = Process::named("ou").unwrap();
    let times = [1e-3, 3e-3, 0.01, 0.05, 0.2, 0.7, 2.0, 5.0];
    let named = DATASETS.iter().flat_map(|row| row.variants.iter().map(move |v| format!("{}@{}", row.name, v.name)));
    let mut wrong = Vec::new();
    for spec in named.chain(EXTRA.iter().map(|s| s.to_string())) {
        let law: Arc<dyn Distribution> = Arc::from(parse(&spec).unwrap());
        let resolution = law.oracle().unwrap().resolution();
        let sharp: Vec<f64> =
            times.iter().copied().filter(|t| process.sigma(*t) >= process.mean(*t) * resolution).collect();
        let (score, log) = worst(&mut gpu, law.as_ref(), &process, &sharp);
        println!("{spec:60} score {score:.1e}  log {log:.1e}");
        let moved = Standardised::from_moments(law).unwrap();
        let (moved_score, moved_log) = worst(&mut gpu, &moved, &process, &sharp[sharp.len() - 3..]);
        println!("{:60} score {moved_score:.1e}  log {moved_log:.1e}", "    standardised");
        if score.max(moved_score) > 1e-5 || log.max(moved_log) > 1e-5 {
            wrong.push(spec);
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
