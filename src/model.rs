//! A trained model as a checkpoint file: tensors by name, and one JSON text that says what they mean.
//!
//! `docs/checkpoint.md` describes the format for readers and writers in other languages.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Problem, Result};
use crate::io::{Checkpoint, Schema};
use crate::network::{Layout, Network, NetworkOptions};
use crate::process::Process;
use crate::score::NetworkScore;
use crate::train::{ProcessOptions, State};

/// Everything about a model that is not a tensor; the metadata key `model`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ModelCard {
    /// Data dimension.
    pub dim: usize,
    /// Shape of the network.
    pub network: NetworkOptions,
    /// Noising process.
    pub process: ProcessOptions,
    /// Mean variance of the data's coordinates in model units; enters the input scale and the residual head.
    pub variance: f64,
    /// (D) data = shift + scale * model
    pub shift: Vec<f32>,
    /// (D) data = shift + scale * model
    pub scale: Vec<f32>,
    /// Seed of random time features.
    pub seed: u64,
    /// How the data was named.
    pub source: String,
    /// Rows the model was trained on.
    pub rows: usize,
    /// SHA-256 of the data file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_sha256: Option<String>,
    /// Columns of the data file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Schema>,
}

/// Which weights of a checkpoint are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The moving average, where there is one.
    Average,
    /// The live weights.
    Raw,
}

impl ModelCard {
    /// The network it describes.
    pub fn network(&self) -> Result<Network> {
        Network::new(&self.network, self.dim)
    }

    /// A checkpoint of this model in a state.
    pub fn checkpoint(&self, state: &State) -> Result<Checkpoint> {
        let sets = [
            ("", &state.weights),
            ("ema.", &state.average),
            ("moment1.", &state.moment1),
            ("moment2.", &state.moment2),
        ];
        self.holding(&sets, state.step)
    }

    /// A checkpoint of this model with weights alone, good for all but resuming; one vector a group of the layout.
    pub fn with_weights(&self, weights: &Vec<Vec<f32>>) -> Result<Checkpoint> {
        self.holding(&[("", weights)], 0)
    }

    fn holding(&self, sets: &[(&str, &Vec<Vec<f32>>)], step: u32) -> Result<Checkpoint> {
        let layout = self.network()?.layout;
        let mut out = Checkpoint::default();
        for (prefix, groups) in sets {
            for (name, shape, values) in layout.export(prefix, groups) {
                out.insert_f32(name, &shape, values);
            }
        }
        let text = serde_json::to_string(self)
            .map_err(|e| Error::bug(Problem::new(format!("the model cannot be described: {e}"))))?;
        out.metadata.insert("model".into(), text);
        out.metadata.insert("step".into(), step.to_string());
        out.metadata.insert("rng-version".into(), "1".into());
        Ok(out)
    }

    /// Reads the description out of a checkpoint; `place` names the file.
    pub fn of(checkpoint: &Checkpoint, place: &str) -> Result<Self> {
        let refuse = |what: String| Error::checkpoint(Problem::new(what).at(place));
        let text = checkpoint
            .metadata
            .get("model")
            .ok_or_else(|| refuse("the checkpoint has no `model` in its metadata".into()))?;
        let card: Self =
            serde_json::from_str(text).map_err(|e| refuse(format!("the model's description is wrong: {e}")))?;
        let sane = |v: &[f32]| v.len() == card.dim && v.iter().all(|x| x.is_finite());
        let sane = sane(&card.shift) && sane(&card.scale) && card.variance > 0.0 && card.variance.is_finite();
        if !sane {
            return Err(refuse("shift, scale and variance do not fit the model's dimension".into()));
        }
        if card.schema.as_ref().is_some_and(|s| s.width() != card.dim) {
            return Err(refuse("the columns do not fit the model's dimension".into()));
        }
        Ok(card)
    }

    /// The state of a training in a checkpoint.
    pub fn state(&self, checkpoint: &Checkpoint, place: &str) -> Result<State> {
        let layout = self.network().map_err(|e| at_checkpoint(e, place))?.layout;
        let get = |name: &str, shape: &[usize]| checkpoint.f32(name, shape);
        let set = |prefix: &str| layout.import(prefix, get);
        let step = checkpoint.metadata.get("step").and_then(|s| s.parse().ok());
        let state = State {
            step: step.ok_or_else(|| Error::checkpoint(Problem::new("the checkpoint says no step").at(place)))?,
            weights: set("")?,
            average: set("ema.")?,
            moment1: set("moment1.")?,
            moment2: set("moment2.")?,
        };
        refuse_strangers(checkpoint, &layout, &state.weights)?;
        Ok(state)
    }

    /// The score of the model with one of its sets of weights, and a note on which was taken.
    pub fn score(&self, checkpoint: &Checkpoint, which: Which, place: &str) -> Result<(NetworkScore, &'static str)> {
        let network = self.network().map_err(|e| at_checkpoint(e, place))?;
        let process: Process = self.process.build().map_err(|e| at_checkpoint(e, place))?;
        let averaged = checkpoint.tensors.keys().any(|k| k.starts_with("ema."));
        let (prefix, said) = match (which, averaged) {
            (Which::Average, true) => ("ema.", "moving average"),
            (Which::Average, false) => ("", "raw (no moving average in the file)"),
            (Which::Raw, _) => ("", "raw"),
        };
        let weights = network.layout.import(prefix, |name, shape| checkpoint.f32(name, shape))?;
        refuse_strangers(checkpoint, &network.layout, &weights)?;
        Ok((NetworkScore { network, process, variance: self.variance, feature_seed: self.seed, weights }, said))
    }
}

/// Refuses tensors that no model of this layout has, or has in another shape, whether or not they are used; a file may
/// lack those that only a training needs.
fn refuse_strangers(checkpoint: &Checkpoint, layout: &Layout, weights: &[Vec<f32>]) -> Result<()> {
    let mut known = Vec::new();
    for (name, shape, _) in ["", "ema.", "moment1.", "moment2."].iter().flat_map(|p| layout.export(p, weights)) {
        if checkpoint.tensors.contains_key(&name) {
            checkpoint.f32(&name, &shape)?;
        }
        known.push(name);
    }
    checkpoint.no_others(&known.iter().map(String::as_str).collect::<Vec<_>>())
}

/// A refusal that was the user's flag in a training is the file's fault in a checkpoint.
fn at_checkpoint(error: Error, place: &str) -> Error {
    let mut problem = error.problem().clone();
    problem.place = Some(match problem.place {
        Some(inner) => format!("{place}, {inner}"),
        None => place.to_string(),
    });
    Error::checkpoint(problem)
}
