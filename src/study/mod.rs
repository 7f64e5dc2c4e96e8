//! What the founding papers claim, each as a sweep with slopes, intervals and a verdict.
//!
//! A [`Preset`] is a list of [`Sweep`]s: a quantity against one key along a few curves, each a plain function from the value
//! of the key to a number. Points are independent, so a study that was stopped goes on where it was.

mod fit;
mod gates;
mod identities;
mod laws;
mod manifold;
mod training;
mod vary;

pub use fit::{Slope, slope};
pub use vary::{Vary, parse_vary};

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::recording::Engine;

/// A measured point.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The value.
    pub value: f64,
    /// Half of its 95 % interval; 0 where it is computed.
    pub half_width: f64,
    /// Draws, paths or networks behind it; 0 where it is computed.
    pub n: usize,
}

impl Outcome {
    /// Computed, without sampling.
    fn exact(value: f64) -> Self {
        Self { value, half_width: 0.0, n: 0 }
    }
}

/// Told what goes on; stops everything by an error.
pub type Watch<'a> = &'a mut dyn FnMut(&str) -> Result<()>;

/// Opens the device when a curve first needs it, so that studies of formulas need none.
pub type Engines<'a> = &'a mut dyn FnMut() -> Result<Box<dyn Engine>>;

/// What a curve may use.
pub struct Bench<'a> {
    /// See [`Engines`].
    pub open: Engines<'a>,
    /// The device once it is open.
    pub engine: Option<Box<dyn Engine>>,
    /// Seed of everything random.
    pub seed: u64,
    /// Whether the whole must take minutes on two cores.
    pub quick: bool,
    /// See [`Watch`].
    pub watch: Watch<'a>,
}

impl<'a> Bench<'a> {
    /// Does some work on the device, which is taken out meanwhile because the watcher lives beside it.
    fn on_device<T>(&mut self, work: impl FnOnce(&mut dyn Engine, &mut Watch<'a>) -> Result<T>) -> Result<T> {
        self.engine()?;
        let Some(mut engine) = self.engine.take() else {
            return Err(crate::error::Error::bug(crate::error::Problem::new("no device")));
        };
        let outcome = work(engine.as_mut(), &mut self.watch);
        self.engine = Some(engine);
        outcome
    }

    fn engine(&mut self) -> Result<&mut dyn Engine> {
        if self.engine.is_none() {
            self.engine = Some((self.open)()?);
        }
        // invariant: it was opened above
        match self.engine.as_mut() {
            Some(engine) => Ok(engine.as_mut()),
            None => Err(crate::error::Error::bug(crate::error::Problem::new("a device that is open and is not"))),
        }
    }
}

/// One curve of a sweep.
pub struct Curve {
    /// Its name in the legend.
    pub name: &'static str,
    /// The value at a value of the key.
    pub at: fn(&mut Bench, f64) -> Result<Outcome>,
    /// The log-log slope that the claim allows, inclusive; absent where none is claimed.
    pub claim: Option<(f64, f64)>,
}

/// A quantity against a key.
pub struct Sweep {
    /// Its name in files.
    pub name: &'static str,
    /// The key that varies, as in `--vary KEY=..`.
    pub key: &'static str,
    /// The quantity, with its unit.
    pub quantity: &'static str,
    /// Values with `--quick`.
    pub quick: &'static [f64],
    /// Values of the full study.
    pub full: &'static [f64],
    /// The curves.
    pub curves: &'static [Curve],
}

/// A row of [`PRESETS`].
pub struct Preset {
    /// The name.
    pub name: &'static str,
    /// One line.
    pub doc: &'static str,
    /// Where the claim stands, and where the tolerance comes from.
    pub source: &'static str,
    /// What is measured.
    pub sweeps: &'static [Sweep],
}

/// Every study.
pub const PRESETS: &[Preset] = &[
    laws::BENTON,
    laws::MINKOWSKI,
    gates::SIGNRELU_RATIO,
    training::MANIFOLD_RATE,
    training::SUB_GAUSSIAN,
    identities::DSM_IDENTITIES,
    manifold::SIGMA_DATA,
    manifold::EARLY_STOPPING,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn bench<'a>(open: Engines<'a>, watch: Watch<'a>) -> Bench<'a> {
        Bench { open, engine: None, seed: 0, quick: true, watch }
    }

    fn none() -> Result<Box<dyn Engine>> {
        Ok(Box::new(crate::reference::Reference::default()))
    }

    #[test]
    fn values_agree_with_independent_ones() {
        let (mut open, mut watch) = (none, |_: &str| Ok(()));
        let mut bench = bench(&mut open, &mut watch);
        // (preset, sweep, curve, x, value, relative tolerance); computed elsewhere in f64
        let cases = [
            ("benton", "endpoint", "N(0, 1)", 100.0, 7.228e-4, 1e-3),
            ("benton", "endpoint", "N(3, 0.25)", 400.0, 6.549e-5, 1e-3),
            ("benton", "path", "N(3, 0.25)", 100.0, 0.4425, 1e-3),
            ("minkowski", "cantor", "Cantor set, d = 0.631", 8.0, 2.97e-3, 0.1),
            ("minkowski", "circle", "circle, d = 1", 16.0, 6.43e-2, 0.1),
        ];
        for (preset, sweep, curve, x, value, tolerance) in cases {
            let preset = PRESETS.iter().find(|p| p.name == preset).unwrap();
            let sweep = preset.sweeps.iter().find(|s| s.name == sweep).unwrap();
            let curve = sweep.curves.iter().find(|c| c.name == curve).unwrap();
            let got = (curve.at)(&mut bench, x).unwrap();
            assert!((got.value / value - 1.0).abs() < tolerance, "{} {x}: {got:?} for {value}", curve.name);
        }
    }
}
