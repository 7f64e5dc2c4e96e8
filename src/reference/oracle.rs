//! Twins of the exact scores: `shaders/score/{mixture,mixture_culled,mixture_wide,mixture_full,boxes,shells,gather}`.

use std::f64::consts::TAU;

use super::{Call, at};
use crate::distribution::log_interval;
use crate::error::Result;

/// A term of the sum over atoms: its logarithm and the gradient of that by y (D).
type Term = (f64, Vec<f64>);

/// What all of these kernels are bound to.
struct Batch {
    rows: usize,
    dim: usize,
    slices: usize,
    points: Vec<f64>,
    times: Vec<f64>,
    row_time: Vec<u32>,
    each_row: bool,
}

impl Batch {
    fn of(call: &Call, dim: usize) -> Result<Self> {
        Ok(Self {
            rows: call.u("rows")?,
            dim,
            slices: call.u("slices")?,
            points: call.f("points")?,
            times: call.f("times")?,
            row_time: call.words("row_time")?,
            each_row: call.u("each_row")? == 1,
        })
    }

    fn time(&self, b: usize) -> &[f64] {
        let listed = self.row_time[if self.each_row { b } else { 0 }] as usize;
        &self.times[8 * listed.min(self.times.len() / 8 - 1)..][..8]
    }

    /// y = x / m of row b, and nu^2.
    fn seen(&self, b: usize) -> (Vec<f64>, f64) {
        let row = self.time(b);
        ((0..self.dim).map(|d| self.points[at(b, d, self.dim)] * (row[0] + row[1])).collect(), row[2])
    }

    /// Sums the terms of each row and slice, relative to the largest, into `partial`.
    fn sum(&self, call: &mut Call, terms: impl Fn(usize, &[f64], f64) -> Vec<Term>) -> Result<()> {
        self.sum_of(call, |_| true, terms)
    }

    /// [`Self::sum`] of some rows only.
    fn sum_of(
        &self,
        call: &mut Call,
        takes: impl Fn(usize) -> bool,
        terms: impl Fn(usize, &[f64], f64) -> Vec<Term>,
    ) -> Result<()> {
        let mut partial = call.f("partial")?;
        for slice in 0..self.slices {
            for b in (0..self.rows).filter(|b| takes(*b)) {
                let (y, nu2) = self.seen(b);
                let terms = terms(slice, &y, nu2);
                let top = terms.iter().fold(-1e30f64, |m, t| m.max(t.0));
                let mut put = |f: usize, v: f64| partial[at(slice * self.rows + b, f, self.dim + 2)] = v;
                put(0, top);
                put(1, terms.iter().map(|t| (t.0 - top).exp()).sum());
                for d in 0..self.dim {
                    put(d + 2, terms.iter().map(|t| (t.0 - top).exp() * t.1[d]).sum());
                }
            }
        }
        call.set("partial", &partial)
    }
}

/// The items of a slice, of `stretch`, up to the piece of a dispatch that ends at `stop`: what the pieces before it left is in
/// its sums as well.
fn range(slice: usize, (stretch, stop): (usize, usize), items: usize) -> std::ops::Range<usize> {
    (slice * stretch).min(items)..(slice * stretch + stretch.min(stop)).min(items)
}

/// Items of a slice, and where the piece of this dispatch ends.
fn piece(call: &Call) -> Result<(usize, usize)> {
    Ok((call.u("stretch")?, call.u("stop")?))
}

/// Atoms in quads, isotropic
pub fn mixture(call: &mut Call) -> Result<()> {
    let dim = call.slot("axes")?.parse().unwrap_or(0);
    let common = call.slot("variance")? == "one";
    let (reach, stretch) = (call.p("reach")?, call.u("stretch")?);
    // four rows go together, so that one that is noisy enough takes all with it
    quads(call, dim, 1, (stretch, stretch), common, |batch, b| {
        (b / 4 * 4..b / 4 * 4 + 4).any(|b| batch.time(b)[2] >= reach)
    })
}

/// Atoms in quads, isotropic and alike, for rows of little noise: all in the first slice, nothing left out
pub fn mixture_culled(call: &mut Call) -> Result<()> {
    let dim = call.slot("axes")?.parse().unwrap_or(0);
    let (reach, quads_in_all) = (call.p("reach")?, call.u("quads")?);
    let takes = |batch: &Batch, b: usize| batch.time(b)[2] < reach;
    quads(call, dim, 1, (quads_in_all, 32 * call.u("stop")?), true, takes)?;
    // the other slices have the same top, and no mass
    let (batch, mut partial) = (Batch::of(call, dim)?, call.f("partial")?);
    for b in (0..batch.rows).filter(|&b| takes(&batch, b)) {
        for slice in 1..batch.slices {
            partial[at(slice * batch.rows + b, 0, dim + 2)] = partial[at(b, 0, dim + 2)];
        }
    }
    call.set("partial", &partial)
}

/// Atoms in quads, with independent coordinates
pub fn mixture_wide(call: &mut Call) -> Result<()> {
    let (dim, variances) = (call.u("dim")?, call.u("variances")?);
    quads(call, dim, variances, piece(call)?, false, |_, _| true)
}

fn quads(
    call: &mut Call,
    dim: usize,
    variances: usize,
    piece: (usize, usize),
    common: bool,
    takes: impl Fn(&Batch, usize) -> bool,
) -> Result<()> {
    let batch = Batch::of(call, dim)?;
    let (quads, atoms) = (call.u("quads")?, call.f("atoms")?);
    let stride = 2 * dim + 1 + variances;
    batch.sum_of(
        call,
        |b| takes(&batch, b),
        |slice, y, nu2| {
            let items = range(slice, piece, quads);
            let term = |k: usize| {
                let column = |c: usize| atoms[(k / 4 * stride + c) * 4 + k % 4];
                let mut log = column(2 * dim);
                let mut gradient = vec![0.0; dim];
                for d in 0..dim {
                    let v = if common { atoms[(2 * dim + 1) * 4] } else { column(2 * dim + 1 + d.min(variances - 1)) };
                    let z = column(d) + column(dim + d) - y[d];
                    log -= 0.5 * ((TAU * (v + nu2)).ln() + z * z / (v + nu2));
                    gradient[d] = z / (v + nu2);
                }
                (log, gradient)
            };
            (4 * items.start..4 * items.end).map(term).collect()
        },
    )
}

/// Components in their own axes
pub fn mixture_full(call: &mut Call) -> Result<()> {
    let dim = call.u("dim")?;
    let batch = Batch::of(call, dim)?;
    let (count, piece, rows) = (call.u("components")?, piece(call)?, call.f("components")?);
    let width = 1 + 3 * dim + dim * dim;
    batch.sum(call, |slice, y, nu2| {
        let term = |k: usize| {
            let row = &rows[k * width..][..width];
            let mut log = row[0];
            let mut gradient = vec![0.0; dim];
            for e in 0..dim {
                let axis = &row[1 + 3 * dim + e * dim..][..dim];
                let z: f64 = (0..dim).map(|d| axis[d] * (row[1 + d] + row[1 + dim + d] - y[d])).sum();
                let total = row[1 + 2 * dim + e] + nu2;
                log -= 0.5 * ((TAU * total).ln() + z * z / total);
                (0..dim).for_each(|d| gradient[d] += axis[d] * z / total);
            }
            (log, gradient)
        };
        range(slice, piece, count).map(term).collect()
    })
}

/// Boxes with noise
pub fn boxes(call: &mut Call) -> Result<()> {
    let dim = call.u("dim")?;
    let batch = Batch::of(call, dim)?;
    let (count, piece, rows, noise) = (call.u("boxes")?, piece(call)?, call.f("boxes")?, call.f("noise")?);
    batch.sum(call, |slice, y, nu2| {
        let term = |k: usize| {
            let row = &rows[k * (1 + 4 * dim)..][..1 + 4 * dim];
            let corner = |side: usize, d: usize| row[1 + 2 * side * dim + d] + row[1 + (2 * side + 1) * dim + d];
            let mut log = row[0];
            let mut gradient = vec![0.0; dim];
            for d in 0..dim {
                let tau = (noise[d] + nu2).sqrt();
                let (value, slope) = log_interval((y[d] - corner(1, d)) / tau, (y[d] - corner(0, d)) / tau);
                log += value - tau.ln();
                gradient[d] = slope / tau;
            }
            (log, gradient)
        };
        range(slice, piece, count).map(term).collect()
    })
}

/// Cubic Hermite interpolation in the table of Bessel averages: (ln F - kappa, C)
fn average(table: &[f64], spacing: f64, scale: f64, kappa: f64) -> [f64; 2] {
    let v = (kappa / scale).ln_1p() / spacing;
    let i = (v as usize).min(table.len() / 4 - 2);
    let u = v - i as f64;
    [0, 2].map(|c| {
        let (a, b) = (table[4 * i + c], table[4 * i + 4 + c]);
        let (slope_a, slope_b) = (spacing * table[4 * i + c + 1], spacing * table[4 * i + 4 + c + 1]);
        let (u2, u3) = (u * u, u * u * u);
        (2.0 * u3 - 3.0 * u2 + 1.0) * a
            + (u3 - 2.0 * u2 + u) * slope_a
            + (3.0 * u2 - 2.0 * u3) * b
            + (u3 - u2) * slope_b
    })
}

/// Spheres with noise
pub fn shells(call: &mut Call) -> Result<()> {
    let dim = call.u("dim")?;
    let batch = Batch::of(call, dim)?;
    let (shells, centre, table) = (call.f("shells")?, call.f("centre")?, call.f("table")?);
    let (spacing, scale, noise) = (call.p("spacing")?, call.p("scale")?, call.p("noise")?);
    let (span, framed) = (call.u("span")?, call.u("framed")? == 1);
    let frame = call.f("frame")?;
    batch.sum(call, |_, y, nu2| {
        let y: Vec<f64> = (0..dim).map(|d| y[d] - centre[2 * d] - centre[2 * d + 1]).collect();
        let s2 = noise + nu2;
        // the part of y inside the span, as a vector of R^D
        let mut inside = vec![0.0; dim];
        for i in 0..span {
            let axis: Vec<f64> = if framed {
                frame[i * dim..][..dim].to_vec()
            } else {
                (0..dim).map(|d| f64::from(u8::from(d == i))).collect()
            };
            let amount: f64 = axis.iter().zip(&y).map(|(f, y)| f * y).sum();
            inside.iter_mut().zip(&axis).for_each(|(o, f)| *o += amount * f);
        }
        let r = inside.iter().map(|v| v * v).sum::<f64>().sqrt().max(1e-18);
        let outside: f64 = y.iter().zip(&inside).map(|(y, i)| (y - i).powi(2)).sum();
        let term = |shell: &[f64]| {
            let radius = shell[1];
            let [log_f, c] = average(&table, spacing, scale, radius * r / s2);
            let log =
                shell[0] - 0.5 * dim as f64 * (TAU * s2).ln() - 0.5 * ((r - radius).powi(2) + outside) / s2 + log_f;
            let radial = (radius - r) / s2 - c / r;
            let gradient = (0..dim).map(|d| inside[d] / r * radial - (y[d] - inside[d]) / s2).collect();
            (log, gradient)
        };
        shells.chunks_exact(2).map(term).collect()
    })
}

/// Adds up the slices
pub fn gather(call: &mut Call) -> Result<()> {
    let (rows, dim, slices) = (call.u("rows")?, call.u("dim")?, call.u("slices")?);
    let (partial, times, row_time) = (call.f("partial")?, call.f("times")?, call.words("row_time")?);
    let each_row = call.u("each_row")? == 1;
    let (mut scores, mut logs) = (call.f("scores")?, call.f("logs")?);
    for b in 0..rows {
        let time = (row_time[if each_row { b } else { 0 }] as usize).min(times.len() / 8 - 1);
        let get = |s: usize, f: usize| partial[at(s * rows + b, f, dim + 2)];
        let top = (0..slices).fold(-1e30f64, |m, s| m.max(get(s, 0)));
        let total = |f: usize| (0..slices).map(|s| (get(s, 0) - top).exp() * get(s, f)).sum::<f64>();
        (0..dim).for_each(|d| scores[at(b, d, dim)] = times[8 * time + 3] * total(d + 2) / total(1));
        logs[b] = top + total(1).ln() + times[8 * time + 4];
    }
    call.set("scores", &scores)?;
    call.set("logs", &logs)
}
