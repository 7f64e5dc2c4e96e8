//! Exact laws as recordings: score and log density of points at any time, on whatever engine runs them.
//!
//! A [`Law`] is a form of [`crate::distribution::Form`], or rows of data as atoms without variance, made ready for a
//! device: numbers rounded to f32 in two parts, and the kernel that sums over them. [`Law::bind`] plans its tensors for
//! a batch and a table of times. All kernels stream over their atoms and leave sums relative to the largest term, one a
//! slice of the atoms; `score/gather` adds the slices up. Memory is linear in atoms plus points.
//!
//! | form | kernel | what it sums |
//! |---|---|---|
//! | normal components, one variance each, D <= 4 | `score/mixture` | atoms, four at a time, in registers |
//! | thousands of them, all alike, at little noise | `score/mixture_culled` | blocks of atoms that can matter |
//! | independent coordinates, any D | `score/mixture_wide` | atoms, four at a time |
//! | full covariances, D <= 64 | `score/mixture_full` | components in their own axes |
//! | boxes and pixels | `score/boxes` | products of differences of error functions |
//! | shells | `score/shells` | Bessel averages by a table |

mod culling;
mod forms;
mod shells;

use culling::Culling;

use crate::distribution::{Form, Oracle};
use crate::error::{Error, Problem, Result};
use crate::process::Process;
use crate::recording::{Arena, Dispatch, Engine, PANEL, Param, Recording, TURNS, Tensor, Work, pad};
use std::sync::Arc;

/// The largest coordinate of an atom: squares of differences must stay far within f32.
pub const MOST: f64 = 1e9;
/// Items (quads of atoms, components, boxes) that one invocation sums before it leaves the sum to a slice of its own:
/// few enough that f32 loses no more than a digit.
const SLICE: usize = 512;
/// Most slices of a law.
const MOST_SLICES: usize = 64;

/// An exact law, ready for any engine.
#[derive(Clone)]
pub struct Law {
    dim: usize,
    kernel: &'static str,
    /// (variable, shape, values)
    inputs: Vec<Input>,
    params: Vec<(&'static str, Param)>,
    slices: usize,
    items: usize,
    /// Turns that the loops of an invocation take for one of them; none for kernels that go through all of them at once.
    turns: Option<usize>,
    /// Filler of the slot `variance`, of the kernel for few dimensions.
    variance: Option<&'static str>,
    culling: Option<Culling>,
}

#[derive(Clone)]
struct Input {
    variable: &'static str,
    shape: Vec<usize>,
    values: Arc<Vec<f32>>,
}

/// A law with its tensors planned, for `rows` points at a time.
pub struct Bound {
    law: Law,
    rows: usize,
    times: Tensor,
    time_rows: Vec<f32>,
    inputs: Vec<Tensor>,
    blocks: Option<Tensor>,
    partial: Tensor,
    logs: Tensor,
}

impl Law {
    /// The law behind an oracle. Refuses forms of which nothing is known but their functions, and numbers beyond [`MOST`].
    pub fn of(oracle: &dyn Oracle) -> Result<Self> {
        match oracle.form() {
            Form::Mixture(law) => forms::mixture(law),
            Form::Boxes(law) => forms::boxes(law.weights(), law.low(), law.high(), law.noise()),
            Form::Pixels(law) => forms::pixels(law),
            Form::Shells(law) => shells::shells(law),
            Form::Opaque => Err(Error::usage(
                Problem::new("the exact score of this law cannot run on a device")
                    .expected("a mixture, boxes, pixels or shells"),
            )),
        }
    }

    /// The empirical law of `rows` (n, D): equal atoms without variance, whose score remembers every row.
    pub fn empirical(rows: &[f32], dim: usize) -> Result<Self> {
        let means: Vec<f64> = rows.iter().map(|v| f64::from(*v)).collect();
        let weights = vec![dim as f64 / rows.len().max(1) as f64; rows.len() / dim];
        forms::atoms(dim, &weights, &means, &[0.0], false)
    }

    /// D
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Plans the tensors for `rows` points at a time, over a table of `times` of `process`.
    pub fn bind(&self, arena: &mut Arena, rows: usize, process: &Process, times: &[f64]) -> Bound {
        Bound {
            rows: pad(rows, PANEL),
            times: arena.f32("times", &[times.len(), 8]),
            time_rows: times.iter().flat_map(|&t| time_row(process, t, self.dim)).collect(),
            inputs: self.inputs.iter().map(|i| arena.f32(i.variable, &i.shape)).collect(),
            blocks: self.culling.as_ref().map(|c| arena.f32(c.blocks.variable, &c.blocks.shape)),
            partial: arena.panel("sums of slices", self.slices * pad(rows, PANEL), self.dim + 2),
            logs: arena.f32("log densities", &[pad(rows, PANEL)]),
            law: self.clone(),
        }
    }
}

/// 1/m (12 digits, the rest), nu^2, 1/m, -D ln m, m, sigma, 0; what the kernels need of a time.
///
/// Where m is below 1e-12 sigma the data are forgotten, and m is held there so that nothing overflows.
fn time_row(process: &Process, t: f64, dim: usize) -> [f32; 8] {
    let sigma = process.sigma(t);
    let m = process.mean(t).max(1e-12 * sigma);
    let high = f32::from_bits(((1.0 / m) as f32).to_bits() & 0xffff_f000);
    let row = [
        f64::from(high),
        1.0 / m - f64::from(high),
        (sigma / m).powi(2),
        1.0 / m,
        -(dim as f64) * m.ln(),
        m,
        sigma,
        0.0,
    ];
    row.map(|v| v as f32)
}

impl Bound {
    /// Uploads the law and the table of times, once.
    pub fn upload(&self, engine: &mut dyn Engine) -> Result<()> {
        for (tensor, input) in self.inputs.iter().zip(&self.law.inputs) {
            engine.write(tensor, &input.values)?;
        }
        if let (Some(tensor), Some(culling)) = (&self.blocks, &self.law.culling) {
            engine.write(tensor, &culling.blocks.values)?;
        }
        engine.write(&self.times, &self.time_rows)
    }

    /// Log densities (B padded to whole panels), nats, after what [`Bound::record`] records has run.
    pub fn logs(&self) -> &Tensor {
        &self.logs
    }

    /// Records scores of `points`, and [`Bound::logs`]; both (B, D) in panels. Row b has the time of word b of
    /// `row_time` if `each_row`, otherwise all have that of word 0.
    pub fn record(&self, rec: &mut Recording, points: &Tensor, row_time: &Tensor, each_row: bool, scores: &Tensor) {
        let Self { law, rows, .. } = self;
        let shared = |d: Dispatch| {
            d.bind("times", &self.times)
                .bind("row_time", row_time)
                .bind("partial", &self.partial)
                .param("rows", *rows)
                .param("times", self.times.shape[0])
                .param("each_row", each_row)
                .param("slices", law.slices)
        };
        let lawful = |mut d: Dispatch| {
            d = shared(d).bind("points", points);
            for (input, tensor) in law.inputs.iter().zip(&self.inputs) {
                d = d.bind(input.variable, tensor);
            }
            for (name, value) in &law.params {
                d = d.param(name, *value);
            }
            if law.kernel == forms::FEW {
                d.slot("axes", format!("score/axes/{}", law.dim))
            } else {
                d.param("dim", law.dim)
            }
        };
        // four rows an invocation of the kernel for few dimensions
        let group = if law.kernel == forms::FEW { 256 } else { 64 };
        let mut sums = lawful(Dispatch::new(law.kernel, Work::Groups(law.slices * rows.div_ceil(group))));
        if let Some(file) = law.variance {
            sums = sums.slot("variance", file);
        }
        match law.turns {
            Some(turns) => in_pieces(rec, &sums, law.items.div_ceil(law.slices), turns),
            None => rec.push(sums),
        }
        if let Some(blocks) = &self.blocks {
            let count = blocks.shape[0];
            let culled = lawful(Dispatch::new("score/mixture_culled", Work::Items(*rows)));
            in_pieces(rec, &culled.bind("blocks", blocks).param("blocks", count), count, culling::TURNS_A_BLOCK);
        }
        let gather = Dispatch::new("score/gather", Work::Items(*rows)).param("dim", law.dim);
        rec.push(shared(gather).bind("scores", scores).bind("logs", &self.logs));
    }
}

/// Records `dispatch` over `items` of each invocation, of so many turns each, in as many pieces as [`TURNS`] asks for: each
/// goes on from the sums that the one before it left.
fn in_pieces(rec: &mut Recording, dispatch: &Dispatch, items: usize, turns: usize) {
    let each = (TURNS / turns).max(1);
    for start in (0..items).step_by(each) {
        rec.push(dispatch.clone().param("start", start).param("stop", (start + each).min(items)));
    }
}

/// Slices of `items`, a function of the law alone: so samples do not depend on how many points are asked at a time.
fn slices(items: usize, dim: usize) -> usize {
    items.div_ceil(SLICE).clamp(1, (256 / (dim + 2)).clamp(1, MOST_SLICES))
}

/// Refuses numbers that a device cannot hold.
fn in_range<'a>(what: &str, mut values: impl Iterator<Item = &'a f64>) -> Result<()> {
    match values.find(|v| v.is_nan() || v.abs() > MOST) {
        None => Ok(()),
        Some(v) => Err(Error::data(
            Problem::new(format!("{what} lies outside the range in which a device is exact"))
                .found(v)
                .expected(format!("at most {MOST:e} in size")),
        )),
    }
}
