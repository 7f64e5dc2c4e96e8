//! Every sampler on the device: its exact law on normal data, exact special cases, and what must not change a sample.
//!
//! With a normal law and its exact score every stage is affine, so the law of the output is a closed recursion for the
//! same grid, start and coefficients (`Plan::affine_law`). Nothing is left to the limit of many steps, and the null
//! distribution of every statistic here is known: |z| < 5.85 and the chi-square interval at z = 5.96 alarm falsely about
//! once in 10^8. Coefficients are rounded to f32, which at growth factors near 150 moves a variance by up to 1e-4 of
//! itself, a thirtieth of its standard error at 2^18 chains: no allowance is made for it.

use scorefield::gpu::{Choice, Gpu};
use scorefield::network::{Network, NetworkOptions};
use scorefield::process::{Plan, Process, SAMPLERS, SamplerOptions, grid, plan};
use scorefield::random::{Purpose, normals, words};
use scorefield::recording::Engine;
use scorefield::reference::Reference;
use scorefield::sample::{self, NetworkScore, Probe, Request, Score, State};
use scorefield::score::GaussianScore;

const DIM: usize = 4;
const ROWS: u32 = 1 << 16;

fn device() -> Gpu {
    Gpu::open(&Choice::default()).expect("a device; install a software driver with `make test`")
}

fn planned(sampler: &str, process: &Process, steps: usize) -> Plan {
    plan(sampler, process, &grid("benton", process, steps).unwrap(), &SamplerOptions::default()).unwrap()
}

fn draw(engine: &mut dyn Engine, score: &dyn Score, plan: &Plan, count: u32, chunk: usize, seed: u64) -> Vec<f32> {
    let (shift, scale) = (vec![0.0; score.dim()], vec![1.0; score.dim()]);
    let request = Request { score, plan, count, chunk, seed, shift: &shift, scale: &scale, follow: None };
    let mut out = Vec::new();
    sample::run(engine, &request, &mut |state| {
        if let State::Samples { points, .. } = state {
            out.extend_from_slice(points);
        }
        Ok(())
    })
    .unwrap();
    out
}

/// Where the mean and the variance of `values` lie in their exact null distributions for N(mean, var): two z values.
fn z_scores(values: &[f32], mean: f64, var: f64) -> (f64, f64) {
    let n = values.len() as f64;
    let average = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
    let squares = values.iter().map(|&v| (f64::from(v) - average).powi(2)).sum::<f64>();
    let k = n - 1.0;
    // Wilson and Hilferty: the cube root of a chi-square is normal, at these degrees of freedom to 1e-6
    let spread = 2.0 / (9.0 * k);
    ((average - mean) / (var / n).sqrt(), ((squares / var / k).cbrt() - (1.0 - spread)) / spread.sqrt())
}

fn gaussian(process: &Process, mean: f64, variance: f64) -> GaussianScore {
    GaussianScore { process: process.clone(), mean: vec![mean; DIM], variance: vec![variance; DIM] }
}

#[test]
fn every_sampler_has_its_exact_law_on_normal_data() {
    let mut gpu = device();
    let mut wrong = Vec::new();
    for (p, name) in ["ou", "vp", "sub-vp", "flow"].into_iter().enumerate() {
        let process = Process::named(name).unwrap();
        for (i, row) in SAMPLERS.iter().enumerate() {
            // one count of steps beyond the first two processes, which all samplers see in all ways
            let counts: &[usize] = if p < 2 { &[1, 2, 16] } else { &[5] };
            for &steps in counts {
                let (mean, var) = if steps == 2 { (-0.5, 3.0) } else { (1.5, 0.25) };
                let plan = planned(row.name, &process, steps);
                let law = plan.affine_law(&process, mean, var);
                let seed = (77_000 + 1000 * p + 100 * i + steps) as u64;
                let values = draw(&mut gpu, &gaussian(&process, mean, var), &plan, ROWS, ROWS as usize, seed);
                let (z_mean, z_var) = z_scores(&values, law.mean, law.var);
                println!("{name} {:12} N = {steps:2}: mean z {z_mean:6.2}, variance z {z_var:6.2}", row.name);
                if !(z_mean.abs() < 5.85 && z_var.abs() < 5.96) {
                    wrong.push(format!("{name} {} N = {steps}: {z_mean} {z_var}", row.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_sampler_with_the_wrong_noise_or_time_is_caught() {
    let mut gpu = device();
    let process = Process::named("vp").unwrap();
    let score = gaussian(&process, 1.5, 0.25);
    let right = planned("em", &process, 16);
    let law = right.affine_law(&process, 1.5, 0.25);
    let mut judge = |plan: &Plan| {
        let (a, b) = z_scores(&draw(&mut gpu, &score, plan, ROWS, ROWS as usize, 5), law.mean, law.var);
        a.abs().max(b.abs())
    };
    let mut louder = right.clone();
    louder.stages.iter_mut().for_each(|s| s.c_noise *= 1.02);
    assert!(judge(&louder) > 5.96);
    let mut late = right.clone();
    for k in 0..15 {
        late.stages[k].time = right.stages[k + 1].time;
    }
    assert!(judge(&late) > 5.96);
}

#[test]
fn ddim_follows_a_point_mass_exactly_in_any_number_of_steps() {
    // the noise that belongs to a point mass is constant along the path, so one step is as good as many;
    // T = 2 keeps the growth factor m_s / m_T below 10, beyond which f32 cannot hold 1e-5
    let mut gpu = device();
    let process = Process::named("ou").unwrap().with_times(2.0, 1e-3).unwrap();
    for steps in [1, 2, 16] {
        let plan = planned("ddim", &process, steps);
        let got = draw(&mut gpu, &gaussian(&process, 1.5, 0.0), &plan, 500, 500, 3);
        let (m, sigma) = (process.mean(1e-3), process.sigma(1e-3));
        for (i, x) in got.iter().enumerate() {
            let start = plan.prior_std * normals(words(3, Purpose::SampleStart, (i / DIM) as u32, 0, 0))[i % DIM];
            let noise = (start - process.mean(2.0) * 1.5) / process.sigma(2.0);
            let truth = m * 1.5 + sigma * noise;
            assert!((f64::from(*x) - truth).abs() <= 1e-5, "N = {steps}: {x} for {truth}");
        }
    }
}

#[test]
fn exponential_integrators_keep_the_linear_part_exact() {
    // a law so wide that its score vanishes leaves x_s = m_s / m_T x_T, for every number of steps
    let mut gpu = device();
    let process = Process::named("vp").unwrap();
    for steps in [1, 2, 16] {
        let plan = planned("ei-ode", &process, steps);
        let got = draw(&mut gpu, &gaussian(&process, 0.0, 1e30), &plan, 500, 500, 4);
        let growth = process.mean(process.t0()) / process.mean(process.t_max());
        for (i, x) in got.iter().enumerate() {
            let start = plan.prior_std * normals(words(4, Purpose::SampleStart, (i / DIM) as u32, 0, 0))[i % DIM];
            assert!((f64::from(*x) - growth * start).abs() <= 4e-6 * growth * start.abs().max(1e-3), "N = {steps}");
        }
    }
}

/// A network as training makes it, with its first weights.
fn network() -> NetworkScore {
    let network =
        Network::new(&NetworkOptions { hidden: "40,33".into(), features: 6, ..Default::default() }, 3).unwrap();
    let mut weights = network.initial(8).unwrap();
    // some networks begin with an output of zero, which would prove nothing
    for (i, w) in weights.iter_mut().flatten().enumerate() {
        *w += 0.1 * normals(words(8, Purpose::Test, i as u32, 0, 0))[0] as f32;
    }
    NetworkScore { network, process: Process::named("ou").unwrap(), variance: 1.0, feature_seed: 8, weights }
}

#[test]
fn chunks_of_any_size_give_the_same_bytes() {
    let mut gpu = device();
    let process = Process::named("ou").unwrap();
    let (normal, network) = (gaussian(&process, 1.0, 0.5), network());
    let cases: [(&str, &dyn Score); 5] =
        [("ei", &network), ("ode-heun", &network), ("unipc", &network), ("edm", &network), ("em", &normal)];
    for (sampler, score) in cases {
        let plan = planned(sampler, &process, 3);
        let whole = draw(&mut gpu, score, &plan, 4096, 4096, 6);
        assert_eq!(whole.len(), 4096 * score.dim());
        for chunk in [1000, 33] {
            let pieces = draw(&mut gpu, score, &plan, 4096, chunk, 6);
            let same = whole.iter().zip(&pieces).all(|(a, b)| a.to_bits() == b.to_bits());
            assert!(same && whole.len() == pieces.len(), "{sampler} in chunks of {chunk}");
        }
        assert_ne!(whole, draw(&mut gpu, score, &plan, 4096, 4096, 7), "the seed matters");
    }
}

#[test]
fn deterministic_samplers_use_no_noise() {
    let process = Process::named("vp").unwrap();
    for row in SAMPLERS {
        let noisy = planned(row.name, &process, 8).stages.iter().any(|s| s.c_noise != 0.0);
        assert_eq!(noisy, !row.deterministic, "{}", row.name);
    }
}

#[test]
fn whole_reverse_processes_agree_with_the_reference() {
    let mut gpu = device();
    let network = network();
    for sampler in ["ei", "ode-heun", "ode-rk45", "unipc", "dpmpp-3m", "pc"] {
        let plan = planned(sampler, &network.process, 12);
        let there = draw(&mut gpu, &network, &plan, 45, 32, 9);
        let here = draw(&mut Reference::default(), &network, &plan, 45, 45, 9);
        let scale = here.iter().fold(0.0f32, |m, v| m.max(v.abs()));
        let worst = here.iter().zip(&there).fold(0.0f32, |m, (a, b)| m.max((a - b).abs()));
        assert!(worst <= 1e-4 * scale, "{sampler}: {worst:e} of {scale}");
    }
}

#[test]
fn chosen_steps_keep_the_error_below_the_tolerance_and_depend_on_the_seed_alone() {
    let mut gpu = device();
    for name in ["ou", "edm", "flow"] {
        let process = Process::named(name).unwrap();
        let score = gaussian(&process, 1.5, 0.25);
        let mut chosen = |tolerance: f64, seed: u64| {
            Probe { engine: &mut gpu, score: &score, process: &process, seed }.adaptive_grid(tolerance).unwrap()
        };
        let times = chosen(1e-4, 3);
        assert_eq!(times, chosen(1e-4, 3));
        assert_ne!(times, chosen(1e-4, 4));
        assert!(times.len() > chosen(1e-2, 3).len(), "{name}: a smaller tolerance takes more steps");
        // the law that these steps give, against that of the exact flow from the same start
        let law = |times: &[f64]| {
            plan("ode-rk45", &process, times, &SamplerOptions::default()).unwrap().affine_law(&process, 1.5, 0.25)
        };
        let (got, want) = (law(&times), law(&grid("log-snr", &process, 4000).unwrap()));
        let off = (got.mean - want.mean).abs().max((got.var.sqrt() - want.var.sqrt()).abs());
        println!("{name}: {} steps, off by {off:e}", times.len() - 1);
        // local errors of 1e-4 (1 + |x|) a step, which the contracting flow partly forgets
        assert!(off < 1e-4 * times.len() as f64, "{name}: {off:e} in {} steps", times.len() - 1);
    }
    let process = Process::named("ou").unwrap();
    let score = gaussian(&process, 1.5, 0.25);
    let mut probe = Probe { engine: &mut gpu, score: &score, process: &process, seed: 0 };
    assert!(probe.adaptive_grid(1e-9).is_err() && probe.adaptive_grid(f64::NAN).is_err());
}
