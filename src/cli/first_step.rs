//! The first training step of a process, timed from outside: how long a user waits for the first sign of life.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::json;

use super::Context;
use super::bench::{range, spread};
use crate::bench::Spread;
use crate::bench::workload::QUICK;
use crate::error::{Error, Problem, Result};

/// Variables under which drivers keep no compiled shaders between processes.
const COLD: [(&str, &str); 2] = [("MESA_SHADER_CACHE_DISABLE", "true"), ("__GL_SHADER_DISK_CACHE", "0")];

/// Seconds from the start of a process to the end of its first training step, with and without the driver's cache.
pub(super) fn measure(context: &mut Context, repeats: usize) -> Result<()> {
    let times = |cold: bool| -> Result<Spread> {
        (0..repeats).map(|_| child(context, cold)).collect::<Result<Vec<f64>>>().map(Spread::of)
    };
    let cold = times(true)?;
    // fills the cache that the others find
    times(false)?;
    let warm = times(false)?;
    context.ui.say(&format!(
        "first training step ({}) from the start of the process\n    without the driver's shader cache {} s\n    \
         with it                           {} s",
        QUICK[1].label(),
        range(&cold),
        range(&warm)
    ))?;
    context.ui.value("first_step_s", json!({ "cold": spread(&cold), "warm": spread(&warm) }));
    Ok(())
}

fn child(context: &Context, cold: bool) -> Result<f64> {
    let fault = |e: std::io::Error| Error::bug(Problem::new(format!("this program cannot start itself: {e}")));
    let mut command = Command::new(std::env::current_exe().map_err(fault)?);
    command.args(["bench", "--first-step", "--quick", "--only", "B=4096", "--quiet"]);
    if context.global.family.is_none() {
        command.args(["--precision", context.global.precision.as_str()]);
    }
    for (flag, value) in [("--device", &context.global.device), ("--family", &context.global.family)] {
        command.args(value.iter().flat_map(|v| [flag, v.as_str()]));
    }
    if cold {
        command.envs(COLD);
    }
    let clock = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(fault)?;
    let mut said = String::new();
    let read = child.stdout.take().map(|out| BufReader::new(out).read_line(&mut said)).transpose().map_err(fault)?;
    let seconds = clock.elapsed().as_secs_f64();
    let status = child.wait().map_err(fault)?;
    if !status.success() || read.is_none() || said.trim() != "done" {
        return Err(Error::bug(Problem::new("a first step in a process of its own failed").found(status)));
    }
    Ok(seconds)
}
