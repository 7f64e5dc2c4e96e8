//! Keeps the processor awake while it stands in for a GPU.
//!
//! A software device ends every kernel with a barrier between its threads. Where a core goes to sleep at such a barrier,
//! waking it takes 60 microseconds and more in a virtual machine, instead of 5: half the time of a small training step. So
//! while kernels run, threads of idle priority keep the cores from sleeping; whatever else wants to run goes first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{JoinHandle, available_parallelism};
use std::time::{Duration, Instant};

/// How long the cores stay awake after the last [`Awake::hold`]: a little longer than a submission takes.
const HOLD: Duration = Duration::from_millis(80);

struct Shared {
    start: Instant,
    /// Microseconds after `start` until which the cores stay awake.
    until: AtomicU64,
    gone: AtomicBool,
}

/// Threads that keep the cores awake, or none.
pub struct Awake {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Awake {
    /// One a core for a software device under Linux; elsewhere none.
    pub fn of(software: bool) -> Self {
        let shared = Arc::new(Shared { start: Instant::now(), until: AtomicU64::new(0), gone: AtomicBool::new(false) });
        let wanted =
            if software && cfg!(target_os = "linux") { available_parallelism().map_or(0, usize::from) } else { 0 };
        let spawn = |_| {
            let shared = shared.clone();
            std::thread::Builder::new().name("awake".into()).stack_size(64 << 10).spawn(move || spin(&shared)).ok()
        };
        let threads = (0..wanted).filter_map(spawn).collect();
        Self { shared, threads }
    }

    /// Keeps the cores awake for a while from now on.
    pub fn hold(&self) {
        let until = self.shared.start.elapsed() + HOLD;
        self.shared.until.store(until.as_micros() as u64, Ordering::Relaxed);
        self.threads.iter().for_each(|t| t.thread().unpark());
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        self.shared.gone.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

fn spin(shared: &Shared) {
    // at any other priority this would be in the way of the work
    if !idle_priority() {
        return;
    }
    while !shared.gone.load(Ordering::Relaxed) {
        if shared.start.elapsed().as_micros() as u64 >= shared.until.load(Ordering::Relaxed) {
            std::thread::park();
            continue;
        }
        (0..200).for_each(|_| std::hint::spin_loop());
    }
}

/// Gives this thread the priority below all others.
#[cfg(target_os = "linux")]
fn idle_priority() -> bool {
    let none = libc::sched_param { sched_priority: 0 };
    // SAFETY: plain numbers go in, and 0 is this thread
    unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &none) == 0 }
}

#[cfg(not(target_os = "linux"))]
fn idle_priority() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_hold_for_a_while_and_end_with_their_owner() {
        let none = Awake::of(false);
        none.hold();
        assert!(none.threads.is_empty());
        let some = Awake::of(true);
        assert_eq!(some.threads.is_empty(), !cfg!(target_os = "linux"));
        some.hold();
        let clock = Instant::now();
        drop(some);
        assert!(clock.elapsed() < Duration::from_secs(5));
    }
}
