//! The report of a study: claim, verdict, figure, slopes, checks, points, and how to repeat it.

use std::path::Path;

use serde_json::Value;

use super::report::{capital, number};
use crate::error::{Error, Problem, Result};
use crate::io::read_to_limit;
use crate::metrics::short;
use crate::report::Page;

/// Largest `study.json` that is read, bytes.
const LIMIT: u64 = 1 << 26;

/// Whether a directory holds a study.
pub(super) fn is_study(dir: &Path) -> bool {
    dir.join("study.json").is_file()
}

/// The page, and its title.
pub(super) fn page(dir: &Path) -> Result<(Page, String)> {
    let path = dir.join("study.json");
    let wrong = |e: String| Error::data(Problem::new(format!("this is no record of a study: {e}")).at(path.display()));
    let mut file = std::fs::File::open(&path).map_err(|e| wrong(e.to_string()))?;
    let bytes = read_to_limit(&mut file, LIMIT, &path.display().to_string())?;
    let study: Value = serde_json::from_slice(&bytes).map_err(|e| wrong(e.to_string()))?;
    let name = study["study"].as_str().ok_or_else(|| wrong("it does not name its study".into()))?;
    let word = |key: &str| study[key].as_str().unwrap_or_default();
    let title = format!("Scorefield: study {name}");
    let mut page = Page::new(&title);
    page.say(&capital(word("doc")));
    page.say(&format!("Claim: {}.", word("source").trim_end_matches('.')));
    page.say(&format!("Verdict: {}.", word("verdict").trim_end_matches('.')));
    let points = study["points"].as_array().map(Vec::as_slice).unwrap_or_default();
    let device = study["device"].as_str().unwrap_or("no device: formulas, on the host");
    page.say(&format!("{} points in {} s ({device}).", points.len(), number(&study["seconds"])));
    let figure = dir.join("figure.png");
    if let Ok(bytes) = std::fs::read(&figure) {
        page.picture("image/png", &bytes, "The points, with the slopes that are claimed");
    }
    slopes(&mut page, &study);
    checks(&mut page, &study);
    page.section("Points");
    let row = |p: &Value| {
        let o = &p["outcome"];
        // what no sample went into is a formula's
        let computed = o["n"] == 0;
        let sure = if computed { String::new() } else { number(&o["half_width"]) };
        let n = if computed { "computed".into() } else { o["n"].to_string() };
        vec![text_of(&p["sweep"]), text_of(&p["curve"]), number(&p["x"]), number(&o["value"]), sure, n]
    };
    let rows: Vec<_> = points.iter().map(row).collect();
    page.table(&["sweep", "curve", "at", "value", "half width of its 95 % interval", "n"], &rows);
    page.section("How to reproduce it");
    let vary: String =
        study["vary"].as_array().into_iter().flatten().map(|v| format!(" --vary {}", text_of(v))).collect();
    let quick = if study["quick"] == true { " --quick" } else { "" };
    page.code(&format!("scorefield study {name}{quick}{vary} --seed {}", study["seed"]));
    page.say(&format!("Version {}.", word("version")));
    Ok((page, title))
}

fn slopes(page: &mut Page, study: &Value) {
    let row = |f: &Value| {
        let slope = &f["slope"];
        vec![
            mark(&f["holds"]),
            text_of(&f["sweep"]),
            text_of(&f["curve"]),
            text_of(&f["key"]),
            if slope.is_null() { "not known".into() } else { number(&slope["value"]) },
            interval(&slope["interval"]),
            slope["points"].as_u64().map_or(String::new(), |n| n.to_string()),
            interval(&f["claim"]),
        ]
    };
    let rows: Vec<_> = study["slopes"].as_array().into_iter().flatten().map(row).collect();
    if !rows.is_empty() {
        page.section("Slopes, log against log");
        page.table(&["", "sweep", "curve", "in", "slope", "95 % interval", "points", "claim"], &rows);
    }
}

fn checks(page: &mut Page, study: &Value) {
    let row = |c: &Value| {
        let value = if c["value"].is_null() { "not measured".into() } else { number(&c["value"]) };
        vec![mark(&c["holds"]), text_of(&c["what"]), value, interval(&c["allowed"])]
    };
    let rows: Vec<_> = study["checks"].as_array().into_iter().flatten().map(row).collect();
    if !rows.is_empty() {
        page.section("Numbers");
        page.table(&["", "what", "value", "claim"], &rows);
    }
}

/// What a table begins with: whether a claim holds. `!` marks the row.
fn mark(holds: &Value) -> String {
    holds.as_bool().map_or(String::new(), |h| if h { "holds" } else { "!does not hold" }.into())
}

fn text_of(v: &Value) -> String {
    v.as_str().unwrap_or_default().to_string()
}

/// `[low, high]`; a side that is not there is open.
fn interval(v: &Value) -> String {
    let side = |i: usize, open: &str| v[i].as_f64().map_or(open.to_string(), short);
    if v.is_array() { format!("[{}, {}]", side(0, "-inf"), side(1, "inf")) } else { String::new() }
}
