//! Log-log slopes with intervals.

use serde::Serialize;

use crate::metrics::interval::student;

/// The slope of ln y over ln x by least squares.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Slope {
    /// The slope.
    pub value: f64,
    /// 95 % interval by Student's t of the residuals; infinite with fewer than three points.
    pub interval: (f64, f64),
    /// Points with positive x and y.
    pub points: usize,
}

/// The slope through the positive points; nothing with fewer than two.
pub fn slope(xs: &[f64], ys: &[f64]) -> Option<Slope> {
    let usable = xs.iter().zip(ys).filter(|(x, y)| **x > 0.0 && **y > 0.0 && y.is_finite());
    let logs: Vec<(f64, f64)> = usable.map(|(x, y)| (x.ln(), y.ln())).collect();
    let n = logs.len();
    let mean = |f: fn(&(f64, f64)) -> f64| logs.iter().map(f).sum::<f64>() / n as f64;
    let (mx, my) = (mean(|p| p.0), mean(|p| p.1));
    let sxx: f64 = logs.iter().map(|p| (p.0 - mx).powi(2)).sum();
    if n < 2 || sxx == 0.0 {
        return None;
    }
    let value = logs.iter().map(|p| (p.0 - mx) * (p.1 - my)).sum::<f64>() / sxx;
    let half = if n > 2 {
        let rest: f64 = logs.iter().map(|p| (p.1 - my - value * (p.0 - mx)).powi(2)).sum();
        student(n - 2) * (rest / (n - 2) as f64 / sxx).sqrt()
    } else {
        f64::INFINITY
    };
    Some(Slope { value, interval: (value - half, value + half), points: n })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_has_its_exponent_and_noise_an_interval() {
        let xs = [1.0, 2.0, 4.0, 8.0];
        let exact = slope(&xs, &xs.map(|x: f64| 3.0 * x.powf(-1.5))).unwrap();
        assert!((exact.value + 1.5).abs() < 1e-12 && exact.interval.1 - exact.interval.0 < 1e-9);
        let noisy = slope(&xs, &[1.0, 0.6, 0.2, 0.13]).unwrap();
        assert!(noisy.interval.0 < -1.0 && noisy.interval.1 > -1.0 && noisy.interval.1 < 0.0, "{noisy:?}");
        // residuals 1/6, -1/3, 1/6 about slope 1/2 in base 2: 12.706 of Student's t with one degree of freedom, by hand
        let by_hand = slope(&xs[..3], &[1.0, 1.0, 2.0]).unwrap();
        let half = 12.706 * (1.0f64 / 6.0 / 2.0).sqrt();
        assert!((by_hand.value - 0.5).abs() < 1e-12 && (by_hand.interval.1 - 0.5 - half).abs() < 1e-3, "{by_hand:?}");
        assert!(slope(&[1.0], &[1.0]).is_none() && slope(&xs, &[0.0; 4]).is_none());
    }
}
