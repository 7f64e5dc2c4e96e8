//! Parse, run, exit.

use std::process::ExitCode;

fn main() -> ExitCode {
    scorefield::cli::survive_file_limits();
    // a fault of the program ends in one line and exit code 70, not in a backtrace
    let outcome = std::panic::catch_unwind(|| scorefield::cli::main(std::env::args_os()));
    ExitCode::from(outcome.unwrap_or(70))
}
