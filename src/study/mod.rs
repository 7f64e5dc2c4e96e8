//! What the founding papers claim, each as a sweep with slopes, intervals and a verdict.
//!
//! A [`Preset`] is a list of [`Sweep`]s: a quantity against one key along a few curves, each a plain function from the
//! value of the key to a number. A point depends on nothing but the seed, so a study that was stopped goes on where it was;
//! what is dear to make may be kept on the [`Bench`] for later points. Slopes of curves and [`Check`]s are held against
//! claims.

mod activations;
mod bench;
mod chain;
mod check;
mod ddpm_kl;
mod fit;
mod flow;
mod gates;
mod generalisation;
mod identities;
mod laws;
mod manifold;
mod memorisation;
mod random_features;
mod regression;
mod symmetric;
mod tilts;
mod trained;
mod training;
mod two_layer;
mod vary;
mod verdict;

pub use bench::{Bench, Engines, Outcome, Watch};
pub use check::{Check, Measured, Points};
pub use fit::{Slope, slope};
pub use vary::{Vary, parse_vary};
pub use verdict::{Checked, Fitted, Verdict, csv, judge, words};

use bench::whole;

use crate::error::Result;

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
    /// What is held against the claim beside slopes.
    pub checks: &'static [Check],
}

/// Every study.
pub const PRESETS: &[Preset] = &[
    laws::BENTON,
    laws::MINKOWSKI,
    gates::SIGNRELU_RATIO,
    training::MANIFOLD_RATE,
    tilts::SUB_GAUSSIAN,
    generalisation::GENERALISATION,
    random_features::RANDOM_FEATURES,
    ddpm_kl::DDPM_KL,
    memorisation::MEMORISATION,
    activations::ALL_ACTIVATIONS,
    identities::DSM_IDENTITIES,
    manifold::SIGMA_DATA,
    manifold::EARLY_STOPPING,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::Engine;

    fn none() -> Result<Box<dyn Engine>> {
        Ok(Box::new(crate::reference::Reference::default()))
    }

    #[test]
    fn names_are_unique_and_every_claim_is_an_interval() {
        let mut names: Vec<&str> = PRESETS.iter().map(|p| p.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), PRESETS.len());
        for preset in PRESETS {
            let curves = preset.sweeps.iter().flat_map(|s| s.curves);
            let claims = curves.filter_map(|c| c.claim).chain(preset.checks.iter().filter_map(|c| c.allowed));
            assert!(claims.into_iter().all(|(a, b)| a <= b), "{}", preset.name);
            for sweep in preset.sweeps {
                let mut curves: Vec<&str> = sweep.curves.iter().map(|c| c.name).collect();
                curves.sort_unstable();
                curves.dedup();
                assert_eq!(curves.len(), sweep.curves.len(), "{} {}", preset.name, sweep.name);
                assert!(!sweep.quick.is_empty() && !sweep.full.is_empty(), "{} {}", preset.name, sweep.name);
            }
        }
    }

    #[test]
    fn values_agree_with_independent_ones() {
        let (mut open, mut watch) = (none, |_: &str| Ok(()));
        let mut bench = Bench::new(&mut open, 0, true, &mut watch);
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
