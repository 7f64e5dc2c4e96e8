//! What all distances say together, in words.

use serde::Serialize;

use crate::metrics::{METRICS, Measurement, grouped, short};

/// Whether samples can be told from the data, and by what.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// No joint distance, and no column, is above what one in forty true samples reaches.
    pub indistinguishable: bool,
    /// One sentence, with the size of the samples.
    pub words: String,
}

/// Fewer rows are told to be few.
const FEW: usize = 500;
/// Columns named in a verdict.
const NAMED: usize = 3;

/// The verdict over joint distances with floors of their own size, against what is called `of`; nothing without any.
pub(super) fn verdict(measurements: &[Measurement], of: &str) -> Option<Verdict> {
    let joint = |m: &&Measurement| METRICS.iter().any(|row| row.name == m.metric && row.distance);
    let judged: Vec<(&Measurement, bool)> =
        measurements.iter().filter(joint).filter_map(|m| Some((m, m.at_floor()?))).collect();
    let n = grouped(judged.iter().map(|(m, _)| m.n).max()?);
    let far: Vec<&Measurement> = judged.iter().filter(|(_, right)| !right).map(|(m, _)| *m).collect();
    let (columns, apart) = of_columns(measurements);
    let indistinguishable = far.is_empty() && !apart;
    let mut words = if far.is_empty() {
        let names: Vec<&str> = judged.iter().map(|(m, _)| m.name.as_str()).collect();
        let begins = if apart { "told by single columns only" } else { "indistinguishable" };
        format!("{begins} from {of} at n = {n}: {} no larger than between true samples", listed(&names))
    } else {
        let said = |m: &&Measurement| {
            let limit = m.floor.as_ref().map_or(f64::NAN, |f| f.limit());
            format!("{} {}, of true samples at most {}", m.name, short(m.value), short(limit))
        };
        let all: Vec<String> = far.iter().map(said).collect();
        format!("can be told from {of} at n = {n}: {}", all.join("; "))
    };
    words.push_str(&columns);
    let (first, _) = judged[0];
    if indistinguishable && first.n < FEW {
        let limit = first.floor.as_ref().map_or(f64::NAN, |f| f.limit());
        words.push_str(&format!(
            "; so few rows show gross errors only: of true samples {} reaches {}",
            first.name,
            short(limit)
        ));
    }
    Some(Verdict { indistinguishable, words })
}

/// How many columns are off by themselves, and which are the farthest; and whether any is.
fn of_columns(measurements: &[Measurement]) -> (String, bool) {
    let mut names: Vec<&str> = measurements.iter().filter_map(|m| m.column.as_deref()).collect();
    names.dedup();
    if names.is_empty() {
        return (String::new(), false);
    }
    let excess = |m: &Measurement| m.value - m.floor.as_ref().map_or(0.0, |f| f.limit());
    let mut far: Vec<(f64, &str)> = Vec::new();
    for m in measurements.iter().filter(|m| m.at_floor() == Some(false)) {
        let Some(name) = m.column.as_deref() else { continue };
        match far.iter_mut().find(|(_, other)| *other == name) {
            Some(entry) => entry.0 = entry.0.max(excess(m)),
            None => far.push((excess(m), name)),
        }
    }
    if far.is_empty() {
        return (format!("; column by column too, all {}", names.len()), false);
    }
    far.sort_by(|a, b| b.0.total_cmp(&a.0));
    let farthest: Vec<&str> = far.iter().take(NAMED).map(|(_, name)| *name).collect();
    let rest = if far.len() > NAMED { ", .." } else { "" };
    (format!("; {} of {} columns differ by themselves: {}{rest}", far.len(), names.len(), farthest.join(", ")), true)
}

/// `a is`, `a and b are`, `a, b and c are`.
fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("{one} is"),
        [most @ .., last] => format!("{} and {last} are", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Floor;

    fn measured(metric: &'static str, name: &str, value: f64, column: Option<&str>) -> Measurement {
        let floor = Floor { mean: 1.0, sd: 0.1, repeats: 0, of: "real against real".into(), smaller: false };
        Measurement {
            metric,
            column: column.map(str::to_string),
            floor: Some(floor),
            ..Measurement::new(name, "", value, 1000)
        }
    }

    #[test]
    fn samples_are_told_by_what_is_above_its_floor() {
        let right = [measured("sliced-w2", "sliced W2", 1.1, None), measured("energy", "energy distance", 0.9, None)];
        let said = verdict(&right, "held-out rows").unwrap();
        assert!(said.indistinguishable);
        assert_eq!(
            said.words,
            "indistinguishable from held-out rows at n = 1 000: sliced W2 and energy distance are no larger than between \
             true samples"
        );
        let one = [&right[..], &[measured("columns", "W1 of age", 1.5, Some("age"))]].concat();
        let said = verdict(&one, "b.csv").unwrap();
        assert!(!said.indistinguishable && said.words.starts_with("told by single columns only"), "{}", said.words);
        let mut few = right.clone();
        few.iter_mut().for_each(|m| m.n = 39);
        assert!(
            verdict(&few, "b.csv").unwrap().words.contains("gross errors only: of true samples sliced W2 reaches 1.20")
        );
        let wrong = [
            measured("sliced-w2", "sliced W2", 2.0, None),
            measured("memorisation", "memorised share", 9.0, None),
            measured("columns", "W1 of age", 1.5, Some("age")),
            measured("columns", "W2 of age", 1.6, Some("age")),
            measured("columns", "W1 of height", 1.0, Some("height")),
        ];
        let said = verdict(&wrong, "b.csv").unwrap();
        assert!(!said.indistinguishable);
        assert_eq!(
            said.words,
            "can be told from b.csv at n = 1 000: sliced W2 2.00, of true samples at most 1.20; 1 of 2 columns differ by \
             themselves: age"
        );
    }

    #[test]
    fn there_is_no_verdict_without_floors_of_the_same_size() {
        assert!(verdict(&[measured("memorisation", "memorised share", 0.1, None)], "x").is_none());
        let mut small = measured("sliced-w2", "sliced W2", 0.5, None);
        small.floor.as_mut().unwrap().smaller = true;
        assert!(verdict(&[small], "x").is_none());
    }
}
