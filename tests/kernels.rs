//! Every kernel against its f64 twin on the device at hand; every family that the device runs.

use scorefield::doctor::{SHAPES, all_activations, examine};
use scorefield::gpu::{Choice, FAMILIES, Gpu};

#[test]
fn every_kernel_agrees_with_its_twin() {
    let mut tried = 0;
    for family in FAMILIES.iter().map(|f| f.name) {
        let mut gpu = Gpu::open(&Choice::default()).expect("a device; install a software driver with `make test`");
        if gpu.force_family(family).is_err() {
            continue;
        }
        tried += 1;
        let findings = examine(&mut gpu, SHAPES, &all_activations()).unwrap();
        for f in &findings {
            println!("{family} {:50} {:4} launches {:9.2e} at {}", f.kernel, f.launches, f.worst, f.place);
        }
        let wrong: Vec<_> = findings.iter().filter(|f| !f.passed()).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
    assert!(tried > 0);
}
