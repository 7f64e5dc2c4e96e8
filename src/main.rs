//! Parse, run, exit.

use std::process::ExitCode;

fn main() -> ExitCode {
    scorefield::cli::survive_file_limits();
    ExitCode::from(scorefield::cli::without_panics(|| scorefield::cli::main(std::env::args_os())))
}
