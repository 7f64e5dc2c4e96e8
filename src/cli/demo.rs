//! `demo`: the first thing anyone runs. It is four other commands, printed as they would be typed.

use std::path::PathBuf;

use super::Context;
use crate::error::Result;

/// Train a toy set, sample it, measure it and draw it, in about a minute
#[derive(clap::Args)]
pub struct Args {
    /// Named distribution to learn; see `scorefield data`
    #[arg(default_value = "8gaussians@ffjord")]
    data: String,
    /// Run directory; one that is there already is moved to NAME.old-N
    #[arg(long, default_value = "demo")]
    out: PathBuf,
    /// Training steps
    #[arg(long, default_value_t = 6000)]
    steps: u32,
}

/// Runs the commands.
pub fn run(context: &mut Context, args: &Args) -> Result<()> {
    let out = args.out.display().to_string();
    let clock = std::time::Instant::now();
    let steps = args.steps.to_string();
    let small = ["--hidden", "64x3", "--batch-size", "512", "--n", "100000", "--steps", &steps];
    let train = [&["train", &args.data, "--out", &out, "--overwrite"], &small[..]].concat();
    let commands: [&[&str]; 3] =
        [&train, &["eval", &out, "-n", "20000", "--exact-rows", "1024"], &["plot", &out, "--kind", "all"]];
    for command in commands {
        context.ui.say(&format!("\n$ scorefield {}", command.join(" ")))?;
        super::nested(context, command)?;
    }
    context.ui.value("seconds_in_all", clock.elapsed().as_secs_f64());
    context.ui.say(&format!(
        "\nDone in {:.0} s. The pictures are in {}: begin with samples.png and reverse.gif.\n\
         Next: `scorefield train table.csv --out r` with a table of your own.",
        clock.elapsed().as_secs_f64(),
        args.out.join("figures").display()
    ))
}
