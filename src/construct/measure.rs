//! How far a constructed network is from what it is meant to be: on points of its box, in f64 on the host, with every
//! operation rounded to f32 on the host, and on a device through the kernels that run trained networks.

use super::circuit::Built;
use super::gates::Gate;
use super::ratio::{Components, REACH};
use crate::error::Result;
use crate::network::{Network, Weights};
use crate::process::Process;
use crate::random::{Purpose, Stream};
use crate::recording::{Arena, Dispatch, Engine, PANEL, Recording, Work, pad};

/// Rows on the device at a time.
const CHUNK: usize = 1024;

/// Points with what should come out of them.
pub struct Points {
    /// (n, inputs)
    pub inputs: Vec<f64>,
    /// (n, outputs)
    pub truth: Vec<f64>,
    /// n
    pub count: usize,
}

/// Greatest errors over points and outputs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Errors {
    /// Greatest |network - truth|.
    pub greatest: f64,
    /// Root of its mean square.
    pub rms: f64,
}

impl Errors {
    fn of(values: &[f64], truth: &[f64]) -> Self {
        let differences = values.iter().zip(truth).map(|(a, b)| (a - b).abs());
        // a number that is none is the greatest of errors
        let greatest = differences.clone().fold(0.0, |a: f64, d| if d.is_nan() { f64::INFINITY } else { a.max(d) });
        let squares: f64 = differences.map(|d| d * d).sum();
        Self { greatest, rms: (squares / truth.len().max(1) as f64).sqrt() }
    }
}

impl Points {
    /// A gate's box: a grid of about half of `n` points with its corners, then random ones.
    pub fn of_gate(gate: &Gate, size: f64, n: usize, seed: u64) -> Self {
        let boxes = (gate.inputs)(size);
        let side = ((n / 2) as f64).powf(1.0 / boxes.len() as f64).floor().max(2.0) as usize;
        let grid = side.pow(boxes.len() as u32);
        let mut inputs = Vec::with_capacity(n.max(grid) * boxes.len());
        for i in 0..n.max(grid) {
            let mut stream = Stream::new(seed, Purpose::Metric, i as u32, 0);
            let mut at = i;
            for (low, high) in &boxes {
                let u = if i < grid { (at % side) as f64 / (side - 1) as f64 } else { stream.unit() };
                at /= side;
                inputs.push(low + u * (high - low));
            }
        }
        let truth = inputs.chunks_exact(boxes.len()).map(gate.truth).collect::<Vec<_>>();
        Self { count: truth.len(), inputs, truth }
    }

    /// Points of the box of a mixture's score at times spread evenly in the logarithm: a third anywhere in the box, a third
    /// drawn from p_t, a third between two components, where the score turns fastest.
    pub fn of_mixture(law: &Components, process: &Process, n: usize, seed: u64) -> Self {
        let d = law.dim;
        let (mut inputs, mut truth) = (Vec::with_capacity(n * (d + 3)), Vec::with_capacity(n * d));
        for i in 0..n {
            let mut stream = Stream::new(seed, Purpose::Metric, i as u32, 1);
            let share = (i / 3) as f64 / ((n - 1) / 3).max(1) as f64;
            let t = process.t0() * (process.t_max() / process.t0()).powf(share);
            // (rounding must not leave the interval of times)
            let t = t.clamp(process.t0(), process.t_max());
            let (m, sigma) = (process.mean(t), process.sigma(t));
            let root = (m * m * law.variance + sigma * sigma).sqrt();
            let b = m / root;
            let y = match i % 3 {
                0 => anywhere(law, b, &mut stream),
                1 => drawn(law, b, &mut stream),
                _ => between(law, b, &mut stream),
            };
            truth.extend(law.centre(&y, b));
            inputs.extend(y);
            inputs.extend([b, sigma / root, b * b]);
        }
        Self { inputs, truth, count: n }
    }

    /// Errors in f64, and with every operation rounded to f32.
    pub fn on_host(&self, built: &Built) -> (Errors, Errors) {
        let rows = || self.inputs.chunks_exact(built.inputs);
        let exact: Vec<f64> = rows().flat_map(|x| built.evaluate(x)).collect();
        let rounded: Vec<f64> = rows().flat_map(|x| built.evaluate_f32(x)).map(f64::from).collect();
        (Errors::of(&exact, &self.truth), Errors::of(&rounded, &self.truth))
    }

    /// Errors on an engine, through the kernels of `network/`.
    pub fn on_engine(&self, engine: &mut dyn Engine, network: &Network, weights: &[Vec<f32>]) -> Result<Errors> {
        let inputs: Vec<f32> = self.inputs.iter().map(|v| *v as f32).collect();
        let values: Vec<f64> = outputs(engine, network, weights, &inputs)?.into_iter().map(f64::from).collect();
        Ok(Errors::of(&values, &self.truth))
    }
}

fn anywhere(law: &Components, b: f64, stream: &mut Stream) -> Vec<f64> {
    law.around(b).iter().map(|(low, high)| low + (high - low) * stream.unit()).collect()
}

/// b mu_k + noise, no further than the box goes.
fn drawn(law: &Components, b: f64, stream: &mut Stream) -> Vec<f64> {
    let mut u = stream.unit();
    let k = law.weights.iter().position(|w| {
        u -= w;
        u < 0.0
    });
    let mu = &law.means[k.unwrap_or(law.count() - 1) * law.dim..][..law.dim];
    mu.iter().map(|mu| b * mu + stream.normal().clamp(-REACH, REACH)).collect()
}

/// Near the plane between two components: the log odds of the two are N(0, 4) there.
fn between(law: &Components, b: f64, stream: &mut Stream) -> Vec<f64> {
    let d = law.dim;
    let mut pick = || stream.below(law.count() as u32) as usize;
    let (p, q) = (pick(), pick());
    let mean = |k: usize| &law.means[k * d..][..d];
    let axis: Vec<f64> = mean(q).iter().zip(mean(p)).map(|(q, p)| b * (q - p)).collect();
    let length2: f64 = axis.iter().map(|v| v * v).sum();
    let noise: Vec<f64> = (0..d).map(|_| stream.normal().clamp(-4.0, 4.0)).collect();
    if length2 == 0.0 {
        return noise.iter().zip(mean(p)).map(|(z, mu)| b * mu + z).collect();
    }
    let along: f64 = noise.iter().zip(&axis).map(|(z, a)| z * a).sum::<f64>() / length2;
    let odds = 2.0 * stream.normal().clamp(-2.0, 2.0) / length2;
    // the noise without its part along the axis, and the odds in its place; where they would leave the box, less of them
    let shift = (odds - along).clamp(-0.5 - along, 0.5 - along);
    (0..d).map(|j| 0.5 * b * (mean(p)[j] + mean(q)[j]) + noise[j] + shift * axis[j]).collect()
}

/// What a network says to `inputs` (n, K): (n, M), by the recordings of the forward pass.
fn outputs(engine: &mut dyn Engine, network: &Network, values: &[Vec<f32>], inputs: &[f32]) -> Result<Vec<f32>> {
    let (width, dim) = (network.dim + network.options.features, network.dim);
    let rows = (inputs.len() / width).clamp(1, CHUNK);
    let mut arena = Arena::new();
    let given = arena.f32("inputs", &[rows, width]);
    let x = arena.panel("inputs", rows, width);
    let out = arena.f32("outputs", &[rows, dim]);
    let units = arena.f32("units", &[2, dim]);
    let weights = Weights::new(&mut arena, "weights", &network.layout);
    let work = network.workspace(&mut arena, rows, false);
    engine.allocate(&arena)?;
    let mut ask = || -> Result<Vec<f32>> {
        for (tensor, values) in weights.groups.iter().zip(values) {
            engine.write(tensor, values)?;
        }
        engine.write(&units, &[vec![0.0; dim], vec![1.0; dim]].concat())?;
        let mut rec = Recording::new("outputs of a network");
        let layout =
            |kernel, items, dim: usize| Dispatch::new(kernel, Work::Items(items)).param("rows", rows).param("dim", dim);
        let items = pad(rows, PANEL) * pad(width, 8);
        rec.push(layout("layout/to_panels", items, width).bind("rows", &given).bind("x", &x));
        network.forward_from(&mut rec, &weights, &work, &x, &network.block_of(0, &weights));
        let back = layout("layout/to_rows", rows * dim, dim).bind("x", &work.output);
        rec.push(back.bind("units", &units).bind("rows", &out));
        let program = engine.prepare(&rec)?;
        let mut all = Vec::with_capacity(inputs.len() / width * dim);
        for piece in inputs.chunks(rows * width) {
            let mut padded = piece.to_vec();
            padded.resize(given.len(), 0.0);
            engine.write(&given, &padded)?;
            engine.run(program, 1)?;
            all.extend_from_slice(&engine.read(&out)?[..piece.len() / width * dim]);
        }
        Ok(all)
    };
    let outcome = ask();
    engine.release(&arena);
    outcome
}
