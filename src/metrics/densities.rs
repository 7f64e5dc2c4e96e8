//! Kullback-Leibler divergences from log ratios of densities, where both are known.

use super::floor::Z95;
use super::parallel::mean_variance;
use super::{Floor, Measurement};

/// Log ratios ln p - ln q of the law p and the model q, nats.
#[derive(Debug, Clone, Copy)]
pub struct Ratios<'a> {
    /// At draws of the law.
    pub forward: &'a [f64],
    /// At draws of the model.
    pub reverse: &'a [f64],
    /// What the densities are, and how they were computed.
    pub of: &'a str,
}

/// KL(p || q), the mean of ln p - ln q over draws of p, and KL(q || p), the mean of ln q - ln p over draws of q.
pub fn divergences(ratios: &Ratios) -> Vec<Measurement> {
    let reversed: Vec<f64> = ratios.reverse.iter().map(|r| -r).collect();
    let rows = [
        ("KL(law || model)", "ln p - ln q over draws of the law p", ratios.forward),
        ("KL(model || law)", "ln q - ln p over draws of the model q", &reversed[..]),
    ];
    let one = |(name, mean, values): (&str, &str, &[f64])| {
        let (value, variance) = mean_variance(values);
        let error = (variance / values.len() as f64).sqrt();
        let definition = format!(
            "mean of {mean}, nats, densities of {}; it is the mean negative log-likelihood minus the entropy, on the same \
             draws; the interval is 1.96 standard errors",
            ratios.of
        );
        let mut out = Measurement::new(name, definition, value, values.len());
        out.interval = Some((value - Z95 * error, value + Z95 * error));
        // the same ratios of a model that is right are all 0
        out.floor = Some(Floor { mean: 0.0, sd: 0.0, repeats: 0, of: "equal densities".into(), smaller: false });
        out
    };
    rows.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::gaussian;

    #[test]
    fn normals_have_their_divergences() {
        // p = N(0, 1), q = N(0, 4): ln p - ln q = ln 2 - 3 x^2 / 8
        let ratio = |x: &f32| 2f64.ln() - 0.375 * f64::from(*x).powi(2);
        let [p, q] = [1.0, 2.0].map(|sd| gaussian(20_000, 1, 0.0, sd, 61).iter().map(ratio).collect::<Vec<_>>());
        let got = divergences(&Ratios { forward: &p, reverse: &q, of: "x" });
        for (m, exact) in got.iter().zip([2f64.ln() - 0.375, 1.5 - 2f64.ln()]) {
            let (low, high) = m.interval.unwrap();
            // two and a half times the interval: five standard errors
            assert!((m.value - exact).abs() < 1.3 * (high - low), "{m}");
        }
    }
}
