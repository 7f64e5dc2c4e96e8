//! `study`: the founding papers' claims as sweeps, to be stopped and gone on with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Context;
use super::picture::LookArgs;
use super::signals::Signals;
use crate::error::{Error, Problem, Result, nearest};
use crate::io::{OutputFile, read_to_limit};
use crate::metrics::short;
use crate::pictures::{self, SweepCurve, SweepPanel};
use crate::study::{Bench, Outcome, PRESETS, Preset, Slope, Vary, parse_vary, slope};

/// Largest file of points that is read back, bytes.
const LIMIT: u64 = 1 << 24;

/// Run one of the studies: what a paper claims, as sweeps with slopes, intervals and a verdict
#[derive(clap::Args)]
#[command(after_help = "\
Without a NAME the studies are listed. A study that was stopped goes on where it was when it is run again.

Examples:
  scorefield study benton --quick                         seconds, no training
  scorefield study benton --vary N=50..12800x2            other values of a key
  scorefield study manifold-rate --quick                  minutes: it trains")]
pub struct Args {
    /// Which study
    name: Option<String>,
    /// The short form: minutes at most
    #[arg(long)]
    quick: bool,
    /// Values of a key: KEY=FROM..TOxFACTOR or KEY=a,b,c; may be given for several keys
    #[arg(long, value_name = "KEY=VALUES")]
    vary: Vec<String>,
    /// Directory (default: studies/NAME, with --quick studies/NAME-quick)
    #[arg(long)]
    out: Option<PathBuf>,
    /// Forget the points that are already there
    #[arg(long)]
    fresh: bool,
    #[command(flatten)]
    look: LookArgs,
}

/// A point that was measured, with all it depends on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Measured {
    sweep: String,
    curve: String,
    x: f64,
    seed: u64,
    quick: bool,
    outcome: Outcome,
}

/// A curve with its slope and what was claimed.
#[derive(Serialize)]
struct Fitted {
    sweep: &'static str,
    curve: &'static str,
    key: &'static str,
    slope: Option<Slope>,
    claim: Option<(f64, f64)>,
    holds: Option<bool>,
}

/// Lists or runs studies.
pub fn run(context: &mut Context, args: &Args) -> Result<()> {
    let signals = Signals::install();
    let look = args.look.look()?;
    let Some(name) = &args.name else { return list(context) };
    let preset = find(name)?;
    let varied = varied(preset, &args.vary)?;
    let ending = if args.quick { "-quick" } else { "" };
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("studies/{}{ending}", preset.name)));
    let points = measure(context, args, preset, &varied, &out, &signals)?;
    let fitted = fit(preset, &points);
    let drawing = draw(preset, &points, &fitted, look)?;
    pictures::save(&drawing.image, &out.join("figure.png"), true)?;
    save(&out.join("points.csv"), &csv(&points))?;
    let claims = fitted.iter().filter(|f| f.claim.is_some()).count();
    let held = fitted.iter().filter(|f| f.holds == Some(true)).count();
    let verdict = if held == claims {
        format!("holds: {held} of {claims} slopes lie where the claim says")
    } else {
        format!("does not hold here: {held} of {claims} slopes lie where the claim says")
    };
    let value = json!({
        "study": preset.name, "doc": preset.doc, "source": preset.source, "quick": args.quick,
        "seed": context.global.seed, "version": env!("CARGO_PKG_VERSION"), "slopes": fitted, "verdict": verdict,
        "points": points,
    });
    save(&out.join("study.json"), &value.to_string())?;
    context.ui.value("study", value);
    context.ui.say(&format!("{}: {}", preset.name, preset.doc))?;
    for f in &fitted {
        let claim = f.claim.map_or("no claim".into(), |(a, b)| format!("claim {a} to {b}"));
        let mark = f.holds.map_or("", |h| if h { ", holds" } else { ", DOES NOT HOLD" });
        let said = f.slope.map_or("no slope (fewer than two points)".into(), |s| {
            format!("slope {:.3} [{:.3}, {:.3}] over {} points", s.value, s.interval.0, s.interval.1, s.points)
        });
        context.ui.say(&format!("  {:<10} {:<30} {said}; {claim}{mark}", f.sweep, f.curve))?;
    }
    context.ui.say(&format!("{verdict} ({})", preset.source))?;
    context.ui.say(&out.display().to_string())
}

fn list(context: &mut Context) -> Result<()> {
    for preset in PRESETS {
        context.ui.say(&format!("{:<16} {}", preset.name, preset.doc))?;
        let keys: Vec<&str> = preset.sweeps.iter().map(|s| s.key).collect();
        context.ui.say(&format!("{:<16} varies {}", "", keys.join(", ")))?;
    }
    context.ui.value("studies", PRESETS.iter().map(|p| p.name).collect::<Vec<_>>());
    Ok(())
}

fn find(name: &str) -> Result<&'static Preset> {
    PRESETS.iter().find(|p| p.name == name).ok_or_else(|| {
        let names: Vec<&str> = PRESETS.iter().map(|p| p.name).collect();
        let problem = Problem::new("there is no such study").found(format!("`{name}`")).expected(names.join(", "));
        Error::usage(match nearest(name, names.iter().copied()) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem,
        })
    })
}

/// Values by key; refuses keys that the study lacks.
fn varied(preset: &Preset, given: &[String]) -> Result<BTreeMap<String, Vec<f64>>> {
    let mut all = BTreeMap::new();
    for text in given {
        let Vary { key, values } = parse_vary(text)?;
        if !preset.sweeps.iter().any(|s| s.key == key) {
            let keys: Vec<&str> = preset.sweeps.iter().map(|s| s.key).collect();
            let problem = Problem::new("the study has no such key").at("--vary").found(format!("`{key}`"));
            return Err(Error::usage(problem.expected(keys.join(", "))));
        }
        all.insert(key, values);
    }
    Ok(all)
}

/// Points of an earlier run that was stopped, or nothing.
fn earlier(path: &Path) -> Result<Vec<Measured>> {
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let bad = |e: String| Error::data(Problem::new(format!("the points cannot be read: {e}")).at(path.display()));
    let mut file = std::fs::File::open(path).map_err(|e| bad(e.to_string()))?;
    let bytes = read_to_limit(&mut file, LIMIT, &path.display().to_string())?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.lines().filter_map(|l| serde_json::from_str(l).ok()).collect())
}

fn save(path: &Path, text: &str) -> Result<()> {
    let mut file = OutputFile::create(path, true)?;
    file.write_bytes(text.as_bytes())?;
    file.finish()
}

/// All points, those of an earlier run among them; each is written down as soon as it is known.
fn measure(
    context: &Context,
    args: &Args,
    preset: &Preset,
    varied: &BTreeMap<String, Vec<f64>>,
    out: &Path,
    signals: &Signals,
) -> Result<Vec<Measured>> {
    let store = out.join("points.jsonl");
    let mut known = if args.fresh { Vec::new() } else { earlier(&store)? };
    let (seed, quick) = (context.global.seed, args.quick);
    let values = |s: &crate::study::Sweep| {
        varied.get(s.key).cloned().unwrap_or_else(|| if quick { s.quick.to_vec() } else { s.full.to_vec() })
    };
    let total: usize = preset.sweeps.iter().map(|s| s.curves.len() * values(s).len()).sum();
    let mut progress = context.ui.progress(preset.name, total as u64);
    let mut points: Vec<Measured> = Vec::new();
    let done = std::cell::Cell::new(0u64);
    let mut open = || context.engine();
    let mut watch = |what: &str| {
        progress.at(done.get(), what);
        signals.stop().map_or(Ok(()), Err)
    };
    let mut bench = Bench { open: &mut open, engine: None, seed, quick, watch: &mut watch };
    for sweep in preset.sweeps {
        for curve in sweep.curves {
            for x in values(sweep) {
                let same = |p: &&Measured| {
                    p.sweep == sweep.name && p.curve == curve.name && p.x == x && p.seed == seed && p.quick == quick
                };
                let old = known.iter().find(same).cloned();
                let point = match old {
                    Some(point) => point,
                    None => {
                        (bench.watch)(&format!("{} {}, {} = {x}", sweep.name, curve.name, sweep.key))?;
                        let outcome = (curve.at)(&mut bench, x)?;
                        let (sweep, curve) = (sweep.name.into(), curve.name.into());
                        let point = Measured { sweep, curve, x, seed, quick, outcome };
                        known.push(point.clone());
                        let lines: Vec<String> = known.iter().map(|p| json!(p).to_string()).collect();
                        save(&store, &(lines.join("\n") + "\n"))?;
                        point
                    }
                };
                done.set(done.get() + 1);
                points.push(point);
            }
        }
    }
    Ok(points)
}

fn of<'a>(points: &'a [Measured], sweep: &'a str, curve: &'a str) -> impl Iterator<Item = &'a Measured> {
    points.iter().filter(move |p| p.sweep == sweep && p.curve == curve)
}

fn fit(preset: &Preset, points: &[Measured]) -> Vec<Fitted> {
    let mut out = Vec::new();
    for sweep in preset.sweeps {
        for curve in sweep.curves {
            let (xs, ys): (Vec<f64>, Vec<f64>) =
                of(points, sweep.name, curve.name).map(|p| (p.x, p.outcome.value)).unzip();
            let slope = slope(&xs, &ys);
            let holds = curve.claim.map(|(a, b)| slope.is_some_and(|s| (a..=b).contains(&s.value)));
            let (name, claim) = (curve.name, curve.claim);
            out.push(Fitted { sweep: sweep.name, curve: name, key: sweep.key, slope, claim, holds });
        }
    }
    out
}

fn csv(points: &[Measured]) -> String {
    let quoted = |s: &str| format!("\"{}\"", s.replace('"', "\"\""));
    let line = |p: &Measured| {
        let o = p.outcome;
        let words = [quoted(&p.sweep), quoted(&p.curve)].join(",");
        format!("{words},{},{},{},{},{}\n", p.x, o.value, o.half_width, o.n, p.seed)
    };
    let head = "sweep,curve,x,value,half_width_95,n,seed\n".to_string();
    head + &points.iter().map(line).collect::<String>()
}

fn draw(
    preset: &Preset,
    points: &[Measured],
    fitted: &[Fitted],
    look: pictures::Look,
) -> Result<crate::render::Drawing> {
    let panel = |sweep: &crate::study::Sweep| {
        let curve = |curve: &crate::study::Curve| {
            let slope = fitted.iter().find(|f| f.sweep == sweep.name && f.curve == curve.name).and_then(|f| f.slope);
            let slope = slope.map_or(String::new(), |s| format!(", slope {}", short(s.value)));
            let here = of(points, sweep.name, curve.name);
            let points = here.map(|p| (p.x, p.outcome.value, p.outcome.half_width)).collect();
            SweepCurve { name: format!("{}{slope}", curve.name), points }
        };
        let labels = [sweep.key.to_string(), sweep.quantity.to_string()];
        SweepPanel { title: sweep.name.into(), labels, curves: sweep.curves.iter().map(curve).collect() }
    };
    let panels: Vec<SweepPanel> = preset.sweeps.iter().map(panel).collect();
    pictures::sweeps(preset.doc, preset.source, &panels, look)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_checked_and_names_in_a_file_are_quoted() {
        let preset = find("benton").unwrap();
        assert_eq!(varied(preset, &["N=2..8x2".into()]).unwrap()["N"], [2.0, 4.0, 8.0]);
        assert!(varied(preset, &["q=1".into()]).unwrap_err().to_string().contains("`q`"));
        let outcome = Outcome { value: 0.5, half_width: 0.0, n: 0 };
        let point = Measured { sweep: "a".into(), curve: "N(3, 1)".into(), x: 2.0, seed: 1, quick: true, outcome };
        let text = csv(std::slice::from_ref(&point));
        assert!(text.ends_with("\"a\",\"N(3, 1)\",2,0.5,0,0,1\n"), "{text}");
        let back: Measured = serde_json::from_value(json!(point)).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(back, point);
    }
}
