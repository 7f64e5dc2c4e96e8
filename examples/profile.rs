//! Kernel times of one training step: `cargo run --release --example profile -- 128x3 4096`.
use scorefield::gpu::{Choice, Gpu};
use scorefield::network::{Network, NetworkOptions};
use scorefield::process::Process;
use scorefield::train::{Dataset, Setup, TrainOptions, Trainer};
use std::sync::Arc;

fn main() {
    let mut args = std::env::args().skip(1);
    let hidden = args.next().unwrap_or("128x3".into());
    let batch: usize = args.next().and_then(|b| b.parse().ok()).unwrap_or(4096);
    let family = args.next();
    let act = args.next().unwrap_or("signrelu".into());
    let mut gpu = Gpu::open(&Choice::default()).unwrap();
    if let Some(f) = family {
        gpu.force_family(&f).unwrap();
    }
    let law: Arc<dyn scorefield::distribution::Distribution> =
        Arc::from(scorefield::distribution::parse("8gaussians").unwrap());
    let data = Dataset::from_distribution(law, 10_000, 0.1, false, 0).unwrap();
    let network = Network::new(&NetworkOptions { hidden, activation: act, ..Default::default() }, 2).unwrap();
    let options = TrainOptions { batch_size: batch, steps: 100_000, ..Default::default() };
    let setup = Setup::new(&network, &Process::named("ou").unwrap(), &data, &options, 0).unwrap();
    let mut trainer = Trainer::new(&mut gpu, setup).unwrap();
    let clock = std::time::Instant::now();
    trainer.run(1).unwrap();
    println!("first step {:.2} s", clock.elapsed().as_secs_f64());
    trainer.run(5).unwrap();
    let (mut total, mut rows) = (0.0, trainer.profile().unwrap());
    for _ in 0..5 {
        let again = trainer.profile().unwrap();
        for (r, a) in rows.iter_mut().zip(again) {
            r.seconds = r.seconds.min(a.seconds);
        }
    }
    for k in &rows {
        total += k.seconds;
        println!("{:40} {:3} {:9.1} us", k.kernel, k.launches, 1e6 * k.seconds);
    }
    println!("sum {:.2} ms", 1e3 * total);
    let clock = std::time::Instant::now();
    let n = (2.0 / total.max(1e-3)) as u32;
    let n = n.clamp(5, 1000);
    trainer.run(n).unwrap();
    println!("{:.1} steps/s", f64::from(n) / clock.elapsed().as_secs_f64());
}
