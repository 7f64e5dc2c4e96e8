//! Everything that touches the file system: tables in, points and checkpoints out, and the run directory.
//!
//! | file            | what it does                                                             |
//! |-----------------|--------------------------------------------------------------------------|
//! | `input.rs`      | opens what a user names: regular files and stdin, size limits, formats    |
//! | `table.rs`      | [`read_table`]: a CSV, NPY or NPZ file as rows of numbers, by its content  |
//! | `csv.rs`        | text tables, one pass (`lines.rs`, `cell.rs`)                            |
//! | `npy.rs`        | NumPy arrays (`npy_header.rs`); `npz.rs`: archives of them                |
//! | `schema.rs`     | [`Schema`]: what the columns are and how words become numbers and back    |
//! | `output.rs`     | [`OutputFile`]: a file that appears whole or not at all                   |
//! | `points.rs`     | [`PointWriter`]: rows streamed to NPY, CSV, TSV or JSON lines              |
//! | `density.rs`    | [`read_png_density`]: a picture as a probability density                  |
//! | `checkpoint.rs` | [`Checkpoint`]: named tensors in one sealed safetensors file (`header.rs`) |
//! | `run_dir.rs`    | [`RunDir`]: the directory of one training, with one writer (`lock.rs`)   |
//! | `preflight.rs`  | what can be refused of a run directory before anything is done           |
//!
//! Two rules hold throughout. A file from outside is measured before anything is allocated for it, so what a
//! header claims never decides how much memory is taken. A file that existed is only ever replaced by a rename
//! of a complete one.

mod cache;
mod cell;
mod checkpoint;
mod csv;
mod density;
mod header;
mod input;
mod lines;
mod lock;
mod npy;
mod npy_header;
mod npz;
mod output;
mod points;
mod preflight;
mod run_dir;
mod schema;
mod table;

use crate::error::{Error, Problem, Result};
pub use cache::cache_dir;
pub use checkpoint::{Checkpoint, Tensor, TensorData};
pub use density::{Density, read_png_density};
pub use input::{read_to_limit, sha256_of_file};
pub use output::{OutputFile, check_room, check_writable, is_closed_pipe, is_full};
pub use points::PointWriter;
pub use run_dir::{ENSEMBLE, RunDir};
pub use schema::{Column, Kind, Range, Schema};
pub use table::{Missing, ReadOptions, Table, read_table};

/// Room for `count` numbers; refused ([`Error::Device`]) where this machine has not so much memory.
pub fn reserve(count: usize, what: &str) -> Result<Vec<f32>> {
    let mut numbers = Vec::new();
    match numbers.try_reserve_exact(count) {
        Ok(()) => Ok(numbers),
        Err(_) => {
            let problem = Problem::new(format!("there is not enough memory for {what}"));
            Err(Error::device(problem.found(format!("{} MiB to hold", (count as u64) >> 18)).hint("ask for fewer")))
        }
    }
}

#[cfg(test)]
mod tests;
