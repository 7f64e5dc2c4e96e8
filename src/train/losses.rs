//! What is minimised: four losses with the same minimum.
//!
//! All are printed in the units of the noise loss, w_t / D |eps_hat - eps|^2 (docs/conventions.md). For any network and at
//! any time dsm = esm + floor and ism = ssm = dsm in expectation (Hyvarinen 2005; Vincent 2011; Song et al. 2019), so they
//! differ in what they ask of the law, in the noise of their gradient and in cost only.

use crate::error::{Error, Problem, Result};
use crate::network::{ACTIVATIONS, Network, row};
use crate::recording::{Dispatch, PANEL, Recording, Work, pad};

use super::options::TrainOptions;
use super::step::Tensors;
use super::times::TIMES;

/// Most dimensions whose unit vectors are all taken: each costs as much as the network itself.
pub const MOST_EXACT: usize = 64;

/// Directions in which a network is differentiated along with being computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probes {
    /// P
    pub count: usize,
    /// Random signs, else the unit vectors.
    pub signs: bool,
}

/// A row of [`LOSSES`].
pub struct Loss {
    /// What `--loss` takes.
    pub name: &'static str,
    /// One line for help and documentation.
    pub doc: &'static str,
    /// Whether a teacher's score stands in the place of the noise.
    pub taught: bool,
    /// The directions it needs in so many dimensions; nothing for losses without a divergence.
    pub probes: Option<fn(usize) -> Probes>,
}

/// Every loss.
pub const LOSSES: &[Loss] = &[
    Loss { name: "dsm", doc: "denoising: guess the noise that was drawn (Vincent 2011)", taught: false, probes: None },
    Loss {
        name: "esm",
        doc: "explicit: guess the score of a teacher, the exact law unless --teacher says another",
        taught: true,
        probes: None,
    },
    Loss {
        name: "ism",
        doc: "implicit: |s|^2 + 2 div s over all unit vectors, up to 64 columns (Hyvarinen 2005)",
        taught: false,
        probes: Some(|dim| Probes { count: dim, signs: false }),
    },
    Loss {
        name: "ssm",
        doc: "sliced: the divergence along one vector of random signs a row (Song et al. 2019, SSM-VR)",
        taught: false,
        probes: Some(|_| Probes { count: 1, signs: true }),
    },
];

/// The loss that the options ask for: a teacher alone means `esm`.
pub fn loss(options: &TrainOptions) -> Result<&'static Loss> {
    let found = row(LOSSES, |l| l.name, "--loss", &options.loss)?;
    if options.teacher == "none" || found.taught {
        return Ok(found);
    }
    if found.probes.is_some() {
        let said = format!("`{}` beside --teacher {}", found.name, options.teacher);
        let problem = Problem::new("this loss takes no teacher").at("--loss").found(said);
        return Err(Error::usage(problem.expected("esm, or no --teacher")));
    }
    row(LOSSES, |l| l.name, "--loss", "esm")
}

/// The probes of a training; refuses networks whose divergence has no gradient, or none that is computed here.
pub fn probes(options: &TrainOptions, network: &Network) -> Result<Option<Probes>> {
    let loss = loss(options)?;
    let Some(probes) = loss.probes.map(|of| of(network.dim)) else { return Ok(None) };
    let refuse = |what: &str, flag: &str, found: String, expected: String| {
        Err(Error::usage(Problem::new(format!("--loss {} {what}", loss.name)).at(flag).found(found).expected(expected)))
    };
    if !probes.signs && probes.count > MOST_EXACT {
        let expected = format!("at most {MOST_EXACT} columns, or --loss ssm");
        return refuse("differentiates along every axis", "--loss", format!("{} columns", probes.count), expected);
    }
    let o = &network.options;
    for (flag, given) in [("--layer-norm", o.layer_norm), ("--skip", o.skip), ("--train-alpha", o.train_alpha)] {
        if given {
            let expected = "plain layers with fixed activations, or --loss dsm";
            return refuse("has no gradient for such layers here", flag, flag.into(), expected.into());
        }
    }
    if network.head.trained {
        let found = format!("`{}`", network.head.name);
        return refuse("has no gradient for this head here", "--predict", found, "another head, or --loss dsm".into());
    }
    if !network.activation.is_smooth(o.alpha) {
        let smooth: Vec<&str> = ACTIVATIONS.iter().filter(|a| a.is_smooth(1.0)).map(|a| a.name).collect();
        let found = format!("`{}`, whose slope jumps at 0: the gradient would miss the kinks", network.activation.name);
        return refuse("needs a smooth activation", "--activation", found, format!("one of {}", smooth.join(", ")));
    }
    Ok(Some(probes))
}

/// Records the directions, the passes and the loss of implicit score matching, from the noised batch in `t.tangents` to the
/// partial gradients.
pub fn implicit(rec: &mut Recording, network: &Network, options: &TrainOptions, t: &Tensors, probes: Probes) {
    let Some(own) = &t.tangents else { return };
    rec.push(
        Dispatch::new("train/probe", Work::Items(pad(options.batch_size, PANEL)))
            .bind("control", &t.control)
            .bind("seeds", &t.seeds)
            .bind("input", &own.input)
            .param("rows", pad(options.batch_size, PANEL))
            .param("probes", probes.count)
            .param("dim", network.dim)
            .param("features", network.options.features)
            .param("signs", probes.signs),
    );
    network.forward_tangents(rec, &t.weights, own);
    rec.push(
        Dispatch::new("loss/ism", Work::Groups(options.batch_size.div_ceil(256)))
            .bind("input", &own.input)
            .bind("output", &own.output)
            .bind("coefficients", &t.coefficients)
            .bind("time_index", t.time_index())
            .bind("d_output", &own.d_output)
            .bind("partial", t.partial())
            .param("rows", options.batch_size)
            .param("probes", probes.count)
            .param("dim", network.dim)
            .param("features", network.options.features)
            .param("times", TIMES),
    );
    network.backward_tangents(rec, &t.weights, &t.mirror, own, &t.back);
}
