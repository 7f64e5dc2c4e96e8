//! Golden numbers, computed independently of this program, and identities.

use super::*;

/// KL(data at t0 || output) of one coordinate for normal data.
fn endpoint_kl(process: &Process, kind: &str, sampler: &str, n: usize, mean: f64, var: f64) -> f64 {
    let times = grid(kind, process, n).unwrap();
    let law = plan(sampler, process, &times, &SamplerOptions::default()).unwrap().affine_law(process, mean, var);
    gaussian_kl(process.marginal(process.t0(), mean, var), law)
}

#[track_caller]
fn close(got: f64, want: f64, relative: f64, what: &str) {
    assert!((got - want).abs() <= relative * want.abs(), "{what}: got {got}, want {want}");
}

#[test]
fn endpoint_kl_of_normal_data_is_the_published_one() {
    let ou = Process::named("ou").unwrap();
    let table: &[(f64, f64, &str, &str, [f64; 6])] = &[
        (0.0, 1.0, "uniform", "ei", [2.674e-3, 6.461e-4, 1.588e-4, 3.937e-5, 9.802e-6, 2.445e-6]),
        (0.0, 1.0, "benton", "ei", [3.117e-3, 7.228e-4, 1.745e-4, 4.289e-5, 1.063e-5, 2.647e-6]),
        (3.0, 0.25, "uniform", "ei", [3.818e-2, 9.891e-3, 2.483e-3, 6.198e-4, 1.547e-4, 3.863e-5]),
        (3.0, 0.25, "benton", "ei", [4.392e-3, 1.068e-3, 2.636e-4, 6.549e-5, 1.633e-5, 4.077e-6]),
        (3.0, 0.25, "benton", "em", [4.552e-3, 1.139e-3, 2.853e-4, 7.158e-5, 1.801e-5, 4.563e-6]),
        (3.0, 0.25, "benton", "ddpm", [1.360e-3, 3.419e-4, 8.569e-5, 2.145e-5, 5.366e-6, 1.344e-6]),
        (3.0, 0.25, "benton", "ei-ode", [1.827e-3, 6.170e-4, 3.084e-4, 2.305e-4, 2.109e-4, 2.060e-4]),
        (1.0, 0.01, "uniform", "ei", [0.9854, 0.6482, 0.3665, 0.1649, 0.0570, 0.0162]),
        (1.0, 0.01, "benton", "ei", [6.308e-3, 1.595e-3, 4.012e-4, 1.006e-4, 2.519e-5, 6.301e-6]),
        (1.0, 0.01, "benton", "ddim", [9.131e-4, 2.427e-4, 7.725e-5, 3.622e-5, 2.603e-5, 2.351e-5]),
        (0.0, 0.0, "uniform", "ei", [1.860, 1.491, 1.142, 0.8126, 0.5127, 0.2681]),
        (0.0, 0.0, "benton", "ei", [1.746e-2, 4.562e-3, 1.166e-3, 2.950e-4, 7.416e-5, 1.859e-5]),
    ];
    for (mean, var, kind, sampler, row) in table {
        for (n, want) in [50, 100, 200, 400, 800, 1600].into_iter().zip(row) {
            let got = endpoint_kl(&ou, kind, sampler, n, *mean, *var);
            // half a unit of the last digit given: four digits, three for the two smallest uniform entries
            let digits = if *want >= 0.01 && *want < 0.06 && *kind == "uniform" { 5e-3 } else { 6e-4 };
            close(got, *want, digits, &format!("N({mean},{var}) {kind} {sampler} {n}"));
        }
    }
}

#[test]
#[expect(clippy::approx_constant, reason = "a kappa of 0.318 is not 1/pi")]
fn path_kl_and_kappa_are_the_published_ones() {
    let ou = Process::named("ou").unwrap();
    let table: &[(f64, f64, &str, [f64; 6])] = &[
        (0.0, 1.0, "uniform", [0.4836, 0.2458, 0.1239, 0.06222, 0.03117, 0.01560]),
        (0.0, 1.0, "benton", [0.7366, 0.3785, 0.1919, 0.09661, 0.04847, 0.02428]),
        (3.0, 0.25, "benton", [0.8565, 0.4425, 0.2250, 0.1135, 0.05710, 0.02871]),
        (0.0, 0.0, "benton", [1.249, 0.6497, 0.3314, 0.1674, 0.08412, 0.04216]),
    ];
    for (mean, var, kind, row) in table {
        for (n, want) in [50, 100, 200, 400, 800, 1600].into_iter().zip(row) {
            let got = gaussian_path_kl(&ou, &grid(kind, &ou, n).unwrap(), *mean, *var);
            close(got, *want, 6e-4, &format!("path N({mean},{var}) {kind} {n}"));
        }
    }
    let benton = [0.318, 0.148, 0.0715, 0.0351, 0.0174, 0.00867];
    let uniform = [100.0, 50.0, 25.0, 12.5, 6.25, 3.12];
    for (i, n) in [50, 100, 200, 400, 800, 1600].into_iter().enumerate() {
        close(kappa(&grid("benton", &ou, n).unwrap()), benton[i], 2e-3, "kappa benton");
        close(kappa(&grid("uniform", &ou, n).unwrap()), uniform[i], 2e-3, "kappa uniform");
    }
    let coarse = ou.with_times(5.0, 0.01).unwrap();
    for (n, want) in [(20, 0.585), (40, 0.259), (80, 0.122), (160, 0.0593)] {
        close(kappa(&grid("benton", &coarse, n).unwrap()), want, 2e-3, "kappa delta .01");
    }
}

#[test]
fn vp_variances_are_the_published_ones() {
    let vp = Process::named("vp").unwrap();
    let small = SamplerOptions { variance: Some(Variance::BetaTilde), ..SamplerOptions::default() };
    let plain = SamplerOptions::default();
    type Row<'a> = (&'a str, &'a SamplerOptions, f64, [f64; 3], [f64; 2]);
    let table: [Row; 12] = [
        ("em", &plain, 1.0, [1.07486, 1.01415, 1.0014], [4.91e-5, 4.88e-7]),
        ("ei", &plain, 1.0, [1.15792, 1.02861, 1.0028], [1.97e-4, 1.95e-6]),
        ("ddpm", &small, 1.0, [0.71131, 0.921837, 0.991178], [1.70e-3, 1.97e-5]),
        ("ddim", &plain, 1.0, [0.833154, 0.964207, 0.99636], [3.36e-4, 3.33e-6]),
        ("ode-euler", &plain, 1.0, [1.0; 3], [0.0; 2]),
        ("ode-heun", &plain, 1.0, [1.0; 3], [0.0; 2]),
        ("em", &plain, 0.01, [0.069595, 0.0111791, 0.010176], [2.99e-3, 7.57e-5]),
        ("ei", &plain, 0.01, [0.0375225, 0.0130885, 0.0103728], [1.66e-2, 3.31e-4]),
        ("ddpm", &small, 0.01, [0.00225883, 0.00642112, 0.00946683], [5.72e-2, 7.64e-4]),
        ("ddim", &plain, 0.01, [0.00317386, 0.00795782, 0.00986829], [1.41e-2, 4.41e-5]),
        ("ode-euler", &plain, 0.01, [0.00552995, 0.00881298, 0.00997037], [4.17e-3, 2.20e-6]),
        ("ode-heun", &plain, 0.01, [0.0154408, 0.0103277, 0.0101115], [2.57e-4, 3.07e-5]),
    ];
    for (sampler, options, lambda, variances, kls) in table {
        for (i, n) in [20, 100, 1000].into_iter().enumerate() {
            let times = grid("uniform", &vp, n).unwrap();
            let law = plan(sampler, &vp, &times, options).unwrap().affine_law(&vp, 0.0, lambda);
            close(law.var, variances[i], 5e-5, &format!("{sampler} {lambda} {n}"));
            if i > 0 {
                let kl = gaussian_kl(GaussianLaw { mean: 0.0, var: lambda }, law);
                assert!((kl - kls[i - 1]).abs() <= 6e-3 * kls[i - 1] + 1e-14, "{sampler} {lambda} {n}: KL {kl}");
            }
        }
    }
    close(vp.marginal(1e-3, 0.0, 0.01).var, 0.0101088, 1e-5, "early stopping");
    close(vp.mean(1.0).powi(2), 4.32e-5, 2e-3, "alpha bar at T");
}

#[test]
fn special_cases_are_exact() {
    let ou = Process::named("ou").unwrap();
    let long = ou.with_times(20.0, 1e-3).unwrap();
    // fixed point (e^h + 1) / (3 - e^h) of the exponential integrator with standard normal data
    for (h, want) in [(0.1, 2.67563e-3), (0.05, 6.4637e-4), (0.01, 2.51675e-5)] {
        let times: Vec<f64> = (0..=2000).map(|k| 1e-3 + h * f64::from(2000 - k)).collect();
        let law = plan("ei", &long, &times, &SamplerOptions::default()).unwrap().affine_law(&long, 0.0, 1.0);
        close(law.var, (h.exp() + 1.0) / (3.0 - h.exp()), 1e-9, "fixed point");
        close(gaussian_kl(GaussianLaw { mean: 0.0, var: 1.0 }, law), want, 2e-5, "KL of the fixed point");
    }
    for sampler in ["ddpm", "ei-ode", "ode-euler", "ode-heun"] {
        for n in [1, 2, 7] {
            assert!(endpoint_kl(&ou, "benton", sampler, n, 0.0, 1.0) < 1e-20, "{sampler} {n}");
        }
    }
    let floor = gaussian_kl(ou.marginal(5.0, 3.0, 0.25), GaussianLaw { mean: 0.0, var: 1.0 });
    close(floor, 2.0430e-4, 1e-4, "initial error");
    // point mass: DDIM from the true law of x_T ends in the true law of x_t0, for every process
    let small = SamplerOptions { variance: Some(Variance::BetaTilde), ..SamplerOptions::default() };
    for row in PROCESSES {
        let p = Process::named(row.name).unwrap();
        for (sampler, options) in [("ddim", &SamplerOptions::default()), ("ddpm", &small)] {
            let times = grid("geometric", &p, 3).unwrap();
            let start = p.marginal(p.t_max(), 1.5, 0.0);
            let got = plan(sampler, &p, &times, options).unwrap().affine_law_from(&p, 1.5, 0.0, start);
            let want = p.marginal(p.t0(), 1.5, 0.0);
            close(got.mean, want.mean, 1e-9, row.name);
            close(got.var, want.var, 1e-6, row.name);
        }
    }
}

#[test]
fn the_analytic_variance_is_exact_for_normal_data() {
    for row in PROCESSES {
        let p = Process::named(row.name).unwrap();
        let times = grid("geometric", &p, 5).unwrap();
        let var = 0.3;
        let energy = times[..5].iter().map(|t| 1.0 / p.marginal(*t, 0.0, var).var).collect();
        let options = SamplerOptions {
            variance: Some(Variance::Analytic),
            energy_per_dim: Some(energy),
            ..SamplerOptions::default()
        };
        let start = p.marginal(p.t_max(), 0.7, var);
        let got = plan("ddpm", &p, &times, &options).unwrap().affine_law_from(&p, 0.7, var, start);
        let want = p.marginal(p.t0(), 0.7, var);
        close(got.mean, want.mean, 1e-8, row.name);
        close(got.var, want.var, 1e-8, row.name);
    }
}

#[test]
fn derivatives_inverse_and_identities_hold() {
    for row in PROCESSES {
        let p = Process::named(row.name).unwrap();
        for fraction in [1e-4, 0.01, 0.3, 0.9] {
            let t = p.t_max() * fraction;
            let h = 1e-5 * t;
            let slope = |f: &dyn Fn(f64) -> f64| (f(t + h) - f(t - h)) / (2.0 * h);
            let drift = slope(&|u| p.log_mean(u));
            assert!((drift - p.drift(t)).abs() <= 1e-7 * (1.0 + drift.abs()), "{} drift", row.name);
            close(p.mean(t).powi(2) * slope(&|u| p.ratio2(u)), p.diffusion2(t), 1e-6, "diffusion");
            close(p.time_at(p.log_snr(t)), t, 1e-10, "inverse");
            close(p.sigma(t), p.marginal(t, 0.0, 0.0).var.sqrt(), 1e-12, "sigma");
            // the weight of the frozen score against a Riemann sum
            let s = 0.5 * t;
            let n = 20_000;
            let sum: f64 = (0..n)
                .map(|k| s + (t - s) * (f64::from(k) + 0.5) / f64::from(n))
                .map(|u| p.diffusion2(u) / p.mean(u) * (t - s) / f64::from(n))
                .sum();
            close(p.score_weight(s, t), p.mean(s) * sum, 1e-7, "score weight");
        }
        let text = serde_json::to_string(&p).unwrap();
        assert_eq!(serde_json::from_str::<Process>(&text).unwrap(), p);
    }
    // the formulas of the theory for OU
    let ou = Process::named("ou").unwrap();
    let stage = plan("ei", &ou, &[1.0, 0.7], &SamplerOptions::default()).unwrap().stages[0];
    close(stage.c_x, 0.3f64.exp(), 1e-14, "e^g");
    close(stage.c_score, 2.0 * 0.3f64.exp_m1(), 1e-14, "2(e^g - 1)");
    close(stage.c_noise, 0.6f64.exp_m1().sqrt(), 1e-14, "sqrt(e^2g - 1)");
}

#[test]
fn any_number_of_steps_works_with_every_grid_and_sampler() {
    for row in PROCESSES {
        let p = Process::named(row.name).unwrap();
        for kind in GRIDS {
            for n in [1, 2, 3, 50] {
                let times = grid(kind.name, &p, n).unwrap();
                assert_eq!((times.len(), times[0], times[n]), (n + 1, p.t_max(), p.t0()), "{}", kind.name);
                for sampler in SAMPLERS {
                    let made = plan(sampler.name, &p, &times, &SamplerOptions::default()).unwrap();
                    assert_eq!(made.evaluations(), evaluations(sampler.name, n), "{}", sampler.name);
                    let law = made.affine_law(&p, 1.0, 0.5);
                    assert!(law.mean.is_finite() && law.var.is_finite(), "{} {}", sampler.name, kind.name);
                    let quiet = made.stages.iter().all(|s| s.c_noise == 0.0);
                    // in few steps churn finds no place
                    assert!(quiet == sampler.deterministic || (sampler.name == "edm" && n < 50), "{}", sampler.name);
                }
            }
        }
    }
}

/// Evaluations of the score in `n` steps, by the definition of each sampler.
fn evaluations(sampler: &str, n: usize) -> usize {
    match sampler {
        "ode-heun" | "edm" | "pc" => 2 * n,
        "ode-rk4" => 4 * n,
        "ode-rk45" => 6 * n,
        // one more where the first step has two stages
        "dpmpp-3m" | "deis" => n + 1,
        // five Langevin steps at N + 1 times
        "ald" => 5 * (n + 1),
        _ => n,
    }
}

#[test]
fn bad_requests_are_refused_with_the_numbers() {
    let made = |text: &str| serde_json::from_str::<Process>(text).map_err(|e| e.to_string());
    let refused = |text: &str, part: &str| {
        let message = made(text).unwrap_err();
        assert!(message.contains(part), "{message} lacks {part}");
    };
    refused(r#"{"name":"vpp"}"#, "one of ou, vp, vp-cosine");
    refused(r#"{"name":"vp","parameters":{"beta_mn":1}}"#, "beta_min");
    refused(r#"{"name":"vp","parameters":{"beta_min":-1}}"#, "found -1, expected at least 0");
    refused(r#"{"name":"vp","parameters":{"beta_max":0.05}}"#, "at least beta_min = 0.1");
    refused(r#"{"name":"ve","parameters":{"sigma_min":60}}"#, "above sigma_min = 60");
    refused(r#"{"name":"ou","t0":6}"#, "below t_max = 5");
    refused(r#"{"name":"ou","t0":0}"#, "above 0");
    refused(r#"{"name":"ou","t0":1e-39}"#, "sigma(t0)^2");
    refused(r#"{"name":"ou","t_max":200}"#, "within the range of f32");
    refused(r#"{"name":"ou","t_max":-1}"#, "t_max");
    let ou = Process::named("ou").unwrap();
    assert!(grid("uniform", &ou, 0).is_err() && grid("uniform", &ou, MAX_STEPS + 1).is_err());
    assert!(grid("bentn", &ou, 5).unwrap_err().problem().hint.is_some());
    let none = SamplerOptions::default();
    assert!(plan("ei", &ou, &[1.0, 1.0], &none).is_err() && plan("ei", &ou, &[1.0, f64::NAN], &none).is_err());
    let eta = |eta| SamplerOptions { eta: Some(eta), ..SamplerOptions::default() };
    assert!(plan("ei", &ou, &[1.0, 0.5], &eta(0.5)).is_err() && plan("ddim", &ou, &[1.0, 0.5], &eta(2.0)).is_err());
    let analytic = SamplerOptions { variance: Some(Variance::Analytic), ..SamplerOptions::default() };
    assert!(plan("ddpm", &ou, &[1.0, 0.5], &analytic).is_err());
}

/// The mixture .5 N(-3, 1) + .5 N(3, 1) with the exact score, the density of the chain propagated on a grid: KL, total
/// variation and second moment, computed independently to the digits given.
#[test]
fn the_chain_on_the_two_mode_mixture_has_the_published_distances() {
    type Row<'a> = (&'a str, &'a str, f64, &'a [(usize, f64, f64, f64)]);
    let table: [Row; 6] = [
        (
            "benton",
            "ei",
            5.0,
            &[
                (20, 1.641e-2, 0.0660, 9.667),
                (40, 4.532e-3, 0.0336, 9.721),
                (80, 1.199e-3, 0.0169, 9.766),
                (160, 3.088e-4, 0.00850, 9.793),
            ],
        ),
        (
            "uniform",
            "ei",
            5.0,
            &[(20, 3.761e-2, 0.0951, 9.675), (40, 1.015e-2, 0.0453, 9.741), (80, 2.719e-3, 0.0223, 9.780)],
        ),
        (
            "benton",
            "em",
            5.0,
            &[(20, 3.101e-2, 0.0976, 8.590), (40, 8.803e-3, 0.0506, 9.179), (80, 2.353e-3, 0.0257, 9.494)],
        ),
        (
            "benton",
            "ddpm",
            5.0,
            &[(20, 2.002e-2, 0.0758, 8.808), (40, 5.204e-3, 0.0375, 9.320), (80, 1.333e-3, 0.0186, 9.573)],
        ),
        ("benton", "ei", 3.0, &[(40, 4.417e-3, 0.0329, 9.678)]),
        ("benton", "ei", 2.0, &[(40, 4.582e-3, 0.0335, 9.618)]),
    ];
    for (kind, sampler, t_max, rows) in table {
        let ou = Process::named("ou").unwrap().with_times(t_max, 0.01).unwrap();
        for (n, kl, tv, second) in rows {
            let times = grid(kind, &ou, *n).unwrap();
            let got = propagate(&plan(sampler, &ou, &times, &SamplerOptions::default()).unwrap(), &ou);
            let what = format!("{kind} {sampler} T = {t_max} N = {n}");
            // half a unit of the last digit given
            close(got[0], *kl, 6e-4, &format!("{what}: KL"));
            close(got[1], *tv, 6e-3, &format!("{what}: total variation"));
            close(got[2], *second, 6e-5, &format!("{what}: second moment"));
        }
    }
}

/// KL(p_t0 || out), total variation and E x^2 of a one-stage plan on the mixture .5 N(-3, 1) + .5 N(3, 1).
fn propagate(made: &Plan, ou: &Process) -> [f64; 3] {
    let (n, h) = (3601usize, 0.01);
    let at = |i: usize| (i as f64 - 1800.0) * h;
    let normal = |x: f64, v: f64| (-0.5 * x * x / v).exp() / (std::f64::consts::TAU * v).sqrt();
    let mut density: Vec<f64> = (0..n).map(|i| normal(at(i), 1.0)).collect();
    for stage in &made.stages {
        let a = 3.0 * ou.mean(stage.time);
        let v = stage.c_noise * stage.c_noise;
        let mut next = vec![0.0; n];
        for (i, weight) in density.iter().enumerate().filter(|(_, d)| **d > 1e-18) {
            let x = at(i);
            let mean = stage.c_x * x + stage.c_score * (a * (a * x).tanh() - x);
            let reach = 9.0 * stage.c_noise / h;
            let centre = mean / h + 1800.0;
            let (low, high) = ((centre - reach).max(0.0) as usize, ((centre + reach).max(0.0) as usize).min(n - 1));
            for (j, cell) in next.iter_mut().enumerate().take(high + 1).skip(low) {
                *cell += weight * h * normal(at(j) - mean, v);
            }
        }
        density = next;
    }
    let a = 3.0 * ou.mean(ou.t0());
    let (mut kl, mut tv, mut second) = (0.0, 0.0, 0.0);
    for (i, q) in density.iter().enumerate() {
        let x = at(i);
        let p = 0.5 * (normal(x - a, 1.0) + normal(x + a, 1.0));
        second += h * q * x * x;
        tv += 0.5 * h * (p - q).abs();
        if p > 1e-30 && *q > 0.0 {
            kl += h * p * (p / q).ln();
        }
    }
    [kl, tv, second]
}
