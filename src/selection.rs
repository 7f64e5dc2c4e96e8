//! Which kernels a device runs fastest: measured once, kept in the user's cache, never guessed from a name.
//!
//! At first use a few training steps of each family that runs there are timed on a tiny and a medium network, within
//! about two seconds. The layered family is that of the medium network; the fused kernels that rest on it are taken for each class
//! of widths where they beat it. A family whose losses are not those of the others is never taken. Software devices take what is
//! known to be best there and are not measured, because that would cost more than it tells.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Problem, Result};
use crate::gpu::{AdapterLine, FAMILIES, Gpu, Use};
use crate::io::{OutputFile, cache_dir};
use crate::network::{Network, NetworkOptions};
use crate::process::Process;
use crate::train::{Dataset, Setup, TrainOptions, Trainer};

/// A class of widths: its name, and the network and batch that stand for it.
pub type Class = (&'static str, &'static str, usize);

/// Every class, in the order of [`Use::fused`].
pub const CLASSES: [Class; 2] = [("tiny", "64x3", 256), ("medium", "128x3", 2048)];
/// All measuring ends about here; what was not reached is not taken.
pub const PATIENCE: Duration = Duration::from_secs(2);
/// Length of a timed window.
const WINDOW: f64 = 0.03;
/// Windows of which the best counts.
const WINDOWS: usize = 3;
/// Steps whose losses are compared, and how far they may differ, in relative terms.
const STEPS: u32 = 8;
const AGREEMENT: f64 = 1e-2;
/// Longest file of the cache that is read.
const LONGEST: u64 = 1 << 20;

/// Steps a second, family by family and class by class; what failed or was not reached is absent.
pub type Rates = BTreeMap<String, BTreeMap<String, f64>>;

/// What was found on one device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The family that runs layer by layer.
    pub layered: String,
    /// Whether the fused kernels are faster, for each class.
    pub fused: [bool; 2],
    /// What was measured.
    pub steps_per_second: Rates,
}

impl Verdict {
    /// The fastest of what was measured; `fallback` where nothing was.
    pub fn of(rates: Rates, fallback: &str) -> Self {
        let rate = |family: &str, class: usize| rates.get(family).and_then(|r| r.get(CLASSES[class].0)).copied();
        let fused = |layered: &str| FAMILIES.iter().find(|f| f.fuses() && f.layered == layered).map_or("", |f| f.name);
        // of the fused kernels only those count that rest on what was measured
        let best = |f: &'static str| Some((f, rate(f, 1)?.max(rate(fused(f), 1).unwrap_or(0.0))));
        let layered = FAMILIES.iter().filter(|f| !f.halves && !f.fuses()).filter_map(|f| best(f.name));
        let layered = layered.max_by(|a, b| a.1.total_cmp(&b.1)).map_or(fallback, |(f, _)| f).to_string();
        let wins = |class| rate(fused(&layered), class) > rate(&layered, class) && rate(&layered, class).is_some();
        Self { fused: [wins(0), wins(1)], layered, steps_per_second: rates }
    }

    /// One line: what is used, and what was measured.
    pub fn explain(&self) -> String {
        let list = |class: &str| -> String {
            let one = |(f, r): (&String, &BTreeMap<String, f64>)| r.get(class).map(|v| format!("{f} {v:.0}"));
            self.steps_per_second.iter().filter_map(one).collect::<Vec<_>>().join(", ")
        };
        let all: Vec<String> = CLASSES.iter().map(|(c, h, b)| format!("{h} B={b}: {}", list(c))).collect();
        match self.choice() {
            Some(choice) => format!("{choice} (measured, steps/s at {})", all.join("; at ")),
            None => "unknown".into(),
        }
    }

    /// What the device is told, if this program knows the family.
    fn choice(&self) -> Option<Use> {
        let family = FAMILIES.iter().find(|f| f.name == self.layered && !f.halves && !f.fuses())?;
        Some(Use { layered: family.name, fused: self.fused })
    }
}

/// The verdicts of a user's devices.
pub struct Cache {
    path: Option<PathBuf>,
}

impl Default for Cache {
    fn default() -> Self {
        Self { path: cache_dir().map(|d| d.join("kernels.json")) }
    }
}

impl Cache {
    /// The cache in a file of that name.
    pub fn at(path: &Path) -> Self {
        Self { path: Some(path.to_path_buf()) }
    }

    /// What a verdict is good for: one adapter, through one driver, by one version of this program.
    fn key(line: &AdapterLine) -> String {
        format!("{} | {} | {} | {}", line.name, line.backend, line.driver, env!("CARGO_PKG_VERSION"))
    }

    /// All verdicts; an error says in a few words what is wrong with the file.
    fn read(&self) -> std::result::Result<BTreeMap<String, Verdict>, String> {
        let Some(path) = self.path.as_deref().filter(|p| p.exists()) else { return Ok(BTreeMap::new()) };
        let size = fs::metadata(path).map_err(|e| e.to_string())?;
        if !size.is_file() || size.len() > LONGEST {
            return Err("it is no file of ours".into());
        }
        let text = fs::read_to_string(path).map_err(|e| e.to_string())?;
        serde_json::from_str(&text).map_err(|e| e.to_string())
    }

    /// The verdict on a device, where there is one, with a note on a cache that cannot be read.
    pub fn look(&self, line: &AdapterLine) -> (Option<Verdict>, Option<String>) {
        match self.read() {
            Ok(mut all) => (all.remove(&Self::key(line)).filter(|v| v.choice().is_some()), None),
            Err(why) => (None, Some(format!("the cache {} is ignored: {why}", self.name()))),
        }
    }

    fn name(&self) -> String {
        self.path.as_ref().map_or_else(|| "of kernels".into(), |p| p.display().to_string())
    }

    /// Keeps a verdict; a note says why it could not.
    fn keep(&self, line: &AdapterLine, verdict: &Verdict) -> Option<String> {
        let Some(path) = &self.path else {
            return Some("there is no cache directory (HOME is not set): kernels are measured anew each time".into());
        };
        let write = || -> Result<()> {
            let mut all = self.read().unwrap_or_default();
            all.insert(Self::key(line), verdict.clone());
            let text = serde_json::to_string_pretty(&all).map_err(|e| Error::bug(Problem::new(e.to_string())))?;
            let mut file = OutputFile::create(path, true)?;
            writeln!(file, "{text}").map_err(|e| Error::write(Problem::new(e.to_string()).at(path.display())))?;
            file.finish()
        };
        write().err().map(|e| format!("the choice of kernels is not kept: {e}"))
    }
}

/// Makes `gpu` use what is fastest on it, with notes for the user. A software device keeps what it was opened with.
pub fn select(gpu: &mut Gpu, cache: &Cache) -> Result<Vec<String>> {
    let line = gpu.adapter().clone();
    if line.is_software() {
        return Ok(Vec::new());
    }
    let (known, note) = cache.look(&line);
    let mut notes: Vec<String> = note.into_iter().collect();
    if let Some(choice) = known.as_ref().and_then(Verdict::choice)
        && gpu.adopt(choice).is_ok()
    {
        return Ok(notes);
    }
    let verdict = measure(gpu, &CLASSES, PATIENCE).inspect_err(|_| {
        // what takes the device down is not tried twice
        cache.keep(&line, &Verdict::of(Rates::new(), line.uses().layered));
    })?;
    notes.push(format!("kernels chosen for this device: {}", verdict.explain()));
    notes.extend(cache.keep(&line, &verdict));
    Ok(notes)
}

/// Times every family that runs on `gpu` on the networks of `classes` (with the names of [`CLASSES`]) and makes it use the
/// fastest. What `patience` leaves no time for is not taken. Fails only where the device is lost.
pub fn measure(gpu: &mut Gpu, classes: &[Class; 2], patience: Duration) -> Result<Verdict> {
    let (clock, opened) = (Instant::now(), gpu.uses().layered);
    let mut rates = Rates::new();
    for (i, (class, hidden, batch)) in classes.iter().enumerate() {
        // what was opened with comes first: the others are held against its losses
        let mut families: Vec<&str> = FAMILIES.iter().filter(|f| !f.halves).map(|f| f.name).collect();
        families.sort_by_key(|f| *f != opened);
        let mut expected: Option<f64> = None;
        for family in families {
            if clock.elapsed() > patience * (i as u32 + 1) / 2 || gpu.force_family(family).is_err() {
                continue;
            }
            match time(gpu, hidden, *batch) {
                Ok((rate, loss)) if (loss - *expected.get_or_insert(loss)).abs() <= AGREEMENT * loss => {
                    rates.entry(family.to_string()).or_default().insert(class.to_string(), rate);
                }
                Err(lost @ Error::Lost(_)) => return Err(lost),
                // a family that fails or computes something else is none
                _ => {}
            }
        }
    }
    let verdict = Verdict::of(rates, opened);
    match verdict.choice() {
        Some(choice) => gpu.adopt(choice)?,
        None => gpu.force_family(opened)?,
    }
    Ok(verdict)
}

/// Makes `gpu` compute products in f16, by `family`, after the first training steps of both classes came out as in f32;
/// gives the greatest relative difference of the losses. Refused where it is more than [`AGREEMENT`].
pub fn adopt_halves(gpu: &mut Gpu, family: &str) -> Result<f64> {
    let opened = gpu.uses();
    let mut worst = 0.0f64;
    for (_, hidden, _) in CLASSES {
        let mut loss = |family: &str| -> Result<f64> {
            gpu.force_family(family)?;
            first_loss(gpu, hidden, 256)
        };
        let expected = loss(opened.layered)?;
        worst = worst.max((loss(family)? - expected).abs() / expected);
    }
    // a loss that is no number is refused as well
    if worst <= AGREEMENT {
        return Ok(worst);
    }
    gpu.adopt(opened)?;
    Err(Error::device(
        Problem::new(format!("the first {STEPS} training steps in f16 do not agree with f32 on this device"))
            .at("--precision")
            .found(format!("losses that differ by {:.1} %", worst * 100.0))
            .expected(format!("at most {:.0} %", AGREEMENT * 100.0))
            .hint("leave --precision out"),
    ))
}

/// Steps a second of a training, and its mean loss over the first steps.
fn time(gpu: &mut Gpu, hidden: &str, batch: usize) -> Result<(f64, f64)> {
    let mut trainer = Trainer::new(gpu, sample_training(hidden, batch)?)?;
    let loss = trainer.run(STEPS)?.loss;
    let mut steps = STEPS;
    let mut best = 0.0f64;
    for _ in 0..WINDOWS {
        let clock = Instant::now();
        trainer.run(steps)?;
        let seconds = clock.elapsed().as_secs_f64().max(1e-6);
        best = best.max(f64::from(steps) / seconds);
        steps = ((f64::from(steps) * WINDOW / seconds) as u32).clamp(STEPS, 1024);
    }
    Ok((best, loss))
}

/// The mean loss of the first [`STEPS`] steps of a training.
fn first_loss(gpu: &mut Gpu, hidden: &str, batch: usize) -> Result<f64> {
    Ok(Trainer::new(gpu, sample_training(hidden, batch)?)?.run(STEPS)?.loss)
}

/// A small training that stands for others.
fn sample_training(hidden: &str, batch: usize) -> Result<Setup> {
    let options = NetworkOptions { hidden: hidden.into(), ..NetworkOptions::default() };
    let network = Network::new(&options, 2)?;
    let rows = (0..512u32).map(|i| (i.wrapping_mul(2_654_435_769) >> 16) as f32 / 32_768.0 - 1.0).collect();
    let data = Dataset::from_rows("kernel selection".into(), rows, 2, 0.0, true, 0)?;
    let training = TrainOptions { batch_size: batch, steps: 1 << 20, ..TrainOptions::default() };
    Setup::new(&network, &Process::named("ou")?, &data, &training, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(list: &[(&str, &str, f64)]) -> Rates {
        let mut all = Rates::new();
        for (family, class, rate) in list {
            all.entry(family.to_string()).or_default().insert(class.to_string(), *rate);
        }
        all
    }

    fn line() -> AdapterLine {
        AdapterLine {
            name: "GeForce 9".into(),
            backend: "vulkan".into(),
            kind: "discrete",
            driver: "1.0".into(),
            max_binding: 0,
            max_buffer: 0,
            workgroup_bytes: 0,
            subgroup: (32, 32),
            panels: false,
            halves: false,
            matrices: false,
        }
    }

    #[test]
    fn the_fastest_is_taken_class_by_class() {
        let both =
            [("tile", "tiny", 100.0), ("tile", "medium", 50.0), ("fused", "tiny", 300.0), ("fused", "medium", 40.0)];
        let verdict = Verdict::of(rates(&both), "tile");
        assert_eq!((verdict.layered.as_str(), verdict.fused), ("tile", [true, false]));
        assert!(verdict.explain().contains("fused 300") && verdict.explain().contains("tile 50"));
        let panel = [("panel", "medium", 60.0), ("panel", "tiny", 500.0)];
        let verdict = Verdict::of(rates(&[&both[..], &panel].concat()), "tile");
        assert_eq!((verdict.layered.as_str(), verdict.fused), ("panel", [false, false]));
        // a layered family is as good as the fused kernels that rest on it
        let rests = [("panel", "medium", 40.0), ("panel", "tiny", 500.0), ("fused-panel", "medium", 60.0)];
        let verdict = Verdict::of(rates(&[&both[..], &rests].concat()), "tile");
        assert_eq!((verdict.layered.as_str(), verdict.fused), ("panel", [false, true]));
        // what was not measured is not taken
        let nothing = Verdict::of(rates(&[("fused", "tiny", 300.0)]), "tile");
        assert_eq!((nothing.layered.as_str(), nothing.fused), ("tile", [false, false]));
    }

    #[test]
    fn a_verdict_is_found_again_for_the_same_adapter_and_driver_only() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(&dir.path().join("below/kernels.json"));
        let verdict = Verdict::of(rates(&[("tile", "medium", 5.0), ("fused", "medium", 7.5)]), "tile");
        assert_eq!(cache.keep(&line(), &verdict), None);
        assert_eq!(cache.look(&line()), (Some(verdict.clone()), None));
        let newer = AdapterLine { driver: "1.1".into(), ..line() };
        assert_eq!(cache.look(&newer), (None, None));
        assert_eq!(cache.keep(&newer, &Verdict { fused: [true, true], ..verdict.clone() }), None);
        assert_eq!(cache.look(&line()).0, Some(verdict));
    }

    #[test]
    fn a_cache_that_cannot_be_read_or_written_is_a_note_and_no_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kernels.json");
        let verdict = Verdict::of(Rates::new(), "tile");
        for broken in ["{", "[1]", "\u{0}"] {
            fs::write(&path, broken).unwrap();
            let (found, note) = Cache::at(&path).look(&line());
            assert!(found.is_none() && note.is_some_and(|n| n.contains("ignored")), "{broken}");
        }
        // a broken one is replaced, one that names what this program does not know is not believed
        assert_eq!(Cache::at(&path).keep(&line(), &Verdict { layered: "warp".into(), ..verdict.clone() }), None);
        assert_eq!(Cache::at(&path).look(&line()), (None, None));
        let below = path.join("under a file/kernels.json");
        assert!(Cache::at(&below).keep(&line(), &verdict).is_some_and(|n| n.contains("not kept")));
        assert!(Cache { path: None }.keep(&line(), &verdict).is_some());
        assert!(Cache::at(dir.path()).look(&line()).1.is_some(), "a directory in its place");
    }
}
