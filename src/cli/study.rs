//! `study`: the founding papers' claims as sweeps, to be stopped and gone on with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Context;
use super::picture::LookArgs;
use super::signals::Signals;
use crate::error::{Error, Problem, Result, nearest};
use crate::io::{OutputFile, read_to_limit};
use crate::metrics::short;
use crate::pictures::{self, SweepCurve, SweepPanel};
use crate::study::{Bench, Fitted, Measured, PRESETS, Preset, Vary, Verdict, csv, judge, parse_vary, words};

/// Largest file of points that is read back, bytes.
const LIMIT: u64 = 1 << 24;

/// Run one of the studies: what a paper claims, as sweeps with slopes, intervals and a verdict
#[derive(clap::Args)]
#[command(after_help = help())]
pub struct Args {
    /// Which study
    name: Option<String>,
    /// The short form: minutes at most
    #[arg(long)]
    quick: bool,
    /// Values of a key: KEY=FROM..TOxFACTOR or KEY=a,b,c; may be given for several keys
    #[arg(long, value_name = "KEY=VALUES")]
    vary: Vec<String>,
    /// Directory (default: studies/NAME, with -quick and -varied after it for those flags)
    #[arg(long)]
    out: Option<PathBuf>,
    /// Forget the points that are already there
    #[arg(long)]
    fresh: bool,
    #[command(flatten)]
    look: LookArgs,
}

/// The table of studies, and examples.
fn help() -> String {
    let width = PRESETS.iter().map(|p| p.name.len()).max().unwrap_or(0);
    let row = |p: &Preset| format!("  {:<width$}  {}\n", p.name, p.doc);
    let rows: String = PRESETS.iter().map(row).collect();
    format!(
        "Studies:\n{rows}\nWithout a NAME the studies are listed with their keys. A study that was stopped goes on where it \
         was when it is run again.\n\nExamples:\n  \
         scorefield study benton --quick                         seconds, no training\n  \
         scorefield study benton --vary N=50..12800x2            other values of a key\n  \
         scorefield study manifold-rate --quick                  minutes: it trains"
    )
}

/// Lists or runs studies.
pub fn run(context: &mut Context, args: &Args) -> Result<()> {
    let signals = Signals::install();
    let look = args.look.look()?;
    let Some(name) = &args.name else { return list(context) };
    let preset = find(name)?;
    let varied = varied(preset, &args.vary)?;
    // points of other values do not replace the figure and the verdict of the usual ones
    let ending = match (args.quick, args.vary.is_empty()) {
        (false, true) => "",
        (true, true) => "-quick",
        (false, false) => "-varied",
        (true, false) => "-quick-varied",
    };
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("studies/{}{ending}", preset.name)));
    let points = measure(context, args, preset, &varied, &out, &signals)?;
    let judged = judge(preset, &points);
    let drawing = draw(preset, &points, &judged, look)?;
    pictures::save(&drawing.image, &out.join("figure.png"), true)?;
    save(&out.join("points.csv"), &csv(&points))?;
    let device = points.iter().find_map(|p| p.device.clone());
    let seconds: f64 = points.iter().map(|p| p.seconds).sum();
    let value = json!({
        "study": preset.name, "doc": preset.doc, "source": preset.source, "quick": args.quick, "vary": args.vary,
        "seed": context.global.seed, "version": env!("CARGO_PKG_VERSION"), "device": device, "seconds": seconds,
        "slopes": judged.slopes, "checks": judged.checks, "verdict": judged.verdict, "points": points,
    });
    save(&out.join("study.json"), &value.to_string())?;
    context.ui.value("study", value);
    say(context, preset, &judged)?;
    let device = device.unwrap_or_else(|| "no device: formulas, on the host".into());
    context.ui.say(&format!("{} points in {seconds:.1} s ({device})", points.len()))?;
    context.ui.say(&out.display().to_string())
}

/// Prints slopes, checks and the verdict.
fn say(context: &mut Context, preset: &Preset, judged: &Verdict) -> Result<()> {
    context.ui.say(&format!("{}: {}", preset.name, preset.doc))?;
    let mark = |holds: Option<bool>| holds.map_or("", |h| if h { ", holds" } else { ", DOES NOT HOLD" });
    let claim = |claim: Option<(f64, f64)>| claim.map_or("no claim".into(), |c| format!("claim {}", words(c)));
    for f in &judged.slopes {
        let said = f.slope.map_or("no slope (fewer than two points)".into(), |s| {
            format!("slope {:.3} [{:.3}, {:.3}] over {} points", s.value, s.interval.0, s.interval.1, s.points)
        });
        let (claim, mark) = (claim(f.claim), mark(f.holds));
        context.ui.say(&format!("  {:<10} {:<30} {said}; {claim}{mark}", f.sweep, f.curve))?;
    }
    for c in &judged.checks {
        let value = c.value.map_or("not measured".into(), short);
        context.ui.say(&format!("  {}: {value}; {}{}", c.what, claim(c.allowed), mark(c.holds)))?;
    }
    context.ui.say(&format!("{} ({})", judged.verdict, preset.source))
}

fn list(context: &mut Context) -> Result<()> {
    for preset in PRESETS {
        context.ui.say(&format!("{:<16} {}", preset.name, preset.doc))?;
        context.ui.say(&format!("{:<16} varies {}", "", keys(preset).join(", ")))?;
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

/// The keys of a study, each once.
fn keys(preset: &Preset) -> Vec<&'static str> {
    let mut all: Vec<&str> = Vec::new();
    for sweep in preset.sweeps {
        if !all.contains(&sweep.key) {
            all.push(sweep.key);
        }
    }
    all
}

/// Values by key; refuses keys that the study lacks.
fn varied(preset: &Preset, given: &[String]) -> Result<BTreeMap<String, Vec<f64>>> {
    let mut all = BTreeMap::new();
    for text in given {
        let Vary { key, values } = parse_vary(text)?;
        if !preset.sweeps.iter().any(|s| s.key == key) {
            let keys = keys(preset);
            let problem = Problem::new("the study has no such key").at("--vary").found(format!("`{key}`"));
            let problem = problem.expected(keys.join(", "));
            return Err(Error::usage(match nearest(&key, keys.iter().copied()) {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem,
            }));
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
    let mut bench = Bench::new(&mut open, seed, quick, &mut watch);
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
                        let clock = std::time::Instant::now();
                        let outcome = (curve.at)(&mut bench, x)?;
                        let seconds = clock.elapsed().as_secs_f64();
                        let (sweep, curve) = (sweep.name.into(), curve.name.into());
                        let device = bench.device();
                        let point = Measured { sweep, curve, x, seed, quick, outcome, seconds, device };
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

fn draw(
    preset: &Preset,
    points: &[Measured],
    judged: &Verdict,
    look: pictures::Look,
) -> Result<crate::render::Drawing> {
    let panel = |sweep: &crate::study::Sweep| {
        let curve = |curve: &crate::study::Curve| {
            let of_curve = |f: &&Fitted| f.sweep == sweep.name && f.curve == curve.name && f.claim.is_some();
            let slope = judged.slopes.iter().find(of_curve).and_then(|f| f.slope);
            let slope = slope.map_or(String::new(), |s| format!(", slope {}", short(s.value)));
            let here = points.iter().filter(|p| p.sweep == sweep.name && p.curve == curve.name);
            let points = here.map(|p| (p.x, p.outcome.value, p.outcome.half_width)).collect();
            SweepCurve { name: format!("{}{slope}", curve.name), points }
        };
        let labels = [sweep.key.to_string(), sweep.quantity.to_string()];
        SweepPanel { title: sweep.name.into(), labels, curves: sweep.curves.iter().map(curve).collect() }
    };
    let panels: Vec<SweepPanel> = preset.sweeps.iter().map(panel).collect();
    let caption = format!("{}. Claim: {}", preset.doc, preset.source);
    pictures::sweeps(preset.name, &caption, &panels, look)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_checked() {
        let preset = find("benton").unwrap();
        assert_eq!(varied(preset, &["N=2..8x2".into()]).unwrap()["N"], [2.0, 4.0, 8.0]);
        assert!(varied(preset, &["q=1".into()]).unwrap_err().to_string().contains("`q`"));
    }
}
