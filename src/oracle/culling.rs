//! Blocks of atoms near each other, so that where the noise is small most atoms can be passed over, and certified to be
//! below what f32 can show. The bounds are in `shaders/score/mixture_culled.wgsl`.

use super::Input;
use super::forms::input;

/// Atoms in a block; `BLOCK` of the shader, four times.
const BLOCK: usize = 128;
/// Fewer atoms are not worth it.
const FROM: usize = 2048;
/// Logarithm of the share of the sum below which a block is dropped; `NEGLIGIBLE` of `lib/oracle`.
const NEGLIGIBLE: f64 = 40.0;
/// Share of the blocks that a typical row may meet for culling to be faster than going through all of them with four rows
/// at a time, which is twice as fast an atom.
const PAYS: f64 = 0.3;
/// Rows at which that share is measured.
const TYPICAL: usize = 32;

/// What the culling kernel needs beside the atoms.
#[derive(Clone)]
pub(super) struct Culling {
    /// (K / 128, 3, 4): centre, half the extent, (ln W, 0, 0, 0).
    pub blocks: Input,
    /// nu^2 below which rows are summed block by block.
    pub reach: f32,
}

/// Isotropic atoms of one variance in at most four dimensions.
pub(super) struct Atoms<'a> {
    pub dim: usize,
    pub weights: &'a [f64],
    pub means: &'a [f64],
    pub variance: f64,
}

/// A block as a box.
struct Cell {
    centre: [f32; 4],
    /// Half the extent along each axis.
    half: [f64; 4],
    log_weight: f64,
}

impl Atoms<'_> {
    fn mean(&self, k: usize) -> &[f64] {
        &self.means[k * self.dim..][..self.dim]
    }

    /// Where each atom goes, so that every [`BLOCK`] of them lie together, and the blocks with it; nothing if there are
    /// too few atoms or no noise at which it would pay.
    pub fn culled(&self) -> Option<(Vec<usize>, Culling)> {
        if self.weights.len() < FROM {
            return None;
        }
        let mut order: Vec<usize> = (0..self.weights.len()).collect();
        self.gather(&mut order);
        let cells: Vec<Cell> = order.chunks(BLOCK).map(|block| self.cell(block)).collect();
        let reach = self.reach(&order, &cells)? as f32;
        let values = cells.iter().flat_map(Cell::row).collect();
        Some((order, Culling { blocks: input("blocks", &[cells.len(), 3, 4], values), reach }))
    }

    /// Halves the atoms across their widest extent, again and again, at whole blocks.
    fn gather(&self, order: &mut [usize]) {
        if order.len() <= BLOCK {
            return;
        }
        let extent = |d: usize| {
            let along = order.iter().map(|&k| self.mean(k)[d]);
            along.clone().fold(f64::NEG_INFINITY, f64::max) - along.fold(f64::INFINITY, f64::min)
        };
        let axis = (0..self.dim).max_by(|&a, &b| extent(a).total_cmp(&extent(b))).unwrap_or(0);
        let middle = (order.len() / 2).div_ceil(BLOCK) * BLOCK;
        order
            .select_nth_unstable_by(middle, |&a, &b| self.mean(a)[axis].total_cmp(&self.mean(b)[axis]).then(a.cmp(&b)));
        let (low, high) = order.split_at_mut(middle);
        self.gather(low);
        self.gather(high);
    }

    fn cell(&self, block: &[usize]) -> Cell {
        let (mut centre, mut half) = ([0.0; 4], [0.0; 4]);
        for d in 0..self.dim {
            let along = || block.iter().map(|&k| self.mean(k)[d]);
            let (low, high) = (along().fold(f64::INFINITY, f64::min), along().fold(f64::NEG_INFINITY, f64::max));
            centre[d] = (0.5 * (low + high)) as f32;
            // around the centre as a device has it, and wider than f32 rounds it
            half[d] = (high - f64::from(centre[d])).max(f64::from(centre[d]) - low) * (1.0 + 1e-6);
        }
        Cell { centre, half, log_weight: block.iter().map(|&k| self.weights[k]).sum::<f64>().ln() }
    }

    /// The greatest nu^2 at which a typical row meets few enough blocks.
    fn reach(&self, order: &[usize], cells: &[Cell]) -> Option<f64> {
        let typical: Vec<usize> = (0..TYPICAL).map(|i| order[i * order.len() / TYPICAL]).collect();
        let share = |nu2: f64| {
            let most = |c: &Cell, y: &[f64]| c.log_weight - 0.5 * c.square(y) / (self.variance + nu2);
            let met = typical.iter().map(|&k| {
                // a row lies as far from its atom as the noise has it
                let least = self.weights[k].ln() - 0.5 * self.dim as f64 - NEGLIGIBLE;
                cells.iter().filter(|c| most(c, self.mean(k)) >= least).count()
            });
            met.sum::<usize>() as f64 / (TYPICAL * cells.len()) as f64
        };
        // a third of a decade apart, from beyond any data down
        (-30..30).rev().map(|i| 10f64.powf(f64::from(i) / 3.0)).find(|&nu2| share(nu2) <= PAYS)
    }
}

impl Cell {
    /// Squared distance from a point (D) to the box.
    fn square(&self, y: &[f64]) -> f64 {
        (0..y.len()).map(|d| ((y[d] - f64::from(self.centre[d])).abs() - self.half[d]).max(0.0).powi(2)).sum()
    }

    fn row(&self) -> Vec<f32> {
        let half = self.half.map(|h| h as f32);
        [self.centre, half, [self.log_weight as f32, 0.0, 0.0, 0.0]].concat()
    }
}
