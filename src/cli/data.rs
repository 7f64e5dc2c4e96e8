//! `data`: what distributions there are, and what is known of one or of a file.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::picture::LookArgs;
use super::ui::grouped;
use super::{Context, picture};
use crate::config;
use crate::distribution::{DATASETS, Distribution, Oracle, entropy, loss_floor};
use crate::error::{Error, Problem, Result};
use crate::io::{Kind, PointWriter, ReadOptions, Schema, Table, check_writable, read_table};
use crate::pictures::{self, Subject};
use crate::process::Process;
use crate::random::Purpose;
use crate::train::ProcessOptions;

/// Look at a distribution or a data file; write samples, exact scores and densities
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub struct Args {
    /// Named distribution, or a file: CSV, TSV, NPY, NPZ, PNG; nothing lists the names
    source: Option<String>,
    /// Points to draw or to look at
    #[arg(short, default_value_t = 10_000)]
    n: usize,
    /// Draw them to this PNG
    #[arg(long)]
    plot: Option<PathBuf>,
    /// Write samples: .npy, .csv, .tsv, .jsonl, or `-`
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Write the exact scores at the samples: (n, D)
    #[arg(long)]
    scores: Option<PathBuf>,
    /// Write the exact log densities at the samples: (n, 1), nats
    #[arg(long)]
    log_density: Option<PathBuf>,
    /// Time of samples, scores and densities: the law of x_t; 0 is the data
    #[arg(long, default_value_t = 0.0)]
    t: f64,
    /// Replace existing output files
    #[arg(long)]
    force: bool,
    /// Which array of an .npz file
    #[arg(long)]
    member: Option<String>,
    #[command(flatten)]
    look: LookArgs,
    #[command(flatten)]
    process: ProcessOptions,
}

const HELP: &str = "\
A name is name[@variant][:key=value,...]; keys not given keep their defaults.

Examples:
  scorefield data                                    all names with their variants and keys
  scorefield data moons                              moments, entropy, the floor of the loss
  scorefield data gmm:k=3,dim=2 --plot gmm.png       a picture of it
  scorefield data 8gaussians -n 1000 -o x.npy --t 0.1 --scores s.npy --log-density p.npy
  scorefield data table.csv                          how the columns of a file are read";

/// Draws behind an estimate that has no formula.
const DRAWS: usize = 20_000;

/// Lists, describes, writes.
pub fn run(context: &mut Context, args: &Args) -> Result<()> {
    let look = args.look.look()?;
    let process = args.process.build()?;
    let Some(source) = &args.source else { return list(context) };
    if !(1..=1 << 26).contains(&args.n) {
        return Err(Error::usage(Problem::new("a count is out of range").at("-n").found(args.n).expected("1 to 67108864")));
    }
    if !(0.0..=process.t_max()).contains(&args.t) {
        let problem = Problem::new("a time is out of range").at("--t").found(args.t);
        return Err(Error::usage(problem.expected(format!("0 (data) to {} (noise)", process.t_max()))));
    }
    let law = config::law(source)?;
    if law.is_none() && (args.scores.is_some() || args.log_density.is_some() || args.t > 0.0) {
        let problem = Problem::new("a file has no exact score or density").at(source);
        return Err(Error::usage(problem.expected("a named distribution or a PNG").hint("`scorefield data` lists the names")));
    }
    for path in [&args.plot, &args.output, &args.scores, &args.log_density].into_iter().flatten() {
        check_writable(path, args.force)?;
    }
    match law {
        Some(law) => {
            describe_law(context, law.as_ref(), &process, args)?;
            write_law(context, law.as_ref(), &process, args)?;
        }
        None => describe_file(context, source, args)?,
    }
    let Some(path) = &args.plot else { return Ok(()) };
    let mut subject = picture::load(context, source)?;
    subject.rows.truncate(args.n * subject.dim);
    draw(context, &subject, path, look, args.force)
}

fn draw(context: &mut Context, subject: &Subject, path: &Path, look: pictures::Look, force: bool) -> Result<()> {
    let mut engine = context.engine()?;
    let drawing = if subject.dim <= 2 {
        pictures::samples(engine.as_mut(), subject, None, [0, subject.dim - 1], look)?
    } else {
        let shown: Vec<usize> = (0..subject.dim.min(crate::render::charts::MAX_COLUMNS)).collect();
        pictures::pairs(engine.as_mut(), subject, None, &shown, look)?
    };
    pictures::save(&drawing.image, path, force)?;
    context.ui.value("plot", path.display().to_string());
    context.ui.say(&format!("drawn to {}", path.display()))
}

/// All names.
fn list(context: &mut Context) -> Result<()> {
    let mut all = Vec::new();
    for row in DATASETS {
        context.ui.say(&format!("{:14}{}", row.name, row.doc))?;
        if row.variants.len() > 1 {
            for v in row.variants {
                context.ui.say(&format!("    @{:13}{}", v.name, v.doc))?;
            }
        }
        for k in row.keys {
            let default = if k.default.is_empty() { String::new() } else { format!(" ({})", short(k.default)) };
            context.ui.say(&format!("    :{:13}{}{default}", k.name, k.doc))?;
        }
        let variants: Vec<_> = row.variants.iter().map(|v| json!({"name": v.name, "doc": v.doc})).collect();
        let keys: Vec<_> = row.keys.iter().map(|k| json!({"name": k.name, "default": k.default, "doc": k.doc})).collect();
        all.push(json!({"name": row.name, "doc": row.doc, "variants": variants, "keys": keys}));
    }
    context.ui.value("distributions", all);
    context.ui.say("\nUse them as name[@variant][:key=value,...]; the first variant is the default. Example:\n  scorefield data moons@raw:noise=0.05 --plot moons.png")
}

/// A long default, cut.
fn short(text: &str) -> String {
    if text.len() > 6 { text.parse::<f64>().map_or(text.into(), |v| format!("{v:.4}")) } else { text.into() }
}

fn describe_law(context: &mut Context, law: &dyn Distribution, process: &Process, args: &Args) -> Result<()> {
    let (seed, ui) = (context.global.seed, &mut context.ui);
    // CSV on stdout must stay CSV
    if args.output.as_deref() == Some(Path::new("-")) {
        return Ok(());
    }
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
    let h = entropy(law, DRAWS, seed)?;
    ui.value("entropy", json!(h));
    ui.say(&format!("entropy        {} nats: no model has a smaller expected negative log likelihood", with_error(h.value, h.error)))?;
    floors(context, law, process)
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
        let f = loss_floor(law, process.mean(t), process.sigma(t), 4000, 0)?;
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

/// Samples, scores and densities of x_t, piece by piece.
fn write_law(context: &mut Context, law: &dyn Distribution, process: &Process, args: &Args) -> Result<()> {
    const PIECE: usize = 4096;
    let (dim, n) = (law.dim(), args.n);
    let open = |path: &Option<PathBuf>, width: usize| -> Result<Option<PointWriter>> {
        path.as_deref().map(|p| PointWriter::create(p, args.force, None, n, width)).transpose()
    };
    let mut files = [open(&args.output, dim)?, open(&args.scores, dim)?, open(&args.log_density, 1)?];
    if files.iter().all(Option::is_none) {
        return Ok(());
    }
    let (m, sigma) = if args.t > 0.0 { (process.mean(args.t), process.sigma(args.t)) } else { (1.0, 0.0) };
    let oracle = law.oracle();
    if oracle.is_none() && (files[1].is_some() || files[2].is_some()) {
        return Err(Error::usage(Problem::new("the exact score is not known").at(law.name())));
    }
    for first in (0..n).step_by(PIECE) {
        let rows = noised(law, (m, sigma), context.global.seed, first, PIECE.min(n - first));
        let (scores, densities) = oracle.map_or_else(Default::default, |o| exact(o, &rows, m, sigma));
        for (file, values) in files.iter_mut().zip([&rows, &scores, &densities]) {
            if let Some(file) = file {
                file.write_rows(values)?;
            }
        }
    }
    for file in files.into_iter().flatten() {
        file.finish()?;
    }
    let paths = [&args.output, &args.scores, &args.log_density];
    let said: Vec<String> = paths.into_iter().flatten().map(|p| p.display().to_string()).collect();
    context.ui.value("output", said.clone());
    if args.output.as_deref() == Some(Path::new("-")) {
        return Ok(());
    }
    context.ui.say(&format!("{} rows of x_t at t = {} written to {}", grouped(n), args.t, said.join(", ")))
}

/// Rows `first..` of m x_0 + sigma eps.
fn noised(law: &dyn Distribution, (m, sigma): (f64, f64), seed: u64, first: usize, n: usize) -> Vec<f32> {
    let dim = law.dim();
    let mut rows = law.draw(seed, Purpose::Data, first as u32, n);
    if sigma > 0.0 {
        for (i, v) in rows.iter_mut().enumerate() {
            let (row, d) = (first + i / dim, i % dim);
            let eps = crate::random::normals(crate::random::words(seed, Purpose::Noise, row as u32, 0, d as u32 / 4))[d % 4];
            *v = (m * f64::from(*v) + sigma * eps) as f32;
        }
    }
    rows
}

/// Scores (n, D) and log densities (n) at rows, as f32.
fn exact(oracle: &dyn Oracle, rows: &[f32], m: f64, sigma: f64) -> (Vec<f32>, Vec<f32>) {
    let dim = oracle.dim();
    let (mut scores, mut densities) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len() / dim));
    let mut score = vec![0.0; dim];
    for row in rows.chunks_exact(dim) {
        let x: Vec<f64> = row.iter().map(|v| f64::from(*v)).collect();
        densities.push(oracle.score_and_log_density(&x, m, sigma, &mut score) as f32);
        scores.extend(score.iter().map(|s| *s as f32));
    }
    (scores, densities)
}

fn describe_file(context: &mut Context, source: &str, args: &Args) -> Result<()> {
    let read = ReadOptions { allow_point_mass: true, member: args.member.clone(), ..ReadOptions::default() };
    let table = read_table(Path::new(source), &read)?;
    table.notes.iter().for_each(|n| context.ui.note(n));
    let to_stdout = args.output.as_deref() == Some(Path::new("-"));
    if !to_stdout {
        describe_table(context, source, &table)?;
    }
    if let Some(path) = &args.output {
        let rows = table.rows.min(args.n);
        let mut file = PointWriter::create(path, args.force, Some(&table.schema), rows, table.width)?;
        file.write_rows(&table.values[..rows * table.width])?;
        file.finish()?;
        context.ui.value("output", path.display().to_string());
        if !to_stdout {
            context.ui.say(&format!("the first {} rows written to {}", grouped(rows), path.display()))?;
        }
    }
    Ok(())
}

fn describe_table(context: &mut Context, source: &str, table: &Table) -> Result<()> {
    let ui = &mut context.ui;
    ui.value("name", source);
    ui.value("rows", table.rows);
    ui.value("dim", table.width);
    ui.value("sha256", table.sha256.clone());
    ui.value("schema", json!(table.schema));
    let encoded = if table.width > table.schema.columns.len() { format!(", {} numbers a row", table.width) } else { String::new() };
    ui.say(&format!("{source}: {} rows of {} columns{encoded}", grouped(table.rows), table.schema.columns.len()))?;
    for column in table.schema.columns.iter().take(24) {
        ui.say(&format!("    {:16} {}", column.name, kind_text(&column.kind)))?;
    }
    if table.schema.columns.len() > 24 {
        ui.say(&format!("    and {} more columns", table.schema.columns.len() - 24))?;
    }
    let (mean, sd) = moments(&table.values, table.width);
    ui.say("as the model will see them, before they are standardised:")?;
    columns(context, &mean, &sd, &table.schema.encoded_names())?;
    override_hint(context, &table.schema)
}

fn kind_text(kind: &Kind) -> String {
    match kind {
        Kind::Number { decimals: Some(0) } => "whole numbers; samples are rounded to them".into(),
        Kind::Number { decimals: Some(n) } => format!("numbers with {n} decimals; samples are rounded to them"),
        Kind::Number { decimals: None } => "numbers".into(),
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
