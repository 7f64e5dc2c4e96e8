//! From points to a verdict: slopes and checks against claims.

use serde::Serialize;

use super::{Measured, Points, Preset, Slope, slope};

/// A curve with its slope and what was claimed.
#[derive(Debug, Serialize)]
pub struct Fitted {
    /// Name of the sweep.
    pub sweep: &'static str,
    /// Name of the curve.
    pub curve: &'static str,
    /// The key that varies.
    pub key: &'static str,
    /// The slope; nothing with fewer than two points.
    pub slope: Option<Slope>,
    /// What is claimed of it.
    pub claim: Option<(f64, f64)>,
    /// Whether it is so; nothing where nothing is claimed or there is no slope.
    pub holds: Option<bool>,
}

/// A check with its number.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// What it is.
    pub what: &'static str,
    /// The number; nothing where points are missing.
    pub value: Option<f64>,
    /// What is claimed of it.
    pub allowed: Option<(f64, f64)>,
    /// Whether it is so; nothing where nothing is claimed or known.
    pub holds: Option<bool>,
}

/// All of a study against its claims.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// Every curve.
    pub slopes: Vec<Fitted>,
    /// Every check.
    pub checks: Vec<Checked>,
    /// One sentence.
    pub verdict: String,
}

/// Fits every curve, makes every check, and says whether the claims hold.
pub fn judge(preset: &Preset, points: &[Measured]) -> Verdict {
    let all = Points(points);
    let mut slopes = Vec::new();
    for sweep in preset.sweeps {
        for curve in sweep.curves {
            let (xs, ys): (Vec<f64>, Vec<f64>) = all.curve(sweep.name, curve.name).into_iter().unzip();
            let slope = slope(&xs, &ys);
            let holds = curve.claim.zip(slope).map(|((a, b), s)| (a..=b).contains(&s.value));
            let (name, claim) = (curve.name, curve.claim);
            slopes.push(Fitted { sweep: sweep.name, curve: name, key: sweep.key, slope, claim, holds });
        }
    }
    let checked = |c: &super::Check| {
        let value = (c.measure)(&all);
        let holds = c.allowed.zip(value).map(|((a, b), v)| (a..=b).contains(&v));
        Checked { what: c.what, value, allowed: c.allowed, holds }
    };
    let checks: Vec<Checked> = preset.checks.iter().map(checked).collect();
    let holds = slopes.iter().filter_map(|f| f.holds).chain(checks.iter().filter_map(|c| c.holds));
    let (held, claims) = holds.fold((0, 0), |(held, all), h| (held + usize::from(h), all + 1));
    let unknown = checks.iter().filter(|c| c.allowed.is_some() && c.value.is_none()).count()
        + slopes.iter().filter(|f| f.claim.is_some() && f.slope.is_none()).count();
    let rest = if unknown > 0 { format!("; {unknown} could not be measured") } else { String::new() };
    let verdict = match (held, claims) {
        (_, 0) if unknown > 0 => {
            format!("undecided: {unknown} claimed numbers could not be measured from these points")
        }
        (_, 0) => "nothing is claimed of these points: they are a report".into(),
        _ if held == claims => format!("holds: {held} of {claims} numbers lie where the claim says{rest}"),
        _ => format!("does not hold here: {held} of {claims} numbers lie where the claim says{rest}"),
    };
    Verdict { slopes, checks, verdict }
}

/// A claim in words.
pub fn words(claim: (f64, f64)) -> String {
    match claim {
        (low, f64::INFINITY) => format!("at least {low}"),
        (f64::NEG_INFINITY, high) => format!("at most {high}"),
        (low, high) => format!("{low} to {high}"),
    }
}

/// The points as a table.
pub fn csv(points: &[Measured]) -> String {
    let quoted = |s: &str| format!("\"{}\"", s.replace('"', "\"\""));
    // an empty field where there is no value
    let number = |v: f64| if v.is_finite() { v.to_string() } else { String::new() };
    let line = |p: &Measured| {
        let o = p.outcome;
        let words = [quoted(&p.sweep), quoted(&p.curve)].join(",");
        let (value, half) = (number(o.value), number(o.half_width));
        format!("{words},{},{value},{half},{},{},{:.3}\n", p.x, o.n, p.seed, p.seconds)
    };
    let head = "sweep,curve,x,value,half_width_95,n,seed,seconds\n".to_string();
    head + &points.iter().map(line).collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::{Check, Curve, Outcome, Sweep};

    const PRESET: Preset = Preset {
        name: "p",
        doc: "",
        source: "",
        sweeps: &[Sweep {
            name: "s",
            key: "n",
            quantity: "",
            quick: &[],
            full: &[],
            curves: &[Curve { name: "N(3, 1)", at: |_, x| Ok(Outcome::exact(x)), claim: Some((0.9, 1.1)) }],
        }],
        checks: &[
            Check { what: "the last", measure: |p| p.last("s", "N(3, 1)"), allowed: Some((f64::NEG_INFINITY, 3.0)) },
            Check { what: "missing", measure: |p| p.at("s", "N(3, 1)", 77.0), allowed: Some((0.0, 1.0)) },
            Check { what: "reported", measure: |p| p.last("s", "N(3, 1)"), allowed: None },
        ],
    };

    #[test]
    fn slopes_and_checks_count_and_what_is_missing_is_said() {
        let point = |x: f64, value: f64| {
            let outcome = Outcome { value, half_width: 0.0, n: 0 };
            Measured {
                sweep: "s".into(),
                curve: "N(3, 1)".into(),
                x,
                seed: 1,
                quick: true,
                outcome,
                seconds: 0.5,
                device: None,
            }
        };
        let good = judge(&PRESET, &[point(1.0, 1.0), point(2.0, 2.0)]);
        assert!(good.verdict.starts_with("holds: 2 of 2") && good.verdict.contains("1 could not"), "{}", good.verdict);
        let bad = [point(1.0, 1.0), point(2.0, 4.0), point(3.0, f64::NAN)];
        let said = judge(&PRESET, &bad);
        assert!(said.verdict.starts_with("does not hold here: 0 of 1"), "{}", said.verdict);
        assert_eq!((said.slopes[0].holds, said.checks[2].holds), (Some(false), None));
        // one point has no slope: nothing is refuted by it
        let one = judge(&PRESET, &bad[..1]);
        assert!(one.slopes[0].holds.is_none() && one.verdict.contains("2 could not"), "{}", one.verdict);
        let text = csv(&bad);
        assert!(text.ends_with("\"s\",\"N(3, 1)\",3,,0,0,1,0.500\n"), "{text}");
        assert_eq!(words((f64::NEG_INFINITY, 3.0)) + ", " + &words((1.0, f64::INFINITY)), "at most 3, at least 1");
    }
}
