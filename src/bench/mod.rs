//! How fast a device is, and how fast this program is on it.
//!
//! [`ceilings`] measures what the device itself can do with small kernels of its own, [`workload`] is the list of trainings
//! and samplings that programs are compared by, [`run`] times a cell of it, [`exact`] the score of a known law, and [`clock`] holds the rules of timing: a first
//! call alone, a warm-up, then windows whose median, least and greatest rate are reported.

pub mod ceilings;
pub mod clock;
pub mod exact;
pub mod run;
pub mod workload;

pub use ceilings::{CEILINGS, Ceiling};
pub use clock::{Clock, Spread, Timing};
pub use workload::{Cell, Kind, cells};
