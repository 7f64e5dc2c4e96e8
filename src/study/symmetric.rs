//! Eigenvalues of symmetric matrices of some hundreds of rows: Householder's reduction to three diagonals, then QL with
//! implicit shifts (Wilkinson, Reinsch 1971, II/2 and II/4).

/// Eigenvalues and eigenvectors of a symmetric n x n matrix (row-major): (values, vectors), row i of `vectors` the unit
/// eigenvector of `values[i]`. In no order.
pub fn eigen(matrix: &[f64], n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut vectors = vec![0.0; n * n];
    (0..n).for_each(|i| vectors[i * n + i] = 1.0);
    let (mut diagonal, mut beside) = tridiagonal(matrix.to_vec(), n, &mut vectors);
    for first in 0..n {
        // two or three turns an eigenvalue as a rule; the bound only stops a matrix of NaN
        for _ in 0..60 {
            let small = |m: &usize| beside[*m].abs() <= f64::EPSILON * (diagonal[*m].abs() + diagonal[m + 1].abs());
            let last = (first..n - 1).find(small).unwrap_or(n - 1);
            if last == first {
                break;
            }
            turn(&mut diagonal, &mut beside, &mut vectors, n, (first, last));
        }
    }
    (diagonal, vectors)
}

/// Q A Q^T with three diagonals: (diagonal, the one beside it with a 0 at its end); Q is multiplied to `vectors` from the left.
fn tridiagonal(mut a: Vec<f64>, n: usize, vectors: &mut [f64]) -> (Vec<f64>, Vec<f64>) {
    let mut beside = vec![0.0; n];
    for k in 0..n.saturating_sub(1) {
        let mut v: Vec<f64> = (k + 1..n).map(|i| a[i * n + k]).collect();
        let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        beside[k] = if v[0] > 0.0 { -norm } else { norm };
        v[0] -= beside[k];
        let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        if length == 0.0 {
            continue;
        }
        v.iter_mut().for_each(|x| *x /= length);
        // A - 2 (v w^T + w v^T), w = A v - (v^T A v) v
        let mut w: Vec<f64> = (k + 1..n).map(|i| dot(&a[i * n + k + 1..(i + 1) * n], &v)).collect();
        let middle = dot(&w, &v);
        w.iter_mut().zip(&v).for_each(|(w, v)| *w -= middle * v);
        for (i, row) in a.chunks_exact_mut(n).skip(k + 1).enumerate() {
            for (x, (v_j, w_j)) in row[k + 1..].iter_mut().zip(v.iter().zip(&w)) {
                *x -= 2.0 * (v[i] * w_j + w[i] * v_j);
            }
        }
        let mut along = vec![0.0; n];
        for (v, row) in v.iter().zip(vectors.chunks_exact(n).skip(k + 1)) {
            along.iter_mut().zip(row).for_each(|(s, x)| *s += v * x);
        }
        for (v, row) in v.iter().zip(vectors.chunks_exact_mut(n).skip(k + 1)) {
            row.iter_mut().zip(&along).for_each(|(x, s)| *x -= 2.0 * v * s);
        }
    }
    ((0..n).map(|i| a[i * n + i]).collect(), beside)
}

/// One QL turn of the block from `first` to `last`.
fn turn(d: &mut [f64], e: &mut [f64], vectors: &mut [f64], n: usize, (first, last): (usize, usize)) {
    let half = (d[first + 1] - d[first]) / (2.0 * e[first]);
    let shift = half + half.hypot(1.0).copysign(half);
    let mut g = d[last] - d[first] + e[first] / shift;
    let (mut s, mut c, mut p) = (1.0, 1.0, 0.0);
    for i in (first..last).rev() {
        let (f, b) = (s * e[i], c * e[i]);
        let r = f.hypot(g);
        e[i + 1] = r;
        if r == 0.0 {
            // the block has fallen apart
            d[i + 1] -= p;
            e[last] = 0.0;
            return;
        }
        (s, c) = (f / r, g / r);
        g = d[i + 1] - p;
        let r = (d[i] - g) * s + 2.0 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
        let (low, high) = vectors.split_at_mut((i + 1) * n);
        for (x, y) in low[i * n..].iter_mut().zip(&mut high[..n]) {
            (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
        }
    }
    d[first] -= p;
    e[first] = g;
    e[last] = 0.0;
}

/// The sum of products.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    // four sums at a time, so that the compiler may use its wide registers
    let mut sums = [0.0; 4];
    for (a, b) in a.chunks_exact(4).zip(b.chunks_exact(4)) {
        (0..4).for_each(|i| sums[i] += a[i] * b[i]);
    }
    let rest = a.chunks_exact(4).remainder().iter().zip(b.chunks_exact(4).remainder());
    sums.iter().sum::<f64>() + rest.map(|(a, b)| a * b).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    #[test]
    fn the_matrix_is_rebuilt_and_the_vectors_are_orthonormal() {
        for n in [1usize, 2, 3, 7, 65, 200] {
            let mut stream = Stream::new(4, Purpose::Test, n as u32, 0);
            let half: Vec<f64> = (0..n * n).map(|_| stream.normal()).collect();
            // of rank n / 2 or so: eigenvalues that meet at 0
            let a: Vec<f64> =
                (0..n * n).map(|k| dot(&half[k / n * n..][..n / 2 + 1], &half[k % n * n..][..n / 2 + 1])).collect();
            let (values, vectors) = eigen(&a, n);
            for i in 0..n {
                let row = |i: usize| &vectors[i * n..(i + 1) * n];
                for j in 0..n {
                    let rebuilt: f64 = (0..n).map(|k| values[k] * vectors[k * n + i] * vectors[k * n + j]).sum();
                    assert!((rebuilt - a[i * n + j]).abs() < 1e-12 * (n * n) as f64, "{n} {i} {j}");
                    assert!((dot(row(i), row(j)) - f64::from(u8::from(i == j))).abs() < 1e-12, "{n} {i} {j}");
                }
            }
        }
    }
}
