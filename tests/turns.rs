//! Loops longer than a software device lets them be: what is cut into pieces must be what it is in one.
//!
//! llvmpipe ends all loops of an invocation after 65 535 turns in all. Each case here takes more, and failed before there were
//! pieces; on devices without such a limit the pieces are tested all the same.

use scorefield::distribution::{BoxMixture, Covariance, GaussianMixture, Oracle, parse, random_frame};
use scorefield::gpu::{Choice, Gpu};
use scorefield::oracle::Law;
use scorefield::process::Process;
use scorefield::random::{Purpose, Stream};
use scorefield::score::{ExactScore, scores};

/// The worst error of the score of a few points, relative to its root mean square.
fn worst(law: &dyn Oracle, dim: usize, centres: &[f64], t: f64) -> f64 {
    let process = Process::named("ou").unwrap();
    let (m, sigma) = (process.mean(t), process.sigma(t));
    let mut stream = Stream::new(3, Purpose::Test, 0, 0);
    let rows = centres.len() / dim;
    let points: Vec<f32> = (0..8 * dim)
        .map(|i| (m * centres[(i / dim * 31 % rows) * dim + i % dim] + sigma * stream.normal()) as f32)
        .collect();
    let score = ExactScore { process, law: Law::of(law).unwrap() };
    let got = scores(&mut Gpu::open(&Choice::default()).unwrap(), &score, &points, &[t]).unwrap().concat();
    let mut truth = Vec::new();
    for row in points.chunks_exact(dim) {
        let x: Vec<f64> = row.iter().map(|v| f64::from(*v)).collect();
        let mut s = vec![0.0; dim];
        law.score_and_log_density(&x, m, sigma, &mut s);
        truth.extend(s);
    }
    let scale = (truth.iter().map(|s| s * s).sum::<f64>() / truth.len() as f64).sqrt();
    truth.iter().zip(&got).fold(0.0, |w: f64, (a, b)| w.max((a - f64::from(*b)).abs() / scale))
}

fn normals(n: usize) -> Vec<f64> {
    let mut stream = Stream::new(4, Purpose::Test, 0, 0);
    (0..n).map(|_| stream.normal()).collect()
}

#[test]
fn atoms_in_many_dimensions() {
    const DIM: usize = 300;
    let means = normals(500 * DIM);
    let law = GaussianMixture::new(DIM, vec![1.0; 500], means.clone(), Covariance::Isotropic(vec![0.5; 500]));
    let off = worst(&law, DIM, &means, 1.0);
    assert!(off < 1e-4, "{off:e}");
}

#[test]
fn many_components_with_full_covariances() {
    const DIM: usize = 40;
    const COUNT: usize = 60;
    let means = normals(COUNT * DIM);
    let values = (0..COUNT * DIM).map(|i| 0.3 + (i % 7) as f64 / 4.0).collect();
    let vectors = (0..COUNT).flat_map(|k| random_frame(DIM, DIM, k as u64)).collect();
    let law = GaussianMixture::new(DIM, vec![1.0; COUNT], means.clone(), Covariance::Full { values, vectors });
    let off = worst(&law, DIM, &means, 1.0);
    assert!(off < 1e-4, "{off:e}");
}

#[test]
fn many_boxes() {
    const DIM: usize = 60;
    const COUNT: usize = 500;
    let low = normals(COUNT * DIM);
    let high: Vec<f64> = low.iter().enumerate().map(|(i, l)| l + 0.2 + (i % 5) as f64 / 5.0).collect();
    let law = BoxMixture::new(vec![1.0; COUNT], low.clone(), high, vec![0.1; DIM]);
    let off = worst(&law, DIM, &low, 1.0);
    assert!(off < 1e-4, "{off:e}");
}

#[test]
fn more_blocks_of_atoms_than_one_dispatch_goes_through() {
    // 1.7 million atoms, of which points at little noise meet few and points at more noise many
    const SIDE: usize = 1300;
    let means: Vec<f64> = (0..SIDE * SIDE).flat_map(|i| [i % SIDE, i / SIDE].map(|j| j as f64 / SIDE as f64)).collect();
    let weights = vec![1.0; SIDE * SIDE];
    let law = GaussianMixture::new(2, weights, means.clone(), Covariance::Isotropic(vec![1e-9; SIDE * SIDE]));
    for t in [1e-5, 2e-4, 4e-4, 6e-4, 1e-3] {
        let off = worst(&law, 2, &means, t);
        assert!(off < 1e-4, "at {t}: {off:e}");
    }
}

#[test]
fn a_turned_sphere_in_too_many_dimensions_is_refused() {
    let process = |spec: &str| Law::of(parse(spec).unwrap().oracle().unwrap());
    assert!(process("sphere:dim=300").is_ok() && process("sphere:dim=100,span=50,rotate=1").is_ok());
    let said = process("sphere:dim=300,span=150,rotate=1").err().unwrap().to_string();
    assert!(said.contains("300") && said.contains("rotate"), "{said}");
}
