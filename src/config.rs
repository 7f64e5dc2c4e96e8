//! Composes the options that the rooms define; a run stores the whole as `config.toml` and can be repeated from it.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::distribution::{self, Distribution, PixelDensity};
use crate::error::{Error, Problem, Result, nearest};
use crate::io::{self, Missing, ReadOptions, Schema};
use crate::network::NetworkOptions;
use crate::train::{Dataset, ProcessOptions, TrainOptions};

/// Where the data comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct DataOptions {
    /// Rows to draw from a named distribution (default: 500000, in more than 16 dimensions fewer, 100000 at least)
    #[arg(long, help_heading = "Data")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<usize>,
    /// Bring columns to mean 0 and variance 1: auto (files yes, named distributions no), yes, no
    #[arg(long, default_value = "auto", help_heading = "Data")]
    pub standardise: String,
    /// Which array of an .npz file
    #[arg(long, help_heading = "Data")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// Accept a file with a single row
    #[arg(long, help_heading = "Data")]
    pub allow_point_mass: bool,
    /// Rows of a file with an empty cell, NA or NaN: refuse (the file), drop (the rows)
    #[arg(long, default_value = "refuse", help_heading = "Data")]
    pub missing: String,
}

/// Numbers that are drawn of a named distribution by default, and the least and most rows that makes: enough that the
/// draw's own deviation from the law is smaller than what training leaves, few enough for any memory.
const NUMBERS: usize = 1 << 23;
const FEWEST: usize = 100_000;
const MOST: usize = 500_000;

impl DataOptions {
    /// Rows to draw from a named distribution of so many dimensions.
    pub fn rows(&self, dim: usize) -> usize {
        self.n.unwrap_or_else(|| (NUMBERS / dim.max(1)).clamp(FEWEST, MOST))
    }

    /// How a file is read.
    pub fn read(&self) -> Result<ReadOptions> {
        Ok(ReadOptions {
            allow_point_mass: self.allow_point_mass,
            member: self.member.clone(),
            missing: Missing::named(&self.missing)?,
            ..ReadOptions::default()
        })
    }
}

impl Default for DataOptions {
    fn default() -> Self {
        crate::defaults::defaults::<Self>()
    }
}

/// Everything that decides the outcome of a training.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct RunConfig {
    /// A named distribution, or a path.
    pub source: String,
    /// Seed of everything random.
    pub seed: u64,
    /// How the data is read or drawn.
    pub data: DataOptions,
    /// The network.
    pub network: NetworkOptions,
    /// The noising process.
    pub process: ProcessOptions,
    /// Loss, optimiser, length.
    pub train: TrainOptions,
}

impl RunConfig {
    /// As `config.toml`.
    pub fn to_toml(&self) -> Result<String> {
        let text = toml::to_string(self)
            .map_err(|e| Error::bug(Problem::new(format!("the configuration cannot be written: {e}"))))?;
        Ok(format!("# repeat this run with: scorefield train --config config.toml\n{text}"))
    }

    /// From `config.toml`; unknown keys, wrong types and duplicates are refused with their place.
    pub fn from_toml(path: &Path) -> Result<Self> {
        const LIMIT: u64 = 1 << 20;
        let bad = |what: String| Error::usage(Problem::new(what).at(path.display()));
        // opening a FIFO would wait for a writer for ever
        if std::fs::metadata(path).is_ok_and(|m| !m.is_file()) {
            return Err(bad("the configuration is not a regular file".into()));
        }
        let mut file = std::fs::File::open(path).map_err(|e| bad(format!("the configuration cannot be read: {e}")))?;
        let bytes = io::read_to_limit(&mut file, LIMIT, &path.display().to_string())
            .map_err(|e| bad(format!("the configuration cannot be read: {e}")))?;
        let text = String::from_utf8(bytes).map_err(|_| bad("the configuration is not text".into()))?;
        let text = text.trim_start_matches('\u{feff}');
        toml::from_str(text).map_err(|e| {
            let line = e.span().and_then(|s| text.get(..s.start)).map(|before| 1 + before.matches('\n').count());
            let place = line.map_or(path.display().to_string(), |n| format!("{}, line {n}", path.display()));
            let mut problem =
                Problem::new(format!("the configuration is wrong: {}", e.message().replace('\n', " "))).at(place);
            // "unknown field `x`, expected one of `a`, `b`": the names stand between the backquotes
            let mut names = e.message().split('`').skip(1).step_by(2);
            if e.message().starts_with("unknown field")
                && let Some(near) = names.next().and_then(|given| nearest(given, names))
            {
                problem = problem.hint(format!("did you mean `{near}`?"));
            }
            Error::usage(problem)
        })
    }
}

/// Data, loaded, with what a run must remember of it.
pub struct Loaded {
    /// The rows.
    pub data: Dataset,
    /// Columns of a file.
    pub schema: Option<Schema>,
    /// Hash of a file.
    pub sha256: Option<String>,
}

/// Whether a source names a distribution; a file of that name wins over nothing, a distribution over a bare word.
fn is_named(source: &str) -> bool {
    distribution::is_spec(source) && !Path::new(source).exists()
}

/// The exact law behind a source, when it has one: a named distribution or a picture.
pub fn law(source: &str) -> Result<Option<Arc<dyn Distribution>>> {
    Ok(law_and_notes(source)?.map(|(law, _)| law))
}

/// A law with what the user should know of how it was read.
type Noted = (Arc<dyn Distribution>, Vec<String>);

fn law_and_notes(source: &str) -> Result<Option<Noted>> {
    let picture = Path::new(source).extension().is_some_and(|e| e.eq_ignore_ascii_case("png"));
    if picture {
        let d = io::read_png_density(Path::new(source))?;
        let law = PixelDensity::new(d.width, d.height, &d.mass, source)?;
        return Ok(Some((Arc::new(law), d.notes)));
    }
    // what looks like neither a file nor a name gets the parser's message, which lists the names
    let looks_like_path = source == "-" || source.contains(['/', '\\']) || Path::new(source).extension().is_some();
    if is_named(source) || (!looks_like_path && !Path::new(source).exists()) {
        return Ok(Some((Arc::from(distribution::parse(source)?), Vec::new())));
    }
    Ok(None)
}

impl RunConfig {
    /// With the rows of drawn data written down, so that a run is repeated as it was whatever the default is by then.
    pub fn resolved(mut self, loaded: &Loaded) -> Self {
        if loaded.data.truth.is_some() {
            self.data.n = Some(self.data.rows(loaded.data.dim));
        }
        self
    }
}

/// Loads or draws the data of a run.
pub fn load(config: &RunConfig) -> Result<Loaded> {
    let options = &config.data;
    let standardise = match options.standardise.as_str() {
        "auto" => None,
        "yes" => Some(true),
        "no" => Some(false),
        other => {
            return Err(Error::usage(
                Problem::new("there is no such choice")
                    .at("--standardise")
                    .found(format!("`{other}`"))
                    .expected("auto, yes or no"),
            ));
        }
    };
    if let Some((law, notes)) = law_and_notes(&config.source)? {
        let n = options.rows(law.dim());
        if !(2..=1 << 28).contains(&n) {
            return Err(Error::usage(
                Problem::new("a count is out of range").at("--n").found(n).expected("2 to 268435456"),
            ));
        }
        // drawn, split and copied to the device
        drop(io::reserve(n.saturating_mul(3 * law.dim()), "the rows of --n")?);
        let mut data =
            Dataset::from_distribution(law, n, config.train.held_out, standardise.unwrap_or(false), config.seed)?;
        data.notes.extend(notes);
        return Ok(Loaded { data, schema: None, sha256: None });
    }
    let table = io::read_table(Path::new(&config.source), &options.read()?)?;
    let mut data = Dataset::from_rows(
        config.source.clone(),
        table.values,
        table.width,
        config.train.held_out,
        standardise.unwrap_or(true),
        config.seed,
    )?;
    data.notes.extend(table.notes);
    Ok(Loaded { data, schema: Some(table.schema), sha256: Some(table.sha256) })
}
