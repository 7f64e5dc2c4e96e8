//! Sliced W2: W2 along random lines, where it is a sort.
//!
//! SW2(P, Q)^2 = E over a uniform direction u of W2(law of <u, X>, law of <u, Y>)^2. Source: Rabin, Peyré,
//! Delon, Bernot, "Wasserstein barycenter and its application to texture mixing" (SSVM 2011). At n = 1e5 to
//! 1e6 it resolves what exact W2 at n = 1e3 cannot, because it costs one sort per direction and cloud.

use super::floor::{BLOCKS, block_interval};
use super::points::{finite, same_dim, same_shape};
use super::{Measurement, Points, Settings, draw, parallel};
use crate::error::{Error, Problem, Result};
use crate::random::{Purpose, normals, words};

/// Exact W2 of two clouds on the line, of any two sizes, in f64: the quantile functions are compared piece by
/// piece (Villani, "Topics in optimal transportation", theorem 2.18).
pub fn w2_line(a: &Points, b: &Points) -> Result<f64> {
    same_dim(a, b)?;
    if a.dim() != 1 {
        return Err(Error::data(Problem::new("W2 on the line takes one column").at(a.name()).found(a.dim())));
    }
    let sorted = |points: &Points| {
        let mut values: Vec<f64> = points.data().iter().map(|x| f64::from(*x)).collect();
        values.sort_unstable_by(f64::total_cmp);
        values
    };
    let (a, b) = (sorted(a), sorted(b));
    let (n, m) = (a.len() as u64, b.len() as u64);
    // in units of 1 / (n m) the steps of both quantile functions lie at whole numbers, so no rounding enters
    let (mut i, mut j, mut at, mut sum) = (0, 0, 0u64, 0.0);
    while at < n * m {
        let (end_a, end_b) = ((i as u64 + 1) * m, (j as u64 + 1) * n);
        let end = end_a.min(end_b);
        sum += (end - at) as f64 * (a[i] - b[j]).powi(2);
        i += usize::from(end == end_a);
        j += usize::from(end == end_b);
        at = end;
    }
    Ok((sum / (n as f64 * m as f64)).sqrt())
}

/// Sliced W2 of two clouds of equal size, with its interval (see [`block_interval`]).
///
/// Directions are Haar-uniform, drawn by Philox (purpose `Metric`); in one dimension there is exactly one.
/// Unequal sizes are refused, because the floor depends on n.
pub fn sliced_w2(samples: &Points, reference: &Points, settings: &Settings) -> Result<Measurement> {
    let n = samples.rows();
    let blocks = if n >= 8 * BLOCKS { BLOCKS } else { 0 };
    let slices = slices(samples, reference, settings, blocks)?;
    let value = root_mean(&slices)?;
    let count = slices.len();
    let definition = format!(
        "square root of the mean, over {count} uniform direction{}, of the squared 1-D W2 between {n} projected rows \
         of {} and {n} of {}; the interval holds the sampling of rows and directions, not the bias that the floor shows",
        if count == 1 { "" } else { "s" },
        samples.name(),
        reference.name(),
    );
    let mut out = Measurement::new("sliced W2", definition, value, n);
    out.parameters = if count == 1 { "1 direction".into() } else { format!("{count} directions") };
    if blocks == 0 || (count == 1 && samples.dim() > 1) {
        let lacks = if blocks == 0 { format!("{} rows", 8 * BLOCKS) } else { "2 directions".to_string() };
        return Ok(out.noted(format!("no interval: that takes at least {lacks}")));
    }
    let of_block = |b: usize| slices.iter().map(|s| s.blocks[b]).sum::<f64>() / count as f64;
    let by_block: Vec<f64> = (0..BLOCKS).map(of_block).collect();
    let by_direction: Vec<f64> = slices.iter().map(|s| s.squared).collect();
    out.interval = Some(block_interval(value * value, &by_block, &by_direction));
    Ok(out)
}

/// The value of [`sliced_w2`] alone, at half the cost; for floors.
pub fn sliced_w2_value(samples: &Points, reference: &Points, settings: &Settings) -> Result<f64> {
    root_mean(&slices(samples, reference, settings, 0)?)
}

fn root_mean(slices: &[Slice]) -> Result<f64> {
    let mean = slices.iter().map(|s| s.squared).sum::<f64>() / slices.len() as f64;
    finite("sliced W2", mean.sqrt())
}

/// Squared W2 along one direction, of all rows and of each block of rows.
struct Slice {
    squared: f64,
    blocks: Vec<f64>,
}

fn slices(samples: &Points, reference: &Points, settings: &Settings, blocks: usize) -> Result<Vec<Slice>> {
    same_shape(samples, reference)?;
    if settings.directions == 0 {
        return Err(Error::usage(Problem::new("sliced W2 needs directions").found(0).expected("at least 1")));
    }
    let (n, dim) = (samples.rows(), samples.dim());
    let directions = if dim == 1 { 1 } else { settings.directions };
    // blocks are chunks of a random order, so that rows sorted by class or by time still give like blocks
    let shuffled = |points: &Points, which| points.drawn(n, settings.seed, which).data().to_vec();
    let own: [Vec<f32>; 2] =
        if blocks > 0 { [shuffled(samples, 0), shuffled(reference, 1)] } else { Default::default() };
    let clouds = if blocks > 0 { [&own[0][..], &own[1][..]] } else { [samples.data(), reference.data()] };
    // f32 keys keep 24 bits of the distance from the centre rather than of the distance from the origin
    let centre = reference.mean();
    let buffers = || (vec![0u32; n], vec![0u32; n], vec![0u32; n]);
    Ok(parallel::map(settings.threads, directions, buffers, |(a, b, spare), index| {
        let u = direction(settings.seed, index as u32, dim);
        project(clouds[0], &u, &centre, a);
        project(clouds[1], &u, &centre, b);
        let size = n / blocks.max(1);
        let in_block = |k: usize| {
            let part = k * size..(k + 1) * size;
            sort(&mut a[part.clone()], &mut spare[..size]);
            sort(&mut b[part.clone()], &mut spare[..size]);
            mean_square(&a[part.clone()], &b[part])
        };
        let of_blocks = (0..blocks).map(in_block).collect();
        sort(a, spare);
        sort(b, spare);
        Slice { squared: mean_square(a, b), blocks: of_blocks }
    }))
}

/// Direction `index`: normals scaled to length one, which is the uniform law on the sphere.
pub fn direction(seed: u64, index: u32, dim: usize) -> Vec<f64> {
    if dim == 1 {
        return vec![1.0];
    }
    let blocks =
        (0..dim.div_ceil(4)).flat_map(|b| normals(words(seed, Purpose::Metric, index, draw::DIRECTION, b as u32)));
    let z: Vec<f64> = blocks.take(dim).collect();
    let length = z.iter().map(|x| x * x).sum::<f64>().sqrt();
    z.iter().map(|x| x / length).collect()
}

/// Projections onto u as sortable keys: the bits of an f32, turned so that their order is that of the numbers.
fn project(rows: &[f32], u: &[f64], centre: &[f64], keys: &mut [u32]) {
    let offset: f64 = u.iter().zip(centre).map(|(u, c)| u * c).sum();
    for (key, row) in keys.iter_mut().zip(rows.chunks_exact(u.len())) {
        let dot: f64 = row.iter().zip(u).map(|(x, u)| f64::from(*x) * u).sum();
        let bits = ((dot - offset) as f32).to_bits();
        *key = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
    }
}

/// The number whose key this is.
fn value(key: u32) -> f64 {
    f64::from(f32::from_bits(if key >> 31 == 1 { key & !(1 << 31) } else { !key }))
}

/// Radix sort, four passes of eight bits from the lowest: linear, and an even number of passes ends in place.
fn sort(keys: &mut [u32], spare: &mut [u32]) {
    let mut counts = [[0u32; 256]; 4];
    for key in keys.iter() {
        (0..4).for_each(|pass| counts[pass][(key >> (8 * pass)) as usize & 255] += 1);
    }
    let (mut from, mut to) = (keys, spare);
    for (pass, count) in counts.iter_mut().enumerate() {
        let mut start = 0;
        for c in count.iter_mut() {
            start += std::mem::replace(c, start);
        }
        for key in from.iter() {
            let place = &mut count[(key >> (8 * pass)) as usize & 255];
            to[*place as usize] = *key;
            *place += 1;
        }
        std::mem::swap(&mut from, &mut to);
    }
}

fn mean_square(a: &[u32], b: &[u32]) -> f64 {
    let square = |(a, b): (&u32, &u32)| (value(*a) - value(*b)).powi(2);
    a.iter().zip(b).map(square).sum::<f64>() / a.len() as f64
}

#[cfg(test)]
#[path = "sliced_tests.rs"]
mod tests;
