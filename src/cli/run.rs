//! What commands that take a RUN share: finding the model behind a name, or the law that stands for one.

use std::path::{Path, PathBuf};

use super::Context;
use crate::config::{self, Loaded, RunConfig};
use crate::error::{Error, Problem, Result};
use crate::io::{Checkpoint, RunDir};
use crate::model::{ModelCard, Which};
use crate::oracle::Law;
use crate::process::PROCESSES;
use crate::score::{AnyScore, ExactScore};
use crate::session;
use crate::train::ProcessOptions;

/// A model with where it came from.
pub struct Found {
    /// The run directory; `None` for a lone checkpoint file, and for a law.
    pub dir: Option<RunDir>,
    /// Its description; of a law, that of a model which would be trained on it.
    pub card: ModelCard,
    /// Its score.
    pub score: AnyScore,
    /// Steps it was trained for.
    pub step: u64,
    /// Remarks, such as which weights were taken.
    pub notes: Vec<String>,
    /// Its data, where they were needed to make the score.
    pub loaded: Option<Loaded>,
    /// What kind of score it is: `exact`, `empirical`, or nothing for a trained one.
    pub kind: Option<&'static str>,
}

/// A row of [`KINDS`].
struct Kind {
    name: &'static str,
    law: fn(&Loaded) -> Result<Law>,
}

/// Every score that needs no training.
const KINDS: &[Kind] = &[Kind { name: "exact", law: exact }, Kind { name: "empirical", law: empirical }];

fn exact(loaded: &Loaded) -> Result<Law> {
    let oracle = loaded.data.truth.as_ref().and_then(|law| law.oracle());
    let oracle = oracle.ok_or_else(|| {
        Error::usage(
            Problem::new("the exact score is only known where the law is")
                .at(&loaded.data.name)
                .expected("a named distribution or a PNG")
                .hint("`--score empirical` takes the rows of a file as the law"),
        )
    })?;
    Law::of(oracle)
}

fn empirical(loaded: &Loaded) -> Result<Law> {
    Law::empirical(&loaded.data.train, loaded.data.dim)
}

/// Whose score is used.
#[derive(clap::Args, Clone)]
pub struct ScoreArgs {
    /// Whose score: a RUN (the default), `exact` (the law of the data), `empirical` (its training rows as the law)
    #[arg(long, help_heading = "Score")]
    pub score: Option<String>,
    /// Data of an exact or empirical score where no RUN gives it: a named distribution or a file
    #[arg(long, help_heading = "Score")]
    pub data: Option<String>,
    /// Rows of a named distribution that an empirical score takes
    #[arg(long, default_value_t = 10_000, help_heading = "Score")]
    pub rows: usize,
    #[command(flatten)]
    pub process: ProcessOptions,
}

/// Flags of a process, which a RUN has already.
fn process_flags() -> impl Iterator<Item = &'static str> {
    let keys = PROCESSES.iter().flat_map(|row| row.keys).map(|key| key.name);
    ["process", "t_max", "t0"].into_iter().chain(keys)
}

impl ScoreArgs {
    fn kind(&self) -> Option<&'static Kind> {
        self.score.as_deref().and_then(|name| KINDS.iter().find(|k| k.name == name))
    }

    /// The model that RUN (as given, or by `--score`) names, or the law that stands for one.
    pub fn find(&self, context: &Context, run: Option<&str>, which: Which) -> Result<Found> {
        if let Some(kind) = self.kind() {
            return self.law(context, run, kind);
        }
        let problem = |what: &str| Problem::new(what);
        let name = match (run, self.score.as_deref()) {
            (Some(name), None) | (None, Some(name)) => name,
            (None, None) => {
                return Err(Error::usage(
                    problem("no score was named")
                        .expected("a RUN, or --score exact or empirical with --data NAME|FILE")
                        .hint("`last` is the newest run"),
                ));
            }
            (Some(name), Some(score)) => {
                return Err(Error::usage(
                    problem("two models were named").at("--score").found(format!("{name} and {score}")).expected("one"),
                ));
            }
        };
        if let Some(data) = &self.data {
            let problem = problem("a trained model has data of its own").at("--data").found(data);
            return Err(Error::usage(problem.hint("--data goes with --score exact or --score empirical")));
        }
        self.no_process(context)?;
        open(name, which)
    }

    /// Refuses flags of a process where a run has one.
    fn no_process(&self, context: &Context) -> Result<()> {
        match process_flags().find(|flag| context.given(flag)) {
            None => Ok(()),
            Some(flag) => {
                let problem =
                    Problem::new("a run has a process of its own").at(format!("--{}", flag.replace('_', "-")));
                Err(Error::usage(problem.hint("flags of a process go with --score exact and --data")))
            }
        }
    }

    fn law(&self, context: &Context, run: Option<&str>, kind: &'static Kind) -> Result<Found> {
        if let (Some(run), Some(data)) = (run, &self.data) {
            let problem =
                Problem::new("two sources of data were named").at("--data").found(format!("{run} and {data}"));
            return Err(Error::usage(problem.expected("a RUN or --data")));
        }
        let source = run.or(self.data.as_deref()).ok_or_else(|| {
            Error::usage(
                Problem::new("no data was named")
                    .at(format!("--score {}", kind.name))
                    .expected("a RUN, or --data NAME|FILE")
                    .hint(format!("try `--score {} --data moons`", kind.name)),
            )
        })?;
        let mut config = RunConfig { source: source.into(), seed: context.global.seed, ..RunConfig::default() };
        config.data.n = Some(self.rows);
        config.process = self.process.clone();
        let mut dir = None;
        if self.data.is_none() && is_run(source) {
            self.no_process(context)?;
            let found = open(source, Which::Average)?;
            let opened = found.dir.or_else(|| RunDir::open(source).ok());
            let of = opened.as_ref().filter(|d| d.config().exists()).ok_or_else(|| {
                let problem = Problem::new("a lone checkpoint does not say its data").at(source);
                Error::usage(problem.expected("a run directory").hint("name the data with --data"))
            })?;
            config = RunConfig::from_toml(&of.config())?;
            dir = opened;
        }
        let process = config.process.build()?;
        let loaded = config::load(&config)?;
        let law = (kind.law)(&loaded)?;
        let mut notes = loaded.data.notes.clone();
        notes.push(match kind.name {
            "empirical" => {
                format!("{}: the law of {} training rows, each an atom", loaded.data.name, loaded.data.rows())
            }
            _ => format!("{}: the exact law", loaded.data.name),
        });
        let card = session::card(&config, &loaded);
        let score = AnyScore::new(process.clone(), ExactScore { process, law });
        Ok(Found { dir, card, score, step: 0, notes, loaded: Some(loaded), kind: Some(kind.name) })
    }
}

/// Whether a name is meant as a run: a directory, a checkpoint, `last`, or a number.
pub fn is_run(name: &str) -> bool {
    let path = Path::new(name);
    path.is_dir()
        || path.extension().is_some_and(|e| e == "safetensors")
        || name == "last"
        || name.parse::<u64>().is_ok()
}

/// Opens RUN: a directory, a checkpoint file, a number, or `last`.
pub fn open(name: &str, which: Which) -> Result<Found> {
    let lone = Path::new(name).is_file();
    let (dir, place, checkpoint, mut notes) = if lone {
        let path = PathBuf::from(name);
        let (checkpoint, notes) = Checkpoint::load(&path)?;
        (None, path, checkpoint, notes)
    } else {
        let dir = RunDir::open(name)?;
        if let Some(members) = dir.ensemble()? {
            let first = members.first().map(|(_, path)| path.display().to_string()).unwrap_or_default();
            let problem = Problem::new("the run is an ensemble, not one model").at(name);
            let expected = format!("one of its {} members, such as {first}", members.len());
            return Err(Error::usage(problem.expected(expected).hint("`eval` takes an ensemble whole")));
        }
        let (_, path, checkpoint, notes) = dir.latest_checkpoint()?;
        (Some(dir), path, checkpoint, notes)
    };
    let place = place.display().to_string();
    let card = ModelCard::of(&checkpoint, &place)?;
    let (score, weights) = card.score(&checkpoint, which, &place)?;
    notes.push(format!("{place}: {} weights", weights));
    let step = checkpoint.metadata.get("step").and_then(|s| s.parse().ok()).unwrap_or(0);
    let score = AnyScore::new(score.process.clone(), score);
    Ok(Found { dir, card, score, step, notes, loaded: None, kind: None })
}
