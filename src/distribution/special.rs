//! Special functions that the oracles need: the scaled complementary error function, the mass of an interval
//! under a normal law, and the Bessel ratio of a sphere. Accurate to about 1e-13 relative; no overflow anywhere.

use std::f64::consts::{FRAC_2_SQRT_PI, PI, SQRT_2};

/// `e^(-k^2/4)`, k = 1 to 12.
const GAUSS: [f64; 12] = [
    0.7788007830714049,
    0.36787944117144233,
    0.10539922456186433,
    0.01831563888873418,
    0.0019304541362277093,
    0.00012340980408667956,
    4.785117392129009e-06,
    1.1253517471925912e-07,
    1.6052280551856116e-09,
    1.3887943864964021e-11,
    7.287724095819693e-14,
    2.3195228302435696e-16,
];

/// `ln sqrt(2 pi)`.
pub const LN_SQRT_TAU: f64 = 0.918_938_533_204_672_8;

/// `e^(z^2) erfc(z)` for z >= 0.
///
/// Below 1 by the series of erf; above by the trapezoidal rule of Chiarella and Reichel (Math. Comp. 22, 1968) with
/// step 1/2, whose error is about e^-39.
pub fn erfcx(z: f64) -> f64 {
    let z2 = z * z;
    if z < 1.0 {
        let (mut term, mut sum, mut n) = (z, z, 1.0);
        while term > 1e-18 * sum {
            term *= 2.0 * z2 / (2.0 * n + 1.0);
            sum += term;
            n += 1.0;
        }
        return z2.exp() - FRAC_2_SQRT_PI * sum;
    }
    let mut sum = 0.5 / z2;
    for (k, weight) in GAUSS.iter().enumerate() {
        let node = 0.5 * (k + 1) as f64;
        sum += weight / (node * node + z2);
    }
    let trapezoid = z / PI * sum;
    // the pole of the integrand lies inside the strip while z < pi / h
    if z < 2.0 * PI { trapezoid - 2.0 * z2.exp() / (4.0 * PI * z).exp_m1() } else { trapezoid }
}

/// The Mills ratio `(1 - Phi(u)) / phi(u)` for u >= 0.
fn mills(u: f64) -> f64 {
    (0.5 * PI).sqrt() * erfcx(u / SQRT_2)
}

/// The mean of the standard normal density over the interval from `low` to `high`, as
/// `(ln((Phi(high) - Phi(low)) / (high - low)), d/du of it)` where `u` shifts both ends.
///
/// Written in Mills ratios, so that it keeps its digits arbitrarily far in the tails; an interval of no width gives
/// the density itself.
pub fn log_interval(low: f64, high: f64) -> (f64, f64) {
    let centre = 0.5 * (low + high);
    if centre < 0.0 {
        let (value, slope) = log_interval(-high, -low);
        return (value, -slope);
    }
    let width = high - low;
    if width * centre.max(1.0) < 0.02 {
        return narrow_interval(centre, width);
    }
    // phi(high) / phi(low) - 1
    let drop = (-width * centre).exp_m1();
    let tail = -0.5 * low * low - LN_SQRT_TAU - width.ln();
    if low >= 0.0 {
        let mass = mills(low) - mills(high) * (drop + 1.0);
        return (tail + mass.ln(), drop / mass);
    }
    let upper_tail = |u: f64| 0.5 * erfcx(u / SQRT_2) * (-0.5 * u * u).exp();
    let mass = 1.0 - upper_tail(high) - upper_tail(-low);
    ((mass / width).ln(), (-0.5 * low * low - LN_SQRT_TAU).exp() * drop / mass)
}

/// [`log_interval`] by its Taylor series in the width.
fn narrow_interval(c: f64, width: f64) -> (f64, f64) {
    let (c2, w2) = (c * c, width * width);
    let extra = w2 * (c2 - 1.0) / 24.0 + w2 * w2 * (c2 * c2 - 6.0 * c2 + 3.0) / 1920.0;
    let slope = w2 * c / 12.0 + w2 * w2 * (4.0 * c2 - 12.0) * c / 1920.0;
    (-0.5 * c2 - LN_SQRT_TAU + extra.ln_1p(), -c + slope / (1.0 + extra))
}

/// The average `F` of `e^(kappa <u, e>)` over the unit sphere in R^k (k >= 2), as
/// `(ln F - kappa, q)` with `d ln F / d kappa = q kappa / k`, q in (0, 1].
///
/// `F = Gamma(nu+1) (2/kappa)^nu I_nu(kappa)` and `d ln F / d kappa = I_(nu+1)/I_nu`, nu = k/2 - 1. With
/// `q_j = 2 (j+1) I_(j+1) / (kappa I_j)` the recurrence of the Bessel functions becomes
/// `q_(j-1) = 1 / (1 + q_j kappa^2 / (4 j (j+1)))`, stable downwards and regular at 0, and `F_j = q_(j-1) F_(j-1)`;
/// only F for the circle (`I_0`) or for the sphere in R^3 (`sinh kappa / kappa`) is then needed.
pub fn sphere_average(k: usize, kappa: f64) -> (f64, f64) {
    let nu = 0.5 * k as f64 - 1.0;
    let base = if k.is_multiple_of(2) { 0.0 } else { 0.5 };
    let x = 0.25 * kappa * kappa;
    let mut order;
    let mut q;
    if kappa >= 30.0 + nu * nu {
        order = nu;
        q = 2.0 * (nu + 1.0) / kappa * hankel(nu + 1.0, kappa) / hankel(nu, kappa);
    } else {
        // an error at the start shrinks by e^(-n^2/kappa) in n steps; the start itself is Amos' bound (1974)
        let steps = 20.0 + (40.0 * kappa).sqrt().ceil();
        order = nu + steps;
        q = 2.0 * (order + 1.0) / (order + 0.5 + ((order + 1.5).powi(2) + kappa * kappa).sqrt());
        while order > nu + 0.25 {
            q = 1.0 / (1.0 + q * x / (order * (order + 1.0)));
            order -= 1.0;
        }
    }
    let at_nu = q;
    let (mut log, mut product) = (0.0, 1.0);
    while order > base + 0.25 {
        q = 1.0 / (1.0 + q * x / (order * (order + 1.0)));
        order -= 1.0;
        product *= q;
        if product < 1e-200 {
            log += f64::ln(product);
            product = 1.0;
        }
    }
    log += product.ln();
    (log + if k.is_multiple_of(2) { log_i0_scaled(kappa) } else { log_sinhc_scaled(kappa) }, at_nu)
}

/// `ln(I_0(kappa)) - kappa`.
fn log_i0_scaled(kappa: f64) -> f64 {
    if kappa >= 30.0 {
        return hankel(0.0, kappa).ln() - 0.5 * (2.0 * PI * kappa).ln();
    }
    let x = 0.25 * kappa * kappa;
    let (mut term, mut sum, mut j) = (1.0, 1.0, 1.0);
    while term > 1e-18 * sum {
        term *= x / (j * j);
        sum += term;
        j += 1.0;
    }
    sum.ln() - kappa
}

/// `ln(sinh(kappa) / kappa) - kappa`.
fn log_sinhc_scaled(kappa: f64) -> f64 {
    if kappa < 1e-9 { -kappa } else { (-(-2.0 * kappa).exp_m1() / (2.0 * kappa)).ln() }
}

/// `sqrt(2 pi kappa) e^-kappa I_nu(kappa)` by Hankel's asymptotic series, for kappa >= 30 + nu^2 or so.
fn hankel(nu: f64, kappa: f64) -> f64 {
    let (mut term, mut sum) = (1.0f64, 1.0);
    for j in 1..60 {
        let odd = f64::from(2 * j - 1);
        let next = -term * (4.0 * nu * nu - odd * odd) / (8.0 * f64::from(j) * kappa);
        // past this the series diverges; it never comes to that within the range stated
        if next.abs() < 1e-18 || (next.abs() > term.abs() && odd > 2.0 * nu) {
            break;
        }
        term = next;
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erfcx_matches_known_values_and_is_continuous() {
        // erfcx(0) = 1, erfcx(1) = 0.427583576155807, erfcx(2) = 0.2553956763105057, erfcx(10) = 0.05614099274382259
        for (z, want) in [(0.0, 1.0), (1.0, 0.427583576155807), (2.0, 0.255395676310506), (10.0, 0.0561409927438226)] {
            assert!((erfcx(z) / want - 1.0).abs() < 1e-14, "{z}: {}", erfcx(z));
        }
        for z in [1.0, 2.0 * PI] {
            assert!((erfcx(z - 1e-13) / erfcx(z + 1e-13) - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn the_interval_matches_quadrature_and_its_slope() {
        for (low, high) in
            [(-1.0, 2.0), (0.5, 0.9), (-0.01, 0.011), (3.0, 3.004), (6.0, 9.0), (-8.0, -7.0), (-40.0, -39.0)]
        {
            let n = 20_000;
            let shift = 0.5
                * f64::powi(
                    if low > 0.0 {
                        low
                    } else if high < 0.0 {
                        high
                    } else {
                        0.0
                    },
                    2,
                );
            let h = (high - low) / f64::from(n);
            let sum: f64 = (0..n).map(|i| low + h * (f64::from(i) + 0.5)).map(|u| (shift - 0.5 * u * u).exp()).sum();
            let want = (sum / f64::from(n)).ln() - shift - LN_SQRT_TAU;
            let (got, slope) = log_interval(low, high);
            assert!((got - want).abs() < 1e-6, "{low} {high}: {got} {want}");
            let e = 1e-5;
            let numeric = (log_interval(low + e, high + e).0 - log_interval(low - e, high - e).0) / (2.0 * e);
            assert!((slope - numeric).abs() < 1e-5 * (1.0 + slope.abs()), "{low} {high}: {slope} {numeric}");
        }
        // the branches meet
        for c in [0.0, 0.7, 3.0, 30.0] {
            let w: f64 = 0.02 / f64::max(c, 1.0);
            let (a, b) = (log_interval(c - 0.4999 * w, c + 0.4999 * w), log_interval(c - 0.5001 * w, c + 0.5001 * w));
            assert!((a.0 - b.0).abs() < 1e-6 && (a.1 - b.1).abs() < 1e-6 * (1.0 + c), "{c}: {a:?} {b:?}");
        }
    }

    #[test]
    fn the_sphere_average_matches_quadrature() {
        for k in [2usize, 3, 4, 5, 9, 30] {
            for kappa in [0.0, 1e-6, 0.3, 5.0, 29.9, 30.1, 80.0, 400.0] {
                // density of the first coordinate: sin^(k-2) of the angle
                let n = 200_000;
                let (mut z, mut f, mut d) = (0.0, 0.0, 0.0);
                for i in 0..n {
                    let angle = PI * (f64::from(i) + 0.5) / f64::from(n);
                    let weight = angle.sin().powi(k as i32 - 2);
                    let e = (kappa * (angle.cos() - 1.0)).exp();
                    z += weight;
                    f += weight * e;
                    d += weight * e * angle.cos();
                }
                let (log, q) = sphere_average(k, kappa);
                assert!((log - (f / z).ln()).abs() < 1e-8, "{k} {kappa}: {log} {}", (f / z).ln());
                assert!((q * kappa / k as f64 - d / f).abs() < 1e-8, "{k} {kappa}");
            }
        }
        for k in [2, 17, 1024] {
            for kappa in [1e3, 3e5, 1e9] {
                let (log, q) = sphere_average(k, kappa);
                assert!(log.is_finite() && q > 0.0 && q * kappa / (k as f64) < 1.0 + 1e-12, "{k} {kappa}");
            }
        }
    }
}
