//! The builders behind the table of data sets, one a row; each states its law.

use super::curve::{Parameter, Piece, curve, nodes, smeared_curve};
use super::datasets::Built;
use super::gmm::{DEVIATIONS, MAX_LENGTH, built};
use super::mixture::{Covariance, GaussianMixture};
use super::spec::Options;
use super::{BoxMixture, MAX_DIM, Modes, Shells};
use crate::error::Result;
use crate::random::Stream;
use std::f64::consts::{FRAC_1_SQRT_2, PI, TAU};
use std::sync::Arc;

/// The range of factors: not 0, so that every law stays two-dimensional.
const FACTORS: std::ops::RangeInclusive<f64> = 1e-6..=MAX_LENGTH;

pub fn eight_gaussians(o: &Options) -> Result<Built> {
    let divide = o.number("divide", FACTORS)?;
    let radius = o.number("radius", 0.0..=MAX_LENGTH)? / divide;
    let sd = o.number("sd", DEVIATIONS)? / divide;
    let d = FRAC_1_SQRT_2;
    let centres = [(1.0, 0.0), (d, d), (0.0, 1.0), (-d, d), (-1.0, 0.0), (-d, -d), (0.0, -1.0), (d, -d)];
    let means = centres.into_iter().flat_map(|(x, y)| [radius * x, radius * y]).collect();
    Ok(built(GaussianMixture::new(2, vec![0.125; 8], means, Covariance::Isotropic(vec![sd * sd; 8]))))
}

pub fn lattice(o: &Options) -> Result<Built> {
    let side = o.count("side", 1..=64)?;
    let spacing = o.number("spacing", 0.0..=MAX_LENGTH)?;
    let variance = o.number("sd", DEVIATIONS)?.powi(2);
    let at = |i: usize| spacing * (i as f64 - 0.5 * (side - 1) as f64);
    let count = side * side;
    let means = (0..count).flat_map(|i| [at(i % side), at(i / side)]).collect();
    Ok(built(GaussianMixture::new(2, vec![1.0; count], means, Covariance::Isotropic(vec![variance; count]))))
}

/// `n = 3 pi sqrt(U)`, arm `(-n cos n, n sin n)` plus U(0, jitter)^2, and its negative.
pub fn two_spirals(o: &Options) -> Result<Built> {
    let scale = o.number("scale", FACTORS)?;
    let jitter = scale * o.number("jitter", 0.0..=MAX_LENGTH)?;
    let noise = o.number("noise", DEVIATIONS)?;
    let arm = |sign: f64| Piece {
        weight: 0.5,
        parameter: Parameter::Root,
        point: Box::new(move |u| {
            let n = 3.0 * PI * u;
            vec![-sign * scale * n * n.cos(), sign * scale * n * n.sin()]
        }),
    };
    Ok(smeared_curve(vec![arm(1.0), arm(-1.0)], vec![jitter, -jitter], noise))
}

/// Outer `(cos a, sin a)` and inner `(1 - cos a, 1/2 - sin a)` half circle, a uniform on [0, pi].
pub fn moons(o: &Options) -> Result<Built> {
    let scale = o.number("scale", FACTORS)?;
    let noise = scale * o.number("noise", DEVIATIONS)?;
    let range = -MAX_LENGTH..=MAX_LENGTH;
    let shift = [o.number("move_x", range.clone())?, o.number("move_y", range)?];
    let piece = |outer: bool| Piece {
        weight: 0.5,
        parameter: Parameter::Uniform,
        point: Box::new(move |u| {
            let (sin, cos) = (PI * u).sin_cos();
            let (x, y) = if outer { (cos, sin) } else { (1.0 - cos, 0.5 - sin) };
            vec![scale * x + shift[0], scale * y + shift[1]]
        }),
    };
    Ok(curve(vec![piece(true), piece(false)], noise))
}

/// Columns -2..2 of unit width; in each, the two unit squares of rows -2..2 whose parity agrees with the column's.
pub fn checkerboard(o: &Options) -> Result<Built> {
    let scale = o.number("scale", FACTORS)?;
    let noise = o.number("noise", DEVIATIONS)?;
    let squares: Vec<(i32, i32)> =
        (-2..2).flat_map(|i| (-2..2).map(move |j| (i, j))).filter(|(i, j)| (i + j) % 2 == 0).collect();
    let corner = |add: f64| -> Vec<f64> {
        squares.iter().flat_map(|(i, j)| [scale * (f64::from(*i) + add), scale * (f64::from(*j) + add)]).collect()
    };
    let law = Arc::new(BoxMixture::new(vec![0.125; 8], corner(0.0), corner(1.0), vec![noise; 2]));
    let modes = Modes { centres: corner(0.5), weights: vec![0.125; 8] };
    let oracle = law.clone();
    Ok(Built { oracle, sampler: Box::new(move |stream, out| law.draw_row(stream, out)), modes: Some(modes) })
}

/// `X = scale R(angle) (f, g)`, f ~ N(1, radial^2), g ~ N(0, tangential^2), angle = 2 pi arm/arms + rate e^f. Given f this
/// is normal along a line, so quadrature over f gives components of rank one.
pub fn pinwheel(o: &Options) -> Result<Built> {
    let scale = o.number("scale", FACTORS)?;
    let arms = o.count("arms", 1..=16)?;
    let radial = o.number("radial", 1e-3..=1.0)?;
    let tangential = o.number("tangential", 1e-3..=10.0)?;
    let rate = o.number("rate", 0.0..=1.0)?;
    // (direction of f, direction of g) as in the original: row vectors times [[cos, -sin], [sin, cos]]
    let directions = move |arm: usize, f: f64| {
        let (sin, cos) = (TAU * arm as f64 / arms as f64 + rate * f.exp()).sin_cos();
        ([cos, -sin], [sin, cos])
    };
    let (panels, reach) = (256, 6.0);
    let bounds: Vec<f64> = (0..=panels).map(|p| p as f64 / panels as f64).collect();
    let (mut weights, mut means, mut values, mut vectors) = (vec![], vec![], vec![], vec![]);
    for arm in 0..arms {
        for (u, weight) in nodes(&bounds) {
            let z = reach * (2.0 * u - 1.0);
            let f = 1.0 + radial * z;
            let (along, across) = directions(arm, f);
            weights.push(weight * (-0.5 * z * z).exp());
            means.extend(along.map(|v| scale * f * v));
            values.extend([(scale * tangential).powi(2), 0.0]);
            vectors.extend([across[0], across[1], -across[1], across[0]]);
        }
    }
    // only the motion along f has to be resolved by other noise: that of the bend is across, where the component has
    // its own
    let panel = scale * 2.0 * reach * radial / panels as f64;
    let law =
        GaussianMixture::new(2, weights, means, Covariance::Full { values, vectors }).with_resolution(0.5 * panel);
    let sampler = move |stream: &mut Stream, out: &mut [f64]| {
        let arm = stream.below(arms as u32) as usize;
        let f = 1.0 + radial * stream.normal();
        let g = tangential * stream.normal();
        let (along, across) = directions(arm, f);
        out.iter_mut().enumerate().for_each(|(j, o)| *o = scale * (f * along[j] + g * across[j]));
    };
    Ok(Built { oracle: Arc::new(law), sampler: Box::new(sampler), modes: None })
}

pub fn circles(o: &Options) -> Result<Built> {
    let scale = o.number("scale", FACTORS)?;
    let noise = scale * o.number("noise", DEVIATIONS)?;
    Ok(shells(Shells::new(2, 2, vec![0.5; 2], vec![scale, scale * o.number("factor", 0.0..=1.0)?], noise, None)))
}

pub fn rings(o: &Options) -> Result<Built> {
    let radius = o.number("radius", FACTORS)?;
    let radii = [1.0, 0.75, 0.5, 0.25].map(|share| radius * share).to_vec();
    Ok(shells(Shells::new(2, 2, vec![0.25; 4], radii, o.number("noise", DEVIATIONS)?, None)))
}

/// `a (cos a, sin a)`, a uniform on [3 pi/2, 9 pi/2].
pub fn swissroll(o: &Options) -> Result<Built> {
    let scale = o.number("scale", FACTORS)?;
    let noise = scale * o.number("noise", DEVIATIONS)?;
    let point = move |u: f64| {
        let a = 1.5 * PI * (1.0 + 2.0 * u);
        vec![scale * a * a.cos(), scale * a * a.sin()]
    };
    Ok(curve(vec![Piece { weight: 1.0, parameter: Parameter::Uniform, point: Box::new(point) }], noise))
}

/// `(sin a, sign(a) (cos a - 1))`, a uniform on [-3 pi/2, 3 pi/2]; two pieces, because the curvature jumps at 0.
pub fn scurve(o: &Options) -> Result<Built> {
    let scale = o.number("scale", FACTORS)?;
    let noise = scale * o.number("noise", DEVIATIONS)?;
    let piece = |sign: f64| Piece {
        weight: 0.5,
        parameter: Parameter::Uniform,
        point: Box::new(move |u| {
            let a = 1.5 * PI * u;
            vec![scale * sign * a.sin(), scale * sign * (a.cos() - 1.0)]
        }),
    };
    Ok(curve(vec![piece(1.0), piece(-1.0)], noise))
}

pub fn sphere(o: &Options, span: usize) -> Result<Built> {
    let dim = o.count("dim", 2..=MAX_DIM)?;
    let noise = o.number("noise", DEVIATIONS)?;
    let rotate = o.seed("rotate")?;
    Ok(shells(Shells::new(dim, span, vec![1.0], vec![o.number("radius", 0.0..=MAX_LENGTH)?], noise, rotate)))
}

fn shells(law: Shells) -> Built {
    let law = Arc::new(law);
    let oracle = law.clone();
    Built { oracle, sampler: Box::new(move |stream, out| law.draw_row(stream, out)), modes: None }
}
