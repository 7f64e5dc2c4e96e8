//! The standard workload in burn. usage: peer-burn flex|wgpu CELLS.json ROWS.jsonl [--repeats N] [--window SECONDS]
//!
//! Cells come from `scorefield bench --list --json`; rows are those of the Python peers.

use std::io::Write;
use std::time::Instant;

use burn::module::Module;
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Distribution, Int, Tensor, TensorData, activation};
use burn_nn::{Linear, LinearConfig};
use serde_json::{Value, json};

const ROWS: usize = 10_000;
const FEATURES: usize = 32;
const STEPS: usize = 250;
const T0: f64 = 1e-3;
const T1: f64 = 3.0;

type Fault = Box<dyn std::error::Error>;

/// A cell of the workload.
struct Cell {
    dim: usize,
    layers: usize,
    width: usize,
    batch: usize,
    activation: String,
}

impl Cell {
    fn read(v: &Value) -> Result<Self, Fault> {
        let n = |key: &str| v[key].as_u64().map(|n| n as usize).ok_or_else(|| format!("a cell has no {key}"));
        let activation = v["act"].as_str().ok_or("a cell has no act")?.to_string();
        Ok(Self { dim: n("D")?, layers: n("L")?, width: n("W")?, batch: n("B")?, activation })
    }
}

#[derive(Module, Debug)]
struct Network {
    layers: Vec<Linear>,
}

/// x for x >= 0, else x / (1 - x)
fn signrelu(x: Tensor<2>) -> Tensor<2> {
    let below = x.clone().clamp_max(0.0).neg().add_scalar(1.0);
    x.div(below)
}

impl Network {
    fn new(cell: &Cell, device: &Device) -> Self {
        let mut sizes = vec![cell.dim + FEATURES];
        sizes.extend(vec![cell.width; cell.layers]);
        sizes.push(cell.dim);
        Self { layers: sizes.windows(2).map(|s| LinearConfig::new(s[0], s[1]).init(device)).collect() }
    }

    /// x (B, D); t (B, 1) or (1, 1); frequencies (1, 16)
    fn forward(&self, kind: &str, x: Tensor<2>, t: Tensor<2>, frequencies: &Tensor<2>) -> Tensor<2> {
        let shape = [x.dims()[0], FEATURES / 2];
        let phase = t * frequencies.clone();
        let mut h = Tensor::cat(vec![x, phase.clone().sin().expand(shape), phase.cos().expand(shape)], 1);
        for (i, layer) in self.layers.iter().enumerate() {
            h = layer.forward(h);
            if i + 1 < self.layers.len() {
                h = match kind {
                    "relu" => activation::relu(h),
                    "silu" => activation::silu(h),
                    _ => signrelu(h),
                };
            }
        }
        h
    }
}

fn frequencies(device: &Device) -> Tensor<2> {
    let half = FEATURES / 2;
    let w: Vec<f32> = (0..half).map(|k| 1000f64.powf(k as f64 / (half - 1) as f64) as f32).collect();
    Tensor::from_data(TensorData::new(w, [1, half]), device)
}

/// Two half circles, roughly standardised; the other coordinates are small. Nothing that is timed depends on the values.
fn moons(dim: usize) -> Vec<f32> {
    let value = |i: usize| {
        let (row, d) = (i / dim, i % dim);
        let angle = std::f64::consts::PI * (row / 2) as f64 / (ROWS / 2) as f64;
        let (x, y) = if row % 2 == 0 { (angle.cos(), angle.sin()) } else { (1.0 - angle.cos(), 0.5 - angle.sin()) };
        match d {
            0 => (x - 0.5) / 0.87,
            1 => (y - 0.25) / 0.49,
            _ => 0.1 * ((row * 131 + d * 29) as f64).sin(),
        }
    };
    (0..ROWS * dim).map(|i| value(i) as f32).collect()
}

/// Times `run(n)`, which does n steps and waits for the device: a first call alone, 0.3 s of warm-up, then windows.
fn measure(repeats: usize, window: f64, mut run: impl FnMut(usize)) -> Value {
    let seconds = |clock: &Instant| clock.elapsed().as_secs_f64();
    let clock = Instant::now();
    run(1);
    let first = seconds(&clock);
    let (clock, mut done) = (Instant::now(), 0);
    while done < 2 || seconds(&clock) < 0.3 {
        run(1);
        done += 1;
    }
    let n = ((0.25 * window * done as f64 / seconds(&clock)) as usize).max(1);
    let (mut rates, begin) = (Vec::new(), Instant::now());
    while rates.len() < repeats && (rates.is_empty() || seconds(&begin) < 30.0) {
        let (clock, mut done) = (Instant::now(), 0);
        while done == 0 || seconds(&clock) < window {
            run(n);
            done += n;
        }
        rates.push(done as f64 / seconds(&clock));
    }
    rates.sort_by(f64::total_cmp);
    let median = 0.5 * (rates[(rates.len() - 1) / 2] + rates[rates.len() / 2]);
    let (min, max) = (rates[0], rates[rates.len() - 1]);
    json!({ "median": median, "min": min, "max": max, "repeats": rates.len(), "first_call_s": first })
}

fn train(cell: &Cell, device: &Device, repeats: usize, window: f64) -> Value {
    let with_gradients = device.clone().autodiff();
    let on = &with_gradients;
    let waves = frequencies(on);
    let data = Tensor::<2>::from_data(TensorData::new(moons(cell.dim), [ROWS, cell.dim]), on);
    let mut network = Some(Network::new(cell, on));
    let mut adam = AdamConfig::new().with_epsilon(1e-8).init();
    measure(repeats, window, |n| {
        for _ in 0..n {
            let index = Tensor::<1>::random([cell.batch], Distribution::Uniform(0.0, ROWS as f64), on);
            let index: Tensor<1, Int> = index.int().clamp_max(ROWS as i32 - 1);
            let t = Tensor::<2>::random([cell.batch, 1], Distribution::Uniform(T0.ln(), T1.ln()), on).exp();
            let noise = Tensor::<2>::random([cell.batch, cell.dim], Distribution::Normal(0.0, 1.0), on);
            let sigma = t.clone().mul_scalar(-2.0).exp().neg().add_scalar(1.0).sqrt();
            let x = data.clone().select(0, index) * t.clone().neg().exp() + noise.clone() * sigma;
            // invariant: put back at the end of every turn
            let Some(now) = network.take() else { return };
            let loss = (now.forward(&cell.activation, x, t, &waves) - noise).square().mean();
            let gradients = GradientsParams::from_grads(loss.backward(), &now);
            network = Some(adam.step(1e-3, now, gradients));
        }
        device.sync().expect("the device finishes");
    })
}

fn sample(cell: &Cell, device: &Device, repeats: usize, window: f64) -> Value {
    let (waves, network) = (frequencies(device), Network::new(cell, device));
    let normal = || Tensor::<2>::random([cell.batch, cell.dim], Distribution::Normal(0.0, 1.0), device);
    let (mut x, mut i) = (normal(), 0);
    let h = (T1 - T0) / STEPS as f64;
    measure(repeats, window, |n| {
        for _ in 0..n {
            let t = T1 - i as f64 * h;
            let sigma = (1.0 - (-2.0 * t).exp()).sqrt();
            let time = Tensor::<2>::from_data(TensorData::new(vec![t as f32], [1, 1]), device);
            let noise = network.forward(&cell.activation, x.clone(), time, &waves);
            x = x.clone().mul_scalar(1.0 + h) - noise.mul_scalar(2.0 * h / sigma) + normal().mul_scalar((2.0 * h).sqrt());
            i = (i + 1) % STEPS;
            if i == 0 {
                x = normal();
            }
        }
        device.sync().expect("the device finishes");
    })
}

fn main() -> Result<(), Fault> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, backend, cells, rows, ..] = arguments.as_slice() else {
        return Err("usage: peer-burn flex|wgpu CELLS.json ROWS.jsonl [--repeats N] [--window SECONDS]".into());
    };
    let flag = |name: &str| arguments.iter().position(|a| a == name).and_then(|i| arguments.get(i + 1));
    let repeats = flag("--repeats").map_or(Ok(5), |v| v.parse())?;
    let window = flag("--window").map_or(Ok(0.7), |v| v.parse())?;
    let device = match backend.as_str() {
        "flex" => Device::flex(),
        "wgpu" => Device::wgpu(Default::default()),
        other => return Err(format!("no backend {other}: flex or wgpu").into()),
    };
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(rows)?;
    let list: Value = serde_json::from_str(&std::fs::read_to_string(cells)?)?;
    for given in list["cells"].as_array().ok_or("no cells in the list")? {
        let cell = Cell::read(given)?;
        let trains = given["kind"] == "train";
        let mut row = if trains { train } else { sample }(&cell, &device, repeats, window);
        let rate = row["median"].as_f64().unwrap_or(f64::NAN) * cell.batch as f64;
        let flops = if trains { 6.0 } else { 2.0 } * given["params"].as_f64().unwrap_or(f64::NAN);
        row["peer"] = json!("burn");
        row["variant"] = json!(backend);
        row["gflops"] = json!(flops * rate / 1e9);
        row[if trains { "samples_per_s" } else { "samplesteps_per_s" }] = json!(rate);
        for (key, value) in given.as_object().ok_or("a cell is no object")? {
            row[key] = value.clone();
        }
        println!("burn {backend}: {}: {} steps/s, first {} s", given["label"], row["median"], row["first_call_s"]);
        writeln!(file, "{row}")?;
    }
    Ok(())
}
