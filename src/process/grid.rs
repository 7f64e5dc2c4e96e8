//! Time grids: which times the reverse process visits, written as a decreasing list of N + 1 forward times from
//! `T` to `t0`.

use super::{Process, unknown_name, usage};
use crate::error::Result;

/// The most steps a grid may have: step numbers stay exact as f32.
pub const MAX_STEPS: usize = 1 << 24;

/// One kind of grid.
pub struct GridRow {
    /// The name in flags and files.
    pub name: &'static str,
    /// One line.
    pub doc: &'static str,
    /// `(T, t0, N)` to N + 1 decreasing times; the ends are set exactly by [`grid`].
    build: fn(f64, f64, usize) -> Vec<f64>,
}

/// Every grid there is.
pub static GRIDS: &[GridRow] = &[
    GridRow {
        name: "benton",
        doc: "half of the steps uniform down to time 1, half with a constant ratio from there (Benton et al. 2024)",
        build: benton,
    },
    GridRow { name: "uniform", doc: "equal steps", build: |t_max, t0, n| linear(t_max, t0, n) },
    GridRow { name: "geometric", doc: "a constant ratio of successive times", build: geometric },
];

/// The grid called `name` with `n` steps for `process`: N + 1 times from `T` down to `t0`.
pub fn grid(name: &str, process: &Process, n: usize) -> Result<Vec<f64>> {
    let row = GRIDS
        .iter()
        .find(|row| row.name == name)
        .ok_or_else(|| unknown_name("grid", name, &GRIDS.iter().map(|row| row.name).collect::<Vec<_>>()))?;
    if n == 0 || n > MAX_STEPS {
        return Err(usage("steps", n, &format!("1 to {MAX_STEPS}")));
    }
    let (t_max, t0) = (process.t_max(), process.t0());
    let mut times = (row.build)(t_max, t0, n);
    times[0] = t_max;
    times[n] = t0;
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
