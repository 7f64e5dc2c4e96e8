//! Twins of `shaders/score/network_*`, `shaders/sampler` and `shaders/layout`.

use super::{Call, at};
use crate::error::Result;
use crate::random::{Purpose, normals, words};
use crate::recording::{PANEL, pad};

/// The first layer at one time after another
pub fn fold_time(call: &mut Call) -> Result<()> {
    let (dim, features, stride) = (call.u("dim")?, call.u("features")?, call.u("stride")?);
    let (weight, times, rows) = (call.f("weight")?, call.f("times")?, call.f("features")?);
    let (mut folded, control) = (Vec::new(), call.words("control")?);
    for s in 0..call.u("count")?.min(control[2].max(1) as usize) {
        let time = (control[0] as usize + s).min(call.u("times")? - 1);
        folded.extend(weight[..dim * stride].iter().map(|w| times[4 * time] * w));
        for n in 0..stride {
            let carried = (0..features).map(|f| rows[time * features + f] * weight[(dim + f) * stride + n]);
            folded.push(weight[(dim + features) * stride + n] + carried.sum::<f64>());
        }
        folded.extend((0..stride).map(|n| if n < 4 { times[4 * time + n] } else { 0.0 }));
    }
    // the others stay as they were
    folded.extend(&call.f("folded")?[folded.len()..]);
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
    let (mut x, mut base) = (call.f("x")?, call.f("base")?);
    for b in 0..rows {
        for d in 0..dim {
            let w = words(seed, Purpose::SampleStart, first.wrapping_add(b as u32), 0, d as u32 / 4);
            let i = at(b, d, dim);
            x[i] = spread * normals(w)[d % 4];
            base[i] = x[i];
        }
    }
    let (count, mut history) = (call.u("history")?, call.f("history")?);
    for (b, h) in (0..rows).flat_map(|b| (0..count).map(move |h| (b, h))) {
        history[at(b, h, count)] = 0.0;
    }
    call.set("x", &x)?;
    call.set("base", &base)?;
    call.set("history", &history)
}

/// The states of a reverse process.
pub(super) struct States {
    pub x: Vec<f64>,
    pub base: Vec<f64>,
    pub history: Vec<f64>,
    /// Earlier outputs that are kept.
    kept: usize,
}

impl States {
    pub fn read(call: &Call) -> Result<Self> {
        Ok(Self { x: call.f("x")?, base: call.f("base")?, history: call.f("history")?, kept: call.u("history")? })
    }
    pub fn write(self, call: &mut Call) -> Result<()> {
        call.set("x", &self.x)?;
        call.set("base", &self.base)?;
        call.set("history", &self.history)
    }
    /// One row with scores `s` (D) through stage `stage` of all `stages`; `xi` gives the normals.
    pub fn move_row(&mut self, b: usize, s: &[f64], stages: &[f64], stage: usize, xi: impl Fn(usize) -> f64) {
        let (dim, kept) = (s.len(), self.kept);
        let c = &stages[20 * stage..][..20];
        for (d, &s) in s.iter().enumerate() {
            let i = at(b, d, dim);
            let place = |r: usize| at(b, (r % kept) * dim + d, kept * dim);
            let earlier: Vec<f64> = (0..kept).map(|j| self.history[place(stage + 2 * kept - 1 - j)]).collect();
            let mix = |first: [f64; 3], more: &[f64]| {
                let outputs: f64 = earlier.iter().zip(more).map(|(y, c)| c * y).sum();
                first[0] * self.base[i] + first[1] * self.x[i] + first[2] * s + outputs
            };
            let new = mix([c[0], c[1], c[2]], &c[7..12]) + c[3] * xi(d);
            let corrected = mix([c[12], c[13], c[14]], &c[15..20]);
            if kept > 0 {
                self.history[place(stage)] = c[5] * self.x[i] + c[6] * s;
            }
            match c[4] {
                1.0 => self.base[i] = new,
                2.0 => self.base[i] = corrected,
                _ => {}
            }
            self.x[i] = new;
        }
    }
}

/// Coordinate `d` of the noise of a sample at a stage.
pub(super) fn noise(seed: u64, sample: u32, stage: u32, d: usize) -> f64 {
    normals(words(seed, Purpose::SampleNoise, sample, stage, d as u32 / 4))[d % 4]
}

/// One affine stage
pub fn stage(call: &mut Call) -> Result<()> {
    let (rows, dim, seed) = (call.u("rows")?, call.u("dim")?, call.seed()?);
    let (scores, stages, control) = (call.f("scores")?, call.f("stages")?, call.words("control")?);
    let mut states = States::read(call)?;
    for b in 0..rows {
        let s: Vec<f64> = (0..dim).map(|d| scores[at(b, d, dim)]).collect();
        let sample = control[1].wrapping_add(b as u32);
        states.move_row(b, &s, &stages, control[0] as usize, |d| noise(seed, sample, control[0], d));
    }
    states.write(call)
}

/// Counts the stages that were run
pub fn advance(call: &mut Call) -> Result<()> {
    let mut control = call.words("control")?;
    control[0] += control[2].max(1);
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
