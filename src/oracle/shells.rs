//! Shells: the Bessel averages of `score/shells` as a table, computed in f64 on the host.

use super::forms::{input, parts};
use super::{Law, in_range};
use crate::distribution::{Shells, sphere_average};
use crate::error::{Error, Problem, Result};
use crate::recording::{Param, TURNS};

/// Nodes of the table; the error of cubic interpolation between them is below 1e-9.
const NODES: usize = 4096;
/// The largest kappa of the table; beyond it both functions are straight lines in ln kappa, as the table goes on.
const LARGEST: f64 = 1e14;

/// `(ln F - kappa, C)` of the unit sphere in R^k, `C = kappa (1 - A)`, A the mean cosine.
fn average(k: usize, kappa: f64) -> [f64; 2] {
    let (log, q) = sphere_average(k, kappa);
    let mean_cosine = q * kappa / k as f64;
    // 1 - A loses its digits when A nears 1, where its series is known: (k - 1) / (2 kappa) - ...
    let n = k as f64;
    let c = if kappa > 1e5 * n * n {
        0.5 * (n - 1.0) - (n - 1.0) * (n - 3.0) / (8.0 * kappa)
    } else {
        kappa * (1.0 - mean_cosine)
    };
    [log, c]
}

/// (N, 4): value and slope by v of both functions, v = ln(1 + kappa / scale) from 0 in equal steps.
fn table(k: usize, scale: f64, spacing: f64) -> Vec<f32> {
    let mut rows = Vec::with_capacity(4 * NODES);
    for i in 0..NODES {
        let v = i as f64 * spacing;
        let kappa = scale * v.exp_m1();
        let [log, c] = average(k, kappa);
        // d ln F / d kappa - 1 = A - 1 = -C / kappa; by v that is times kappa + scale
        let slope = if kappa > 0.0 { -c / kappa * (kappa + scale) } else { -scale };
        let h = 1e-4;
        let around = |v: f64| average(k, scale * v.exp_m1())[1];
        let c_slope = if i == 0 {
            (4.0 * around(h) - around(2.0 * h)) / (2.0 * h)
        } else {
            (around(v + h) - around(v - h)) / (2.0 * h)
        };
        rows.extend([log, slope, c, c_slope].map(|x| x as f32));
    }
    rows
}

/// Spheres with a common centre.
pub fn shells(law: &Shells) -> Result<Law> {
    in_range("a shell", law.radii().iter().chain(law.centre()))?;
    let (dim, span) = (law.centre().len(), law.span());
    let scale = span as f64;
    let spacing = (LARGEST / scale).ln_1p() / (NODES - 1) as f64;
    let rows = law.weights().iter().zip(law.radii()).flat_map(|(w, r)| [w.ln() as f32, *r as f32]).collect();
    let frame: Vec<f32> = law.frame().unwrap_or_default().iter().map(|v| *v as f32).collect();
    let inputs = vec![
        input("shells", &[law.radii().len(), 2], rows),
        input("centre", &[dim, 2], law.centre().iter().flat_map(|v| parts(*v)).collect()),
        input("frame", &[if frame.is_empty() { 0 } else { span }, dim], frame),
        input("table", &[NODES, 4], table(span, scale, spacing)),
    ];
    // a turned sphere multiplies by its frame three times
    let turns = law.radii().len() + if law.frame().is_some() { 3 * (span + 1) * (dim + 2) } else { 3 * (dim + 1) };
    if turns > TURNS {
        let problem = Problem::new("the exact score of a turned sphere does not run on a device in so many dimensions");
        let expected = format!("a product below {} of the two, or no `rotate`", TURNS / 3);
        return Err(Error::usage(problem.found(format!("a span of {span} in {dim} dimensions")).expected(expected)));
    }
    let params = vec![
        ("shells", law.radii().len().into()),
        ("span", span.into()),
        ("framed", Param::U32(u32::from(law.frame().is_some()))),
        ("nodes", NODES.into()),
        ("spacing", Param::F32(spacing as f32)),
        ("scale", Param::F32(scale as f32)),
        ("noise", Param::F32((law.noise() * law.noise()) as f32)),
    ];
    Ok(Law {
        dim,
        kernel: "score/shells",
        inputs,
        params,
        slices: 1,
        items: 1,
        turns: None,
        variance: None,
        culling: None,
    })
}
