//! The threads of a software device and the cores they run on; alone in its process, for devices share neither.
#![cfg(target_os = "linux")]

use scorefield::gpu::{Choice, Gpu};

#[test]
fn threads_of_a_software_device_have_a_core_each() {
    let gpu = Gpu::open(&Choice::default()).expect("a device; install a software driver with `make test`");
    // told to make fewer threads, the driver leaves the choice to the scheduler
    if !gpu.adapter().is_software() || std::env::var_os("LP_NUM_THREADS").is_some() {
        return;
    }
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let own = std::fs::read_to_string("/proc/thread-self/comm").unwrap();
    let core = |path: std::path::PathBuf| {
        let ours = std::fs::read_to_string(path.join("comm")).ok()? == own;
        let status = std::fs::read_to_string(path.join("status")).ok()?;
        let list = status.lines().find_map(|l| l.strip_prefix("Cpus_allowed_list:"))?.trim().to_string();
        (ours && list.parse::<usize>().is_ok()).then_some(list)
    };
    let mut cores: Vec<String> = tasks.filter_map(|t| core(t.path())).collect();
    cores.sort();
    cores.dedup();
    // the driver makes no more than 32 threads, and knows nothing of quotas
    let available = std::thread::available_parallelism().unwrap().get();
    assert!(cores.len() >= available || available > 32, "{cores:?} of {available}");
}
