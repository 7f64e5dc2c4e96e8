use super::*;
use crate::metrics::testing::gaussian;

fn points(data: &[f32], dim: usize) -> Points<'_> {
    Points::new("p", data, dim).unwrap()
}

#[test]
fn the_line_agrees_with_hand_computed_quantiles() {
    let w = |a: &[f32], b: &[f32]| w2_line(&points(a, 1), &points(b, 1)).unwrap();
    assert_eq!(w(&[3.0, 1.0, 2.0], &[6.0, 4.0, 5.0]), 3.0);
    // {0, 1} against {0, 0, 3}: quantiles differ by 0 on (0, 1/2), by 1 on (1/2, 2/3), by 2 on (2/3, 1)
    assert!((w(&[0.0, 1.0], &[0.0, 3.0, 0.0]) - (1.0f64 / 6.0 + 4.0 / 3.0).sqrt()).abs() < 1e-15);
    assert_eq!(w(&[2.0], &[1.0, 1.0, 1.0]), 1.0);
    assert!(w2_line(&points(&[0.0; 4], 2), &points(&[0.0; 4], 2)).is_err());
}

#[test]
fn slices_agree_with_the_exact_reference_on_the_line() {
    let n = 3000;
    for dim in [1, 2, 7] {
        let (x, y) = (gaussian(n, dim, 0.0, 1.0, 1), gaussian(n, dim, 0.3, 1.5, 2));
        let settings = Settings { directions: 9, ..Settings::default() };
        let got = sliced_w2(&points(&x, dim), &points(&y, dim), &settings).unwrap();
        let mut sum = 0.0;
        let count = if dim == 1 { 1 } else { 9 };
        for index in 0..count {
            let u = direction(0, index, dim);
            let line = |z: &[f32]| {
                let mut p: Vec<f64> =
                    z.chunks(dim).map(|r| r.iter().zip(&u).map(|(x, u)| f64::from(*x) * u).sum()).collect();
                p.sort_by(f64::total_cmp);
                p
            };
            sum += line(&x).iter().zip(line(&y)).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / n as f64;
        }
        assert!((got.value / (sum / f64::from(count)).sqrt() - 1.0).abs() < 1e-6);
        assert_eq!(got.value, sliced_w2_value(&points(&x, dim), &points(&y, dim), &settings).unwrap());
        let (low, high) = got.interval.unwrap();
        assert!(low <= got.value && got.value <= high);
    }
}

#[test]
fn a_shift_and_a_scale_have_their_closed_forms() {
    // a common shift c: every slice moves by <u, c>, and E <u, c>^2 = |c|^2 / D
    let n = 4096;
    let x = gaussian(n, 1, 0.0, 1.0, 5);
    let shifted: Vec<f32> = x.iter().map(|x| x + 0.75).collect();
    let got = sliced_w2(&points(&x, 1), &points(&shifted, 1), &Settings::default()).unwrap();
    assert!((got.value - 0.75).abs() < 1e-6 && got.parameters == "1 direction");
    // far from the origin the keys still resolve the distance; 1000.25 and the rows are rounded to 2^-14
    let far: Vec<f32> = x.iter().map(|x| x + 1000.0).collect();
    let farther: Vec<f32> = x.iter().map(|x| x + 1000.25).collect();
    let got = sliced_w2(&points(&far, 1), &points(&farther, 1), &Settings::default()).unwrap();
    assert!((got.value - 0.25).abs() < 1e-4);
    // scale s in D dimensions: the same rows scaled give |s - 1| sqrt(E <u, x>^2) ~ |s - 1|
    let x = gaussian(50_000, 3, 0.0, 1.0, 6);
    let scaled: Vec<f32> = x.iter().map(|x| 1.5 * x).collect();
    let got = sliced_w2(&points(&x, 3), &points(&scaled, 3), &Settings::default()).unwrap();
    assert!((got.value - 0.5).abs() < 0.5 * 5.0 / (2.0f64 * 50_000.0).sqrt());
}

#[test]
fn the_same_law_gives_the_known_floor_in_one_dimension() {
    // mean 0.0386, sd 0.010 at n = 4096 (facts, C-13); mean of ten, five standard errors
    let value = |seed: u64| {
        let (x, y) = (gaussian(4096, 1, 0.0, 1.0, 2 * seed + 100), gaussian(4096, 1, 0.0, 1.0, 2 * seed + 101));
        sliced_w2_value(&points(&x, 1), &points(&y, 1), &Settings::default()).unwrap()
    };
    let mean = (0..10).map(value).sum::<f64>() / 10.0;
    assert!((mean - 0.0386).abs() < 5.0 * 0.010 / 10f64.sqrt(), "{mean}");
}

#[test]
fn threads_and_the_order_of_rows_change_nothing() {
    let (x, y) = (gaussian(2000, 2, 0.0, 1.0, 8), gaussian(2000, 2, 0.5, 1.0, 9));
    let run = |x: &[f32], threads| {
        sliced_w2(&points(x, 2), &points(&y, 2), &Settings { threads, directions: 17, ..Settings::default() }).unwrap()
    };
    let one = run(&x, 1);
    assert_eq!(one, run(&x, 2));
    assert_eq!(one, run(&x, 5));
    let reversed: Vec<f32> = x.chunks(2).rev().flatten().copied().collect();
    assert_eq!(one.value, run(&reversed, 2).value);
}

#[test]
fn the_interval_covers_the_truth_about_as_often_as_it_says() {
    // N(0, I) against N(0.5, I) in the plane: SW2^2 = 0.25 (the bias at n = 2000 is below 0.005)
    let covered = (0..100u64).filter(|seed| {
        let (x, y) = (gaussian(2000, 2, 0.0, 1.0, 1000 + 2 * seed), gaussian(2000, 2, 0.5, 1.0, 1001 + 2 * seed));
        let settings = Settings { seed: *seed, directions: 32, ..Settings::default() };
        let got = sliced_w2(&points(&x, 2), &points(&y, 2), &settings).unwrap();
        got.interval.is_some_and(|(low, high)| low <= 0.5 && 0.5 <= high)
    });
    // Binomial(100, 0.95): five sd below the mean is 84
    let covered = covered.count();
    assert!(covered >= 84, "{covered}");
}

#[test]
fn directions_are_uniform() {
    let (count, dim) = (20_000, 3);
    let mut second = [0.0; 3];
    for i in 0..count {
        let u = direction(4, i, dim);
        assert!((u.iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-12);
        u.iter().zip(&mut second).for_each(|(x, s)| *s += x * x / f64::from(count));
    }
    // E u_j^2 = 1/3, variance of u_j^2 is 4/45
    assert!(second.iter().all(|s| (s - 1.0 / 3.0).abs() < 5.0 * (4.0 / 45.0 / f64::from(count)).sqrt()));
}

#[test]
fn bad_input_is_refused() {
    let x = gaussian(10, 2, 0.0, 1.0, 1);
    let settings = Settings::default();
    assert!(sliced_w2(&points(&x, 2), &points(&x[..10], 2), &settings).is_err());
    assert!(sliced_w2(&points(&x, 2), &points(&x, 1), &settings).is_err());
    assert!(sliced_w2(&points(&x, 2), &points(&x, 2), &Settings { directions: 0, ..settings.clone() }).is_err());
    let huge = [3e38f32, 3e38, -3e38, -3e38];
    assert!(sliced_w2(&points(&huge, 2), &points(&huge, 2), &settings).is_err());
    let small = sliced_w2(&points(&x, 2), &points(&x, 2), &settings).unwrap();
    assert!(small.value == 0.0 && small.interval.is_none() && small.note.is_some());
}

#[test]
#[ignore = "timing at a million rows; run with --release --ignored --nocapture"]
fn timing() {
    let (x, y) = (gaussian(1_000_000, 2, 0.0, 1.0, 6), gaussian(1_000_000, 2, 0.0, 1.0, 7));
    let start = std::time::Instant::now();
    println!("{}", sliced_w2(&points(&x, 2), &points(&y, 2), &Settings::default()).unwrap());
    println!("with interval {:?}", start.elapsed());
    let start = std::time::Instant::now();
    sliced_w2_value(&points(&x, 2), &points(&y, 2), &Settings::default()).unwrap();
    println!("value alone {:?}", start.elapsed());
}
