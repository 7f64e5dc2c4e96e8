//! Executes recordings on the host, in f64, by twins written to be read: the truth the kernels are held against.
//!
//! Each kernel has a twin of the same name in [`TWINS`]. Twins favour clarity over speed and never share code with
//! the shaders. Randomness, indices and flags are words and agree with the device bit for bit.

pub mod bench;
mod fused;
mod head;
mod likelihood;
mod loss;
mod network;
mod optimiser;
mod oracle;
mod random;
mod render;
mod sampler;
mod tangent;

use std::collections::HashMap;

use crate::error::{Error, Problem, Result};
use crate::recording::{
    Arena, BufferId, Command, Dispatch, Element, Engine, Held, KernelTime, Param, ProgramId, Recording, Tensor, pad,
};

/// A twin: reads its bindings, writes its results.
pub type Twin = fn(&mut Call) -> Result<()>;

/// Every kernel's twin. A test holds this table against the files in `shaders/`.
pub const TWINS: &[(&str, Twin)] = &[
    ("network/linear", network::linear),
    ("network/d_weight", network::d_weight),
    ("network/linear_narrow", network::linear),
    ("network/linear_shallow", network::linear),
    ("network/d_weight_narrow", network::d_weight_narrow),
    ("network/block", network::block),
    ("network/d_block", network::d_block),
    ("network/d_norm", network::d_norm),
    ("network/d_alpha", network::d_alpha),
    ("network/tangent", tangent::tangent),
    ("network/d_tangent", tangent::d_tangent),
    ("head/structured", head::structured),
    ("head/d_structured", head::d_structured),
    ("head/d_noise", head::d_noise),
    ("head/clip", head::clip),
    ("head/d_clip", head::d_clip),
    ("train/noise", loss::noise),
    ("train/points", loss::points),
    ("train/teach", loss::teach),
    ("train/probe", tangent::probe),
    ("loss/dsm", loss::dsm),
    ("loss/ism", tangent::ism),
    ("loss/tally", loss::tally),
    ("fused/step", fused::step),
    ("fused/forward", fused::forward),
    ("fused/backward", fused::backward),
    ("fused/gradient", fused::gradient),
    ("fused/chain", fused::chain),
    ("fused/reverse", fused::reverse),
    ("optimiser/reduce", optimiser::reduce),
    ("optimiser/finish", optimiser::finish),
    ("optimiser/update", optimiser::update),
    ("score/gaussian", random::gaussian),
    ("score/fold_time", sampler::fold_time),
    ("score/mixture", oracle::mixture),
    ("score/mixture_culled", oracle::mixture_culled),
    ("score/mixture_wide", oracle::mixture_wide),
    ("score/mixture_full", oracle::mixture_full),
    ("score/boxes", oracle::boxes),
    ("score/shells", oracle::shells),
    ("score/gather", oracle::gather),
    ("score/network_output", sampler::network_output),
    ("sampler/start", sampler::start),
    ("sampler/stage", sampler::stage),
    ("sampler/advance", sampler::advance),
    ("likelihood/probe", likelihood::probe),
    ("likelihood/divergence", likelihood::divergence),
    ("layout/to_rows", sampler::to_rows),
    ("layout/to_panels", sampler::to_panels),
    ("doctor/philox", random::philox),
    ("doctor/turns", random::turns),
    ("doctor/normals", random::normals),
    ("bench/multiply_add", bench::multiply_add),
    ("bench/read", bench::read),
    ("bench/copy", bench::copy),
    ("bench/count", bench::count),
    ("render/clear", render::clear),
    ("render/splat", render::splat),
    ("render/count", render::count),
    ("render/tone", render::tone),
];

/// Number of time bins of the loss; `BINS` of `shaders/lib/loss_bins.wgsl`.
pub const BINS: usize = 16;

enum Memory {
    F(Vec<f64>),
    U(Vec<u32>),
}

/// The host as an engine.
#[derive(Default)]
pub struct Reference {
    memory: HashMap<BufferId, Memory>,
    programs: Vec<Recording>,
}

/// One dispatch, as its twin sees it.
pub struct Call<'a> {
    memory: &'a mut HashMap<BufferId, Memory>,
    dispatch: &'a Dispatch,
    member: usize,
}

impl Call<'_> {
    fn tensor(&self, name: &str) -> Result<Tensor> {
        let found = self.dispatch.bindings.iter().find(|(n, _)| *n == name).map(|(_, t)| t.of_member(self.member));
        found.ok_or_else(|| fault(format!("twin of {} asks for `{name}`, which is not bound", self.dispatch.kernel)))
    }
    /// A parameter that is a word.
    pub fn u(&self, name: &str) -> Result<usize> {
        match self.param(name)? {
            Param::U32(v) => Ok(v as usize),
            Param::F32(_) => Err(fault(format!("parameter {name} is not a word"))),
        }
    }
    /// A parameter that is a real number.
    pub fn p(&self, name: &str) -> Result<f64> {
        match self.param(name)? {
            Param::F32(v) => Ok(f64::from(v)),
            Param::U32(_) => Err(fault(format!("parameter {name} is not a real number"))),
        }
    }
    fn param(&self, name: &str) -> Result<Param> {
        let found = self.dispatch.params.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
        found.ok_or_else(|| fault(format!("twin of {} asks for parameter `{name}`", self.dispatch.kernel)))
    }
    /// The seed given by `seed_low` and `seed_high`.
    pub fn seed(&self) -> Result<u64> {
        Ok(self.u("seed_low")? as u64 | (self.u("seed_high")? as u64) << 32)
    }
    /// The last part of the file in a slot.
    pub fn slot(&self, name: &str) -> Result<String> {
        let found = self.dispatch.slots.iter().find(|(n, _)| *n == name);
        found
            .map(|(_, f)| f.rsplit('/').next().unwrap_or(f).to_string())
            .ok_or_else(|| fault(format!("twin of {} asks for slot <{name}>", self.dispatch.kernel)))
    }
    /// The file in a slot.
    pub fn slot_path(&self, name: &str) -> Result<String> {
        let found = self.dispatch.slots.iter().find(|(n, _)| *n == name);
        found.map(|(_, f)| f.clone()).ok_or_else(|| fault(format!("slot <{name}> is empty")))
    }
    /// The real numbers bound to a variable.
    pub fn f(&self, name: &str) -> Result<Vec<f64>> {
        let t = self.tensor(name)?;
        match self.memory.get(&t.buffer) {
            Some(Memory::F(v)) => Ok(v[t.offset..t.offset + t.len()].to_vec()),
            _ => Err(fault(format!("`{name}` holds no real numbers"))),
        }
    }
    /// The words bound to a variable.
    pub fn words(&self, name: &str) -> Result<Vec<u32>> {
        let t = self.tensor(name)?;
        match self.memory.get(&t.buffer) {
            Some(Memory::U(v)) => Ok(v[t.offset..t.offset + t.len()].to_vec()),
            _ => Err(fault(format!("`{name}` holds no words"))),
        }
    }
    /// Replaces the real numbers bound to a variable.
    pub fn set(&mut self, name: &str, values: &[f64]) -> Result<()> {
        let t = self.tensor(name)?;
        match self.memory.get_mut(&t.buffer) {
            Some(Memory::F(v)) => v[t.offset..t.offset + t.len()].copy_from_slice(values),
            _ => return Err(fault(format!("`{name}` holds no real numbers"))),
        }
        Ok(())
    }
    /// Replaces the words bound to a variable.
    pub fn set_words(&mut self, name: &str, values: &[u32]) -> Result<()> {
        let t = self.tensor(name)?;
        match self.memory.get_mut(&t.buffer) {
            Some(Memory::U(v)) => v[t.offset..t.offset + t.len()].copy_from_slice(values),
            _ => return Err(fault(format!("`{name}` holds no words"))),
        }
        Ok(())
    }
}

/// Place of (row, feature) in a panel tensor with `features` features.
pub fn at(row: usize, feature: usize, features: usize) -> usize {
    row * pad(features, 8) + feature
}

fn fault(what: String) -> Error {
    Error::bug(Problem::new(what))
}

fn execute(memory: &mut HashMap<BufferId, Memory>, command: &Command) -> Result<()> {
    match command {
        Command::Dispatch(dispatch) => {
            let (_, twin) = TWINS
                .iter()
                .find(|(name, _)| *name == dispatch.kernel)
                .ok_or_else(|| fault(format!("kernel {} has no twin", dispatch.kernel)))?;
            // a twin sees one member of an ensemble at a time
            (0..dispatch.members()).try_for_each(|member| twin(&mut Call { memory, dispatch, member }))
        }
        Command::Copy { from, to } => {
            let taken = match memory.get(&from.buffer) {
                Some(Memory::F(v)) => Memory::F(v[from.offset..from.offset + from.len()].to_vec()),
                Some(Memory::U(v)) => Memory::U(v[from.offset..from.offset + from.len()].to_vec()),
                None => return Err(fault(format!("{} was never allocated", from.label))),
            };
            match (taken, memory.get_mut(&to.buffer)) {
                (Memory::F(s), Some(Memory::F(v))) => v[to.offset..to.offset + s.len()].copy_from_slice(&s),
                (Memory::U(s), Some(Memory::U(v))) => v[to.offset..to.offset + s.len()].copy_from_slice(&s),
                _ => return Err(fault(format!("{} cannot be copied to {}", from.label, to.label))),
            }
            Ok(())
        }
    }
}

impl Reference {
    /// Reads real numbers with all their digits.
    pub fn read_f64(&self, tensor: &Tensor) -> Result<Vec<f64>> {
        match self.memory.get(&tensor.buffer) {
            Some(Memory::F(v)) => Ok(v[tensor.offset..tensor.offset + tensor.len()].to_vec()),
            _ => Err(fault(format!("{} holds no real numbers", tensor.label))),
        }
    }
    /// Writes real numbers with all their digits, for finite differences.
    pub fn write_f64(&mut self, tensor: &Tensor, data: &[f64]) -> Result<()> {
        match self.memory.get_mut(&tensor.buffer) {
            Some(Memory::F(v)) if data.len() == tensor.len() => {
                v[tensor.offset..tensor.offset + tensor.len()].copy_from_slice(data);
                Ok(())
            }
            _ => Err(fault(format!("{} takes no such numbers", tensor.label))),
        }
    }
}

impl Engine for Reference {
    fn describe(&self) -> String {
        "the host, in f64 (reference)".into()
    }
    fn check(&self, _: &Arena) -> Result<()> {
        Ok(())
    }
    fn allocate(&mut self, arena: &Arena) -> Result<()> {
        for b in &arena.buffers {
            let len = b.len.next_multiple_of(4);
            let memory = match b.element {
                Element::F32 => Memory::F(vec![0.0; len]),
                Element::U32 => Memory::U(vec![0; len]),
            };
            self.memory.insert(b.id, memory);
        }
        Ok(())
    }
    fn release(&mut self, arena: &Arena) {
        for b in &arena.buffers {
            self.memory.remove(&b.id);
        }
    }
    fn write(&mut self, tensor: &Tensor, data: &[f32]) -> Result<()> {
        let wide: Vec<f64> = data.iter().map(|&v| f64::from(v)).collect();
        self.write_f64(tensor, &wide)
    }
    fn write_u32(&mut self, tensor: &Tensor, data: &[u32]) -> Result<()> {
        match self.memory.get_mut(&tensor.buffer) {
            Some(Memory::U(v)) if data.len() == tensor.len() => {
                v[tensor.offset..tensor.offset + tensor.len()].copy_from_slice(data);
                Ok(())
            }
            _ => Err(fault(format!("{} takes no such words", tensor.label))),
        }
    }
    fn read(&mut self, tensor: &Tensor) -> Result<Vec<f32>> {
        Ok(self.read_f64(tensor)?.iter().map(|&v| v as f32).collect())
    }
    fn read_u32(&mut self, tensor: &Tensor) -> Result<Vec<u32>> {
        match self.memory.get(&tensor.buffer) {
            Some(Memory::U(v)) => Ok(v[tensor.offset..tensor.offset + tensor.len()].to_vec()),
            _ => Err(fault(format!("{} holds no words", tensor.label))),
        }
    }
    fn prepare(&mut self, recording: &Recording) -> Result<ProgramId> {
        self.programs.push(recording.clone());
        Ok(ProgramId(self.programs.len() - 1))
    }
    fn run(&mut self, program: ProgramId, times: u32) -> Result<()> {
        for _ in 0..times {
            for command in &self.programs[program.0].commands {
                execute(&mut self.memory, command)?;
            }
        }
        Ok(())
    }
    fn wait(&mut self) -> Result<()> {
        Ok(())
    }
    fn held(&self) -> Held {
        let bytes = |m: &Memory| match m {
            Memory::F(v) => 8 * v.len() as u64,
            Memory::U(v) => 4 * v.len() as u64,
        };
        Held { tensors: self.memory.values().map(bytes).sum(), reserved: None }
    }
    fn profile(&mut self, _: ProgramId) -> Result<Vec<KernelTime>> {
        Ok(Vec::new())
    }
}
