//! What a network predicts, and how it sees time.
//!
//! Every head is affine in the noise: eps_hat = a(t) x_t + b(t) F for network output F. So training and sampling know
//! two numbers of a head and nothing else, and the score is -eps_hat / sigma_t.

use crate::random::{Purpose, normals, words};

/// The functions of time that a head may use, with the mean variance `v` of the data's coordinates.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Time.
    pub t: f64,
    /// m_t, the factor of x_0.
    pub m: f64,
    /// sigma_t, the factor of eps.
    pub sigma: f64,
    /// Mean variance of the data's coordinates.
    pub v: f64,
}

impl Moment {
    /// Scale of the network's input: 1 / sqrt(m^2 v + sigma^2), so that it has about unit variance at all times.
    pub fn c_in(&self) -> f64 {
        1.0 / (self.m * self.m * self.v + self.sigma * self.sigma).sqrt()
    }
}

/// A row of [`HEADS`].
pub struct Head {
    /// What `--predict` takes.
    pub name: &'static str,
    /// One line for help and documentation.
    pub doc: &'static str,
    /// (a, b) of eps_hat = a x_t + b F.
    pub affine: fn(Moment) -> (f64, f64),
    /// Whether a noise s of the data is trained along; such a head takes s^2 for the variance `v`, and F is brought into a
    /// ball first ([`crate::network::Network::shape_output`]).
    pub trained: bool,
}

/// Every head.
pub const HEADS: &[Head] = &[
    Head { name: "eps", doc: "the noise: eps_hat = F", affine: |_| (0.0, 1.0), trained: false },
    Head {
        name: "x0",
        doc: "the clean point: eps_hat = (x - m F) / sigma",
        affine: |k| (1.0 / k.sigma, -k.m / k.sigma),
        trained: false,
    },
    Head {
        name: "v",
        doc: "v = m eps - sigma x0 (Salimans, Ho 2022): eps_hat = (sigma x + m F) / (m^2 + sigma^2)",
        affine: |k| {
            let s = k.m * k.m + k.sigma * k.sigma;
            (k.sigma / s, k.m / s)
        },
        trained: false,
    },
    Head { name: "score", doc: "the score itself: eps_hat = -sigma F", affine: |k| (0.0, -k.sigma), trained: false },
    Head {
        name: "residual",
        doc: "what a Gaussian of the data's variance v leaves over: eps_hat = (sigma x + m sqrt(v) sqrt(s) F) / s, s = m^2 v + sigma^2",
        affine: |k| {
            let s = k.m * k.m * k.v + k.sigma * k.sigma;
            (k.sigma / s, k.m * (k.v / s).sqrt())
        },
        trained: false,
    },
    Head {
        name: "edm",
        doc: "EDM preconditioning (Karras et al. 2022): x0_hat = c_skip x / m + c_out F with sigma_data^2 = v; residual with the other sign",
        affine: |k| {
            // in x / m and nu = sigma / m, as published; c_in is that of every head, c_noise = ln(nu) / 4 a time feature
            let nu2 = (k.sigma / k.m).powi(2);
            // 1 - c_skip, and c_out
            let (noisy, c_out) = (nu2 / (nu2 + k.v), (nu2 * k.v / (nu2 + k.v)).sqrt());
            // eps_hat = (x - m x0_hat) / sigma
            (noisy / k.sigma, -k.m * c_out / k.sigma)
        },
        trained: false,
    },
    Head {
        name: "centre",
        doc: "mean of the centres of components of the variance v: eps_hat = sigma (x - m F) / (m^2 v + sigma^2)",
        affine: |k| {
            let s = k.m * k.m * k.v + k.sigma * k.sigma;
            (k.sigma / s, -k.m * k.sigma / s)
        },
        trained: false,
    },
    Head {
        name: "velocity",
        doc: "velocity of the linear path, eps - x0 (Lipman et al. 2023): eps_hat = (x + m F) / (m + sigma)",
        affine: |k| (1.0 / (k.m + k.sigma), k.m / (k.m + k.sigma)),
        trained: false,
    },
    Head {
        name: "structured",
        doc: "a point of a manifold with noise s, s trained too (Yakovlev, Puchkin 2025): eps_hat = sigma (x - m clip F) / (m^2 s^2 + sigma^2)",
        affine: |k| {
            let q = k.m * k.m * k.v + k.sigma * k.sigma;
            (k.sigma / q, -k.sigma * k.m / q)
        },
        trained: true,
    },
];

/// A row of [`FEATURES`].
pub struct TimeFeatures {
    /// What `--time-features` takes.
    pub name: &'static str,
    /// One line for help and documentation.
    pub doc: &'static str,
    /// The features at a time; arguments: time, number of features, seed.
    pub row: fn(Moment, usize, u64) -> Vec<f64>,
}

/// Every kind of time features.
pub const FEATURES: &[TimeFeatures] = &[
    TimeFeatures {
        name: "sinusoidal",
        doc: "sin and cos of t at frequencies 1 to 1000, evenly spaced in the logarithm",
        row: |k, count, _| waves(count, |i, half| 1000f64.powf(i as f64 / (half.max(2) - 1) as f64) * k.t),
    },
    TimeFeatures {
        name: "fourier",
        doc: "sin and cos of 2 pi w ln(sigma/m) / 4 at random frequencies w ~ N(0, 1), drawn once from the seed",
        row: |k, count, seed| {
            let noise = (k.sigma / k.m).ln() / 4.0;
            waves(count, |i, _| {
                let w = normals(words(seed, Purpose::Features, i as u32, 0, 0))[0];
                std::f64::consts::TAU * w * noise
            })
        },
    },
    TimeFeatures {
        name: "signal",
        doc: "c_in m and c_in sigma, of which the input c_in x_t is made, as many as asked for, then their powers",
        row: |k, count, _| {
            let base = [k.c_in() * k.m, k.c_in() * k.sigma];
            (0..count).map(|i| base[i % 2].powi(1 + (i / 2) as i32)).collect()
        },
    },
    TimeFeatures {
        name: "raw",
        doc: "m, sigma, ln(sigma/m) / 4 and t, as many as asked for, then their squares and cubes",
        row: |k, count, _| {
            let base = [k.m, k.sigma, (k.sigma / k.m).ln() / 4.0, k.t];
            (0..count).map(|i| base[i % 4].powi(1 + (i / 4) as i32)).collect()
        },
    },
];

/// sin(phase_0), .., cos(phase_0), .. for `count` features; an odd count ends with one sine more.
fn waves(count: usize, phase: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    let half = count.div_ceil(2);
    let sines = (0..half).map(|i| phase(i, half).sin());
    let cosines = (0..count / 2).map(|i| phase(i, half).cos());
    sines.chain(cosines).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_head_recovers_the_noise_from_its_own_target() {
        let (x0, eps) = (0.7, -1.3);
        for (m, sigma) in [(0.9, 0.43), (0.1, 0.99), (1.0, 7.0)] {
            let k = Moment { t: 0.3, m, sigma, v: 2.0 };
            let x = m * x0 + sigma * eps;
            let s = m * m * k.v + sigma * sigma;
            let nu: f64 = sigma / m;
            let c_skip = k.v / (nu * nu + k.v);
            let targets = [
                ("eps", eps),
                ("x0", x0),
                ("v", m * eps - sigma * x0),
                ("score", -eps / sigma),
                ("residual", (eps - sigma * x / s) / (m * (k.v / s).sqrt())),
                // table 1 of Karras et al. 2022 at noise level sigma / m, data of variance v
                ("edm", (x0 - c_skip * x / m) / (nu * k.v.sqrt() / (nu * nu + k.v).sqrt())),
                // the centre whose posterior mean it would be, were the score that of this noise
                ("centre", (x - s * eps / sigma) / m),
                ("velocity", eps - x0),
                // x0 = g + s xi: the noise that is left when g is known, as a part of both noises
                ("structured", (x - s * eps / sigma) / m),
            ];
            assert_eq!(targets.map(|t| t.0), HEADS.iter().map(|h| h.name).collect::<Vec<_>>()[..]);
            for (name, target) in targets {
                let (a, b) = (HEADS.iter().find(|h| h.name == name).unwrap().affine)(k);
                assert!((a * x + b * target - eps).abs() < 1e-9, "{name}");
            }
        }
    }

    #[test]
    fn features_have_the_asked_for_length() {
        let k = Moment { t: 0.5, m: 0.6, sigma: 0.8, v: 1.0 };
        for f in FEATURES {
            for count in [0, 1, 2, 5, 32] {
                let row = (f.row)(k, count, 3);
                assert_eq!(row.len(), count, "{}", f.name);
                assert!(row.iter().all(|x| x.is_finite()));
            }
        }
    }
}
