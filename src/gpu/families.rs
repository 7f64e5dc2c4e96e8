//! Families of kernels, and which of them a device is told to use.

use crate::error::{Error, Problem, Result};

/// A family of kernels.
#[derive(Debug)]
pub struct Family {
    /// What may stand between a kernel's name and `.wgsl`. What a family lacks comes from `tile`, then from the file for all.
    pub name: &'static str,
    /// What it needs and what it is for.
    pub doc: &'static str,
    /// Whether its products round their factors to f16. Such a family is used only where it was asked for.
    pub halves: bool,
}

/// All families.
pub const FAMILIES: &[Family] = &[
    Family {
        name: "panel",
        doc: "lanes of one 8-wide subgroup share weights by subgroupBroadcast, loads are 64 bits wide; for software devices",
        halves: false,
    },
    Family { name: "tile", doc: "workgroup-memory tiles; runs everywhere", halves: false },
    Family {
        name: "fused",
        doc: "tile, with all layers in one kernel for networks that fit a workgroup; for GPUs",
        halves: false,
    },
    Family {
        name: "half",
        doc: "tile, with products of f16 numbers and sums in f32; what `--precision f16` uses",
        halves: true,
    },
    Family {
        name: "matrix",
        doc: "half by cooperative matrices, for devices with subgroups of 32 that offer 16 x 16 of f16; an experiment",
        halves: true,
    },
];

/// Precisions of products with the family that each asks for.
pub const PRECISIONS: &[(&str, Option<&str>)] = &[("f32", None), ("f16", Some("half"))];

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
        let Some(Family { name: family, .. }) = FAMILIES.iter().find(|f| f.name == name) else {
            let names: Vec<_> = FAMILIES.iter().map(|f| f.name).collect();
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
