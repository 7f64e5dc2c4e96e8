//! `devices` and `doctor`: what there is, and whether it computes right.

use serde_json::json;

use super::Context;
use crate::doctor::{SHAPES, all_activations, examine};
use crate::error::{Error, Problem, Result};
use crate::gpu::{AdapterLine, Use, adapters};
use crate::selection::Cache;

/// List the graphics devices with their limits
#[derive(clap::Args)]
pub struct DevicesArgs {}

/// Check every kernel against its f64 twin on this device
#[derive(clap::Args)]
pub struct DoctorArgs {
    /// Fewer shapes
    #[arg(long)]
    quick: bool,
}

/// Lists the adapters.
pub fn devices(context: &mut Context, _: &DevicesArgs) -> Result<()> {
    let lines: Vec<AdapterLine> = adapters().iter().map(AdapterLine::of).collect();
    if lines.is_empty() {
        context.engine()?;
    }
    let mut list = Vec::new();
    for (i, l) in lines.iter().enumerate() {
        let kernels = kernels(context, l)?;
        let subgroup = match l.subgroup {
            (0, 0) => "no subgroups".into(),
            (a, b) if a == b => format!("subgroups of {a}"),
            (a, b) => format!("subgroups of {a} to {b}"),
        };
        context.ui.say(&format!("{i}: {l}"))?;
        context.ui.say(&format!(
            "   tensors up to {} MiB, buffers up to {} MiB, {} KiB of workgroup memory, {subgroup}",
            l.max_binding >> 20,
            l.max_buffer >> 20,
            l.workgroup_bytes >> 10
        ))?;
        context.ui.say(&format!("   kernels: {kernels}"))?;
        list.push(json!({
            "kernels": kernels, "index": i, "name": l.name, "backend": l.backend, "kind": l.kind, "driver": l.driver, "max_binding": l.max_binding,
            "max_buffer": l.max_buffer, "workgroup_bytes": l.workgroup_bytes, "subgroup_min": l.subgroup.0, "subgroup_max": l.subgroup.1,
        }));
    }
    context.ui.value("devices", list);
    Ok(())
}

/// What kernels a device would be used with, and why.
fn kernels(context: &Context, line: &AdapterLine) -> Result<String> {
    if let Some(family) = &context.global.family {
        return Ok(format!("{} (--family)", Use::of_family(family)?));
    }
    if line.is_software() {
        return Ok(format!("{} (known to be the fastest on software devices)", line.uses()));
    }
    let (verdict, note) = Cache::default().look(line);
    note.iter().for_each(|n| context.ui.note(n));
    Ok(verdict.map_or_else(|| "measured at first use".into(), |v| v.explain()))
}

/// Runs the self-test.
pub fn doctor(context: &mut Context, args: &DoctorArgs) -> Result<()> {
    let mut engine = context.engine()?;
    context.ui.say(&format!("device: {}", engine.describe()))?;
    context.ui.value("device", engine.describe());
    let shapes = if args.quick { &SHAPES[..2] } else { SHAPES };
    let findings = examine(engine.as_mut(), shapes, &all_activations())?;
    context.ui.say(&format!(
        "{:44} {:>8} {:>9}  worst error, relative to the tensor's greatest number",
        "kernel", "launches", "numbers"
    ))?;
    let mut list = Vec::new();
    for f in &findings {
        let verdict = if f.passed() { "ok" } else { "WRONG" };
        context.ui.say(&format!(
            "{:44} {:>8} {:>9}  {:8.1e} {verdict}  ({})",
            f.kernel, f.launches, f.numbers, f.worst, f.place
        ))?;
        list.push(json!({
            "kernel": f.kernel, "launches": f.launches, "numbers": f.numbers, "worst": f.worst, "tolerance": f.tolerance,
            "passed": f.passed(), "place": f.place,
        }));
    }
    context.ui.value("kernels", list);
    let wrong: Vec<&str> = findings.iter().filter(|f| !f.passed()).map(|f| f.kernel.as_str()).collect();
    if wrong.is_empty() {
        return context.ui.say(&format!("all {} kernels agree with their f64 twins", findings.len()));
    }
    context.ui.finish()?;
    Err(Error::check(
        Problem::new("kernels are wrong on this device")
            .at(engine.describe())
            .found(wrong.join(", "))
            .hint("please report this with the lines above; results of this device cannot be trusted"),
    ))
}
