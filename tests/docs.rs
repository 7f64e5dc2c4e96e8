//! The documentation names every row of the tables of processes, grids, samplers and heads.

use scorefield::network::HEADS;
use scorefield::process::{GRIDS, PROCESSES, SAMPLERS};
use scorefield::study::PRESETS;

#[test]
fn conventions_have_every_row_of_the_tables() {
    let text = include_str!("../docs/conventions.md");
    let names = (PROCESSES.iter().map(|r| r.name))
        .chain(GRIDS.iter().map(|r| r.name))
        .chain(SAMPLERS.iter().flat_map(|r| [r.name].into_iter().chain(r.aliases.iter().copied())))
        .chain(HEADS.iter().map(|r| r.name));
    let missing: Vec<_> = names.filter(|name| !text.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/conventions.md lacks {missing:?}");
}

#[test]
fn the_defaults_that_conventions_state_are_those_of_the_tables() {
    let text = include_str!("../docs/conventions.md").replace('\n', " ");
    for (row, key) in PROCESSES.iter().flat_map(|row| row.keys.iter().map(move |key| (row, key))) {
        // the tables write 1e-4, 0.1 and 20
        let value = if key.default < 1e-3 { format!("{:e}", key.default) } else { key.default.to_string() };
        let said = format!("{} = {value}", key.name);
        assert!(text.contains(&said), "{}: docs/conventions.md lacks {said:?}", row.name);
    }
    for row in PROCESSES {
        let line = text.split("| `").find(|l| l.starts_with(&format!("{}` |", row.name))).unwrap();
        let of = |v: f64| if v < 0.01 { format!("| {v:e} |") } else { format!("| {v} |") };
        assert!(line.contains(&of(row.t_max)) && line.contains(&of(row.t0)), "{}: {line}", row.name);
    }
}

#[test]
fn every_study_is_recorded_with_the_curves_that_it_has() {
    let place = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/studies");
    let page = std::fs::read_to_string(place.join("README.md")).unwrap();
    for preset in PRESETS {
        let name = preset.name;
        assert!(page.contains(&format!("`scorefield study {name} --quick`")), "docs/studies/README.md lacks {name}");
        assert!(std::fs::read(place.join(format!("{name}.png"))).unwrap().starts_with(b"\x89PNG"), "{name}.png");
        let table = std::fs::read_to_string(place.join(format!("{name}.csv"))).unwrap();
        for sweep in preset.sweeps {
            for curve in sweep.curves {
                let start = format!("\"{}\",\"{}\",", sweep.name, curve.name);
                let rows = table.lines().filter(|l| l.starts_with(&start)).count();
                assert_eq!(rows, sweep.quick.len(), "{name}.csv is not of this form: {start}");
            }
        }
    }
}
