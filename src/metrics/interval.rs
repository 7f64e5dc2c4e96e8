//! Mean of a few repeated measurements with its interval.

/// A mean over repetitions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mean {
    /// The mean.
    pub value: f64,
    /// Half width of the 95 % interval by Student's t; NaN for a single value.
    pub half_width: f64,
    /// Number of repetitions.
    pub n: usize,
}

/// Mean and 95 % interval of independent, roughly normal `values`.
pub fn mean(values: &[f64]) -> Mean {
    let n = values.len();
    let value = values.iter().sum::<f64>() / n as f64;
    if n < 2 {
        return Mean { value, half_width: f64::NAN, n };
    }
    let variance = values.iter().map(|v| (v - value).powi(2)).sum::<f64>() / (n - 1) as f64;
    Mean { value, half_width: student(n - 1) * (variance / n as f64).sqrt(), n }
}

/// The 0.975 quantile of Student's t with `freedom` degrees of freedom.
///
/// From two degrees on by bisection of the distribution function, whose tail is an elementary finite sum
/// (Abramowitz and Stegun 26.7.3 and 26.7.4).
pub fn student(freedom: usize) -> f64 {
    let (mut low, mut high) = (0.0, 13.0);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if between(middle, freedom) < 0.95 { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// P(|T| < t).
fn between(t: f64, freedom: usize) -> f64 {
    let theta = (t / (freedom as f64).sqrt()).atan();
    let (sin, cos2) = (theta.sin(), theta.cos().powi(2));
    let odd = freedom % 2 == 1;
    // 1 + c (1/2) + c^2 (1 3)/(2 4) + .. for even freedom; cos (1 + c (2/3) + ..) for odd
    let terms = if odd { (freedom as isize - 3) / 2 } else { (freedom as isize - 2) / 2 };
    let (mut term, mut sum) = (1.0, 0.0);
    for i in 0..=terms {
        sum += term;
        let k = 2.0 * i as f64 + if odd { 2.0 } else { 1.0 };
        term *= cos2 * k / (k + 1.0);
    }
    if odd {
        let tail = if freedom == 1 { 0.0 } else { sin * cos2.sqrt() * sum };
        2.0 / std::f64::consts::PI * (theta + tail)
    } else {
        sin * sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        // Abramowitz and Stegun, table 26.10
        for (freedom, table) in
            [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (9, 2.262), (15, 2.131), (30, 2.042), (120, 1.980)]
        {
            assert!((student(freedom) - table).abs() < 6e-4, "{freedom}: {} for {table}", student(freedom));
        }
    }

    #[test]
    fn a_mean_says_how_certain_it_is() {
        let m = mean(&[1.0, 2.0, 3.0, 4.0]);
        // standard deviation sqrt(5/3), over sqrt(4)
        assert!((m.value - 2.5).abs() < 1e-15 && (m.half_width - 3.182 * (5.0f64 / 3.0).sqrt() / 2.0).abs() < 1e-3);
        assert!(mean(&[7.0]).half_width.is_nan());
    }
}
