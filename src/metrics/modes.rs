//! Mode weights: the share of samples nearest to each centre against the weight it should have.
//!
//! Half of the W2 floor of separated mixtures is nothing but the chance in these shares, so they are reported
//! apart. The floor of their total variation is not zero either; its mean is exact (De Moivre's mean absolute
//! deviation of a binomial: Diaconis and Zabell, "Closed form summation for classical distributions", 1991).

use super::floor::Z95;
use super::points::same_dim;
use super::{Floor, Measurement, Points};
use crate::error::{Error, Problem, Result};

/// Counts per centre and their total variation to the expected weights.
#[derive(Debug, Clone)]
pub struct ModeWeights {
    /// Samples nearest to each centre; of equally near centres the first counts.
    pub counts: Vec<usize>,
    /// The counts over n.
    pub shares: Vec<f64>,
    /// Half the sum of |share - weight|, with its multinomial floor.
    pub total_variation: Measurement,
}

/// Assigns every sample to its nearest centre (Euclidean) and compares the shares with `expected`.
///
/// The expected weights are those of the nearest-centre cells; for well separated modes they are the weights
/// of the mixture. The interval is 1.96 standard errors of the linearised total variation (signs of the
/// differences held fixed), which is valid well above the floor.
pub fn mode_weights(samples: &Points, centres: &Points, expected: &[f64]) -> Result<ModeWeights> {
    same_dim(samples, centres)?;
    let total: f64 = expected.iter().sum();
    let sound = expected.iter().all(|p| *p >= 0.0) && (total - 1.0).abs() < 1e-6;
    if expected.len() != centres.rows() || !sound {
        let found = format!("{} weights with sum {total}", expected.len());
        let wanted = format!("{} weights, none negative, with sum 1", centres.rows());
        return Err(Error::data(Problem::new("bad mode weights").at(centres.name()).found(found).expected(wanted)));
    }
    let n = samples.rows();
    let mut counts = vec![0usize; centres.rows()];
    for i in 0..n {
        counts[nearest(samples.row(i), centres)] += 1;
    }
    let shares: Vec<f64> = counts.iter().map(|c| *c as f64 / n as f64).collect();
    let value = 0.5 * shares.iter().zip(expected).map(|(q, p)| (q - p).abs()).sum::<f64>();
    let definition = format!(
        "half the sum over {} modes of |share - weight|, where the share is that of the {n} rows of {} nearest to the \
         centre of the mode",
        counts.len(),
        samples.name()
    );
    let mut tv = Measurement::new("mode weights TV", definition, value, n);
    tv.parameters = format!("{} modes", counts.len());
    tv.floor = Some(multinomial_floor(n, expected));
    tv.interval = Some(interval(value, n, &shares, expected));
    let empty = counts.iter().zip(expected).filter(|(c, p)| **c == 0 && **p > 0.0).count();
    let tv = if empty > 0 { tv.noted(format!("{empty} modes have no sample")) } else { tv };
    Ok(ModeWeights { counts, shares, total_variation: tv })
}

fn nearest(x: &[f32], centres: &Points) -> usize {
    let mut best = (f64::INFINITY, 0);
    for k in 0..centres.rows() {
        let square = |(a, b): (&f32, &f32)| (f64::from(*a) - f64::from(*b)).powi(2);
        let distance = x.iter().zip(centres.row(k)).map(square).sum::<f64>();
        if distance < best.0 {
            best = (distance, k);
        }
    }
    best.1
}

fn interval(value: f64, n: usize, shares: &[f64], expected: &[f64]) -> (f64, f64) {
    let sign = |q: f64, p: f64| if q > p { 1.0 } else { -1.0 };
    let mean: f64 = shares.iter().zip(expected).map(|(q, p)| q * sign(*q, *p)).sum();
    let half = Z95 * 0.5 * ((1.0 - mean * mean).max(0.0) / n as f64).sqrt();
    ((value - half).max(0.0), (value + half).min(1.0))
}

/// Total variation between the shares of n true draws and their weights.
///
/// The mean is exact; the sd is that of the normal limit, where for a bivariate normal of correlation r
/// E|A B| = (2/pi) sd(A) sd(B) (sqrt(1 - r^2) + r asin r).
pub fn multinomial_floor(n: usize, weights: &[f64]) -> Floor {
    let mean = 0.5 * weights.iter().map(|p| binomial_deviation(n, *p) / n as f64).sum::<f64>();
    let sd = |p: f64| (p * (1.0 - p)).max(0.0).sqrt();
    let mut variance = 0.0;
    for (k, p) in weights.iter().enumerate() {
        for (l, q) in weights.iter().enumerate() {
            let scale = sd(*p) * sd(*q);
            if scale > 0.0 {
                let r = if k == l { 1.0 } else { (-p * q / scale).clamp(-1.0, 1.0) };
                variance += scale * ((1.0 - r * r).sqrt() + r * r.asin() - 1.0);
            }
        }
    }
    // Cov(|A|, |B|) carries the factor 2/pi, total variation the factor 1/4
    let sd = (variance.max(0.0) / (2.0 * std::f64::consts::PI * n as f64)).sqrt();
    Floor { mean, sd, repeats: 0, of: "multinomial".into(), smaller: false }
}

/// E|X - n p| for X binomial(n, p): 2 (m + 1) C(n, m + 1) p^(m+1) (1 - p)^(n - m) with m = floor(n p).
fn binomial_deviation(n: usize, p: f64) -> f64 {
    if p <= 0.0 || p >= 1.0 {
        return 0.0;
    }
    let m = ((n as f64 * p).floor() as usize).min(n - 1);
    let choose = ln_factorial(n) - ln_factorial(m + 1) - ln_factorial(n - m - 1);
    let powers = (m as f64 + 1.0) * p.ln() + (n - m) as f64 * (-p).ln_1p();
    2.0 * (m as f64 + 1.0) * (choose + powers).exp()
}

/// ln n!, by Stirling's series above 20, where its first omitted term is below 1e-12.
fn ln_factorial(n: usize) -> f64 {
    if n <= 20 {
        return (2..=n).map(|k| (k as f64).ln()).sum();
    }
    let x = n as f64;
    let series = 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3)) + 1.0 / (1260.0 * x.powi(5));
    x * x.ln() - x + 0.5 * (std::f64::consts::TAU * x).ln() + series
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::parallel::mean_variance;
    use crate::random::{Purpose, Stream};

    #[test]
    fn samples_go_to_their_nearest_centre() {
        let samples = Points::new("s", &[0.1, 0.0, 0.9, 0.1, 2.2, 0.0, 0.5, 0.0], 2).unwrap();
        let centres = Points::new("c", &[0.0, 0.0, 1.0, 0.0, 2.0, 0.0, 9.0, 9.0], 2).unwrap();
        let got = mode_weights(&samples, &centres, &[0.25; 4]).unwrap();
        // the row half-way between the first two goes to the first
        assert_eq!(got.counts, [2, 1, 1, 0]);
        assert_eq!(got.total_variation.value, 0.25);
        assert_eq!(got.total_variation.note.as_deref(), Some("1 modes have no sample"));
        let (low, high) = got.total_variation.interval.unwrap();
        assert!(low <= 0.25 && 0.25 <= high);
    }

    #[test]
    fn the_binomial_deviation_is_the_sum_that_defines_it() {
        for (n, p) in [(1, 0.5), (7, 0.3), (30, 0.125), (40, 0.999), (50, 1e-3), (10, 0.5)] {
            let ln = |k: usize| ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k);
            let term = |k: usize| (ln(k) + k as f64 * f64::ln(p) + (n - k) as f64 * (1.0 - p).ln()).exp();
            let sum: f64 = (0..=n).map(|k| term(k) * (k as f64 - n as f64 * p).abs()).sum();
            assert!((binomial_deviation(n, p) / sum - 1.0).abs() < 1e-10, "{n} {p}");
        }
        assert_eq!(binomial_deviation(9, 0.0) + binomial_deviation(9, 1.0), 0.0);
        // large n: the half-normal mean sqrt(2 n p (1 - p) / pi)
        let large = binomial_deviation(1_000_000, 0.125) / (2e6 * 0.109375 / std::f64::consts::PI).sqrt();
        assert!((large - 1.0).abs() < 1e-5, "{large}");
    }

    #[test]
    fn the_floor_agrees_with_simulation() {
        let (n, weights) = (2000usize, [0.5, 0.25, 0.125, 0.125]);
        let value = |repeat: u32| {
            let mut stream = Stream::new(3, Purpose::Test, repeat, 0);
            let mut counts = [0.0; 4];
            for _ in 0..n {
                let u = stream.unit();
                counts[if u < 0.5 {
                    0
                } else if u < 0.75 {
                    1
                } else if u < 0.875 {
                    2
                } else {
                    3
                }] += 1.0;
            }
            0.5 * counts.iter().zip(weights).map(|(c, p)| (c / n as f64 - p).abs()).sum::<f64>()
        };
        let values: Vec<f64> = (0..2000).map(value).collect();
        let (mean, variance) = mean_variance(&values);
        let floor = multinomial_floor(n, &weights);
        assert!((floor.mean - mean).abs() < 5.0 * floor.sd / 2000f64.sqrt(), "{floor:?} {mean}");
        // the sample sd of 2000 values is good to about 2 %
        assert!((floor.sd / variance.sqrt() - 1.0).abs() < 0.1, "{floor:?} {variance}");
    }

    #[test]
    fn bad_weights_are_refused() {
        let samples = Points::new("s", &[0.0, 1.0], 1).unwrap();
        for weights in [&[1.0][..], &[0.5, 0.4], &[1.5, -0.5], &[f64::NAN, 1.0]] {
            assert!(mode_weights(&samples, &samples, weights).is_err());
        }
        assert!(mode_weights(&samples, &Points::new("c", &[0.0, 0.0], 2).unwrap(), &[1.0]).is_err());
    }
}
