//! The builders of `gmm` and `gaussian`.

use super::datasets::Built;
use super::linalg::eigen_symmetric;
use super::mixture::{Covariance, GaussianMixture};
use super::spec::Options;
use super::{MAX_DIM, Modes};
use crate::error::Result;
use crate::random::{Purpose, Stream};
use std::f64::consts::PI;
use std::sync::Arc;

/// The largest dimension of a full covariance.
const MAX_FULL: usize = 64;
/// The most components.
const MAX_COMPONENTS: usize = 4096;
/// The largest length a spec may state; far within what f32 can square.
pub const MAX_LENGTH: f64 = 1e6;
/// The range of standard deviations; 0 is a point mass.
pub const DEVIATIONS: std::ops::RangeInclusive<f64> = 0.0..=MAX_LENGTH;

/// A mixture as a data set whose modes are its components.
pub fn built(law: GaussianMixture) -> Built {
    let law = Arc::new(law);
    let modes = Modes { centres: law.means().to_vec(), weights: law.weights().to_vec() };
    let oracle = law.clone();
    Built { oracle, sampler: Box::new(move |stream, out| law.draw_row(stream, out)), modes: Some(modes) }
}

/// `gmm`: components on a layout, or as listed.
pub fn gmm(o: &Options) -> Result<Built> {
    let (dim, means) = if o.given("means") { listed_means(o)? } else { laid_out_means(o)? };
    let count = means.len() / dim;
    let weights = weights(o, count)?;
    finish(o, dim, weights, means)
}

/// `gaussian`: one component.
pub fn gaussian(o: &Options) -> Result<Built> {
    let (dim, means) = if o.given("means") {
        let (dim, means) = listed_means(o)?;
        if means.len() != dim {
            return Err(o.refuse("means", "more than one mean", means.len() / dim, "one group; use gmm for several"));
        }
        (dim, means)
    } else {
        let dim = o.count("dim", 1..=MAX_DIM)?;
        (dim, vec![0.0; dim])
    };
    finish(o, dim, vec![1.0], means)
}

fn finish(o: &Options, dim: usize, weights: Vec<f64>, means: Vec<f64>) -> Result<Built> {
    let count = weights.len();
    if o.given("cov") {
        if o.given("sd") {
            return Err(o.refuse("cov", "two ways to state the spread", "sd and cov", "one of sd and cov"));
        }
        let matrices = matrices(o, dim, count)?;
        return Ok(built(GaussianMixture::with_matrices(dim, weights, means, &matrices)));
    }
    let sd = spread(o, "sd", count, o.numbers("sd", DEVIATIONS)?)?;
    let variances = sd.iter().map(|s| s * s).collect();
    Ok(built(GaussianMixture::new(dim, weights, means, Covariance::Isotropic(variances))))
}

/// One value for all components, or one each.
fn spread(o: &Options, key: &str, count: usize, values: Vec<f64>) -> Result<Vec<f64>> {
    match values.len() {
        1 => Ok(vec![values[0]; count]),
        n if n == count => Ok(values),
        n => Err(o.refuse(key, "wrong number of values", n, &format!("1 or {count}, one a component"))),
    }
}

/// Weights (K): equal, or as given with a sum of 1.
pub fn weights(o: &Options, count: usize) -> Result<Vec<f64>> {
    if o.text("weights").is_empty() {
        return Ok(vec![1.0 / count as f64; count]);
    }
    let weights = o.numbers("weights", f64::MIN_POSITIVE..=1.0)?;
    if weights.len() != count {
        return Err(o.refuse(
            "weights",
            "wrong number of weights",
            weights.len(),
            &format!("{count}, one a component"),
        ));
    }
    let sum: f64 = weights.iter().sum();
    if (sum - 1.0).abs() > 1e-6 {
        return Err(o.refuse(
            "weights",
            "the weights do not add to 1",
            format!("a sum of {sum}"),
            "a sum of 1 within 1e-6",
        ));
    }
    Ok(weights)
}

/// `(D, means (K, D))` as listed; the keys that describe a layout are refused beside them.
fn listed_means(o: &Options) -> Result<(usize, Vec<f64>)> {
    let groups = o.groups("means")?;
    let dim = groups[0].len();
    if let Some(odd) = groups.iter().find(|g| g.len() != dim) {
        return Err(o.refuse("means", "means of different dimensions", odd.len(), &format!("{dim}, as in the first")));
    }
    if dim > MAX_DIM || groups.len() > MAX_COMPONENTS {
        let found = format!("{} means of dimension {dim}", groups.len());
        return Err(o.refuse("means", "too large", found, &format!("at most {MAX_COMPONENTS} of dimension {MAX_DIM}")));
    }
    for key in ["sep", "layout", "seed"] {
        if o.given(key) {
            return Err(o.refuse(key, "of no use beside means", o.text(key), "means alone, or a layout"));
        }
    }
    for (key, is) in [("k", groups.len()), ("dim", dim)] {
        if o.given(key) && o.count(key, 1..=MAX_DIM.max(MAX_COMPONENTS))? != is {
            return Err(o.refuse(key, "contradicts the means", o.text(key), &format!("{is}, as listed")));
        }
    }
    Ok((dim, groups.into_iter().flatten().collect()))
}

/// `(D, means (K, D))` on a layout with distance `sep` between neighbours (for `random`: root mean square distance).
fn laid_out_means(o: &Options) -> Result<(usize, Vec<f64>)> {
    let dim = o.count("dim", 1..=MAX_DIM)?;
    let layout = match o.text("layout") {
        "" => {
            if dim == 1 {
                "line"
            } else {
                "ring"
            }
        }
        given => given,
    };
    let count = if layout == "pair" && !o.given("k") { 2 } else { o.count("k", 1..=MAX_COMPONENTS)? };
    let sep = o.number("sep", 0.0..=MAX_LENGTH)?;
    let mut means = vec![0.0; count * dim];
    let centred = |i: usize| sep * (i as f64 - 0.5 * (count - 1) as f64);
    match layout {
        "pair" if count != 2 => return Err(o.refuse("k", "a pair has two components", count, "2")),
        "line" | "pair" => (0..count).for_each(|i| means[i * dim] = centred(i)),
        "ring" if dim == 1 => return Err(o.refuse("layout", "a ring needs a plane", "dim = 1", "dim of at least 2")),
        "ring" => {
            let radius = if count > 1 { 0.5 * sep / (PI / count as f64).sin() } else { 0.0 };
            for i in 0..count {
                let angle = 2.0 * PI * i as f64 / count as f64;
                means[i * dim] = radius * angle.cos();
                means[i * dim + 1] = radius * angle.sin();
            }
        }
        "random" => {
            let seed = o.seed("seed")?.unwrap_or(0);
            let scale = sep / (2.0 * dim as f64).sqrt();
            for (i, mean) in means.chunks_exact_mut(dim).enumerate() {
                let mut stream = Stream::new(seed, Purpose::Data, i as u32, 2);
                mean.iter_mut().for_each(|v| *v = scale * stream.normal());
            }
        }
        other => return Err(o.refuse("layout", "unknown layout", other, "one of ring, line, random, pair")),
    }
    Ok((dim, means))
}

/// Covariance matrices (K, D, D), symmetric and without a negative eigenvalue.
fn matrices(o: &Options, dim: usize, count: usize) -> Result<Vec<f64>> {
    if dim > MAX_FULL {
        return Err(o.refuse("cov", "a full covariance is too large", dim, &format!("dim of at most {MAX_FULL}")));
    }
    let groups = o.groups("cov")?;
    if groups.len() != 1 && groups.len() != count {
        return Err(o.refuse(
            "cov",
            "wrong number of matrices",
            groups.len(),
            &format!("1 or {count}, one a component"),
        ));
    }
    for matrix in &groups {
        if matrix.len() != dim * dim {
            let expected = format!("{} = dim^2, row by row", dim * dim);
            return Err(o.refuse("cov", "wrong number of entries of a matrix", matrix.len(), &expected));
        }
        let largest = matrix.iter().fold(0.0f64, |a, b| a.max(b.abs()));
        if let Some(e) = (0..dim * dim).find(|e| (matrix[*e] - matrix[e % dim * dim + e / dim]).abs() > 1e-9 * largest)
        {
            let found = format!("{} and {}", matrix[e], matrix[e % dim * dim + e / dim]);
            return Err(o.refuse("cov", "a matrix is not symmetric", found, "equal entries across the diagonal"));
        }
        let smallest = eigen_symmetric(matrix, dim).0.into_iter().fold(f64::INFINITY, f64::min);
        if smallest < -1e-9 * largest {
            let found = format!("an eigenvalue of {smallest:.6}");
            return Err(o.refuse("cov", "a matrix is not a covariance", found, "eigenvalues of at least 0"));
        }
    }
    let repeat = if groups.len() == count { 1 } else { count };
    Ok(groups.concat().repeat(repeat))
}
