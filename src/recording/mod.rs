//! What to compute, as a plain value: kernels, named bindings, named parameters. No device is named here.
//!
//! Training steps, samplers and pictures write a [`Recording`]; an [`Engine`] executes it. There are two engines:
//! `gpu` runs the WGSL kernel of the same name, `reference` runs its twin in f64 on the host. Because both run the
//! very same value, whole training steps and reverse steps are compared, not only single kernels.
//!
//! A kernel is named by its file below `shaders/` without the ending (`network/linear`). A slot (`activation`) names
//! the file that takes the place of `#import <activation>`.

mod tensor;

pub use tensor::{Arena, BufferDecl, BufferId, Element, PANEL, Tensor, pad, panel_shape, panels};

use crate::error::Result;

/// A scalar parameter of a dispatch; lands in the kernel's `params` uniform under its name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Param {
    /// A count, an offset, a flag.
    U32(u32),
    /// A real number.
    F32(f32),
}

impl From<u32> for Param {
    fn from(v: u32) -> Self {
        Self::U32(v)
    }
}
impl From<usize> for Param {
    fn from(v: usize) -> Self {
        // invariant: shapes are checked against 32-bit indices when the arena is planned
        Self::U32(u32::try_from(v).unwrap_or(u32::MAX))
    }
}
impl From<bool> for Param {
    fn from(v: bool) -> Self {
        Self::U32(u32::from(v))
    }
}
impl From<f32> for Param {
    fn from(v: f32) -> Self {
        Self::F32(v)
    }
}

/// Most turns that the loops of one invocation may take in all, nested ones multiplied, each loop with the turn in which it
/// ends. llvmpipe counts them, and ends every loop of an invocation after 65 535 of them without a word: what is longer goes in
/// several dispatches, in more slices, or by other kernels. The self-test holds devices to it (`doctor/turns`). It is below
/// that number because loops of a few turns are not counted one by one.
pub const TURNS: usize = 60_000;

/// How much work a dispatch is; the engine turns it into workgroups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// One invocation an item; folded to two dimensions past the device's limit of groups.
    Items(usize),
    /// A matrix product: `rows` by `columns` of tiles whose sizes the kernel states as the constants
    /// `TILE_ROWS` and `TILE_COLUMNS`, `slices` times over.
    Tiles {
        /// Extent along `TILE_ROWS`.
        rows: usize,
        /// Extent along `TILE_COLUMNS`.
        columns: usize,
        /// Independent repetitions (workgroup_id.z).
        slices: usize,
    },
    /// Exactly this many workgroups in one dimension (folded like `Items`).
    Groups(usize),
}

/// One kernel with everything it is bound to.
#[derive(Debug, Clone)]
pub struct Dispatch {
    /// File below `shaders/` without the ending.
    pub kernel: &'static str,
    /// (slot, file below `shaders/` without the ending).
    pub slots: Vec<(&'static str, String)>,
    /// (name of the WGSL variable, tensor).
    pub bindings: Vec<(&'static str, Tensor)>,
    /// (name of the member of `Params`, value).
    pub params: Vec<(&'static str, Param)>,
    /// Extent.
    pub work: Work,
}

impl Dispatch {
    /// A dispatch of `kernel` over `work`, with nothing bound yet.
    pub fn new(kernel: &'static str, work: Work) -> Self {
        Self { kernel, slots: Vec::new(), bindings: Vec::new(), params: Vec::new(), work }
    }
    /// Fills the slot `#import <name>` with `file`.
    pub fn slot(mut self, name: &'static str, file: impl Into<String>) -> Self {
        self.slots.push((name, file.into()));
        self
    }
    /// Binds a tensor to the WGSL variable `name`.
    pub fn bind(mut self, name: &'static str, tensor: &Tensor) -> Self {
        self.bindings.push((name, tensor.clone()));
        self
    }
    /// Members of the ensemble it works on, side by side: workgroup_id.z counts them (and the slices within each).
    pub fn members(&self) -> usize {
        self.bindings.iter().map(|(_, t)| t.members).max().unwrap_or(1)
    }
    /// Sets the member `name` of the kernel's `Params`. Members called `X_member` are filled in by the engine with the
    /// distance from one member of an ensemble to the next in the variable `X`.
    pub fn param(mut self, name: &'static str, value: impl Into<Param>) -> Self {
        self.params.push((name, value.into()));
        self
    }
}

/// One step of a recording.
#[derive(Debug, Clone)]
pub enum Command {
    /// Run a kernel.
    Dispatch(Dispatch),
    /// Copy `from` onto `to` (equal lengths).
    Copy {
        /// Source.
        from: Tensor,
        /// Target.
        to: Tensor,
    },
}

/// A list of commands, executed in order; each sees what those before it wrote.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// What the list does, for messages and profiles.
    pub label: String,
    /// The commands.
    pub commands: Vec<Command>,
}

impl Recording {
    /// An empty recording.
    pub fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), commands: Vec::new() }
    }
    /// Appends a dispatch.
    pub fn push(&mut self, dispatch: Dispatch) {
        self.commands.push(Command::Dispatch(dispatch));
    }
    /// Appends a copy.
    pub fn copy(&mut self, from: &Tensor, to: &Tensor) {
        self.commands.push(Command::Copy { from: from.clone(), to: to.clone() });
    }
    /// Number of kernels it launches.
    pub fn dispatches(&self) -> usize {
        self.commands.iter().filter(|c| matches!(c, Command::Dispatch(_))).count()
    }
}

/// A recording that an engine has made ready to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProgramId(pub usize);

/// Time that one kernel took, summed over its launches in a recording.
#[derive(Debug, Clone)]
pub struct KernelTime {
    /// Kernel and slots.
    pub kernel: String,
    /// Launches counted.
    pub launches: usize,
    /// Seconds on the device.
    pub seconds: f64,
}

/// Memory of an engine that this program holds, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    /// In tensors.
    pub tensors: u64,
    /// Taken from the driver in all, with staging and what is kept for later; `None` where the backend does not tell.
    pub reserved: Option<u64>,
}

/// How much of a training step or a reverse process a kernel does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kernels {
    /// One layer, of any network.
    Layered,
    /// All layers, for networks that fit a workgroup; others are layered even so.
    Fused,
    /// All layers, for a tile of rows in memory: what `Fused` is to GPUs this is to software devices.
    FusedPanel,
}

/// Something that holds tensors and executes recordings.
pub trait Engine {
    /// A line that names the device.
    fn describe(&self) -> String;
    /// With which kernels it runs networks fastest whose widest layer has `width` features.
    fn kernels(&self, width: usize) -> Kernels {
        let _ = width;
        Kernels::Layered
    }
    /// The relative error of rounding a factor of a product, beyond that of f32: 0 where factors are f32.
    fn rounding(&self) -> f64 {
        0.0
    }
    /// Refuses what the device cannot hold, before anything is allocated.
    fn check(&self, arena: &Arena) -> Result<()>;
    /// Allocates the tensors of `arena`, all zero.
    fn allocate(&mut self, arena: &Arena) -> Result<()>;
    /// Frees the tensors of `arena`.
    fn release(&mut self, arena: &Arena);
    /// Writes real numbers to a tensor; `data.len()` must equal its length.
    fn write(&mut self, tensor: &Tensor, data: &[f32]) -> Result<()>;
    /// Writes words to a tensor; `data.len()` must equal its length.
    fn write_u32(&mut self, tensor: &Tensor, data: &[u32]) -> Result<()>;
    /// Reads real numbers back, after everything submitted before.
    fn read(&mut self, tensor: &Tensor) -> Result<Vec<f32>>;
    /// Reads words back, after everything submitted before.
    fn read_u32(&mut self, tensor: &Tensor) -> Result<Vec<u32>>;
    /// Compiles and binds a recording once, to be run many times.
    fn prepare(&mut self, recording: &Recording) -> Result<ProgramId>;
    /// Runs a program `times` times in submissions of bounded duration; returns when all but the last
    /// submissions are done.
    fn run(&mut self, program: ProgramId, times: u32) -> Result<()>;
    /// Waits until everything submitted is done.
    fn wait(&mut self) -> Result<()>;
    /// The memory that is held now.
    fn held(&self) -> Held;
    /// Runs the program once and measures each kernel, where the device can.
    fn profile(&mut self, program: ProgramId) -> Result<Vec<KernelTime>>;
}
