//! Draws every chart in both themes on synthetic data: `cargo run --example gallery [DIRECTORY]`.
#![allow(clippy::result_large_err)]

use scorefield::error::Result;
use scorefield::random::{Purpose, Stream};
use scorefield::render::charts::*;
use scorefield::render::{AnimationKind, FrameWriter, Theme};
use std::path::{Path, PathBuf};

type Point = (f64, f64);

fn centres() -> Vec<Point> {
    (0..8).map(|k| std::f64::consts::TAU * f64::from(k) / 8.0).map(|a| (2.8 * a.cos(), 2.8 * a.sin())).collect()
}

/// Eight Gaussians after the OU process ran for time t, with a little too much spread.
fn sample(n: u32, t: f64, extra: f64) -> Vec<Point> {
    let (m, s) = ((-t).exp(), (0.04 * (-2.0 * t).exp() + 1.0 - (-2.0 * t).exp() + extra).sqrt());
    let centres = centres();
    let draw = |i| {
        let mut stream = Stream::new(1, Purpose::Test, i, 0);
        let c = centres[stream.below(8) as usize];
        (m * c.0 + s * stream.normal(), m * c.1 + s * stream.normal())
    };
    (0..n).map(draw).collect()
}

/// Density and score of the same at x.
fn oracle(x: Point, t: f64) -> (f64, Point) {
    let (m, v) = ((-t).exp(), 0.04 * (-2.0 * t).exp() + 1.0 - (-2.0 * t).exp());
    let (mut p, mut g) = (1e-300, (0.0, 0.0));
    for c in centres() {
        let d = (m * c.0 - x.0, m * c.1 - x.1);
        let w = (-(d.0 * d.0 + d.1 * d.1) / (2.0 * v)).exp() / (8.0 * std::f64::consts::TAU * v);
        p += w;
        g = (g.0 + w * d.0 / v, g.1 + w * d.1 / v);
    }
    (p, (g.0 / p, g.1 / p))
}

fn grid(t: f64) -> Grid {
    let n = 240;
    let at = |i: usize| -4.0 + 8.0 * (i as f64 + 0.5) / n as f64;
    let values = (0..n * n).map(|k| oracle((at(k % n), -at(k / n)), t).0).collect();
    Grid { rows: n, columns: n, values, x_range: (-4.0, 4.0), y_range: (-4.0, 4.0) }
}

fn view(width: u32, theme: Theme, title: &str, caption: &str) -> View {
    let (x_range, y_range) = ((-4.0, 4.0), (-4.0, 4.0));
    let labels = ["x₁".to_owned(), "x₂".to_owned()];
    View { width, theme, title: title.to_owned(), caption: caption.to_owned(), x_range, y_range, labels }
}

fn planes(out: &dyn Fn(&str, u32, Result<scorefield::render::Drawing>), width: u32, theme: Theme) {
    let caption = "8gaussians@ffjord · 100\u{202F}000 samples · sliced W₂ 0.031 (floor 0.021)";
    let samples = sample(100_000, 0.0, 0.01);
    let density = grid(0.02);
    let v = view(width, theme, "Samples over the exact density", caption);
    out("scatter", width, scatter_over_density(&v, Picture::Density(&density), Picture::Cloud(&samples)));
    let few = view(width, theme, "Two thousand samples", caption);
    out("scatter_few", width, scatter_over_density(&few, Picture::Nothing, Picture::Cloud(&samples[..2000])));
    let v = view(width, theme, "Density at t = 0.1", caption);
    out("density", width, density_heat_map(&v, &grid(0.1), "density", false));
    let mut error = grid(0.1);
    error.values.iter_mut().enumerate().for_each(|(i, p)| *p *= ((i % 240) as f64 * 0.05).sin());
    out(
        "signed",
        width,
        density_heat_map(&view(width, theme, "Error of the log-density", ""), &error, "model − truth", true),
    );
    let k = 25;
    let at: Vec<Point> =
        (0..k * k).map(|i| (i % k, i / k)).map(|(i, j)| (-3.84 + 0.32 * i as f64, -3.84 + 0.32 * j as f64)).collect();
    let along: Vec<Point> = at.iter().map(|p| oracle(*p, 0.3).1).collect();
    let v = view(width, theme, "Score field ∇ log pₜ", "exact score of 8gaussians under the OU process");
    out("field", width, score_field(&v, &at, &along, Picture::Density(&grid(0.3)), "t = 0.30"));
    let (states, times) = fan();
    let v = view(
        width,
        theme,
        "Probability-flow trajectories",
        "150 paths · 120 steps of Heun · OU process, t from 3 to 0.001",
    );
    let last: Vec<Point> = states.chunks(2 * times.len()).map(|p| (p[p.len() - 2], p[p.len() - 1])).collect();
    out("fan", width, trajectory_fan(&v, Trajectories { states: &states, times: &times }, Picture::Cloud(&last)));
}

fn fan() -> (Vec<f64>, Vec<f64>) {
    let steps = 120;
    let times: Vec<f64> = (0..=steps).map(|k| 3.0 * (1.0 - f64::from(k) / f64::from(steps)).powi(2) + 0.001).collect();
    let mut states = Vec::new();
    for start in sample(150, 3.0, 0.0) {
        let mut x = start;
        states.extend([x.0, x.1]);
        for t in times.windows(2) {
            let dt = t[0] - t[1];
            let drift = |x: Point, t| {
                let s = oracle(x, t).1;
                (x.0 + s.0, x.1 + s.1)
            };
            let a = drift(x, t[0]);
            let b = drift((x.0 + dt * a.0, x.1 + dt * a.1), t[1]);
            x = (x.0 + dt * (a.0 + b.0) / 2.0, x.1 + dt * (a.1 + b.1) / 2.0);
            states.extend([x.0, x.1]);
        }
    }
    (states, times)
}

fn curves(out: &dyn Fn(&str, u32, Result<scorefield::render::Drawing>), width: u32, theme: Theme) {
    let mut noise = Stream::new(3, Purpose::Test, 0, 0);
    let clean = |s: f64| 0.262 + 0.9 * (-s / 700.0).exp() + 0.05 * (-s / 6000.0).exp();
    let steps: Vec<f64> = (1..=2000).map(|k| f64::from(k) * 10.0).collect();
    let values = steps.iter().map(|s| clean(*s) * (1.0 + 0.07 * noise.normal())).collect();
    let held: Vec<f64> = (1..=20).map(|k| f64::from(k) * 1000.0).collect();
    let held_values = held.iter().map(|s| clean(*s) + 0.006).collect();
    let train = Series { name: "train".into(), steps, values, kind: SeriesKind::Train, band: vec![] };
    let held =
        Series { name: "held out".into(), steps: held, values: held_values, kind: SeriesKind::HeldOut, band: vec![] };
    for (name, log) in [("loss", (false, true)), ("loss_loglog", (true, true)), ("loss_linear", (false, false))] {
        let (title, caption) =
            ("Denoising loss".into(), "8gaussians@ffjord · 128 × 3 SiLU · Adam 1e−3 · batch 512 · seed 0".into());
        let series = vec![train.clone(), held.clone()];
        let data = LossCurves { width, theme, title, caption, series, floor: Some((0.2534, 0.002)), log };
        out(name, width, loss_curves(&data));
    }
    let edges: Vec<f64> = (0..=24).map(|k| 1e-3 * 3000f64.powf(f64::from(k) / 24.0)).collect();
    let floors: Vec<f64> = (0..24).map(|k| 0.95 / (1.0 + (f64::from(k - 12) / 3.0).exp()) + 0.002).collect();
    let losses =
        floors.iter().enumerate().map(|(k, f)| f + 0.01 + 0.08 * (-((k as f64 - 9.0) / 4.0).powi(2)).exp()).collect();
    let bins = TimeBins {
        width,
        theme,
        title: "Where the loss is".into(),
        caption: "24 time bins · 2¹⁷ held-out draws".into(),
        edges,
        losses,
        floors,
        log_y: false,
    };
    out("bins", width, time_bins(&bins));
    out("bins_log", width, time_bins(&TimeBins { log_y: true, ..bins }));
    let row = |name: &str, value: f64, wide: f64| MetricBar {
        name: name.into(),
        value,
        interval: (value - wide, value + wide),
        floor: 0.021,
    };
    let rows = [
        row("DDPM ancestral, 100 steps", 0.034, 0.002),
        row("DDIM, 50 steps", 0.051, 0.003),
        row("Heun, 20 steps", 0.029, 0.002),
    ];
    out(
        "metrics",
        width,
        metric_bars(width, theme, "Samplers compared", "n = 100\u{202F}000, 10 repetitions", "sliced W₂", &rows),
    );
}

fn pairs(out: &dyn Fn(&str, u32, Result<scorefield::render::Drawing>), width: u32, theme: Theme, d: usize) {
    let cloud = |n: u32, extra: f64, seed| -> Vec<f64> {
        let mut all = Vec::new();
        for (i, p) in sample(n, 0.0, extra).into_iter().enumerate() {
            let mut s = Stream::new(seed, Purpose::Test, i as u32, 5);
            let z = [
                p.0,
                p.1,
                p.0 * p.1 / 4.0 + 0.3 * s.normal(),
                s.normal().powi(3) * 0.2,
                (p.0 + s.normal()).sin(),
                s.unit() * 20000.0,
            ];
            all.extend(&z[..d]);
        }
        all
    };
    let names: Vec<String> = (1..=d).map(|i| format!("feature {i}")).collect();
    let (real, generated) = (cloud(8000, 0.0, 1), cloud(8000, 0.05, 2));
    let data = PairPlot {
        width,
        theme,
        title: "Data and samples, pair by pair".into(),
        caption: "8 000 rows each".into(),
        names: &names,
        real: &real,
        generated: &generated,
    };
    out(&format!("pairs{d}"), width, pair_plot(&data, None));
}

/// The noising process backwards, as GIF and APNG.
fn film(directory: &Path, theme: Theme, name: &str) -> Result<()> {
    let frames = 60;
    for (kind, ending) in [(AnimationKind::Gif, "gif"), (AnimationKind::Apng, "apng")] {
        let mut writer = None;
        for k in 0..frames {
            let t = 2.5 * (1.0 - f64::from(k) / f64::from(frames - 1)).powi(2);
            let view = view(480, theme, "From noise to data", &format!("8gaussians · 20 000 points · t = {t:.3}"));
            let image = scatter_over_density(&view, Picture::Nothing, Picture::Cloud(&sample(20_000, t, 0.0)))?.image;
            if writer.is_none() {
                let file = std::fs::File::create(directory.join(format!("film_{name}.{ending}")));
                let file =
                    file.map_err(|e| scorefield::error::Error::write(scorefield::error::Problem::new(e.to_string())))?;
                writer = Some(FrameWriter::new(
                    kind,
                    image.width(),
                    image.height(),
                    frames,
                    20.0,
                    std::io::BufWriter::new(file),
                )?);
            }
            if let Some(writer) = &mut writer {
                writer.push(&image)?;
            }
        }
        if let Some(writer) = writer {
            writer.finish()?;
        }
    }
    Ok(())
}

fn main() {
    let directory = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "out".to_owned()));
    for (name, theme) in Theme::ALL {
        let save = |chart: &str, width: u32, drawing: Result<scorefield::render::Drawing>| match drawing {
            Ok(drawing) => {
                let path: &Path = &directory.join(format!("{chart}_{name}_{width}.png"));
                if let Err(error) = drawing.image.save(path) {
                    eprintln!("{}: {error}", path.display());
                }
            }
            Err(error) => eprintln!("{chart}: {error}"),
        };
        for width in [320, 800, 1600] {
            planes(&save, width, *theme);
            curves(&save, width, *theme);
        }
        if let Err(error) = film(&directory, *theme, name) {
            eprintln!("film: {error}");
        }
        pairs(&save, 900, *theme, 3);
        pairs(&save, 1400, *theme, 6);
    }
}
