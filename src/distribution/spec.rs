//! Reading `name[@variant][:key=value,...]`. Commas inside parentheses belong to the value.

use super::datasets::{DATASETS, DatasetRow, DatasetVariant};
use super::{Distribution, Known};
use crate::error::{Error, Problem, Result, nearest};
use std::ops::RangeInclusive;

/// Whether `text` names a data set of [`DATASETS`] (with or without variant and keys), as opposed to a file.
pub fn is_spec(text: &str) -> bool {
    let name = text.split(['@', ':']).next().unwrap_or_default().trim();
    DATASETS.iter().any(|row| row.name == name)
}

/// The distribution that `spec` describes. Refusals name the character (from 1), what was found and what is legal.
pub fn parse(spec: &str) -> Result<Box<dyn Distribution>> {
    let options = Options::read(spec)?;
    let built = (options.row.build)(&options)?;
    let name = options.canonical();
    Ok(Box::new(Known { name, oracle: built.oracle, sampler: built.sampler, modes: built.modes }))
}

/// A value as it was given.
struct Given {
    key: &'static str,
    text: String,
    position: usize,
}

/// A row with a variant and the keys that were given.
pub struct Options {
    pub row: &'static DatasetRow,
    variant: &'static DatasetVariant,
    given: Vec<Given>,
    spec: String,
}

impl Options {
    fn read(spec: &str) -> Result<Self> {
        let (head, tail) = match spec.find(':') {
            Some(i) => (&spec[..i], Some((i + 1, &spec[i + 1..]))),
            None => (spec, None),
        };
        let (name, variant) = match head.split_once('@') {
            Some((name, variant)) => (name, Some(variant)),
            None => (head, None),
        };
        let names: Vec<_> = DATASETS.iter().map(|row| row.name).collect();
        let row = DATASETS
            .iter()
            .find(|row| row.name == name.trim())
            .ok_or_else(|| unknown(spec, 0, "data set", name.trim(), &names))?;
        let variants: Vec<_> = row.variants.iter().map(|v| v.name).collect();
        let named = variant;
        let variant = match variant {
            None => &row.variants[0],
            Some(given) => row.variants.iter().find(|v| v.name == given.trim()).ok_or_else(|| {
                unknown(spec, name.len() + 1, &format!("variant of {}", row.name), given.trim(), &variants)
            })?,
        };
        let mut options = Self { row, variant, given: Vec::new(), spec: spec.to_owned() };
        if let Some((start, tail)) = tail {
            for (i, (offset, item)) in split_outside_parentheses(tail).into_iter().enumerate() {
                // `ifs:koch` is short for `ifs@koch`
                let word = row.variants.iter().find(|v| i == 0 && named.is_none() && v.name == item.trim());
                if let Some(variant) = word {
                    options.variant = variant;
                    continue;
                }
                options.read_key(start + offset, item)?;
            }
        }
        Ok(options)
    }

    /// Reads one `key=value` that starts at byte `start`.
    fn read_key(&mut self, start: usize, item: &str) -> Result<()> {
        let legal: Vec<_> = self.row.keys.iter().map(|key| key.name).collect();
        let Some((name, text)) = item.split_once('=') else {
            let variants: Vec<_> = self.row.variants.iter().map(|v| v.name).collect();
            let variants =
                if variants.len() > 1 { format!(", or a variant: {}", variants.join(", ")) } else { String::new() };
            let expected = format!("key=value with a key of {}{variants}", listed(&legal));
            return Err(Error::usage(
                Problem::new("no value is given").at(place(&self.spec, start)).found(quoted(item)).expected(expected),
            ));
        };
        let key = legal.iter().find(|key| **key == name.trim()).copied();
        let key = key.ok_or_else(|| {
            unknown(&self.spec, start, &format!("key of the data set {}", self.row.name), name.trim(), &legal)
        })?;
        if self.given(key) {
            let problem = Problem::new(format!("the key {key} is given twice"));
            return Err(Error::usage(problem.at(place(&self.spec, start))));
        }
        self.given.push(Given { key, text: text.trim().to_owned(), position: start + name.len() + 1 });
        Ok(())
    }

    /// The name with the variant and the keys that were given.
    fn canonical(&self) -> String {
        let mut out = self.row.name.to_owned();
        if self.row.variants.len() > 1 {
            out += &format!("@{}", self.variant.name);
        }
        for (i, given) in self.given.iter().enumerate() {
            out += &format!("{}{}={}", if i == 0 { ':' } else { ',' }, given.key, given.text);
        }
        out
    }

    /// The name of the variant.
    pub fn variant(&self) -> &'static str {
        self.variant.name
    }

    /// Whether `key` stands in the spec.
    pub fn given(&self, key: &str) -> bool {
        self.given.iter().any(|given| given.key == key)
    }

    /// The text of `key`: as given, or the variant's default, or the row's.
    pub fn text(&self, key: &str) -> &str {
        if let Some(given) = self.given.iter().find(|given| given.key == key) {
            return &given.text;
        }
        let of_variant = self.variant.defaults.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
        of_variant.unwrap_or_else(|| self.row.keys.iter().find(|k| k.name == key).map_or("", |k| k.default))
    }

    /// A refusal of the value of `key`.
    pub fn refuse(&self, key: &str, what: &str, found: impl std::fmt::Display, expected: &str) -> Error {
        let position = self.given.iter().find(|given| given.key == key).map_or(0, |given| given.position);
        let problem = Problem::new(format!("{what} ({key} of the data set {})", self.row.name));
        Error::usage(problem.at(place(&self.spec, position)).found(found).expected(expected))
    }

    /// A finite number within `range`.
    pub fn number(&self, key: &str, range: RangeInclusive<f64>) -> Result<f64> {
        let text = self.text(key);
        let expected = format!("a number from {} to {}", range.start(), range.end());
        match text.parse::<f64>() {
            Ok(value) if range.contains(&value) => Ok(value),
            Ok(_) => Err(self.refuse(key, "value out of range", text, &expected)),
            Err(_) => Err(self.refuse(key, "not a number", quoted(text), &expected)),
        }
    }

    /// A whole number within `range`.
    pub fn count(&self, key: &str, range: RangeInclusive<usize>) -> Result<usize> {
        let text = self.text(key);
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        match text.parse::<usize>() {
            Ok(value) if range.contains(&value) => Ok(value),
            Ok(_) => Err(self.refuse(key, "value out of range", text, &expected)),
            Err(_) => Err(self.refuse(key, "not a whole number", quoted(text), &expected)),
        }
    }

    /// A seed, or nothing where the text is empty.
    pub fn seed(&self, key: &str) -> Result<Option<u64>> {
        match self.text(key) {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| {
                self.refuse(key, "not a seed", quoted(text), "a whole number from 0 to 18446744073709551615")
            }),
        }
    }

    /// Numbers separated by slashes, each within `range`.
    pub fn numbers(&self, key: &str, range: RangeInclusive<f64>) -> Result<Vec<f64>> {
        let expected = format!("numbers from {} to {} separated by /", range.start(), range.end());
        let read = |part: &str| part.trim().parse::<f64>().ok().filter(|value| range.contains(value));
        self.text(key)
            .split('/')
            .map(|part| read(part).ok_or_else(|| self.refuse(key, "not a usable number", quoted(part), &expected)))
            .collect()
    }

    /// Groups of numbers in parentheses, separated inside by spaces or commas: `(0 1)(2 3)`.
    pub fn groups(&self, key: &str) -> Result<Vec<Vec<f64>>> {
        let expected = "numbers in parentheses, like (0 1)(2 3)";
        let mut rest = self.text(key).trim();
        let mut groups = Vec::new();
        while !rest.is_empty() {
            let inner = rest.strip_prefix('(').and_then(|r| r.split_once(')'));
            let Some((inside, after)) = inner else {
                return Err(self.refuse(key, "not a list of groups", quoted(rest), expected));
            };
            let parts = inside.split([' ', ',']).filter(|part| !part.is_empty());
            let read = |part: &str| part.parse::<f64>().ok().filter(|value| value.abs() <= 1e6);
            let group: Result<Vec<f64>> = parts
                .map(|part| read(part).ok_or_else(|| self.refuse(key, "not a usable number", quoted(part), expected)))
                .collect();
            groups.push(group?);
            rest = after.trim_start();
        }
        if groups.is_empty() || groups.iter().any(Vec::is_empty) {
            return Err(self.refuse(key, "an empty list", quoted(self.text(key)), expected));
        }
        Ok(groups)
    }
}

/// The items of a comma-separated list with their byte offsets; commas inside parentheses do not separate.
fn split_outside_parentheses(text: &str) -> Vec<(usize, &str)> {
    let (mut items, mut start, mut depth) = (Vec::new(), 0, 0i32);
    for (i, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth <= 0 => {
                items.push((start, &text[start..i]));
                start = i + 1;
            }
            _ => {}
        }
    }
    items.push((start, &text[start..]));
    items
}

fn unknown(spec: &str, byte: usize, what: &str, given: &str, legal: &[&str]) -> Error {
    let problem = Problem::new(format!("unknown {what}")).at(place(spec, byte)).found(quoted(given));
    let problem = problem.expected(format!("one of {}", listed(legal)));
    Error::usage(match nearest(given, legal.iter().copied()) {
        Some(name) => problem.hint(format!("did you mean {name}?")),
        None => problem,
    })
}

fn listed(legal: &[&str]) -> String {
    if legal.is_empty() { "(none)".into() } else { legal.join(", ") }
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}

/// `data set "...", character N` for a byte offset.
fn place(spec: &str, byte: usize) -> String {
    let characters = spec.get(..byte).map_or(0, |head| head.chars().count());
    format!("{spec:?}, character {}", characters + 1)
}
