//! The logs of a training as pictures.

use std::path::Path;

use serde_json::Value;

use super::Look;
use crate::error::{Error, Problem, Result};
use crate::render::charts::{LossCurves, Series, SeriesKind, TimeBins, loss_curves, time_bins};
use crate::render::figure::Drawing;
use crate::render::scale::{grouped, plain};

/// What `train.jsonl` and `metrics.jsonl` say.
#[derive(Debug, Clone, Default)]
pub struct Log {
    /// (step, training loss)
    pub train: Vec<(f64, f64)>,
    /// (step, held-out loss)
    pub held_out: Vec<(f64, f64)>,
    /// The floor of the held-out loss and its standard error.
    pub floor: Option<(f64, f64)>,
    /// Times at which the bins begin.
    pub from_time: Vec<f64>,
    /// The last held-out loss in each bin.
    pub bins: Vec<f64>,
    /// The floor in each bin.
    pub floors: Vec<f64>,
    /// Draws of a held-out loss.
    pub draws: u64,
    /// How many members of an ensemble it is the mean of; 0 for a single run.
    pub members: usize,
    /// Lowest and highest training loss of the members at each step; empty for a single run.
    pub train_range: Vec<(f64, f64)>,
    /// Lowest and highest held-out loss of the members at each step; empty for a single run.
    pub held_out_range: Vec<(f64, f64)>,
}

/// Means over curves at the steps that all of them have, with the lowest and the highest value.
type Mean = (Vec<(f64, f64)>, Vec<(f64, f64)>);

fn mean_curve(curves: &[&[(f64, f64)]]) -> Mean {
    let at = |curve: &[(f64, f64)], step: f64| curve.iter().find(|p| p.0 == step).map(|p| p.1);
    let (mut means, mut ranges) = (Vec::new(), Vec::new());
    for (step, _) in curves.first().copied().unwrap_or_default() {
        let all: Option<Vec<f64>> = curves.iter().map(|c| at(c, *step)).collect();
        if let Some(all) = all {
            means.push((*step, mean(&all)));
            let ends = all.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
            ranges.push(ends);
        }
    }
    (means, ranges)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Means place by place of lists of one length; empty if they are not of one.
fn mean_list(lists: &[&[f64]]) -> Vec<f64> {
    let n = lists.first().map_or(0, |l| l.len());
    if lists.iter().any(|l| l.len() != n) {
        return Vec::new();
    }
    (0..n).map(|i| mean(&lists.iter().map(|l| l[i]).collect::<Vec<_>>())).collect()
}

impl Log {
    /// The mean of the logs of an ensemble. The error of the floor is that of a mean of independent floors.
    pub fn of_members(logs: &[Self]) -> Self {
        let curves = |of: fn(&Self) -> &[(f64, f64)]| mean_curve(&logs.iter().map(of).collect::<Vec<_>>());
        let lists = |of: fn(&Self) -> &[f64]| mean_list(&logs.iter().map(of).collect::<Vec<_>>());
        let (train, train_range) = curves(|l| &l.train);
        let (held_out, held_out_range) = curves(|l| &l.held_out);
        let floors: Option<Vec<(f64, f64)>> = logs.iter().map(|l| l.floor).collect();
        let floor = floors.filter(|f| !f.is_empty()).map(|f| {
            let error = f.iter().map(|(_, e)| e * e).sum::<f64>().sqrt() / f.len() as f64;
            (mean(&f.iter().map(|(v, _)| *v).collect::<Vec<_>>()), error)
        });
        Self {
            train,
            held_out,
            floor,
            from_time: logs.first().map(|l| l.from_time.clone()).unwrap_or_default(),
            bins: lists(|l| &l.bins),
            floors: lists(|l| &l.floors),
            draws: logs.first().map_or(0, |l| l.draws),
            members: logs.len(),
            train_range,
            held_out_range,
        }
    }

    /// Reads the logs of a run; lines that a killed process left half-written are passed over.
    pub fn read(train: &Path, metrics: &Path) -> Result<Self> {
        let mut log = Self::default();
        for line in lines(train)? {
            log.train.extend(number(&line, "step").zip(number(&line, "loss/train")));
        }
        for line in lines(metrics)? {
            log.held_out.extend(number(&line, "step").zip(number(&line, "loss/held_out")));
            log.floor = number(&line, "loss/floor").zip(number(&line, "loss/floor_error")).or(log.floor);
            // evaluations write lines of other keys into the same log
            if line.get("bins/held_out").is_some() {
                log.from_time = numbers(&line, "bins/from_time");
                log.bins = numbers(&line, "bins/held_out");
                log.floors = numbers(&line, "bins/floor");
            }
            log.draws = line.get("draws").and_then(Value::as_u64).unwrap_or(log.draws);
        }
        Ok(log)
    }
}

fn lines(path: &Path) -> Result<Vec<Value>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text.lines().filter_map(|l| serde_json::from_str(l).ok()).collect()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(Error::checkpoint(Problem::new(format!("the log cannot be read: {e}")).at(path.display()))),
    }
}

fn number(line: &Value, key: &str) -> Option<f64> {
    line.get(key).and_then(Value::as_f64)
}

/// Numbers of a list; what is missing (null) is NaN.
fn numbers(line: &Value, key: &str) -> Vec<f64> {
    let list = line.get(key).and_then(Value::as_array);
    list.map(|l| l.iter().map(|v| v.as_f64().unwrap_or(f64::NAN)).collect()).unwrap_or_default()
}

fn nothing(what: &str, name: &str) -> Error {
    Error::checkpoint(Problem::new(format!("the run has no {what} yet")).at(name).hint("train longer"))
}

/// Training and held-out loss over the steps, with the floor.
pub fn loss(log: &Log, name: &str, look: Look) -> Result<Drawing> {
    if log.train.is_empty() && log.held_out.is_empty() {
        return Err(nothing("losses", name));
    }
    let series = |name: &str, points: &[(f64, f64)], band: &[(f64, f64)], kind| {
        let (steps, values) = points.iter().copied().unzip();
        Series { name: name.into(), steps, values, kind, band: band.to_vec() }
    };
    let mut caption = String::new();
    if let (Some((floor, error)), Some((_, last))) = (log.floor, log.held_out.last()) {
        let (last, excess) = (plain(*last), plain(100.0 * (last / floor - 1.0)));
        caption = format!(
            "Held-out loss {last}, floor {} ± {}: the loss of the exact score on the same {} draws; {excess} % above it.",
            plain(floor),
            plain(error),
            grouped(log.draws)
        );
    }
    if log.members > 0 {
        let said = format!("Means over {} members of an ensemble; bands from the lowest to the highest. ", log.members);
        caption.insert_str(0, &said);
    }
    loss_curves(&LossCurves {
        width: look.width,
        theme: look.theme,
        title: format!("Loss while training on {name}"),
        caption,
        series: vec![
            series("training", &log.train, &log.train_range, SeriesKind::Train),
            series("held out, averaged weights", &log.held_out, &log.held_out_range, SeriesKind::HeldOut),
        ],
        // held-out loss and floor share their draws, so the floor's own sampling error would only mislead here
        floor: log.floor.map(|(value, _)| (value, 0.0)),
        log: (false, false),
    })
}

/// The last held-out loss by time against its floor; `t_max` ends the last bin.
pub fn times(log: &Log, name: &str, t_max: f64, look: Look) -> Result<Drawing> {
    if log.bins.is_empty() || log.from_time.len() != log.bins.len() {
        return Err(nothing("held-out losses by time", name));
    }
    let floors = if log.floors.len() == log.bins.len() { log.floors.clone() } else { vec![f64::NAN; log.bins.len()] };
    time_bins(&TimeBins {
        width: look.width,
        theme: look.theme,
        title: format!("Loss by time, {name}"),
        caption:
            "Noise loss of the averaged weights; 1 is what predicting nothing would cost. Dashed: the exact score."
                .into(),
        edges: log.from_time.iter().copied().chain([t_max]).collect(),
        losses: log.bins.clone(),
        floors,
        log_y: false,
    })
}
