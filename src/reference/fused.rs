//! Twins of `shaders/fused`: whole steps of networks, row by row.

use super::loss::draw_training;
use super::network::{activation, slope_from};
use super::sampler::{States, noise};
use super::{BINS, Call, at, fault};
use crate::error::Result;
use crate::network::{Activation, PANEL_ROWS, TILES, Tile};
use crate::random::{Purpose, normals, words};
use crate::recording::{PANEL, pad};

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
    gradient_at: usize,
}

impl Layer {
    /// Layer `i` as the control words have it.
    fn read(control: &[u32], i: usize) -> Self {
        let w = |j: usize| control[LAYERS + WORDS * i + j] as usize;
        let [at, mirror_at, input_at, slope_at, gradient_at] = [2, 3, 4, 5, 6].map(|j| 4 * w(j));
        Self { inputs: w(0), outputs: w(1), at, mirror_at, input_at, slope_at, gradient_at }
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
    /// Adds x d^T and, below, d to the gradients.
    fn add_gradient(&self, slice: &mut [f64], x: &[f64], d: &[f64]) {
        for (n, d) in d.iter().enumerate() {
            (0..self.inputs).for_each(|k| slice[self.at + k * self.stride() + n] += x[k] * d);
            slice[self.at + self.inputs * self.stride() + n] += d;
        }
    }
}

/// What the way forth of a step reads.
struct Forth<'a> {
    data: Vec<f64>,
    table: Vec<f64>,
    weights: Vec<f64>,
    layers: Vec<Layer>,
    activation: &'static Activation,
    alpha: Vec<f64>,
    seed: u64,
    step: u32,
    dim: usize,
    rows: usize,
    times: usize,
    call: &'a Call<'a>,
}

/// What it leaves of a row.
struct Row {
    live: bool,
    time: usize,
    /// The input of each layer, then what the network says.
    values: Vec<Vec<f64>>,
    /// Products of the hidden layers, padding with them.
    z: Vec<Vec<f64>>,
    /// a x_t - eps
    offset: Vec<f64>,
    loss: f64,
    /// Gradient at the output.
    d: Vec<f64>,
}

impl Forth<'_> {
    fn read<'a>(call: &'a Call<'a>, weights: Vec<f64>, alpha: Vec<f64>) -> Result<Forth<'a>> {
        let control = call.words("control")?;
        Ok(Forth {
            data: call.f("data")?,
            table: call.f("table")?,
            layers: layers(call, &control)?,
            weights,
            activation: activation(call)?,
            alpha,
            seed: u64::from(control[8]) | u64::from(control[9]) << 32,
            step: control[0],
            dim: call.u("dim")?,
            rows: call.u("rows")?,
            times: call.u("times")?,
            call,
        })
    }

    /// Row b of the batch; one past its end does not count.
    fn row(&self, b: usize) -> Result<Row> {
        let (dim, call) = (self.dim, self.call);
        let of = (self.rows, self.times, call.u("data_rows")?);
        let (row, time) = draw_training(b, self.step, self.seed, of, call.u("stratified")? == 1);
        let features = call.u("features")?;
        let known = &self.table[time * (8 + pad(dim + features, 8))..];
        let [c_in, m, sigma, a, scale, weight] = [0, 1, 2, 3, 4, 5].map(|i| known[i]);
        let mut x = known[8..][..dim + features].to_vec();
        let mut offset = vec![0.0; dim];
        for d in 0..dim {
            let eps = normals(words(self.seed, Purpose::Noise, b as u32, self.step, d as u32 / 4))[d % 4];
            let noised = m * self.data[row * dim + d] + sigma * eps;
            x[d] = c_in * noised;
            offset[d] = a * noised - eps;
        }
        let (mut values, mut all_z) = (vec![x], Vec::new());
        for (i, l) in self.layers.iter().enumerate() {
            let z = l.forward(&self.weights, &values[i]);
            if i + 1 == self.layers.len() {
                values.push(z);
                break;
            }
            values.push(z.iter().map(|&z| (self.activation.value)(z, self.alpha[i])).collect());
            all_z.push([z, vec![0.0; l.stride() - l.outputs]].concat());
        }
        let r: Vec<f64> = offset.iter().zip(&values[self.layers.len()]).map(|(o, f)| o + scale * f).collect();
        let live = b < self.rows;
        let loss = if live { weight * r.iter().map(|r| r * r).sum::<f64>() / dim as f64 } else { 0.0 };
        let scale = if live { 2.0 * weight * scale / (dim * self.rows) as f64 } else { 0.0 };
        let d = r.iter().map(|r| scale * r).collect();
        Ok(Row { live, time, values, z: all_z, offset, loss, d })
    }

    /// Adds the loss of a row to its bin.
    fn tally(&self, row: &Row, bins: &mut [f64]) {
        if row.live {
            let bin = row.time * BINS / self.times;
            bins[2 * bin] += row.loss;
            bins[2 * bin + 1] += 1.0;
        }
    }

    /// Slopes below layer `above`.
    fn slopes(&self, row: &Row, above: usize) -> Vec<f64> {
        row.z[above - 1].iter().map(|&z| (self.activation.slope)(z, self.alpha[above - 1])).collect()
    }
}

impl Row {
    /// (time / K or -1, loss, 0, 0)
    fn note(&self, times: usize) -> [f64; 4] {
        [if self.live { self.time as f64 / times as f64 } else { -1.0 }, self.loss, 0.0, 0.0]
    }
}

fn layers(call: &Call, control: &[u32]) -> Result<Vec<Layer>> {
    Ok((0..call.u("layers")?).map(|i| Layer::read(control, i)).collect())
}

/// A training step up to the partial gradients
pub fn step(call: &mut Call) -> Result<()> {
    let tile = tile(call)?;
    let (slices, length, stride) = (call.u("slices")?, 4 * call.u("length")?, 4 * call.u("line")?);
    let (mut partials, mut partial, mut scratch) = (call.f("partials")?, call.f("partial")?, call.f("scratch")?);
    let (weights, alpha_at, mirror) = (call.f("weights_n")?, call.u("alpha_at")?, call.f("weights_t")?);
    let alpha = weights[alpha_at..alpha_at + call.u("layers")?].to_vec();
    let [offset_at, note_at] = ["offset_at", "note_at"].map(|n| call.u(n));
    let (offset_at, note_at) = (4 * offset_at?, 4 * note_at?);
    let this = Forth::read(call, weights, alpha)?;
    let tiles = this.rows.div_ceil(tile.rows);
    for s in 0..slices {
        let slice = &mut partials[s * length..][..length];
        for l in &this.layers {
            slice[l.at..l.at + (l.inputs + 1) * l.stride()].fill(0.0);
        }
        let bins = &mut partial[s * 2 * BINS..][..2 * BINS];
        bins.fill(0.0);
        for b in s * tiles / slices * tile.rows..(s + 1) * tiles / slices * tile.rows {
            let row = this.row(b)?;
            let line = &mut scratch[(s * tile.rows + b % tile.rows) * stride..][..stride];
            put(line, offset_at, &row.offset, pad(this.dim, 8));
            line[note_at..note_at + 4].copy_from_slice(&row.note(this.times));
            for (i, l) in this.layers.iter().enumerate() {
                put(line, l.input_at, &row.values[i], pad(l.inputs, 8));
                if i > 0 {
                    put(line, l.slope_at, &this.slopes(&row, i), pad(l.inputs, 8));
                }
            }
            this.tally(&row, bins);
            let mut d = row.d.clone();
            for (i, l) in this.layers.iter().enumerate().rev() {
                l.add_gradient(slice, &row.values[i], &d);
                if i > 0 {
                    d = l.backward(&mirror, &d).iter().enumerate().map(|(k, d)| d * line[l.slope_at + k]).collect();
                }
            }
        }
    }
    for (name, values) in [("partials", partials), ("partial", partial), ("scratch", scratch)] {
        call.set(name, &values)?;
    }
    Ok(())
}

/// `values` at `at`, zeros up to `length`.
fn put(line: &mut [f64], at: usize, values: &[f64], length: usize) {
    line[at..at + length].fill(0.0);
    line[at..at + values.len()].copy_from_slice(values);
}

/// A tile of rows, whose values and gradients lie block by block.
struct Blocks {
    /// Row of the batch.
    first: usize,
    count: usize,
    /// Where its first block starts.
    values: usize,
    gradients: usize,
}

impl Blocks {
    /// All tiles of a batch.
    fn all(call: &Call) -> Result<Vec<Self>> {
        let (share, longer) = (call.u("share")?, call.u("longer")?);
        let values = PANEL_ROWS * 4 * call.u("values_line")?;
        let gradients = PANEL_ROWS * 4 * call.u("gradients_line")?;
        let (mut tiles, mut first) = (Vec::new(), 0);
        while first < call.u("rows")? {
            let t = tiles.len();
            let count = PANEL * (share + usize::from(t < longer));
            tiles.push(Self { first, count, values: t * values, gradients: t * gradients });
            first += count;
        }
        Ok(tiles)
    }
}

/// Where row `row` of the block of `features` at `at` of a line lies, from the first block on.
fn place(at: usize, features: usize, row: usize) -> usize {
    PANEL_ROWS * at + row * pad(features, 8)
}

/// Row `row` of such a block; what pads it is zero.
fn put_row(blocks: &mut [f64], at: usize, row: usize, values: &[f64]) {
    put(blocks, place(at, values.len(), row), values, pad(values.len(), 8));
}

fn row_of(blocks: &[f64], at: usize, row: usize, features: usize) -> &[f64] {
    &blocks[place(at, features, row)..][..features]
}

/// The way forth of tiles of rows
pub fn forward(call: &mut Call) -> Result<()> {
    let (mut partial, mut values, mut gradients) = (call.f("partial")?, call.f("values")?, call.f("gradients")?);
    let at = |name: &str| Ok::<usize, crate::error::Error>(4 * call.u(name)?);
    let (offset_at, note_at, output_at) = (at("offset_at")?, at("note_at")?, at("output_at")?);
    let keeps = call.slot("finish")? == "train";
    let this = Forth::read(call, call.f("weights")?, call.f("alpha")?)?;
    for (t, tile) in Blocks::all(call)?.iter().enumerate() {
        let bins = &mut partial[t * 2 * BINS..][..2 * BINS];
        bins.fill(0.0);
        let (values, gradients) = (&mut values[tile.values..], &mut gradients[tile.gradients..]);
        for r in 0..tile.count {
            let row = this.row(tile.first + r)?;
            put_row(values, offset_at, r, &row.offset);
            put_row(values, note_at, r, &row.note(this.times));
            put_row(values, output_at, r, &row.values[this.layers.len()]);
            put_row(values, this.layers[0].input_at, r, &row.values[0]);
            for (i, l) in this.layers.iter().enumerate().skip(1) {
                // padding goes through the activation as well
                let h = row.z[i - 1].iter().map(|&z| (this.activation.value)(z, this.alpha[i - 1]));
                put_row(values, l.input_at, r, &h.collect::<Vec<f64>>());
                if keeps {
                    put_row(values, l.slope_at, r, &this.slopes(&row, i));
                }
            }
            put_row(gradients, this.layers[this.layers.len() - 1].gradient_at, r, &row.d);
            this.tally(&row, bins);
        }
    }
    for (name, new) in [("partial", partial), ("values", values), ("gradients", gradients)] {
        call.set(name, &new)?;
    }
    Ok(())
}

/// The way back of tiles of rows
pub fn backward(call: &mut Call) -> Result<()> {
    let (values, mut gradients) = (call.f("values")?, call.f("gradients")?);
    let (mirror, alpha, slope) = (call.f("weights")?, call.f("alpha")?, slope_from(call)?);
    let layers = layers(call, &call.words("control")?)?;
    for tile in Blocks::all(call)? {
        let (values, gradients) = (&values[tile.values..], &mut gradients[tile.gradients..]);
        for r in 0..tile.count {
            for i in (1..layers.len()).rev() {
                let l = &layers[i];
                let d = l.backward(&mirror, row_of(gradients, l.gradient_at, r, l.outputs));
                let tells = row_of(values, l.slope_at, r, l.inputs);
                let d: Vec<f64> = d.iter().zip(tells).map(|(d, &b)| d * slope(b, alpha[i - 1])).collect();
                put_row(gradients, layers[i - 1].gradient_at, r, &d);
            }
        }
    }
    call.set("gradients", &gradients)
}

/// The weight gradients of tiles of rows
pub fn gradient(call: &mut Call) -> Result<()> {
    let (values, gradients, mut partials) = (call.f("values")?, call.f("gradients")?, call.f("partials")?);
    let (slices, tiles, length) = (call.u("slices")?, call.u("tiles")?, call.u("length")?);
    let layers = layers(call, &call.words("control")?)?;
    let all = Blocks::all(call)?;
    for s in 0..slices {
        let slice = &mut partials[s * length..][..length];
        for l in &layers {
            slice[l.at..l.at + (l.inputs + 1) * l.stride()].fill(0.0);
            for tile in &all[s * tiles / slices..(s + 1) * tiles / slices] {
                let (values, gradients) = (&values[tile.values..], &gradients[tile.gradients..]);
                for r in 0..tile.count {
                    let d = row_of(gradients, l.gradient_at, r, l.outputs);
                    l.add_gradient(slice, row_of(values, l.input_at, r, l.inputs), d);
                }
            }
        }
    }
    call.set("partials", &partials)
}

/// Many stages of a reverse process, tile by tile and layer by layer between two blocks
pub fn reverse(call: &mut Call) -> Result<()> {
    let (dim, rows, seed, count) = (call.u("dim")?, call.u("rows")?, call.seed()?, call.u("count")?);
    let (folded, weights, table) = (call.f("weights_f")?, call.f("weights_n")?, call.words("layers")?);
    let (stages, control, a) = (call.f("stages")?, call.words("control")?, activation(call)?);
    let (alpha, mut values, block) = (call.f("alpha")?, call.f("values")?, PANEL_ROWS * 8 * call.u("line")?);
    let (share, longer) = (call.u("share")?, call.u("longer")?);
    let layer = |i: usize| {
        let [inputs, outputs, at] = [0, 1, 2].map(|j| table[4 * i + j] as usize);
        Layer { inputs, outputs, at: 4 * at, mirror_at: 0, input_at: 0, slope_at: 0, gradient_at: 0 }
    };
    let stride = layer(0).stride();
    let mut all: Vec<Layer> = (0..count).map(layer).collect();
    all[0] = Layer { inputs: dim, at: 0, ..layer(0) };
    let mut states = States::read(call)?;
    let (mut first, mut t) = (0, 0);
    while first < rows {
        let tile = first..first + PANEL * (share + usize::from(t < longer));
        let (here, there) = values[2 * t * block..][..2 * block].split_at_mut(block);
        let mut blocks = [here, there];
        for s in 0..control[2] {
            let own = &folded[s as usize * (dim + 2) * stride..][..(dim + 2) * stride];
            let [sigma, p, q] = [1, 2, 3].map(|i| own[(dim + 1) * stride + i]);
            for b in tile.clone() {
                let x: Vec<f64> = (0..dim).map(|d| states.x[at(b, d, dim)]).collect();
                put_row(blocks[0], 0, b - first, &x);
            }
            for (i, l) in all.iter().enumerate() {
                for r in 0..tile.len() {
                    let mut h = l.forward(if i == 0 { own } else { &weights }, row_of(blocks[0], 0, r, l.inputs));
                    if i + 1 < count {
                        // padding goes through the activation as well
                        h.resize(l.stride(), 0.0);
                        h.iter_mut().for_each(|z| *z = (a.value)(*z, alpha[i]));
                    }
                    put_row(blocks[1], 0, r, &h);
                }
                blocks.swap(0, 1);
            }
            for b in tile.clone() {
                let said = row_of(blocks[0], 0, b - first, dim);
                let score: Vec<f64> = (0..dim).map(|d| -(p * states.x[at(b, d, dim)] + q * said[d]) / sigma).collect();
                let (stage, sample) = (control[0] + s, control[1].wrapping_add(b as u32));
                states.move_row(b, &score, &stages, stage as usize, |d| noise(seed, sample, stage, d));
            }
            if count % 2 == 1 {
                // states start in the first block again
                blocks.swap(0, 1);
            }
        }
        (first, t) = (tile.end, t + 1);
    }
    call.set("values", &values)?;
    states.write(call)
}

/// Many stages of a reverse process
pub fn chain(call: &mut Call) -> Result<()> {
    let (dim, rows, seed, count) = (call.u("dim")?, call.u("rows")?, call.seed()?, call.u("count")?);
    let (folded, weights, table) = (call.f("weights_f")?, call.f("weights_n")?, call.words("layers")?);
    let (stages, control, a) = (call.f("stages")?, call.words("control")?, activation(call)?);
    let alpha = call.u("alpha_at")?;
    let layer = |i: usize| {
        let [inputs, outputs, at] = [0, 1, 2].map(|j| table[4 * i + j] as usize);
        Layer { inputs, outputs, at: 4 * at, mirror_at: 0, input_at: 0, slope_at: 0, gradient_at: 0 }
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
