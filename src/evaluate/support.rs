//! The distance to the support of a law without its noise.

use crate::distribution::{BoxMixture, Covariance, Form, GaussianMixture, Oracle, Shells};

/// Distance of a row (D) to a set, data units.
type Distance<'a> = Box<dyn Fn(&[f32]) -> f64 + Sync + 'a>;

/// The distance to the support, where the law has one that is not all of space.
pub fn distance(oracle: &dyn Oracle) -> Option<Distance<'_>> {
    match oracle.form() {
        Form::Mixture(law) => atoms(law),
        Form::Boxes(law) => Some(boxes(law)),
        Form::Shells(law) => Some(shells(law)),
        Form::Pixels(_) | Form::Opaque => None,
    }
}

/// Atoms, and quadrature nodes of a curve or surface; modes that have a width of their own fill space.
fn atoms(law: &GaussianMixture) -> Option<Distance<'_>> {
    let sharp = matches!(law.covariance(), Covariance::Isotropic(v) if v.iter().all(|v| *v == 0.0));
    if !(sharp || law.is_quadrature()) {
        return None;
    }
    let dim = law.means().len() / law.weights().len();
    Some(Box::new(move |x| {
        let square = |mean: &[f64]| mean.iter().zip(x).map(|(m, x)| (m - f64::from(*x)).powi(2)).sum::<f64>();
        law.means().chunks_exact(dim).map(square).fold(f64::INFINITY, f64::min).sqrt()
    }))
}

fn boxes(law: &BoxMixture) -> Distance<'_> {
    let dim = law.noise().len();
    Box::new(move |x| {
        let outside = |(low, high): (&[f64], &[f64])| -> f64 {
            let gap = |d: usize| (low[d] - f64::from(x[d])).max(f64::from(x[d]) - high[d]).max(0.0);
            (0..dim).map(|d| gap(d).powi(2)).sum()
        };
        let corners = law.low().chunks_exact(dim).zip(law.high().chunks_exact(dim));
        corners.map(outside).fold(f64::INFINITY, f64::min).sqrt()
    })
}

fn shells(law: &Shells) -> Distance<'_> {
    Box::new(move |x| {
        let y: Vec<f64> = x.iter().zip(law.centre()).map(|(x, c)| f64::from(*x) - c).collect();
        let all: f64 = y.iter().map(|v| v * v).sum();
        let within: f64 = match law.frame() {
            Some(frame) => {
                let along = |axis: &[f64]| axis.iter().zip(&y).map(|(a, y)| a * y).sum::<f64>().powi(2);
                frame.chunks_exact(y.len()).map(along).sum()
            }
            None => y[..law.span()].iter().map(|v| v * v).sum(),
        };
        let radial = law.radii().iter().map(|r| (within.sqrt() - r).abs()).fold(f64::INFINITY, f64::min);
        (radial * radial + (all - within).max(0.0)).sqrt()
    })
}

#[cfg(test)]
mod tests {
    use crate::distribution::parse;

    #[test]
    fn distances_are_those_of_geometry() {
        let of = |spec: &str, x: &[f32]| {
            let law = parse(spec).unwrap();
            super::distance(law.oracle().unwrap()).map(|d| d(x))
        };
        let near = |got: Option<f64>, exact: f64, within: f64| {
            assert!((got.unwrap() - exact).abs() < within, "{got:?} {exact}")
        };
        // a circle, and a sphere in the first three of five dimensions
        near(of("circle", &[0.0, 0.0]), 1.0, 1e-9);
        near(of("sphere:dim=5,span=3", &[2.0, 0.0, 0.0, 3.0, 4.0]), (1.0f64 + 25.0).sqrt(), 1e-9);
        near(of("segment", &[0.0, 3.0]), 3.0, 1e-6);
        // the last atom of the Cantor set [-2, 2] is the middle of its last cell, of length 4 / 3^6
        near(of("ifs:cantor,level=6,scale=4", &[100.0]), 98.0 + 2.0 / 729.0, 1e-9);
        assert!(of("8gaussians", &[0.0, 0.0]).is_none());
    }
}
