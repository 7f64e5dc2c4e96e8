//! e^-s for s >= 0: a rational or polynomial start r(s / 2^k), then k squarings.
//!
//! With r(h) = e^-h + O(h^(p+1)) the error falls as 2^(-k p). The bound of it is of one variable and is computed: the
//! greatest error over a grid, plus what a function of bounded second derivative can do between its points.

use super::circuit::{Circuit, Wire};

/// How r(h) is made.
#[derive(Debug)]
pub enum Make {
    /// sum_i c_i / (1 + p_i h) for poles p_i, one neuron each; the c_i follow from the order.
    Poles(&'static [f64]),
    /// 1 - g + g^2 / 2 with g = min(h, 1).
    Taylor,
}

/// A row of the starts of a family.
#[derive(Debug)]
pub struct Start {
    /// p: the error falls as 2^(-k p).
    pub order: u32,
    /// The function.
    pub make: Make,
}

/// Starts of SignReLU. The first is (1 + s / 2^k)^(-2^k). Poles that are far apart keep the c_i small, which f32 needs.
pub const RATIONAL: &[Start] = &[
    Start { order: 1, make: Make::Poles(&[1.0]) },
    Start { order: 2, make: Make::Poles(&[1.0 / 3.0, 0.25]) },
    Start { order: 4, make: Make::Poles(&[0.5, 0.4, 0.3, 0.2, 0.1]) },
];

/// Starts of ReLU.
pub const POLYNOMIAL: &[Start] = &[Start { order: 2, make: Make::Taylor }];

/// Most squarings that are tried.
pub const MOST_SQUARINGS: u32 = 12;

impl Start {
    /// (p_i, c_i): sum_i c_i p_i^j = 1 / j! for j below the number of poles, so that r agrees with e^-h to that order.
    pub fn residues(&self) -> Vec<(f64, f64)> {
        let Make::Poles(poles) = self.make else { return Vec::new() };
        // Lagrange: c_i = prod_(l != i) (x - p_l) / (p_i - p_l) with x^j read as 1 / j!
        let residue = |i: usize| {
            let mut polynomial = vec![1.0];
            let mut below = 1.0;
            for (_, p) in poles.iter().enumerate().filter(|(l, _)| *l != i) {
                let mut next = vec![0.0; polynomial.len() + 1];
                for (j, a) in polynomial.iter().enumerate() {
                    next[j + 1] += a;
                    next[j] -= a * p;
                }
                polynomial = next;
                below *= poles[i] - p;
            }
            let mut factorial = 1.0;
            let value = polynomial.iter().enumerate().map(|(j, a)| {
                factorial *= j.max(1) as f64;
                a / factorial
            });
            value.sum::<f64>() / below
        };
        (0..poles.len()).map(|i| (poles[i], residue(i))).collect()
    }

    /// r(h) in f64.
    pub fn value(&self, h: f64) -> f64 {
        match self.make {
            Make::Poles(_) => self.residues().iter().map(|(p, c)| c / (1.0 + p * h)).sum(),
            Make::Taylor => {
                let g = h.min(1.0);
                1.0 - g + 0.5 * g * g
            }
        }
    }

    /// Bounds of |r'| and |r''| over h >= 0: that of r'' from its terms, that of r' from a grid up to 20, which misses it by
    /// half a spacing times the other, and from its terms beyond.
    fn slopes(&self) -> (f64, f64) {
        if matches!(self.make, Make::Taylor) {
            return (1.0, 1.0);
        }
        const SPACING: f64 = 1e-3;
        let residues = self.residues();
        let second: f64 = residues.iter().map(|(p, c)| 2.0 * (c * p * p).abs()).sum();
        let slope = |h: f64| residues.iter().map(|(p, c)| c * p / (1.0 + p * h).powi(2)).sum::<f64>().abs();
        let near = (0..=20_000).map(|i| slope(SPACING * f64::from(i))).fold(0.0, f64::max) + 0.5 * SPACING * second;
        let far: f64 = residues.iter().map(|(p, c)| (c * p).abs() / (1.0 + 20.0 * p).powi(2)).sum();
        (near.max(far), second)
    }

    /// Bound of |r| over h >= `from`, by a grid in u = 1 / (1 + h), along which r changes by at most sum |c_i| / p_i a unit.
    fn tail(&self, from: f64) -> f64 {
        if matches!(self.make, Make::Taylor) {
            return self.value(from);
        }
        const POINTS: usize = 20_000;
        let residues = self.residues();
        let steepest: f64 = residues.iter().map(|(p, c)| c.abs() / p).sum();
        let spacing = 1.0 / (1.0 + from) / POINTS as f64;
        let at = |i: usize| {
            let h = 1.0 / (spacing * i as f64) - 1.0;
            residues.iter().map(|(p, c)| c / (1.0 + p * h)).sum::<f64>().abs()
        };
        (1..=POINTS).map(at).fold(0.0, f64::max) + 0.5 * spacing * steepest
    }

    /// Bound over all s >= 0 of |r(s / 2^k)^(2^k) - e^-s|, in exact arithmetic; it rests on |r| <= 1, which a test holds.
    ///
    /// On [0, S] the difference f exceeds its greatest value on a grid of spacing d by at most d^2 / 8 sup |f''|. Beyond S
    /// both terms are bounded by themselves.
    pub fn bound(&self, squarings: u32) -> f64 {
        const POINTS: usize = 50_000;
        let n = f64::from(1u32 << squarings);
        let end = (n * if matches!(self.make, Make::Taylor) { 1.0 } else { 4.0 }).clamp(4.0, 40.0);
        let residues = self.residues();
        let r = |h: f64| match self.make {
            Make::Poles(_) => residues.iter().map(|(p, c)| c / (1.0 + p * h)).sum(),
            Make::Taylor => self.value(h),
        };
        let step = end / POINTS as f64;
        let at = |i: usize| {
            let s = step * i as f64;
            (r(s / n).powi(n as i32) - (-s).exp()).abs()
        };
        let greatest = (0..=POINTS).map(at).fold(0.0, f64::max);
        let (first, second) = self.slopes();
        // (r^n)'' = n (n - 1) r^(n-2) r'^2 / n^2 + n r^(n-1) r'' / n^2
        let between = step * step / 8.0 * (first * first + second / n + 1.0);
        let beyond = self.tail(end / n).powf(n) + (-end).exp();
        greatest.max(beyond) + between
    }
}

/// The gate: e^-s for a wire s with s.low >= 0.
pub fn decay(c: &mut Circuit, s: &Wire, start: &Start, squarings: u32, bound: f64) -> Wire {
    let h = s.scaled(1.0 / f64::from(1u32 << squarings), 0.0);
    let mut z = match start.make {
        Make::Poles(_) => {
            // 1 / (1 + p h) = 1 + sigma(-p h)
            let residues = start.residues();
            let parts: Vec<Wire> = residues.iter().map(|(p, _)| c.neuron(&h.scaled(-p, 0.0))).collect();
            let terms: Vec<(&Wire, f64)> = parts.iter().zip(&residues).map(|(w, (_, r))| (w, *r)).collect();
            c.sum(&terms, residues.iter().map(|(_, r)| r).sum())
        }
        Make::Taylor => {
            let (whole, over) = (c.neuron(&h), c.neuron(&h.scaled(1.0, -1.0)));
            let g = c.sum(&[(&whole, 1.0), (&over, -1.0)], 0.0).within(0.0, 1.0).off_by(0.0);
            let g2 = (c.family.square)(c, &g);
            c.sum(&[(&g, -1.0), (&g2, 0.5)], 1.0)
        }
    };
    // the error of gates alone: that of r is in `bound`, that of s enters with slope 1 at most
    let mut error = match start.make {
        Make::Poles(_) => 0.0,
        Make::Taylor => 0.5 * (c.family.square_error)(c.bits),
    };
    z = z.within(-1.0, 1.0).off_by(0.0);
    for _ in 0..squarings {
        z = (c.family.square)(c, &z).within(0.0, 1.0).off_by(0.0);
        error = 2.0 * error + (c.family.square_error)(c.bits);
    }
    z.within(if squarings == 0 { -1.0 } else { 0.0 }, 1.0).off_by(bound + error + s.error.min(1.0))
}
