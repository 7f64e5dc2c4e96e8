//! Every shader file, linked for every family and every filler of its slots, through every translation there is; and the
//! house rules for shader files. No device is needed.

use naga::back::{hlsl, msl, spv};
use naga::valid::{Capabilities, ModuleInfo, ShaderStages, SubgroupOperationSet, ValidationFlags, Validator};
use scorefield::gpu::linker::{Embedded, Linked, SHADERS, link, resolve};
use scorefield::gpu::reflect::{Interface, parse, reflect};
use scorefield::gpu::{FAMILIES, PANEL_BUFFERS};
use scorefield::network::{ACTIVATIONS, TILES};
use scorefield::reference::TWINS;
use scorefield::train::options::OPTIMISERS;

/// Slots with the directory of their fillers.
const SLOTS: &[(&str, &str)] = &[
    ("activation", "activation/"),
    ("rule", "optimiser/rule/"),
    ("axes", "score/axes/"),
    ("variance", "score/variance/"),
    ("tile", "fused/tile/"),
    ("finish", "network/finish/"),
    ("slope", "network/slope/"),
];

/// Every file below `shaders/` with its text.
fn files() -> Vec<(String, &'static str)> {
    fn collect(dir: &'static include_dir::Dir<'static>, out: &mut Vec<(String, &'static str)>) {
        for file in dir.files() {
            out.push((
                file.path().to_string_lossy().replace('\\', "/"),
                file.contents_utf8().expect("shaders are text"),
            ));
        }
        dir.dirs().for_each(|d| collect(d, out));
    }
    let mut out = Vec::new();
    collect(&SHADERS, &mut out);
    out.sort();
    out
}

/// Whether a file has no text of its own but imports, and so stands for another.
fn is_alias(text: &str) -> bool {
    text.lines().all(|l| l.starts_with("//") || l.starts_with("#import") || l.is_empty())
}

/// Whether a file is only ever imported.
fn is_part(text: &str) -> bool {
    !text.contains("@compute") && !is_alias(text)
}

/// A file's name without `.wgsl` and without the family.
fn stem(path: &str) -> String {
    let name = path.strip_suffix(".wgsl").expect("a .wgsl file");
    FAMILIES.iter().find_map(|f| name.strip_suffix(&format!(".{}", f.name))).unwrap_or(name).to_string()
}

fn kernels() -> Vec<String> {
    let mut names: Vec<String> = files().iter().filter(|(_, t)| !is_part(t)).map(|(p, _)| stem(p)).collect();
    names.dedup();
    names
}

/// Slots that `text` imports, directly or through the files it imports.
fn slots(name: &str, family: &str, fillers: &[(&str, String)]) -> Vec<String> {
    let path = resolve(&Embedded, name, family).unwrap_or_else(|| panic!("no file for {name}"));
    let (_, text) = files().into_iter().find(|(p, _)| *p == path).unwrap();
    let mut out = Vec::new();
    for target in text.lines().filter_map(|l| l.trim().strip_prefix("#import ")) {
        match target.strip_prefix('<').and_then(|t| t.strip_suffix('>')) {
            Some(slot) => {
                out.push(slot.to_string());
                if let Some((_, file)) = fillers.iter().find(|(s, _)| *s == slot) {
                    out.extend(slots(file, family, fillers));
                }
            }
            None => out.extend(slots(target, family, fillers)),
        }
    }
    out
}

/// All ways to fill the slots of a kernel.
fn fillings(name: &str, family: &str) -> Vec<Vec<(&'static str, String)>> {
    let mut done = Vec::new();
    let mut open: Vec<Vec<(&'static str, String)>> = vec![Vec::new()];
    while let Some(filled) = open.pop() {
        let wanted = slots(name, family, &filled);
        match SLOTS.iter().find(|(s, _)| wanted.iter().any(|w| w == s) && !filled.iter().any(|(f, _)| f == s)) {
            None => done.push(filled),
            Some((slot, dir)) => {
                for (path, _) in files().iter().filter(|(p, _)| p.starts_with(dir)) {
                    open.push([filled.clone(), vec![(*slot, stem(path))]].concat());
                }
            }
        }
    }
    done
}

/// Every kernel in every variant: its label, linked text and family.
fn variants() -> Vec<(String, Linked)> {
    let mut out = Vec::new();
    for kernel in kernels() {
        for family in FAMILIES.iter().filter(|f| !f.fuses()).map(|f| f.name) {
            for filled in fillings(&kernel, family) {
                let given: Vec<(&str, &str)> = filled.iter().map(|(s, f)| (*s, f.as_str())).collect();
                let linked = link(&Embedded, &kernel, &given, family).unwrap();
                out.push((format!("{kernel} {given:?} for {family}"), linked));
            }
        }
    }
    out
}

fn validated(label: &str, linked: &Linked) -> (naga::Module, ModuleInfo) {
    let module = naga::front::wgsl::parse_str(&linked.text)
        .unwrap_or_else(|e| panic!("{label}: {}", e.emit_to_string(&linked.text)));
    let subgroups = linked.text.contains("subgroup");
    // nothing is allowed that the text does not ask for
    let mut capabilities = if subgroups { Capabilities::SUBGROUP } else { Capabilities::empty() };
    capabilities.set(Capabilities::SUBGROUP_BARRIER, linked.text.contains("subgroupBarrier"));
    capabilities.set(Capabilities::SHADER_FLOAT16, linked.text.contains("enable f16;"));
    capabilities.set(Capabilities::COOPERATIVE_MATRIX, linked.text.contains("enable wgpu_cooperative_matrix;"));
    capabilities.set(Capabilities::SHADER_INT64, ["u64", "i64"].iter().any(|word| linked.text.contains(word)));
    let mut validator = Validator::new(ValidationFlags::all(), capabilities);
    if subgroups {
        validator.subgroup_stages(ShaderStages::COMPUTE).subgroup_operations(SubgroupOperationSet::all());
    }
    let info = validator.validate(&module).unwrap_or_else(|e| panic!("{label}: {}", e.emit_to_string(&linked.text)));
    (module, info)
}

#[test]
fn every_variant_is_valid_and_translates_to_every_backend() {
    let all = variants();
    assert!(all.len() > 50, "only {} variants were found", all.len());
    for (label, linked) in &all {
        let (module, info) = validated(label, linked);
        let words = spv::write_vec(&module, &info, &spv::Options::default(), None)
            .unwrap_or_else(|e| panic!("{label}: SPIR-V: {e}"));
        assert_eq!(words[0], 0x0723_0203, "{label}");
        if linked.text.contains("enable wgpu_cooperative_matrix;") {
            // 16 x 16 is Vulkan's: Metal has 8 x 8, DX12 none
            continue;
        }
        // 2.4 has subgroups
        let options = msl::Options { lang_version: (2, 4), fake_missing_bindings: true, ..Default::default() };
        let (text, _) = msl::write_string(&module, &info, &options, &Default::default())
            .unwrap_or_else(|e| panic!("{label}: MSL: {e}"));
        assert!(text.contains("kernel void"), "{label}");
        // 6.2 has 16-bit numbers
        let halves = linked.text.contains("enable f16;");
        let shader_model = if halves { hlsl::ShaderModel::V6_2 } else { hlsl::ShaderModel::V6_0 };
        let options = hlsl::Options { shader_model, fake_missing_bindings: true, ..Default::default() };
        let mut text = String::new();
        hlsl::Writer::new(&mut text, &options, &Default::default())
            .write(&module, &info, None)
            .unwrap_or_else(|e| panic!("{label}: HLSL: {e}"));
        assert!(text.contains("numthreads"), "{label}");
    }
}

#[test]
fn every_variant_fits_the_least_that_a_device_must_offer() {
    for (label, linked) in variants() {
        let module = parse(&linked, &label).unwrap();
        let Interface { storage, workgroup, workgroup_bytes, .. } = reflect(&module, &linked.text, &label).unwrap();
        // 64-bit words are for kernels of panels, which run on no device that offers less
        let most = if linked.text.contains("u64>") { PANEL_BUFFERS as usize } else { 8 };
        assert!(storage.len() <= most, "{label} binds {} storage buffers", storage.len());
        assert!(workgroup_bytes <= 16_384, "{label} takes {workgroup_bytes} bytes of workgroup memory");
        assert!(
            workgroup.iter().product::<u32>() <= 256 && workgroup[2] <= 64,
            "{label} has workgroups of {workgroup:?}"
        );
        assert_eq!(module.entry_points.len(), 1, "{label}");
        let mut bindings: Vec<u32> = storage.iter().map(|s| s.binding).collect();
        bindings.dedup();
        assert_eq!(bindings.len(), storage.len(), "{label} binds a number twice");
    }
}

#[test]
fn every_kernel_has_a_twin_and_every_twin_a_kernel() {
    // the drawing kernels have plain twins in `render::twin`, whose own tests compare them
    let drawn = |name: &&String| !name.starts_with("render/");
    let named: Vec<&str> = TWINS.iter().map(|(n, _)| *n).collect();
    let kernels = kernels();
    let without: Vec<_> = kernels.iter().filter(drawn).filter(|k| !named.contains(&k.as_str())).collect();
    let stale: Vec<_> = named.iter().filter(|n| !kernels.iter().any(|k| k == *n)).collect();
    assert!(without.is_empty() && stale.is_empty(), "without a twin: {without:?}, twins of nothing: {stale:?}");
    assert!(named.iter().enumerate().all(|(i, n)| !named[..i].contains(n)), "a twin is listed twice");
}

#[test]
fn tables_and_slot_directories_hold_the_same_files() {
    let below = |dir: &str| -> Vec<String> {
        files().iter().filter(|(p, _)| p.starts_with(dir)).map(|(p, _)| stem(p)).collect()
    };
    let mut activations: Vec<String> = ACTIVATIONS.iter().map(|a| a.shader.to_string()).collect();
    activations.sort();
    assert_eq!(activations, below("activation/"));
    let mut slopes: Vec<String> = ACTIVATIONS.iter().filter_map(|a| a.by_value).map(|v| v.shader.to_string()).collect();
    slopes.push("network/slope/kept".into());
    slopes.sort();
    assert_eq!(slopes, below("network/slope/"));
    let mut rules: Vec<String> = OPTIMISERS.iter().map(|o| o.shader.to_string()).collect();
    rules.sort();
    assert_eq!(rules, below("optimiser/rule/"));
    let mut tiles: Vec<String> = TILES.iter().map(|t| t.shader.to_string()).collect();
    tiles.sort();
    assert_eq!(tiles, below("fused/tile/"));
}

#[test]
fn every_file_opens_with_what_it_is_and_kernels_say_their_dispatch() {
    for (path, text) in files() {
        let header: Vec<&str> = text.lines().take_while(|l| l.starts_with("//")).collect();
        assert!(header.first().is_some_and(|l| l.len() > 6), "{path} does not say what it is");
        let dispatch = header.iter().any(|l| l.to_lowercase().contains("dispatch"));
        // what stands for another is described there
        assert!(is_part(text) || is_alias(text) || dispatch, "{path} does not say its dispatch");
    }
}

#[test]
fn every_storage_binding_stands_on_a_line_with_its_shape() {
    for (path, text) in files() {
        for (i, line) in text.lines().enumerate().filter(|(_, l)| l.contains("@binding(") && l.contains("var<storage"))
        {
            let shape = line.split_once("// ").map(|(_, c)| c.trim_start());
            assert!(line.starts_with("@group(0)"), "{path}:{}: one binding a line", i + 1);
            // words of a control block are listed by their number
            assert!(shape.is_some_and(|c| c.starts_with(['(', '['])), "{path}:{}: the binding has no shape", i + 1);
        }
    }
}

#[test]
fn lines_are_plain_and_short() {
    for (path, text) in files() {
        for (i, line) in text.lines().enumerate() {
            let place = format!("{path}:{}", i + 1);
            assert!(!line.contains('\t') && line.trim_end() == line, "{place}: tabs or trailing space");
            // sums unrolled by hand read best in columns
            let most = if path.starts_with("network/") { 160 } else { 130 };
            assert!(line.chars().count() <= most, "{place}: {} characters", line.chars().count());
        }
        assert!(text.ends_with('\n'), "{path} does not end with a line feed");
    }
}
