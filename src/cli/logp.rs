//! `logp`: the density of a model, or of an exact law, at given points.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::run::{Found, ScoreArgs};
use super::signals::Signals;
use super::ui::grouped;
use super::{Context, eval};
use crate::config::Loaded;
use crate::defaults::choices;
use crate::distribution::{Covariance, GaussianMixture, Oracle};
use crate::error::{Error, Problem, Result};
use crate::io::{PointWriter, ReadOptions, check_writable, read_table};
use crate::likelihood::{
    Carrier, Device, Divergence, Host, Integration, LogDensities, MOST_EXACT, MOST_PROBES, MOST_STEPS, log_densities,
    normalisation,
};
use crate::metrics::interval::mean;
use crate::metrics::{draw, short};
use crate::model::Which;
use crate::process::{GRIDS, METHODS};
use crate::random::{Purpose, normals, words};

/// Log density of a model at points, by the probability-flow ODE
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub struct Args {
    /// Run directory, checkpoint file, number of a run, or `last`; or data, with --score exact or empirical
    run: Option<String>,
    /// File of points, in the columns of the data (default: fresh draws of a known law, else the held-out rows)
    points: Option<String>,
    /// Points drawn or taken where no file is given
    #[arg(short, default_value_t = 2000)]
    n: usize,
    /// Write the log densities, one a row, nats in the units of the data: .npy, .csv, .tsv, .jsonl, or `-`
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Replace an existing output file
    #[arg(long)]
    force: bool,
    /// Integrate the density over a grid (one or two columns) and exit with 10 unless that gives 1 within 0.001
    #[arg(long)]
    check: bool,
    /// Divergence of a network: exact, hutchinson [default: exact up to 64 columns]
    #[arg(long, help_heading = "Integration")]
    divergence: Option<String>,
    /// hutchinson: vectors of random signs a row
    #[arg(long, default_value_t = 8, help_heading = "Integration")]
    probes: usize,
    #[arg(long, help = choices("Method", METHODS, |m| m.name), default_value = "rk45", help_heading = "Integration")]
    method: String,
    #[arg(long, help = choices("Time grid", GRIDS, |g| g.name), default_value = "log-snr", help_heading = "Integration")]
    grid: String,
    /// Steps from t0 to T [default: as many as --tolerance needs]
    #[arg(long, help_heading = "Integration")]
    steps: Option<usize>,
    /// Without --steps: they are doubled until that changes 128 of the log densities by less, in the root mean square; nats
    #[arg(long, default_value_t = 1e-3, help_heading = "Integration")]
    tolerance: f64,
    /// Points on the device at a time; does not change the numbers
    #[arg(long, default_value_t = 16_384, help_heading = "Integration")]
    chunk: usize,
    /// Weights: ema, raw
    #[arg(long, default_value = "ema", help_heading = "Integration")]
    weights: String,
    #[command(flatten)]
    score: ScoreArgs,
}

const HELP: &str = "\
The density is that of x at t0 under the deterministic sampler, which starts from the normal law at T. Its divergence is
exact (one way back through the network for each column) or estimated by random signs (Hutchinson), whose standard error
is printed. The error of the steps is what twice as many of them changed.

Examples:
  scorefield logp last points.csv -o logp.csv              one log density a row
  scorefield logp last                                     held-out rows, or fresh draws of a law that is known
  scorefield logp last --check                             does the density add up to 1?
  scorefield logp --score exact --data gmm:k=3,dim=2       the law itself, beside its closed form";

/// What twice the precision of the check is worth: the integral may differ so much from 1.
const CHECKED: f64 = 1e-3;

impl Args {
    fn check_numbers(&self) -> Result<()> {
        let counts = [
            ("-n", self.n, 1, 1 << 26),
            ("--steps", self.steps.unwrap_or(2), 2, 1 << 16),
            ("--probes", self.probes, 2, MOST_PROBES),
            ("--chunk", self.chunk, 1, 1 << 22),
        ];
        if let Some((flag, n, least, most)) = counts.iter().find(|(_, n, least, most)| !(least..=most).contains(&n)) {
            let problem = Problem::new("a count is out of range").at(flag).found(n);
            return Err(Error::usage(problem.expected(format!("{least} to {most}"))));
        }
        if !(1e-6..=1.0).contains(&self.tolerance) {
            let problem = Problem::new("a number is out of range").at("--tolerance").found(self.tolerance);
            return Err(Error::usage(problem.expected("1e-6 to 1")));
        }
        Ok(())
    }

    fn divergence(&self, found: &Found) -> Result<Divergence> {
        let dim = found.card.dim;
        let hutchinson = Divergence::Hutchinson { probes: self.probes };
        match self.divergence.as_deref() {
            None if dim > MOST_EXACT => Ok(hutchinson),
            None | Some("exact") if dim <= MOST_EXACT => Ok(Divergence::Exact),
            Some("hutchinson") if found.kind.is_none() => Ok(hutchinson),
            Some("hutchinson") => Err(Error::usage(
                Problem::new("the divergence of a law is computed in f64, without probes").at("--divergence"),
            )),
            Some("exact") => Err(Error::usage(
                Problem::new("too many columns for an exact divergence")
                    .at("--divergence")
                    .found(dim)
                    .expected(format!("at most {MOST_EXACT}, or hutchinson")),
            )),
            other => Err(Error::usage(
                Problem::new("there is no such choice")
                    .at("--divergence")
                    .found(format!("`{}`", other.unwrap_or_default()))
                    .expected("exact or hutchinson"),
            )),
        }
    }

    fn which(&self) -> Result<Which> {
        match self.weights.as_str() {
            "ema" => Ok(Which::Average),
            "raw" => Ok(Which::Raw),
            other => Err(Error::usage(
                Problem::new("there is no such choice").at("--weights").found(other).expected("ema or raw"),
            )),
        }
    }

    /// RUN and POINTS; where flags name the model, a single name is that of the points.
    fn names(&self) -> (Option<&str>, Option<&str>) {
        let kind = self.score.score.as_deref().is_some_and(|s| s == "exact" || s == "empirical");
        let named = self.score.data.is_some() || (self.score.score.is_some() && !kind);
        match (&self.run, &self.points) {
            (Some(points), None) if named => (None, Some(points)),
            (run, points) => (run.as_deref(), points.as_deref()),
        }
    }
}

/// Points (n, D) in model units, and what they are.
struct Given {
    points: Vec<f32>,
    what: String,
    /// Whether they are draws of the law at t0, so that a mean over them is an expectation under it.
    drawn: bool,
}

/// Prints log densities and what they rest on.
pub fn run(context: &mut Context, args: &Args) -> Result<()> {
    let signals = Signals::install();
    args.check_numbers()?;
    let (run, points) = args.names();
    let mut found = args.score.find(context, run, args.which()?)?;
    found.notes.iter().for_each(|n| context.ui.note(n));
    let divergence = args.divergence(&found)?;
    let how = Integration {
        method: args.method.clone(),
        grid: args.grid.clone(),
        steps: args.steps,
        tolerance: args.tolerance,
    };
    // whatever is wrong with the names is refused before anything is computed
    how.plan(&found.score.process, 2, true)?;
    if let Some(path) = args.output.as_deref().filter(|p| *p != Path::new("-")) {
        check_writable(path, args.force)?;
    }
    if args.check && found.card.dim > 2 {
        let problem = Problem::new("a density is integrated over a grid in few dimensions only").at("--check");
        return Err(Error::usage(problem.found(found.card.dim).expected("1 or 2 columns")));
    }
    let loaded = data_of(context, &mut found, run.or(args.score.score.as_deref()), points.is_none())?;
    let given = given(context, args, &found, loaded.as_ref(), points)?;
    let (law, empirical) = laws(&found, loaded.as_ref());
    let carried = if found.kind == Some("empirical") { empirical.as_ref().map(|e| e as &dyn Oracle) } else { law };
    let process = found.score.process.clone();
    let rows = given.points.len() / found.card.dim;
    let mut progress = context.ui.progress("integrating", rows as u64);
    let mut watch = |what: &str, done: usize| {
        progress.at(done.min(rows) as u64, what);
        signals.stop().map_or(Ok(()), Err)
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let seed = context.global.seed;
    let mut engine = None;
    let mut carrier: Box<dyn Carrier> = match (found.kind, carried) {
        (Some(_), Some(oracle)) => Box::new(Host { oracle, process: &process, threads, watch: &mut watch }),
        _ => {
            let engine = engine.insert(context.engine()?).as_mut();
            let score = &found.score;
            Box::new(Device { engine, score, divergence, seed, chunk: args.chunk, watch: &mut watch })
        }
    };
    let said = log_densities(carrier.as_mut(), &how, &given.points)?;
    let sum = if args.check { Some(normalisation(carrier.as_mut(), &how, said.steps)?) } else { None };
    drop(carrier);
    drop(progress);
    let exact = law.map(|law| exact_values(law, &found, &given.points));
    let report = Report { found: &found, given: &given, said: &said, exact, divergence, how: &how };
    report.write(context, args)?;
    if let Some(sum) = sum {
        let line = format!(
            "the density adds up to {:.6} ({} cells an axis, {} points; the last refinement changed {:.1e})",
            sum.value,
            sum.cells,
            grouped(sum.nodes),
            sum.change
        );
        context.ui.value("check", json!({"integral": sum.value, "change": sum.change, "points": sum.nodes}));
        say(context, args, &line)?;
        if (sum.value - 1.0).abs() > CHECKED {
            let problem = Problem::new("the density does not add up to 1").found(sum.value);
            return Err(Error::check(problem.expected("1 within 0.001").hint("a smaller --tolerance or more --steps")));
        }
    }
    Ok(())
}

/// Prints a line, unless the standard output holds the numbers.
fn say(context: &mut Context, args: &Args, line: &str) -> Result<()> {
    if args.output.as_deref() == Some(Path::new("-")) {
        context.ui.note(line);
        return Ok(());
    }
    context.ui.say(line)
}

/// The data of a run, where they are at hand; they must be where points are `needed` of them.
fn data_of(context: &Context, found: &mut Found, name: Option<&str>, needed: bool) -> Result<Option<Loaded>> {
    if let Some(loaded) = found.loaded.take() {
        return Ok(Some(loaded));
    }
    match eval::truth_of(context, found, name.unwrap_or_default(), false) {
        Err(e) if !needed => {
            context.ui.note(&format!("the data of the run are not used: {}", e.problem()));
            Ok(None)
        }
        other => other,
    }
}

/// The exact law, and the training rows as a law, where `found` needs it.
fn laws<'a>(found: &Found, loaded: Option<&'a Loaded>) -> (Option<&'a dyn Oracle>, Option<GaussianMixture>) {
    let data = loaded.map(|l| &l.data);
    let law = data.and_then(|d| d.truth.as_deref()).and_then(|law| law.oracle());
    let rows = data.filter(|_| found.kind == Some("empirical")).map(|d| {
        let means: Vec<f64> = d.train.iter().map(|v| f64::from(*v)).collect();
        let n = d.train.len() / d.dim;
        GaussianMixture::new(d.dim, vec![1.0; n], means, Covariance::Isotropic(vec![0.0; n]))
    });
    (law, rows)
}

fn given(
    context: &Context,
    args: &Args,
    found: &Found,
    loaded: Option<&Loaded>,
    points: Option<&str>,
) -> Result<Given> {
    let dim = found.card.dim;
    if let Some(name) = points {
        let table = read_table(Path::new(name), &ReadOptions { allow_point_mass: true, ..ReadOptions::default() })?;
        table.notes.iter().for_each(|n| context.ui.note(n));
        let width = table.width;
        let fitting = match &found.card.schema {
            Some(schema) => table.in_columns_of(schema),
            None => Some(table).filter(|t| t.width == dim),
        };
        let Some(table) = fitting else {
            let wanted = found.card.schema.as_ref().map(|s| s.encoded_names().join(", "));
            let problem = Problem::new("the points do not have the columns of the model").at(name);
            return Err(Error::data(
                problem.found(format!("{width} columns")).expected(wanted.unwrap_or_else(|| format!("{dim} columns"))),
            ));
        };
        return Ok(Given { points: eval::in_model_units(&table.values, found), what: name.into(), drawn: false });
    }
    let data = loaded.map(|l| &l.data).ok_or_else(|| {
        Error::usage(Problem::new("there are no points: neither a file was given nor are the data of the run at hand"))
    })?;
    if let Some(law) = data.truth.as_deref() {
        let (process, seed) = (&found.score.process, context.global.seed);
        let (m, sigma) = (process.mean(process.t0()), process.sigma(process.t0()));
        let mut points = law.draw(seed, Purpose::Reference, 0, args.n);
        for (i, v) in points.iter_mut().enumerate() {
            let (row, d) = ((i / dim) as u32, i % dim);
            let z = normals(words(seed, Purpose::Metric, row, draw::AT_T0, d as u32 / 4))[d % 4];
            *v = (m * f64::from(*v) + sigma * z) as f32;
        }
        return Ok(Given { points, what: "fresh draws of the law at t0".into(), drawn: true });
    }
    let points = data.held_out[..(args.n * dim).min(data.held_out.len())].to_vec();
    if points.is_empty() {
        return Err(Error::usage(Problem::new("no rows were held out").expected("a file of points")));
    }
    Ok(Given { points, what: "held-out rows".into(), drawn: false })
}

/// Exact log densities at t0, model units.
fn exact_values(law: &dyn Oracle, found: &Found, points: &[f32]) -> Vec<f64> {
    let process = &found.score.process;
    let (m, sigma) = (process.mean(process.t0()), process.sigma(process.t0()));
    let wide = |row: &[f32]| row.iter().map(|v| f64::from(*v)).collect::<Vec<_>>();
    points.chunks(law.dim()).map(|row| law.log_density(&wide(row), m, sigma)).collect()
}

/// Everything there is to say.
struct Report<'a> {
    found: &'a Found,
    given: &'a Given,
    said: &'a LogDensities,
    exact: Option<Vec<f64>>,
    divergence: Divergence,
    how: &'a Integration,
}

fn greatest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |m, v| f64::max(m, *v))
}

fn rms(values: &[f64]) -> f64 {
    (values.iter().map(|v| v * v).sum::<f64>() / values.len() as f64).sqrt()
}

impl Report<'_> {
    fn write(&self, context: &mut Context, args: &Args) -> Result<()> {
        let (dim, said) = (self.found.card.dim, self.said);
        // the change of units: data = shift + scale model
        let units: f64 = self.found.card.scale.iter().map(|s| f64::from(s.abs()).ln()).sum();
        let logs: Vec<f64> = said.values.iter().map(|v| v - units).collect();
        if let Some(path) = &args.output {
            let mut file = PointWriter::create(path, args.force, None, logs.len(), 1)?;
            file.write_rows(&logs.iter().map(|v| *v as f32).collect::<Vec<_>>())?;
            file.finish()?;
            context.ui.value("output", path.display().to_string());
        }
        let m = mean(&logs);
        let bits = -1.0 / (dim as f64 * std::f64::consts::LN_2);
        let pm = |half: f64| if half.is_nan() { String::new() } else { format!(" +- {}", short(half)) };
        let t0 = self.found.score.process.t0();
        context.ui.value("n", m.n);
        context.ui.value("points", self.given.what.clone());
        context.ui.value("mean_nats", json!({"value": m.value, "half_width": m.half_width}));
        context.ui.value("bits_per_dim", json!({"value": m.value * bits, "half_width": -m.half_width * bits}));
        say(
            context,
            args,
            &format!(
                "log density at t0 = {t0}: mean {:.5}{} nats, {:.5}{} bits/dim (n = {}, {}; mean over the rows with its \
                 95 % interval, units of the data)",
                m.value,
                pm(m.half_width),
                m.value * bits,
                pm(-m.half_width * bits),
                grouped(m.n),
                self.given.what
            ),
        )?;
        self.errors(context, args)?;
        self.truth(context, args)?;
        if let Some(path) = args.output.as_deref().filter(|p| *p != Path::new("-")) {
            say(context, args, &format!("log densities written to {}", path.display()))?;
        }
        Ok(())
    }

    /// How certain the numbers are.
    fn errors(&self, context: &mut Context, args: &Args) -> Result<()> {
        let said = self.said;
        let divergence = match (self.found.kind, self.divergence) {
            (Some(_), _) => "divergence by central differences of the law's score, in f64".to_string(),
            (_, Divergence::Exact) => "exact divergence".into(),
            (_, Divergence::Hutchinson { probes }) => format!("divergence by {probes} vectors of random signs a row"),
        };
        let steps = said.step_errors.as_slice();
        context.ui.value(
            "integration",
            json!({"method": self.how.method, "grid": self.how.grid, "steps": said.steps, "evaluations": said.evaluations,
                   "error_rms": rms(steps), "error_most": greatest(steps), "divergence": divergence}),
        );
        let line = format!(
            "error of the steps: {} in the root mean square, {} at most (what {} steps change against {}; {} on a {} grid, \
             {divergence})",
            short(rms(steps)),
            short(greatest(steps)),
            said.steps,
            said.steps.div_ceil(2),
            self.how.method,
            self.how.grid
        );
        say(context, args, &line)?;
        if self.how.steps.is_none() && said.steps >= MOST_STEPS && rms(steps) > self.how.tolerance {
            context.ui.note(&format!("{MOST_STEPS} steps do not reach the tolerance of {}", self.how.tolerance));
        }
        if let Some(probes) = &said.probe_errors {
            context.ui.value("probe_error", json!({"rms": rms(probes)}));
            let line = format!("standard error of the probes: {} a row, root mean square", short(rms(probes)));
            say(context, args, &line)?;
        }
        if let Some(starts) = &said.start_errors {
            context.ui.value("start_error", json!({"rms": rms(starts), "most": greatest(starts)}));
            let line = format!(
                "error of the start: {} in the root mean square, {} at most (the normal law instead of the law at T, where \
                 the flow ends)",
                short(rms(starts)),
                short(greatest(starts))
            );
            say(context, args, &line)?;
        }
        Ok(())
    }

    /// Against the exact density, where it is known.
    fn truth(&self, context: &mut Context, args: &Args) -> Result<()> {
        let (Some(exact), said) = (&self.exact, self.said) else { return Ok(()) };
        let units: f64 = self.found.card.scale.iter().map(|s| f64::from(s.abs()).ln()).sum();
        let gaps: Vec<f64> = exact.iter().zip(&said.values).map(|(e, v)| e - v).collect();
        let sizes: Vec<f64> = gaps.iter().map(|g| g.abs()).collect();
        let (gap, law) = (mean(&gaps), mean(&exact.iter().map(|e| e - units).collect::<Vec<_>>()));
        context.ui.value("exact_mean_nats", law.value);
        let half = |m: f64| if m.is_nan() { String::new() } else { format!(" +- {}", short(m)) };
        let is = if self.given.drawn { "KL(law at t0 || model)" } else { "mean of exact minus model" };
        context.ui.value("gap", json!({"is": is, "mean": gap.value, "half_width": gap.half_width, "rms": rms(&sizes)}));
        let line = format!(
            "exact log density at t0: mean {:.5} nats; {is} = {}{} nats (n = {}), root mean square difference {}",
            law.value,
            short(gap.value),
            half(gap.half_width),
            grouped(gap.n),
            short(rms(&sizes))
        );
        say(context, args, &line)?;
        let Some(starts) = &said.start_errors else { return Ok(()) };
        if self.found.kind != Some("exact") {
            return Ok(());
        }
        // what the steps change at one row may vanish by chance, so it counts as no less than the root mean square over all;
        // what is left is rounding, of the central differences
        let typical = rms(&said.step_errors);
        let allowed = |i: usize| starts[i] + said.step_errors[i].max(typical) + 1e-6 * (1.0 + exact[i].abs());
        let within = (0..sizes.len()).filter(|&i| sizes[i] <= allowed(i)).count();
        context.ui.value("within_error", within);
        let of = format!("{} of {} rows", grouped(within), grouped(sizes.len()));
        say(
            context,
            args,
            &format!(
                "within the errors of steps (at least their root mean square) and start of the exact density: {of}"
            ),
        )
    }
}
