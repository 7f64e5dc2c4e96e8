//! Which device: list what there is, choose by name or kind, and read its limits.

use std::time::Duration;

use super::families::Use;
use crate::error::{Error, Problem, Result};

/// What the user asked for.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// Part of an adapter's name, its number in `scorefield devices`, or a backend (`vulkan`, `metal`, `dx12`).
    pub device: Option<String>,
    /// Refuse software adapters.
    pub require_gpu: bool,
    /// Ask for cooperative matrices, where they are offered: an experiment of wgpu's, so only for who wants them.
    pub matrices: bool,
    /// How long the device may leave a submission unanswered before it counts as hanging; unsaid, two minutes for hardware
    /// and as long as it takes for a software device, which lives as long as this process does.
    pub timeout: Option<Duration>,
}

/// One adapter, as `devices` prints it.
#[derive(Debug, Clone)]
pub struct AdapterLine {
    /// Name given by the driver.
    pub name: String,
    /// vulkan, metal, dx12.
    pub backend: String,
    /// discrete, integrated, virtual, software, other.
    pub kind: &'static str,
    /// Driver and version.
    pub driver: String,
    /// Largest storage binding in bytes.
    pub max_binding: u64,
    /// Largest buffer in bytes.
    pub max_buffer: u64,
    /// Bytes of workgroup memory.
    pub workgroup_bytes: u32,
    /// Smallest and largest subgroup, 0 when subgroups are not offered.
    pub subgroup: (u32, u32),
    /// Whether the kernels of families `panel` and `fused-panel` run: they map the lanes of subgroups of 8 by hand, wait for
    /// each other as subgroups, load 64-bit words and bind up to [`PANEL_BUFFERS`] buffers.
    pub panels: bool,
    /// Whether shaders may compute in f16.
    pub halves: bool,
    /// Whether the kernels of family `matrix` run: subgroups of 32 that multiply 16 x 16 matrices of f16 and add f32.
    pub matrices: bool,
}

/// What the kernels of families `panel` and `fused-panel` need.
pub const PANELS: wgpu::Features =
    wgpu::Features::SUBGROUP.union(wgpu::Features::SUBGROUP_BARRIER).union(wgpu::Features::SHADER_INT64);

/// Storage buffers that a kernel of those binds at most; kernels of other families do with the 8 of any device.
pub const PANEL_BUFFERS: u32 = 10;

/// What cooperative matrices need.
pub const MATRICES: wgpu::Features = wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX;

impl AdapterLine {
    /// Reads the description of an adapter.
    pub fn of(adapter: &wgpu::Adapter) -> Self {
        let info = adapter.get_info();
        let limits = adapter.limits();
        let subgroup = adapter.features().contains(wgpu::Features::SUBGROUP);
        let sizes = if subgroup { (info.subgroup_min_size, info.subgroup_max_size) } else { (0, 0) };
        let kind = match info.device_type {
            wgpu::DeviceType::DiscreteGpu => "discrete",
            wgpu::DeviceType::IntegratedGpu => "integrated",
            wgpu::DeviceType::VirtualGpu => "virtual",
            wgpu::DeviceType::Cpu => "software",
            wgpu::DeviceType::Other => "other",
        };
        Self {
            name: info.name,
            backend: info.backend.to_str().to_string(),
            kind,
            driver: format!("{} {}", info.driver, info.driver_info).trim().to_string(),
            max_binding: limits.max_storage_buffer_binding_size,
            max_buffer: limits.max_buffer_size,
            workgroup_bytes: limits.max_compute_workgroup_storage_size,
            subgroup: sizes,
            panels: adapter.features().contains(PANELS)
                && sizes == (8, 8)
                && limits.max_storage_buffers_per_shader_stage >= PANEL_BUFFERS,
            halves: adapter.features().contains(wgpu::Features::SHADER_F16),
            matrices: adapter.features().contains(wgpu::Features::SHADER_F16 | MATRICES)
                && sizes == (32, 32)
                && adapter.cooperative_matrix_properties().iter().any(|p| {
                    (p.m_size, p.n_size, p.k_size) == (16, 16, 16)
                        && p.ab_type == wgpu::CooperativeScalarType::F16
                        && p.cr_type == wgpu::CooperativeScalarType::F32
                }),
        }
    }

    /// The kernels it is opened with, before anything is measured. On software devices fused ones save launches, up to
    /// a third of a short step.
    pub fn uses(&self) -> Use {
        Use { layered: if self.panels { "panel" } else { "tile" }, fused: [self.panels && self.is_software(); 2] }
    }

    /// Whether it is a processor pretending to be a GPU.
    pub fn is_software(&self) -> bool {
        self.kind == "software"
    }
}

impl std::fmt::Display for AdapterLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}, {}, {})", self.name, self.backend, self.kind, self.driver)
    }
}

fn instance() -> wgpu::Instance {
    // the environment is honoured: WGPU_BACKEND, WGPU_DX12_COMPILER, WGPU_VALIDATION, WGPU_DEBUG
    wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env())
}

/// All adapters, the ones to be preferred first.
pub fn adapters() -> Vec<wgpu::Adapter> {
    let backends = wgpu::Backends::from_env().unwrap_or(wgpu::Backends::PRIMARY);
    let mut all = pollster::block_on(instance().enumerate_adapters(backends));
    all.sort_by_key(|a| match a.get_info().device_type {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    });
    all
}

/// The adapter the user asked for, by flag, else by `WGPU_ADAPTER_NAME`, else the best there is.
pub fn choose(choice: &Choice) -> Result<wgpu::Adapter> {
    let all = adapters();
    if all.is_empty() {
        return Err(Error::device(
            Problem::new("no graphics device was found")
                .expected("a Vulkan, Metal or DX12 driver")
                .hint("on Debian or Ubuntu `apt install mesa-vulkan-drivers libvulkan1` gives a software device; `make demo` does it for you"),
        ));
    }
    let wanted = choice.device.clone().or_else(|| std::env::var("WGPU_ADAPTER_NAME").ok().filter(|s| !s.is_empty()));
    let lines: Vec<AdapterLine> = all.iter().map(AdapterLine::of).collect();
    let index = match &wanted {
        None => 0,
        Some(text) => pick(&lines, text)?,
    };
    if choice.require_gpu && lines[index].is_software() {
        return Err(Error::device(
            Problem::new("only a software device was found and --require-gpu was given").found(&lines[index]),
        ));
    }
    // invariant: index comes from the same list
    all.into_iter().nth(index).ok_or_else(|| Error::bug(Problem::new("adapter list changed while it was read")))
}

/// The one adapter that `text` means: its number, its backend, or part of its name.
fn pick(lines: &[AdapterLine], text: &str) -> Result<usize> {
    if let Ok(n) = text.parse::<usize>()
        && n < lines.len()
    {
        return Ok(n);
    }
    let low = text.to_lowercase();
    let matches: Vec<usize> =
        (0..lines.len()).filter(|&i| lines[i].name.to_lowercase().contains(&low) || lines[i].backend == low).collect();
    match matches[..] {
        [one] => Ok(one),
        // the same adapter through two backends counts as one: the list is in order of preference
        [first, ..] if matches.iter().all(|&i| lines[i].name == lines[first].name) => Ok(first),
        _ => {
            let list: Vec<String> = lines.iter().enumerate().map(|(i, l)| format!("{i}: {l}")).collect();
            let what = if matches.is_empty() { "no device matches" } else { "several devices match" };
            Err(Error::device(
                Problem::new(format!("{what} the name given"))
                    .at("--device")
                    .found(format!("`{text}`"))
                    .expected(format!("one of {}", list.join("; "))),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, backend: &str) -> AdapterLine {
        AdapterLine {
            name: name.into(),
            backend: backend.into(),
            kind: "discrete",
            driver: String::new(),
            max_binding: 0,
            max_buffer: 0,
            workgroup_bytes: 0,
            subgroup: (0, 0),
            panels: false,
            halves: false,
            matrices: false,
        }
    }

    #[test]
    fn a_device_is_found_by_number_name_or_backend_and_never_guessed() {
        let lines = [line("GeForce 9", "vulkan"), line("Radeon 7", "vulkan"), line("GeForce 9", "dx12")];
        assert_eq!(pick(&lines, "1").unwrap(), 1);
        assert_eq!(pick(&lines, "radeon").unwrap(), 1);
        assert_eq!(pick(&lines, "dx12").unwrap(), 2);
        assert_eq!(pick(&lines, "geforce").unwrap(), 0);
        assert_eq!(pick(&lines, "vulkan").unwrap_err().exit_code(), 5);
        assert!(pick(&lines, "arc").unwrap_err().to_string().contains("Radeon 7"));
    }
}
