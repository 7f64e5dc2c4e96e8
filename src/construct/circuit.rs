//! Networks put together neuron by neuron, each value with the interval it stays in and a bound of its error.
//!
//! A [`Wire`] is an affine form of the neurons of one layer, so affine maps cost nothing: they end in the weights of
//! whatever reads them. Only a neuron makes a circuit deeper. Wires of different depth are brought together by carrying
//! the shallower one along, one neuron a layer.

use super::family::Family;

/// A value of a circuit: an affine form of one layer's neurons (of the inputs, for layer 0).
#[derive(Debug, Clone)]
pub struct Wire {
    layer: usize,
    /// (neuron, factor), by rising neuron.
    terms: Vec<(usize, f64)>,
    constant: f64,
    /// Least value over the box.
    pub low: f64,
    /// Greatest value over the box.
    pub high: f64,
    /// Bound over the box of the distance to the value that is meant, in exact arithmetic.
    pub error: f64,
}

impl Wire {
    /// The greatest absolute value over the box.
    pub fn most(&self) -> f64 {
        self.low.abs().max(self.high.abs())
    }

    /// The same with a narrower interval, which the caller knows to hold.
    pub fn within(mut self, low: f64, high: f64) -> Self {
        self.low = self.low.max(low);
        self.high = self.high.min(high).max(self.low);
        self
    }

    /// The same with another bound of its error, which the caller has derived.
    pub fn off_by(mut self, error: f64) -> Self {
        self.error = error;
        self
    }

    /// factor * wire + constant.
    pub fn scaled(&self, factor: f64, constant: f64) -> Self {
        let ends = [factor * self.low + constant, factor * self.high + constant];
        Self {
            layer: self.layer,
            terms: self.terms.iter().map(|&(i, w)| (i, factor * w)).collect(),
            constant: factor * self.constant + constant,
            low: ends[0].min(ends[1]),
            high: ends[0].max(ends[1]),
            error: factor.abs() * self.error,
        }
    }
}

/// An affine form: (index, factor) of what it reads, and a constant.
#[derive(Debug, Clone)]
pub struct Form {
    /// (neuron below, factor).
    pub terms: Vec<(usize, f64)>,
    /// The bias.
    pub constant: f64,
}

/// A circuit under construction.
pub struct Circuit {
    /// What its neurons do.
    pub family: &'static Family,
    /// How finely gates that are not exact resolve; what it means is the family's matter.
    pub bits: u32,
    inputs: usize,
    layers: Vec<Vec<Form>>,
}

impl Circuit {
    /// An empty circuit over the box of its inputs, (least, greatest) each; and its inputs.
    pub fn new(family: &'static Family, bits: u32, inputs: &[(f64, f64)]) -> (Self, Vec<Wire>) {
        let input = |(i, &(low, high)): (usize, &(f64, f64))| Wire {
            layer: 0,
            terms: vec![(i, 1.0)],
            constant: 0.0,
            low,
            high,
            error: 0.0,
        };
        let wires = inputs.iter().enumerate().map(input).collect();
        (Self { family, bits, inputs: inputs.len(), layers: Vec::new() }, wires)
    }

    /// A neuron that reads `z`: activation(z). Its error is that of `z`, as no slope of an activation here exceeds 1.
    pub fn neuron(&mut self, z: &Wire) -> Wire {
        if self.layers.len() == z.layer {
            self.layers.push(Vec::new());
        }
        let layer = &mut self.layers[z.layer];
        layer.push(Form { terms: z.terms.clone(), constant: z.constant });
        let value = self.family.value;
        Wire {
            layer: z.layer + 1,
            terms: vec![(layer.len() - 1, 1.0)],
            constant: 0.0,
            low: value(z.low),
            high: value(z.high),
            error: z.error,
        }
    }

    /// The same value one layer deeper: activation(x - low) + low, for activations that keep positive numbers.
    pub fn carried(&mut self, x: &Wire) -> Wire {
        let kept = self.neuron(&x.scaled(1.0, -x.low)).scaled(1.0, x.low);
        Wire { low: x.low, high: x.high, ..kept }
    }

    /// The same value as deep as `layer`.
    pub fn at_depth(&mut self, x: &Wire, layer: usize) -> Wire {
        let mut x = x.clone();
        while x.layer < layer {
            x = self.carried(&x);
        }
        x
    }

    /// All of them at the depth of the deepest.
    pub fn level(&mut self, wires: &[Wire]) -> Vec<Wire> {
        let deepest = wires.iter().map(|w| w.layer).max().unwrap_or(0);
        wires.iter().map(|w| self.at_depth(w, deepest)).collect()
    }

    /// sum of factor * wire, plus a constant.
    pub fn sum(&mut self, parts: &[(&Wire, f64)], constant: f64) -> Wire {
        let deepest = parts.iter().map(|(w, _)| w.layer).max().unwrap_or(0);
        let mut out = Wire { layer: deepest, terms: Vec::new(), constant, low: constant, high: constant, error: 0.0 };
        let mut terms = std::collections::BTreeMap::new();
        for (wire, factor) in parts.iter().filter(|(_, f)| *f != 0.0) {
            let part = self.at_depth(wire, deepest).scaled(*factor, 0.0);
            part.terms.iter().for_each(|&(i, w)| *terms.entry(i).or_insert(0.0) += w);
            out.constant += part.constant;
            out.low += part.low;
            out.high += part.high;
            out.error += part.error;
        }
        out.terms = terms.into_iter().filter(|(_, w)| *w != 0.0).collect();
        out
    }

    /// The network that gives `outputs`; it has at least one hidden layer.
    pub fn finish(mut self, outputs: &[Wire]) -> Built {
        let mut outputs = self.level(outputs);
        while self.layers.is_empty() || outputs.iter().any(|w| w.layer < self.layers.len()) {
            let deeper = outputs.iter().map(|w| w.layer).max().unwrap_or(0) + 1;
            outputs = outputs.iter().map(|w| self.at_depth(w, deeper)).collect();
        }
        let bounds = outputs.iter().map(|w| w.error).collect();
        self.layers.push(outputs.into_iter().map(|w| Form { terms: w.terms, constant: w.constant }).collect());
        Built { family: self.family, inputs: self.inputs, layers: self.layers, bounds }
    }
}

/// A finished circuit: a plain network, its hidden layers and its head.
pub struct Built {
    /// What its neurons do.
    pub family: &'static Family,
    /// Inputs.
    pub inputs: usize,
    /// Hidden layers, then the head, neuron by neuron.
    pub layers: Vec<Vec<Form>>,
    /// Bound of the error of each output over the box, in exact arithmetic.
    pub bounds: Vec<f64>,
}

impl Built {
    /// Widths of the hidden layers.
    pub fn hidden(&self) -> Vec<usize> {
        self.layers[..self.layers.len() - 1].iter().map(Vec::len).collect()
    }

    /// Weights and biases of the dense network.
    pub fn parameters(&self) -> usize {
        let below = std::iter::once(self.inputs).chain(self.layers.iter().map(Vec::len));
        below.zip(&self.layers).map(|(inputs, layer)| (inputs + 1) * layer.len()).sum()
    }

    /// Weights and biases that are not 0: the size that papers on approximation count.
    pub fn nonzero(&self) -> usize {
        let of = |f: &Form| f.terms.iter().filter(|(_, w)| *w != 0.0).count() + usize::from(f.constant != 0.0);
        self.layers.iter().flatten().map(of).sum()
    }

    /// The greatest bound of an output.
    pub fn bound(&self) -> f64 {
        self.bounds.iter().copied().fold(0.0, f64::max)
    }

    /// The outputs at `x` (inputs) in f64.
    pub fn evaluate(&self, x: &[f64]) -> Vec<f64> {
        let mut h = x.to_vec();
        for (i, layer) in self.layers.iter().enumerate() {
            let last = i + 1 == self.layers.len();
            let z = |f: &Form| f.constant + f.terms.iter().map(|&(k, w)| w * h[k]).sum::<f64>();
            h = layer.iter().map(|f| if last { z(f) } else { (self.family.value)(z(f)) }).collect();
        }
        h
    }

    /// The same with weights, inputs and every operation rounded to f32, as on a device.
    pub fn evaluate_f32(&self, x: &[f64]) -> Vec<f32> {
        let mut h: Vec<f32> = x.iter().map(|v| *v as f32).collect();
        for (i, layer) in self.layers.iter().enumerate() {
            let last = i + 1 == self.layers.len();
            let z = |f: &Form| f.terms.iter().fold(f.constant as f32, |z, &(k, w)| z + w as f32 * h[k]);
            h = layer.iter().map(|f| if last { z(f) } else { (self.family.value_f32)(z(f)) }).collect();
        }
        h
    }
}
