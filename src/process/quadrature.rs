//! Gauss-Legendre quadrature for integrals of smooth functions over one step.

use std::sync::OnceLock;

/// Nodes of the rule: exact for polynomials of degree 31, and to rounding for what samplers integrate.
const NODES: usize = 16;

/// `int_from^to f`, also for `to < from`.
pub fn integral(from: f64, to: f64, f: impl Fn(f64) -> f64) -> f64 {
    let (middle, half) = (0.5 * (from + to), 0.5 * (to - from));
    rule().iter().map(|(x, w)| w * half * f(middle + half * x)).sum()
}

/// Nodes and weights on [-1, 1].
fn rule() -> &'static [(f64, f64); NODES] {
    static RULE: OnceLock<[(f64, f64); NODES]> = OnceLock::new();
    RULE.get_or_init(|| {
        std::array::from_fn(|i| {
            // Newton for the zeros of the Legendre polynomial, from their asymptotic places
            let mut x = (std::f64::consts::PI * (i as f64 + 0.75) / (NODES as f64 + 0.5)).cos();
            for _ in 0..8 {
                let (p, slope) = legendre(x);
                x -= p / slope;
            }
            let slope = legendre(x).1;
            (x, 2.0 / ((1.0 - x * x) * slope * slope))
        })
    })
}

/// The Legendre polynomial of degree [`NODES`] and its derivative, by the three-term recursion.
fn legendre(x: f64) -> (f64, f64) {
    let (mut before, mut p) = (1.0, x);
    for k in 2..=NODES {
        let k = k as f64;
        (before, p) = (p, ((2.0 * k - 1.0) * x * p - (k - 1.0) * before) / k);
    }
    (p, NODES as f64 * (x * p - before) / (x * x - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_of_degree_31_and_exponentials_are_exact() {
        assert!((integral(0.0, 2.0, |x| x.powi(31)) - 2f64.powi(27)).abs() < 1e-13 * 2f64.powi(27));
        assert!((integral(3.0, -1.0, f64::exp) - ((-1.0f64).exp() - 3f64.exp())).abs() < 1e-13 * 20.0);
        // the next even degree is not
        assert!((integral(-1.0, 1.0, |x| x.powi(32)) - 2.0 / 33.0).abs() > 1e-13);
    }
}
