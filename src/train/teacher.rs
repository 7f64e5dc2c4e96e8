//! Whose score a network is to learn: explicit score matching against a law that is known.
//!
//! Denoising score matching asks for the noise that was drawn; its expectation is the score (Vincent 2011). A teacher gives
//! that expectation itself, so the loss has no floor but 0 and its gradient less noise. Everything else of a training,
//! the held-out loss included, stays as it is.

use crate::error::{Error, Problem, Result};
use crate::network::{Network, row};
use crate::oracle::{Bound, Law};
use crate::process::Process;
use crate::recording::{Arena, Dispatch, Engine, PANEL, Recording, Tensor, Work, pad};

use super::data::Dataset;
use super::losses::loss;
use super::options::TrainOptions;

/// A row of [`TEACHERS`].
pub struct TeacherRow {
    /// What `--teacher` takes.
    pub name: &'static str,
    /// One line for help and documentation.
    pub doc: &'static str,
    law: fn(&Dataset) -> Result<Option<Law>>,
}

/// Every teacher.
pub const TEACHERS: &[TeacherRow] = &[
    TeacherRow { name: "none", doc: "the noise that was drawn", law: |_| Ok(None) },
    TeacherRow { name: "exact", doc: "the exact score of the law of the data", law: exact },
    TeacherRow {
        name: "empirical",
        doc: "the score of the training rows as atoms, which remembers them",
        law: empirical,
    },
];

fn exact(data: &Dataset) -> Result<Option<Law>> {
    match data.truth.as_ref().and_then(|law| law.oracle()) {
        Some(oracle) => Law::of(oracle).map(Some),
        None => Err(Error::usage(
            Problem::new("the exact score is only known where the law is")
                .at("--teacher exact")
                .found(&data.name)
                .expected("a named distribution or a PNG")
                .hint("--teacher empirical takes the rows of a file as the law"),
        )),
    }
}

fn empirical(data: &Dataset) -> Result<Option<Law>> {
    Law::empirical(&data.train, data.dim).map(Some)
}

/// The law that is learned from: nothing unless the loss is explicit, the exact law unless `--teacher` says another;
/// refuses one that is not known.
pub fn teacher(options: &TrainOptions, data: &Dataset) -> Result<Option<Law>> {
    let name = match options.teacher.as_str() {
        "none" if loss(options)?.taught => "exact",
        name => name,
    };
    (row(TEACHERS, |t| t.name, "--teacher", name)?.law)(data)
}

/// A teacher with its tensors planned.
pub struct Teacher {
    bound: Bound,
    points: Tensor,
    scores: Tensor,
    rows: usize,
    dim: usize,
}

/// What of a training a teacher looks at.
pub struct Lesson<'a> {
    pub input: &'a Tensor,
    pub coefficients: &'a Tensor,
    pub time_index: &'a Tensor,
    pub offset: &'a Tensor,
}

impl Teacher {
    /// Plans a teacher for batches of `rows`.
    pub fn new(arena: &mut Arena, law: &Law, rows: usize, process: &Process, times: &[f64]) -> Self {
        Self {
            bound: law.bind(arena, rows, process, times),
            points: arena.panel("points of the lesson", rows, law.dim()),
            scores: arena.panel("scores of the teacher", rows, law.dim()),
            rows: pad(rows, PANEL),
            dim: law.dim(),
        }
    }

    /// Uploads the law, once.
    pub fn upload(&self, engine: &mut dyn Engine) -> Result<()> {
        self.bound.upload(engine)
    }

    /// Puts the teacher's score in place of the noise that was drawn.
    pub fn record(&self, rec: &mut Recording, network: &Network, lesson: &Lesson) {
        let over = |kernel| {
            Dispatch::new(kernel, Work::Items(self.rows))
                .bind("x", &self.points)
                .bind("coefficients", lesson.coefficients)
                .bind("time_index", lesson.time_index)
                .param("rows", self.rows)
                .param("dim", self.dim)
                .param("times", lesson.coefficients.shape[0])
        };
        let features = network.options.features;
        rec.push(over("train/points").bind("input", lesson.input).param("features", features));
        self.bound.record(rec, &self.points, lesson.time_index, true, &self.scores);
        rec.push(over("train/teach").bind("scores", &self.scores).bind("offset", lesson.offset));
    }
}
