//! Families of kernels, and which of them a device is told to use.

use crate::error::{Error, Problem, Result};
use crate::recording::Kernels;

/// A family of kernels.
#[derive(Debug)]
pub struct Family {
    /// What users call it.
    pub name: &'static str,
    /// The family of what it runs layer by layer, which may stand between a kernel's name and `.wgsl`. What such a family
    /// lacks comes from `tile`, then from the file for all. Families of another name run fused what fits.
    pub layered: &'static str,
    /// What it needs and what it is for.
    pub doc: &'static str,
    /// Whether its products round their factors to f16. Such a family is used only where it was asked for.
    pub halves: bool,
}

/// All families.
pub const FAMILIES: &[Family] = &[
    Family {
        name: "panel",
        layered: "panel",
        doc: "lanes of one 8-wide subgroup share weights by subgroupBroadcast, loads are 64 bits wide; for software devices",
        halves: false,
    },
    Family {
        name: "fused-panel",
        layered: "panel",
        doc: "panel, with all layers of a training step in three kernels for plain networks; for software devices",
        halves: false,
    },
    Family { name: "tile", layered: "tile", doc: "workgroup-memory tiles; runs everywhere", halves: false },
    Family {
        name: "fused",
        layered: "tile",
        doc: "tile, with all layers in one kernel for networks that fit a workgroup; for GPUs",
        halves: false,
    },
    Family {
        name: "half",
        layered: "half",
        doc: "tile, with products of f16 numbers and sums in f32; what `--precision f16` uses",
        halves: true,
    },
    Family {
        name: "matrix",
        layered: "matrix",
        doc: "half by cooperative matrices, for devices with subgroups of 32 that offer 16 x 16 of f16; an experiment",
        halves: true,
    },
];

/// Precisions of products with the family that each asks for.
pub const PRECISIONS: &[(&str, Option<&str>)] = &[("f32", None), ("f16", Some("half"))];

/// Widest layer, in features, of what counts as narrow in [`Use`].
pub const NARROW: usize = 64;

impl Family {
    /// Whether it runs networks that fit with all layers in few kernels.
    pub fn fuses(&self) -> bool {
        self.name != self.layered
    }
}

/// Which kernels to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// A family for what runs layer by layer.
    pub layered: &'static str,
    /// Whether networks run fused where they fit: narrow ones, wider ones.
    pub fused: [bool; 2],
}

impl Use {
    /// One family for everything; refuses a name that is none.
    pub fn of_family(name: &str) -> Result<Self> {
        let Some(family) = FAMILIES.iter().find(|f| f.name == name) else {
            let names: Vec<_> = FAMILIES.iter().map(|f| f.name).collect();
            return Err(Error::usage(
                Problem::new("no such kernel family").at("--family").found(name).expected(names.join(", ")),
            ));
        };
        Ok(Self { layered: family.layered, fused: [family.fuses(); 2] })
    }

    /// The family that `kernels` of this device belong to.
    pub fn family(&self, kernels: Kernels) -> &'static str {
        let fuses = kernels != Kernels::Layered;
        FAMILIES.iter().find(|f| f.layered == self.layered && f.fuses() == fuses).map_or(self.layered, |f| f.name)
    }
}

impl std::fmt::Display for Use {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let fused = self.family(Kernels::Fused);
        match (self.layered, self.fused) {
            (layered, [false, false]) => write!(f, "{layered}"),
            (layered, [true, true]) => write!(f, "{fused}, {layered} for what does not fit"),
            (layered, [true, false]) => write!(f, "{fused} up to width {NARROW}, {layered} beyond"),
            (layered, [false, true]) => write!(f, "{layered} up to width {NARROW}, {fused} beyond"),
        }
    }
}
