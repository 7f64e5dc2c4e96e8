//! `report`: everything that is known of a run or a study as one HTML file.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Context, lint, nested, report_study, run};
use crate::config::{self, RunConfig};
use crate::error::{Error, Problem, Result};
use crate::io::{OutputFile, RunDir};
use crate::metrics::short;
use crate::model::Which;
use crate::pictures::Log;
use crate::report::Page;

/// Largest picture that is put into a report, bytes.
const LARGEST: u64 = 16 << 20;

/// Everything that is known of a run or a study in one HTML file, with its pictures, to be mailed or kept
#[derive(clap::Args)]
#[command(after_help = "\
Pictures, evaluation and audit that the run does not have yet are made first, with the defaults of `plot --kind all`,
`eval` and `audit --budget 0`, unless --as-is is given.

Examples:
  scorefield report last                  into the run's report.html
  scorefield report studies/benton-quick  into report.html in the directory of that study
  scorefield report r -o report.html --force")]
pub struct Args {
    /// Run directory, number of a run, or `last`; or the directory of a study
    #[arg(value_name = "RUN|STUDY")]
    run: String,
    /// Output, an .html (default: report.html in that directory)
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Replace an existing output file
    #[arg(long)]
    force: bool,
    /// Take what is there and make nothing
    #[arg(long)]
    as_is: bool,
}

/// Writes the report.
pub fn run(context: &mut Context, args: &Args) -> Result<()> {
    let study = report_study::is_study(Path::new(&args.run));
    let home = if study { PathBuf::from(&args.run) } else { RunDir::open(&args.run)?.path().to_path_buf() };
    let output = args.output.clone().unwrap_or_else(|| home.join("report.html"));
    let force = args.force || args.output.is_none();
    crate::io::check_writable(&output, force)?;
    let (page, title) = if study { report_study::page(&home)? } else { page(context, args)? };
    let text = page.finish(&title);
    let mut file = OutputFile::create(&output, force)?;
    file.write_bytes(text.as_bytes())?;
    file.finish()?;
    context.ui.value("output", output.display().to_string());
    context.ui.value("bytes", text.len());
    context.ui.say(&output.display().to_string())
}

/// The page of a run, and its title.
fn page(context: &mut Context, args: &Args) -> Result<(Page, String)> {
    let dir = RunDir::open(&args.run)?;
    let found = run::open(&args.run, Which::Average)?;
    if !args.as_is {
        complete(context, &dir)?;
    }
    let config = RunConfig::from_toml(&dir.config())?;
    let title = format!("Scorefield: {}", config.source);
    let mut page = Page::new(&title);
    page.say(&format!("{} after {} steps; seed {}.", dir.path().display(), found.step, config.seed));
    losses(&mut page, &dir)?;
    metrics(&mut page, &dir)?;
    audit(&mut page, &dir);
    warnings(&mut page, &config);
    figures(&mut page, &dir)?;
    reproduce(&mut page, &dir, &config)?;
    Ok((page, title))
}

/// Makes what is missing, by the commands a person would type.
fn complete(context: &mut Context, dir: &RunDir) -> Result<()> {
    let name = dir.path().display().to_string();
    // every gallery has this one
    if !dir.figures().join("loss.png").exists() {
        nested(context, &["plot", &name, "--kind", "all"])?;
    }
    if last_evaluation(dir)?.is_none() {
        nested(context, &["eval", &name, "-n", "4000"])?;
    }
    if !dir.path().join("audit.json").exists() {
        nested(context, &["audit", &name, "--budget", "0"])?;
    }
    Ok(())
}

fn losses(page: &mut Page, dir: &RunDir) -> Result<()> {
    let log = Log::read(&dir.train_log(), &dir.metrics_log())?;
    page.section("Losses");
    if let Some((step, loss)) = log.held_out.last() {
        let floor = log.floor.map_or("not known".into(), |(f, e)| format!("{} +- {}", short(f), short(e)));
        let excess = log.floor.map_or(String::new(), |(f, _)| format!("{:+.2} %", 100.0 * (loss / f - 1.0)));
        let row = vec![short(*step), short(*loss), floor, excess];
        page.table(&["step", "held-out loss", "exact floor (+- standard error)", "above the floor"], &[row]);
    }
    Ok(())
}

/// The newest line of an evaluation in the log.
fn last_evaluation(dir: &RunDir) -> Result<Option<Value>> {
    let text = match std::fs::read_to_string(dir.metrics_log()) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => {
            let problem = Problem::new(format!("the log cannot be read: {e}")).at(dir.metrics_log().display());
            return Err(Error::checkpoint(problem));
        }
    };
    let lines = text.lines().rev().filter_map(|l| serde_json::from_str::<Value>(l).ok());
    Ok(lines.into_iter().find(|l| l.get("eval/n").is_some()))
}

fn metrics(page: &mut Page, dir: &RunDir) -> Result<()> {
    page.section("Metrics");
    let Some(line) = last_evaluation(dir)? else {
        page.say("Not measured yet: scorefield eval RUN.");
        return Ok(());
    };
    let number = |key: &str| line.get(key).and_then(Value::as_f64).map(short);
    let (mut rows, mut columns) = (Vec::new(), Vec::new());
    for (key, value) in line.as_object().into_iter().flatten() {
        let Some(name) = key.strip_prefix("eval/") else { continue };
        let part = ["/low", "/high", "/floor", "/floor_sd"].iter().any(|end| name.ends_with(end));
        let Some(value) = value.as_f64().filter(|_| !part && !matches!(name, "n" | "seed" | "steps")) else { continue };
        let interval = number(&format!("{key}/low")).zip(number(&format!("{key}/high")));
        let floor = number(&format!("{key}/floor")).zip(number(&format!("{key}/floor_sd")));
        let floor = floor.map_or(String::new(), |(m, sd)| format!("{m} +- {sd}"));
        if let Some((column, what)) = name.strip_prefix("column/").and_then(|rest| rest.rsplit_once('/')) {
            columns.push(vec![column.to_string(), what.to_uppercase(), short(value), floor]);
            continue;
        }
        rows.push(vec![
            name.replace('_', " "),
            short(value),
            interval.map_or(String::new(), |(a, b)| format!("[{a}, {b}]")),
            floor,
        ]);
    }
    let word = |key: &str| line.get(key).map_or(String::new(), |v| v.to_string().trim_matches('"').to_string());
    page.table(&["metric", "value", "95 % interval", "floor: what true rows give (+- sd)"], &rows);
    if !columns.is_empty() {
        page.table(&["column", "distance", "value", "floor: what true rows give (+- sd)"], &columns);
    }
    if let Some(verdict) = line.get("eval/verdict").and_then(Value::as_str) {
        page.say(&format!("Verdict: {verdict}."));
    }
    if line.get("eval/standardise").and_then(Value::as_bool) == Some(true) {
        page.say("Distances are in standard deviations of the columns.");
    }
    page.say(&format!(
        "{} samples, sampler {}, {} steps, grid {}.",
        word("eval/n"),
        word("eval/sampler"),
        word("eval/steps"),
        word("eval/grid")
    ));
    Ok(())
}

fn audit(page: &mut Page, dir: &RunDir) {
    page.section("Where the error comes from");
    let text = std::fs::read_to_string(dir.path().join("audit.json")).ok();
    let Some(value) = text.and_then(|t| serde_json::from_str::<Value>(&t).ok()) else {
        page.say("Not audited yet: scorefield audit RUN.");
        return;
    };
    let known = &value["audit"];
    let verdict = known["verdict"].as_str().or(value["verdict"].as_str()).unwrap_or_default();
    page.say(&capital(verdict));
    if let Some(limits) = value["not_known"].as_str() {
        page.say(limits);
    }
    let row = |p: &Value| {
        vec![
            p["name"].as_str().unwrap_or_default().to_string(),
            number(&p["nats"]),
            format!("[{}, {}]", number(&p["interval"][0]), number(&p["interval"][1])),
            number(&p["tv_at_most"]),
            p["n"].to_string(),
            p["said"].as_str().unwrap_or_default().to_string(),
        ]
    };
    let rows: Vec<Vec<String>> = known["parts"].as_array().into_iter().flatten().map(row).collect();
    if !rows.is_empty() {
        page.table(&["part of the bound", "nats", "95 % interval", "TV at most", "n", "what it is"], &rows);
    }
    if known["bound"].is_number() {
        page.say(&format!(
            "The parts but early stopping sum to {} nats, [{}, {}].",
            number(&known["bound"]),
            number(&known["interval"][0]),
            number(&known["interval"][1])
        ));
    }
    let sentences = |v: &Value| -> Vec<String> { serde_json::from_value(v.clone()).unwrap_or_default() };
    for said in sentences(&value["beside"]).into_iter().chain(sentences(&known["notes"])) {
        page.say(&capital(&said));
    }
}

/// A number as it is printed; nothing where there is none.
pub(super) fn number(v: &Value) -> String {
    v.as_f64().map_or(String::new(), short)
}

/// A sentence with its first letter in upper case and a full stop.
pub(super) fn capital(text: &str) -> String {
    let (first, rest) = text.split_at(text.chars().next().map_or(0, char::len_utf8));
    format!("{}{rest}{}", first.to_uppercase(), if rest.ends_with('.') { "" } else { "." })
}

fn warnings(page: &mut Page, config: &RunConfig) {
    page.section("What speaks against the settings");
    match config::load(config).and_then(|loaded| lint::before_training(config, &loaded)) {
        Ok(found) => {
            let mark = |warns: bool| if warns { "!warning" } else { "fine" };
            let row = |f: &crate::lint::Finding| {
                vec![mark(f.warns).into(), f.name.into(), f.said.clone(), f.fix.clone().unwrap_or_default()]
            };
            page.table(&["", "finding", "what was found", "try"], &found.iter().map(row).collect::<Vec<_>>());
        }
        Err(e) => page.say(&format!("The data is not at hand: {}.", e.problem())),
    }
}

fn figures(page: &mut Page, dir: &RunDir) -> Result<()> {
    page.section("Pictures");
    let entries = std::fs::read_dir(dir.figures()).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|e| e.path()).filter(|p| p.is_file()).collect();
    files.sort();
    for path in files {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_string();
        let kind = match path.extension().and_then(|e| e.to_str()) {
            Some("png") => "image/png",
            Some("gif") => "image/gif",
            _ => continue,
        };
        // the same animation once more
        let twice = name == "reverse.png" && path.with_file_name("reverse.gif").exists();
        if twice || std::fs::metadata(&path).is_ok_and(|m| m.len() > LARGEST) {
            continue;
        }
        let bytes = std::fs::read(&path).map_err(|e| {
            Error::checkpoint(Problem::new(format!("a picture cannot be read: {e}")).at(path.display()))
        })?;
        page.picture(kind, &bytes, &name);
    }
    Ok(())
}

fn reproduce(page: &mut Page, dir: &RunDir, config: &RunConfig) -> Result<()> {
    page.section("How to reproduce it");
    page.say("Save the lines below as config.toml and run");
    page.code("scorefield train --config config.toml --out again");
    page.code(&config.to_toml()?);
    let manifest = std::fs::read_to_string(dir.manifest()).unwrap_or_default();
    if let Ok(value) = serde_json::from_str::<Value>(&manifest) {
        let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_string);
        let rows: Vec<Vec<String>> =
            value.as_object().into_iter().flatten().map(|(k, v)| vec![k.clone(), text(v)]).collect();
        page.table(&["manifest", ""], &rows);
    }
    Ok(())
}
