//! Exact W2 between two equal clouds of at most 4096 points: the cheapest matching.
//!
//! W2^2 = min over permutations s of the mean of |x_i - y_s(i)|^2 (Birkhoff: an optimal coupling of two uniform
//! clouds of n points is a permutation). The distance is Euclidean and the value is not squared.

use super::assignment::assign;
use super::certificate::Certificate;
use super::parallel::Columns;
use super::points::{finite, same_shape};
use super::{Measurement, Points};
use crate::error::{Error, Problem, Result};

/// The largest number of points: the cost matrix takes n^2 doubles, 128 MiB here.
pub const MOST: usize = 4096;

/// Exact W2 with the permutation that attains it and the proof that none is cheaper.
#[derive(Debug, Clone)]
pub struct ExactW2 {
    /// The distance, Euclidean, not squared.
    pub value: f64,
    /// The row of the reference that each row of the sample goes to.
    pub partner: Vec<usize>,
    /// The proof, in units of summed squared distances.
    pub certificate: Certificate,
}

/// Solves the matching of two clouds of equal size n <= 4096; more rows or unequal numbers are refused.
pub fn solve(samples: &Points, reference: &Points) -> Result<ExactW2> {
    same_shape(samples, reference)?;
    let n = samples.rows();
    if n > MOST {
        let problem = Problem::new("exact W2 of too many rows").found(n).expected(format!("at most {MOST}"));
        return Err(Error::usage(problem.hint("draw fewer rows from both, or use sliced W2")));
    }
    let columns = Columns::new(reference);
    let mut cost = vec![0.0; n * n];
    for (i, row) in cost.chunks_exact_mut(n).enumerate() {
        columns.squared(samples.row(i), |first, squares| row[first..first + squares.len()].copy_from_slice(squares));
    }
    let solved = assign(n, &cost)?;
    let value = finite("exact W2", (solved.certificate.primal / n as f64).sqrt())?;
    Ok(ExactW2 { value, partner: solved.column, certificate: solved.certificate })
}

/// [`solve`] as a measurement; the note tells the relative gap that was proved.
pub fn exact_w2(samples: &Points, reference: &Points) -> Result<Measurement> {
    let solved = solve(samples, reference)?;
    let n = samples.rows();
    let definition = format!(
        "square root of the least mean squared Euclidean distance over all matchings of {n} rows of {} with {n} of {}",
        samples.name(),
        reference.name()
    );
    let gap = solved.certificate.relative.abs();
    let out = Measurement::new("exact W2", definition, solved.value, n);
    Ok(out.noted(format!("optimal, relative duality gap {gap:.0e}; compare with the floor of the same n only")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::sliced::w2_line;
    use crate::metrics::testing::gaussian;
    use crate::random::{Purpose, Stream};

    fn points(data: &[f32], dim: usize) -> Points<'_> {
        Points::new("p", data, dim).unwrap()
    }

    #[test]
    fn a_translation_costs_its_length() {
        // coordinates on a grid of 1/64, so that the shifted rows are exact
        let x: Vec<f32> = gaussian(300, 2, 0.0, 1.0, 1).iter().map(|x| (x * 64.0).round() / 64.0).collect();
        let y: Vec<f32> = x.chunks(2).rev().flat_map(|r| [r[0] + 3.0, r[1] - 4.0]).collect();
        let got = solve(&points(&x, 2), &points(&y, 2)).unwrap();
        assert!((got.value - 5.0).abs() < 1e-12 && got.certificate.relative.abs() <= 1e-9);
        let same = solve(&points(&x, 2), &points(&x, 2)).unwrap();
        assert!(same.value == 0.0 && same.certificate.holds());
    }

    #[test]
    fn the_order_of_rows_does_not_matter() {
        let (x, y) = (gaussian(257, 3, 0.0, 1.0, 2), gaussian(257, 3, 0.2, 1.3, 3));
        let reversed: Vec<f32> = y.chunks(3).rev().flatten().copied().collect();
        let a = solve(&points(&x, 3), &points(&y, 3)).unwrap();
        let b = solve(&points(&x, 3), &points(&reversed, 3)).unwrap();
        let c = solve(&points(&y, 3), &points(&x, 3)).unwrap();
        assert!((a.value - b.value).abs() < 1e-12 && (a.value - c.value).abs() < 1e-12);
        assert!(a.partner.iter().zip(&b.partner).all(|(p, q)| p + q == 256));
    }

    #[test]
    fn on_the_line_it_is_the_sorted_distance() {
        let (x, y) = (gaussian(500, 1, 0.0, 1.0, 4), gaussian(500, 1, 1.0, 2.0, 5));
        let line = w2_line(&points(&x, 1), &points(&y, 1)).unwrap();
        assert!((solve(&points(&x, 1), &points(&y, 1)).unwrap().value - line).abs() < 1e-12);
    }

    #[test]
    fn the_floor_of_the_plane_normal_is_the_published_one() {
        // facts 3.2 and C-13: 0.193 +- 0.005 (n = 1000), 0.252 +- 0.019 (n = 512), 0.341 +- 0.030 (n = 256)
        // (five sd of one value; C-13 measured sd 0.014 at n = 1024, which is taken where a table says less)
        for (n, mean, sd) in [(1000, 0.193, 0.005), (512, 0.252, 0.019), (256, 0.341, 0.030)] {
            let (x, y) = (gaussian(n, 2, 0.0, 1.0, 40), gaussian(n, 2, 0.0, 1.0, 41));
            let got = solve(&points(&x, 2), &points(&y, 2)).unwrap();
            assert!((got.value - mean).abs() < 5.0 * f64::max(sd, 0.014), "n = {n}: {}", got.value);
            assert!(got.certificate.relative.abs() <= 1e-9);
        }
    }

    #[test]
    fn duplicates_and_far_points_are_solved() {
        let mut x = vec![1.0f32; 400];
        x[0] = 1e6;
        let y = vec![1.0f32; 400];
        let got = solve(&points(&x, 2), &points(&y, 2)).unwrap();
        assert!((got.value - (999_999.0f64.powi(2) / 200.0).sqrt()).abs() < 1e-6);
    }

    #[test]
    fn bad_input_is_refused() {
        let x = gaussian(10, 2, 0.0, 1.0, 1);
        assert!(solve(&points(&x, 2), &points(&x[..10], 2)).is_err());
        assert!(solve(&points(&x, 2), &points(&x, 1)).is_err());
        let many = vec![0.0; MOST + 1];
        assert!(matches!(solve(&points(&many, 1), &points(&many, 1)), Err(Error::Usage(_))));
    }

    #[test]
    #[ignore = "timing at the largest size; run with --release --ignored --nocapture"]
    fn timing() {
        let eight = |seed: u64, radius: f32| -> Vec<f32> {
            let noise = gaussian(MOST, 2, 0.0, 0.35, seed);
            let mut stream = Stream::new(seed, Purpose::Test, 0, 9);
            let mut at = |row: &[f32]| {
                let a = stream.below(8) as f32 * std::f32::consts::FRAC_PI_4;
                [row[0] + radius * a.cos(), row[1] + radius * a.sin()]
            };
            noise.chunks(2).flat_map(&mut at).collect()
        };
        let cases = [
            ("same", 2, gaussian(MOST, 2, 0.0, 1.0, 6), gaussian(MOST, 2, 0.0, 1.0, 7)),
            ("shift 1", 2, gaussian(MOST, 2, 0.0, 1.0, 6), gaussian(MOST, 2, 1.0, 1.0, 7)),
            ("shift 50", 2, gaussian(MOST, 2, 0.0, 1.0, 6), gaussian(MOST, 2, 50.0, 1.0, 7)),
            ("scale 3", 2, gaussian(MOST, 2, 0.0, 1.0, 6), gaussian(MOST, 2, 0.0, 3.0, 7)),
            ("D 16", 16, gaussian(MOST, 16, 0.0, 1.0, 6), gaussian(MOST, 16, 0.0, 1.0, 7)),
            ("D 16 scale 2", 16, gaussian(MOST, 16, 0.0, 1.0, 6), gaussian(MOST, 16, 0.0, 2.0, 7)),
            ("8 modes", 2, eight(6, 2.83), eight(7, 2.83)),
            ("8 modes, normal", 2, eight(6, 2.83), gaussian(MOST, 2, 0.0, 1.0, 7)),
            ("line", 1, gaussian(MOST, 1, 0.0, 1.0, 6), gaussian(MOST, 1, 0.0, 1.5, 7)),
            (
                "ties",
                2,
                gaussian(MOST, 2, 0.0, 1.0, 6).iter().map(|x| x.round()).collect(),
                gaussian(MOST, 2, 0.5, 1.0, 7),
            ),
        ];
        for (name, dim, x, y) in cases {
            let start = std::time::Instant::now();
            let got = solve(&points(&x, dim), &points(&y, dim)).unwrap();
            println!("{name}: {:?}, W2 {:.4}, gap {:.1e}", start.elapsed(), got.value, got.certificate.relative);
        }
    }
}
