//! Scorefield trains score-based diffusion models on points, tables and shapes, samples them, draws what they do and
//! measures their error, through hand-written WGSL compute shaders. This page is the map of the library; the command
//! line in [`cli`] is one user of it.
//!
//! # Vocabulary
//!
//! The same words stand in Rust, WGSL, flags, files and documents.
//!
//! | word | meaning |
//! |---|---|
//! | time | runs from 0 (data) to T (noise); reverse processes stop at `t0` > 0 |
//! | process | x_t = m_t x_0 + sigma_t eps; `ou` is the house convention, dX = -X dt + sqrt(2) dW |
//! | score | grad_x log p_t(x); a network may predict something else, everything outside [`network`] sees scores |
//! | distribution | something that can be sampled; an *oracle* also knows log p_t(x) and its gradient at every t |
//! | grid | the decreasing list of times a sampler visits |
//! | sampler | how a reverse step is made: a list of affine stages ([`process::Plan`]) |
//! | recording | what to compute, as a value: kernels, named bindings, parameters |
//! | engine | what executes recordings: a device in f32, or the host in f64 |
//! | model units | the units the network sees; data = shift + scale * model |
//! | run | the directory that one training leaves |
//! | floor | what a number is when the model is exact |
//!
//! Shapes: `B` batch, `D` data dimension, `H` hidden width, `L` hidden layers, `N` reverse steps, `n` sample size.
//! Batched activations lie in panels of 64 whole rows ([`recording::PANEL`]). Units are nats; W2 is not squared.
//! `docs/conventions.md` has every formula, `docs/checkpoint.md` the file format.
//!
//! # Three flows
//!
//! ```text
//! data --> noising --> network forward --> loss --> backward --> optimiser      train, session
//! noise -> stages x Score --> states --> files, pictures, metrics               sample, evaluate, pictures
//! law ---> oracle --> exact score and density --> floors, errors, densities     distribution, evaluate
//! ```
//!
//! Two ideas carry the rest. [`score::Score`] is the hinge: points and a time in, scores out, whether a network or a
//! formula answers, so samplers, pictures and metrics ask nothing else. And a [`recording::Recording`] is a plain value
//! with two executors: [`gpu`] runs the WGSL kernel of a name, [`reference`][twins] its f64 twin; whole
//! training and reverse steps are compared that way ([`doctor`]).
//!
//! # Who may use whom
//!
//! From the bottom up; a room uses only rooms that stand before it. `tests/architecture.rs` holds the exact table.
//!
//! | rooms | what they know |
//! |---|---|
//! | [`error`], [`random`], [`report`] | refusals with exit codes; Philox; HTML |
//! | [`recording`], [`process`], [`io`], [`distribution`], [`metrics`] | values, formulas, files; nothing of each other |
//! | [`gpu`], [`network`], [`reference`][twins], [`render`] | executors and what they run; only `gpu` names wgpu |
//! | [`oracle`], [`train`], [`score`], [`sample`], [`likelihood`], [`evaluate`] | the flows, on any engine |
//! | [`bench`], [`doctor`], [`selection`] | how fast the device is, whether kernels are right, which are the fastest |
//! | [`model`], [`construct`], [`pictures`], [`config`], [`lint`], [`audit`], [`session`], [`study`] | a model or training as files, its error in parts |
//! | [`cli`] | parses, calls, prints |
//!
//! [twins]: mod@reference
//!
//! # A training and a sample, without the command line
//!
//! ```no_run
//! use scorefield::config::{self, RunConfig};
//! use scorefield::gpu::{Choice, Gpu};
//! use scorefield::{io::RunDir, model::Which, process, sample, session};
//!
//! # fn main() -> scorefield::error::Result<()> {
//! let mut gpu = Gpu::open(&Choice::default())?;
//! let config = RunConfig { source: "moons".into(), ..RunConfig::default() };
//! let loaded = config::load(&config)?;
//! let mut dir = RunDir::create(None, "moons", false)?;
//! let job = session::Job { config: &config, loaded: &loaded, dir: &mut dir, start: None };
//! let outcome = session::train(&mut gpu, job, &mut |_| {}, &|| None)?;
//!
//! let card = outcome.card;
//! let (score, _) = card.score(&card.checkpoint(&outcome.state)?, Which::Average, "memory")?;
//! let times = process::grid("benton", &score.process, 250)?;
//! let plan = process::plan("ei", &score.process, &times, &process::SamplerOptions::default())?;
//! let (shift, scale) = (&card.shift, &card.scale);
//! let request =
//!     sample::Request { score: &score, plan: &plan, count: 1000, chunk: 1000, seed: 0, shift, scale, follow: None };
//! sample::run(&mut gpu, &request, &mut |state| {
//!     if let sample::State::Samples { points, .. } = state {
//!         println!("{points:?}");
//!     }
//!     Ok(())
//! })?;
//! # Ok(())
//! # }
//! ```
pub mod audit;
pub mod bench;
pub mod cli;
pub mod config;
pub mod construct;
mod defaults;
pub mod distribution;
pub mod doctor;
pub mod error;
pub mod evaluate;
pub mod gpu;
pub mod io;
pub mod likelihood;
pub mod lint;
pub mod metrics;
pub mod model;
pub mod network;
pub mod oracle;
pub mod pictures;
pub mod process;
pub mod random;
pub mod recording;
pub mod reference;
pub mod render;
pub mod report;
pub mod sample;
pub mod score;
pub mod selection;
pub mod session;
pub mod study;
pub mod train;
