//! `bench`: what the device can do, and what this program makes of it.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Context, first_step};
use crate::bench::run::{self, Outcome};
use crate::bench::workload::QUICK;
use crate::bench::{CEILINGS, Cell, Clock, Kind, Spread, cells, exact};
use crate::error::{Error, Problem, Result};
use crate::gpu::{AdapterLine, Gpu};
use crate::recording::Engine;

/// Measure this device and the standard workload on it
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  scorefield bench --quick                           three cells: a training, a larger one, a sampling
  scorefield bench --only train,D=2                  the trainings in the plane
  scorefield bench --list                            the cells, without measuring
  scorefield bench --profile                         the time of each kernel in a training step
  scorefield bench --profile --only sample,3x128,D=2 the same of a reverse step
  scorefield bench --quick --jsonl rows.jsonl        a row a cell, to be compared with those of another day")]
pub struct Args {
    /// Three cells of the workload only
    #[arg(long)]
    quick: bool,
    /// Only cells with all these words, with commas between: train, sample, D=64, 3x128, relu, B=4096
    #[arg(long, default_value = "")]
    only: String,
    /// Timed windows a cell
    #[arg(long, default_value_t = 5)]
    repeats: usize,
    /// Seconds in a window
    #[arg(long, default_value_t = 0.7)]
    window: f64,
    /// Append a row a cell to this file, one JSON object a line
    #[arg(long)]
    jsonl: Option<PathBuf>,
    /// The time of each kernel in a step instead (of one training, if neither --quick nor --only is given)
    #[arg(long)]
    profile: bool,
    /// Name the cells instead of measuring them
    #[arg(long)]
    list: bool,
    /// Take one training step of the first cell, say so and end: what a child process does
    #[arg(long, hide = true)]
    first_step: bool,
}

impl Args {
    /// The cells that are asked for.
    fn cells(&self) -> Result<Vec<Cell>> {
        let all = if self.quick { QUICK.to_vec() } else { cells() };
        let chosen: Vec<Cell> = all.into_iter().filter(|c| c.matches(&self.only)).collect();
        if chosen.is_empty() {
            return Err(Error::usage(
                Problem::new("no cell of the workload has all these words")
                    .at("--only")
                    .found(format!("`{}`", self.only))
                    .expected(format!("words such as those of `{}`", QUICK[1].label())),
            ));
        }
        Ok(chosen)
    }

    fn clock(&self) -> Result<Clock> {
        let refuse = |flag: &str, found: String, expected: &str| {
            Err(Error::usage(Problem::new("a number is out of range").at(flag).found(found).expected(expected)))
        };
        if !(1..=1000).contains(&self.repeats) {
            return refuse("--repeats", self.repeats.to_string(), "1 to 1000");
        }
        if !(self.window >= 0.01 && self.window <= 600.0) {
            return refuse("--window", self.window.to_string(), "0.01 to 600 seconds");
        }
        Ok(Clock { repeats: self.repeats, window: self.window })
    }
}

/// Runs the command.
pub fn run(context: &mut Context, args: &Args) -> Result<()> {
    let (chosen, clock) = (args.cells()?, args.clock()?);
    if args.list {
        chosen.iter().try_for_each(|c| context.ui.say(&c.label()))?;
        context.ui.value(
            "cells",
            chosen.iter().map(|c| extended(name(c), json!({ "label": c.label() }))).collect::<Vec<_>>(),
        );
        return Ok(());
    }
    let mut file = args.jsonl.as_deref().map(open).transpose()?;
    if context.global.device.as_deref() == Some("reference") {
        return Err(Error::usage(
            Problem::new("`bench` times devices, and the reference is none").at("--device").found("reference"),
        ));
    }
    let mut gpu = context.gpu()?;
    let seed = context.global.seed;
    if args.first_step {
        run::first_step(&mut gpu, &chosen[0], seed)?;
        return context.ui.say("done");
    }
    context.ui.say(&format!("device: {}", gpu.describe()))?;
    context.ui.value("device", device(gpu.adapter(), &gpu.uses().to_string()));
    if args.profile {
        let one = !args.quick && args.only.is_empty();
        let cells = if one { vec![QUICK[1]] } else { chosen };
        return cells.iter().try_for_each(|cell| profile(context, &mut gpu, cell, &clock));
    }
    let ceiling = ceilings(context, &mut gpu, &clock)?;
    workload(context, &mut gpu, &chosen, &clock, ceiling, &mut file)?;
    if args.only.is_empty() {
        exact(context, &mut gpu, &clock, ceiling)?;
    }
    // children would share the device's memory with this process
    drop(gpu);
    first_step::measure(context, clock.repeats.min(3))
}

fn open(path: &Path) -> Result<(PathBuf, File)> {
    let file = File::options().create(true).append(true).open(path);
    let fault = |e| Error::write(Problem::new(format!("rows cannot be appended: {e}")).at(path.display()));
    Ok((path.to_path_buf(), file.map_err(fault)?))
}

/// What every row says of the device.
fn device(line: &AdapterLine, family: &str) -> Value {
    json!({
        "adapter": line.name, "backend": line.backend, "device_kind": line.kind, "driver": line.driver, "family": family,
        "version": env!("CARGO_PKG_VERSION"),
    })
}

pub(super) fn spread(s: &Spread) -> Value {
    json!({ "median": s.median, "min": s.min, "max": s.max, "repeats": s.count })
}

/// Four digits, however large or small.
fn short(v: f64) -> String {
    let digits = if v > 0.0 && v.is_finite() { (3.0 - v.log10().floor()).clamp(0.0, 6.0) } else { 0.0 };
    format!("{v:.*}", digits as usize)
}

/// `median [min, max]`
pub(super) fn range(s: &Spread) -> String {
    format!("{:>9} [{}, {}]", short(s.median), short(s.min), short(s.max))
}

/// Measures every ceiling and gives the first, in operations a second.
fn ceilings(context: &mut Context, gpu: &mut Gpu, clock: &Clock) -> Result<f64> {
    let software = gpu.adapter().is_software();
    let mut list = Vec::new();
    let mut first = f64::NAN;
    context.ui.say("ceilings of the device, median of windows [least, greatest]")?;
    for (i, row) in CEILINGS.iter().enumerate() {
        let value = (row.measure)(gpu, clock, software)?;
        if i == 0 {
            first = value.median;
        }
        context.ui.say(&format!("    {:13} {:33} {:8} {}", row.name, range(&value), row.unit, row.doc))?;
        list.push(extended(json!({ "name": row.name, "unit": row.unit }), spread(&value)));
    }
    context.ui.value("ceilings", list);
    Ok(first)
}

/// An object with the members of another added.
fn extended(mut object: Value, more: Value) -> Value {
    if let (Value::Object(a), Value::Object(b)) = (&mut object, more) {
        a.extend(b);
    }
    object
}

/// What a cell is, as all programs that are compared name it.
fn name(c: &Cell) -> Value {
    json!({
        "kind": c.kind.name(), "D": c.dim, "L": c.layers, "W": c.width, "act": c.activation, "B": c.batch,
        "params": c.params(),
    })
}

fn workload(
    context: &mut Context,
    gpu: &mut Gpu,
    chosen: &[Cell],
    clock: &Clock,
    ceiling: f64,
    file: &mut Option<(PathBuf, File)>,
) -> Result<()> {
    let mut progress = context.ui.progress("bench", chosen.len() as u64);
    let mut rows = Vec::new();
    context.ui.say("workload, median of windows [least, greatest]; a step moves the whole batch")?;
    for (i, cell) in chosen.iter().enumerate() {
        progress.at(i as u64, &cell.label());
        let outcome = run::time(gpu, cell, clock, context.global.seed)?;
        let row = row(&outcome, ceiling, gpu, context.global.family.as_deref());
        if let Some((path, file)) = file {
            let fault = |e| Error::write(Problem::new(format!("a row cannot be appended: {e}")).at(path.display()));
            writeln!(file, "{row}").and_then(|()| file.flush()).map_err(fault)?;
        }
        context.ui.say(&line(&outcome, ceiling))?;
        rows.push(row);
    }
    context.ui.value("rows", rows);
    context.ui.say(
        "    FLOPs are 6 (training) or 2 (sampling) a parameter and row; the share is of multiply-add above; memory is that of\n    \
         the tensors; cores are busy ones of this process, * where others kept more than 0.2 busy and the row may be low",
    )
}

/// The score of a law of many atoms.
fn exact(context: &mut Context, gpu: &mut Gpu, clock: &Clock, ceiling: f64) -> Result<()> {
    let pairs = (exact::ATOMS * exact::POINTS) as f64;
    context.ui.say(&format!(
        "exact score of {} atoms at {} points, D={}; {} operations a pair of them, whether it is met or passed over",
        exact::ATOMS,
        exact::POINTS,
        exact::DIM,
        exact::OPERATIONS
    ))?;
    let mut rows = Vec::new();
    for (row, timing) in exact::TIMES.iter().zip(exact::time(gpu, clock, context.global.seed)?) {
        let rate = timing.rate.median * pairs * exact::OPERATIONS * 1e-9;
        let seconds = timing.rate.map(|r| 1.0 / r);
        context.ui.say(&format!(
            "    {:34} {:44} {:>7} GFLOP/s {:4.0} %",
            row.name,
            format!("{} s", range(&seconds)),
            short(rate),
            100.0 * rate / ceiling
        ))?;
        let said = json!({ "name": row.name, "time": row.time, "gflops": rate, "share": rate / ceiling });
        rows.push(extended(said, spread(&seconds)));
    }
    context.ui.value("exact_scores", rows);
    Ok(())
}

/// A line of the table.
fn line(o: &Outcome, ceiling: f64) -> String {
    let rate = match o.cell.kind {
        Kind::Train => format!("{} steps/s", range(&o.timing.rate)),
        Kind::Sample => format!("{} M samples steps/s", range(&o.timing.rate.map(|r| r * o.cell.batch as f64 * 1e-6))),
    };
    let cores = o
        .timing
        .usage
        .map_or(String::new(), |u| format!("  {:.1} cores{}", u.own, if u.others > 0.2 { "*" } else { "" }));
    format!(
        "    {:34} {rate:44} {:>7} GFLOP/s {:4.0} %{cores}  {} launches, {} MiB, first {:.2} s",
        o.cell.label(),
        short(o.gflops()),
        100.0 * o.gflops() / ceiling,
        o.launches,
        short(o.held.tensors as f64 / 1_048_576.0),
        o.timing.first,
    )
}

/// A row as programs are compared by; `forced` is a family that was asked for.
fn row(o: &Outcome, ceiling: f64, gpu: &Gpu, forced: Option<&str>) -> Value {
    let rows_per_second = o.timing.rate.median * o.cell.batch as f64;
    let rows = match o.cell.kind {
        Kind::Train => json!({ "samples_per_s": rows_per_second }),
        Kind::Sample => json!({ "samplesteps_per_s": rows_per_second }),
    };
    let more = json!({
        "gflops": o.gflops(), "share": o.gflops() / ceiling, "ceiling_gflops": ceiling, "launches": o.launches,
        "tensor_bytes": o.held.tensors, "reserved_bytes": o.held.reserved, "first_call_s": o.timing.first,
        "wall_s": o.timing.wall, "cpu_used": o.timing.usage.map(|u| u.own), "cpu_others": o.timing.usage.map(|u| u.others),
        "loss": o.loss,
    });
    let parts =
        [name(&o.cell), spread(&o.timing.rate), rows, more, device(gpu.adapter(), gpu.uses().family(o.kernels))];
    // one column of a table for all cells, whatever ran each
    let head = json!({ "peer": "scorefield", "variant": forced.unwrap_or("chosen") });
    parts.into_iter().fold(head, extended)
}

/// Kernel times of a step.
fn profile(context: &mut Context, gpu: &mut Gpu, cell: &Cell, clock: &Clock) -> Result<()> {
    let kernels = run::profile(gpu, cell, context.global.seed, clock.repeats)?;
    let total: f64 = kernels.iter().map(|k| k.seconds).sum();
    context.ui.say(&format!("{}: kernels of a step, each the least of {} steps", cell.label(), clock.repeats))?;
    let mut list = Vec::new();
    for k in &kernels {
        let share = 100.0 * k.seconds / total;
        context.ui.say(&format!(
            "    {:40} {:3} launches {:>9} us {share:5.1} %",
            k.kernel,
            k.launches,
            short(1e6 * k.seconds)
        ))?;
        list.push(json!({ "kernel": k.kernel, "launches": k.launches, "seconds": k.seconds }));
    }
    let rate = cell.flops() * 1e-9 / total;
    context.ui.say(&format!("    sum {} us, {} GFLOP/s between launches", short(1e6 * total), short(rate)))?;
    context.ui.value(&cell.label(), json!({ "kernels": list, "seconds": total, "gflops": rate }));
    Ok(())
}
