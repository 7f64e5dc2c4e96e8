//! Exponential tilts of the standard normal law (Cole and Lu 2024): `p = e^f gamma / G`, gamma = N(0, I), here with ridge
//! functions `f(x) = sum_j ln cosh(a_j . x)`.
//!
//! As `cosh(a . x) gamma(x) = e^(|a|^2/2) (N(a, I) + N(-a, I))(x) / 2`, such a tilt is a mixture of unit normal laws at all
//! `c = sum_j +-a_j` with weights in proportion to `e^(|c|^2/2)`, exact at every time. By Mehler's formula its score is
//! `-x + m E[grad f e^f] / E[e^f]` at `m x + sigma Z`, which the tests hold it to.

use super::MAX_DIM;
use super::datasets::Built;
use super::gmm::built;
use super::mixture::{Covariance, GaussianMixture};
use super::spec::Options;
use crate::error::Result;

/// Most ridges: two to this power are the components.
const MOST_RIDGES: usize = 10;
/// Longest ridge: beyond it the modes are so far apart that weights of others underflow.
const LONGEST: f64 = 30.0;

/// The row `tilt`.
pub fn tilt(o: &Options) -> Result<Built> {
    let ridges = o.groups("a")?;
    let k = ridges[0].len();
    if let Some(odd) = ridges.iter().find(|a| a.len() != k) {
        return Err(o.refuse("a", "ridges of different dimensions", odd.len(), &format!("{k}, as in the first")));
    }
    if ridges.len() > MOST_RIDGES {
        return Err(o.refuse("a", "too many ridges", ridges.len(), &format!("at most {MOST_RIDGES}")));
    }
    let length = |a: &Vec<f64>| a.iter().map(|v| v * v).sum::<f64>().sqrt();
    if let Some(long) = ridges.iter().map(length).find(|l| *l > LONGEST) {
        return Err(o.refuse(
            "a",
            "a ridge is too steep",
            format!("a length of {long}"),
            &format!("at most {LONGEST}"),
        ));
    }
    let dim = if o.text("dim").is_empty() { k } else { o.count("dim", k..=MAX_DIM)? };
    let (mut means, mut logs) = (Vec::new(), Vec::new());
    for signs in 0..1usize << ridges.len() {
        let mut c = vec![0.0; dim];
        for (j, a) in ridges.iter().enumerate() {
            let sign = if signs >> j & 1 == 1 { -1.0 } else { 1.0 };
            c.iter_mut().zip(a).for_each(|(c, a)| *c += sign * a);
        }
        logs.push(0.5 * c.iter().map(|c| c * c).sum::<f64>());
        means.extend(c);
    }
    let top = logs.iter().fold(f64::NEG_INFINITY, |m, l| m.max(*l));
    // what underflows has no mass, but a mixture wants positive weights
    let weights: Vec<f64> = logs.iter().map(|l| (l - top).exp().max(1e-300)).collect();
    let count = weights.len();
    Ok(built(GaussianMixture::new(dim, weights, means, Covariance::Isotropic(vec![1.0; count]))))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{close, of};

    #[test]
    fn the_score_and_the_density_are_those_of_mehlers_formula() {
        let ridges = [1.5f64, -0.7];
        let law = of("tilt:a=(1.5)(-.7)");
        let oracle = law.oracle().unwrap();
        let f = |x: f64| ridges.iter().map(|a| (a * x).cosh().ln()).sum::<f64>();
        let slope = |x: f64| ridges.iter().map(|a| a * (a * x).tanh()).sum::<f64>();
        // E g(m x + sigma Z) by the trapezoidal rule
        let mean = |g: &dyn Fn(f64) -> f64, m: f64, sigma: f64, x: f64| -> f64 {
            let z = |i: i32| 0.01 * f64::from(i);
            (-1200..=1200).map(|i| 0.01 * (-0.5 * z(i) * z(i)).exp() * g(m * x + sigma * z(i))).sum::<f64>()
                / (2.0 * std::f64::consts::PI).sqrt()
        };
        let whole = mean(&|x| f(x).exp(), 0.0, 1.0, 0.0);
        for t in [0.01, 0.3, 1.0, 3.0] {
            let (m, sigma) = (f64::exp(-t), (-f64::exp_m1(-2.0 * t)).sqrt());
            for x in [-2.5, 0.0, 0.4, 3.0] {
                let tilted = mean(&|x| f(x).exp(), m, sigma, x);
                let want = -x + m * mean(&|x| slope(x) * f(x).exp(), m, sigma, x) / tilted;
                let mut s = [0.0];
                let log = oracle.score_and_log_density(&[x], m, sigma, &mut s);
                close(s[0], want, 1e-10, &format!("score at {x}, t = {t}"));
                let normal = -0.5 * x * x - 0.5 * (2.0 * std::f64::consts::PI).ln();
                close(log, normal + (tilted / whole).ln(), 1e-10, &format!("log density at {x}, t = {t}"));
            }
        }
    }
}
