//! Twins of `shaders/score/network_*`, `shaders/sampler` and `shaders/layout`.

use super::{Call, at};
use crate::error::Result;
use crate::random::{Purpose, normals, words};
use crate::recording::{PANEL, pad};

/// The first layer at one time
pub fn fold_time(call: &mut Call) -> Result<()> {
    let (dim, features, stride) = (call.u("dim")?, call.u("features")?, call.u("stride")?);
    let (weight, times, rows) = (call.f("weight")?, call.f("times")?, call.f("features")?);
    let time = call.words("control")?[0] as usize;
    let mut folded: Vec<f64> = weight[..dim * stride].iter().map(|w| times[4 * time] * w).collect();
    for n in 0..stride {
        let carried = (0..features).map(|f| rows[time * features + f] * weight[(dim + f) * stride + n]);
        folded.push(weight[(dim + features) * stride + n] + carried.sum::<f64>());
    }
    call.set("folded", &folded)
}

/// From the head to the score
pub fn network_output(call: &mut Call) -> Result<()> {
    let (points, output, times, dim) = (call.f("points")?, call.f("output")?, call.f("times")?, call.u("dim")?);
    let time = call.words("control")?[0] as usize;
    let [sigma, a, b] = [1, 2, 3].map(|i| times[4 * time + i]);
    let mut scores = call.f("scores")?;
    for i in (0..call.u("rows")?).flat_map(|r| (0..dim).map(move |d| at(r, d, dim))) {
        scores[i] = -(a * points[i] + b * output[i]) / sigma;
    }
    call.set("scores", &scores)
}

/// Where the reverse process starts
pub fn start(call: &mut Call) -> Result<()> {
    let (rows, dim, seed, spread) = (call.u("rows")?, call.u("dim")?, call.seed()?, call.p("spread")?);
    let first = call.words("control")?[1];
    let (mut x, mut base, mut previous) = (call.f("x")?, call.f("base")?, call.f("previous")?);
    for b in 0..rows {
        for d in 0..dim {
            let w = words(seed, Purpose::SampleStart, first.wrapping_add(b as u32), 0, d as u32 / 4);
            let i = at(b, d, dim);
            x[i] = spread * normals(w)[d % 4];
            (base[i], previous[i]) = (x[i], 0.0);
        }
    }
    call.set("x", &x)?;
    call.set("base", &base)?;
    call.set("previous", &previous)
}

/// One affine stage
pub fn stage(call: &mut Call) -> Result<()> {
    let (rows, dim, seed) = (call.u("rows")?, call.u("dim")?, call.seed()?);
    let (scores, stages, control) = (call.f("scores")?, call.f("stages")?, call.words("control")?);
    let (mut x, mut base, mut previous) = (call.f("x")?, call.f("base")?, call.f("previous")?);
    let row = &stages[8 * control[0] as usize..][..8];
    for b in 0..rows {
        for d in 0..dim {
            let i = at(b, d, dim);
            let w = words(seed, Purpose::SampleNoise, control[1].wrapping_add(b as u32), control[0], d as u32 / 4);
            let xi = normals(w)[d % 4];
            x[i] = row[0] * base[i] + row[1] * x[i] + row[2] * scores[i] + row[3] * previous[i] + row[4] * xi;
            previous[i] = scores[i];
            if row[5] == 1.0 {
                base[i] = x[i];
            }
        }
    }
    call.set("x", &x)?;
    call.set("base", &base)?;
    call.set("previous", &previous)
}

/// Counts a stage
pub fn advance(call: &mut Call) -> Result<()> {
    let mut control = call.words("control")?;
    control[0] += 1;
    call.set_words("control", &control)
}

/// Panels to rows, in data units
pub fn to_rows(call: &mut Call) -> Result<()> {
    let (rows, dim) = (call.u("rows")?, call.u("dim")?);
    let (x, units, mut out) = (call.f("x")?, call.f("units")?, call.f("rows")?);
    for b in 0..rows {
        for d in 0..dim {
            out[b * dim + d] = units[d] + units[dim + d] * x[at(b, d, dim)];
        }
    }
    call.set("rows", &out)
}

/// Rows to panels
pub fn to_panels(call: &mut Call) -> Result<()> {
    let (rows, dim) = (call.u("rows")?, call.u("dim")?);
    let (points, mut x) = (call.f("rows")?, call.f("x")?);
    for b in 0..pad(rows, PANEL) {
        for d in 0..pad(dim, 8) {
            x[at(b, d, dim)] = if b < rows && d < dim { points[b * dim + d] } else { 0.0 };
        }
    }
    call.set("x", &x)
}
