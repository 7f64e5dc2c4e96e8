//! Fractals by iterated function systems (Hutchinson 1981): the invariant measure of affine contractions
//! `f_i(x) = A_i x + b_i` with probabilities `p_i`, at a level.
//!
//! At level n the law is that of the points `f_w(c)`, w a word of n maps with the product of their probabilities and c
//! the barycentre of the measure: so mean and barycentre of every piece are those of the fractal, and the distance W2 to
//! it is at most `r^n` times its standard deviation, r the largest contraction.

use super::datasets::Built;
use super::gmm::{DEVIATIONS, MAX_LENGTH, weights};
use super::linalg::eigen_symmetric;
use super::mixture::{Covariance, GaussianMixture};
use super::spec::Options;
use crate::error::Result;
use std::sync::Arc;

/// Most atoms of a fractal.
const MOST_ATOMS: usize = 1 << 20;
/// Largest file of maps, bytes.
const MOST_BYTES: u64 = 1 << 16;

/// `x -> A x + b`: D rows of A, then b.
type Map = Vec<f64>;

/// A fractal that has a name.
struct Fractal {
    name: &'static str,
    maps: fn() -> Vec<Map>,
}

/// The classical fractals; the variants of the row `ifs`.
const FRACTALS: &[Fractal] = &[
    Fractal {
        name: "sierpinski",
        maps: || similar(0.5, &[&[0.0, 0.0], &[0.5, 0.0], &[0.25, 0.433_012_701_892_219_3]]),
    },
    Fractal { name: "cantor", maps: || similar(1.0 / 3.0, &[&[0.0], &[2.0 / 3.0]]) },
    Fractal { name: "dust", maps: || thirds(2, |cell| cell.iter().all(|c| *c != 1)) },
    Fractal { name: "carpet", maps: || thirds(2, |cell| cell.iter().any(|c| *c != 1)) },
    Fractal { name: "koch", maps: koch },
    Fractal { name: "menger", maps: || thirds(3, |cell| cell.iter().filter(|c| **c == 1).count() < 2) },
];

fn similar(factor: f64, shifts: &[&[f64]]) -> Vec<Map> {
    let one = |shift: &&[f64]| {
        let d = shift.len();
        let matrix = (0..d * d).map(|e| if e % (d + 1) == 0 { factor } else { 0.0 });
        matrix.chain(shift.iter().copied()).collect()
    };
    shifts.iter().map(one).collect()
}

/// The cells of a grid of three a side that `keep` keeps.
fn thirds(dim: u32, keep: fn(&[usize]) -> bool) -> Vec<Map> {
    let cells = (0..3usize.pow(dim)).map(|i| (0..dim).map(|j| i / 3usize.pow(j) % 3).collect::<Vec<_>>());
    let shifts: Vec<Vec<f64>> =
        cells.filter(|cell| keep(cell)).map(|cell| cell.iter().map(|c| *c as f64 / 3.0).collect()).collect();
    similar(1.0 / 3.0, &shifts.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// Four copies of a third: straight, turned by 60 and by -60 degrees, straight.
fn koch() -> Vec<Map> {
    let (c, s) = (0.5 / 3.0, 0.75f64.sqrt() / 3.0);
    let third = 1.0 / 3.0;
    vec![
        vec![third, 0.0, 0.0, third, 0.0, 0.0],
        vec![c, -s, s, c, third, 0.0],
        vec![c, s, -s, c, 0.5, s],
        vec![third, 0.0, 0.0, third, 2.0 * third, 0.0],
    ]
}

/// D of maps that have D^2 + D numbers.
fn dimension(numbers: usize) -> Option<usize> {
    (1..=8).find(|d| d * d + d == numbers)
}

/// The maps asked for: listed, from a file, or those of the variant.
fn maps(o: &Options) -> Result<Vec<Map>> {
    let (key, maps) = match (o.given("maps"), o.given("file")) {
        (true, true) => {
            return Err(o.refuse("file", "two ways to state the maps", "maps and file", "one of maps and file"));
        }
        (true, false) => ("maps", o.groups("maps")?),
        (false, true) => ("file", read(o)?),
        (false, false) => {
            let row = FRACTALS.iter().find(|f| f.name == o.variant());
            ("maps", row.map(|f| (f.maps)()).unwrap_or_default())
        }
    };
    let numbers = maps.first().map_or(0, Vec::len);
    let expected = "D*D + D numbers a map (the matrix row by row, then the shift), D from 1 to 8, as many in each";
    if dimension(numbers).is_none() {
        return Err(o.refuse(key, "not an affine map", format!("{numbers} numbers"), expected));
    }
    if let Some(odd) = maps.iter().find(|m| m.len() != numbers) {
        return Err(o.refuse(
            key,
            "maps of different dimensions",
            format!("{} and {numbers} numbers", odd.len()),
            expected,
        ));
    }
    Ok(maps)
}

/// Maps from a file: one a line, numbers separated by spaces or commas, `#` starts a remark.
fn read(o: &Options) -> Result<Vec<Map>> {
    let path = o.text("file");
    let expected = "a text file of at most 64 KiB with one map a line";
    let whole = std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.len() <= MOST_BYTES);
    let text = if whole { std::fs::read_to_string(path).ok() } else { None };
    let text = text.ok_or_else(|| o.refuse("file", "the maps cannot be read", path, expected))?;
    let mut maps = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default();
        let parts = line.split([' ', ',', '\t', ';']).filter(|p| !p.is_empty());
        let numbers = parts.map(|p| p.parse::<f64>().ok().filter(|v| v.abs() <= MAX_LENGTH).ok_or(p));
        let numbers: std::result::Result<Vec<f64>, &str> = numbers.collect();
        match numbers {
            Ok(numbers) if numbers.is_empty() => {}
            Ok(numbers) => maps.push(numbers),
            Err(part) => {
                let found = format!("{part:?} in line {}", i + 1);
                return Err(o.refuse("file", "not a usable number", found, "numbers up to 1e6 in size"));
            }
        }
    }
    if maps.is_empty() { Err(o.refuse("file", "no maps", path, expected)) } else { Ok(maps) }
}

/// The operator norm of the matrix of a map.
fn contraction(map: &[f64], d: usize) -> f64 {
    let square: Vec<f64> = (0..d * d).map(|e| (0..d).map(|k| map[k * d + e / d] * map[k * d + e % d]).sum()).collect();
    eigen_symmetric(&square, d).0.iter().fold(0.0f64, |a, b| a.max(*b)).sqrt()
}

fn apply(map: &[f64], d: usize, x: &[f64]) -> impl Iterator<Item = f64> {
    (0..d).map(move |i| map[d * d + i] + (0..d).map(|j| map[i * d + j] * x[j]).sum::<f64>())
}

/// The barycentre of the invariant measure: the fixed point of `c -> sum p_i f_i(c)`, which contracts.
fn barycentre(maps: &[Map], p: &[f64], d: usize) -> Vec<f64> {
    let mut c = vec![0.0; d];
    for _ in 0..1_000_000 {
        let mut next = vec![0.0; d];
        for (map, p) in maps.iter().zip(p) {
            next.iter_mut().zip(apply(map, d, &c)).for_each(|(n, v)| *n += p * v);
        }
        let moved = next.iter().zip(&c).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        let size = next.iter().fold(1e-300f64, |a, b| a.max(b.abs()));
        c = next;
        if moved <= 1e-16 * size {
            break;
        }
    }
    c
}

/// Points (K, D) of a level and their weights (K).
fn points(maps: &[Map], p: &[f64], d: usize, level: usize) -> (Vec<f64>, Vec<f64>) {
    let (mut points, mut weights) = (barycentre(maps, p, d), vec![1.0]);
    for _ in 0..level {
        points = maps.iter().flat_map(|m| points.chunks_exact(d).flat_map(move |x| apply(m, d, x))).collect();
        weights = p.iter().flat_map(|p| weights.iter().map(move |w| p * w)).collect();
    }
    (points, weights)
}

/// The row `ifs`: the atoms of a level about their barycentre, times `scale`, with normal noise.
pub fn ifs(o: &Options) -> Result<Built> {
    let maps = maps(o)?;
    let d = dimension(maps[0].len()).unwrap_or(1);
    let key = if o.given("file") { "file" } else { "maps" };
    for (i, map) in maps.iter().enumerate() {
        let norm = contraction(map, d);
        if norm.is_nan() || norm >= 1.0 {
            let found = format!("a map number {} that stretches by up to {norm}", i + 1);
            return Err(o.refuse(key, "the maps do not contract", found, "matrices of operator norm below 1"));
        }
    }
    let p = weights(o, maps.len())?;
    let level = o.count("level", 0..=64)?;
    let count = maps.len().checked_pow(level as u32).filter(|n| *n <= MOST_ATOMS);
    let Some(count) = count else {
        let found = format!("{level}, that is {} atoms", (maps.len() as f64).powi(level as i32));
        return Err(o.refuse("level", "too many atoms", found, &format!("at most {MOST_ATOMS} atoms")));
    };
    let scale = o.number("scale", 1e-6..=MAX_LENGTH)?;
    let noise = o.number("noise", DEVIATIONS)?;
    let (mut atoms, weights) = points(&maps, &p, d, level);
    let centre = barycentre(&maps, &p, d);
    atoms.iter_mut().enumerate().for_each(|(i, x)| *x = scale * (*x - centre[i % d]));
    let law = Arc::new(GaussianMixture::new(d, weights, atoms, Covariance::Isotropic(vec![noise * noise; count])));
    let oracle = law.clone();
    Ok(Built { oracle, sampler: Box::new(move |stream, out| law.draw_row(stream, out)), modes: None })
}

#[cfg(test)]
mod tests {
    use super::super::tests::of;
    use super::*;

    #[test]
    fn atoms_of_a_level_have_the_mean_of_the_fractal_and_its_variance_in_the_limit() {
        // Cantor's middle-third law on [0, 1] has variance 1/8
        for level in 0..8 {
            let (points, weights) = points(&similar(1.0 / 3.0, &[&[0.0], &[2.0 / 3.0]]), &[0.5; 2], 1, level);
            let mean: f64 = points.iter().zip(&weights).map(|(x, w)| x * w).sum();
            let variance: f64 = points.iter().zip(&weights).map(|(x, w)| w * (x - mean).powi(2)).sum();
            assert!((mean - 0.5).abs() < 1e-14);
            assert!((variance - (1.0 - 9f64.powi(-(level as i32))) / 8.0).abs() < 1e-14, "{level}: {variance}");
        }
    }

    #[test]
    fn named_fractals_have_as_many_maps_as_they_should_and_contract() {
        for (name, count) in [("sierpinski", 3), ("cantor", 2), ("dust", 4), ("carpet", 8), ("koch", 4), ("menger", 20)]
        {
            let maps = (FRACTALS.iter().find(|f| f.name == name).unwrap().maps)();
            assert_eq!(maps.len(), count, "{name}");
            let d = dimension(maps[0].len()).unwrap();
            let ratio = if name == "sierpinski" { 0.5 } else { 1.0 / 3.0 };
            assert!(maps.iter().all(|m| (contraction(m, d) - ratio).abs() < 1e-12), "{name}");
        }
    }

    #[test]
    fn a_bare_word_names_a_variant_and_maps_may_be_ones_own() {
        let rows = |spec| of(spec).draw(1, crate::random::Purpose::Test, 0, 9);
        assert_eq!(rows("ifs:koch,level=3"), rows("ifs@koch:level=3"));
        assert_eq!(
            rows("ifs:cantor,level=4"),
            rows("ifs:maps=(.3333333333333333 0)(.3333333333333333 .6666666666666666),level=4")
        );
    }
}
