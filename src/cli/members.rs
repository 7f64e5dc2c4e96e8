//! `eval` of an ensemble: its members one by one, then together.

use std::path::PathBuf;

use serde_json::json;

use super::eval::{Args, log, model};
use super::signals::Signals;
use super::{Context, ladder};
use crate::error::{Error, Problem, Result};
use crate::evaluate::Evaluation;
use crate::metrics::interval::mean;
use crate::metrics::{Measurement, short};

/// Every member of an ensemble by itself, then each metric's mean over them.
pub(super) fn ensemble(
    context: &mut Context,
    args: &Args,
    members: &[(u64, PathBuf)],
    signals: &Signals,
) -> Result<()> {
    if ladder::steps(context, &args.sampler)?.len() > 1 {
        let problem = Problem::new("the members of an ensemble are compared at one number of steps").at("--steps");
        return Err(Error::usage(problem.hint("name one of its members for several")));
    }
    let mut all: Vec<(u64, Evaluation)> = Vec::new();
    for (seed, path) in members {
        let name = path.display().to_string();
        let Some(mut judged) = model(context, args, Some(&name), signals)? else { continue };
        log(context, args, &mut judged.found, judged.n, &judged.said);
        all.push((*seed, judged.said));
    }
    let Some((_, first)) = all.first() else { return Ok(()) };
    let (mut rows, count) = (Vec::new(), all.len());
    for m in &first.measurements {
        let found = |(_, e): &(u64, Evaluation)| e.measurements.iter().find(|o| o.name == m.name).cloned();
        let same: Vec<Measurement> = all.iter().filter_map(found).collect();
        let over = mean(&same.iter().map(|o| o.value).collect::<Vec<_>>());
        let floors: Vec<f64> = same.iter().filter_map(|o| o.floor.as_ref().map(|f| f.mean)).collect();
        let floor = (!floors.is_empty()).then(|| mean(&floors).value);
        let half = if over.half_width.is_nan() { String::new() } else { format!(" +- {}", short(over.half_width)) };
        let of_floor = floor.map_or(String::new(), |f| format!("  floor {} (mean of the members')", short(f)));
        let value = format!("{}  {}{half}{of_floor}  ({} seeds, n = {} each)", m.name, short(over.value), over.n, m.n);
        // a table of columns by columns for each member would hide the rest
        if m.column.is_none() {
            context.ui.say(&value)?;
        }
        rows.push(json!({"name": m.name, "definition": m.definition, "mean": over.value, "half_width": over.half_width,
                         "seeds": over.n, "n": m.n, "floor": floor, "values": same.iter().map(|o| o.value).collect::<Vec<_>>()}));
    }
    context.ui.say(&format!(
        "    mean over {count} members with its 95 % interval by Student's t; definitions as for one run (--json has them)"
    ))?;
    first.notes.iter().for_each(|n| context.ui.note(n));
    let members = all.iter().map(|(seed, e)| json!({"seed": seed, "metrics": e.measurements}));
    context.ui.value("members", members.collect::<Vec<_>>());
    context.ui.value("metrics", rows);
    Ok(())
}
