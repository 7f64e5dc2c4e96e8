//! The score of a finite mixture as a ratio F / G of gates.
//!
//! For components N(mu_k, v I) with weights w_k and x_t = m x_0 + sigma eps, V = m^2 v + sigma^2, the score is
//!
//! ```text
//! s(x, t) = (m f - x) / V,   f = F / G,   F = sum_k mu_k e^(l_k),   G = sum_k e^(l_k)
//! l_k = ln w_k + b y . mu_k - b^2 |mu_k|^2 / 2,   y = x / sqrt(V),   b = m / sqrt(V)
//! ```
//!
//! f is the mean of the components' centres given x (the ratio of Sun et al. 2026, the f* of Yakovlev and Puchkin 2025), which
//! the head `centre` expects. With the variance of the model set to v its input c_in x is y, and the time features `signal`
//! are b, c_in sigma, b^2. So one network serves all times. It multiplies b y (products), takes a common amount off all
//! l_k so that no exponential leaves [0, 1] and G stays away from 0 (rectifiers), exponentiates, and divides.

use super::circuit::{Built, Circuit, Wire};
use super::decay::decay;
use super::family::Family;
use super::gates::{Exponential, GAIN, product, quotients, rectified, too_small};
use crate::error::{Error, Problem, Result};
use crate::network::{MAX_DEPTH, MAX_WIDTH};

/// Time features that a constructed network reads: b, c_in sigma, b^2.
pub const FEATURES: usize = 3;
/// How many standard deviations of noise the box leaves around the centres.
pub const REACH: f64 = 8.0;

/// Components with one common isotropic variance.
#[derive(Debug, Clone, PartialEq)]
pub struct Components {
    /// D
    pub dim: usize,
    /// (K) adding to 1.
    pub weights: Vec<f64>,
    /// (K, D) row-major, model units.
    pub means: Vec<f64>,
    /// v of each coordinate of each component, model units.
    pub variance: f64,
}

impl Components {
    /// K
    pub fn count(&self) -> usize {
        self.weights.len()
    }

    /// (middle, half extent) of the centres in each coordinate.
    fn extents(&self) -> Vec<(f64, f64)> {
        let of = |j: usize| {
            let column = self.means.iter().skip(j).step_by(self.dim);
            let (low, high) = column.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
            (0.5 * (low + high), 0.5 * (high - low))
        };
        (0..self.dim).map(of).collect()
    }

    /// Where y may be at `b`, (least, greatest) in each coordinate: the centres b mu_k with room for noise.
    pub fn around(&self, b: f64) -> Vec<(f64, f64)> {
        let one = |(middle, half)| (b * (middle - half) - REACH, b * (middle + half) + REACH);
        self.extents().into_iter().map(one).collect()
    }

    /// Intervals of the network's inputs (y, b, c_in sigma, b^2) for b up to `most`.
    pub fn inputs(&self, most: f64) -> Vec<(f64, f64)> {
        let coordinate = |&(middle, half): &(f64, f64)| {
            let (low, high) = (most * (middle - half), most * (middle + half));
            (low.min(0.0) - REACH, high.max(0.0) + REACH)
        };
        let y = self.extents();
        y.iter().map(coordinate).chain([(0.0, most), (0.0, 1.0), (0.0, most * most)]).collect()
    }

    /// f in f64: the mean of the centres given y at b.
    pub fn centre(&self, y: &[f64], b: f64) -> Vec<f64> {
        let d = self.dim;
        let logit =
            |(mu, w): (&[f64], &f64)| w.ln() - 0.5 * mu.iter().zip(y).map(|(mu, y)| (y - b * mu).powi(2)).sum::<f64>();
        let logits: Vec<f64> = self.means.chunks_exact(d).zip(&self.weights).map(logit).collect();
        let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (mut f, mut g) = (vec![0.0; d], 0.0);
        for (mu, l) in self.means.chunks_exact(d).zip(&logits) {
            let e = (l - largest).exp();
            g += e;
            f.iter_mut().zip(mu).for_each(|(f, mu)| *f += e * mu);
        }
        f.iter().map(|f| f / g).collect()
    }

    /// The circuit of f for b up to `most` and y in `around(b)`; nothing where the exponential is too rough for the division.
    pub fn circuit(&self, family: &'static Family, bits: u32, exponential: &Exponential, most: f64) -> Option<Built> {
        let (mut c, x) = Circuit::new(family, bits, &self.inputs(most));
        let (b, b2) = (&x[self.dim], &x[self.dim + 2]);
        let extents = self.extents();
        // relative to the middle of the centres, so that no digit goes to where the data lie
        let along = |(j, &(middle, half)): (usize, &(f64, f64)), c: &mut Circuit| {
            let reach = most * half + REACH;
            let y = c.sum(&[(&x[j], 1.0), (b, -middle)], 0.0).within(-reach, reach);
            product(c, &y, b)
        };
        let mut products: Vec<Wire> = extents.iter().enumerate().map(|e| along(e, &mut c)).collect();
        products.push(b2.clone());
        let products = c.level(&products);
        let (top, products) = self.top(&mut c, products);
        let slack = self.rounds() as f64 * family.leak / GAIN;
        let logits = self.logits(&mut c, &products);
        let mut terms = Vec::with_capacity(logits.len());
        for l in &logits {
            // `top` may be any number that is the same for all, so it has no error
            let s = c.sum(&[(&top, 1.0), (l, -1.0)], slack).within(0.0, f64::INFINITY).off_by(l.error);
            // a neuron of its own: the poles of a start, whose signs alternate, must all see the same rounding of it
            let s = c.carried(&s);
            terms.push(decay(&mut c, &s, exponential.start, exponential.squarings, exponential.bound));
        }
        let error = terms.iter().map(|e| e.error).fold(0.0, f64::max);
        let least = (-slack).exp() - error;
        if least <= 0.0 || exponential.squarings == 0 {
            return None;
        }
        let ones: Vec<(&Wire, f64)> = terms.iter().map(|e| (e, 1.0)).collect();
        let g = c.sum(&ones, 0.0).within(least, f64::INFINITY);
        let mut above = Vec::with_capacity(self.dim);
        for (j, &(middle, half)) in extents.iter().enumerate() {
            let of = |(k, e)| (e, self.means[k * self.dim + j] - middle);
            let parts: Vec<(&Wire, f64)> = terms.iter().enumerate().map(of).collect();
            above.push((c.sum(&parts, 0.0), half));
        }
        let f = quotients(&mut c, &above, &g);
        let out: Vec<Wire> = f.iter().zip(&extents).map(|(f, (middle, _))| f.scaled(1.0, *middle)).collect();
        Some(c.finish(&out))
    }

    /// l_k as affine forms of (b y_j.., b^2).
    fn logits(&self, c: &mut Circuit, products: &[Wire]) -> Vec<Wire> {
        let middles: Vec<f64> = self.extents().iter().map(|e| e.0).collect();
        let one = |(mu, w): (&[f64], &f64), c: &mut Circuit| {
            let mu: Vec<f64> = mu.iter().zip(&middles).map(|(mu, m)| mu - m).collect();
            let norm: f64 = mu.iter().map(|v| v * v).sum();
            let factors = mu.into_iter().chain([-0.5 * norm]);
            let parts: Vec<(&Wire, f64)> = products.iter().zip(factors).collect();
            c.sum(&parts, w.ln())
        };
        self.means.chunks_exact(self.dim).zip(&self.weights).map(|k| one(k, c)).collect()
    }

    /// Rounds of the tournament for the greatest of K.
    fn rounds(&self) -> u32 {
        self.count().next_power_of_two().trailing_zeros()
    }

    /// The greatest l_k, or up to `rounds` leaks less, and the products as deep as it is: max(p, q) = p + max(q - p, 0).
    fn top(&self, c: &mut Circuit, mut products: Vec<Wire>) -> (Wire, Vec<Wire>) {
        let mut players = self.logits(c, &products);
        while players.len() > 1 {
            // carried as the few numbers that all are forms of, while that is possible
            let first = players.len() == self.count();
            let mut winners = Vec::with_capacity(players.len().div_ceil(2));
            let gains: Vec<Option<Wire>> = players
                .chunks(2)
                .map(|pair| {
                    let [p, q] = pair else { return None };
                    let difference = c.sum(&[(q, 1.0), (p, -1.0)], 0.0);
                    Some(rectified(c, &difference))
                })
                .collect();
            products = products.iter().map(|p| c.carried(p)).collect();
            let base = if first { self.logits(c, &products) } else { Vec::new() };
            for (i, gain) in gains.iter().enumerate() {
                let p = if first { base[2 * i].clone() } else { c.carried(&players[2 * i]) };
                winners.push(match gain {
                    Some(gain) => c.sum(&[(&p, 1.0), (gain, 1.0)], 0.0).within(f64::NEG_INFINITY, most(&players)),
                    None => p,
                });
            }
            players = winners;
        }
        (players.swap_remove(0), products)
    }

    /// The shallowest circuit whose error is at most `eps` per coordinate of f, model units. Refuses what does not fit a
    /// network, with what would.
    pub fn built(&self, family: &'static Family, most: f64, eps: f64) -> Result<Built> {
        // the first layer of a square has two neurons a component
        if 2 * self.count() > MAX_WIDTH {
            return Err(self.too_wide(2 * self.count()));
        }
        let (mut best, mut least, mut widest): (Option<Built>, _, usize) = (None, f64::INFINITY, 0);
        let half = self.extents().iter().map(|e| e.1).fold(0.0, f64::max);
        // every exponential errs by that much in G alone
        for exponential in Exponential::ladder(family).iter().filter(|e| half * e.bound <= eps) {
            for bits in family.bits.clone() {
                let Some(built) = self.circuit(family, bits, exponential, most) else { continue };
                let wide = built.hidden().into_iter().max().unwrap_or(0);
                if built.bound() > eps {
                    least = least.min(built.bound());
                    continue;
                }
                widest = widest.max(wide);
                let depth = |b: &Built| b.hidden().len();
                if wide <= MAX_WIDTH && best.as_ref().is_none_or(|b| depth(&built) < depth(b)) {
                    best = Some(built);
                }
                break;
            }
            // where gates are exact, more squarings only make it deeper
            if best.is_some() && family.bits.end() == &0 {
                break;
            }
        }
        let built = match best {
            Some(built) => built,
            None if widest > MAX_WIDTH => return Err(self.too_wide(widest)),
            None => {
                // what the finest choices would leave, of which none may have been near enough to be tried
                let finest = Exponential::ladder(family).last().copied();
                let finest = finest.and_then(|e| self.circuit(family, *family.bits.end(), &e, most));
                let least = finest.map_or(least, |b| least.min(b.bound()));
                return Err(too_small(eps, least, "exponentials of as many squarings as are tried leave more"));
            }
        };
        let depth = built.hidden().len();
        if depth > MAX_DEPTH {
            let problem = Problem::new("the network is too deep").at("--eps").found(format!("{depth} hidden layers"));
            let hint = "a larger --eps, or --activation signrelu, takes fewer";
            return Err(Error::usage(problem.expected(format!("at most {MAX_DEPTH}")).hint(hint)));
        }
        Ok(built)
    }

    fn too_wide(&self, width: usize) -> Error {
        let problem = Problem::new("the network is too wide: each component takes some neurons").at("--data");
        let found = format!("{} components, a width of {width}", self.count());
        let fit = self.count() * MAX_WIDTH / width;
        let hint = format!("about {fit} components fit; `construct softmax --atoms {fit}` merges them");
        Error::usage(problem.found(found).expected(format!("a width of at most {MAX_WIDTH}")).hint(hint))
    }
}

fn most(wires: &[Wire]) -> f64 {
    wires.iter().map(|w| w.high).fold(f64::NEG_INFINITY, f64::max)
}
