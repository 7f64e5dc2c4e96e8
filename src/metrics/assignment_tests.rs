use super::*;
use crate::random::{Purpose, Stream};

/// The least cost over all permutations (Heap's algorithm).
fn brute_force(n: usize, cost: &[f64]) -> f64 {
    fn walk(k: usize, p: &mut Vec<usize>, n: usize, cost: &[f64], best: &mut f64) {
        if k <= 1 {
            *best = best.min((0..n).map(|i| cost[i * n + p[i]]).sum());
            return;
        }
        for i in 0..k {
            walk(k - 1, p, n, cost, best);
            p.swap(if k.is_multiple_of(2) { i } else { 0 }, k - 1);
        }
    }
    let mut best = f64::INFINITY;
    walk(n, &mut (0..n).collect(), n, cost, &mut best);
    best
}

#[test]
fn small_problems_agree_with_brute_force() {
    // 840 cases: continuous costs, costs with many ties, costs of both signs
    for n in 1..=8usize {
        for case in 0..105u32 {
            let mut stream = Stream::new(u64::from(case), Purpose::Test, n as u32, 0);
            let cost: Vec<f64> = (0..n * n)
                .map(|_| match case % 3 {
                    0 => stream.unit(),
                    1 => f64::from(stream.below(4)),
                    _ => 1e3 * stream.normal(),
                })
                .collect();
            let got = assign(n, &cost).unwrap();
            let best = brute_force(n, &cost);
            assert!((got.certificate.primal - best).abs() <= 1e-12 * best.abs().max(1.0), "n = {n}, case {case}");
            assert!(got.certificate.holds());
        }
    }
}

#[test]
fn larger_problems_carry_their_proof() {
    for (n, levels) in [(50, 0), (200, 3), (333, 0), (256, 50)] {
        let mut stream = Stream::new(1, Purpose::Test, n as u32, 1);
        let mut draw = || if levels == 0 { stream.unit() } else { f64::from(stream.below(levels)) };
        let cost: Vec<f64> = (0..n * n).map(|_| draw()).collect();
        let c = assign(n, &cost).unwrap().certificate;
        assert!(c.holds() && c.dual <= c.primal + c.rounding);
    }
}

#[test]
fn constant_and_diagonal_costs_are_solved() {
    let c = assign(40, &vec![2.0; 1600]).unwrap().certificate;
    assert_eq!((c.primal, c.gap), (80.0, 0.0));
    let diagonal: Vec<f64> = (0..900).map(|k| if k % 31 == 0 { 0.0 } else { 1.0 }).collect();
    let got = assign(30, &diagonal).unwrap();
    assert_eq!(got.column, (0..30).collect::<Vec<_>>());
    assert_eq!(got.certificate.relative, 0.0);
}

#[test]
fn a_wrong_assignment_is_not_certified() {
    let cost = [0.0, 1.0, 1.0, 0.0];
    assert!(certify(2, &cost, &[0, 1], &[0.0, 0.0]).holds());
    assert!(!certify(2, &cost, &[1, 0], &[0.0, 0.0]).holds());
    assert!(!certify(2, &cost, &[0, 0], &[0.0, 0.0]).holds());
    assert!(!certify(2, &cost, &[0, 1], &[2.0, 0.0]).holds());
}

#[test]
fn bad_matrices_are_refused() {
    for (n, cost) in [(0, vec![]), (2, vec![1.0; 3]), (1, vec![f64::NAN]), (1, vec![f64::INFINITY])] {
        assert!(assign(n, &cost).is_err());
    }
}
