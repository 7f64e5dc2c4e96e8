//! The table of named data sets.
//!
//! The toy sets are those of FFJORD (Grathwohl et al. 2019, `lib/toy_data.py`), whose definitions are restated here as
//! laws: where that code or scikit-learn puts points on a regular grid of angles, these draw the parameter
//! uniformly, which is the same law in the limit of large samples.

use super::spec::Options;
use super::{MAX_DIM, Modes, Oracle, Sampler, gmm, ifs, manifolds, tilts, toys};
use crate::error::Result;
use std::sync::Arc;

/// A key of a data set.
pub struct DataKey {
    /// The name in a spec.
    pub name: &'static str,
    /// The default as it would be written; empty for none.
    pub default: &'static str,
    /// One line.
    pub doc: &'static str,
}

/// A variant: other defaults under the same name.
pub struct DatasetVariant {
    /// The name after `@`.
    pub name: &'static str,
    /// One line: whose definition it is.
    pub doc: &'static str,
    /// Defaults that differ from the row's.
    pub defaults: &'static [(&'static str, &'static str)],
}

/// One data set.
pub struct DatasetRow {
    /// The name in a spec.
    pub name: &'static str,
    /// One line.
    pub doc: &'static str,
    /// At least one; the first is meant where none is named.
    pub variants: &'static [DatasetVariant],
    /// All keys.
    pub keys: &'static [DataKey],
    pub(super) build: fn(&Options) -> Result<Built>,
}

/// What a row builds.
pub(crate) struct Built {
    pub oracle: Arc<dyn Oracle>,
    pub sampler: Sampler,
    pub modes: Option<Modes>,
}

const FFJORD: DatasetVariant = DatasetVariant { name: "ffjord", doc: "as in FFJORD's toy_data.py", defaults: &[] };
const PLAIN: DatasetVariant = DatasetVariant { name: "plain", doc: "the only definition", defaults: &[] };

const fn key(name: &'static str, default: &'static str, doc: &'static str) -> DataKey {
    DataKey { name, default, doc }
}
const SCALE_DOC: &str = "factor of everything, noise included";
const PLACED_NOISE_DOC: &str = "standard deviation of the noise in all directions";
const NOISE_DOC: &str = "standard deviation of the isotropic noise, before the scale";

/// Every named data set. The command line, the documentation and the tests walk this table.
pub static DATASETS: &[DatasetRow] = &[
    DatasetRow {
        name: "8gaussians",
        doc: "eight normal modes on a circle",
        variants: &[
            FFJORD,
            DatasetVariant {
                name: "torchcfm",
                doc: "as in torchcfm's utils.py: radius 5, covariance sqrt(0.1) I",
                defaults: &[("radius", "5"), ("sd", "0.5623413251903491"), ("divide", "1")],
            },
        ],
        keys: &[
            key("radius", "4", "radius of the circle, before the division"),
            key("sd", "0.5", "standard deviation of a mode, before the division"),
            key("divide", "1.414", "divisor of everything"),
        ],
        build: toys::eight_gaussians,
    },
    DatasetRow {
        name: "25gaussians",
        doc: "normal modes on a square lattice",
        variants: &[PLAIN],
        keys: &[
            key("side", "5", "modes along a side"),
            key("spacing", "2", "distance of neighbours"),
            key("sd", "0.05", "standard deviation of a mode"),
        ],
        build: toys::lattice,
    },
    DatasetRow {
        name: "2spirals",
        doc: "two spiral arms, smeared over small squares",
        variants: &[FFJORD],
        keys: &[
            key("jitter", "0.5", "side of the squares, before the scale"),
            key("scale", "0.3333333333333333", "factor of the arms and their squares"),
            key("noise", "0.1", "standard deviation of the isotropic noise, after the scale"),
        ],
        build: toys::two_spirals,
    },
    DatasetRow {
        name: "moons",
        doc: "two interleaved half circles, angles drawn uniformly",
        variants: &[
            DatasetVariant { name: "ffjord", doc: "scaled by 2 and moved by (-1, -0.2)", defaults: &[] },
            DatasetVariant {
                name: "raw",
                doc: "as scikit-learn's make_moons",
                defaults: &[("scale", "1"), ("move_x", "0"), ("move_y", "0")],
            },
        ],
        keys: &[
            key("noise", "0.1", NOISE_DOC),
            key("scale", "2", SCALE_DOC),
            key("move_x", "-1", "shift along x, after the scale"),
            key("move_y", "-0.2", "shift along y, after the scale"),
        ],
        build: toys::moons,
    },
    DatasetRow {
        name: "checkerboard",
        doc: "eight uniform squares of a checkerboard",
        variants: &[FFJORD],
        keys: &[
            key("scale", "2", "side of a square"),
            key("noise", "0", "standard deviation of additional isotropic noise"),
        ],
        build: toys::checkerboard,
    },
    DatasetRow {
        name: "pinwheel",
        doc: "bent normal arms around the origin",
        variants: &[FFJORD],
        keys: &[
            key("arms", "5", "number of arms"),
            key("radial", "0.3", "standard deviation along an arm"),
            key("tangential", "0.1", "standard deviation across an arm"),
            key("rate", "0.25", "strength of the bend"),
            key("scale", "2", SCALE_DOC),
        ],
        build: toys::pinwheel,
    },
    DatasetRow {
        name: "circles",
        doc: "two noisy concentric circles",
        variants: &[
            FFJORD,
            DatasetVariant { name: "raw", doc: "as scikit-learn's make_circles", defaults: &[("scale", "1")] },
        ],
        keys: &[
            key("factor", "0.5", "radius of the inner circle; the outer has 1"),
            key("noise", "0.08", NOISE_DOC),
            key("scale", "3", SCALE_DOC),
        ],
        build: toys::circles,
    },
    DatasetRow {
        name: "rings",
        doc: "four noisy concentric circles",
        variants: &[FFJORD],
        keys: &[
            key("radius", "3", "radius of the outermost; the others have 1/4, 2/4, 3/4 of it"),
            key("noise", "0.08", "standard deviation of the isotropic noise"),
        ],
        build: toys::rings,
    },
    DatasetRow {
        name: "swissroll",
        doc: "a noisy spiral",
        variants: &[FFJORD],
        keys: &[key("noise", "1", NOISE_DOC), key("scale", "0.2", SCALE_DOC)],
        build: toys::swissroll,
    },
    DatasetRow {
        name: "scurve",
        doc: "a noisy S, coordinates (x, z) of scikit-learn's make_s_curve",
        variants: &[DatasetVariant { name: "raw", doc: "as scikit-learn's", defaults: &[] }],
        keys: &[key("noise", "0.1", NOISE_DOC), key("scale", "1", SCALE_DOC)],
        build: toys::scurve,
    },
    DatasetRow {
        name: "gmm",
        doc: "a mixture of normal laws in any dimension",
        variants: &[PLAIN],
        keys: &[
            key("k", "8", "number of components"),
            key("dim", "2", "dimension"),
            key("sep", "6", "distance of neighbouring means (root mean square for random)"),
            key("sd", "1", "standard deviations, one or one a component: .5/.7"),
            key("layout", "", "ring, line, random or pair; a ring where the dimension allows"),
            key("weights", "", "weights that add to 1: .3/.7; equal when absent"),
            key("means", "", "explicit means instead of a layout: (0 1)(2 3)"),
            key("cov", "", "covariance matrices, one or one a component: (1 .5 .5 1)"),
            key("seed", "0", "seed of the random layout"),
        ],
        build: gmm::gmm,
    },
    DatasetRow {
        name: "gaussian",
        doc: "one normal law in any dimension",
        variants: &[PLAIN],
        keys: &[
            key("dim", "2", "dimension"),
            key("sd", "1", "standard deviation"),
            key("means", "", "the mean: (0 1)"),
            key("cov", "", "covariance matrix: (1 .5 .5 1)"),
        ],
        build: gmm::gaussian,
    },
    DatasetRow {
        name: "tilt",
        doc: "the standard normal law times e^f, f = sum_j ln cosh(a_j . x), ridges as in Cole and Lu",
        variants: &[PLAIN],
        keys: &[
            key("a", "(3 0)", "the ridges: (3 0)(0 1)"),
            key("dim", "", "dimension of the space; that of the ridges when absent"),
        ],
        build: tilts::tilt,
    },
    DatasetRow {
        name: "circle",
        doc: "a noisy circle in a plane of any space",
        variants: &[PLAIN],
        keys: &[
            key("dim", "2", "dimension of the space"),
            key("radius", "1", "radius"),
            key("noise", "0.1", "standard deviation of the noise in all directions"),
            key("rotate", "", "seed of a random plane; the first two coordinates when absent"),
        ],
        build: |o| toys::sphere(o, 2),
    },
    DatasetRow {
        name: "sphere",
        doc: "a noisy sphere in a subspace of any space",
        variants: &[PLAIN],
        keys: &[
            key("dim", "3", "dimension of the space"),
            key("span", "", "dimension of the subspace whose unit sphere it is; dim when absent"),
            key("radius", "1", "radius"),
            key("noise", "0.1", "standard deviation of the noise in all directions"),
            key("rotate", "", "seed of a random subspace; the first coordinates when absent"),
        ],
        build: |o| {
            let dim = o.count("dim", 2..=MAX_DIM)?;
            let span = if o.text("span").is_empty() { dim } else { o.count("span", 2..=dim)? };
            toys::sphere(o, span)
        },
    },
    DatasetRow {
        name: "segment",
        doc: "a noisy segment from -1 to 1, uniform",
        variants: &[PLAIN],
        keys: &[
            key("noise", "0.1", PLACED_NOISE_DOC),
            key("scale", "1", "factor of the manifold, not of the noise"),
            key("dim", "2", "dimension of the space; that of the formula when absent"),
            key("rotate", "", "seed of a random position; the first coordinates when absent"),
        ],
        build: manifolds::segment,
    },
    DatasetRow {
        name: "helix",
        doc: "a noisy helix around the third axis",
        variants: &[PLAIN],
        keys: &[
            key("turns", "2", "number of turns"),
            key("pitch", "0.8", "rise a turn"),
            key("noise", "0.1", PLACED_NOISE_DOC),
            key("scale", "1", "factor of the manifold, not of the noise"),
            key("dim", "", "dimension of the space; that of the formula when absent"),
            key("rotate", "", "seed of a random position; the first coordinates when absent"),
        ],
        build: manifolds::helix,
    },
    DatasetRow {
        name: "torus",
        doc: "a noisy torus, both angles uniform",
        variants: &[PLAIN],
        keys: &[
            key("radius", "1", "radius of its core"),
            key("tube", "0.4", "radius of the tube"),
            key("noise", "0.1", PLACED_NOISE_DOC),
            key("scale", "1", "factor of the manifold, not of the noise"),
            key("dim", "", "dimension of the space; that of the formula when absent"),
            key("rotate", "", "seed of a random position; the first coordinates when absent"),
        ],
        build: manifolds::torus,
    },
    DatasetRow {
        name: "fourier",
        doc: "your own closed curve with noise: sum_j cos_j cos 2 pi j u + sin_j sin 2 pi j u, u uniform on [0, 1]",
        variants: &[DatasetVariant {
            name: "trefoil",
            doc: "the trefoil knot, unless cos and sin are given",
            defaults: &[],
        }],
        keys: &[
            key("cos", "(0 1 0)(0 -2 0)(0 0 0)", "coefficients of the cosines, one group a wave"),
            key("sin", "(1 0 0)(2 0 0)(0 0 -1)", "coefficients of the sines, one group a wave"),
            key("noise", "0.1", PLACED_NOISE_DOC),
            key("scale", "1", "factor of the manifold, not of the noise"),
            key("dim", "", "dimension of the space; that of the formula when absent"),
            key("rotate", "", "seed of a random position; the first coordinates when absent"),
        ],
        build: manifolds::fourier,
    },
    DatasetRow {
        name: "poly",
        doc: "your own curve with noise: sum_j c_j u^j, u uniform on [0, 1]",
        variants: &[DatasetVariant { name: "moments", doc: "(u, u^2, u^3), unless c is given", defaults: &[] }],
        keys: &[
            key("c", "(0 0 0)(1 0 0)(0 1 0)(0 0 1)", "coefficients, one group a power, from the constant on"),
            key("noise", "0.1", PLACED_NOISE_DOC),
            key("scale", "1", "factor of the manifold, not of the noise"),
            key("dim", "", "dimension of the space; that of the formula when absent"),
            key("rotate", "", "seed of a random position; the first coordinates when absent"),
        ],
        build: manifolds::poly,
    },
    DatasetRow {
        name: "ifs",
        doc: "a fractal by an iterated function system: the discrete law of its pieces' barycentres at a level",
        variants: &[
            DatasetVariant {
                name: "sierpinski",
                doc: "the triangle, dimension ln 3 / ln 2",
                defaults: &[("level", "6")],
            },
            DatasetVariant {
                name: "cantor",
                doc: "middle thirds of a line, dimension ln 2 / ln 3",
                defaults: &[("level", "8")],
            },
            DatasetVariant {
                name: "dust",
                doc: "Cantor's set times itself, dimension ln 4 / ln 3",
                defaults: &[("level", "5")],
            },
            DatasetVariant {
                name: "carpet",
                doc: "Sierpinski's carpet, dimension ln 8 / ln 3",
                defaults: &[("level", "4")],
            },
            DatasetVariant { name: "koch", doc: "Koch's curve, dimension ln 4 / ln 3", defaults: &[("level", "5")] },
            DatasetVariant {
                name: "menger",
                doc: "Menger's sponge in space, dimension ln 20 / ln 3",
                defaults: &[("level", "2")],
            },
        ],
        keys: &[
            key("level", "6", "how often the maps are applied; maps^level atoms"),
            key(
                "maps",
                "",
                "your own maps, each its matrix row by row, then its shift: (.5 0 0 .5 0 0)(.5 0 0 .5 .5 0)",
            ),
            key("file", "", "a file with one map a line instead"),
            key("weights", "", "probabilities of the maps that add to 1: .3/.7; equal when absent"),
            key("scale", "4", "factor of everything but the noise; the centre of mass is at 0"),
            key("noise", "0", "standard deviation of normal noise at each atom"),
        ],
        build: ifs::ifs,
    },
];
