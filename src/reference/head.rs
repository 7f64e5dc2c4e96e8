//! Twins of `shaders/head`.

use super::{Call, at};
use crate::error::Result;
use crate::recording::{PANEL, pad};

/// The row at `b` of a panel tensor.
fn row_of(x: &[f64], b: usize, dim: usize) -> Vec<f64> {
    (0..dim).map(|d| x[at(b, d, dim)]).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Into the ball of that radius.
fn clipped(f: &[f64], radius: f64) -> Vec<f64> {
    let norm = dot(f, f).sqrt();
    f.iter().map(|f| if norm > radius { f * radius / norm } else { *f }).collect()
}

/// The derivative of [`clipped`] at f, along v.
fn clipped_along(f: &[f64], v: &[f64], radius: f64) -> Vec<f64> {
    let square = dot(f, f);
    if square <= radius * radius {
        return v.to_vec();
    }
    let along = dot(f, v) / square;
    f.iter().zip(v).map(|(f, v)| radius / square.sqrt() * (v - f * along)).collect()
}

fn set_row(x: &mut [f64], b: usize, values: &[f64]) {
    let dim = values.len();
    (0..pad(dim, 8)).for_each(|d| x[at(b, d, dim)] = values.get(d).copied().unwrap_or(0.0));
}

/// m, sigma and q = m^2 s^2 + sigma^2 of every row, with s
fn moments(call: &Call) -> Result<(Vec<[f64; 3]>, f64)> {
    let (rows, times) = (call.u("rows")?, call.u("times")?);
    let (table, time_index) = (call.f("coefficients")?, call.words("time_index")?);
    let s = call.f("alpha")?[call.u("layer")?];
    let one = |b: usize| {
        let row = &table[8 * (time_index[b] as usize).min(times - 1)..][..8];
        [row[1], row[2], (row[1] * s).powi(2) + row[2] * row[2]]
    };
    Ok(((0..rows).map(one).collect(), s))
}

/// From a guess of the point on the manifold to a guess of the noise
pub fn structured(call: &mut Call) -> Result<()> {
    let (dim, width, radius) = (call.u("dim")?, call.u("dim")? + call.u("features")?, call.p("radius")?);
    let (input, output, mut guess) = (call.f("input")?, call.f("output")?, call.f("guess")?);
    let (table, time_index) = (call.f("coefficients")?, call.words("time_index")?);
    for (b, [m, sigma, q]) in moments(call)?.0.into_iter().enumerate() {
        let c_in = table[8 * (time_index[b] as usize).min(call.u("times")? - 1)];
        let f = clipped(&row_of(&output, b, dim), radius);
        let eps: Vec<f64> = (0..dim).map(|d| sigma * (input[at(b, d, width)] / c_in - m * f[d]) / q).collect();
        set_row(&mut guess, b, &eps);
    }
    call.set("guess", &guess)
}

/// The way back through `structured`
pub fn d_structured(call: &mut Call) -> Result<()> {
    let (dim, radius) = (call.u("dim")?, call.p("radius")?);
    let (output, guess, d_guess) = (call.f("output")?, call.f("guess")?, call.f("d_guess")?);
    let (mut d_output, mut d_s) = (call.f("d_output")?, call.f("d_s")?);
    let (moments, s) = moments(call)?;
    for (b, [m, sigma, q]) in moments.into_iter().enumerate() {
        let g = row_of(&d_guess, b, dim);
        let d_f: Vec<f64> = g.iter().map(|g| -sigma * m / q * g).collect();
        set_row(&mut d_output, b, &clipped_along(&row_of(&output, b, dim), &d_f, radius));
        d_s[b] = -2.0 * m * m * s / q * dot(&g, &row_of(&guess, b, dim));
    }
    call.set("d_output", &d_output)?;
    call.set("d_s", &d_s)
}

/// Sums over slices of the batch
pub fn d_noise(call: &mut Call) -> Result<()> {
    let (panels, slices) = (call.u("panels")?, call.u("slices")?);
    let (place, length) = (call.u("at")?, call.u("length")?);
    let (d_s, mut out) = (call.f("d_s")?, call.f("partials")?);
    for s in 0..slices {
        let rows = s * panels / slices * PANEL..(s + 1) * panels / slices * PANEL;
        out[s * length + place] = d_s[rows].iter().sum();
    }
    call.set("partials", &out)
}

/// Into the ball
pub fn clip(call: &mut Call) -> Result<()> {
    let (dim, radius) = (call.u("dim")?, call.p("radius")?);
    let (output, mut out) = (call.f("output")?, call.f("clipped")?);
    for b in 0..call.u("rows")? {
        let f = clipped(&row_of(&output, b, dim), radius);
        (0..dim).for_each(|d| out[at(b, d, dim)] = f[d]);
    }
    call.set("clipped", &out)
}

/// The way back from the ball
pub fn d_clip(call: &mut Call) -> Result<()> {
    let (dim, radius) = (call.u("dim")?, call.p("radius")?);
    let (output, probe, mut out) = (call.f("output")?, call.f("probe")?, call.f("d_output")?);
    for b in 0..call.u("rows")? {
        set_row(&mut out, b, &clipped_along(&row_of(&output, b, dim), &row_of(&probe, b, dim), radius));
    }
    call.set("d_output", &out)
}
