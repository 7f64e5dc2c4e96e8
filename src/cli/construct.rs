//! `construct`: networks that are built, not trained.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::Context;
use super::ui::grouped;
use crate::config::{self, Loaded, RunConfig};
use crate::construct::atoms::{self, Atoms};
use crate::construct::{self, Built, Components, Errors, FAMILIES, Family, GATES, Gate, Points};
use crate::defaults::choices;
use crate::distribution::{Covariance, Form, Oracle};
use crate::error::{Error, Problem, Result, nearest};
use crate::io::check_writable;
use crate::network::{Network, row};
use crate::process::Process;
use crate::session;
use crate::train::ProcessOptions;

/// Build a network that is a law's score up to a certified error, without training
#[derive(clap::Args)]
#[command(after_help = help())]
pub struct Args {
    /// What to build: `ratio`, `softmax`, or a gate; nothing lists them
    what: Option<String>,
    /// ratio, softmax: the law, a named distribution or (softmax) a file
    #[arg(long)]
    data: Option<String>,
    /// Greatest error over the box, in exact arithmetic: of a gate, or of each coordinate of the mean of the centres
    #[arg(long, default_value_t = 1e-3)]
    eps: f64,
    #[arg(long, help = choices("Activation", FAMILIES, |f| f.name), default_value = "signrelu")]
    activation: String,
    /// softmax: merge the law into at most so many atoms [default: every point of it]
    #[arg(long)]
    atoms: Option<usize>,
    /// softmax: rows drawn from a law that is not made of points
    #[arg(long, default_value_t = 10_000)]
    rows: usize,
    /// Gates: size of the box of the inputs [default: the gate's own]
    #[arg(long = "box")]
    size: Option<f64>,
    /// Points the errors are measured at
    #[arg(long, default_value_t = 12_288)]
    points: usize,
    /// Write the network, a checkpoint that `sample`, `eval` and `plot` take
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Replace an existing output file
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    process: ProcessOptions,
}

/// A row of [`SCORES`].
struct ScoreRow {
    name: &'static str,
    doc: &'static str,
    law: fn(&Args, &Loaded, u64) -> Result<Atoms>,
}

/// Every score that can be assembled.
const SCORES: &[ScoreRow] = &[
    ScoreRow {
        name: "ratio",
        doc: "the score of a normal mixture as a ratio F / G of products, exponentials and a division",
        law: |_, loaded, _| Ok(atoms::all(construct::components(oracle(loaded)?, &loaded.data.name)?)),
    },
    ScoreRow {
        name: "softmax",
        doc: "the score of any law, as atoms at the barycentres of cells: softmax weights as part of the network",
        law: softmax,
    },
];

fn help() -> String {
    let scores = SCORES.iter().map(|s| (s.name, s.doc));
    let rows = scores.chain(GATES.iter().map(|g| (g.name, g.doc)));
    let rows: Vec<String> = rows.map(|(name, doc)| format!("  {name:12}{doc}")).collect();
    let families: Vec<String> = FAMILIES.iter().map(|f| format!("  {:12}{}", f.name, f.doc)).collect();
    format!(
        "\
What can be built:
{}

Of what:
{}

Every value in the network is known to stay in an interval, and every error is bounded, so the bound of the whole holds
at every point of the box (in exact arithmetic). It is printed beside the greatest error at --points points: in f64, with
every operation rounded to f32, and on the device. The box of a score has all times from t0 to T and eight standard
deviations of noise around the components. Rounding in f32 limits --eps: the sharper the components (b = m / sqrt(m^2 v +
sigma^2) times their distance), the more; an --eps below what rounding leaves is refused with the number.

Examples:
  scorefield construct ratio --data gmm:k=8 -o net.safetensors && scorefield sample net.safetensors -o x.npy
  scorefield construct ratio --data \"gmm:means=(-3)(3)\" --eps 1e-4 --t0 0.01     without -o: only measured
  scorefield construct softmax --data ifs:sierpinski,level=4 --eps 1e-2 -o s.safetensors
  scorefield construct softmax --data moons --atoms 64 --t0 0.01 --eps 1e-2 -o m.safetensors
  scorefield construct product --box 4                 how exact a gate is
  scorefield construct square --activation relu --eps 1e-6     ReLU needs depth for what SignReLU does with three neurons",
        rows.join("\n"),
        families.join("\n")
    )
}

/// Builds, measures, writes.
pub fn run(context: &mut Context, args: &Args) -> Result<()> {
    let Some(what) = &args.what else { return list(context) };
    let family = row(FAMILIES, |f| f.name, "--activation", &args.activation)?;
    if !(args.eps > 0.0 && args.eps.is_finite()) {
        let problem = Problem::new("an error must be above 0").at("--eps").found(args.eps);
        return Err(Error::usage(problem.expected("such as 0.001")));
    }
    if !(16..=1 << 22).contains(&args.points) {
        let problem = Problem::new("a count is out of range").at("--points").found(args.points);
        return Err(Error::usage(problem.expected("16 to 4194304")));
    }
    if let Some(score) = SCORES.iter().find(|s| s.name == what) {
        return assemble(context, args, score, family);
    }
    let Some(gate) = GATES.iter().find(|g| g.name == what) else { return Err(unknown(what)) };
    one_gate(context, args, gate, family)
}

fn unknown(what: &str) -> Error {
    let names: Vec<&str> = SCORES.iter().map(|s| s.name).chain(GATES.iter().map(|g| g.name)).collect();
    let problem = Problem::new("there is no such construction").at("construct").found(format!("`{what}`"));
    let problem = problem.expected(format!("one of {}", names.join(", ")));
    Error::usage(match nearest(what, names.iter().copied()) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem,
    })
}

/// All names.
fn list(context: &mut Context) -> Result<()> {
    let rows: Vec<_> = SCORES.iter().map(|s| (s.name, s.doc)).chain(GATES.iter().map(|g| (g.name, g.doc))).collect();
    for (name, doc) in &rows {
        context.ui.say(&format!("{name:12}{doc}"))?;
    }
    context.ui.value("constructions", rows.iter().map(|(n, d)| json!({"name": n, "doc": d})).collect::<Vec<_>>());
    context.ui.say("\n`scorefield construct --help` has examples")
}

/// A flag that this construction has no use for.
fn no_use(flag: &str, what: &str, hint: &str) -> Error {
    Error::usage(Problem::new(format!("`construct {what}` has no use for this flag")).at(flag).hint(hint))
}

fn one_gate(context: &mut Context, args: &Args, gate: &Gate, family: &'static Family) -> Result<()> {
    for (flag, given) in
        [("--data", args.data.is_some()), ("-o", args.output.is_some()), ("--atoms", args.atoms.is_some())]
    {
        if given {
            return Err(no_use(
                flag,
                gate.name,
                "a gate is no score; `construct ratio` and `construct softmax` build models",
            ));
        }
    }
    let size = args.size.unwrap_or(gate.size);
    let (above, most) = gate.sizes;
    if !(size > above && size <= most) {
        let problem = Problem::new("the size of the box is out of range").at("--box").found(size);
        return Err(Error::usage(problem.expected(format!("above {above}, at most {most}"))));
    }
    let built = gate.built(family, size, args.eps)?;
    let (network, weights) = construct::network(&built, 1)?;
    let points = Points::of_gate(gate, size, args.points, context.global.seed);
    let host = on_host(args, &built, &points)?;
    context.ui.say(&format!("{}: {}, M = {size}", gate.name, gate.doc))?;
    context.ui.value("construction", gate.name);
    context.ui.value("box", (gate.inputs)(size).into_iter().map(|(a, b)| json!([a, b])).collect::<Vec<_>>());
    describe(context, &built, &network)?;
    let made = Made { network, weights, points, bound: built.bound(), host };
    measured(context, args, &made, "error of the gate")
}

fn assemble(context: &mut Context, args: &Args, score: &ScoreRow, family: &'static Family) -> Result<()> {
    if args.size.is_some() {
        return Err(no_use("--box", score.name, "the box of a score follows from the law and the process"));
    }
    if args.atoms.is_some() && score.name != "softmax" {
        return Err(no_use("--atoms", score.name, "`construct softmax` merges a law into atoms"));
    }
    let source = args.data.as_ref().ok_or_else(|| {
        let problem = Problem::new("no law was named").at(format!("construct {}", score.name));
        Error::usage(problem.expected("--data NAME or --data FILE").hint("try --data gmm:k=8"))
    })?;
    if let Some(path) = &args.output {
        check_writable(path, args.force)?;
        if path.extension().is_none_or(|e| e != "safetensors") {
            let problem = Problem::new("a network is written as a checkpoint").at("-o").found(path.display());
            return Err(Error::usage(problem.expected("a name that ends in .safetensors")));
        }
    }
    let seed = context.global.seed;
    let mut config = RunConfig { source: source.clone(), seed, process: args.process.clone(), ..RunConfig::default() };
    config.data.n = Some(args.rows);
    let process = config.process.build()?;
    let loaded = config::load(&config)?;
    loaded.data.notes.iter().for_each(|n| context.ui.note(n));
    let found = (score.law)(args, &loaded, seed)?;
    let law = &found.law;
    let most = construct::greatest_signal(&process, law.variance);
    let built = law.built(family, most, args.eps)?;
    let (network, weights) = construct::network(&built, law.dim)?;
    let points = Points::of_mixture(law, &process, args.points, seed);
    // what is refused is refused before anything is said
    let host = on_host(args, &built, &points)?;
    tell(context, score.name, source, &found, &process)?;
    describe(context, &built, &network)?;
    let what = "error of the mean of the centres given x, per coordinate, model units";
    let made = Made { network, weights, points, bound: built.bound(), host };
    measured(context, args, &made, what)?;
    let Some(path) = &args.output else { return Ok(()) };
    let card = construct::card(&built, law, session::card(&config, &loaded));
    card.with_weights(&made.weights)?.save(path)?;
    context.ui.value("output", path.display().to_string());
    context.ui.say(&format!("written to {0}; sample it with: scorefield sample {0} -o x.npy", path.display()))
}

fn oracle(loaded: &Loaded) -> Result<&dyn Oracle> {
    let oracle = loaded.data.truth.as_ref().and_then(|law| law.oracle());
    oracle.ok_or_else(|| {
        let problem = Problem::new("the law of a file is not known").at(&loaded.data.name);
        Error::usage(
            problem.expected("a named distribution").hint("`construct softmax` takes the rows of a file as atoms"),
        )
    })
}

/// The points of a law: its components where they share a variance, else rows; merged into `--atoms`.
fn softmax(args: &Args, loaded: &Loaded, seed: u64) -> Result<Atoms> {
    if args.atoms == Some(0) {
        return Err(Error::usage(Problem::new("a law needs atoms").at("--atoms").found(0).expected("at least 1")));
    }
    let made_of_points = |oracle: &dyn Oracle| match oracle.form() {
        Form::Mixture(law) if !law.is_quadrature() => matches!(law.covariance(), Covariance::Isotropic(_)),
        _ => false,
    };
    let data = &loaded.data;
    let known = data.truth.as_ref().and_then(|law| law.oracle()).filter(|o| made_of_points(*o));
    let points = match known.map(|o| construct::components(o, &data.name)).transpose()? {
        Some(points) => points,
        None => {
            let n = data.train.len() / data.dim;
            let means = data.train.iter().map(|v| f64::from(*v)).collect();
            Components { dim: data.dim, weights: vec![1.0 / n as f64; n], means, variance: 0.0 }
        }
    };
    match args.atoms {
        Some(count) if count < points.count() => Ok(atoms::barycentres(&points, count, seed)),
        _ => Ok(atoms::all(points)),
    }
}

/// What is built, of what law.
fn tell(context: &mut Context, what: &str, source: &str, found: &Atoms, process: &Process) -> Result<()> {
    let law = &found.law;
    let deviation = law.variance.sqrt();
    let components = if deviation > 0.0 {
        format!("{} components of standard deviation {deviation}", law.count())
    } else {
        format!("{} atoms", law.count())
    };
    let (t0, t_max) = (process.t0(), process.t_max());
    context.ui.say(&format!(
        "{what}: {source} as {components}, D = {}, process {}, t from {t0} to {t_max}",
        law.dim,
        process.name()
    ))?;
    context.ui.value("construction", what);
    context.ui.value(
        "law",
        json!({"source": source, "components": law.count(), "dim": law.dim, "variance": law.variance,
               "distortion": found.distortion, "radius": found.radius}),
    );
    context.ui.value("process", json!({"name": process.name(), "t0": t0, "t_max": t_max}));
    if found.distortion == 0.0 {
        return Ok(());
    }
    let (m, sigma) = (process.mean(t0), process.sigma(t0));
    let kl = 0.5 * m * m * found.distortion / (m * m * law.variance + sigma * sigma);
    context.ui.value("atoms_kl_bound", kl);
    context.ui.say(&format!(
        "merged     E|x - atom|^2 = {:.3e}, greatest distance {:.3}; so KL(p_t0 || p_t0 of the atoms) is at most {kl:.3} nats",
        found.distortion, found.radius
    ))
}

/// The size of the network.
fn describe(context: &mut Context, built: &Built, network: &Network) -> Result<()> {
    let hidden = built.hidden();
    let width = hidden.iter().copied().max().unwrap_or(0);
    context.ui.say(&format!(
        "network    {}, {} hidden layers of width at most {width}, {} parameters, {} of them not 0",
        built.family.name,
        hidden.len(),
        grouped(network.layout.parameters()),
        grouped(built.nonzero())
    ))?;
    context.ui.value(
        "network",
        json!({"activation": built.family.name, "depth": hidden.len(), "width": width, "hidden": hidden,
               "parameters": network.layout.parameters(), "nonzero": built.nonzero()}),
    );
    Ok(())
}

/// A network with what it is measured by.
struct Made {
    network: Network,
    weights: Vec<Vec<f32>>,
    points: Points,
    bound: f64,
    host: (Errors, Errors),
}

/// Errors on the host, in f64 and rounded to f32; refuses what f32 cannot hold.
fn on_host(args: &Args, built: &Built, points: &Points) -> Result<(Errors, Errors)> {
    let (exact, rounded) = points.on_host(built);
    if rounded.greatest > args.eps {
        let problem = Problem::new("the error is too small for 32-bit numbers: rounding leaves more").at("--eps");
        let expected = format!("at least {:.1e}", rounded.greatest);
        let hint = "a larger --t0 or wider components round less";
        return Err(Error::usage(problem.found(format!("{:e}", args.eps)).expected(expected).hint(hint)));
    }
    Ok((exact, rounded))
}

/// Measures on the device, and says all errors.
fn measured(context: &mut Context, args: &Args, made: &Made, what: &str) -> Result<()> {
    let (exact, rounded) = made.host;
    let mut engine = context.engine()?;
    let device = made.points.on_engine(engine.as_mut(), &made.network, &made.weights)?;
    if device.greatest > args.eps {
        context
            .ui
            .note(&format!("this device rounds more than others: its error of {:.2e} is above --eps", device.greatest));
    }
    let n = grouped(made.points.count);
    context.ui.say(&format!("{what}: greatest, and root mean square"))?;
    context
        .ui
        .say(&format!("    certified    {:.2e}            everywhere in the box, in exact arithmetic", made.bound))?;
    for (name, e, how) in [
        ("f64", &exact, "on the host"),
        ("f32", &rounded, "on the host, every operation rounded"),
        ("device", &device, "through the kernels that run trained networks"),
    ] {
        context.ui.say(&format!("    {name:12} {:.2e}  {:.2e}  at {n} points, {how}", e.greatest, e.rms))?;
    }
    let of = |e: &Errors| -> Value { json!({"greatest": e.greatest, "rms": e.rms}) };
    context.ui.value(
        "error",
        json!({"what": what, "eps": args.eps, "certified": made.bound, "points": made.points.count,
               "f64": of(&exact), "f32": of(&rounded), "device": of(&device), "engine": engine.describe()}),
    );
    Ok(())
}
