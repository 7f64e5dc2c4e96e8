//! Orders of convergence, identities between samplers, and what the rows of the tables promise.

use super::*;

#[track_caller]
fn close(got: f64, want: f64, relative: f64, what: &str) {
    assert!((got - want).abs() <= relative * want.abs(), "{what}: got {got}, want {want}");
}

fn planned(sampler: &str, process: &Process, times: &[f64]) -> Plan {
    plan(sampler, process, times, &SamplerOptions::default()).unwrap()
}

/// A deterministic plan on plain numbers, from one start.
fn run(plan: &Plan, start: f64, score: &dyn Fn(f64, f64) -> f64) -> f64 {
    let (mut x, mut base, mut history) = (start, start, vec![0.0; HISTORY]);
    for stage in &plan.stages {
        let s = score(x, stage.time);
        let sum = |c: &[f64; HISTORY]| c.iter().zip(&history).map(|(c, y)| c * y).sum::<f64>();
        let new = stage.c_base * base + stage.c_x * x + stage.c_score * s + sum(&stage.c_history);
        base = match &stage.corrected {
            Some(c) => c.c_base * base + c.c_x * x + c.c_score * s + sum(&c.c_history),
            None if stage.last_of_step => new,
            None => base,
        };
        history.insert(0, stage.output[0] * x + stage.output[1] * s);
        x = new;
    }
    x
}

/// The score of .7 N(-1, .3^2) + .3 N(1.5, .5^2) in units of `scale`, at time t.
fn two_modes(p: &Process, scale: f64, x: f64, t: f64) -> f64 {
    let modes = [(0.7, -1.0, 0.3), (0.3, 1.5, 0.5)].map(|(w, mean, sd): (f64, f64, f64)| {
        let law = p.marginal(t, mean * scale, (sd * scale).powi(2));
        (w.ln() - 0.5 * law.var.ln() - 0.5 * (x - law.mean).powi(2) / law.var, (law.mean - x) / law.var)
    });
    // shares by the logistic function of the difference, which cannot overflow
    let share = 1.0 / (1.0 + (modes[1].0 - modes[0].0).exp());
    share * modes[0].1 + (1.0 - share) * modes[1].1
}

/// A window of times in which the asymptotic regime is reached.
fn window(name: &str) -> Process {
    let whole = Process::named(name).unwrap();
    let (from, to) = if name == "ou" { (2.0, 0.2) } else { (0.9 * whole.t_max(), 0.4 * whole.t_max()) };
    whole.with_times(from, to).unwrap()
}

/// The order seen between N and 2N for the largest N whose error stays above `rounding`.
fn observed(rounding: f64, error: &dyn Fn(usize) -> f64) -> (f64, usize) {
    let n = (2..=10).rev().map(|k| 1 << k).find(|n| error(2 * n) > rounding).unwrap_or(4);
    ((error(n) / error(2 * n)).log2(), n)
}

#[test]
fn every_sampler_converges_at_its_order_on_every_process() {
    let mut wrong = Vec::new();
    for row in PROCESSES {
        for (sampler, order) in SAMPLERS.iter().filter(|s| !s.adaptive).filter_map(|s| Some((s, s.order?))) {
            let p = window(row.name);
            let (mean, var) = (1.5, 0.3 * p.sigma(p.t0()).powi(2));
            let error = |n: usize| {
                let made = planned(sampler.name, &p, &grid("uniform", &p, n).unwrap());
                let got = made.affine_law_from(&p, mean, var, p.marginal(p.t_max(), mean, var));
                let want = p.marginal(p.t0(), mean, var);
                (got.var / want.var - 1.0).abs() + (got.mean - want.mean).abs() / want.var.sqrt()
            };
            let (got, n) = observed(1e-10, &error);
            println!("{:9} {:13} order {got:.3} at N = {n}", row.name, sampler.name);
            if (got - f64::from(order)).abs() > 0.15 {
                wrong.push(format!("{} {}: order {got} at N = {n}, error {:e}", row.name, sampler.name, error(n)));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_ode_samplers_have_their_order_on_a_mixture() {
    let mut wrong = Vec::new();
    for name in ["ou", "vp", "edm", "flow"] {
        for (sampler, order) in
            SAMPLERS.iter().filter(|s| s.deterministic && !s.adaptive).filter_map(|s| Some((s, s.order?)))
        {
            let p = window(name);
            let scale = 2.0 * p.sigma(p.t0()) / p.mean(p.t0());
            let score = |x: f64, t: f64| two_modes(&p, scale, x, t);
            let wide = p.sigma(p.t_max());
            let starts: Vec<f64> = (-6..=6).map(|k| 0.4 * wide * f64::from(k) + 0.05 * wide).collect();
            let ends = |sampler: &str, n: usize| -> Vec<f64> {
                let made = planned(sampler, &p, &grid("log-snr", &p, n).unwrap());
                starts.iter().map(|x| run(&made, *x, &score)).collect()
            };
            let truth = ends("ode-rk45", 4096);
            let error = |n: usize| {
                let worst = ends(sampler.name, n).iter().zip(&truth).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                worst / p.sigma(p.t0())
            };
            let (got, n) = observed(1e-10, &error);
            println!("{name:9} {:13} order {got:.3} at N = {n}", sampler.name);
            if (got - f64::from(order)).abs() > 0.15 {
                wrong.push(format!("{name} {}: order {got} at N = {n}, error {:e}", sampler.name, error(n)));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn runge_kutta_methods_have_their_order_on_a_smooth_field() {
    // sigma = t makes the slope t * score, so this is dY/dtau = cos(Y) + sin(3 t) Y: on scores of mixtures the fifth order
    // only shows below the rounding of f64
    let p = Process::named("edm").unwrap().with_times(4.0, 1.0).unwrap();
    let score = |x: f64, t: f64| (x.cos() + (3.0 * t).sin() * x) / t;
    let end = |name: &str, n: usize| -> Vec<f64> {
        let made = planned(name, &p, &grid("uniform", &p, n).unwrap());
        (0..9).map(|k| run(&made, 0.4 * f64::from(k) - 1.5, &score)).collect()
    };
    let truth = end("ode-rk45", 4096);
    for name in ["ode-euler", "ode-heun", "ode-rk4", "ode-rk45"] {
        let (got, n) =
            observed(1e-13, &|n| end(name, n).iter().zip(&truth).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max));
        let order = f64::from(sampler(name).unwrap().order.unwrap());
        assert!((got - order).abs() < 0.15, "{name}: order {got} at N = {n}");
    }
    // the pair makes the very same step, and its estimate is of the fifth power of the step
    let pair = Embedded { process: &p };
    let mut slope = |x: &[f64], t: f64| Ok(vec![score(x[0], t)]);
    let (next, _) = pair.step(&[1.1], 4.0, 3.9, &mut slope).unwrap();
    close(next[0], run(&planned("ode-rk45", &p, &[4.0, 3.9]), 1.1, &score), 1e-14, "a step");
    let mut error = |h: f64| pair.step(&[1.1], 4.0, 4.0 - h, &mut slope).unwrap().1[0].abs();
    let order = (error(0.04) / error(0.02)).log2();
    assert!((order - 5.0).abs() < 0.15, "the estimate is of order {order}");
}

#[test]
fn samplers_that_are_special_cases_of_each_other_agree() {
    let options = |text: &str| serde_json::from_str::<SamplerOptions>(text).unwrap();
    for row in PROCESSES {
        let p = Process::named(row.name).unwrap();
        let pairs = [
            ("deis", r#"{"order":1}"#, "ddim", "{}", 6),
            ("dpmpp-2m-sde", r#"{"eta":0}"#, "dpmpp-2m", "{}", 6),
            ("dpmpp-2m", "{}", "ddim", "{}", 1),
            ("unipc", "{}", "ddim", "{}", 1),
            ("dpmpp-2m-sde", "{}", "ddpm", r#"{"variance":"beta-tilde"}"#, 1),
            ("ddim", r#"{"eta":1}"#, "ddpm", r#"{"variance":"beta-tilde"}"#, 6),
        ];
        for (a, with_a, b, with_b, n) in pairs {
            let times = grid("karras", &p, n).unwrap();
            let law = |name, with| plan(name, &p, &times, &options(with)).unwrap().affine_law(&p, 0.8, 0.4);
            let (first, second) = (law(a, with_a), law(b, with_b));
            close(first.mean, second.mean, 1e-9, &format!("{} {a} and {b}, mean", row.name));
            close(first.var, second.var, 1e-9, &format!("{} {a} and {b}, variance", row.name));
        }
    }
    // where time is the noise level, deterministic EDM is Heun
    let p = Process::named("edm").unwrap();
    let times = grid("karras", &p, 9).unwrap();
    let law = |name, with| plan(name, &p, &times, &options(with)).unwrap().affine_law(&p, 0.8, 0.4);
    let (first, second) = (law("edm", r#"{"s_churn":0}"#), law("ode-heun", "{}"));
    close(first.mean, second.mean, 1e-12, "edm and heun");
    close(first.var, second.var, 1e-12, "edm and heun");
}

#[test]
fn churn_keeps_the_law_and_stays_within_its_limits() {
    let p = Process::named("edm").unwrap();
    let times = grid("karras", &p, 200).unwrap();
    let made = planned("edm", &p, &times);
    let noisy = |s: &Stage| s.c_noise > 0.0;
    assert!(made.stages.iter().any(noisy));
    // noise is only added on the way to times whose level lies within the limits
    for stage in made.stages.iter().filter(|s| noisy(s)) {
        let next = times[stage.step as usize + 1];
        assert!((0.05..=50.0).contains(&next), "noise before the step from {next}");
    }
    for name in ["ou", "vp", "flow", "edm"] {
        let p = Process::named(name).unwrap();
        let error = |n| {
            let law = planned("edm", &p, &grid("karras", &p, n).unwrap()).affine_law_from(
                &p,
                0.7,
                0.5,
                p.marginal(p.t_max(), 0.7, 0.5),
            );
            gaussian_kl(p.marginal(p.t0(), 0.7, 0.5), law)
        };
        assert!(error(256) < 1e-5 && error(256) < 0.2 * error(64), "{name}: {:e} {:e}", error(64), error(256));
    }
}

#[test]
fn langevin_samplers_come_to_the_law_as_their_steps_get_smaller() {
    let p = Process::named("ve").unwrap();
    let times = grid("geometric", &p, 1500).unwrap();
    let want = p.marginal(p.t0(), 0.3, 2.0);
    let options = |snr: f64, corrector_steps: u32| SamplerOptions {
        snr: Some(snr),
        corrector_steps: Some(corrector_steps),
        ..SamplerOptions::default()
    };
    let kl = |options| gaussian_kl(want, plan("pc", &p, &times, &options).unwrap().affine_law(&p, 0.3, 2.0));
    let (coarse, fine) = (kl(options(0.3, 2)), kl(options(0.1, 18)));
    assert!(fine < 0.2 * coarse, "{coarse:e} {fine:e}");
    // many Langevin steps at one level come to the known law of discretised Langevin, v / (1 - e / 2v)
    let t = 0.9;
    let (v, e) = (2.0 + p.sigma(t).powi(2), 2.0 * (0.3 * p.sigma(t)).powi(2));
    let law = plan("ald", &p, &[t, 0.999_999 * t], &options(0.3, 10_000)).unwrap().affine_law(&p, 0.3, 2.0);
    close(law.var, v / (1.0 - e / (2.0 * v)), 1e-4, "stationary variance");
    close(law.mean, 0.3, 1e-4, "stationary mean");
    // one Langevin step of N(0, v) at stationarity: v (1 - e/v)^2 + 2 e
    let made = plan("ald", &p, &[1.0, 0.9], &options(0.2, 1)).unwrap();
    let (v, e) = (1.0 + p.sigma(1.0).powi(2), 2.0 * (0.2 * p.sigma(1.0)).powi(2));
    let first = Plan { stages: made.stages[..1].to_vec(), ..made };
    let law = first.affine_law_from(&p, 0.0, 1.0, GaussianLaw { mean: 0.0, var: v });
    close(law.var, v * (1.0 - e / v).powi(2) + 2.0 * e, 1e-12, "a Langevin step");
}

#[test]
fn halving_the_quadratic_term_of_3m_would_cost_an_order() {
    let p = window("vp");
    let error = |n: usize, halved: bool| {
        let times = grid("log-snr", &p, n).unwrap();
        let mut made = planned("dpmpp-3m", &p, &times);
        if halved {
            halve(&mut made, &p);
        }
        (made.affine_law_from(&p, 1.5, 0.1, p.marginal(p.t_max(), 1.5, 0.1)).var - p.marginal(p.t0(), 1.5, 0.1).var)
            .abs()
    };
    let order = |halved| (error(64, halved) / error(128, halved)).log2();
    assert!((order(false) - 3.0).abs() < 0.15, "{}", order(false));
    assert!((order(true) - 2.0).abs() < 0.15, "{}", order(true));
}

/// Takes half of the term of the second divided difference out of all steps of equal size in lambda.
fn halve(made: &mut Plan, p: &Process) {
    for k in 3..made.stages.len() {
        let (t, s) = (made.stages[k].time, made.times[made.stages[k].step as usize + 1]);
        let h = p.log_snr(s) - p.log_snr(t);
        // the term is m_s (phi / 1) (D_0 - 2 D_1 + D_2) / 2 with phi = int e^-(h - x) (x / h)^2 dx
        let phi = 1.0 - 2.0 / h - 2.0 * (-h).exp_m1() / (h * h);
        let half = 0.25 * p.mean(s) * phi;
        let stage = &mut made.stages[k];
        stage.c_x -= half * stage.output[0];
        stage.c_score -= half * stage.output[1];
        stage.c_history[0] += 2.0 * half;
        stage.c_history[1] -= half;
    }
}

#[test]
fn the_ddpm_table_is_met_at_all_its_times() {
    for (start, end, count) in [(1e-4, 0.02, 1000), (2e-3, 0.2, 100), (0.1, 0.9, 10), (0.02, 0.03, 2)] {
        let parameters = [("beta_start", start), ("beta_end", end), ("timesteps", f64::from(count))];
        let p = Process::new(&ProcessConfig {
            name: "ddpm".into(),
            parameters: parameters.into_iter().map(|(k, v)| (k.to_owned(), v)).collect(),
            ..ProcessConfig::default()
        })
        .unwrap();
        let (mut alpha_bar, mut sum) = (1.0f64, 0.0f64);
        for k in 1..=count {
            let beta: f64 = start + (end - start) * f64::from(k - 1) / f64::from(count - 1);
            (alpha_bar, sum) = (alpha_bar * (1.0 - beta), sum + (-beta).ln_1p());
            let t = f64::from(k) / f64::from(count);
            close(p.mean(t).powi(2), alpha_bar, 1e-11, "alpha bar");
            close(p.log_mean(t), 0.5 * sum, 1e-11, "its logarithm");
            close(p.sigma(t).powi(2), -sum.exp_m1(), 1e-11, "1 - alpha bar");
            close(p.time_at(p.log_snr(t)), t, 1e-10, "inverse");
        }
    }
    // a step of the table is a step of the sampler: alpha_k = 1 - beta_k
    let p = Process::named("ddpm").unwrap();
    let made = planned("ddpm", &p, &[0.5, 0.499]);
    let beta = 1e-4 + (0.02 - 1e-4) * 499.0 / 999.0;
    close(made.stages[0].c_x, 1.0 / (1.0f64 - beta).sqrt(), 1e-12, "1 / sqrt(alpha)");
    close(made.stages[0].c_noise.powi(2), beta, 1e-9, "beta");
}

#[test]
fn functions_of_time_keep_their_digits_at_small_times() {
    for row in PROCESSES {
        let p = Process::named(row.name).unwrap();
        for t in [1e-9, 1e-7, 1e-5, 1e-3] {
            let t = t * p.t_max();
            // nu^2 from its own derivative, and the mean from the drift: integrals of positive functions
            let of = |f: &dyn Fn(f64) -> f64| quadrature::integral(0.0, t, f);
            close(p.ratio2(t), of(&|u| p.diffusion2(u) / p.mean(u).powi(2)), 1e-10, &format!("{} nu^2", row.name));
            assert!((p.log_mean(t) - of(&|u| p.drift(u))).abs() <= 1e-10 * p.log_mean(t).abs(), "{} m", row.name);
            let s = 0.3 * t;
            let weight = p.mean(s) * quadrature::integral(s, t, |u| p.diffusion2(u) / p.mean(u));
            close(p.score_weight(s, t), weight, 1e-10, &format!("{} score weight at {t}", row.name));
            close(p.time_at(p.log_snr(t)), t, 1e-10, &format!("{} inverse at {t}", row.name));
        }
    }
}

#[test]
fn grids_are_even_in_what_they_say() {
    for row in PROCESSES {
        let p = Process::named(row.name).unwrap();
        let nu = |t: f64| (-p.log_snr(t)).exp();
        let even = |kind: &str, of: &dyn Fn(f64) -> f64| {
            let values: Vec<f64> = grid(kind, &p, 7).unwrap().into_iter().map(of).collect();
            let step = (values[7] - values[0]) / 7.0;
            for pair in values.windows(2) {
                close(pair[1] - pair[0], step, 1e-8, &format!("{} {kind}", row.name));
            }
        };
        even("uniform", &|t| t);
        even("geometric", &f64::ln);
        even("log-snr", &|t| p.log_snr(t));
        even("cosine", &|t| nu(t).atan());
        even("karras", &|t| nu(t).powf(1.0 / 7.0));
    }
    let p = Process::named("edm").unwrap();
    // with rho = 1 and sigma = t, a uniform grid
    let (plain, uniform) = (grid_with("karras", &p, 5, &[("rho", 1.0)]).unwrap(), grid("uniform", &p, 5).unwrap());
    plain.iter().zip(&uniform).for_each(|(a, b)| close(*a, *b, 1e-12, "rho 1"));
    // the published grid of EDM, N = 3: (80^(1/7) + i/3 (0.002^(1/7) - 80^(1/7)))^7
    let root = |i: f64| (80f64.powf(1.0 / 7.0) + i / 3.0 * (0.002f64.powf(1.0 / 7.0) - 80f64.powf(1.0 / 7.0))).powi(7);
    close(grid("karras", &p, 3).unwrap()[1], root(1.0), 1e-12, "EDM");
    assert!(grid_with("karras", &p, 5, &[("rho", 0.0)]).is_err());
    let refused = grid_with("uniform", &p, 5, &[("rho", 2.0)]).unwrap_err().to_string();
    assert!(refused.contains("the grid karras"), "{refused}");
}

#[test]
fn other_names_and_options_are_understood_or_refused() {
    for row in SAMPLERS {
        for name in row.aliases {
            assert_eq!(sampler(name).unwrap().name, row.name);
        }
    }
    let ou = Process::named("ou").unwrap();
    let refused = |name: &str, text: &str, part: &str| {
        let options = serde_json::from_str(text).unwrap();
        let message = plan(name, &ou, &[1.0, 0.5], &options).unwrap_err().to_string();
        assert!(message.contains(part), "{message} lacks {part}");
    };
    refused("ei", r#"{"order":2}"#, "the sampler unipc or deis");
    refused("deis", r#"{"order":4}"#, "found 4, expected 1 to 3");
    refused("edm", r#"{"s_churn":-1}"#, "found -1, expected 0 to 1000000");
    refused("pc", r#"{"snr":0}"#, "found 0");
    refused("ddim", r#"{"snr":0.1}"#, "the sampler pc or ald");
    let many = SamplerOptions { corrector_steps: Some(10_000), ..SamplerOptions::default() };
    let message = plan("ald", &ou, &grid("uniform", &ou, 1000).unwrap(), &many).unwrap_err().to_string();
    assert!(message.contains("at most 4194304 evaluations"), "{message}");
    assert!(plan("dpmpp-2n", &ou, &[1.0, 0.5], &SamplerOptions::default()).unwrap_err().problem().hint.is_some());
}

#[test]
fn processes_refuse_times_and_parameters_that_have_no_meaning() {
    let refused = |text: &str, part: &str| {
        let message = serde_json::from_str::<Process>(text).map_err(|e| e.to_string()).unwrap_err();
        assert!(message.contains(part), "{message} lacks {part}");
    };
    refused(r#"{"name":"flow","t_max":1}"#, "below 1");
    refused(r#"{"name":"vp-cosine","t_max":1}"#, "below 1");
    refused(r#"{"name":"vp-cosine","parameters":{"cosine_s":0}}"#, "above 0");
    refused(r#"{"name":"ve-power","parameters":{"sigma_base":1}}"#, "above 1");
    refused(r#"{"name":"ddpm","t_max":1.5}"#, "the end of the table");
    refused(r#"{"name":"ddpm","parameters":{"timesteps":10.5}}"#, "a whole number");
    refused(r#"{"name":"ddpm","parameters":{"timesteps":20}}"#, "above 0.00057");
    refused(r#"{"name":"ddpm","parameters":{"beta_end":1}}"#, "below 1");
}
