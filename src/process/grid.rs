//! Time grids: which times the reverse process visits, written as a decreasing list of N + 1 forward times from
//! `T` to `t0`.

use super::{Key, Process, unknown_name, usage};
use crate::error::Result;

/// The most steps a grid may have: step numbers stay exact as f32.
pub const MAX_STEPS: usize = 1 << 24;

/// One kind of grid.
pub struct GridRow {
    /// The name in flags and files.
    pub name: &'static str,
    /// One line.
    pub doc: &'static str,
    /// What it may be told; each from 0.1 to 100.
    pub keys: &'static [Key],
    /// (process, N, values of the keys) to N + 1 decreasing times; the ends are set exactly by [`grid_with`].
    build: fn(&Process, usize, &[f64]) -> Vec<f64>,
}

const fn row(name: &'static str, doc: &'static str, build: fn(&Process, usize, &[f64]) -> Vec<f64>) -> GridRow {
    GridRow { name, doc, keys: &[], build }
}

/// Every grid there is.
pub static GRIDS: &[GridRow] = &[
    row(
        "benton",
        "half of the steps uniform down to time 1, half with a constant ratio from there (Benton et al. 2024)",
        |p, n, _| benton(p.t_max(), p.t0(), n),
    ),
    row("uniform", "equal steps of time", |p, n, _| linear(p.t_max(), p.t0(), n)),
    row("geometric", "a constant ratio of successive times", |p, n, _| geometric(p.t_max(), p.t0(), n)),
    row("log-snr", "equal steps of ln(m / sigma) (Lu et al. 2022)", |p, n, _| {
        let lambdas = linear(p.log_snr(p.t_max()), p.log_snr(p.t0()), n);
        lambdas.into_iter().map(|lambda| p.time_at(lambda)).collect()
    }),
    row("cosine", "equal steps of the angle atan(sigma / m), so that m falls like a cosine", |p, n, _| {
        let angle = |t| (-p.log_snr(t)).exp().atan();
        let angles = linear(angle(p.t_max()), angle(p.t0()), n);
        angles.into_iter().map(|a| p.time_at(-a.tan().ln())).collect()
    }),
    GridRow {
        keys: &[Key {
            name: "rho",
            default: 7.0,
            doc: "larger: more steps at little noise; 1: equal steps of sigma / m",
        }],
        ..row("karras", "equal steps of (sigma / m)^(1 / rho) (Karras et al. 2022, eq. 5)", |p, n, values| {
            let root = |t| (-p.log_snr(t) / values[0]).exp();
            let roots = linear(root(p.t_max()), root(p.t0()), n);
            roots.into_iter().map(|r| p.time_at(-values[0] * r.ln())).collect()
        })
    },
];

/// The grid called `name` with `n` steps for `process` and its default keys: N + 1 times from `T` down to `t0`.
pub fn grid(name: &str, process: &Process, n: usize) -> Result<Vec<f64>> {
    grid_with(name, process, n, &[])
}

/// As [`grid`], with values for some of the grid's keys. Refuses keys that the grid lacks.
pub fn grid_with(name: &str, process: &Process, n: usize, keys: &[(&str, f64)]) -> Result<Vec<f64>> {
    let row = GRIDS
        .iter()
        .find(|row| row.name == name)
        .ok_or_else(|| unknown_name("grid", name, &GRIDS.iter().map(|row| row.name).collect::<Vec<_>>()))?;
    if n == 0 || n > MAX_STEPS {
        return Err(usage("steps", n, &format!("1 to {MAX_STEPS}")));
    }
    for (key, value) in keys {
        if !row.keys.iter().any(|k| k.name == *key) {
            let legal = GRIDS.iter().filter(|row| row.keys.iter().any(|k| k.name == *key)).map(|row| row.name);
            let expected = format!("the grid {}", legal.collect::<Vec<_>>().join(" or "));
            return Err(usage(key, format!("the grid {}", row.name), &expected));
        }
        if !(value.is_finite() && *value >= 0.1 && *value <= 100.0) {
            return Err(usage(key, value, "0.1 to 100"));
        }
    }
    let value = |k: &Key| keys.iter().find(|(name, _)| *name == k.name).map_or(k.default, |(_, v)| *v);
    let mut times = (row.build)(process, n, &row.keys.iter().map(value).collect::<Vec<_>>());
    times[0] = process.t_max();
    times[n] = process.t0();
    check_grid(&times)?;
    Ok(times)
}

/// Refuses a list that is not a grid: at least two finite positive times, each below the one before.
pub fn check_grid(times: &[f64]) -> Result<()> {
    if times.len() < 2 || times.len() > MAX_STEPS + 1 {
        return Err(usage("grid", format!("{} times", times.len()), &format!("2 to {} times", MAX_STEPS + 1)));
    }
    if !times[0].is_finite() {
        return Err(usage("grid", times[0], "finite times"));
    }
    for (k, pair) in times.windows(2).enumerate() {
        if !(pair[1] > 0.0 && pair[1] < pair[0]) {
            let found = format!("{} after {} at step {k}", pair[1], pair[0]);
            return Err(usage("grid", found, "positive times, each below the one before; use fewer steps"));
        }
    }
    Ok(())
}

/// `kappa = max_k (t_k - t_(k+1)) / min(1, t_(k+1))` over a decreasing grid: the step size of the bound of
/// Benton et al. 2024, theorem 1 (there in reversed time, `gamma_k <= kappa min(1, T - t_(k+1))`).
pub fn kappa(times: &[f64]) -> f64 {
    times.windows(2).map(|pair| (pair[0] - pair[1]) / pair[1].min(1.0)).fold(0.0, f64::max)
}

fn linear(from: f64, to: f64, n: usize) -> Vec<f64> {
    (0..=n).map(|k| from + (to - from) * (k as f64 / n as f64)).collect()
}

fn geometric(from: f64, to: f64, n: usize) -> Vec<f64> {
    let ratio = (to / from).ln();
    (0..=n).map(|k| from * (ratio * (k as f64 / n as f64)).exp()).collect()
}

/// `floor(N/2)` equal steps from T to 1, the rest geometric from 1 to t0. With T <= 1, t0 >= 1 or N = 1 one of the
/// halves does not exist and the other takes all steps.
fn benton(t_max: f64, t0: f64, n: usize) -> Vec<f64> {
    if t_max <= 1.0 || n == 1 {
        return geometric(t_max, t0, n);
    }
    if t0 >= 1.0 {
        return linear(t_max, t0, n);
    }
    let mut times = linear(t_max, 1.0, n / 2);
    times.extend(geometric(1.0, t0, n - n / 2).into_iter().skip(1));
    times
}
