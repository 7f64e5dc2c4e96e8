//! Twins of `shaders/likelihood`.

use super::{Call, at};
use crate::error::Result;
use crate::random::{Purpose, words};
use crate::recording::pad;

/// The direction of a derivative
pub fn probe(call: &mut Call) -> Result<()> {
    let (rows, dim, number) = (call.u("rows")?, call.u("dim")?, call.u("number")?);
    let (signs, seed, first) = (call.u("signs")? == 1, call.seed()?, call.words("control")?[1]);
    let mut out = call.f("probe")?;
    for b in 0..rows {
        for d in 0..pad(dim, 8) {
            let w = words(seed, Purpose::Probe, first.wrapping_add(b as u32), number as u32, (d / 128) as u32);
            let negative = w[d / 32 % 4] >> (d % 32) & 1 == 1;
            out[at(b, d, dim)] = match (d < dim, signs) {
                (false, _) => 0.0,
                (true, false) => f64::from(u8::from(d == number)),
                (true, true) => 1.0 - 2.0 * f64::from(u8::from(negative)),
            };
        }
    }
    call.set("probe", &out)
}

/// What a probe says of the divergence
pub fn divergence(call: &mut Call) -> Result<()> {
    let (rows, dim, inputs) = (call.u("rows")?, call.u("dim")?, call.u("inputs")?);
    let (probe, gradient, mut sums) = (call.f("probe")?, call.f("gradient")?, call.f("sums")?);
    let time = call.words("control")?[0] as usize;
    let weight = call.f("weights")?[time];
    let times = call.f("times")?;
    let [c_in, sigma, a, b] = [0, 1, 2, 3].map(|i| times[4 * time + i]);
    for (row, sum) in sums.iter_mut().enumerate().take(rows) {
        for d in 0..dim {
            let v = probe[at(row, d, dim)];
            *sum -= weight * v * (a * v + b * c_in * gradient[at(row, d, inputs)]) / sigma;
        }
    }
    call.set("sums", &sums)
}
