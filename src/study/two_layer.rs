//! The network and the training of Li, Li, Zhang, Bian 2023 (section 4.1 and their published code), as they are, on the host.
//!
//! ```text
//! data       1000 rows of half N(-mu, 1), half N(mu, 1), drawn once
//! process    dx = 25^t dw, t in [0, 1], std(t)^2 = (25^2t - 1) / (2 ln 25)
//! features   e(t) = (sin 2 pi v t, cos 2 pi v t), v two draws of N(0, 30^2), frozen
//! network    h = w x + b + U e(t) + c, out = (a . swish(h) + d) / 16, score = out / std(t)
//! start      uniform on +-1/sqrt(fan-in), each of the three layers by itself
//! loss       mean over the batch of (out + z)^2 at x + std(t) z, t uniform on [1e-5, 1]
//! steps      SGD at rate 0.5 or Adam at 1e-3, batches of 32 in a new order each epoch, the last of 8
//! judged     the score at t = 0.065 integrated on points 0.4 apart, against the law of the data
//! ```
//!
//! A training takes a second in f64, less than its 64 000 launches would take on any device; and two layers whose sum is
//! one, a normaliser of 16 and epochs without replacement are not what the kernels of this program do. Rows and weights of
//! each seed are its own.

use crate::random::{Purpose, Stream, normal_pair};

/// Rows of the data.
const ROWS: usize = 1000;
/// Rows of a batch.
const BATCH: usize = 32;
/// What the output is divided by.
const NORMALISER: f64 = 16.0;
/// Base of the process.
const BASE: f64 = 25.0;
/// Deviation of the frequencies.
const FREQUENCY: f64 = 30.0;
/// Where the density is looked at.
const AT: f64 = 0.065;
/// Spacing of the points of the density, and steps of the integral between two.
const SPACING: f64 = 0.4;
const INNER: usize = 16;
/// Numbers of a neuron: w, b, U (4), c, a.
const NEURON: usize = 8;

/// How weights are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Plain gradient descent, rate 0.5.
    Sgd,
    /// Adam, rate 1e-3, decays 0.9 and 0.999.
    Adam,
}

/// std(t) of the process.
fn deviation(t: f64) -> f64 {
    ((2.0 * t * BASE.ln()).exp_m1() / (2.0 * BASE.ln())).sqrt()
}

/// ln of half N(-mu, 1), half N(mu, 1), up to a constant.
fn log_density(x: f64, mu: f64, variance: f64) -> f64 {
    let exponent = |m: f64| -0.5 * (x - m).powi(2) / variance;
    let (a, b) = (exponent(-mu), exponent(mu));
    a.max(b) + (-(a - b).abs()).exp().ln_1p()
}

/// KL of the law of the data against the density of a score at [`AT`], nats, as the authors compute it: on points
/// [`SPACING`] apart out to mu + 7, both normalised on them.
pub fn divergence(mu: f64, score: impl Fn(f64) -> f64) -> f64 {
    let half = ((mu + 7.0) / SPACING).round() as i32;
    let h = SPACING / INNER as f64;
    let (mut logs, mut log) = (vec![0.0], 0.0);
    let mut left = score(-f64::from(half) * SPACING);
    for i in -half..half {
        for k in 1..=INNER {
            let right = score(f64::from(i) * SPACING + k as f64 * h);
            log += 0.5 * h * (left + right);
            left = right;
        }
        logs.push(log);
    }
    let truth: Vec<f64> = (-half..=half).map(|i| log_density(f64::from(i) * SPACING, mu, 1.0)).collect();
    let normalise = |logs: &[f64]| {
        let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total = most + logs.iter().map(|l| (l - most).exp()).sum::<f64>().ln();
        logs.iter().map(|l| l - total).collect::<Vec<_>>()
    };
    normalise(&truth).iter().zip(normalise(&logs)).map(|(p, q)| p.exp() * (p - q)).sum()
}

/// [`divergence`] of the exact score: what the metric is for a perfect network.
pub fn exact_divergence(mu: f64) -> f64 {
    let variance = 1.0 + deviation(AT).powi(2);
    divergence(mu, |x| (mu * (mu * x / variance).tanh() - x) / variance)
}

/// A network in training.
#[derive(Clone)]
pub struct TwoLayer {
    rule: Rule,
    mu: f64,
    seed: u64,
    hidden: usize,
    rows: Vec<f64>,
    frequencies: [f64; 2],
    /// (H, 8) neurons, then d.
    weights: Vec<f64>,
    gradient: Vec<f64>,
    moments: [Vec<f64>; 2],
    steps: i32,
    epoch: u32,
    loss: f64,
}

impl TwoLayer {
    /// At the start of its training.
    pub fn new(rule: Rule, mu: f64, hidden: usize, seed: u64) -> Self {
        let row = |i: usize| {
            let mut stream = Stream::new(seed, Purpose::Data, i as u32, 0);
            let side = if stream.unit() < 0.5 { -mu } else { mu };
            side + stream.normal()
        };
        let mut features = Stream::new(seed, Purpose::Features, 0, 0);
        let mut stream = Stream::new(seed, Purpose::Weights, 0, 0);
        let mut uniform = |bound: f64| bound * (2.0 * stream.unit() - 1.0);
        let last = 1.0 / (hidden as f64).sqrt();
        let bounds = [1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.5, last];
        let mut weights: Vec<f64> = (0..hidden).flat_map(|_| bounds).map(&mut uniform).collect();
        weights.push(uniform(last));
        let zeros = vec![0.0; weights.len()];
        Self {
            rule,
            mu,
            seed,
            hidden,
            rows: (0..ROWS).map(row).collect(),
            frequencies: [FREQUENCY * features.normal(), FREQUENCY * features.normal()],
            gradient: zeros.clone(),
            moments: [zeros.clone(), zeros],
            weights,
            steps: 0,
            epoch: 0,
            loss: f64::NAN,
        }
    }

    fn features(&self, t: f64) -> [f64; 4] {
        let [a, b] = self.frequencies.map(|v| (std::f64::consts::TAU * v * t).sin_cos());
        [a.0, b.0, a.1, b.1]
    }

    /// What every neuron sees of the time: U e + b + c.
    fn shifts(&self, t: f64) -> Vec<f64> {
        let e = self.features(t);
        let shift = |n: &[f64]| n[1] + n[6] + n[2] * e[0] + n[3] * e[1] + n[4] * e[2] + n[5] * e[3];
        self.weights.chunks_exact(NEURON).map(shift).collect()
    }

    /// The score at x, with the shifts of the time.
    fn score(&self, x: f64, shifts: &[f64], std: f64) -> f64 {
        let neurons = self.weights.chunks_exact(NEURON).zip(shifts);
        let sum: f64 = neurons.map(|(n, s)| n[7] * swish(n[0] * x + s).0).sum();
        (sum + self.weights[NEURON * self.hidden]) / NORMALISER / std
    }

    /// The authors' KL, nats; NaN once the training has diverged.
    pub fn kl(&self) -> f64 {
        if !self.weights.iter().all(|w| w.is_finite()) {
            return f64::NAN;
        }
        let (shifts, std) = (self.shifts(AT), deviation(AT));
        divergence(self.mu, |x| self.score(x, &shifts, std))
    }

    /// Mean training loss of the last epoch; NaN before the first.
    pub fn loss(&self) -> f64 {
        self.loss
    }

    /// Trains until `epoch` epochs are done.
    pub fn train_to(&mut self, epoch: u32) {
        while self.epoch < epoch && self.weights[0].is_finite() {
            let mut stream = Stream::new(self.seed, Purpose::Batch, self.epoch, 0);
            // from the same order each time: an epoch depends on nothing but its number and the weights
            let mut order: Vec<usize> = (0..ROWS).collect();
            for i in (1..ROWS).rev() {
                order.swap(i, stream.below(i as u32 + 1) as usize);
            }
            let mut noise = Stream::new(self.seed, Purpose::Noise, self.epoch, 0);
            let losses: f64 = order.chunks(BATCH).map(|batch| self.step(batch, &mut noise)).sum();
            self.loss = losses / ROWS as f64;
            self.epoch += 1;
        }
        self.epoch = epoch;
    }

    /// One step; the sum of the losses of its rows.
    fn step(&mut self, batch: &[usize], noise: &mut Stream) -> f64 {
        self.gradient.fill(0.0);
        let bias = NEURON * self.hidden;
        let mut total = 0.0;
        for &row in batch {
            let t = 1e-5 + (1.0 - 1e-5) * noise.unit();
            let z = normal_pair(noise.word(), noise.word())[0];
            let x = self.rows[row] + deviation(t) * z;
            let e = self.features(t);
            let mut sum = self.weights[bias];
            // (swish, its slope) of every neuron, kept for the way back
            let mut seen = Vec::with_capacity(self.hidden);
            for n in self.weights[..bias].chunks_exact(NEURON) {
                let h = n[0] * x + n[1] + n[6] + n[2] * e[0] + n[3] * e[1] + n[4] * e[2] + n[5] * e[3];
                let value = swish(h);
                sum += n[7] * value.0;
                seen.push(value);
            }
            let error = sum / NORMALISER + z;
            total += error * error;
            let d_sum = 2.0 * error / NORMALISER / batch.len() as f64;
            let neurons = self.gradient[..bias].chunks_exact_mut(NEURON).zip(self.weights.chunks_exact(NEURON));
            for ((g, n), (value, slope)) in neurons.zip(seen) {
                let d_h = d_sum * n[7] * slope;
                for (g, input) in g.iter_mut().zip([x, 1.0, e[0], e[1], e[2], e[3], 1.0]) {
                    *g += d_h * input;
                }
                g[7] += d_sum * value;
            }
            self.gradient[bias] += d_sum;
        }
        self.update();
        total
    }

    fn update(&mut self) {
        self.steps += 1;
        let weights = self.weights.iter_mut().zip(&self.gradient);
        match self.rule {
            Rule::Sgd => weights.for_each(|(w, g)| *w -= 0.5 * g),
            Rule::Adam => {
                let [first, second] = &mut self.moments;
                let (c1, c2) = (1.0 - 0.9f64.powi(self.steps), 1.0 - 0.999f64.powi(self.steps));
                for ((w, g), (m, v)) in weights.zip(first.iter_mut().zip(second)) {
                    *m += 0.1 * (g - *m);
                    *v += 0.001 * (g * g - *v);
                    *w -= 1e-3 * (*m / c1) / ((*v / c2).sqrt() + 1e-8);
                }
            }
        }
    }
}

/// z / (1 + e^-z) and its slope.
fn swish(z: f64) -> (f64, f64) {
    let s = 1.0 / (1.0 + (-z).exp());
    (z * s, s * (1.0 + z * (1.0 - s)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exact_score_leaves_what_the_metric_leaves() {
        // computed elsewhere in f64
        assert!((exact_divergence(3.0) - 1.446e-3).abs() < 2e-5, "{}", exact_divergence(3.0));
        assert!((exact_divergence(15.0) - 1.468e-3).abs() < 2e-5, "{}", exact_divergence(15.0));
        assert!((deviation(1.0) - 9.8452).abs() < 1e-4);
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        let batch: Vec<usize> = (0..8).collect();
        let noise = || Stream::new(5, Purpose::Noise, 0, 0);
        let loss = |net: &TwoLayer| net.clone().step(&batch, &mut noise()) / 8.0;
        let net = TwoLayer::new(Rule::Sgd, 3.0, 4, 5);
        let mut stepped = net.clone();
        stepped.step(&batch, &mut noise());
        for i in 0..net.weights.len() {
            let moved = |h: f64| {
                let mut other = net.clone();
                other.weights[i] += h;
                loss(&other)
            };
            let numeric = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((numeric - stepped.gradient[i]).abs() < 1e-8, "{i}: {numeric} {}", stepped.gradient[i]);
            assert!((net.weights[i] - 0.5 * numeric - stepped.weights[i]).abs() < 1e-8);
        }
    }

    #[test]
    fn training_goes_on_where_it_was_and_learns() {
        let mut whole = TwoLayer::new(Rule::Adam, 3.0, 16, 1);
        let start = whole.kl();
        let mut parts = whole.clone();
        whole.train_to(30);
        [7, 8, 30].into_iter().for_each(|epoch| parts.train_to(epoch));
        assert!(whole.weights == parts.weights && whole.loss() == parts.loss());
        assert!(whole.kl() < start, "{} {start}", whole.kl());
    }
}
