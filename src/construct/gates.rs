//! Gates: functions that small networks are, or nearly are, over a box.

use super::circuit::{Built, Circuit, Wire};
use super::decay::{MOST_SQUARINGS, Start, decay};
use super::family::Family;
use crate::error::{Error, Problem, Result};

/// A row of [`GATES`].
pub struct Gate {
    /// Name, as `construct` takes it.
    pub name: &'static str,
    /// One line for help and documentation.
    pub doc: &'static str,
    /// What it computes.
    pub truth: fn(&[f64]) -> f64,
    /// The box of its inputs, (least, greatest) each, for a size given by `--box`.
    pub inputs: fn(f64) -> Vec<(f64, f64)>,
    /// The size where none is given.
    pub size: f64,
    /// Sizes that make sense: above the first, at most the second.
    pub sizes: (f64, f64),
    /// The gate over its inputs, with a way to make exponentials.
    pub build: fn(&mut Circuit, &[Wire], &Exponential) -> Wire,
}

/// How exponentials are made: start, squarings, and the bound of their error.
#[derive(Clone, Copy)]
pub struct Exponential {
    /// r(h).
    pub start: &'static Start,
    /// k.
    pub squarings: u32,
    /// Of r(s / 2^k)^(2^k) against e^-s.
    pub bound: f64,
}

impl Exponential {
    /// With its bound computed.
    pub fn new(start: &'static Start, squarings: u32) -> Self {
        Self { start, squarings, bound: start.bound(squarings) }
    }

    /// Those of a family that are worth having: each with a smaller error than all before it, by rising number of layers.
    pub fn ladder(family: &Family) -> Vec<Self> {
        let mut all: Vec<Self> =
            (0..=MOST_SQUARINGS).flat_map(|k| family.starts.iter().map(move |start| Self::new(start, k))).collect();
        all.sort_by_key(|e| (e.squarings, e.start.order));
        let mut least = f64::INFINITY;
        all.retain(|e| {
            let better = e.bound < least;
            least = least.min(e.bound);
            better
        });
        all
    }
}

/// Every gate.
pub const GATES: &[Gate] = &[
    Gate {
        name: "identity",
        doc: "x for |x| <= M, kept through a layer",
        truth: |x| x[0],
        inputs: |m| vec![(-m, m)],
        size: 10.0,
        sizes: (0.0, 1e6),
        build: |c, x, _| c.carried(&x[0]),
    },
    Gate {
        name: "rectifier",
        doc: "max(x, 0) for |x| <= M: exact for relu, within 1/64 below it for signrelu",
        truth: |x| x[0].max(0.0),
        inputs: |m| vec![(-m, m)],
        size: 10.0,
        sizes: (0.0, 1e6),
        build: |c, x, _| rectified(c, &x[0]),
    },
    Gate {
        name: "reciprocal",
        doc: "1 / u for 1/M <= u <= M",
        truth: |x| 1.0 / x[0],
        inputs: |m| vec![(1.0 / m, m)],
        size: 10.0,
        sizes: (1.0, 1e4),
        build: |c, x, _| (c.family.reciprocal)(c, &x[0]),
    },
    Gate {
        name: "square",
        doc: "x^2 for |x| <= M",
        truth: |x| x[0] * x[0],
        inputs: |m| vec![(-m, m)],
        size: 2.0,
        sizes: (0.0, 1e6),
        build: |c, x, _| square(c, &x[0]),
    },
    Gate {
        name: "product",
        doc: "x y for |x|, |y| <= M",
        truth: |x| x[0] * x[1],
        inputs: |m| vec![(-m, m), (-m, m)],
        size: 1.0,
        sizes: (0.0, 1e6),
        build: |c, x, _| product(c, &x[0], &x[1]),
    },
    Gate {
        name: "division",
        doc: "x / y for |x| <= 1, 1/M <= y <= 1",
        truth: |x| x[0] / x[1],
        inputs: |m| vec![(-1.0, 1.0), (1.0 / m, 1.0)],
        size: 10.0,
        sizes: (1.0, 1e4),
        build: |c, x, _| {
            let most = 1.0 / x[1].low;
            quotients(c, &[(x[0].clone(), most)], &x[1]).swap_remove(0)
        },
    },
    Gate {
        name: "exp",
        doc: "e^-s for 0 <= s <= M: r(s / 2^k)^(2^k), r a sum of reciprocals or a polynomial",
        truth: |x| (-x[0]).exp(),
        inputs: |m| vec![(0.0, m)],
        size: 20.0,
        sizes: (0.0, 1e6),
        build: |c, x, e| decay(c, &x[0], e.start, e.squarings, e.bound),
    },
];

/// How much steeper than the activation a rectifier is: a leak of alpha becomes alpha / GAIN. A power of 2 rounds nothing.
pub const GAIN: f64 = 64.0;

/// max(x, 0), or up to leak / GAIN less.
pub fn rectified(c: &mut Circuit, x: &Wire) -> Wire {
    let n = c.neuron(&x.scaled(GAIN, 0.0)).scaled(1.0 / GAIN, 0.0);
    let (high, error) = (x.high.max(0.0), x.error + c.family.leak / GAIN);
    n.within(-c.family.leak / GAIN, high).off_by(error)
}

/// What brings a wire into [-1, 1]; 1 for one that is as good as 0, whose reciprocal f32 could not hold.
fn scale(x: &Wire) -> f64 {
    if x.most() > 1e-12 { x.most() } else { 1.0 }
}

/// x^2, scaled into the box of the family's square.
pub fn square(c: &mut Circuit, x: &Wire) -> Wire {
    let most = scale(x);
    let z2 = (c.family.square)(c, &x.scaled(1.0 / most, 0.0));
    z2.scaled(most * most, 0.0)
}

/// x y = X Y (((x/X + y/Y) / 2)^2 - ((x/X - y/Y) / 2)^2), X and Y the greatest of |x| and |y|.
///
/// The two squares err to the same side, so their difference errs by no more than one of them.
pub fn product(c: &mut Circuit, x: &Wire, y: &Wire) -> Wire {
    // brought together once, for both squares
    let level = c.level(&[x.clone(), y.clone()]);
    let (x, y) = (&level[0], &level[1]);
    let (xs, ys) = (scale(x), scale(y));
    let half = |sign: f64, c: &mut Circuit| {
        let z = c.sum(&[(x, 0.5 / xs), (y, sign * 0.5 / ys)], 0.0).within(-1.0, 1.0);
        (c.family.square)(c, &z)
    };
    let (plus, minus) = (half(1.0, c), half(-1.0, c));
    let mut out = c.sum(&[(&plus, xs * ys), (&minus, -xs * ys)], 0.0);
    let corners = [x.low * y.low, x.low * y.high, x.high * y.low, x.high * y.high];
    let gate = xs * ys * (c.family.square_error)(c.bits);
    out.low = corners.iter().copied().fold(f64::INFINITY, f64::min) - gate;
    out.high = corners.iter().copied().fold(f64::NEG_INFINITY, f64::max) + gate;
    // x_hat y_hat - x y = x_hat (y_hat - y) + y (x_hat - x)
    out.off_by(xs * y.error + (ys + y.error) * x.error + gate)
}

/// x / y for each of `xs` and y >= y.low > 0, where |x / y| <= `most` is known.
pub fn quotients(c: &mut Circuit, xs: &[(Wire, f64)], y: &Wire) -> Vec<Wire> {
    let q = (c.family.reciprocal)(c, &y.clone().off_by(0.0));
    let one = |(x, most): &(Wire, f64), c: &mut Circuit| {
        // gates err in q and in the product; x and y err as x / y does: (x_hat - x - (x / y)(y_hat - y)) / y_hat
        let out = product(c, &x.clone().off_by(0.0), &q);
        let error = out.error + (x.error + most * y.error) / y.low;
        out.within(-most - error, most + error).off_by(error)
    };
    xs.iter().map(|x| one(x, c)).collect()
}

impl Gate {
    /// Builds it over the box of `size` with an error of at most `eps`, or as near as it comes.
    pub fn built(&self, family: &'static Family, size: f64, eps: f64) -> Result<Built> {
        let boxes = (self.inputs)(size);
        let mut nearest = f64::INFINITY;
        for exponential in Exponential::ladder(family) {
            for bits in family.bits.clone() {
                let (mut c, x) = Circuit::new(family, bits, &boxes);
                let out = (self.build)(&mut c, &x, &exponential);
                let built = c.finish(&[out]);
                if built.bound() <= eps {
                    return Ok(built);
                }
                nearest = nearest.min(built.bound());
            }
        }
        Err(too_small(eps, nearest, "gates come no nearer over this box"))
    }
}

/// The refusal of an error that cannot be reached.
pub fn too_small(eps: f64, least: f64, why: &str) -> Error {
    let problem = Problem::new(format!("the error is too small: {why}")).at("--eps").found(format!("{eps:e}"));
    Error::usage(problem.expected(format!("at least {least:.2e}")))
}
