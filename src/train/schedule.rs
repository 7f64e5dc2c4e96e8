//! What changes from step to step: learning rate, bias corrections, decay of the moving average. f64, host only.

use super::options::TrainOptions;

/// A row of [`SCHEDULES`].
pub struct Schedule {
    /// What `--lr-schedule` takes.
    pub name: &'static str,
    /// One line for help and documentation.
    pub doc: &'static str,
    /// Factor of the learning rate at progress 0..1 of the training.
    pub factor: fn(f64) -> f64,
}

/// Every learning-rate schedule.
pub const SCHEDULES: &[Schedule] = &[
    Schedule { name: "constant", doc: "the same rate throughout", factor: |_| 1.0 },
    Schedule {
        name: "cosine",
        doc: "half a cosine from the full rate to a hundredth of it",
        factor: |p| 0.01 + 0.99 * 0.5 * (1.0 + (std::f64::consts::PI * p).cos()),
    },
    Schedule { name: "step", doc: "a tenth of the rate after each third", factor: |p| 0.1f64.powi((3.0 * p) as i32) },
];

/// Row of the device's schedule for `step` (from 0): rate, 1/(1 - beta1^t), 1/(1 - beta2^t), decay of the average.
pub fn row(options: &TrainOptions, step: u32) -> [f32; 4] {
    let t = f64::from(step) + 1.0;
    let warm = if step < options.warmup { t / (f64::from(options.warmup) + 1.0) } else { 1.0 };
    let progress = f64::from(step) / f64::from(options.steps);
    let factor = SCHEDULES.iter().find(|s| s.name == options.lr_schedule).map_or(1.0, |s| (s.factor)(progress));
    let correct = |beta: f64| 1.0 / -(t * beta.ln()).exp_m1();
    let [c1, c2] = [options.beta1, options.beta2].map(|b| if b == 0.0 { 1.0 } else { correct(b) });
    // the average follows quickly at first, so that it does not remember the initial weights
    let keep = options.ema.min(t / (t + 10.0));
    [options.lr * warm * factor, c1, c2, keep].map(|v| v as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_warms_up_and_comes_down_and_corrections_are_those_of_adam() {
        let options = TrainOptions { steps: 1000, warmup: 10, lr: 1.0, ..TrainOptions::default() };
        assert!(row(&options, 0)[0] < 0.1);
        assert!(row(&options, 10)[0] > 0.99);
        assert!(row(&options, 999)[0] < 0.011);
        assert!((f64::from(row(&options, 0)[1]) - 10.0).abs() < 1e-5);
        assert!((f64::from(row(&options, 1)[2]) - 1.0 / (1.0 - 0.999f64.powi(2))).abs() < 1e-3);
    }
}
