//! The theory's warnings before the money is spent: what a bound or the data themselves say against a configuration.
//!
//! Each finding is a row of [`FINDINGS`]: a name and a plain function from a [`Case`] to a number, a sentence and, where it
//! warns, the flag that helps. Nothing here needs a device or a training.

mod findings;
mod fixes;
mod rows;

use crate::config::RunConfig;
use crate::network::Network;
use crate::process::Process;
use crate::train::Dataset;

pub use fixes::FIXES;

/// What is looked at.
pub struct Case<'a> {
    /// The configuration.
    pub config: &'a RunConfig,
    /// Its data, model units.
    pub data: &'a Dataset,
    /// Its process.
    pub process: &'a Process,
    /// Its network.
    pub network: &'a Network,
    /// Times of the reverse process, decreasing.
    pub times: &'a [f64],
    /// Held-out loss and its floor, of a run that has them.
    pub losses: Option<(f64, f64)>,
    /// Seed of draws.
    pub seed: u64,
}

/// A finding: a number, what it means, and what to do about it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Finding {
    /// The row of [`FINDINGS`].
    pub name: &'static str,
    /// Whether something should be changed.
    pub warns: bool,
    /// The number behind it; what it is says `said`.
    pub value: f64,
    /// 95 % interval of the number, where it is an estimate.
    pub interval: Option<(f64, f64)>,
    /// From where on the row warns.
    pub limit: f64,
    /// One sentence with the number.
    pub said: String,
    /// The flag that helps.
    pub fix: Option<String>,
}

/// A row of [`FINDINGS`].
pub struct FindingRow {
    /// The name.
    pub name: &'static str,
    /// One line: what is compared with what.
    pub doc: &'static str,
    /// The finding; nothing where the question does not arise.
    pub check: fn(&Case) -> Option<Finding>,
}

/// Every finding.
pub const FINDINGS: &[FindingRow] = &[
    FindingRow {
        name: "initialisation",
        doc: "KL(p_T || prior) in nats: is the noise at T what the sampler starts from",
        check: findings::initialisation,
    },
    FindingRow {
        name: "early-stopping",
        doc: "the noise left at t0 against the data's own: too much blurs them, too little is single rows",
        check: findings::early_stopping,
    },
    FindingRow {
        name: "grid",
        doc: "kappa of the grid, gamma <= kappa min(1, t), in the time of the OU process of equal noise to signal",
        check: findings::grid,
    },
    FindingRow {
        name: "largest-noise",
        doc: "where the signal is kept (ve, edm): noise at T over the diameter of the data",
        check: findings::largest_noise,
    },
    FindingRow { name: "passes", doc: "passes over the data: steps x batch / n", check: findings::passes },
    FindingRow {
        name: "capacity",
        doc: "narrowest layer against dimension and modes; excess over the floor, of a run",
        check: findings::capacity,
    },
    FindingRow {
        name: "step-size",
        doc: "learning rate and batch against what this optimiser bears",
        check: findings::step_size,
    },
];

/// All findings of a case, in the order of the table.
pub fn lint(case: &Case) -> Vec<Finding> {
    FINDINGS.iter().filter_map(|row| (row.check)(case)).collect()
}

impl Finding {
    fn new(name: &'static str, value: f64, limit: f64, said: String) -> Self {
        Self { name, warns: false, value, interval: None, limit, said, fix: None }
    }
    /// The finding as a warning with its cure, if `warns`.
    fn warning(mut self, warns: bool, fix: impl FnOnce() -> String) -> Self {
        self.warns = warns;
        if warns {
            self.fix = Some(fix());
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::process;

    /// The warnings of a named law and some settings.
    fn warnings(source: &str, steps: usize, set: impl FnOnce(&mut RunConfig)) -> Vec<&'static str> {
        all(source, steps, set).into_iter().filter(|f| f.warns).map(|f| f.name).collect()
    }

    fn all(source: &str, steps: usize, set: impl FnOnce(&mut RunConfig)) -> Vec<Finding> {
        let mut config = RunConfig { source: source.into(), ..RunConfig::default() };
        config.data.n = Some(4000);
        set(&mut config);
        let loaded = config::load(&config).unwrap();
        let process = config.process.build().unwrap();
        let network = Network::new(&config.network, loaded.data.dim).unwrap();
        let times = process::grid("benton", &process, steps).unwrap();
        let case = Case {
            config: &config,
            data: &loaded.data,
            process: &process,
            network: &network,
            times: &times,
            losses: None,
            seed: 0,
        };
        lint(&case)
    }

    #[test]
    fn the_defaults_have_nothing_against_them() {
        let few = |c: &mut RunConfig| c.train.steps = 2000;
        assert_eq!(warnings("8gaussians", 250, few), [] as [&str; 0]);
        assert_eq!(warnings("gaussian:dim=8", 250, few), [] as [&str; 0]);
    }

    #[test]
    fn every_row_can_warn_and_then_names_a_flag() {
        let cases: [(&str, Vec<Finding>); 7] = [
            ("initialisation", all("8gaussians", 250, |c| c.process.t_max = Some(0.5))),
            ("early-stopping", all("8gaussians", 250, |c| c.process.t0 = Some(0.3))),
            ("grid", all("8gaussians", 20, |_| {})),
            (
                "largest-noise",
                all("8gaussians", 250, |c| {
                    c.process.process = "edm".into();
                    c.process.t_max = Some(1.0);
                }),
            ),
            ("passes", all("8gaussians", 250, |c| c.train.steps = 2)),
            ("capacity", all("8gaussians", 250, |c| c.network.hidden = "4x2".into())),
            ("step-size", all("8gaussians", 250, |c| c.train.lr = 0.5)),
        ];
        for (row, (name, found)) in FINDINGS.iter().zip(&cases) {
            assert_eq!(row.name, *name);
            let finding = found.iter().find(|f| f.name == *name).unwrap_or_else(|| panic!("{name}: no finding"));
            assert!(finding.warns, "{finding:?}");
            assert!(finding.fix.as_ref().is_some_and(|f| f.contains("--")), "{finding:?}");
        }
    }

    type Set = fn(&mut RunConfig);
    type SetTo = fn(&mut RunConfig, f64);

    #[test]
    fn the_end_that_is_advised_cures_the_initialisation() {
        let cures: [(&str, Set, SetTo); 3] = [
            ("--t-max", |c| c.process.t_max = Some(0.6), |c, v| c.process.t_max = Some(v)),
            (
                "--timesteps",
                |c| {
                    c.process.process = "ddpm".into();
                    (c.process.timesteps, c.process.t0) = (Some(50.0), Some(0.02));
                },
                |c, v| c.process.timesteps = Some(v),
            ),
            (
                "--sigma-max",
                |c| {
                    c.process.process = "ve".into();
                    c.process.sigma_max = Some(2.0);
                },
                |c, v| c.process.sigma_max = Some(v),
            ),
        ];
        for (flag, bad, cure) in cures {
            let found = all("8gaussians", 250, bad);
            let fix = found[0].fix.clone().unwrap_or_else(|| panic!("{flag}: {found:?}"));
            let words: Vec<&str> = fix.split_whitespace().collect();
            let at = words.iter().position(|w| *w == flag).unwrap_or_else(|| panic!("{fix}"));
            let value: f64 = words[at + 1].parse().unwrap();
            let cured = all("8gaussians", 250, |c| {
                bad(c);
                cure(c, value);
            });
            assert!(!cured[0].warns, "{flag} {value}: {:?}", cured[0]);
        }
    }
}
