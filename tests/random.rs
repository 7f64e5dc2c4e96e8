//! Random numbers on the device: words bit for bit those of the host, normals within 1e-6 of f64.

use scorefield::gpu::{Choice, Gpu};
use scorefield::process::{Process, SamplerOptions, grid, plan};
use scorefield::random::{Purpose, normals, philox, words};
use scorefield::recording::{Arena, Dispatch, Engine, Recording, Work};
use scorefield::sample::Chunk;
use scorefield::score::GaussianScore;

fn device() -> Gpu {
    Gpu::open(&Choice::default()).expect("a device; install a software driver with `make test`")
}

/// Philox of each counter with its key, on the device.
fn philox_there(cases: &[([u32; 4], [u32; 2])]) -> Vec<[u32; 4]> {
    let (mut arena, mut gpu, n) = (Arena::new(), device(), cases.len());
    let [counters, out] = ["counters", "words"].map(|label| arena.u32(label, &[n, 4]));
    let keys = arena.u32("keys", &[n, 2]);
    gpu.allocate(&arena).unwrap();
    gpu.write_u32(&counters, &cases.iter().flat_map(|c| c.0).collect::<Vec<_>>()).unwrap();
    gpu.write_u32(&keys, &cases.iter().flat_map(|c| c.1).collect::<Vec<_>>()).unwrap();
    let mut rec = Recording::new("philox");
    let d = Dispatch::new("doctor/philox", Work::Items(n)).param("count", n);
    rec.push(d.bind("counters", &counters).bind("keys", &keys).bind("words", &out));
    let program = gpu.prepare(&rec).unwrap();
    gpu.run(program, 1).unwrap();
    gpu.read_u32(&out).unwrap().chunks_exact(4).map(|w| [w[0], w[1], w[2], w[3]]).collect()
}

/// Four normals of each four words, on the device.
fn normals_there(cases: &[[u32; 4]]) -> Vec<[f32; 4]> {
    let (mut arena, mut gpu, n) = (Arena::new(), device(), cases.len());
    let (given, z) = (arena.u32("words", &[n, 4]), arena.f32("normals", &[n, 4]));
    gpu.allocate(&arena).unwrap();
    gpu.write_u32(&given, cases.as_flattened()).unwrap();
    let mut rec = Recording::new("normals");
    rec.push(Dispatch::new("doctor/normals", Work::Items(n)).param("count", n).bind("words", &given).bind("z", &z));
    let program = gpu.prepare(&rec).unwrap();
    gpu.run(program, 1).unwrap();
    gpu.read(&z).unwrap().chunks_exact(4).map(|w| [w[0], w[1], w[2], w[3]]).collect()
}

/// The greatest |dz| / max(1, |z|) against f64, and the words it belongs to.
fn worst(cases: &[[u32; 4]]) -> (f64, [u32; 4]) {
    let mut worst = (0.0f64, [0; 4]);
    for (case, got) in cases.iter().zip(normals_there(cases)) {
        for (truth, got) in normals(*case).iter().zip(got) {
            let error = (truth - f64::from(got)).abs() / truth.abs().max(1.0);
            if error.is_nan() || error > worst.0 {
                worst = (error, *case);
            }
        }
    }
    worst
}

#[test]
fn the_device_gives_the_published_philox_answers() {
    let all = u32::MAX;
    let cases = [
        ([0; 4], [0; 2]),
        ([all; 4], [all; 2]),
        ([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]),
    ];
    let published = [
        [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8],
        [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd],
        [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
    ];
    assert_eq!(philox_there(&cases), published);
}

#[test]
fn words_are_those_of_the_host_bit_for_bit_across_every_carry() {
    // around 2^16, where the halves of a product meet, and around 2^32, where a counter wraps
    let edges: Vec<u32> =
        [0u32, 1 << 16, 1 << 31].iter().flat_map(|e| (-2i32..3).map(|d| e.wrapping_add_signed(d))).collect();
    let mut cases = Vec::new();
    for &a in &edges {
        for &b in &edges {
            for &c in &edges {
                cases.push(([a, b, c, 7], [b, c]));
                cases.push(([7, a, 8, b], [c, a]));
            }
        }
    }
    cases.extend((0..1 << 16).map(|i| (words(1, Purpose::Test, i, 0, 0), [i, i.wrapping_mul(0x9E37_79B9)])));
    let host: Vec<[u32; 4]> = cases.iter().map(|(c, k)| philox(*c, *k)).collect();
    let wrong = host.iter().zip(philox_there(&cases)).filter(|(a, b)| *a != b).count();
    assert_eq!(wrong, 0, "of {} counters", cases.len());
}

#[test]
fn normals_of_random_words_are_right_to_a_millionth() {
    let cases: Vec<[u32; 4]> = (0..1 << 17).map(|i| words(2, Purpose::Test, i, 0, 0)).collect();
    let (error, at) = worst(&cases);
    assert!(error <= 1e-6, "{error:e} at {at:08x?}");
}

#[test]
fn normals_are_right_where_the_radius_is_extreme() {
    // every first word within 4096 of 0 and of 2^32, and of the change of formula at 2^31, at angles of all octants
    let mut cases = Vec::new();
    for i in 0..8192u32 {
        for start in [0u32, 1 << 31] {
            let a = start.wrapping_add(i).wrapping_sub(4096);
            let b = (i % 8) << 29 | words(3, Purpose::Test, i, 0, 0)[0] >> 3;
            cases.push([a, b, a, !b]);
        }
    }
    // and where the mantissa of the logarithm changes octave
    for k in 1..32 {
        for d in 0..64u32 {
            let at = |base: f64| (base * 2f64.powi(k)) as u32;
            cases.push([
                at(1.0).wrapping_add(d).wrapping_sub(32),
                d << 26,
                at(std::f64::consts::FRAC_1_SQRT_2).wrapping_add(d).wrapping_sub(32),
                !d,
            ]);
        }
    }
    let (error, at) = worst(&cases);
    assert!(error <= 1e-6, "{error:e} at {at:08x?}");
}

#[test]
fn normals_are_right_where_the_angle_changes_octant() {
    let mut cases = Vec::new();
    for octant in 0..8u32 {
        for i in 0..4096u32 {
            let b = (octant << 29).wrapping_add(i).wrapping_sub(2048);
            cases.push([words(4, Purpose::Test, i, 0, 0)[0], b, 1 + i, b]);
        }
    }
    let (error, at) = worst(&cases);
    assert!(error <= 1e-6, "{error:e} at {at:08x?}");
}

#[test]
fn a_start_is_the_normals_of_seed_and_index_alone() {
    let (rows, dim, seed) = (70usize, 9usize, 0xDEAD_BEEF_0000_0003u64);
    let process = Process::named("ou").unwrap();
    let plan = plan("em", &process, &grid("uniform", &process, 1).unwrap(), &SamplerOptions::default()).unwrap();
    let score = GaussianScore { process, mean: vec![0.0; dim], variance: vec![1.0; dim] };
    // the second chunk begins just before the indices wrap
    for first in [0u32, 65_500, u32::MAX - 20] {
        let (mut arena, mut gpu) = (Arena::new(), device());
        let chunk = Chunk::new(&mut arena, &score, &plan, rows).unwrap();
        gpu.allocate(&arena).unwrap();
        chunk.upload(&mut gpu, &plan, &vec![0.0; dim], &vec![1.0; dim]).unwrap();
        chunk.begin(&mut gpu, first).unwrap();
        for rec in [chunk.start(seed, 1.0), chunk.finish()] {
            let program = gpu.prepare(&rec).unwrap();
            gpu.run(program, 1).unwrap();
        }
        for (i, z) in gpu.read(&chunk.out).unwrap().into_iter().enumerate() {
            let (b, d) = (i / dim, i % dim);
            let w = words(seed, Purpose::SampleStart, first.wrapping_add(b as u32), 0, d as u32 / 4);
            let truth = normals(w)[d % 4];
            assert!(
                (truth - f64::from(z)).abs() <= 1e-6 * truth.abs().max(1.0),
                "row {b}, column {d}: {z} for {truth}"
            );
        }
    }
}
