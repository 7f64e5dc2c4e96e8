//! What the device itself can do: a table of small measurements, each with a kernel of its own.

use std::time::Instant;

use super::clock::{Clock, Spread};
use crate::error::Result;
use crate::recording::{Arena, Dispatch, Engine, ProgramId, Recording, TURNS, Tensor, Work};
use crate::reference::bench::{CHAINS, LENGTH};

/// A row of [`CEILINGS`].
pub struct Ceiling {
    /// Its name in tables and rows.
    pub name: &'static str,
    /// What it is, in one line.
    pub doc: &'static str,
    /// Unit of the values.
    pub unit: &'static str,
    /// Measures it; the flag says whether the device is software, whose launches are small and whose memory is slow.
    pub measure: fn(&mut dyn Engine, &Clock, bool) -> Result<Spread>,
}

/// Every ceiling. The first is the one that shares are of.
pub const CEILINGS: &[Ceiling] = &[
    Ceiling {
        name: "multiply-add",
        doc: "f32 a x + b in registers, counted as two operations",
        unit: "GFLOP/s",
        measure: arithmetic,
    },
    Ceiling {
        name: "read",
        doc: "storage larger than the caches, read once",
        unit: "GB/s",
        measure: |engine, clock, software| read(engine, clock, large(software), groups(software), 1),
    },
    Ceiling {
        name: "read, cached",
        doc: "storage that fits the caches (256 KiB; 8 MiB on a GPU), read again and again",
        unit: "GB/s",
        measure: |engine, clock, software| {
            let (length, groups) = if software { (1 << 16, 8) } else { (1 << 21, 1 << 10) };
            read(engine, clock, length, groups, 256)
        },
    },
    Ceiling {
        name: "copy",
        doc: "storage larger than the caches, bytes read plus bytes written",
        unit: "GB/s",
        measure: copy,
    },
    Ceiling {
        name: "dispatch",
        doc: "one workgroup that waits for the one before, within a submission",
        unit: "us",
        measure: dispatch,
    },
    Ceiling {
        name: "submission",
        doc: "one such dispatch submitted alone, until the host knows that it is done",
        unit: "us",
        measure: submission,
    },
];

/// Numbers in a tensor larger than the caches.
fn large(software: bool) -> usize {
    if software { 1 << 25 } else { 1 << 27 }
}

/// Workgroups of 64 that keep a device busy; on a software device each of them costs, so fewer that do more.
fn groups(software: bool) -> usize {
    if software { 1 << 6 } else { 1 << 12 }
}

/// Runs one dispatch over the tensors of `arena`, `per_run` units of work each, and gives units a second.
fn rate(engine: &mut dyn Engine, clock: &Clock, arena: &Arena, dispatch: Dispatch, per_run: f64) -> Result<Spread> {
    engine.allocate(arena)?;
    let outcome = one(engine, dispatch).and_then(|program| {
        clock.time(1 << 16, &mut |n| {
            engine.run(program, n)?;
            engine.wait()
        })
    });
    engine.release(arena);
    Ok(outcome?.rate.map(|r| r * per_run))
}

fn one(engine: &mut dyn Engine, dispatch: Dispatch) -> Result<ProgramId> {
    let mut recording = Recording::new(dispatch.kernel);
    recording.push(dispatch);
    engine.prepare(&recording)
}

/// `rounds` rounds on `count` invocations.
pub fn multiply_add(result: &Tensor, count: usize, rounds: u32) -> Dispatch {
    Dispatch::new("bench/multiply_add", Work::Items(count))
        .bind("result", result)
        .param("count", count)
        .param("rounds", rounds)
        .param("a", 0.999_f32)
        .param("b", 0.25_f32)
}

/// Sums of all of `x` to `sums` of (groups, 64), `passes` times over.
pub fn reading(x: &Tensor, sums: &Tensor, passes: u32) -> Dispatch {
    let groups = sums.len() / 64;
    Dispatch::new("bench/read", Work::Groups(groups))
        .bind("x", x)
        .bind("sums", sums)
        .param("length", x.len())
        .param("groups", groups)
        .param("passes", passes)
}

/// y = x by so many workgroups.
pub fn copying(x: &Tensor, y: &Tensor, groups: usize) -> Dispatch {
    Dispatch::new("bench/copy", Work::Groups(groups))
        .bind("x", x)
        .bind("y", y)
        .param("length", x.len())
        .param("groups", groups)
}

/// count += 1
pub fn counting(count: &Tensor) -> Dispatch {
    Dispatch::new("bench/count", Work::Groups(1)).bind("count", count)
}

fn arithmetic(engine: &mut dyn Engine, clock: &Clock, software: bool) -> Result<Spread> {
    const LONG: f64 = 0.01;
    let count = 64 * groups(software);
    let mut arena = Arena::new();
    let result = arena.f32("chains", &[count, CHAINS]);
    // as many rounds as make a dispatch long beside its launch
    engine.allocate(&arena)?;
    let mut rounds = 4;
    let outcome = loop {
        let run = one(engine, multiply_add(&result, count, rounds)).and_then(|program| {
            engine.run(program, 1)?;
            let clock = Instant::now();
            engine.run(program, 1)?;
            engine.wait()?;
            Ok(clock.elapsed().as_secs_f64())
        });
        match run {
            Ok(seconds) if seconds < LONG && 2 * rounds < TURNS as u32 => rounds *= 2,
            other => break other,
        }
    };
    engine.release(&arena);
    outcome?;
    let flops = 2.0 * (count * CHAINS * LENGTH) as f64 * f64::from(rounds);
    rate(engine, clock, &arena, multiply_add(&result, count, rounds), flops * 1e-9)
}

fn read(engine: &mut dyn Engine, clock: &Clock, length: usize, groups: usize, passes: u32) -> Result<Spread> {
    let mut arena = Arena::new();
    let x = arena.f32("read", &[length]);
    let sums = arena.f32("sums", &[groups, 64]);
    rate(engine, clock, &arena, reading(&x, &sums, passes), 4.0e-9 * length as f64 * f64::from(passes))
}

fn copy(engine: &mut dyn Engine, clock: &Clock, software: bool) -> Result<Spread> {
    let mut arena = Arena::new();
    let [x, y] = ["from", "to"].map(|label| arena.f32(label, &[large(software)]));
    let per_run = 8.0 * x.len() as f64 * 1e-9;
    rate(engine, clock, &arena, copying(&x, &y, groups(software)), per_run)
}

fn dispatch(engine: &mut dyn Engine, clock: &Clock, _: bool) -> Result<Spread> {
    let mut arena = Arena::new();
    let count = arena.u32("count", &[1]);
    Ok(rate(engine, clock, &arena, counting(&count), 1e-6)?.map(|r| 1.0 / r))
}

fn submission(engine: &mut dyn Engine, clock: &Clock, _: bool) -> Result<Spread> {
    let mut arena = Arena::new();
    let count = arena.u32("count", &[1]);
    engine.allocate(&arena)?;
    let outcome = one(engine, counting(&count)).and_then(|program| {
        clock.time(1 << 12, &mut |n| {
            for _ in 0..n {
                engine.run(program, 1)?;
                engine.wait()?;
            }
            Ok(())
        })
    });
    engine.release(&arena);
    Ok(outcome?.rate.map(|r| 1e6 / r))
}
