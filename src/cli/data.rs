//! `data`: what distributions there are, and what is known of one or of a file.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::picture::LookArgs;
use super::ui::grouped;
use super::{Context, describe, picture};
use crate::config;
use crate::distribution::{DATASETS, Distribution, Oracle};
use crate::error::{Error, Problem, Result};
use crate::io::{Missing, PointWriter, ReadOptions, check_writable, read_table};
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
    /// Draw them to this PNG (default: NAME-samples.png here)
    #[arg(long, num_args = 0..=1, default_missing_value = ".")]
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
    /// Rows of a file with an empty cell, NA or NaN: refuse (the file), drop (the rows)
    #[arg(long, default_value = "refuse")]
    missing: String,
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

/// Lists, describes, writes.
pub fn run(context: &mut Context, args: &Args) -> Result<()> {
    let look = args.look.look()?;
    let process = args.process.build()?;
    let Some(source) = &args.source else { return list(context) };
    if !(1..=1 << 26).contains(&args.n) {
        return Err(Error::usage(
            Problem::new("a count is out of range").at("-n").found(args.n).expected("1 to 67108864"),
        ));
    }
    if !(0.0..=process.t_max()).contains(&args.t) {
        let problem = Problem::new("a time is out of range").at("--t").found(args.t);
        return Err(Error::usage(problem.expected(format!("0 (data) to {} (noise)", process.t_max()))));
    }
    let law = config::law(source)?;
    if law.is_none() && (args.scores.is_some() || args.log_density.is_some() || args.t > 0.0) {
        let problem = Problem::new("a file has no exact score or density").at(source);
        return Err(Error::usage(
            problem.expected("a named distribution or a PNG").hint("`scorefield data` lists the names"),
        ));
    }
    let plot = args.plot.as_ref().filter(|path| path.as_os_str() != ".");
    for path in [plot, args.output.as_ref(), args.scores.as_ref(), args.log_density.as_ref()].into_iter().flatten() {
        check_writable(path, args.force)?;
    }
    match law {
        Some(law) => {
            // CSV on stdout must stay CSV
            if args.output.as_deref() != Some(Path::new("-")) {
                describe::law(context, law.as_ref(), &process)?;
            }
            write_law(context, law.as_ref(), &process, args)?;
        }
        None => describe_file(context, source, args)?,
    }
    if args.plot.is_none() {
        return Ok(());
    }
    let subject =
        picture::cut(&picture::load(context, source, Missing::named(&args.missing)?)?, args.n, context.global.seed);
    // a picture in its default place is only a picture
    match plot {
        Some(path) => draw(context, &subject, path, look, args.force),
        None => draw(context, &subject, &picture::default_output(None, &subject, "samples.png"), look, true),
    }
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
        let keys: Vec<_> =
            row.keys.iter().map(|k| json!({"name": k.name, "default": k.default, "doc": k.doc})).collect();
        all.push(json!({"name": row.name, "doc": row.doc, "variants": variants, "keys": keys}));
    }
    context.ui.value("distributions", all);
    context.ui.say("\nUse them as name[@variant][:key=value,...]; the first variant is the default. Example:\n  scorefield data moons@raw:noise=0.05 --plot moons.png")
}

/// A long default, cut.
fn short(text: &str) -> String {
    if text.len() > 6 { text.parse::<f64>().map_or(text.into(), |v| format!("{v:.4}")) } else { text.into() }
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
            let eps =
                crate::random::normals(crate::random::words(seed, Purpose::Noise, row as u32, 0, d as u32 / 4))[d % 4];
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
    let missing = Missing::named(&args.missing)?;
    let read = ReadOptions { allow_point_mass: true, member: args.member.clone(), missing, ..ReadOptions::default() };
    let table = read_table(Path::new(source), &read)?;
    table.notes.iter().for_each(|n| context.ui.note(n));
    let to_stdout = args.output.as_deref() == Some(Path::new("-"));
    if !to_stdout {
        describe::table(context, source, &table)?;
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
