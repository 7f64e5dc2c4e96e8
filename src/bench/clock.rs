//! Timing: what is timed, how often, and who else was using the processor meanwhile.

use std::time::Instant;

use crate::error::Result;

/// How to time.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// Windows.
    pub repeats: usize,
    /// Seconds in a window.
    pub window: f64,
}

/// Seconds after which no further window begins, so that the slowest cell ends too.
const ENOUGH: f64 = 30.0;
/// Seconds of warm-up between the first call and the windows.
const WARM_UP: f64 = 0.3;

/// Median, least and greatest of some measurements.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The middle one, or the mean of the two in the middle.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// How many there are.
    pub count: usize,
}

impl Spread {
    /// Of any number of values; all NaN for none.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let count = values.len();
        let at = |i: usize| values.get(i).copied().unwrap_or(f64::NAN);
        let median = 0.5 * (at(count.saturating_sub(1) / 2) + at(count / 2));
        Self { median, min: at(0), max: at(count.saturating_sub(1)), count }
    }

    /// With every value put through a function; a falling one exchanges least and greatest.
    pub fn map(self, f: impl Fn(f64) -> f64) -> Self {
        let (a, b) = (f(self.min), f(self.max));
        Self { median: f(self.median), min: a.min(b), max: a.max(b), count: self.count }
    }
}

/// Processor time over some wall time, where the system tells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// Cores that this process kept busy; on a software device that is the device.
    pub own: f64,
    /// Cores that everything else kept busy meanwhile.
    pub others: f64,
}

/// What was measured.
#[derive(Debug, Clone)]
pub struct Timing {
    /// Seconds of the first call: compilation, tuning, first use of memory.
    pub first: f64,
    /// Repetitions a second.
    pub rate: Spread,
    /// Processor time during the windows; `None` where the system does not tell.
    pub usage: Option<Usage>,
    /// Seconds of all windows.
    pub wall: f64,
}

impl Clock {
    /// Times `run(n)`, which does `n` repetitions and returns when they are done; `most` bounds n.
    pub fn time(&self, most: u32, run: &mut dyn FnMut(u32) -> Result<()>) -> Result<Timing> {
        let clock = Instant::now();
        run(1)?;
        let first = clock.elapsed().as_secs_f64();
        let (clock, mut done, mut n) = (Instant::now(), 0, 1);
        while done < 2 || clock.elapsed().as_secs_f64() < WARM_UP {
            run(n)?;
            done += n;
            n = (n * 2).min(most).min(self.share(clock, done, most));
        }
        let n = self.share(clock, done, most);
        let (mut rates, before, clock) = (Vec::new(), Ticks::now(), Instant::now());
        while rates.len() < self.repeats.max(1) && (rates.is_empty() || clock.elapsed().as_secs_f64() < ENOUGH) {
            let (window, mut done) = (Instant::now(), 0);
            while done == 0 || window.elapsed().as_secs_f64() < self.window {
                run(n)?;
                done += n;
            }
            rates.push(f64::from(done) / window.elapsed().as_secs_f64());
        }
        let wall = clock.elapsed().as_secs_f64();
        let usage = before.zip(Ticks::now()).map(|(b, a)| a.since(b, wall));
        Ok(Timing { first, rate: Spread::of(rates), usage, wall })
    }

    /// Repetitions that fill a quarter of a window at the pace so far.
    fn share(&self, clock: Instant, done: u32, most: u32) -> u32 {
        let pace = clock.elapsed().as_secs_f64() / f64::from(done);
        ((0.25 * self.window / pace.max(1e-9)) as u32).clamp(1, most)
    }
}

/// Processor time used so far, in seconds.
#[derive(Clone, Copy)]
struct Ticks {
    own: f64,
    all: f64,
}

impl Ticks {
    /// From /proc under Linux, whose unit of time is a hundredth of a second on every platform.
    fn now() -> Option<Self> {
        let own = std::fs::read_to_string("/proc/self/stat").ok()?;
        let all = std::fs::read_to_string("/proc/stat").ok()?;
        Some(Self { own: own_ticks(&own)? / 100.0, all: all_ticks(&all)? / 100.0 })
    }

    fn since(self, before: Self, wall: f64) -> Usage {
        let (own, all) = (self.own - before.own, self.all - before.all);
        Usage { own: own / wall, others: ((all - own) / wall).max(0.0) }
    }
}

/// User and system time of a process: fields 14 and 15; the second field is a name that may hold anything.
fn own_ticks(stat: &str) -> Option<f64> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?)
}

/// Time that all processors spent on work: user, nice, system, both kinds of interrupts; idle, waiting and stolen time is none.
fn all_ticks(stat: &str) -> Option<f64> {
    let fields: Vec<f64> = stat.lines().next()?.split_whitespace().skip(1).map_while(|f| f.parse().ok()).collect();
    [0, 1, 2, 5, 6].iter().map(|&i| fields.get(i)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let s = Spread::of(vec![4.0, 1.0, 3.0, 2.0]);
        assert_eq!((s.median, s.min, s.max, s.count), (2.5, 1.0, 4.0, 4));
        assert_eq!(Spread::of(vec![5.0]).median, 5.0);
        assert!(Spread::of(Vec::new()).median.is_nan());
        let inverse = s.map(|v| 1.0 / v);
        assert_eq!((inverse.median, inverse.min, inverse.max), (0.4, 0.25, 1.0));
    }

    #[test]
    fn processor_time_is_read_past_a_name_with_brackets() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194560 123 0 0 0 150 25 0 0 20 0 3 0 900 1000 100";
        assert_eq!(own_ticks(stat), Some(175.0));
        assert_eq!(all_ticks("cpu  100 20 30 4000 5 6 7 800 0 0\ncpu0 1 2 3"), Some(163.0));
        assert_eq!((own_ticks(""), all_ticks("cpu x")), (None, None));
    }

    #[test]
    fn every_window_does_whole_calls_and_the_rate_is_theirs() {
        let clock = Clock { repeats: 3, window: 0.02 };
        let mut calls = Vec::new();
        let timing = clock.time(7, &mut |n| {
            std::thread::sleep(std::time::Duration::from_millis(u64::from(n)));
            calls.push(n);
            Ok(())
        });
        let timing = timing.unwrap();
        assert_eq!((calls[0], timing.rate.count), (1, 3));
        assert!(calls.iter().all(|n| (1..=7).contains(n)));
        // sleeping is never shorter than asked
        assert!(timing.rate.max <= 1000.0 && timing.rate.min > 0.0 && timing.first >= 0.001);
        assert!(timing.wall >= 0.06);
    }
}
