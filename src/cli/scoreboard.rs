//! What an evaluation found, as tables to be taken in at a glance: columns, joint metrics, definitions, the verdict.

use serde_json::json;

use super::Context;
use crate::error::Result;
use crate::evaluate::Evaluation;
use crate::metrics::{METRICS, Measurement, grouped, short};

/// Columns that are printed; of more, the farthest from the data.
const MOST_COLUMNS: usize = 20;

/// Prints everything, the verdict last.
pub fn print(context: &mut Context, said: &Evaluation) -> Result<()> {
    columns(context, said)?;
    joint(context, &said.measurements)?;
    definitions(context, &said.measurements)?;
    said.notes.iter().for_each(|n| context.ui.note(n));
    context.ui.value("metrics", json!(said.measurements));
    context.ui.value("notes", json!(said.notes));
    let Some(verdict) = &said.verdict else { return Ok(()) };
    context.ui.value("verdict", json!(verdict));
    context.ui.say(&format!("verdict: {}", verdict.words))
}

/// `mean +- sd`, or nothing.
fn floor(m: &Measurement) -> String {
    m.floor.as_ref().map_or(String::new(), |f| format!("{} +- {}", short(f.mean), short(f.sd)))
}

/// What a value says by itself.
fn mark(m: &Measurement) -> &'static str {
    let judges = m.column.is_some() || METRICS.iter().any(|row| row.name == m.metric && row.distance);
    match m.at_floor().filter(|_| judges) {
        Some(true) => "like the data",
        Some(false) => "differs",
        None => "",
    }
}

fn value(m: &Measurement) -> String {
    if m.value.is_nan() { "undefined".into() } else { short(m.value) }
}

/// A line for each column of the table: its distances, their floors, and W1 in the column's own units.
fn columns(context: &mut Context, said: &Evaluation) -> Result<()> {
    let of = |name: &str| -> Vec<&Measurement> {
        said.measurements.iter().filter(|m| m.column.as_deref() == Some(name)).collect()
    };
    let mut all: Vec<_> = said.columns.iter().map(|c| (c, of(&c.name))).filter(|(_, own)| !own.is_empty()).collect();
    if all.is_empty() {
        return Ok(());
    }
    let count = all.len();
    if count > MOST_COLUMNS {
        let over = |own: &[&Measurement]| {
            let ratio = |m: &&Measurement| m.value / m.floor.as_ref().map_or(1.0, |f| f.limit().max(1e-12));
            own.iter().map(ratio).fold(0.0, f64::max)
        };
        all.sort_by(|a, b| over(&b.1).total_cmp(&over(&a.1)));
        all.truncate(MOST_COLUMNS);
    }
    let wide = all.iter().map(|(c, _)| c.name.chars().count()).max().unwrap_or(0).clamp(6, 24);
    let scaled = all.iter().any(|(c, _)| c.unit != 1.0);
    let unit = if scaled { " (sd)" } else { "" };
    let own = if scaled { "W1 (own units)" } else { "" };
    context.ui.say(&format!(
        "{:wide$}  {:>9}  {:>20}  {:>9}  {:>20}  {own:>14}",
        "column",
        format!("W1{unit}"),
        "floor",
        format!("W2{unit}"),
        "floor"
    ))?;
    for (column, own) in &all {
        let name: String = crate::error::printable(&column.name).chars().take(wide).collect();
        let first = own[0];
        let second = own.get(1).map_or_else(Default::default, |m| (value(m), floor(m)));
        let plain = if scaled && !column.words { short(first.value * column.unit) } else { String::new() };
        let first_value = if column.words { format!("TV {}", value(first)) } else { value(first) };
        let marks: Vec<&str> = own.iter().map(|m| mark(m)).collect();
        let mark = if marks.contains(&"differs") { "differs" } else { marks[0] };
        let line = format!(
            "{name:wide$}  {first_value:>9}  {:>20}  {:>9}  {:>20}  {plain:>14}  {mark}",
            floor(first),
            second.0,
            second.1
        );
        context.ui.say(line.trim_end())?;
    }
    if count > all.len() {
        context.ui.say(&format!("the {} farthest of {count} columns; --json has all", all.len()))?;
    }
    context.ui.say("")
}

/// A line for each number about all columns.
fn joint(context: &mut Context, measurements: &[Measurement]) -> Result<()> {
    let rows: Vec<&Measurement> = measurements.iter().filter(|m| m.column.is_none()).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let wide = rows.iter().map(|m| m.name.chars().count()).max().unwrap_or(0);
    context.ui.say(&format!("{:wide$}  {:>9}  {:>22}  {:>22}  {:>9}", "", "value", "95 % interval", "floor", "n"))?;
    for m in rows {
        let interval = m.interval.map_or(String::new(), |(low, high)| format!("[{}, {}]", short(low), short(high)));
        let line = format!(
            "{:wide$}  {:>9}  {interval:>22}  {:>22}  {:>9}  {}",
            m.name,
            value(m),
            floor(m),
            grouped(m.n),
            mark(m)
        );
        context.ui.say(line.trim_end())?;
    }
    context.ui.say("")
}

/// The sentence behind each number, once for each kind of number.
fn definitions(context: &mut Context, measurements: &[Measurement]) -> Result<()> {
    let mut told: Vec<String> = Vec::new();
    for m in measurements {
        // the errors at single times share the definition of their integral, which follows them
        if m.name.contains(" at t = ") {
            continue;
        }
        let name = match &m.column {
            Some(_) => m.name.split(' ').next().unwrap_or_default().to_string() + " of a column",
            None => m.name.clone(),
        };
        if told.contains(&name) {
            continue;
        }
        let floor = m.floor.as_ref().map_or(String::new(), |f| format!("; floor: {}", f.of));
        let parameters = if m.parameters.is_empty() { String::new() } else { format!(" ({})", m.parameters) };
        let note = m.note.as_ref().map_or(String::new(), |n| format!("; {n}"));
        context.ui.say(&format!("{name}{parameters}: {}{floor}{note}", m.definition))?;
        told.push(name);
    }
    Ok(())
}
