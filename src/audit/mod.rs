//! Where the error of a model comes from: every term of the bound measured on the model itself, in nats.
//!
//! ```text
//! KL(p_t0 || samples) <= initialisation + discretisation + score error + interaction
//! score error = approximation + estimation + optimisation                       (by training again)
//! ```
//!
//! Discretisation, score error and interaction are sums over exact paths ([`walk`]) and add up to the bound exactly; in one
//! dimension the error of the samples themselves is computed too, split in the same order.

mod known;
mod neighbours;
mod parts;
mod paths;
mod retrain;
mod rows;

pub use known::{Distances, Endpoint, endpoint, on_the_line};
pub use parts::{Audit, Cause, Part, Subject, Theory, audit, causes, tv_at_most};
pub use paths::{PathSums, Walk, walk};
pub use retrain::Retraining;
pub use rows::of_rows;
