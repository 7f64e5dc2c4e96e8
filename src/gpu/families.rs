//! Families of kernels, and which of them a device is told to use.

use crate::error::{Error, Problem, Result};

/// Families of kernels: the names that may stand between a kernel and `.wgsl`, with what each needs.
pub const FAMILIES: &[(&str, &str)] = &[
    (
        "panel",
        "lanes of one 8-wide subgroup share weights by subgroupBroadcast, loads are 64 bits wide; for software devices",
    ),
    ("tile", "workgroup-memory tiles; runs everywhere"),
    ("fused", "tile, with all layers in one kernel for networks that fit a workgroup; for GPUs"),
];

/// Widest layer, in features, of what counts as narrow in [`Use`].
pub const NARROW: usize = 64;

/// Which kernels to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// A row of [`FAMILIES`], for what runs layer by layer.
    pub layered: &'static str,
    /// Whether networks run fused where they fit: narrow ones, wider ones.
    pub fused: [bool; 2],
}

impl Use {
    /// One family for everything; refuses a name that is none.
    pub fn of_family(name: &str) -> Result<Self> {
        let Some((family, _)) = FAMILIES.iter().find(|(n, _)| *n == name) else {
            let names: Vec<_> = FAMILIES.iter().map(|(n, _)| *n).collect();
            return Err(Error::usage(
                Problem::new("no such kernel family").at("--family").found(name).expected(names.join(", ")),
            ));
        };
        Ok(Self { layered: family, fused: [*family == "fused"; 2] })
    }
}

impl std::fmt::Display for Use {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.layered, self.fused) {
            (layered, [false, false]) | (layered @ "fused", _) => write!(f, "{layered}"),
            (layered, [true, true]) => write!(f, "fused, {layered} for what does not fit"),
            (layered, [true, false]) => write!(f, "fused up to width {NARROW}, {layered} beyond"),
            (layered, [false, true]) => write!(f, "{layered} up to width {NARROW}, fused beyond"),
        }
    }
}
