//! Linear assignment by shortest augmenting paths, with a certificate of optimality.
//!
//! Source: Jonker and Volgenant, "A shortest augmenting path algorithm for dense and sparse linear assignment
//! problems" (Computing 38, 1987): column reduction and augmenting row reduction assign most rows cheaply,
//! Dijkstra searches in reduced costs assign the rest. Two things are ours: the first prices come from the
//! problem of every fourth row and column, and the early searches start from all free rows at once.

use super::certificate::{Certificate, certify};
use crate::error::{Error, Problem, Result};

/// Not assigned.
const FREE: usize = usize::MAX;

/// An optimal assignment and its proof.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The column of each row.
    pub column: Vec<usize>,
    /// The dual price of each column; that of a row is the cost at its column minus this.
    pub price: Vec<f64>,
    /// The proof that no assignment is cheaper.
    pub certificate: Certificate,
}

/// The cheapest assignment of n rows to n columns; `cost` is row-major and finite.
pub fn assign(n: usize, cost: &[f64]) -> Result<Assignment> {
    if n == 0 || n.checked_mul(n) != Some(cost.len()) || cost.iter().any(|c| !c.is_finite()) {
        let problem = Problem::new("the cost matrix is not a finite square").found(cost.len());
        return Err(Error::data(problem.expected(format!("{n} x {n} finite values"))));
    }
    let solver = Solver::solve(n, cost);
    let certificate = certify(n, cost, &solver.column, &solver.price);
    if !certificate.holds() {
        let found = format!("a relative gap of {:e}", certificate.relative);
        return Err(Error::bug(Problem::new("an assignment was not optimal").found(found).expected("at most 1e-9")));
    }
    Ok(Assignment { column: solver.column, price: solver.price, certificate })
}

struct Solver<'a> {
    n: usize,
    cost: &'a [f64],
    /// Column of each row.
    column: Vec<usize>,
    /// Row of each column.
    row: Vec<usize>,
    /// Price v of each column; an assigned row's reduced cost c - v is least at its own column.
    price: Vec<f64>,
}

/// Below this size a coarser problem is not worth solving first.
const COARSEST: usize = 64;
/// One row and column in so many goes into the coarser problem.
const STRIDE: usize = 4;

impl<'a> Solver<'a> {
    fn solve(n: usize, cost: &'a [f64]) -> Self {
        let mut solver = Solver { n, cost, column: vec![FREE; n], row: vec![FREE; n], price: vec![0.0; n] };
        let mut free = if n < COARSEST { solver.reduce_columns() } else { solver.start_from_coarse() };
        free = solver.reduce_rows(free);
        solver.augment_all(free);
        solver
    }

    /// Takes prices from the problem of every fourth row and column and gives each row its best column if that
    /// is free; returns the free rows.
    ///
    /// Column reduction prices a cloud far from the other one badly (only its near edge is ever cheapest), and
    /// the searches then settle almost all columns. A subsample has nearly the same potentials, which extend
    /// to all columns by v_j = min over its rows of (c_ij - u_i). Any prices are correct; good ones are fast.
    fn start_from_coarse(&mut self) -> Vec<usize> {
        let n = self.n;
        let size = n.div_ceil(STRIDE);
        let rows = (0..n).step_by(STRIDE);
        let coarse_cost: Vec<f64> = rows.clone().flat_map(|i| self.costs(i).iter().step_by(STRIDE).copied()).collect();
        let coarse = Solver::solve(size, &coarse_cost);
        self.price.fill(f64::INFINITY);
        for (k, i) in rows.enumerate() {
            let j = coarse.column[k];
            let u = coarse_cost[k * size + j] - coarse.price[j];
            let costs = &self.cost[i * n..(i + 1) * n];
            self.price.iter_mut().zip(costs).for_each(|(v, c)| *v = v.min(c - u));
        }
        let mut free = Vec::new();
        for i in 0..n {
            let j = self.two_best(i).0;
            if self.row[j] == FREE {
                (self.column[i], self.row[j]) = (j, i);
            } else {
                free.push(i);
            }
        }
        free
    }

    fn costs(&self, i: usize) -> &[f64] {
        &self.cost[i * self.n..(i + 1) * self.n]
    }

    /// Prices every column at its least cost and gives it to that row if the row is free; returns the free rows.
    fn reduce_columns(&mut self) -> Vec<usize> {
        let n = self.n;
        let mut best = vec![0; n];
        self.price.copy_from_slice(&self.cost[..n]);
        for i in 1..n {
            let costs = &self.cost[i * n..(i + 1) * n];
            for ((v, b), c) in self.price.iter_mut().zip(&mut best).zip(costs) {
                if c < v {
                    (*v, *b) = (*c, i);
                }
            }
        }
        for (j, i) in best.into_iter().enumerate() {
            if self.column[i] == FREE {
                (self.column[i], self.row[j]) = (j, i);
            }
        }
        (0..n).filter(|i| self.column[*i] == FREE).collect()
    }

    /// Each free row takes its best column, lowers that price until the second best is as good, and sends the
    /// row it displaced looking in turn. Any cut-off is correct; this one bounds wars between close prices.
    fn reduce_rows(&mut self, mut free: Vec<usize>) -> Vec<usize> {
        let mut budget = 24 * self.n;
        let mut left = Vec::new();
        free.reverse();
        while let Some(i) = free.pop() {
            let (mut j, least, second_j, second) = self.two_best(i);
            budget = budget.saturating_sub(1);
            let lowers = second > least && (self.price[j] - (second - least)) < self.price[j];
            if budget > 0 && lowers {
                self.price[j] -= second - least;
            } else if self.row[j] != FREE && second == least {
                j = second_j;
            }
            let displaced = std::mem::replace(&mut self.row[j], i);
            self.column[i] = j;
            if displaced != FREE {
                self.column[displaced] = FREE;
                if budget > 0 && lowers { free.push(displaced) } else { left.push(displaced) }
            }
        }
        left
    }

    /// The best column of row i with its reduced cost, and the second best with its own.
    fn two_best(&self, i: usize) -> (usize, f64, usize, f64) {
        let (mut j, mut least, mut second_j, mut second) = (0, f64::INFINITY, 0, f64::INFINITY);
        for (k, (c, v)) in self.costs(i).iter().zip(&self.price).enumerate() {
            let reduced = c - v;
            if reduced < second {
                if reduced < least {
                    (second_j, second) = (j, least);
                    (j, least) = (k, reduced);
                } else {
                    (second_j, second) = (k, reduced);
                }
            }
        }
        // n = 1: there is no second column and nothing to lower
        if second.is_finite() { (j, least, second_j, second) } else { (j, least, j, least) }
    }

    fn augment_all(&mut self, mut free: Vec<usize>) {
        let n = self.n;
        let mut search = Search { distance: vec![0.0; n], from: vec![0; n], order: (0..n).collect(), tree: vec![0; n] };
        // a search from all free rows costs about four searches from one; late ones find few ends and do not pay
        let mut together = true;
        while !free.is_empty() {
            let roots = if together { &free[..] } else { &free[free.len() - 1..] };
            let (ends, settled, least) = search.run(self, roots);
            together &= ends.len() >= 8;
            // settled columns become cheaper by what they were nearer than the last; every edge of the trees is
            // then tight, so the paths may all be used at once
            for j in &search.order[..settled] {
                self.price[*j] += search.distance[*j] - least;
            }
            for end in ends {
                let mut j = end;
                while j != FREE {
                    let i = search.from[j];
                    self.row[j] = i;
                    std::mem::swap(&mut self.column[i], &mut j);
                }
            }
            free.retain(|i| self.column[*i] == FREE);
        }
    }
}

/// Buffers of one shortest-path search over columns.
struct Search {
    distance: Vec<f64>,
    /// The row from which each column is reached.
    from: Vec<usize>,
    /// All columns: settled and scanned, then settled at the current distance, then the rest.
    order: Vec<usize>,
    /// The free row from which each settled row is reached.
    tree: Vec<usize>,
}

impl Search {
    /// Dijkstra from all rows of `free` at once, until every tree holds a free column or all columns are settled:
    /// (one free column per tree, settled columns, the largest settled distance).
    ///
    /// Different trees share no row and no column, so one search serves many rows. From a single row it is the
    /// search of Jonker and Volgenant.
    fn run(&mut self, solver: &Solver, free: &[usize]) -> (Vec<usize>, usize, f64) {
        let n = solver.n;
        self.start(solver, free);
        let mut ends: Vec<usize> = Vec::new();
        let mut reached = vec![false; n];
        let (mut low, mut up, mut least) = (0, 0, 0.0);
        while ends.len() < free.len() && low < n {
            if low == up {
                (up, least) = self.nearest(low);
            }
            let settled = self.order[low];
            low += 1;
            let (i, tree) = (solver.row[settled], self.tree[self.from[settled]]);
            if i == FREE {
                if !std::mem::replace(&mut reached[tree], true) {
                    ends.push(settled);
                }
                continue;
            }
            self.tree[i] = tree;
            let costs = solver.costs(i);
            let base = costs[settled] - solver.price[settled] - least;
            let unsettled = up..n;
            for k in unsettled {
                let j = self.order[k];
                let through = costs[j] - solver.price[j] - base;
                if through < self.distance[j] {
                    self.distance[j] = through.max(least);
                    self.from[j] = i;
                    if through <= least {
                        self.order.swap(k, up);
                        up += 1;
                    }
                }
            }
        }
        (ends, up, least)
    }

    /// Distances by one edge from the free rows, whose own price is their least reduced cost.
    fn start(&mut self, solver: &Solver, free: &[usize]) {
        self.distance.fill(f64::INFINITY);
        for i in free {
            self.tree[*i] = *i;
            let own = solver.two_best(*i).1;
            for (j, (c, v)) in solver.costs(*i).iter().zip(&solver.price).enumerate() {
                let reduced = c - v - own;
                if reduced < self.distance[j] {
                    (self.distance[j], self.from[j]) = (reduced, *i);
                }
            }
        }
    }

    /// Moves the nearest columns of order[low..] to its front; returns their end and their distance.
    fn nearest(&mut self, low: usize) -> (usize, f64) {
        let (mut up, mut least) = (low, f64::INFINITY);
        for k in low..self.order.len() {
            let d = self.distance[self.order[k]];
            if d <= least {
                if d < least {
                    (up, least) = (low, d);
                }
                self.order.swap(k, up);
                up += 1;
            }
        }
        (up, least)
    }
}

#[cfg(test)]
#[path = "assignment_tests.rs"]
mod tests;
