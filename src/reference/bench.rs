//! Twins of `shaders/bench`.

use super::Call;
use crate::error::Result;

/// Chains of an invocation; `CHAINS` of `shaders/bench/multiply_add.wgsl`.
pub const CHAINS: usize = 10;
/// Multiply-adds of a chain in one round; `LENGTH` of the same file.
pub const LENGTH: usize = 64;
/// Numbers that are loaded together.
const BLOCK: usize = 8;

/// x <- a x + b, many times
pub fn multiply_add(call: &mut Call) -> Result<()> {
    let (a, b) = (call.p("a")?, call.p("b")?);
    let turns = call.u("rounds")? * LENGTH;
    let last = |start: f64| (0..turns).fold(start, |x, _| a * x + b);
    let count = call.u("count")?;
    let mut result = call.f("result")?;
    for (at, x) in result.iter_mut().enumerate().take(count * CHAINS) {
        *x = last((at / CHAINS % 8 + at % CHAINS) as f64 / 8.0);
    }
    call.set("result", &result)
}

/// Sums of every 64th block in each group's range, several times over
pub fn read(call: &mut Call) -> Result<()> {
    let (length, groups, passes) = (call.u("length")?, call.u("groups")?, call.u("passes")?);
    let share = (length / BLOCK).div_ceil(groups);
    let x = call.f("x")?;
    let mut sums = call.f("sums")?;
    sums[..64 * groups].fill(0.0);
    for (block, eight) in x[..length / BLOCK * BLOCK].chunks(BLOCK).enumerate() {
        sums[64 * (block / share) + block % share % 64] += passes as f64 * eight.iter().sum::<f64>();
    }
    call.set("sums", &sums)
}

/// y = x
pub fn copy(call: &mut Call) -> Result<()> {
    let length = call.u("length")? / BLOCK * BLOCK;
    let (x, mut y) = (call.f("x")?, call.f("y")?);
    y[..length].copy_from_slice(&x[..length]);
    call.set("y", &y)
}

/// count[0] += 1
pub fn count(call: &mut Call) -> Result<()> {
    let mut count = call.words("count")?;
    count[0] = count[0].wrapping_add(1);
    call.set_words("count", &count)
}
