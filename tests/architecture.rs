//! Who may use whom: the `use` and `#import` lines held against one table, so that no circle creeps in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Each room with the rooms it may use, from the bottom up: a room may only use rooms above it in this list.
const ROOMS: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("random", &[]),
    ("defaults", &[]),
    ("report", &[]),
    ("recording", &["error"]),
    ("process", &["error"]),
    ("render", &["error", "recording"]),
    ("io", &["error"]),
    ("distribution", &["error", "random"]),
    ("metrics", &["error", "random"]),
    // executors stand on recordings alone; neither knows what is computed
    ("gpu", &["error", "recording"]),
    ("network", &["defaults", "error", "random", "recording"]),
    // twins of the activations are the rows of their table
    ("reference", &["distribution", "error", "network", "random", "recording"]),
    // exact laws as recordings, for scores and for teachers of a training
    ("oracle", &["distribution", "error", "process", "recording"]),
    // the number of time bins is written once, beside the twin that fills them
    (
        "train",
        &["defaults", "distribution", "error", "network", "oracle", "process", "random", "recording", "reference"],
    ),
    ("score", &["error", "network", "oracle", "process", "recording", "train"]),
    ("sample", &["error", "process", "random", "recording", "score"]),
    ("likelihood", &["distribution", "error", "process", "recording", "sample", "score"]),
    (
        "evaluate",
        &[
            "distribution",
            "error",
            "likelihood",
            "metrics",
            "process",
            "random",
            "recording",
            "sample",
            "score",
            "train",
        ],
    ),
    (
        "bench",
        &[
            "distribution",
            "error",
            "network",
            "oracle",
            "process",
            "random",
            "recording",
            "reference",
            "sample",
            "score",
            "train",
        ],
    ),
    (
        "doctor",
        &[
            "bench",
            "distribution",
            "error",
            "likelihood",
            "network",
            "oracle",
            "process",
            "random",
            "recording",
            "reference",
            "render",
            "sample",
            "score",
            "train",
        ],
    ),
    ("selection", &["error", "gpu", "io", "network", "process", "train"]),
    ("model", &["error", "io", "network", "process", "score", "train"]),
    ("construct", &["distribution", "error", "model", "network", "process", "random", "recording"]),
    (
        "pictures",
        &["distribution", "error", "io", "model", "process", "random", "recording", "render", "sample", "score"],
    ),
    ("config", &["defaults", "distribution", "error", "io", "network", "train"]),
    ("lint", &["config", "evaluate", "metrics", "network", "process", "train"]),
    (
        "audit",
        &[
            "config",
            "distribution",
            "error",
            "evaluate",
            "metrics",
            "network",
            "process",
            "random",
            "recording",
            "sample",
            "score",
            "train",
        ],
    ),
    (
        "study",
        &[
            "audit",
            "config",
            "construct",
            "distribution",
            "error",
            "evaluate",
            "metrics",
            "network",
            "oracle",
            "process",
            "random",
            "recording",
            "score",
            "train",
        ],
    ),
    ("session", &["config", "error", "io", "model", "network", "recording", "reference", "train"]),
];

/// The top, which may use everything.
const TOP: &[&str] = &["cli", "main", "lib"];

fn rust_files(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()) {
        if entry.is_dir() {
            rust_files(&entry, out);
        } else if entry.extension().is_some_and(|e| e == "rs") {
            out.push(entry);
        }
    }
}

/// Every source file: its room, its place and its code without comments and without what follows `#[cfg(test)]`.
fn sources() -> Vec<(String, String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    let mut out = Vec::new();
    for file in files {
        let inner = file.strip_prefix(&src).unwrap();
        let room = inner.components().next().unwrap().as_os_str().to_string_lossy().trim_end_matches(".rs").to_string();
        // tests may look wherever they like
        if inner.components().any(|c| c.as_os_str().to_string_lossy().contains("tests")) {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let code: Vec<&str> = code.lines().map(|l| l.split("//").next().unwrap_or_default()).collect();
        out.push((room, inner.display().to_string(), code.join("\n")));
    }
    out
}

/// The rooms that follow `crate::` in some code, also in `use crate::{a, b}`.
fn used(code: &str) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    let name = |text: &str| text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
    for (at, _) in code.match_indices("crate::") {
        // `$crate::` and `other_crate::` would be something else
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(list) => out.extend(list.split('}').next().unwrap_or_default().split(',').map(|n| name(n.trim()))),
            None => _ = out.insert(name(rest)),
        }
    }
    out.retain(|n| !n.is_empty());
    out
}

#[test]
fn rooms_use_only_what_the_table_allows() {
    let mut wrong = Vec::new();
    let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (room, place, code) in sources() {
        if TOP.contains(&room.as_str()) {
            continue;
        }
        let allowed = ROOMS.iter().find(|(r, _)| *r == room).map(|(_, a)| *a);
        let allowed =
            allowed.unwrap_or_else(|| panic!("src/{place}: the room {room} is not in the table of this test"));
        for other in used(&code).into_iter().filter(|o| *o != room) {
            if !allowed.contains(&other.as_str()) {
                wrong.push(format!("src/{place} uses {other}"));
            }
            seen.entry(room.clone()).or_default().insert(other);
        }
    }
    assert!(wrong.is_empty(), "not allowed: {wrong:#?}");
    for (room, allowed) in ROOMS {
        let stale: Vec<_> = allowed.iter().filter(|a| !seen.get(*room).is_some_and(|s| s.contains(**a))).collect();
        assert!(stale.is_empty(), "{room} no longer uses {stale:?}: take it out of the table");
    }
}

#[test]
fn the_table_has_no_circle() {
    for (i, (room, allowed)) in ROOMS.iter().enumerate() {
        for other in *allowed {
            assert!(ROOMS[..i].iter().any(|(r, _)| r == other), "{room} uses {other}, which does not stand below it");
        }
    }
}

#[test]
fn only_the_gpu_room_names_wgpu() {
    let names = |code: &str| code.contains("wgpu::") || code.contains("use wgpu") || code.contains("extern crate wgpu");
    let elsewhere: Vec<_> =
        sources().into_iter().filter(|(r, _, c)| r != "gpu" && names(c)).map(|(_, p, _)| p).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
    assert!(sources().iter().any(|(r, _, c)| r == "gpu" && names(c)), "the test sees the room it is about");
}

#[test]
fn shared_shader_functions_import_only_each_other() {
    let shaders = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    for entry in std::fs::read_dir(shaders.join("lib")).unwrap().map(|e| e.unwrap().path()) {
        for target in std::fs::read_to_string(&entry).unwrap().lines().filter_map(|l| l.trim().strip_prefix("#import "))
        {
            assert!(target.starts_with("lib/"), "{}: imports {target}", entry.display());
        }
    }
}

#[test]
fn the_reader_of_this_test_sees_all_ways_to_name_a_room() {
    let code = "use crate::a::B;\nuse crate::{c, d::E};\nlet x = crate::f::g();";
    let names: Vec<String> = used(code).into_iter().collect();
    assert_eq!(names, ["a", "c", "d", "f"]);
}
