//! What a linked shader asks for: its bindings by name, the members of its parameters, its sizes.

use wgpu::naga::{self, AddressSpace, Literal, StorageAccess, TypeInner};

use super::linker::Linked;
use crate::error::{Error, Problem, Result};
use crate::recording::{Dispatch, Param};

/// One `var<storage>` or `var<uniform>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The WGSL variable.
    pub name: String,
    /// Its `@binding`.
    pub binding: u32,
    /// Whether the shader writes to it; uniforms never.
    pub writable: bool,
    /// Bytes of an element of its array.
    pub element: usize,
}

/// One member of the `Params` struct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Byte offset.
    pub offset: usize,
    /// Whether it is an f32 (else a u32).
    pub float: bool,
}

/// Everything the host must know of a shader.
#[derive(Debug, Clone, Default)]
pub struct Interface {
    /// Storage buffers.
    pub storage: Vec<Slot>,
    /// Binding and size in bytes of `params`, when there is one.
    pub params: Option<(u32, usize)>,
    /// Members of `params`.
    pub members: Vec<Member>,
    /// Invocations a workgroup.
    pub workgroup: [u32; 3],
    /// Bytes of workgroup memory.
    pub workgroup_bytes: u64,
    /// `TILE_ROWS`, `TILE_COLUMNS`, for kernels that work on tiles.
    pub tile: Option<(usize, usize)>,
    /// Whether subgroup operations are used.
    pub subgroups: bool,
}

/// Parses a linked shader; an error names the file and line somebody wrote.
pub fn parse(linked: &Linked, label: &str) -> Result<naga::Module> {
    naga::front::wgsl::parse_str(&linked.text).map_err(|e| {
        let place = e.location(&linked.text).map(|l| linked.origin(l.line_number as usize));
        let mut problem = Problem::new(format!("kernel {label} does not parse: {}", e.message()));
        problem.place = place;
        Error::bug(problem)
    })
}

/// Reads the interface of a parsed shader.
pub fn reflect(module: &naga::Module, text: &str, label: &str) -> Result<Interface> {
    let fault = |what: String| Error::bug(Problem::new(format!("kernel {label}: {what}")));
    let entry = module.entry_points.first().ok_or_else(|| fault("has no entry point".into()))?;
    let mut out =
        Interface { workgroup: entry.workgroup_size, subgroups: text.contains("subgroup"), ..Interface::default() };
    for (_, var) in module.global_variables.iter() {
        let name = var.name.clone().unwrap_or_default();
        let size = module.types[var.ty].inner.size(module.to_ctx());
        match (var.space, &var.binding) {
            (AddressSpace::WorkGroup, _) => out.workgroup_bytes += u64::from(size),
            (AddressSpace::Storage { access }, Some(at)) => {
                let TypeInner::Array { stride, .. } = module.types[var.ty].inner else {
                    return Err(fault(format!("`{name}` is no array")));
                };
                let writable = access.contains(StorageAccess::STORE);
                out.storage.push(Slot { name, binding: at.binding, writable, element: stride as usize })
            }
            (AddressSpace::Uniform, Some(at)) => {
                out.params = Some((at.binding, size as usize));
                if let TypeInner::Struct { members, .. } = &module.types[var.ty].inner {
                    for m in members {
                        let float = matches!(&module.types[m.ty].inner, TypeInner::Scalar(s) if s.kind == naga::ScalarKind::Float);
                        out.members.push(Member {
                            name: m.name.clone().unwrap_or_default(),
                            offset: m.offset as usize,
                            float,
                        });
                    }
                }
            }
            _ => {}
        }
    }
    out.storage.sort_by_key(|s| s.binding);
    let tile = |name: &str| constant(module, name);
    out.tile = tile("TILE_ROWS").zip(tile("TILE_COLUMNS"));
    Ok(out)
}

/// The value of a module constant that is a literal.
fn constant(module: &naga::Module, name: &str) -> Option<usize> {
    let (_, c) = module.constants.iter().find(|(_, c)| c.name.as_deref() == Some(name))?;
    match module.global_expressions[c.init] {
        naga::Expression::Literal(Literal::U32(v)) => Some(v as usize),
        naga::Expression::Literal(Literal::I32(v)) => usize::try_from(v).ok(),
        naga::Expression::Literal(Literal::AbstractInt(v)) => usize::try_from(v).ok(),
        _ => None,
    }
}

impl Interface {
    /// Checks that a dispatch names exactly this shader's variables and parameters.
    pub fn check(&self, dispatch: &Dispatch) -> Result<()> {
        let has: Vec<&str> = self.storage.iter().map(|s| s.name.as_str()).collect();
        let given: Vec<&str> = dispatch.bindings.iter().map(|(n, _)| *n).collect();
        same_names(dispatch.kernel, "bindings", &has, &given)?;
        if dispatch.members() > 1 {
            let shared = |s: &&Slot| !self.members.iter().any(|m| m.name == format!("{}_member", s.name));
            let own = |s: &&Slot| dispatch.bindings.iter().any(|(n, t)| *n == s.name && t.members > 1);
            if let Some(slot) = self.storage.iter().filter(shared).find(own) {
                let what = format!("kernel {} knows of no ensemble in `{}`", dispatch.kernel, slot.name);
                return Err(Error::bug(Problem::new(what)));
            }
        }
        let by_hand = |m: &&Member| self.stepped(&m.name).is_none();
        let has: Vec<&str> = self.members.iter().filter(by_hand).map(|m| m.name.as_str()).collect();
        let given: Vec<&str> = dispatch.params.iter().map(|(n, _)| *n).collect();
        same_names(dispatch.kernel, "parameters", &has, &given)
    }

    /// The storage variable whose distance between ensemble members the parameter `name` is.
    fn stepped(&self, name: &str) -> Option<&Slot> {
        let variable = name.strip_suffix("_member")?;
        self.storage.iter().find(|s| s.name == variable)
    }

    /// Elements of `slot`'s array between members of an ensemble.
    fn step(&self, slot: &Slot, dispatch: &Dispatch) -> Result<u32> {
        let tensor = dispatch.bindings.iter().find(|(n, _)| *n == slot.name).map(|(_, t)| t);
        let bytes = tensor.map_or(0, |t| 4 * t.member_stride);
        let step = (bytes % slot.element == 0).then(|| u32::try_from(bytes / slot.element).ok()).flatten();
        step.ok_or_else(|| {
            let what = format!("members of {} in {} lie {bytes} bytes apart", slot.name, dispatch.kernel);
            Error::bug(Problem::new(what).expected(format!("a multiple of {}, within 32 bits", slot.element)))
        })
    }

    /// The bytes of the `params` uniform.
    pub fn pack(&self, dispatch: &Dispatch) -> Result<Vec<u8>> {
        let mut bytes = vec![0u8; self.params.map_or(0, |(_, size)| size.next_multiple_of(16))];
        for member in &self.members {
            if let Some(slot) = self.stepped(&member.name) {
                bytes[member.offset..member.offset + 4].copy_from_slice(&self.step(slot, dispatch)?.to_le_bytes());
                continue;
            }
            // invariant: `check` saw every member among the parameters
            let Some((_, value)) = dispatch.params.iter().find(|(n, _)| *n == member.name) else { continue };
            let word = match (value, member.float) {
                (Param::U32(v), false) => *v,
                (Param::F32(v), true) => v.to_bits(),
                _ => {
                    return Err(Error::bug(Problem::new(format!(
                        "parameter {} of {} has the other type in the shader",
                        member.name, dispatch.kernel
                    ))));
                }
            };
            bytes[member.offset..member.offset + 4].copy_from_slice(&word.to_le_bytes());
        }
        Ok(bytes)
    }
}

fn same_names(kernel: &str, what: &str, shader: &[&str], host: &[&str]) -> Result<()> {
    let missing: Vec<_> = shader.iter().filter(|n| !host.contains(n)).collect();
    let surplus: Vec<_> = host.iter().filter(|n| !shader.contains(n)).collect();
    if missing.is_empty() && surplus.is_empty() && shader.len() == host.len() {
        return Ok(());
    }
    Err(Error::bug(Problem::new(format!(
        "{what} of kernel {kernel} do not match: missing {missing:?}, surplus {surplus:?}; the shader has {shader:?}"
    ))))
}
