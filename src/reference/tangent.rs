//! Twins of the kernels of implicit score matching.

use super::network::activation;
use super::{BINS, Call, at};
use crate::error::Result;
use crate::random::{Purpose, words};
use crate::recording::{PANEL, pad};

/// The activation of a layer, for rows and tangents
pub fn tangent(call: &mut Call) -> Result<()> {
    let size = call.u("rows")? * call.u("stride")?;
    let (a, p) = (activation(call)?, call.f("alpha")?[call.u("layer")?]);
    let (z, mut h) = (call.f("z")?, call.f("h")?);
    for i in 0..size {
        h[i] = (a.value)(z[i], p);
        for k in 1..=call.u("probes")? {
            h[k * size + i] = (a.slope)(z[i], p) * z[k * size + i];
        }
    }
    call.set("h", &h)
}

/// The way back through `tangent`
pub fn d_tangent(call: &mut Call) -> Result<()> {
    let (size, probes) = (call.u("rows")? * call.u("stride")?, call.u("probes")?);
    let (a, p) = (activation(call)?, call.f("alpha")?[call.u("layer")?]);
    let (z, above) = (call.f("z")?, call.f("d")?);
    let mut d = above.clone();
    for i in 0..size {
        let places = || (1..=probes).map(|k| k * size + i);
        let bent: f64 = places().map(|j| z[j] * above[j]).sum();
        d[i] = (a.slope)(z[i], p) * above[i] + (a.curve)(z[i], p) * bent;
        places().for_each(|j| d[j] = (a.slope)(z[i], p) * above[j]);
    }
    call.set("d", &d)
}

/// Unit vectors or random signs as further rows of the input
pub fn probe(call: &mut Call) -> Result<()> {
    let (rows, probes, dim) = (call.u("rows")?, call.u("probes")?, call.u("dim")?);
    let (width, signs) = (dim + call.u("features")?, call.u("signs")? == 1);
    let (seeds, step) = (call.words("seeds")?, call.words("control")?[0]);
    let seed = u64::from(seeds[0]) | u64::from(seeds[1]) << 32;
    let mut input = call.f("input")?;
    for (k, b) in (0..probes).flat_map(|k| (0..rows).map(move |b| (k, b))) {
        for d in 0..pad(width, 8) {
            let w = words(seed, Purpose::Probe, b as u32, step, (d / 128) as u32);
            let negative = w[d / 32 % 4] >> (d % 32) & 1 == 1;
            input[at((k + 1) * rows + b, d, width)] = match (d < dim, signs) {
                (false, _) => 0.0,
                (true, false) => f64::from(u8::from(d == k)),
                (true, true) => 1.0 - 2.0 * f64::from(u8::from(negative)),
            };
        }
    }
    call.set("input", &input)
}

/// Implicit score matching
pub fn ism(call: &mut Call) -> Result<()> {
    let (rows, probes, dim, times) = (call.u("rows")?, call.u("probes")?, call.u("dim")?, call.u("times")?);
    let (padded, width) = (pad(rows, PANEL), dim + call.u("features")?);
    let (input, output, table) = (call.f("input")?, call.f("output")?, call.f("coefficients")?);
    let time_index = call.words("time_index")?;
    let (mut d_output, mut partial) = (call.f("d_output")?, call.f("partial")?);
    d_output.fill(0.0);
    partial[..rows.div_ceil(256) * BINS * 2].fill(0.0);
    for (b, time) in time_index.iter().map(|t| *t as usize).enumerate().take(padded).filter(|(_, t)| *t < times) {
        let row = &table[8 * time..][..8];
        let (c_in, sigma, a, slope, weight) = (row[0], row[2], row[3], row[4], row[5]);
        let scale = 2.0 * weight * slope / (dim * rows) as f64;
        let (mut square, mut divergence) = (0.0, a * dim as f64);
        for d in 0..dim {
            let guess = a * input[at(b, d, width)] / c_in + slope * output[at(b, d, dim)];
            square += guess * guess;
            d_output[at(b, d, dim)] = scale * guess;
            for k in 1..=probes {
                let v = input[at(k * padded + b, d, width)];
                divergence += slope * c_in * v * output[at(k * padded + b, d, dim)];
                d_output[at(k * padded + b, d, dim)] = -scale * sigma * c_in * v;
            }
        }
        let i = (b / 256 * BINS + time * BINS / times) * 2;
        partial[i] += weight * (square - 2.0 * sigma * divergence + dim as f64) / dim as f64;
        partial[i + 1] += 1.0;
    }
    call.set("d_output", &d_output)?;
    call.set("partial", &partial)
}
