//! What commands that take a RUN share: finding the model behind a name.

use std::path::{Path, PathBuf};

use crate::error::{Error, Problem, Result};
use crate::io::{Checkpoint, RunDir};
use crate::model::{ModelCard, Which};
use crate::score::NetworkScore;

/// A model with where it came from.
pub struct Found {
    /// The run directory; `None` for a lone checkpoint file.
    pub dir: Option<RunDir>,
    /// Its description.
    pub card: ModelCard,
    /// Its score.
    pub score: NetworkScore,
    /// Steps it was trained for.
    pub step: u64,
    /// Remarks, such as which weights were taken.
    pub notes: Vec<String>,
}

/// Opens RUN: a directory, a checkpoint file, a number, or `last`.
pub fn open(name: &str, which: Which) -> Result<Found> {
    let lone = Path::new(name).is_file();
    let (dir, place, checkpoint, mut notes) = if lone {
        let path = PathBuf::from(name);
        let (checkpoint, notes) = Checkpoint::load(&path)?;
        (None, path, checkpoint, notes)
    } else {
        let dir = RunDir::open(name)?;
        if let Some(members) = dir.ensemble()? {
            let some = members.iter().take(3).map(|(_, path)| path.display().to_string()).collect::<Vec<_>>();
            let problem = Problem::new("the run is an ensemble, not one model").at(name);
            return Err(Error::usage(problem.expected(format!("one of its members: {}", some.join(", ")))));
        }
        let (_, path, checkpoint, notes) = dir.latest_checkpoint()?;
        (Some(dir), path, checkpoint, notes)
    };
    let place = place.display().to_string();
    let card = ModelCard::of(&checkpoint, &place)?;
    let (score, weights) = card.score(&checkpoint, which, &place)?;
    notes.push(format!("{place}: {} weights", weights));
    let step = checkpoint.metadata.get("step").and_then(|s| s.parse().ok()).unwrap_or(0);
    Ok(Found { dir, card, score, step, notes })
}
