//! Blocks of atoms near each other, so that where the noise is small most atoms can be passed over, and certified to be
//! below what f32 can show. The bounds are in `shaders/score/mixture_culled.wgsl`.

use super::Input;
use super::forms::input;

/// Atoms in a block; `BLOCK` of the shader, four times.
const BLOCK: usize = 128;
/// Turns of loops that a block takes at most: a look at its bounds, one more, the search that ends there, its quads.
pub(super) const TURNS_A_BLOCK: usize = 3 + (BLOCK / 4 + 2);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A lattice of 64 x 64 atoms one apart, some heavier.
    fn lattice() -> (Vec<f64>, Vec<f64>) {
        let means = (0..4096).flat_map(|k| [f64::from(k % 64), f64::from(k / 64)]).collect();
        let weights: Vec<f64> = (0..4096).map(|k| if k % 7 == 0 { 3.0 } else { 1.0 }).collect();
        let total: f64 = weights.iter().sum();
        (weights.iter().map(|w| w / total).collect(), means)
    }

    #[test]
    fn atoms_keep_their_number_and_blocks_hold_their_own() {
        let (weights, means) = lattice();
        let atoms = Atoms { dim: 2, weights: &weights, means: &means, variance: 0.0 };
        let (order, culling) = atoms.culled().unwrap();
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert!(sorted.iter().copied().eq(0..4096));
        let rows: Vec<&[f32]> = culling.blocks.values.chunks(12).collect();
        assert_eq!(rows.len(), 32);
        for (block, row) in order.chunks(BLOCK).zip(&rows) {
            for (&k, d) in block.iter().flat_map(|k| [(k, 0), (k, 1)]) {
                assert!((means[2 * k + d] - f64::from(row[d])).abs() <= f64::from(row[4 + d]), "atom {k}");
            }
            // 128 neighbours fit 16 x 8 places
            assert!(row[4] * row[5] < 0.25 * 16.0 * 9.0 && row[6] == 0.0 && row[7] == 0.0, "{row:?}");
            let weight: f64 = block.iter().map(|&k| weights[k]).sum();
            assert!((f64::from(row[8]).exp() / weight - 1.0).abs() < 1e-5);
        }
        let all: f64 = rows.iter().map(|r| f64::from(r[8]).exp()).sum();
        assert!((all - 1.0).abs() < 1e-5, "{all}");
    }

    #[test]
    fn culling_is_for_noise_that_reaches_few_blocks_of_many_atoms() {
        let (weights, means) = lattice();
        let atoms = |n: usize, variance| Atoms { dim: 2, weights: &weights[..n], means: &means[..2 * n], variance };
        // e^-40 is 9 standard deviations away; noise of one place meets fewer than 3 blocks of ten, of ten places all
        let reach = f64::from(atoms(4096, 0.0).culled().unwrap().1.reach);
        assert!((0.1..30.0).contains(&reach), "{reach}");
        assert!(atoms(FROM - 1, 0.0).culled().is_none());
        // atoms that are wide themselves are near everything
        assert!(atoms(4096, 1e4).culled().is_none());
    }
}
