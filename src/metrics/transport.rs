//! Sliced W1, exact W1 and the Sinkhorn divergence.
//!
//! W1 = least mean Euclidean distance over all couplings; sliced W1 its mean over uniform directions (Bonneel et al. 2015).
//! The Sinkhorn divergence OT_e(P, Q) - OT_e(P, P) / 2 - OT_e(Q, Q) / 2 has the cost |x - y|^2 / 2 and an entropic penalty
//! of weight e (Feydy et al., "Interpolating between optimal transport and MMD using Sinkhorn divergences", AISTATS 2019):
//! not negative, 0 only at equal laws, W2^2 / 2 as e falls to 0.

use super::assignment::assign;
use super::floor::Z95;
use super::parallel::{self, Columns, mean_variance};
use super::points::{finite, same_dim, same_shape};
use super::sliced::direction;
use super::{Measurement, Points, Settings};
use crate::error::{Error, Problem, Result};

/// Directions whose potentials are held at a time.
const BATCH: usize = 16;

/// Sliced W1 of clouds of equal size: the mean over directions, and its standard error from rows and directions.
///
/// To first order a row x moves W1 along u by the centred Kantorovich potential f_u(<u, x>) / n, a row y by -f_u(<u, y>) / n; f_u has
/// the slope +-1 by which distribution function is larger. The error is that of the means of these over the directions, and of
/// the mean over directions.
pub fn sliced_w1(samples: &Points, reference: &Points, settings: &Settings) -> Result<Measurement> {
    let count = directions(samples, reference, settings)?;
    let (n, dim) = (samples.rows(), samples.dim());
    let (mut along, mut of_x, mut of_y) = (Vec::with_capacity(count), vec![0.0; n], vec![0.0; n]);
    for first in (0..count).step_by(BATCH) {
        let one = |(): &mut (), i: usize| line(samples, reference, &direction(settings.seed, (first + i) as u32, dim));
        for (value, x, y) in parallel::map(settings.threads, BATCH.min(count - first), || (), one) {
            along.push(value);
            of_x.iter_mut().zip(&x).for_each(|(sum, f)| *sum += f / count as f64);
            of_y.iter_mut().zip(&y).for_each(|(sum, f)| *sum += f / count as f64);
        }
    }
    let (value, spread) = mean_variance(&along);
    let rows = (mean_variance(&of_x).1 + mean_variance(&of_y).1) / n as f64;
    let error = (rows + if count > 1 { spread / count as f64 } else { 0.0 }).sqrt();
    let definition = format!(
        "mean over {count} uniform direction{} of the 1-D W1 between {n} projected rows of {} and {n} of {}; the interval is \
         1.96 standard errors by the potentials, over rows and directions, without the bias that the floor shows",
        if count == 1 { "" } else { "s" },
        samples.name(),
        reference.name()
    );
    let mut out = Measurement::new("sliced W1", definition, finite("sliced W1", value)?, n);
    out.parameters = format!("{count} direction{}", if count == 1 { "" } else { "s" });
    out.interval = Some(((value - Z95 * error).max(0.0), value + Z95 * error));
    Ok(out)
}

/// The value of [`sliced_w1`] alone.
pub fn sliced_w1_value(samples: &Points, reference: &Points, settings: &Settings) -> Result<f64> {
    let count = directions(samples, reference, settings)?;
    let along = parallel::map(
        settings.threads,
        count,
        || (),
        |(), i| {
            let u = direction(settings.seed, i as u32, samples.dim());
            let [mut x, mut y] = [samples, reference].map(|points| projected(points, &u));
            x.sort_unstable_by(f64::total_cmp);
            y.sort_unstable_by(f64::total_cmp);
            x.iter().zip(&y).map(|(x, y)| (x - y).abs()).sum::<f64>() / x.len() as f64
        },
    );
    finite("sliced W1", along.iter().sum::<f64>() / count as f64)
}

fn directions(samples: &Points, reference: &Points, settings: &Settings) -> Result<usize> {
    same_shape(samples, reference)?;
    match settings.directions {
        0 => Err(Error::usage(Problem::new("sliced W1 needs directions").found(0).expected("at least 1"))),
        _ if samples.dim() == 1 => Ok(1),
        count => Ok(count),
    }
}

/// W1 along u, and the potential at each row of the samples and of the reference.
fn line(samples: &Points, reference: &Points, u: &[f64]) -> (f64, Vec<f64>, Vec<f64>) {
    let (x, y) = (projected(samples, u), projected(reference, u));
    let n = x.len();
    let mut order: Vec<(f64, usize)> = x.iter().chain(&y).copied().zip(0..).collect();
    order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let (mut potential, mut ahead, mut f, mut value) = (vec![0.0; 2 * n], 0i64, 0.0, 0.0);
    let mut before = order.first().map_or(0.0, |o| o.0);
    for &(at, i) in &order {
        // `ahead` is n times the difference of the distribution functions just below `at`
        f -= ahead.signum() as f64 * (at - before);
        value += ahead.unsigned_abs() as f64 * (at - before) / n as f64;
        potential[i] = f;
        ahead += if i < n { 1 } else { -1 };
        before = at;
    }
    let of_y = potential.split_off(n);
    (value, potential, of_y)
}

/// Projections onto u.
fn projected(points: &Points, u: &[f64]) -> Vec<f64> {
    let rows = points.data().chunks_exact(points.dim());
    rows.map(|r| r.iter().zip(u).map(|(x, u)| f64::from(*x) * u).sum()).collect()
}

/// Squared distances between all rows, (n, m).
fn squares(x: &Points, y: &Points) -> Vec<f64> {
    let columns = Columns::new(y);
    let mut out = vec![0.0; x.rows() * y.rows()];
    for (i, row) in out.chunks_exact_mut(y.rows()).enumerate() {
        columns.squared(x.row(i), |first, squares| row[first..first + squares.len()].copy_from_slice(squares));
    }
    out
}

/// Exact W1 of equal clouds, by the matching that is cheapest in summed distances.
pub fn exact_w1(samples: &Points, reference: &Points) -> Result<Measurement> {
    let n = samples.rows();
    let (value, gap, error) = solve_w1(samples, reference)?;
    let definition = format!(
        "least mean Euclidean distance over all matchings of {n} rows of {} with {n} of {}; the interval is 1.96 standard \
         errors by the dual prices, without the bias that the floor shows",
        samples.name(),
        reference.name()
    );
    let mut out = Measurement::new("exact W1", definition, value, n);
    out.interval = Some(((value - Z95 * error).max(0.0), value + Z95 * error));
    Ok(out.noted(format!("optimal, relative duality gap {gap:.0e}; compare with the floor of the same n only")))
}

/// Exact W1, the relative gap of its proof and its standard error: to first order rows move it by their dual prices over n
/// (del Barrio, Gonzalez-Sanz, Loubes 2024, "Central limit theorems for general transportation costs").
pub fn solve_w1(samples: &Points, reference: &Points) -> Result<(f64, f64, f64)> {
    same_shape(samples, reference)?;
    let n = samples.rows();
    let mut cost = squares(samples, reference);
    cost.iter_mut().for_each(|c| *c = c.sqrt());
    let solved = assign(n, &cost)?;
    let matched = |(i, j): (usize, &usize)| cost[i * n + j];
    let value = solved.column.iter().enumerate().map(matched).sum::<f64>() / n as f64;
    let prices: Vec<f64> = solved.column.iter().enumerate().map(|p| matched(p) - solved.price[*p.1]).collect();
    let variance = mean_variance(&prices).1 + mean_variance(&solved.price).1;
    Ok((finite("exact W1", value)?, solved.certificate.relative.abs(), (variance / n as f64).sqrt()))
}

/// Most rows of each cloud: every iteration costs an exponential for each pair.
pub const MOST_SINKHORN: usize = 1000;
/// Weight of the entropy, in units of the mean cost between rows of the reference.
const BLUR: f64 = 0.05;
/// What an iteration may still change in the potentials, in units of the weight of the entropy.
const SETTLED: f64 = 1e-6;
/// Most iterations.
const MOST_ITERATIONS: usize = 5000;

/// The weight e of the entropy for a reference: a twentieth of the mean of |y - y'|^2 / 2.
pub fn blur(reference: &Points) -> f64 {
    // the mean of |y - y'|^2 / 2 is the summed variance
    let mean = reference.mean();
    let n = reference.rows() as f64;
    let total: f64 = (0..reference.rows())
        .flat_map(|i| reference.row(i).iter().zip(&mean))
        .map(|(y, m)| (f64::from(*y) - m).powi(2))
        .sum();
    (BLUR * total / n).max(f64::MIN_POSITIVE)
}

/// The Sinkhorn divergence with entropy weight `e`, and its standard error.
///
/// To first order row x_i moves it by (f(x_i) - f_x(x_i)) / n, f the potential of OT_e(P, Q) and f_x that of OT_e(P, P), and y_j
/// likewise (Goldfeld, Kato, Rioux, Sadhu 2024, "Statistical inference with regularized optimal transport").
pub fn sinkhorn(x: &Points, y: &Points, e: f64, threads: usize) -> Result<(f64, f64)> {
    same_dim(x, y)?;
    let (n, m) = (x.rows(), y.rows());
    let (f, g) = potentials(&halved(squares(x, y)), n, m, e, threads)?;
    let own = |p: &Points| symmetric(&halved(squares(p, p)), p.rows(), e, threads);
    let (fx, gy) = (own(x)?, own(y)?);
    let minus = |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a - b).collect() };
    let ((a, of_x), (b, of_y)) = (mean_variance(&minus(&f, &fx)), mean_variance(&minus(&g, &gy)));
    Ok((finite("the Sinkhorn divergence", a + b)?, (of_x / n as f64 + of_y / m as f64).sqrt()))
}

fn halved(mut squares: Vec<f64>) -> Vec<f64> {
    squares.iter_mut().for_each(|c| *c *= 0.5);
    squares
}

/// -e ln mean_j exp((g_j - c_j) / e).
fn soft_least(costs: impl Iterator<Item = f64> + Clone, g: &[f64], e: f64) -> f64 {
    let most = costs.clone().zip(g).fold(f64::NEG_INFINITY, |m, (c, g)| m.max(g - c));
    let sum: f64 = costs.zip(g).map(|(c, g)| ((g - c - most) / e).exp()).sum();
    -most - e * (sum / g.len() as f64).ln()
}

/// Potentials (n) and (m) of OT_e for a cost (n, m), by Sinkhorn's iteration in logarithms.
fn potentials(cost: &[f64], n: usize, m: usize, e: f64, threads: usize) -> Result<(Vec<f64>, Vec<f64>)> {
    let (mut f, mut g) = (vec![0.0; n], vec![0.0; m]);
    let mut turned = vec![0.0; n * m];
    (0..n).for_each(|i| (0..m).for_each(|j| turned[j * n + i] = cost[i * m + j]));
    // a large weight first: its potentials are near those of half of it
    let mut now = cost.iter().fold(0.0f64, |a, c| a.max(*c)).max(e);
    for _ in 0..MOST_ITERATIONS {
        let before = f.clone();
        f = parallel::map(threads, n, || (), |(), i| soft_least(cost[i * m..(i + 1) * m].iter().copied(), &g, now));
        g = parallel::map(threads, m, || (), |(), j| soft_least(turned[j * n..(j + 1) * n].iter().copied(), &f, now));
        if now == e && settled(&before, &f, e) {
            return Ok((f, g));
        }
        now = (0.5 * now).max(e);
    }
    Err(unsettled())
}

/// The potential (n) of OT_e of a cloud with itself: the iteration averaged, which then converges in a few steps.
fn symmetric(cost: &[f64], n: usize, e: f64, threads: usize) -> Result<Vec<f64>> {
    let mut f = vec![0.0; n];
    for _ in 0..MOST_ITERATIONS {
        let row = |i: usize| soft_least(cost[i * n..(i + 1) * n].iter().copied(), &f, e);
        let next = parallel::map(threads, n, || (), |(), i| 0.5 * (f[i] + row(i)));
        let done = settled(&f, &next, e);
        f = next;
        if done {
            return Ok(f);
        }
    }
    Err(unsettled())
}

fn settled(a: &[f64], b: &[f64], e: f64) -> bool {
    a.iter().zip(b).all(|(a, b)| (a - b).abs() <= SETTLED * e)
}

fn unsettled() -> Error {
    Error::diverged(Problem::new(format!("Sinkhorn's iteration has not settled after {MOST_ITERATIONS} rounds")))
}

/// [`sinkhorn`] as a measurement, with the weight of [`blur`].
pub fn sinkhorn_divergence(samples: &Points, reference: &Points, settings: &Settings) -> Result<Measurement> {
    let e = blur(reference);
    let (value, error) = sinkhorn(samples, reference, e, settings.threads)?;
    let n = samples.rows();
    let definition = format!(
        "OT_e(P, Q) - OT_e(P, P) / 2 - OT_e(Q, Q) / 2 with the cost |x - y|^2 / 2 and the entropy weight e = {e:.3e} (a \
         twentieth of the summed variance of {}), {n} rows of {} and {} of {}; the interval is 1.96 standard errors by the \
         potentials",
        reference.name(),
        samples.name(),
        reference.rows(),
        reference.name()
    );
    let mut out = Measurement::new("Sinkhorn divergence", definition, value, n);
    out.interval = Some(((value - Z95 * error).max(0.0), value + Z95 * error));
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::gaussian;

    fn points(data: &[f32], dim: usize) -> Points<'_> {
        Points::new("p", data, dim).unwrap()
    }

    #[test]
    fn a_translation_costs_its_length() {
        let x: Vec<f32> = gaussian(200, 2, 0.0, 1.0, 1).iter().map(|x| (x * 64.0).round() / 64.0).collect();
        let y: Vec<f32> = x.chunks(2).rev().flat_map(|r| [r[0] + 3.0, r[1] - 4.0]).collect();
        let (value, gap, _) = solve_w1(&points(&x, 2), &points(&y, 2)).unwrap();
        assert!((value - 5.0).abs() < 1e-12 && gap <= 1e-9);
        // along u it costs |<u, v>|, whose mean in the plane is 2/pi |v|
        let settings = Settings { directions: 4000, ..Settings::default() };
        let got = sliced_w1(&points(&x, 2), &points(&y, 2), &settings).unwrap();
        let (low, high) = got.interval.unwrap();
        let exact = 10.0 / std::f64::consts::PI;
        assert!(low < exact && exact < high && (got.value - exact).abs() < 0.1, "{got}");
        // for the quadratic cost a translation adds half its square to the divergence, whatever the entropy
        let (value, _) = sinkhorn(&points(&x, 2), &points(&y, 2), 0.7, 2).unwrap();
        assert!((value - 12.5).abs() < 1e-5, "{value}");
    }

    #[test]
    fn intervals_of_w1_cover_over_repeats() {
        // N(0, 1) against N(1, 1): W1 is 1 on the line, where the bias is small beside it
        let settings = Settings { threads: 1, ..Settings::default() };
        let covered = |repeat: u64| {
            let (x, y) = (gaussian(200, 1, 0.0, 1.0, 2 * repeat + 900), gaussian(200, 1, 1.0, 1.0, 2 * repeat + 901));
            let (a, b) = (points(&x, 1), points(&y, 1));
            let within = |m: Measurement| m.interval.is_some_and(|(low, high)| low < 1.0 && 1.0 < high);
            [within(sliced_w1(&a, &b, &settings).unwrap()), within(exact_w1(&a, &b).unwrap())]
        };
        let all: Vec<[bool; 2]> = (0..200).map(covered).collect();
        for k in 0..2 {
            // 190 expected; five standard deviations of a binomial
            let hits = all.iter().filter(|c| c[k]).count();
            assert!(hits as f64 > 190.0 - 5.0 * 3.1, "{k}: {hits}");
        }
    }

    #[test]
    fn on_the_line_both_w1_are_the_sorted_distance() {
        let (x, y) = (gaussian(300, 1, 0.0, 1.0, 4), gaussian(300, 1, 1.0, 2.0, 5));
        let sliced = sliced_w1_value(&points(&x, 1), &points(&y, 1), &Settings::default()).unwrap();
        let (exact, _, _) = solve_w1(&points(&x, 1), &points(&y, 1)).unwrap();
        assert!((sliced - exact).abs() < 1e-12);
    }

    #[test]
    fn normals_have_the_sinkhorn_divergence_of_their_closed_form() {
        // Janati et al. 2020 (theorem 1), cost |x - y|^2 / 2 here, so their 2 sigma^2 is 2 e for costs halved: with
        // D(a, b) = sqrt(4 a b + e^2), on the line OT_e = (a + b)/2 - (D - e)/2 + e/2 ln((D + e)/(2 e))
        let ot = |a: f64, b: f64, e: f64| {
            let d = (4.0 * a * b + e * e).sqrt();
            0.5 * (a + b) - 0.5 * (d - e) + 0.5 * e * ((d + e) / (2.0 * e)).ln()
        };
        let e = 0.4;
        let exact = ot(1.0, 4.0, e) - 0.5 * ot(1.0, 1.0, e) - 0.5 * ot(4.0, 4.0, e);
        let (x, y) = (gaussian(1500, 1, 0.0, 1.0, 21), gaussian(1500, 1, 0.0, 2.0, 22));
        let (value, error) = sinkhorn(&points(&x, 1), &points(&y, 1), e, 2).unwrap();
        assert!((value - exact).abs() < 5.0 * error && error < 0.2 * exact, "{value} +- {error}, {exact}");
        let (zero, _) = sinkhorn(&points(&x, 1), &points(&x, 1), e, 2).unwrap();
        assert!(zero.abs() < 1e-5);
    }
}
