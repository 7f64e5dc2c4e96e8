//! What is known of a distribution or of a file, in words and numbers.

use serde_json::json;

use super::Context;
use super::ui::grouped;
use crate::distribution::{Distribution, Form, Oracle, entropy, loss_floor};
use crate::error::Result;
use crate::io::{Column, Kind, Schema, Table};
use crate::metrics::box_dimension::box_dimension;
use crate::process::Process;
use crate::random::Purpose;

/// Draws behind an estimate that has no formula; fewer for laws of many atoms.
const DRAWS: usize = 20_000;
/// Atoms from which on there are fewer draws.
const MANY: usize = 2000;
/// Draws behind a box dimension of a law, and most rows of a file.
const BOXED: usize = 50_000;

/// Moments, entropy and floors of a law.
pub(super) fn law(context: &mut Context, law: &dyn Distribution, process: &Process) -> Result<()> {
    let (seed, ui) = (context.global.seed, &mut context.ui);
    ui.value("name", law.name());
    ui.value("dim", law.dim());
    ui.say(&format!("{}: a law in {} dimension{}", law.name(), law.dim(), if law.dim() == 1 { "" } else { "s" }))?;
    if let Some(modes) = law.mode_centres() {
        ui.value("modes", modes.weights.len());
        ui.say(&format!("modes          {}", modes.weights.len()))?;
    }
    let Some(oracle) = law.oracle() else { return ui.say("its density is not known exactly") };
    let sds: Vec<f64> = oracle.variances().iter().map(|v| v.sqrt()).collect();
    columns(context, &oracle.mean(), &sds, &[])?;
    let ui = &mut context.ui;
    let h = entropy(law, draws(oracle), seed)?;
    ui.value("entropy", json!(h));
    ui.say(&format!(
        "entropy        {} nats: no model has a smaller expected negative log likelihood",
        with_error(h.value, h.error)
    ))?;
    dimension(context, &law.draw(seed, Purpose::Metric, 0, BOXED), law.dim())?;
    floors(context, law, process)
}

/// Draws that an estimate of this law is worth.
fn draws(oracle: &dyn Oracle) -> usize {
    match oracle.form() {
        Form::Mixture(m) => (DRAWS / m.weights().len().div_ceil(MANY)).max(500),
        _ => DRAWS,
    }
}

/// The box-counting dimension of rows (n, D).
fn dimension(context: &mut Context, rows: &[f32], dim: usize) -> Result<()> {
    let Some(d) = box_dimension(rows, dim) else { return Ok(()) };
    context.ui.value("box_dimension", json!(d));
    context.ui.say(&format!(
        "box dimension  {:.3} +- {:.3} (slope over {} sides of boxes from {:.3} down to {:.3}; {} different points)",
        d.value,
        d.error,
        d.scales,
        d.sides.0,
        d.sides.1,
        grouped(d.points)
    ))
}

/// A value with its error, where it has one.
fn with_error(value: f64, error: f64) -> String {
    if error > 0.0 { format!("{value:.4} +- {}", Rounded(error)) } else { format!("{value:.4} (exact)") }
}

/// An error with two digits, however small.
struct Rounded(f64);

impl std::fmt::Display for Rounded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 >= 1e-4 { write!(f, "{:.4}", self.0) } else { write!(f, "{:.0e}", self.0) }
    }
}

fn floors(context: &mut Context, law: &dyn Distribution, process: &Process) -> Result<()> {
    let ui = &mut context.ui;
    let (t0, t_max) = (process.t0(), process.t_max());
    ui.say(&format!("floor of the noise loss ({} process): what the exact score would cost", process.name()))?;
    let mut list = Vec::new();
    for t in [t0, 0.01, 0.1, 0.5, 1.0, t_max].into_iter().filter(|t| (t0..=t_max).contains(t)) {
        let n = law.oracle().map_or(DRAWS, draws);
        let f = loss_floor(law, process.mean(t), process.sigma(t), n, 0)?;
        ui.say(&format!("    t = {t:<8} sigma {:.4}   {}", process.sigma(t), with_error(f.floor, f.floor_se)))?;
        list.push(json!({"t": t, "sigma": process.sigma(t), "floor": f.floor, "floor_se": f.floor_se}));
    }
    ui.value("floors", list);
    Ok(())
}

/// Mean and standard deviation of the first columns.
fn columns(context: &mut Context, mean: &[f64], sd: &[f64], names: &[String]) -> Result<()> {
    const SHOWN: usize = 8;
    let ui = &mut context.ui;
    ui.value("mean", mean.to_vec());
    ui.value("sd", sd.to_vec());
    for (i, (m, s)) in mean.iter().zip(sd).take(SHOWN).enumerate() {
        let name = names.get(i).cloned().unwrap_or_else(|| format!("x{}", i + 1));
        // a mean that is zero but for rounding says nothing else
        let m = if m.abs() < 1e-12 * s.abs() { 0.0 } else { *m };
        ui.say(&format!("    {name:12} mean {m:<12.5} sd {s:.5}"))?;
    }
    if mean.len() > SHOWN {
        ui.say(&format!("    and {} more columns", mean.len() - SHOWN))?;
    }
    Ok(())
}

/// Columns, kinds and moments of a file.
pub(super) fn table(context: &mut Context, source: &str, table: &Table) -> Result<()> {
    let ui = &mut context.ui;
    ui.value("name", source);
    ui.value("rows", table.rows);
    ui.value("dim", table.width);
    ui.value("sha256", table.sha256.clone());
    ui.value("schema", json!(table.schema));
    let encoded = if table.width > table.schema.columns.len() {
        format!(", {} numbers a row", table.width)
    } else {
        String::new()
    };
    ui.say(&format!("{source}: {} rows of {} columns{encoded}", grouped(table.rows), table.schema.columns.len()))?;
    for column in table.schema.columns.iter().take(24) {
        ui.say(&format!("    {:16} {}", column.name, kind_text(column)))?;
    }
    if table.schema.columns.len() > 24 {
        ui.say(&format!("    and {} more columns", table.schema.columns.len() - 24))?;
    }
    let (mean, sd) = moments(&table.values, table.width);
    ui.say("as the model will see them, before they are standardised:")?;
    columns(context, &mean, &sd, &table.schema.encoded_names())?;
    dimension(context, &table.values[..table.rows.min(BOXED) * table.width], table.width)?;
    override_hint(context, &table.schema)
}

fn kind_text(column: &Column) -> String {
    let positive = if column.range.not_negative { ", none below 0" } else { "" };
    match &column.kind {
        Kind::Number { .. } if !column.range.values.is_empty() => {
            let values: Vec<String> = column.range.values.iter().map(f32::to_string).collect();
            format!("one of {}; samples are the nearest of them", values.join(" "))
        }
        Kind::Number { decimals: Some(0) } => format!("whole numbers{positive}; samples are rounded to them"),
        Kind::Number { decimals: Some(n) } => {
            format!("numbers with {n} decimals{positive}; samples are rounded to them")
        }
        Kind::Number { decimals: None } => format!("numbers{positive}"),
        Kind::Category { levels } => {
            let shown: Vec<&str> = levels.iter().take(4).map(String::as_str).collect();
            let more = if levels.len() > 4 { ", ..." } else { "" };
            format!("{} categories ({}{more}), a column of 0 and 1 for each", levels.len(), shown.join(", "))
        }
    }
}

/// What to do where a column was taken for the wrong kind.
fn override_hint(context: &mut Context, schema: &Schema) -> Result<()> {
    let category = schema.columns.iter().any(|c| matches!(c.kind, Kind::Category { .. }));
    let text = if category {
        "A column is a category because a cell of it is no number: give numbers only to have it read as numbers."
    } else {
        "To have a column of numbers read as categories, put words in it (`c1`, `c2`, ... in place of 1, 2, ...)."
    };
    context.ui.say(text)
}

fn moments(rows: &[f32], dim: usize) -> (Vec<f64>, Vec<f64>) {
    let n = (rows.len() / dim.max(1)).max(1) as f64;
    let column = |d: usize| rows.iter().skip(d).step_by(dim).map(|v| f64::from(*v));
    let mean: Vec<f64> = (0..dim).map(|d| column(d).sum::<f64>() / n).collect();
    let sd = (0..dim).map(|d| (column(d).map(|v| (v - mean[d]).powi(2)).sum::<f64>() / n).sqrt()).collect();
    (mean, sd)
}
