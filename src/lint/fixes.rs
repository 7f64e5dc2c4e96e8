//! Which flag of each process raises the noise at its end.

use crate::process::Process;

/// What to say of a process for the noise-to-signal ratio that is wanted at T.
pub type Fix = fn(&Process, f64) -> String;

/// (process, what to say for the noise-to-signal ratio nu at T that is wanted)
pub const FIXES: &[(&str, Fix)] = &[
    ("ou", |_, nu| format!("--t-max {}", up(0.5 * (nu * nu).ln_1p()))),
    ("vp", |p, nu| format!("--beta-max {}", up(2.0 * (nu * nu).ln_1p() - p.parameter(0)))),
    // here sigma = 1 - m^2, so nu = (1 - m^2) / m
    ("sub-vp", |p, nu| {
        let m = 0.5 * ((nu * nu + 4.0).sqrt() - nu);
        format!("--beta-max {}", up(-4.0 * m.ln() - p.parameter(0)))
    }),
    ("vp-cosine", |_, _| "--t-max 0.9946 (the end of this schedule)".into()),
    ("ddpm", |p, nu| {
        // -ln alpha_bar is K times the mean beta, and a little more
        let steps = (nu * nu).ln_1p() / (0.5 * (p.parameter(0) + p.parameter(1)));
        format!("--timesteps {} (and as many reverse steps) or a larger --beta-end", up(steps).ceil())
    }),
    ("ve", |_, nu| format!("--sigma-max {}", up(nu))),
    ("ve-power", |_, nu| format!("a larger --sigma-base, until the noise at T is {}", up(nu))),
    ("edm", |_, nu| format!("--t-max {}", up(nu))),
    ("flow", |_, nu| format!("--t-max {}", (nu / (1.0 + nu) * 1e6).ceil() / 1e6)),
];

/// What to do so that the noise at T is `nu` times the signal.
pub fn of(process: &Process, nu: f64) -> String {
    let row = FIXES.iter().find(|(name, _)| *name == process.name());
    row.map_or_else(|| "a larger --t-max".into(), |(_, fix)| fix(process, nu))
}

/// Rounded up to two digits.
fn up(x: f64) -> f64 {
    let unit = 10f64.powf(x.abs().max(1e-300).log10().floor() - 1.0);
    // 2.3000000000000003 is not what one wants to read
    format!("{:.3e}", (x / unit - 1e-9).ceil() * unit).parse().unwrap_or(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::PROCESSES;

    #[test]
    fn every_process_has_a_row() {
        let missing: Vec<_> = PROCESSES.iter().filter(|p| !FIXES.iter().any(|(n, _)| *n == p.name)).collect();
        assert!(missing.is_empty(), "{:?}", missing.iter().map(|p| p.name).collect::<Vec<_>>());
    }

    #[test]
    fn numbers_are_rounded_up_to_two_digits() {
        assert_eq!([up(2.31), up(2.3), up(241.0), up(0.0123)], [2.4, 2.3, 250.0, 0.013]);
    }
}
