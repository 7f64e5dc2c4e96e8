//! What squares and divides: SignReLU does it exactly with a handful of neurons, ReLU only in the limit of depth.

use super::circuit::{Circuit, Wire};

/// A row of [`FAMILIES`].
#[derive(Debug)]
pub struct Family {
    /// Name of the activation, as `--activation` takes it.
    pub name: &'static str,
    /// One line for help and documentation.
    pub doc: &'static str,
    /// The activation, f64; alpha = 1.
    pub value: fn(f64) -> f64,
    /// The activation, f32.
    pub value_f32: fn(f32) -> f32,
    /// How far activation(z) lies below max(z, 0) at most.
    pub leak: f64,
    /// z^2 for |z| <= 1.
    pub square: fn(&mut Circuit, &Wire) -> Wire,
    /// Bound of the error of `square` for some number of bits.
    pub square_error: fn(u32) -> f64,
    /// 1 / u for u at or above `u.low` > 0.
    pub reciprocal: fn(&mut Circuit, &Wire) -> Wire,
    /// Ways to begin an exponential, see [`super::decay`].
    pub starts: &'static [super::decay::Start],
    /// Numbers of bits worth trying, from coarse to fine.
    pub bits: std::ops::RangeInclusive<u32>,
}

/// Every activation that networks can be built of.
pub static FAMILIES: &[Family] = &[
    Family {
        name: "signrelu",
        doc: "squares, products and quotients are exact: 1 + sigma(1 - u) = 1 / u for u >= 1 (Li, Feng, Zhou 2022)",
        value: |z| if z > 0.0 { z } else { z / (1.0 - z) },
        value_f32: |z| if z > 0.0 { z } else { z / (1.0 - z) },
        leak: 1.0,
        square: rational_square,
        square_error: |_| 0.0,
        reciprocal: rational_reciprocal,
        starts: super::decay::RATIONAL,
        bits: 0..=0,
    },
    Family {
        name: "relu",
        doc: "squares by sawtooth functions, quotients by products: depth grows with log(1 / eps) (Yarotsky 2017)",
        value: |z| z.max(0.0),
        value_f32: |z| z.max(0.0),
        leak: 0.0,
        square: sawtooth_square,
        square_error: |bits| 0.25f64.powi(bits as i32 + 1),
        reciprocal: product_reciprocal,
        starts: super::decay::POLYNOMIAL,
        bits: 4..=24,
    },
];

/// z^2 = -4 sigma(-1 - sigma(-1 + z) - sigma(-1 - z)): the inner pair adds up to 2 / (4 - z^2) - .., whose reciprocal is
/// the square.
fn rational_square(c: &mut Circuit, z: &Wire) -> Wire {
    let right = c.neuron(&z.scaled(1.0, -1.0));
    let left = c.neuron(&z.scaled(-1.0, -1.0));
    let both = c.sum(&[(&right, -1.0), (&left, -1.0)], -1.0);
    let outer = c.neuron(&both);
    squared(outer.scaled(-4.0, 0.0), z, 0.0)
}

/// The interval and the error that a square of `z` has, made by a gate that errs by `error`.
fn squared(mut out: Wire, z: &Wire, error: f64) -> Wire {
    let least = if z.low <= 0.0 && z.high >= 0.0 { 0.0 } else { z.low.abs().min(z.high.abs()) };
    (out.low, out.high) = (least * least, z.most().powi(2) + error);
    // z_hat^2 - z^2 = (z_hat + z)(z_hat - z)
    out.off_by((2.0 * z.most() + z.error) * z.error + error)
}

/// z^2 = |z| - sum_i g_i(|z|) / 4^i over `bits` terms, g_i the sawtooth with 2^i teeth: g_(i+1) = 2 g_i for g_i <= 1/2, else
/// 2 - 2 g_i. The rest of the sum is between 0 and 4^-(bits + 1) (Yarotsky 2017, proposition 2).
fn sawtooth_square(c: &mut Circuit, z: &Wire) -> Wire {
    let (right, left) = (c.neuron(z), c.neuron(&z.scaled(-1.0, 0.0)));
    let most = z.most().min(1.0);
    let mut tooth = c.sum(&[(&right, 1.0), (&left, 1.0)], 0.0).within(0.0, most);
    let mut rest = tooth.clone();
    for i in 1..=c.bits {
        let (whole, half) = (c.neuron(&tooth), c.neuron(&tooth.scaled(1.0, -0.5)));
        let kept = c.neuron(&rest).within(0.0, most);
        tooth = c.sum(&[(&whole, 2.0), (&half, -4.0)], 0.0).within(0.0, 1.0);
        // what is left never falls below the square
        rest = c.sum(&[(&kept, 1.0), (&tooth, -0.25f64.powi(i as i32))], 0.0).within(0.0, most);
    }
    squared(rest, z, (c.family.square_error)(c.bits))
}

/// 1 / u = (1 + sigma(1 - u / c)) / c for u >= c.
fn rational_reciprocal(c: &mut Circuit, u: &Wire) -> Wire {
    let n = c.neuron(&u.scaled(-1.0 / u.low, 1.0));
    inverted(n.scaled(1.0 / u.low, 1.0 / u.low), u, 0.0)
}

/// The interval and the error that a reciprocal of `u` has, made by a gate that errs by `error`.
fn inverted(mut out: Wire, u: &Wire, error: f64) -> Wire {
    (out.low, out.high) = (1.0 / u.high - error, 1.0 / u.low + error);
    let least = u.low - u.error;
    out.off_by(if least > 0.0 { u.error / (u.low * least) } else { f64::INFINITY } + error)
}

/// 1 / y = prod_(i < n) (1 + a^(2^i)) + a^(2^n) / y with a = 1 - y, y = u / greatest u; n such that the rest is below that of the
/// square gate.
fn product_reciprocal(c: &mut Circuit, u: &Wire) -> Wire {
    let least = u.low / u.high;
    // the error of u itself is the business of `inverted`
    let mut power = u.scaled(-1.0 / u.high, 1.0).within(0.0, 1.0 - least).off_by(0.0);
    let mut made = power.scaled(1.0, 1.0);
    let mut rest = (1.0 - least).powi(2);
    while rest / least > (c.family.square_error)(c.bits) {
        power = (c.family.square)(c, &power);
        made = super::gates::product(c, &made, &power.scaled(1.0, 1.0));
        rest *= rest;
    }
    let error = (made.error + rest / least) / u.high;
    inverted(made.scaled(1.0 / u.high, 0.0), u, error)
}
