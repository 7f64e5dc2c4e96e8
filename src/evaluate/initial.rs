//! How far p_T is from the noise a reverse process starts with: KL(p_T || N(0, prior^2 I)) in nats.
//!
//! A sampler that starts from the wrong law keeps part of that error whatever the score is; it is the first term of every
//! bound (Benton et al. 2024, theorem 1: D e^-2T). The noise level is an argument here, so that one can ask what T would do.

use crate::distribution::{Covariance, Distribution, Form, Oracle, eigen_symmetric};
use crate::metrics::floor::Z95;
use crate::process::{GaussianLaw, Process, gaussian_kl};
use crate::random::{Purpose, Stream};
use crate::train::Dataset;

/// Draws of p_T behind an estimate.
const DRAWS: usize = 4096;
/// Products of draws, atoms and coordinates that an estimate from rows may take.
const WORK: usize = 1 << 26;
/// Most rows that are atoms.
const ATOMS: usize = 2048;
/// Step of the streams of these draws, apart from those of other metrics.
const STEP: u32 = 101;
/// Columns whose covariance is taken whole; beyond, column by column.
const WHOLE: usize = 64;

/// An estimate of KL(p_T || prior).
#[derive(Debug, Clone, serde::Serialize)]
pub struct Initial {
    /// Nats.
    pub value: f64,
    /// 95 % interval; from rows, of a lower and an upper bound together.
    pub interval: (f64, f64),
    /// Draws behind it; 0 for a closed form.
    pub n: usize,
    /// The part of mean and covariance, a lower bound, nats.
    pub moments: f64,
    /// Of what the value was taken, for a reader.
    pub method: &'static str,
}

/// Noise level of a process: x = m x_0 + sigma eps, and the deviation of what the sampler starts from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// Factor of the data.
    pub m: f64,
    /// Deviation of the noise.
    pub sigma: f64,
    /// Deviation of the prior.
    pub prior: f64,
}

impl Level {
    /// The end T of a process.
    pub fn end(process: &Process) -> Self {
        let t = process.t_max();
        Self { m: process.mean(t), sigma: process.sigma(t), prior: process.prior_std() }
    }
    /// The same kind of process with the noise to signal `nu`: either the signal is kept (m = 1, the prior has the noise's
    /// deviation), or the variance (m^2 + sigma^2 = 1).
    pub fn with_ratio(self, nu: f64) -> Self {
        if (self.m - 1.0).abs() < 1e-12 {
            return Self { m: 1.0, sigma: nu, prior: nu };
        }
        let m = 1.0 / (1.0 + nu * nu).sqrt();
        Self { m, sigma: nu * m, prior: self.prior }
    }
}

/// KL(p_T || prior) of the law of `data` where it is known, else of its training rows; model units.
pub fn initial_kl(data: &Dataset, level: Level, seed: u64) -> Initial {
    match data.truth.as_deref() {
        Some(law) if law.oracle().is_some() => of_law(law, level, seed),
        _ => of_rows(&data.train, data.dim, level, seed),
    }
}

/// Of a law with an oracle; without one all is 0 draws and not a number.
pub fn of_law(law: &dyn Distribution, level: Level, seed: u64) -> Initial {
    let dim = law.dim();
    let rows = law.draw(seed, Purpose::Metric, 0, DRAWS);
    let Some(oracle) = law.oracle() else { return of_rows(&rows, dim, level, seed) };
    if let Form::Mixture(one) = oracle.form()
        && one.weights().len() == 1
    {
        let value = normal(one.means(), &eigenvalues(one.covariance(), one.means()), level);
        return Initial { value, interval: (value, value), n: 0, moments: value, method: "the closed form" };
    }
    let logs: Vec<f64> = noised(&rows, dim, level, seed, DRAWS)
        .map(|x| oracle.log_density(&x, level.m, level.sigma) - log_prior(&x, level.prior))
        .collect();
    let (value, error) = mean_of_logs(&logs);
    let moments = moments_kl(&rows, dim, level);
    let interval = ((value - Z95 * error).max(0.0), value + Z95 * error);
    Initial { value, interval, n: DRAWS, moments, method: "draws of the exact law at T" }
}

/// Of rows (n, D): the law at T is then a mixture of as many normals as there are rows. Asked of the others about each
/// row's draw it is too low in expectation (Jensen), with the row itself too high (convexity of KL); the truth lies
/// between. The part of mean and covariance is a lower bound too.
pub fn of_rows(rows: &[f32], dim: usize, level: Level, seed: u64) -> Initial {
    let n = rows.len() / dim;
    let atoms = n.min(ATOMS).min((WORK / dim / 64).max(2));
    let asked = atoms.min((WORK / (dim * atoms)).max(2));
    let moments = moments_kl(rows, dim, level);
    if n < 3 {
        return Initial {
            value: moments,
            interval: (moments, f64::INFINITY),
            n,
            moments,
            method: "mean and covariance",
        };
    }
    let (mut without, mut with) = (Vec::with_capacity(asked), Vec::with_capacity(asked));
    let constant = -0.5 * dim as f64 * (std::f64::consts::TAU * level.sigma * level.sigma).ln();
    for (i, x) in noised(rows, dim, level, seed, asked).enumerate() {
        let logs: Vec<f64> = (0..atoms)
            .map(|j| {
                let atom = &rows[j * dim..(j + 1) * dim];
                let square: f64 = x.iter().zip(atom).map(|(x, a)| (x - level.m * f64::from(*a)).powi(2)).sum();
                -0.5 * square / (level.sigma * level.sigma)
            })
            .collect();
        let prior = log_prior(&x, level.prior) - constant;
        let others = log_sum(logs.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, l)| *l));
        without.push(others - ((atoms - 1) as f64).ln() - prior);
        with.push(log_sum(logs.iter().copied()) - (atoms as f64).ln() - prior);
    }
    let ((low, low_error), (high, high_error)) = (plain_mean(&without), plain_mean(&with));
    let value = low.max(moments).max(0.0);
    let interval = ((low - Z95 * low_error).max(moments).max(0.0).min(value), (high + Z95 * high_error).max(value));
    Initial { value, interval, n: asked, moments, method: "the training rows as a mixture at T, each left out in turn" }
}

/// The first `n` rows, noised: m x + sigma eps.
fn noised(rows: &[f32], dim: usize, level: Level, seed: u64, n: usize) -> impl Iterator<Item = Vec<f64>> {
    rows.chunks_exact(dim).take(n).enumerate().map(move |(i, row)| {
        let mut stream = Stream::new(seed, Purpose::Metric, i as u32, STEP);
        row.iter().map(|&x| level.m * f64::from(x) + level.sigma * stream.normal()).collect()
    })
}

fn log_prior(x: &[f64], prior: f64) -> f64 {
    let square: f64 = x.iter().map(|x| x * x).sum::<f64>() / (prior * prior);
    -0.5 * (square + x.len() as f64 * (std::f64::consts::TAU * prior * prior).ln())
}

fn log_sum(logs: impl Iterator<Item = f64> + Clone) -> f64 {
    let max = logs.clone().fold(f64::NEG_INFINITY, f64::max);
    if max == f64::NEG_INFINITY { max } else { max + logs.map(|l| (l - max).exp()).sum::<f64>().ln() }
}

fn plain_mean(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    (mean, (variance / n).sqrt())
}

/// Mean of log p/q over draws of p. Near 0 as the mean of q/p - 1 + log p/q, which has the same expectation, no negative
/// term and far less variance; elsewhere q/p may have heavy tails, so the plain mean is taken.
fn mean_of_logs(logs: &[f64]) -> (f64, f64) {
    const NEAR: f64 = 0.01;
    let plain = plain_mean(logs);
    if plain.0 > NEAR {
        return plain;
    }
    // e^-l - 1 + l, without cancellation at small l
    plain_mean(&logs.iter().map(|l| if l.abs() < 1e-4 { 0.5 * l * l } else { (-l).exp_m1() + l }).collect::<Vec<_>>())
}

fn eigenvalues(covariance: &Covariance, mean: &[f64]) -> Vec<f64> {
    match covariance {
        Covariance::Isotropic(v) => vec![v[0]; mean.len()],
        Covariance::Diagonal(v) => v.clone(),
        Covariance::Full { values, .. } => values.clone(),
    }
}

/// KL of a normal law with this mean and these eigenvalues of the covariance, noised, to the prior: it only depends on
/// |mean|^2, so all of the mean may stand on the first axis.
fn normal(mean: &[f64], values: &[f64], level: Level) -> f64 {
    let prior = GaussianLaw { mean: 0.0, var: level.prior * level.prior };
    let square: f64 = mean.iter().map(|m| m * m).sum();
    let axis = |(i, v): (usize, &f64)| {
        let mean = if i == 0 { level.m * square.sqrt() } else { 0.0 };
        gaussian_kl(GaussianLaw { mean, var: level.m * level.m * v + level.sigma * level.sigma }, prior)
    };
    values.iter().enumerate().map(axis).sum()
}

/// The part of mean and covariance: KL(p || N(0, s^2 I)) = KL(p || N(mu, C)) + KL(N(mu, C) || N(0, s^2 I)).
fn moments_kl(rows: &[f32], dim: usize, level: Level) -> f64 {
    let n = (rows.len() / dim) as f64;
    let mut mean = vec![0.0; dim];
    for row in rows.chunks_exact(dim) {
        mean.iter_mut().zip(row).for_each(|(m, x)| *m += f64::from(*x) / n);
    }
    let whole = if dim <= WHOLE { dim } else { 1 };
    let mut second = vec![0.0; dim * whole];
    for row in rows.chunks_exact(dim) {
        for a in 0..dim {
            let x = f64::from(row[a]) - mean[a];
            for b in 0..whole {
                let y = if whole == dim { f64::from(row[b]) - mean[b] } else { x };
                second[a * whole + b] += x * y / n;
            }
        }
    }
    let values = if whole == dim { eigen_symmetric(&second, dim).0 } else { second };
    normal(&mean, &values.iter().map(|v| v.max(0.0)).collect::<Vec<_>>(), level)
}

/// The smallest own noise of a law: what t0 should stay below. Nothing where the law says none.
pub fn own_noise(oracle: &dyn Oracle) -> Option<f64> {
    let least = |v: &[f64]| v.iter().copied().fold(f64::INFINITY, f64::min);
    let noise = match oracle.form() {
        Form::Mixture(law) => match law.covariance() {
            Covariance::Isotropic(v) | Covariance::Diagonal(v) | Covariance::Full { values: v, .. } => least(v).sqrt(),
        },
        Form::Boxes(law) => least(law.noise()),
        Form::Shells(law) => law.noise(),
        Form::Pixels(law) => law.pitch()[0].min(law.pitch()[1]),
        Form::Opaque => return None,
    };
    (noise > 0.0 && noise.is_finite()).then_some(noise)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::parse;

    fn at(t: f64) -> Level {
        Level::end(&Process::named("ou").unwrap().with_times(t, 1e-3).unwrap())
    }

    #[test]
    fn two_modes_have_the_nats_of_quadrature() {
        // KL(p_T || N(0, 1)) of half N(-3, 1), half N(3, 1), by quadrature
        let law = parse("gmm:means=(-3)(3),sd=1").unwrap();
        for (t, nats) in [(0.5, 1.051_894_63), (1.0, 0.226_709_92), (2.0, 0.006_163_82), (3.0, 1.2262e-4)] {
            let got = of_law(law.as_ref(), at(t), 1);
            // four standard errors
            let off = 4.0 / Z95 * (got.interval.1 - got.value);
            assert!((got.value - nats).abs() < off && off < 0.4 * nats.max(1e-4), "t = {t}: {got:?} for {nats}");
        }
    }

    #[test]
    fn rows_bracket_what_the_law_has() {
        let law = parse("gmm:means=(-3)(3),sd=1").unwrap();
        let rows = law.draw(3, Purpose::Test, 0, 3000);
        for (t, nats) in [(0.5, 1.051_894_63), (1.0, 0.226_709_92)] {
            let got = of_rows(&rows, 1, at(t), 1);
            assert!(got.interval.0 < nats && nats < got.interval.1, "{got:?} for {nats}");
            assert!((got.value - nats).abs() < 0.1 * nats + 0.02, "{got:?} for {nats}");
            assert!(got.moments < got.value);
        }
    }

    #[test]
    fn one_normal_is_exact_and_its_own_noise_known() {
        let law = parse("gaussian:dim=1,means=(3),sd=.5").unwrap();
        let got = of_law(law.as_ref(), at(5.0), 0);
        // 1/2 (q - 1 - ln q + m^2 9), q = m^2 / 4 + 1 - m^2
        assert!((got.value - 2.0430e-4).abs() < 5e-8, "{got:?}");
        assert_eq!(own_noise(law.oracle().unwrap()), Some(0.5));
    }
}
