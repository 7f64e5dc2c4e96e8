//! What `plot`, `animate` and `data` share: finding what is meant, checking what was asked for.

use std::path::{Path, PathBuf};

use super::Context;
use super::run::{self, Found, ScoreArgs};
use super::sample::SamplerArgs;
use super::signals::Signals;
use super::ui::{Progress, missing_directory};
use crate::config::{self, RunConfig};
use crate::error::{Error, Problem, Result, nearest};
use crate::io::{Missing, ReadOptions, RunDir, check_writable, read_table};
use crate::pictures::{self, Log, Look, Model, Subject};
use crate::process::Plan;
use crate::recording::Engine;
use crate::render::charts::MAX_COLUMNS;
use crate::render::figure::WIDTHS;
use crate::sample::Probe;

/// Size and colours of a picture.
#[derive(clap::Args, Clone)]
pub struct LookArgs {
    /// Width in pixels; text and lines grow with it
    #[arg(long, default_value_t = 1000, help_heading = "Look")]
    pub width: u32,
    /// Colours: light (for paper), dark (for screens)
    #[arg(long, default_value = "light", help_heading = "Look")]
    pub theme: String,
}

impl LookArgs {
    /// Checked.
    pub fn look(&self) -> Result<Look> {
        // narrower than this nothing can be read
        let (least, most) = (200, *WIDTHS.end());
        if !(least..=most).contains(&self.width) {
            let problem = Problem::new("the width of the picture is out of range").at("--width").found(self.width);
            return Err(Error::usage(problem.expected(format!("{least} to {most} pixels"))));
        }
        let theme = self.theme.parse().map_err(|mut e: Error| {
            e.problem_mut().place = Some("--theme".into());
            e
        })?;
        Ok(Look { width: self.width, theme })
    }
}

/// A run, or something without a model.
pub(super) struct Scene {
    /// The truth.
    pub subject: Subject,
    /// The model; of an ensemble, its first member.
    pub found: Option<Found>,
    /// The ensemble, where that was named.
    pub ensemble: Option<Ensemble>,
}

/// Runs that were trained side by side.
pub(super) struct Ensemble {
    dir: RunDir,
    members: Vec<RunDir>,
}

impl Ensemble {
    fn open(name: &str) -> Result<Option<Self>> {
        let Some(dir) = Some(name).filter(|name| run::is_run(name)).and_then(|name| RunDir::open(name).ok()) else {
            return Ok(None);
        };
        let Some(list) = dir.ensemble()? else { return Ok(None) };
        let members = list.iter().map(|(_, path)| RunDir::open(&path.display().to_string())).collect::<Result<_>>()?;
        Ok(Some(Self { dir, members }))
    }
}

impl Scene {
    /// Where figures go when nothing is said, if the run has a place for them.
    pub fn figures(&self) -> Option<PathBuf> {
        let dir = self.ensemble.as_ref().map(|e| &e.dir).or(self.found.as_ref().and_then(|f| f.dir.as_ref()));
        dir.map(RunDir::figures)
    }

    /// The logs of the run, or the means over those of an ensemble.
    pub fn log(&self) -> Result<Option<Log>> {
        let read = |dir: &RunDir| Log::read(&dir.train_log(), &dir.metrics_log());
        match (&self.ensemble, self.found.as_ref().and_then(|f| f.dir.as_ref())) {
            (Some(e), _) => Ok(Some(Log::of_members(&e.members.iter().map(read).collect::<Result<Vec<_>>>()?))),
            (None, Some(dir)) => read(dir).map(Some),
            (None, None) => Ok(None),
        }
    }
}

/// Finds what is meant: a run if there is one of that name, else a law or a file.
pub(super) fn scene(
    context: &Context,
    name: Option<&str>,
    args: &SamplerArgs,
    score: &ScoreArgs,
    missing: Missing,
) -> Result<Scene> {
    let bare = name.or(score.data.as_deref()).filter(|name| score.score.is_none() && !run::is_run(name));
    if let Some(name) = bare {
        return Ok(Scene { subject: load(context, name, missing)?, found: None, ensemble: None });
    }
    let ensemble = name.map(Ensemble::open).transpose()?.flatten();
    let first = ensemble.as_ref().and_then(|e| e.members.first()).map(|dir| dir.path().display().to_string());
    if let (Some(e), Some(first)) = (&ensemble, &first) {
        let (name, n) = (e.dir.path().display(), e.members.len());
        context.ui.note(&format!(
            "{name} is an ensemble of {n}: losses are means over its members with bands from the lowest to the highest, \
             everything else is of its first member, {first}"
        ));
    }
    let found = score.find(context, first.as_deref().or(name), args.scheme.which()?)?;
    found.notes.iter().for_each(|n| context.ui.note(n));
    Ok(Scene { subject: truth_of(context, &found), found: Some(found), ensemble })
}

/// A law with draws, or the rows of a file.
pub fn load(context: &Context, source: &str, missing: Missing) -> Result<Subject> {
    if let Some(law) = config::law(source)? {
        return Ok(Subject::of_law(law, context.global.seed));
    }
    let read = ReadOptions { allow_point_mass: true, missing, ..ReadOptions::default() };
    let table = read_table(Path::new(source), &read)?;
    table.notes.iter().for_each(|n| context.ui.note(n));
    Ok(Subject::of_rows(&stem(source), table.schema.encoded_names(), table.values))
}

/// The truth behind a run; where its data is gone the pictures show the model alone.
pub fn truth_of(context: &Context, found: &Found) -> Subject {
    let card = &found.card;
    let names = card.schema.as_ref().map(crate::io::Schema::encoded_names);
    let bare = || {
        let names = names.clone().unwrap_or_else(|| (1..=card.dim).map(|i| format!("x{i}")).collect());
        Subject::unknown(&stem(&card.source), names)
    };
    let of_run = found.dir.as_ref().and_then(|d| RunConfig::from_toml(&d.config()).ok());
    let read = of_run.map_or_else(|| Ok(ReadOptions::default()), |c| c.data.read());
    let loaded = match config::law(&card.source) {
        Ok(Some(law)) => Ok(Subject::of_law(law, card.seed)),
        Ok(None) if card.source == "-" => Err(Error::data(Problem::new("the data came from stdin"))),
        Ok(None) => read
            .and_then(|read| read_table(Path::new(&card.source), &ReadOptions { allow_point_mass: true, ..read }))
            .map(|table| Subject::of_rows(&stem(&card.source), table.schema.encoded_names(), table.values)),
        Err(e) => Err(e),
    };
    match loaded {
        Ok(subject) if subject.dim == card.dim => subject,
        Ok(_) => {
            context.ui.note(&format!(
                "{} has other columns than the model was trained on: drawing the model alone",
                card.source
            ));
            bare()
        }
        Err(e) => {
            context.ui.note(&format!("the data is not there ({}): drawing the model alone", e.problem()));
            bare()
        }
    }
}

fn stem(source: &str) -> String {
    if source == "-" {
        return "stdin".into();
    }
    Path::new(source).file_stem().and_then(|s| s.to_str()).unwrap_or(source).to_string()
}

/// Where a picture goes when nothing is said.
pub(super) fn default_output(found: Option<&Found>, subject: &Subject, name: &str) -> PathBuf {
    match found.and_then(|f| f.dir.as_ref()) {
        Some(dir) => dir.figures().join(name),
        None => {
            let clean: String =
                subject.name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).take(40).collect();
            PathBuf::from(format!("{}-{name}", clean.trim_matches('-')))
        }
    }
}

/// The number of a column that was given by its name or, counted from 0, by its number.
fn column(word: &str, subject: &Subject) -> Result<usize> {
    let word = word.trim();
    // subscripts are hard to type
    let plain = |name: &str| -> String {
        let digit = |c: char| char::from_digit((c as u32).wrapping_sub(0x2080), 10).unwrap_or(c);
        name.chars().map(digit).collect()
    };
    let names: Vec<String> = subject.columns.iter().map(|name| plain(name)).collect();
    if let Some(place) = names.iter().position(|name| name == word) {
        return Ok(place);
    }
    if let Some(number) = word.parse::<usize>().ok().filter(|n| *n < subject.dim) {
        return Ok(number);
    }
    let shown: Vec<&str> = names.iter().take(24).map(String::as_str).collect();
    let more = if names.len() > shown.len() { ", .." } else { "" };
    let problem = Problem::new("there is no such column").at("--columns").found(format!("`{word}`"));
    let problem =
        problem.expected(format!("a number from 0 to {}, or a name: {}{more}", subject.dim - 1, shown.join(", ")));
    let start = names.iter().find(|name| name.split('=').next() == Some(word));
    Err(Error::usage(match (start, nearest(word, names.iter().map(String::as_str))) {
        (Some(level), _) => problem.hint(format!("a column of words is drawn level by level: {level}")),
        (None, Some(near)) => problem.hint(format!("did you mean {near}?")),
        (None, None) => problem,
    }))
}

/// The columns to show: as given, or the first that the kind can show.
pub(super) fn columns(args: &[String], subject: &Subject, pairs: bool) -> Result<Vec<usize>> {
    let args = args.iter().map(|word| column(word, subject)).collect::<Result<Vec<usize>>>()?;
    subject.check_columns(&args)?;
    let most = if pairs { MAX_COLUMNS } else { 2 };
    if args.is_empty() {
        return Ok((0..subject.dim.min(most)).collect());
    }
    let least = if pairs { 1 } else { 2.min(subject.dim) };
    if !(least..=most).contains(&args.len()) {
        let expected = if pairs { format!("1 to {MAX_COLUMNS} columns") } else { format!("{least} columns") };
        let problem = Problem::new("the picture cannot show these columns").at("--columns").found(args.len());
        return Err(Error::usage(problem.expected(expected).hint("--kind pairs shows up to six")));
    }
    Ok(args)
}

/// Refuses an output that is not a PNG or cannot be written; says when a directory was made for one that was asked for.
pub(super) fn check_png(context: &Context, path: &Path, force: bool) -> Result<()> {
    if path.extension().is_none_or(|e| !e.eq_ignore_ascii_case("png")) {
        return Err(Error::usage(
            Problem::new("pictures are written as PNG")
                .at("-o")
                .found(path.display())
                .expected("a name that ends in .png"),
        ));
    }
    let made = missing_directory(path).filter(|d| d.file_name().is_none_or(|name| name != "figures"));
    check_writable(path, force)?;
    context.ui.note_made(made);
    Ok(())
}

pub(super) fn check_count(flag: &str, n: usize, most: usize) -> Result<usize> {
    if (1..=most).contains(&n) {
        return Ok(n);
    }
    Err(Error::usage(Problem::new("a count is out of range").at(flag).found(n).expected(format!("1 to {most}"))))
}

/// The reverse process that the flags ask for.
pub(super) fn plan(args: &SamplerArgs, found: &Found, engine: &mut dyn Engine, seed: u64) -> Result<Plan> {
    let process = &found.score.process;
    args.plan(process, Some(&mut Probe { engine, score: &found.score, process, seed }))
}

/// The sampler for pictures of motion: the one asked for, or one without noise.
pub(super) fn smooth(context: &Context, args: &SamplerArgs) -> SamplerArgs {
    let sampler = if context.given("sampler") { args.sampler.clone() } else { pictures::SMOOTH.into() };
    SamplerArgs { sampler, ..args.clone() }
}

pub(super) fn model_of<'a>(found: &'a Found, plan: &'a Plan, args: &SamplerArgs, seed: u64) -> Model<'a> {
    Model {
        card: &found.card,
        score: &found.score,
        plan,
        sampler: match found.kind {
            Some(kind) => format!("{} with the {kind} score, {} steps", args.sampler, args.steps),
            None => format!("{}, {} steps", args.sampler, args.steps),
        },
        seed,
    }
}

/// `n` rows of a subject: the first of a file, fresh draws of a law.
pub(super) fn cut(subject: &Subject, n: usize, seed: u64) -> Subject {
    let rows = match &subject.law {
        Some(law) => law.draw(seed, crate::random::Purpose::Data, 0, n),
        None => subject.rows[..subject.rows.len().min(n * subject.dim)].to_vec(),
    };
    Subject { rows, ..subject.clone() }
}

/// Shows progress, and stops when asked to.
pub(super) fn watcher<'a>(progress: &'a mut Progress, signals: &'a Signals) -> impl FnMut(u64, u64) -> Result<()> + 'a {
    |done, total| {
        progress.at_of(done, total, "samples");
        signals.stop().map_or(Ok(()), Err)
    }
}
