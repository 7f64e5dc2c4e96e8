//! Twins of `shaders/train` and `shaders/loss`.

use super::{BINS, Call, at};
use crate::error::Result;
use crate::random::{Purpose, below, normals, words};
use crate::recording::{PANEL, pad};

/// The noised points behind a network's input
pub fn points(call: &mut Call) -> Result<()> {
    let (rows, dim, features, times) = (call.u("rows")?, call.u("dim")?, call.u("features")?, call.u("times")?);
    let (input, table, time_index) = (call.f("input")?, call.f("coefficients")?, call.words("time_index")?);
    let mut x = call.f("x")?;
    for b in 0..rows {
        let c_in = table[8 * (time_index[b] as usize).min(times - 1)];
        (0..dim).for_each(|d| x[at(b, d, dim)] = input[at(b, d, dim + features)] / c_in);
    }
    call.set("x", &x)
}

/// A teacher's score in place of the noise
pub fn teach(call: &mut Call) -> Result<()> {
    let (rows, dim, times) = (call.u("rows")?, call.u("dim")?, call.u("times")?);
    let (x, scores, table) = (call.f("x")?, call.f("scores")?, call.f("coefficients")?);
    let time_index = call.words("time_index")?;
    let mut offset = call.f("offset")?;
    for b in 0..rows {
        let row = &table[8 * (time_index[b] as usize).min(times - 1)..][..8];
        for d in 0..dim {
            let i = at(b, d, dim);
            offset[i] = row[3] * x[i] + row[2] * scores[i];
        }
    }
    call.set("offset", &offset)
}

/// Row of the data and time that place `b` of a batch gets, of an urn (B, K, n).
pub(super) fn draw_training(
    b: usize,
    step: u32,
    seed: u64,
    (rows, times, data_rows): (usize, usize, usize),
    stratified: bool,
) -> (usize, usize) {
    let w = words(seed, Purpose::Batch, b as u32, step, 0);
    let mut time = below(w[1], times as u32) as usize;
    if stratified {
        let (low, high) = (b * times / rows, (b + 1) * times / rows);
        time = (low + below(w[1], (high - low).max(1) as u32) as usize).min(times - 1);
    }
    (below(w[0], data_rows as u32) as usize, time)
}

/// Draws a batch and noises it
pub fn noise(call: &mut Call) -> Result<()> {
    let (rows, dim, features, times) = (call.u("rows")?, call.u("dim")?, call.u("features")?, call.u("times")?);
    let (data_rows, draws) = (call.u("data_rows")?, call.u("draws")?);
    let (held_out, stratified) = (call.u("held_out")? == 1, call.u("stratified")? == 1);
    let seeds = call.words("seeds")?;
    let seed = u64::from(seeds[0]) | u64::from(seeds[1]) << 32;
    let (data, table, feature_rows) = (call.f("data")?, call.f("coefficients")?, call.f("features")?);
    let step = call.words("control")?[0];
    let (mut input, mut offset) = (call.f("input")?, call.f("offset")?);
    let mut time_index = call.words("time_index")?;
    for b in 0..pad(rows, PANEL) {
        let (row, time, stream, live) = if held_out {
            let index = step as usize * rows + b;
            let spread = (index as u32).wrapping_mul(2_654_435_769).wrapping_add(seed as u32);
            let live = b < rows && index < draws;
            (index % data_rows, below(spread, times as u32) as usize, index, live)
        } else {
            let (row, time) = draw_training(b, step, seed, (rows, times, data_rows), stratified);
            (row, time, b, b < rows)
        };
        time_index[b] = if live { time as u32 } else { u32::MAX };
        let (purpose, step) = if held_out { (Purpose::HeldOut, 0) } else { (Purpose::Noise, step) };
        let [c_in, m, sigma, a] = [0, 1, 2, 3].map(|i| table[time * 8 + i]);
        let width = dim + features;
        for d in 0..dim {
            let eps = normals(words(seed, purpose, stream as u32, step, d as u32 / 4))[d % 4];
            let x = m * data[row * dim + d] + sigma * eps;
            input[at(b, d, width)] = c_in * x;
            offset[at(b, d, dim)] = a * x - eps;
        }
        (dim..pad(width, 8)).for_each(|f| input[at(b, f, width)] = feature_rows[time * pad(width, 8) + f]);
    }
    call.set("input", &input)?;
    call.set("offset", &offset)?;
    call.set_words("time_index", &time_index)
}

/// Denoising score matching
pub fn dsm(call: &mut Call) -> Result<()> {
    let (rows, dim, times) = (call.u("rows")?, call.u("dim")?, call.u("times")?);
    let (output, offset, table) = (call.f("output")?, call.f("offset")?, call.f("coefficients")?);
    let time_index = call.words("time_index")?;
    let (mut d_output, mut partial) = (call.f("d_output")?, call.f("partial")?);
    partial[..rows.div_ceil(256) * BINS * 2].fill(0.0);
    for (b, &time) in time_index.iter().enumerate().take(pad(rows, PANEL)) {
        let time = time as usize;
        let live = time < times;
        let (scale, weight) = if live { (table[time * 8 + 4], table[time * 8 + 5]) } else { (0.0, 0.0) };
        let mut sum = 0.0;
        for d in 0..dim {
            let i = at(b, d, dim);
            let r = offset[i] + scale * output[i];
            sum += r * r;
            d_output[i] = 2.0 * weight * scale * r / (dim * rows) as f64;
        }
        (dim..pad(dim, 8)).for_each(|d| d_output[at(b, d, dim)] = 0.0);
        if live {
            let i = (b / 256 * BINS + time * BINS / times) * 2;
            partial[i] += weight * sum / dim as f64;
            partial[i + 1] += 1.0;
        }
    }
    call.set("d_output", &d_output)?;
    call.set("partial", &partial)
}

/// Adds the partial losses of a held-out batch
pub fn tally(call: &mut Call) -> Result<()> {
    let groups = call.u("groups")?;
    let (partial, mut bins, mut control) = (call.f("partial")?, call.f("bins")?, call.words("control")?);
    for i in 0..2 * BINS {
        bins[i] += (0..groups).map(|g| partial[g * 2 * BINS + i]).sum::<f64>();
    }
    control[0] += 1;
    call.set("bins", &bins)?;
    call.set_words("control", &control)
}
