//! The regression with which SignReLU was introduced (Li, Feng, Zhou 2022 and their published code), on the host in f64.
//!
//! ```text
//! target     f = 0.5 (2 - 2 y + 0.05 y^3) / (1 + 0.5 y^2), y = sum x_i, x uniform on [-10, 10]^dim
//! labels     f + 0.5 N(0, 1); 2000 test rows without noise
//! network    dim - 100 - 100 - 100 - 1, weights and biases uniform on +-1/sqrt(fan-in)
//! training   Adam at 1e-4, batches of 100 in a new order each epoch, 50 epochs, squared error
//! ```

use super::symmetric::dot;
use super::{Bench, Check, Curve, Outcome, Points, Sweep, whole};
use crate::error::{Error, Problem, Result};
use crate::metrics::parallel;
use crate::network::{ACTIVATIONS, Activation};
use crate::random::{Purpose, Stream};

const DIM: usize = 50;
const WIDTH: usize = 100;
const EPOCHS: u32 = 50;
const BATCH: usize = 100;
const TEST: usize = 2000;
const RATE: f64 = 1e-4;

fn target(x: &[f64]) -> f64 {
    let y: f64 = x.iter().sum();
    0.5 * (2.0 - 2.0 * y + 0.05 * y.powi(3)) / (1.0 + 0.5 * y * y)
}

/// n rows of inputs (n, dim) and labels, with noise of the given deviation.
fn data(n: usize, noise: f64, seed: u64, purpose: Purpose) -> (Vec<f64>, Vec<f64>) {
    let (mut inputs, mut labels) = (Vec::with_capacity(n * DIM), Vec::with_capacity(n));
    for i in 0..n {
        let mut stream = Stream::new(seed, purpose, i as u32, 0);
        let row: Vec<f64> = (0..DIM).map(|_| 20.0 * stream.unit() - 10.0).collect();
        labels.push(target(&row) + noise * stream.normal());
        inputs.extend(row);
    }
    (inputs, labels)
}

/// One linear layer with its gradient and moments; weights (outputs, inputs + 1), the bias last.
struct Layer {
    inputs: usize,
    weights: Vec<f64>,
    gradient: Vec<f64>,
    moments: [Vec<f64>; 2],
}

impl Layer {
    fn new(inputs: usize, outputs: usize, stream: &mut Stream) -> Self {
        let bound = 1.0 / (inputs as f64).sqrt();
        let weights: Vec<f64> = (0..outputs * (inputs + 1)).map(|_| bound * (2.0 * stream.unit() - 1.0)).collect();
        let zeros = vec![0.0; weights.len()];
        Self { inputs, gradient: zeros.clone(), moments: [zeros.clone(), zeros], weights }
    }

    fn forward(&self, x: &[f64], out: &mut Vec<f64>) {
        out.clear();
        out.extend(self.weights.chunks_exact(self.inputs + 1).map(|w| dot(&w[..self.inputs], x) + w[self.inputs]));
    }

    /// Adds to the gradient; the gradient of the input.
    fn backward(&mut self, x: &[f64], d_out: &[f64]) -> Vec<f64> {
        let (n, mut d_x) = (self.inputs, vec![0.0; self.inputs]);
        let rows = self.weights.chunks_exact(n + 1).zip(self.gradient.chunks_exact_mut(n + 1));
        for ((w, g), d) in rows.zip(d_out).filter(|(_, d)| **d != 0.0) {
            d_x.iter_mut().zip(w).for_each(|(s, w)| *s += d * w);
            g.iter_mut().zip(x).for_each(|(g, x)| *g += d * x);
            g[n] += d;
        }
        d_x
    }

    fn update(&mut self, step: i32) {
        let (c1, c2) = (1.0 - 0.9f64.powi(step), 1.0 - 0.999f64.powi(step));
        let [first, second] = &mut self.moments;
        for ((w, g), (m, v)) in self.weights.iter_mut().zip(&mut self.gradient).zip(first.iter_mut().zip(second)) {
            *m += 0.1 * (*g - *m);
            *v += 0.001 * (*g * *g - *v);
            *w -= RATE * (*m / c1) / ((*v / c2).sqrt() + 1e-8);
            *g = 0.0;
        }
    }
}

struct Mlp {
    layers: Vec<Layer>,
    activation: &'static Activation,
}

impl Mlp {
    fn new(activation: &'static Activation, seed: u64) -> Self {
        let widths = [DIM, WIDTH, WIDTH, WIDTH, 1];
        let layer =
            |(i, w): (usize, &[usize])| Layer::new(w[0], w[1], &mut Stream::new(seed, Purpose::Weights, i as u32, 0));
        Self { layers: widths.windows(2).enumerate().map(layer).collect(), activation }
    }

    /// What goes into each activation and what comes out, the input first; the last is the output.
    fn forward(&self, x: &[f64]) -> Vec<(Vec<f64>, Vec<f64>)> {
        let parameter = self.activation.parameter.unwrap_or(1.0);
        let mut all: Vec<(Vec<f64>, Vec<f64>)> = vec![(Vec::new(), x.to_vec())];
        for (i, layer) in self.layers.iter().enumerate() {
            let mut z = Vec::new();
            layer.forward(&all[i].1, &mut z);
            let last = i + 1 == self.layers.len();
            let h = if last { z.clone() } else { z.iter().map(|&z| (self.activation.value)(z, parameter)).collect() };
            all.push((z, h));
        }
        all
    }

    fn error(&self, inputs: &[f64], labels: &[f64]) -> f64 {
        let square = |(x, y): (&[f64], &f64)| (self.forward(x)[self.layers.len()].1[0] - y).powi(2);
        inputs.chunks_exact(DIM).zip(labels).map(square).sum::<f64>() / labels.len() as f64
    }

    /// Adds the gradient of one row's squared error, `scale` times.
    fn learn(&mut self, x: &[f64], label: f64, scale: f64) {
        let parameter = self.activation.parameter.unwrap_or(1.0);
        let seen = self.forward(x);
        let count = self.layers.len();
        let mut d = vec![2.0 * scale * (seen[count].1[0] - label)];
        for i in (0..count).rev() {
            d = self.layers[i].backward(&seen[i].1, &d);
            let slopes = seen[i].0.iter().map(|&z| (self.activation.slope)(z, parameter));
            d.iter_mut().zip(slopes).for_each(|(d, slope)| *d *= slope);
        }
    }
}

/// Test error after the whole training.
fn trained(activation: &'static Activation, n: usize, seed: u64) -> f64 {
    let (inputs, labels) = data(n, 0.5, seed, Purpose::Data);
    let (test, truth) = data(TEST, 0.0, seed, Purpose::Reference);
    let mut net = Mlp::new(activation, seed);
    let mut order: Vec<usize> = (0..n).collect();
    let mut step = 0;
    for epoch in 0..EPOCHS {
        let mut stream = Stream::new(seed, Purpose::Batch, epoch, 0);
        (1..n).rev().for_each(|i| order.swap(i, stream.below(i as u32 + 1) as usize));
        for batch in order.chunks(BATCH) {
            for &i in batch {
                net.learn(&inputs[i * DIM..(i + 1) * DIM], labels[i], 1.0 / batch.len() as f64);
            }
            step += 1;
            net.layers.iter_mut().for_each(|l| l.update(step));
        }
    }
    net.error(&test, &truth)
}

fn error(bench: &mut Bench, name: &str, x: f64) -> Result<Outcome> {
    let n = whole(x, BATCH, 100_000, "rows")?;
    let Some(activation) = ACTIVATIONS.iter().find(|a| a.name == name) else {
        return Err(Error::bug(Problem::new(format!("a study of {name}, which is not an activation"))));
    };
    (bench.watch)(&format!("regression, {name}, {n} rows"))?;
    let (trials, seed) = (if bench.quick { 3 } else { 10 }, bench.seed);
    let one = |_: &mut (), i: usize| trained(activation, n, seed + i as u64);
    Ok(Outcome::mean(&parallel::map(bench.threads(), trials, || (), one)))
}

/// The test error by activation.
pub const SWEEP: Sweep = Sweep {
    name: "regression",
    key: "n",
    quantity: "squared error on test rows, D = 50",
    quick: &[500.0, 1000.0],
    full: &[500.0, 1000.0, 1500.0, 2000.0, 2500.0, 3000.0, 4000.0, 5000.0, 10_000.0],
    curves: &[
        Curve { name: "signrelu", at: |b, x| error(b, "signrelu", x), claim: None },
        Curve { name: "relu", at: |b, x| error(b, "relu", x), claim: None },
        Curve { name: "leaky-relu", at: |b, x| error(b, "leaky-relu", x), claim: None },
        Curve { name: "elu", at: |b, x| error(b, "elu", x), claim: None },
    ],
};

fn over(p: &Points, other: &str) -> Option<f64> {
    Some(p.at("regression", "signrelu", 1000.0)? / p.at("regression", other, 1000.0)?)
}

/// What is claimed of the regression.
pub const CHECKS: &[Check] = &[
    Check {
        what: "test error of signrelu over that of relu, regression with n = 1000",
        measure: |p| over(p, "relu"),
        allowed: Some((0.0, 0.92)),
    },
    Check {
        what: "test error of signrelu over that of elu, regression with n = 1000",
        measure: |p| over(p, "elu"),
        allowed: Some((0.94, 1.06)),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradients_are_those_of_finite_differences() {
        let activation = ACTIVATIONS.iter().find(|a| a.name == "signrelu").unwrap();
        let mut net = Mlp::new(activation, 1);
        let (inputs, labels) = data(3, 0.5, 1, Purpose::Test);
        inputs.chunks_exact(DIM).zip(&labels).for_each(|(x, y)| net.learn(x, *y, 1.0 / 3.0));
        for (l, i) in [(0, 0), (0, DIM), (1, 777), (2, 5), (3, 50), (3, WIDTH)] {
            let mut moved = |h: f64| {
                net.layers[l].weights[i] += h;
                let e = net.error(&inputs, &labels);
                net.layers[l].weights[i] -= h;
                e
            };
            let numeric = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            let got = net.layers[l].gradient[i];
            assert!((numeric - got).abs() < 1e-6 * (1.0 + got.abs()), "{l} {i}: {numeric} {got}");
        }
    }
}
