//! The command line: one file a command. A command parses, calls the library, prints.

mod animate;
mod audit;
mod bench;
mod compare;
mod construct;
mod data;
mod demo;
mod describe;
mod device;
mod ensemble;
mod eval;
mod first_step;
mod ladder;
mod lint;
mod logp;
mod members;
mod picture;
mod plot;
mod report;
mod report_study;
mod run;
mod sample;
mod scoreboard;
mod signals;
mod study;
mod train;
pub mod ui;

pub use signals::survive_file_limits;

use std::io::Write;
use std::time::Duration;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::defaults::choices;
use crate::error::{Error, Problem, Result};
use crate::gpu::{Choice, FAMILIES, Gpu, PRECISIONS};
use crate::recording::Engine;
use crate::reference::Reference;
use crate::selection;
use ui::Ui;

/// Train score-based diffusion models on any GPU, sample them, draw what they do, measure their error
#[derive(Parser)]
#[command(name = "scorefield", version, after_help = EXAMPLES, arg_required_else_help = true, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: Global,
}

/// Flags that every command takes.
#[derive(clap::Args, Clone)]
pub struct Global {
    /// Seed of everything random
    #[arg(long, global = true, default_value_t = 0, help_heading = "Everywhere")]
    pub seed: u64,
    /// Device: number or part of a name from `scorefield devices`, a backend, or `reference` (the host in f64, slow)
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub device: Option<String>,
    /// Seconds without an answer after which the device counts as hanging [default: 120, software devices: no end]
    #[arg(long, global = true, value_parser = seconds, help_heading = "Everywhere")]
    pub device_timeout: Option<f64>,
    /// Refuse to run on a software device
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub require_gpu: bool,
    #[arg(long, global = true, help = choices("Kernel family, the fastest if not given", FAMILIES, |f| f.name), help_heading = "Everywhere")]
    pub family: Option<String>,
    #[arg(long, global = true, help = choices("Numbers that products multiply; sums and weights are f32 always", PRECISIONS, |p| p.0), default_value = "f32", conflicts_with = "family", help_heading = "Everywhere")]
    pub precision: String,
    /// Print one JSON object instead of text
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub json: bool,
    /// What stderr holds: text, or json (an object a line: errors, notes, progress)
    #[arg(long, global = true, default_value = "text", value_parser = ["text", "json"], help_heading = "Everywhere")]
    pub log_format: String,
    /// No progress and no remarks
    #[arg(long, short, global = true, help_heading = "Everywhere")]
    pub quiet: bool,
}

/// A number of seconds that a clock can count.
fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(s) if (1e-3..=1e6).contains(&s) => Ok(s),
        _ => Err("0.001 to 1000000 seconds".into()),
    }
}

const EXAMPLES: &str = "\
Examples:
  scorefield demo                                    train a toy set, sample it, draw it
  scorefield train table.csv --out r                 a model of your own table
  scorefield sample r -n 1000 -o synthetic.csv       rows with the same header
  scorefield lint table.csv                          what speaks against the settings, before training
  scorefield eval r                                  how good it is, each number with its floor
  scorefield logp r points.csv                       the density of the model at points of yours
  scorefield audit r                                 where its error comes from
  scorefield compare r                               its samplers side by side, and error against cost
  scorefield construct ratio --data gmm -o n.safetensors    a network nobody trained, with a certified error

Data sets are name[@variant][:key=value,...] (`scorefield data` lists them) or a file: CSV, NPY, NPZ, or a PNG
as a density. Times run from 0 (data) to T (noise).

Exit codes: 0 done, 2 usage, 3 data, 4 checkpoint, 5 device, 6 device lost, 7 cannot write, 8 run busy,
9 diverged, 10 check failed, 70 a bug, 130 Ctrl-C, 143 terminated.";

#[derive(Subcommand)]
enum Command {
    Demo(demo::Args),
    Train(Box<train::Args>),
    Sample(sample::Args),
    Eval(eval::Args),
    Logp(Box<logp::Args>),
    Data(Box<data::Args>),
    Plot(Box<plot::Args>),
    Animate(Box<animate::Args>),
    Compare(Box<compare::Args>),
    Construct(Box<construct::Args>),
    Bench(bench::Args),
    Lint(Box<lint::Args>),
    Audit(audit::Args),
    Report(report::Args),
    Study(study::Args),
    Devices(device::DevicesArgs),
    Doctor(device::DoctorArgs),
}

/// What a command gets.
pub struct Context {
    /// Flags that every command takes.
    pub global: Global,
    /// Where it prints.
    pub ui: Ui,
    /// Which flags were given by hand.
    pub matches: ArgMatches,
}

impl Context {
    /// Opens the engine the user asked for; a software device is named once.
    pub fn engine(&self) -> Result<Box<dyn Engine>> {
        if self.global.device.as_deref() == Some("reference") {
            if self.halves()?.is_some() {
                return Err(Error::usage(
                    Problem::new("the reference computes in f64").at("--precision").found(&self.global.precision),
                ));
            }
            return Ok(Box::new(Reference::default()));
        }
        Ok(Box::new(self.gpu()?))
    }

    /// Opens the device the user asked for, where the host in f64 is none.
    pub fn gpu(&self) -> Result<Gpu> {
        let choice = Choice {
            device: self.global.device.clone(),
            require_gpu: self.global.require_gpu,
            matrices: self.global.family.as_deref() == Some("matrix"),
            timeout: self.global.device_timeout.map(Duration::from_secs_f64),
        };
        let mut gpu = Gpu::open(&choice)?;
        if let Err(why) = self.select(&mut gpu) {
            if self.global.family.is_some() || self.global.precision != "f32" {
                return Err(why);
            }
            self.ui.note(&format!("kernels could not be compared, the plainest are used: {why}"));
            gpu = Gpu::open(&choice)?;
        }
        if !self.global.quiet {
            gpu.tell_waiting(ui::tell_waiting);
        }
        if gpu.adapter().is_software() {
            self.ui.note(&format!(
                "no GPU in use: running on the software device {} [W-SOFTWARE-DEVICE]",
                gpu.adapter().name
            ));
        }
        Ok(gpu)
    }

    /// Makes the device use the kernels that `--family` names, or those that are the fastest on it.
    fn select(&self, gpu: &mut Gpu) -> Result<()> {
        if let Some(family) = &self.global.family
            && !FAMILIES.iter().any(|f| f.name == family && f.halves)
        {
            return gpu.force_family(family);
        }
        if let Some(family) = self.halves()? {
            let off = selection::adopt_halves(gpu, family)?;
            self.ui.note(&format!(
                "f16 agrees with f32 over the first training steps: losses differ by {off:.1e} of their size"
            ));
            return Ok(());
        }
        selection::select(gpu, &selection::Cache::default())?.iter().for_each(|note| self.ui.note(note));
        Ok(())
    }

    /// The kernel family of f16 that `--family` or `--precision` asks for, if any.
    fn halves(&self) -> Result<Option<&'static str>> {
        if let Some(family) = &self.global.family {
            return Ok(FAMILIES.iter().find(|f| f.name == family && f.halves).map(|f| f.name));
        }
        let found = PRECISIONS.iter().find(|(name, _)| *name == self.global.precision);
        found.map(|(_, family)| *family).ok_or_else(|| {
            let names: Vec<_> = PRECISIONS.iter().map(|(n, _)| *n).collect();
            Error::usage(
                Problem::new("no such precision")
                    .at("--precision")
                    .found(&self.global.precision)
                    .expected(names.join(", ")),
            )
        })
    }

    /// Whether a flag was given on the command line.
    pub fn given(&self, id: &str) -> bool {
        let from = self.matches.try_contains_id(id).ok().and_then(|_| self.matches.value_source(id));
        from == Some(clap::parser::ValueSource::CommandLine)
    }
}

/// Help of `eval --steps`.
const STEPS: &str = "Reverse steps; several, separated by commas, show how the error falls";

/// The parser; a negative number is a value, to be refused by the flag that gets it.
fn command() -> clap::Command {
    let all = Cli::command().mut_subcommands(|c| c.allow_negative_numbers(true));
    // before training and sampling, steps without more are those of the reverse process
    let all = all.mut_subcommand("lint", |c| c.mut_arg("steps", |a| a.long("train-steps")));
    // only here are several numbers of steps of use
    all.mut_subcommand("eval", |c| c.mut_arg("steps", |a| a.value_delimiter(',').help(STEPS)))
}

/// Parses the arguments, runs the command, and gives the exit code.
pub fn main(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> u8 {
    let arguments: Vec<_> = arguments.into_iter().collect();
    ui::log_as_json(wants_json_log(&arguments));
    let matches = match command().try_get_matches_from(arguments) {
        Ok(m) => m,
        Err(e) => return usage(&e),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(c) => c,
        Err(e) => return usage(&e),
    };
    let ui = Ui::new(cli.global.json, cli.global.quiet);
    let inner = matches.subcommand().map(|(_, m)| m.clone()).unwrap_or_default();
    let mut context = Context { global: cli.global, ui, matches: inner };
    let outcome = dispatch(&mut context, cli.command);
    match outcome.and_then(|()| context.ui.finish()) {
        Ok(()) => 0,
        Err(e) if crate::io::is_closed_pipe(&e) => 141,
        Err(e) => {
            ui::complain(&e);
            e.exit_code()
        }
    }
}

/// Whether `--log-format json` is among the arguments; asked before they are parsed, because what is wrong with them is told in
/// that format too.
fn wants_json_log(arguments: &[std::ffi::OsString]) -> bool {
    let pairs = arguments.iter().zip(arguments.iter().skip(1).map(Some).chain([None]));
    let mut flags = pairs.take_while(|(word, _)| *word != "--");
    flags.any(|(word, next)| {
        word == "--log-format=json" || (word == "--log-format" && next.is_some_and(|value| value == "json"))
    })
}

fn dispatch(context: &mut Context, command: Command) -> Result<()> {
    match command {
        Command::Demo(a) => demo::run(context, &a),
        Command::Train(a) => train::run(context, &a),
        Command::Sample(a) => sample::run(context, &a),
        Command::Eval(a) => eval::run(context, &a),
        Command::Logp(a) => logp::run(context, &a),
        Command::Data(a) => data::run(context, &a),
        Command::Plot(a) => plot::run(context, &a),
        Command::Animate(a) => animate::run(context, &a),
        Command::Compare(a) => compare::run(context, &a),
        Command::Construct(a) => construct::run(context, &a),
        Command::Bench(a) => bench::run(context, &a),
        Command::Lint(a) => lint::run(context, &a),
        Command::Audit(a) => audit::run(context, &a),
        Command::Report(a) => report::run(context, &a),
        Command::Study(a) => study::run(context, &a),
        Command::Devices(a) => device::devices(context, &a),
        Command::Doctor(a) => device::doctor(context, &a),
    }
}

/// Runs a command from within another, with the same flags everywhere and the same output.
fn nested(context: &mut Context, arguments: &[&str]) -> Result<()> {
    let words = std::iter::once("scorefield").chain(arguments.iter().copied());
    let fault = |e: clap::Error| Error::bug(Problem::new(format!("a command within a command is wrong: {e}")));
    let matches = command().try_get_matches_from(words).map_err(fault)?;
    let cli = Cli::from_arg_matches(&matches).map_err(fault)?;
    context.matches = matches.subcommand().map(|(_, m)| m.clone()).unwrap_or_default();
    dispatch(context, cli.command)
}

/// Runs the program so that a fault of it ends in one line, a request and exit code 70, not in a backtrace.
pub fn without_panics(program: impl FnOnce() -> u8 + std::panic::UnwindSafe) -> u8 {
    std::panic::set_hook(Box::new(|fault| {
        let said = fault.payload_as_str().unwrap_or("a fault without words");
        let problem = Problem::new(format!("the program is wrong here: {said}"));
        let hint = "please report this line with the command that led to it; finished files are whole";
        let place = fault.location().map_or_else(|| "an unknown place".into(), ToString::to_string);
        ui::complain(&Error::bug(problem.at(place).hint(hint)));
    }));
    std::panic::catch_unwind(program).unwrap_or(70)
}

/// clap's own message, in our shape for mistakes and as it is for help.
fn usage(error: &clap::Error) -> u8 {
    use clap::error::ErrorKind;
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // a closed pipe is no failure of a help text
        let _ = error.print();
        return 0;
    }
    let text = error.render().to_string();
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // unlike eprint!, this survives a closed or full stderr
        let _ = write!(std::io::stderr(), "{text}");
        return 2;
    }
    let first = text.lines().take_while(|l| !l.trim().is_empty()).collect::<Vec<_>>().join(" ");
    let what = first.trim_start_matches("error: ").to_string();
    let hint = text
        .lines()
        .find(|l| l.trim_start().starts_with("tip:"))
        .map(|l| l.trim().trim_start_matches("tip: ").to_string());
    let mut problem = Problem::new(what);
    problem.hint = hint.or_else(|| Some("`scorefield --help` lists commands and flags".into()));
    let e = Error::usage(problem);
    ui::complain(&e);
    e.exit_code()
}
