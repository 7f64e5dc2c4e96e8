//! What is held against a claim beside slopes: numbers made of several points.

use serde::{Deserialize, Serialize};

use super::Outcome;

/// A point that was measured, with all it depends on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Name of the sweep.
    pub sweep: String,
    /// Name of the curve.
    pub curve: String,
    /// Value of the key.
    pub x: f64,
    /// Seed.
    pub seed: u64,
    /// Whether it is of the short form.
    pub quick: bool,
    /// What was found.
    pub outcome: Outcome,
    /// How long it took, seconds, on whatever device.
    #[serde(default)]
    pub seconds: f64,
    /// The device that was open then; nothing for what was computed on the host.
    #[serde(default)]
    pub device: Option<String>,
}

/// All points of a study, as a check sees them.
pub struct Points<'a>(pub &'a [Measured]);

impl Points<'_> {
    /// (x, value) of a curve, in the order of the sweep.
    pub fn curve(&self, sweep: &str, curve: &str) -> Vec<(f64, f64)> {
        let here = self.0.iter().filter(|p| p.sweep == sweep && p.curve == curve);
        here.map(|p| (p.x, p.outcome.value)).collect()
    }

    /// The value of a curve at x; nothing where it was not measured.
    pub fn at(&self, sweep: &str, curve: &str, x: f64) -> Option<f64> {
        self.curve(sweep, curve).into_iter().find(|p| p.0 == x).map(|p| p.1).filter(|v| v.is_finite())
    }

    /// The median of the values of a curve with x in [from, to]; nothing where there are none.
    pub fn median(&self, sweep: &str, curve: &str, from: f64, to: f64) -> Option<f64> {
        let curve = self.curve(sweep, curve).into_iter();
        let values: Vec<f64> = curve.filter(|p| (from..=to).contains(&p.0)).map(|p| p.1).collect();
        Some(Outcome::median(&values).value).filter(|v| v.is_finite())
    }

    /// The value of a curve at its largest x.
    pub fn last(&self, sweep: &str, curve: &str) -> Option<f64> {
        let last = self.curve(sweep, curve).into_iter().max_by(|a, b| a.0.total_cmp(&b.0));
        last.map(|p| p.1).filter(|v| v.is_finite())
    }

    /// The least ratio of a value of a curve to the one before it; nothing with fewer than two.
    pub fn least_growth(&self, sweep: &str, curve: &str) -> Option<f64> {
        let values = self.curve(sweep, curve);
        let ratios = values.windows(2).map(|p| p[1].1 / p[0].1);
        ratios.reduce(f64::min).filter(|v| v.is_finite())
    }
}

/// A number made of several points, with what the claim allows.
pub struct Check {
    /// What it is, with its unit.
    pub what: &'static str,
    /// The number; nothing where `--vary` left out what it is made of.
    pub measure: fn(&Points) -> Option<f64>,
    /// What is claimed of it, inclusive; nothing where it is only reported.
    pub allowed: Option<(f64, f64)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_made_of_the_points_asked_for() {
        let point = |x: f64, value: f64| {
            let outcome = Outcome { value, half_width: 0.0, n: 1 };
            Measured {
                sweep: "s".into(),
                curve: "c".into(),
                x,
                seed: 0,
                quick: true,
                outcome,
                seconds: 0.0,
                device: None,
            }
        };
        let all = [point(1.0, 2.0), point(2.0, 8.0), point(4.0, 4.0), point(8.0, 6.0)];
        let points = Points(&all);
        assert_eq!(points.median("s", "c", 1.0, 4.0), Some(4.0));
        assert_eq!((points.at("s", "c", 2.0), points.last("s", "c")), (Some(8.0), Some(6.0)));
        assert_eq!(points.least_growth("s", "c"), Some(0.5));
        assert_eq!((points.at("s", "d", 2.0), points.median("s", "c", 9.0, 10.0)), (None, None));
    }
}
