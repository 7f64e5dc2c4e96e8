//! Eigenvalues of small symmetric matrices and random orthonormal frames.

use crate::random::{Purpose, Stream, normal_pair};

/// Eigenvalues and eigenvectors of a symmetric `n` x `n` matrix (row-major), by cyclic Jacobi rotations.
///
/// Returns `(values, vectors)`; row `i` of `vectors` (row-major, n x n) is the unit eigenvector of `values[i]`.
pub fn eigen_symmetric(matrix: &[f64], n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut a = matrix.to_vec();
    let mut v = vec![0.0; n * n];
    for i in 0..n {
        v[i * n + i] = 1.0;
    }
    let total: f64 = a.iter().map(|x| x * x).sum();
    // quadratic convergence: ten sweeps are plenty for n <= 64, the bound only stops a matrix of NaN
    for _ in 0..60 {
        let off: f64 = (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| a[i * n + j].powi(2)).sum();
        if off <= 1e-32 * total || off == 0.0 {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut a, &mut v, n, p, q);
            }
        }
    }
    ((0..n).map(|i| a[i * n + i]).collect(), v)
}

/// One Jacobi rotation that annihilates element (p, q).
fn rotate(a: &mut [f64], v: &mut [f64], n: usize, p: usize, q: usize) {
    let apq = a[p * n + q];
    if apq == 0.0 {
        return;
    }
    let theta = (a[q * n + q] - a[p * n + p]) / (2.0 * apq);
    let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let c = 1.0 / (t * t + 1.0).sqrt();
    let s = t * c;
    for k in 0..n {
        let (x, y) = (a[k * n + p], a[k * n + q]);
        a[k * n + p] = c * x - s * y;
        a[k * n + q] = s * x + c * y;
    }
    for k in 0..n {
        let (x, y) = (a[p * n + k], a[q * n + k]);
        a[p * n + k] = c * x - s * y;
        a[q * n + k] = s * x + c * y;
        let (x, y) = (v[p * n + k], v[q * n + k]);
        v[p * n + k] = c * x - s * y;
        v[q * n + k] = s * x + c * y;
    }
}

/// `count` orthonormal vectors in R^`dim` (row-major, count x dim), Haar distributed, a function of `seed` alone.
pub fn random_frame(dim: usize, count: usize, seed: u64) -> Vec<f64> {
    let mut frame = vec![0.0; count * dim];
    for i in 0..count {
        let (done, rest) = frame.split_at_mut(i * dim);
        let row = &mut rest[..dim];
        fill_normals(&mut Stream::new(seed, Purpose::Data, i as u32, 1), row);
        // twice, because once loses orthogonality to rounding
        for _ in 0..2 {
            for other in done.chunks_exact(dim) {
                let dot: f64 = other.iter().zip(row.iter()).map(|(a, b)| a * b).sum();
                row.iter_mut().zip(other).for_each(|(r, o)| *r -= dot * o);
            }
            let norm = row.iter().map(|r| r * r).sum::<f64>().sqrt();
            row.iter_mut().for_each(|r| *r /= norm);
        }
    }
    frame
}

/// Standard normals from a stream, two from every two words.
pub fn fill_normals(stream: &mut Stream, out: &mut [f64]) {
    for pair in out.chunks_mut(2) {
        let (a, b) = (stream.word(), stream.word());
        let normals = normal_pair(a, b);
        pair.copy_from_slice(&normals[..pair.len()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eigen_decomposition_rebuilds_the_matrix() {
        for n in [1usize, 2, 5, 64] {
            let mut stream = Stream::new(3, Purpose::Test, n as u32, 0);
            let mut a = vec![0.0; n * n];
            for i in 0..n {
                for j in 0..=i {
                    a[i * n + j] = stream.normal();
                    a[j * n + i] = a[i * n + j];
                }
            }
            let (values, vectors) = eigen_symmetric(&a, n);
            for i in 0..n {
                for j in 0..n {
                    let rebuilt: f64 = (0..n).map(|k| values[k] * vectors[k * n + i] * vectors[k * n + j]).sum();
                    assert!((rebuilt - a[i * n + j]).abs() < 1e-12 * n as f64);
                }
            }
        }
        assert_eq!(eigen_symmetric(&[1.0, 0.0, 0.0, 0.0], 2).0, [1.0, 0.0]);
    }

    #[test]
    fn frames_are_orthonormal() {
        let frame = random_frame(50, 7, 9);
        for i in 0..7 {
            for j in 0..7 {
                let dot: f64 = (0..50).map(|k| frame[i * 50 + k] * frame[j * 50 + k]).sum();
                assert!((dot - f64::from(i == j)).abs() < 1e-14);
            }
        }
    }
}
