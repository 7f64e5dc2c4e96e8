//! Twins of `shaders/fused`: whole steps of networks, row by row.

use super::loss::draw_training;
use super::network::activation;
use super::sampler::{States, noise};
use super::{BINS, Call, at, fault};
use crate::error::Result;
use crate::network::{Activation, TILES, Tile};
use crate::random::{Purpose, normals, words};
use crate::recording::pad;

/// Words of `control` where the layers start, and how many each has.
const LAYERS: usize = 12;
const WORDS: usize = 8;

fn tile(call: &Call) -> Result<&'static Tile> {
    let file = call.slot_path("tile")?;
    TILES.iter().find(|t| t.shader == file).ok_or_else(|| fault(format!("{file} is no tile")))
}

/// One layer, all places in numbers.
struct Layer {
    inputs: usize,
    outputs: usize,
    at: usize,
    mirror_at: usize,
    input_at: usize,
    slope_at: usize,
}

impl Layer {
    /// Layer `i` as the control words have it.
    fn read(control: &[u32], i: usize) -> Self {
        let w = |j: usize| control[LAYERS + WORDS * i + j] as usize;
        Self { inputs: w(0), outputs: w(1), at: 4 * w(2), mirror_at: 4 * w(3), input_at: 4 * w(4), slope_at: 4 * w(5) }
    }
    fn stride(&self) -> usize {
        pad(self.outputs, 8)
    }
    /// x W + bias, for the outputs there are.
    fn forward(&self, weights: &[f64], x: &[f64]) -> Vec<f64> {
        let weight = |k: usize, n: usize| weights[self.at + k * self.stride() + n];
        let sum = |n: usize| weight(self.inputs, n) + (0..self.inputs).map(|k| x[k] * weight(k, n)).sum::<f64>();
        (0..self.outputs).map(sum).collect()
    }
    /// d_y W^T, by way of the mirror.
    fn backward(&self, mirror: &[f64], d: &[f64]) -> Vec<f64> {
        let weight = |n: usize, k: usize| mirror[self.mirror_at + n * pad(self.inputs, 8) + k];
        (0..self.inputs).map(|k| (0..self.outputs).map(|n| d[n] * weight(n, k)).sum()).collect()
    }
}

/// What a step reads.
struct Step<'a> {
    data: Vec<f64>,
    table: Vec<f64>,
    weights: Vec<f64>,
    mirror: Vec<f64>,
    layers: Vec<Layer>,
    activation: &'static Activation,
    alpha: Vec<f64>,
    seed: u64,
    step: u32,
    dim: usize,
    features: usize,
    rows: usize,
    times: usize,
    call: &'a Call<'a>,
}

impl Step<'_> {
    /// One row forward and backward: its line of the scratch; its gradient is added to `slice`, its loss to `bins`.
    fn row(&self, b: usize, line: &mut [f64], slice: &mut [f64], bins: &mut [f64]) -> Result<()> {
        let (dim, call) = (self.dim, self.call);
        let (row, time) = draw_training(
            b,
            self.step,
            self.seed,
            (self.rows, self.times, call.u("data_rows")?),
            call.u("stratified")? == 1,
        );
        let width = 8 + self.features;
        let [c_in, m, sigma, a, scale, weight] = [0, 1, 2, 3, 4, 5].map(|i| self.table[time * width + i]);
        let mut x = vec![0.0; dim];
        let offset = 4 * call.u("offset_at")?;
        line[offset..offset + pad(dim, 8)].fill(0.0);
        for d in 0..dim {
            let eps = normals(words(self.seed, Purpose::Noise, b as u32, self.step, d as u32 / 4))[d % 4];
            let noised = m * self.data[row * dim + d] + sigma * eps;
            x[d] = c_in * noised;
            line[offset + d] = a * noised - eps;
        }
        x.extend(&self.table[time * width + 8..][..self.features]);
        let mut inputs = vec![x];
        for (i, l) in self.layers.iter().enumerate() {
            let x = inputs[i].clone();
            line[l.input_at..l.input_at + pad(l.inputs, 8)].fill(0.0);
            line[l.input_at..l.input_at + l.inputs].copy_from_slice(&x);
            let z = l.forward(&self.weights, &x);
            let Some(above) = self.layers.get(i + 1) else {
                inputs.push(z);
                continue;
            };
            let slope = |n: usize| (self.activation.slope)(z.get(n).copied().unwrap_or(0.0), self.alpha[i]);
            (0..l.stride()).for_each(|n| line[above.slope_at + n] = slope(n));
            inputs.push(z.iter().map(|&z| (self.activation.value)(z, self.alpha[i])).collect());
        }
        let output = &inputs[self.layers.len()];
        let r: Vec<f64> = (0..dim).map(|d| line[offset + d] + scale * output[d]).collect();
        let live = b < self.rows;
        let loss = if live { weight * r.iter().map(|r| r * r).sum::<f64>() / dim as f64 } else { 0.0 };
        let note = 4 * call.u("note_at")?;
        line[note..note + 4].copy_from_slice(&[if live { time as f64 } else { -1.0 }, loss, 0.0, 0.0]);
        if live {
            let bin = time * BINS / self.times;
            bins[2 * bin] += loss;
            bins[2 * bin + 1] += 1.0;
            let scale = 2.0 * weight * scale / (dim * self.rows) as f64;
            self.back(&inputs, line, r.iter().map(|r| scale * r).collect(), slice);
        }
        Ok(())
    }

    /// The way back from the gradient at the output.
    fn back(&self, inputs: &[Vec<f64>], line: &[f64], output: Vec<f64>, slice: &mut [f64]) {
        let mut d = output;
        for (i, l) in self.layers.iter().enumerate().rev() {
            for (n, d) in d.iter().enumerate() {
                (0..l.inputs).for_each(|k| slice[l.at + k * l.stride() + n] += inputs[i][k] * d);
                slice[l.at + l.inputs * l.stride() + n] += d;
            }
            if i > 0 {
                d = l.backward(&self.mirror, &d).iter().enumerate().map(|(k, d)| d * line[l.slope_at + k]).collect();
            }
        }
    }
}

/// A training step up to the partial gradients
pub fn step(call: &mut Call) -> Result<()> {
    let (tile, control) = (tile(call)?, call.words("control")?);
    let (slices, length, stride) = (call.u("slices")?, 4 * call.u("length")?, 4 * call.u("line")?);
    let (mut partials, mut partial, mut scratch) = (call.f("partials")?, call.f("partial")?, call.f("scratch")?);
    let (weights, alpha_at) = (call.f("weights_n")?, call.u("alpha_at")?);
    let layers: Vec<Layer> = (0..call.u("layers")?).map(|i| Layer::read(&control, i)).collect();
    let this = Step {
        data: call.f("data")?,
        table: call.f("table")?,
        alpha: weights[alpha_at..alpha_at + layers.len()].to_vec(),
        weights,
        mirror: call.f("weights_t")?,
        activation: activation(call)?,
        seed: u64::from(control[8]) | u64::from(control[9]) << 32,
        step: control[0],
        dim: call.u("dim")?,
        features: call.u("features")?,
        rows: call.u("rows")?,
        times: call.u("times")?,
        layers,
        call,
    };
    let tiles = this.rows.div_ceil(tile.rows);
    for s in 0..slices {
        let slice = &mut partials[s * length..][..length];
        for l in &this.layers {
            slice[l.at..l.at + (l.inputs + 1) * l.stride()].fill(0.0);
        }
        let bins = &mut partial[s * 2 * BINS..][..2 * BINS];
        bins.fill(0.0);
        for b in s * tiles / slices * tile.rows..(s + 1) * tiles / slices * tile.rows {
            let line = (s * tile.rows + b % tile.rows) * stride;
            this.row(b, &mut scratch[line..line + stride], slice, bins)?;
        }
    }
    for (name, values) in [("partials", partials), ("partial", partial), ("scratch", scratch)] {
        call.set(name, &values)?;
    }
    Ok(())
}

/// Many stages of a reverse process
pub fn chain(call: &mut Call) -> Result<()> {
    let (dim, rows, seed, count) = (call.u("dim")?, call.u("rows")?, call.seed()?, call.u("count")?);
    let (folded, weights, table) = (call.f("weights_f")?, call.f("weights_n")?, call.words("layers")?);
    let (stages, control, a) = (call.f("stages")?, call.words("control")?, activation(call)?);
    let alpha = call.u("alpha_at")?;
    let layer = |i: usize| {
        let [inputs, outputs, at] = [0, 1, 2].map(|j| table[4 * i + j] as usize);
        Layer { inputs, outputs, at: 4 * at, mirror_at: 0, input_at: 0, slope_at: 0 }
    };
    let mut states = States::read(call)?;
    for s in 0..control[2] {
        // the folded first layer takes points only, and the time's coefficients lie below it
        let own = &folded[s as usize * (dim + 2) * layer(0).stride()..][..(dim + 2) * layer(0).stride()];
        let [sigma, p, q] = [1, 2, 3].map(|i| own[(dim + 1) * layer(0).stride() + i]);
        for b in 0..rows {
            let x: Vec<f64> = (0..dim).map(|d| states.x[at(b, d, dim)]).collect();
            let mut h = Layer { inputs: dim, at: 0, ..layer(0) }.forward(own, &x);
            for i in 1..count {
                h.iter_mut().for_each(|z| *z = (a.value)(*z, weights[alpha + i - 1]));
                h = layer(i).forward(&weights, &h);
            }
            let score: Vec<f64> = (0..dim).map(|d| -(p * x[d] + q * h[d]) / sigma).collect();
            let (stage, sample) = (control[0] + s, control[1].wrapping_add(b as u32));
            states.move_row(b, &score, &stages, stage as usize, |d| noise(seed, sample, stage, d));
        }
    }
    states.write(call)
}
