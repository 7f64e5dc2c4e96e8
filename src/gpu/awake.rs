//! Keeps the processor awake while it stands in for a GPU.
//!
//! A software device ends every kernel with a barrier between its threads. Where a core goes to sleep at such a barrier,
//! waking it takes 60 microseconds and more in a virtual machine, instead of 5: half the time of a small training step. So
//! while kernels run, threads of idle priority keep the cores from sleeping; whatever else wants to run goes first.
//!
//! Cores that never sleep look busy to the scheduler, which then no longer spreads what it wakes: the driver's threads meet
//! on one core and take turns there. So each of them is bound to a core of its own.

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
    /// One a core for a software device under Linux, whose threads are those that were not there `before`; elsewhere none.
    pub fn of(software: bool, before: &[Task]) -> Self {
        let shared = Arc::new(Shared { start: Instant::now(), until: AtomicU64::new(0), gone: AtomicBool::new(false) });
        let wanted =
            if software && cfg!(target_os = "linux") { available_parallelism().map_or(0, usize::from) } else { 0 };
        if software {
            spread(before);
        }
        let spawn = |core| {
            let shared = shared.clone();
            std::thread::Builder::new()
                .name("awake".into())
                .stack_size(64 << 10)
                .spawn(move || spin(&shared, core))
                .ok()
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

fn spin(shared: &Shared, core: usize) {
    // at any other priority this would be in the way of the work
    if !idle_priority() {
        return;
    }
    stay_on(0, core);
    while !shared.gone.load(Ordering::Relaxed) {
        if shared.start.elapsed().as_micros() as u64 >= shared.until.load(Ordering::Relaxed) {
            std::thread::park();
            continue;
        }
        // who waits for this core is seen at once; a loop that stays out of the kernel is only left at an interrupt
        std::thread::yield_now();
    }
}

/// Gives this thread the priority below all others.
#[cfg(target_os = "linux")]
fn idle_priority() -> bool {
    let none = libc::sched_param { sched_priority: 0 };
    // SAFETY: plain numbers go in, and 0 is this thread
    unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &none) == 0 }
}

/// A thread of this process, by what the system knows of it.
pub struct Task {
    id: i32,
    name: String,
}

/// The threads of this process in the order in which they were made, as far as the system tells.
pub fn threads() -> Vec<Task> {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let thread = |task: std::fs::DirEntry| {
        let id = task.file_name().to_str()?.parse().ok()?;
        Some(Task { id, name: std::fs::read_to_string(task.path().join("comm")).ok()? })
    };
    let mut all: Vec<Task> = tasks.filter_map(thread).collect();
    all.sort_by_key(|t| t.id);
    all
}

/// Binds the threads that run kernels to one core each, and that of the queue, which sleeps while they run, to the first. Where
/// the driver was told to make fewer than there are cores, others want those, and the scheduler knows best.
fn spread(before: &[Task]) {
    let new: Vec<Task> = threads().into_iter().filter(|t| before.iter().all(|b| b.id != t.id)).collect();
    let own = std::fs::read_to_string("/proc/thread-self/comm").unwrap_or_default();
    let (queue, workers) = roles(&new, &own);
    if workers.is_empty() || workers.len() < available_parallelism().map_or(usize::MAX, usize::from) {
        return;
    }
    queue.iter().for_each(|&t| stay_on(t, 0));
    workers.iter().enumerate().for_each(|(i, &t)| stay_on(t, i));
}

/// The threads of the driver's queue and those that run kernels. llvmpipe names the threads that draw; as many run kernels,
/// which it makes last and which are called what the thread is called that opened the device.
fn roles(new: &[Task], opener: &str) -> (Vec<i32>, Vec<i32>) {
    let drawing = new.iter().filter(|t| t.name.starts_with("llvmpipe")).count();
    let mut others: Vec<i32> = new.iter().filter(|t| t.name == opener).map(|t| t.id).collect();
    let workers = others.split_off(others.len().saturating_sub(drawing));
    (others, workers)
}

/// Binds a thread (0: this one) to the `nth` core that the process may use, counted round and round.
#[cfg(target_os = "linux")]
fn stay_on(thread: i32, nth: usize) {
    // SAFETY: the sets are plain bits of the stated size
    unsafe {
        let mut allowed: libc::cpu_set_t = std::mem::zeroed();
        if libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut allowed) != 0 {
            return;
        }
        let cores: Vec<usize> = (0..libc::CPU_SETSIZE as usize).filter(|&c| libc::CPU_ISSET(c, &allowed)).collect();
        let mut own: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cores[nth % cores.len()], &mut own);
        libc::sched_setaffinity(thread, size_of::<libc::cpu_set_t>(), &own);
    }
}

#[cfg(not(target_os = "linux"))]
fn stay_on(_: i32, _: usize) {}

#[cfg(not(target_os = "linux"))]
fn idle_priority() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_run_kernels_are_told_from_the_others() {
        let made = ["main", "llvmpipe-0", "llvmpipe-1", "main", "main", "main:disk$0", "ctrl-c"];
        let new: Vec<Task> = (10..).zip(made).map(|(id, name)| Task { id, name: format!("{name}\n") }).collect();
        assert_eq!(roles(&new, "main\n"), (vec![10], vec![13, 14]));
        assert_eq!(roles(&new[..1], "main\n"), (vec![10], vec![]), "a driver that has no threads of its own");
        assert_eq!(roles(&[], "main\n"), (vec![], vec![]));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_stays_on_the_core_that_it_is_bound_to() {
        let allowed = || {
            let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
            status.lines().find_map(|l| l.strip_prefix("Cpus_allowed_list:")).unwrap().trim().to_string()
        };
        let bound = std::thread::spawn(move || {
            let mut seen = Vec::new();
            for nth in 0..2 {
                stay_on(0, nth);
                seen.push(allowed());
            }
            seen
        });
        let seen = bound.join().unwrap();
        // once it has one core left, every further count comes round to it
        assert!(seen[0].parse::<usize>().is_ok() && seen[0] == seen[1], "{seen:?}");
        let names = threads();
        assert!(names.windows(2).all(|w| w[0].id < w[1].id) && !names.is_empty());
    }

    #[test]
    fn threads_hold_for_a_while_and_end_with_their_owner() {
        let none = Awake::of(false, &[]);
        none.hold();
        assert!(none.threads.is_empty());
        let some = Awake::of(true, &threads());
        assert_eq!(some.threads.is_empty(), !cfg!(target_os = "linux"));
        some.hold();
        let clock = Instant::now();
        drop(some);
        assert!(clock.elapsed() < Duration::from_secs(5));
    }
}
