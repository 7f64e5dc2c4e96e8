//! Parse, run, exit.

use std::process::ExitCode;

fn main() -> ExitCode {
    scorefield::cli::survive_file_limits();
    let code = scorefield::cli::without_panics(|| scorefield::cli::main(std::env::args_os()));
    ExitCode::from(scorefield::gpu::leave(code))
}
