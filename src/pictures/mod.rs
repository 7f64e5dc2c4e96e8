//! Pictures of laws, data and models: samples, densities, score fields, trajectories, losses, noise becoming data.
//!
//! Every picture is a function of plain library values: a [`Subject`] (what the truth is), sometimes a [`Model`], a
//! [`Look`]. All pictures are in data units. Clouds are drawn by the device, axes and text by the host.

mod animate;
mod budget;
mod compare;
mod fan;
mod field;
mod gallery;
mod ground;
mod losses;
mod scatter;
mod spread;
mod subject;
mod sweep;

pub use animate::{Animation, FRAMES, Frames, Reverse, animate, open_animation};
pub use budget::{Estimate, Stack, budget};
pub use compare::{Comparison, Shown, curves, sheet};
pub use fan::trajectories;
pub use field::{default_times, score_fields};
pub use gallery::{Gallery, gallery};
pub use ground::density;
pub use losses::{Log, loss, times};
pub use scatter::samples;
pub use spread::pairs;
pub use subject::{Model, SMOOTH, Subject};
pub use sweep::{SweepCurve, SweepPanel, sweeps};

use std::path::Path;

use image::RgbaImage;

use crate::error::{Error, Problem, Result, nearest};
use crate::io::OutputFile;
use crate::render::Theme;

/// What all pictures of a command share.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Width in pixels.
    pub width: u32,
    /// Light or dark.
    pub theme: Theme,
}

/// A kind of still picture.
pub struct Kind {
    /// The name in `--kind`.
    pub name: &'static str,
    /// One line.
    pub doc: &'static str,
    /// Whether it needs a trained model.
    pub model: bool,
    /// Whether it needs the logs of a run.
    pub log: bool,
}

const fn kind(name: &'static str, doc: &'static str, model: bool, log: bool) -> Kind {
    Kind { name, doc, model, log }
}

/// Every kind of still picture. The command line and its help walk this table.
pub const KINDS: &[Kind] = &[
    kind("samples", "samples over the density of the data; a histogram in one dimension", false, false),
    kind("density", "the density of the data, beside that of the model's samples", false, false),
    kind("score", "the score as arrows over the density, at one or more times", false, false),
    kind("trajectories", "paths of the reverse process from noise to data", true, false),
    kind("loss", "training and held-out loss, with the floor no model can get below", false, true),
    kind("times", "held-out loss by time, against the floor of each time", false, true),
    kind("pairs", "all pairs of columns: histograms and scatters", false, false),
];

/// The row of [`KINDS`] called `name`.
pub fn kind_of(name: &str) -> Result<&'static Kind> {
    let names: Vec<&str> = KINDS.iter().map(|k| k.name).chain(["all"]).collect();
    KINDS.iter().find(|k| k.name == name).ok_or_else(|| {
        let problem =
            Problem::new("there is no such picture").at("--kind").found(format!("`{name}`")).expected(names.join(", "));
        Error::usage(match nearest(name, names.iter().copied()) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem,
        })
    })
}

/// Writes a picture; it appears whole or not at all.
pub fn save(image: &RgbaImage, path: &Path, force: bool) -> Result<()> {
    let mut file = OutputFile::create(path, force)?;
    crate::render::write_png(image, &mut file)?;
    file.finish()
}
