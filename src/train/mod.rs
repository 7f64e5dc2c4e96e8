//! Training: batches drawn and noised on the device, score matching, optimiser, moving average.
//!
//! A training step is one recording ([`step`]); [`Trainer`] runs it many times a submission and reads back once a tick.
//! Everything that depends on time or on the step is computed in f64 on the host ([`times`], [`schedule`]) and uploaded.

pub mod data;
pub mod floor;
mod fused;
pub mod losses;
pub mod options;
pub mod schedule;
mod step;
pub mod teacher;
pub mod times;
mod trainer;

pub use data::Dataset;
pub use losses::LOSSES;
pub use options::{ProcessOptions, TrainOptions};
pub use step::{CHUNK, Tensors};
pub use teacher::TEACHERS;
pub use trainer::{HeldOut, Setup, State, Tick, Trainer, needs};
