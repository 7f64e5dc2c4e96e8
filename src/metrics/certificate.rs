//! The proof that an assignment is optimal: a feasible solution of the dual problem with the same value.

/// A feasible solution of the dual problem: by weak duality no assignment costs less than `dual`.
///
/// Computed from the costs and the column prices v after solving, with the row prices u_i = min_j (c_ij - v_j),
/// which make it feasible by construction; it therefore does not rely on the solver being right.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Certificate {
    /// Cost of the assignment.
    pub primal: f64,
    /// Sum of all prices.
    pub dual: f64,
    /// primal - dual, never below zero by more than rounding.
    pub gap: f64,
    /// gap / primal, 0 when both are zero.
    pub relative: f64,
    /// What rounding alone can make of the gap: 64 ulp of the largest cost, times n.
    pub rounding: f64,
}

impl Certificate {
    /// The bound on the relative gap.
    pub const BOUND: f64 = 1e-9;
    /// Whether the gap is proved to be at most 1e-9 of the cost, or is within rounding of zero.
    pub fn holds(&self) -> bool {
        self.primal.is_finite() && (self.gap.abs() <= Self::BOUND * self.primal || self.gap.abs() <= self.rounding)
    }
}

/// Checks that `column` is a permutation and computes both sides of the duality.
pub fn certify(n: usize, cost: &[f64], column: &[usize], price: &[f64]) -> Certificate {
    let mut seen = vec![false; n];
    let permutation = column.iter().all(|j| *j < n && !std::mem::replace(&mut seen[*j], true));
    let primal: f64 = if permutation { (0..n).map(|i| cost[i * n + column[i]]).sum() } else { f64::INFINITY };
    let row_price = |row: &[f64]| row.iter().zip(price).map(|(c, v)| c - v).fold(f64::INFINITY, f64::min);
    // u_i + v of the row's own column: summing by pairs keeps large prices of both signs from cancelling late
    let pair = |(i, row): (usize, &[f64])| row_price(row) + price[column[i].min(n - 1)];
    let dual: f64 = cost.chunks_exact(n).enumerate().map(pair).sum();
    let gap = primal - dual;
    let relative = if gap == 0.0 { 0.0 } else { gap / primal };
    let largest = cost.iter().fold(0.0f64, |m, c| m.max(c.abs()));
    Certificate { primal, dual, gap, relative, rounding: 64.0 * f64::EPSILON * n as f64 * largest }
}
