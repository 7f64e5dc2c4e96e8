// Randomness as a pure function: Philox4x32-10 of (seed, purpose, index, step, block).
// Twin: src/random.rs; the words agree bit for bit. Purposes are numbered there and here alike.

const PURPOSE_BATCH: u32 = 3u;
const PURPOSE_NOISE: u32 = 5u;
const PURPOSE_HELD_OUT: u32 = 6u;
const PURPOSE_SAMPLE_START: u32 = 7u;
const PURPOSE_SAMPLE_NOISE: u32 = 8u;
const PURPOSE_PROBE: u32 = 15u;

// The upper 32 bits of a * b, from 16-bit halves: WGSL has no 64-bit product.
fn multiply_high(a: u32, b: u32) -> u32 {
    let a_low = a & 0xffffu;
    let a_high = a >> 16u;
    let b_low = b & 0xffffu;
    let b_high = b >> 16u;
    let middle = a_high * b_low + ((a_low * b_low) >> 16u);
    let carry = (middle & 0xffffu) + a_low * b_high;
    return a_high * b_high + (middle >> 16u) + (carry >> 16u);
}

// Ten Philox rounds over `counter` with `key`.
fn philox(counter: vec4<u32>, key: vec2<u32>) -> vec4<u32> {
    var c = counter;
    var k = key;
    for (var round = 0u; round < 10u; round++) {
        let a_high = multiply_high(c.x, 0xD2511F53u);
        let b_high = multiply_high(c.z, 0xCD9E8D57u);
        c = vec4<u32>(b_high ^ c.y ^ k.x, c.z * 0xCD9E8D57u, a_high ^ c.w ^ k.y, c.x * 0xD2511F53u);
        k = k + vec2<u32>(0x9E3779B9u, 0xBB67AE85u);
    }
    return c;
}

// The four words at (seed, purpose, index, step, block).
fn random_words(seed: vec2<u32>, purpose: u32, index: u32, step: u32, block: u32) -> vec4<u32> {
    return philox(vec4<u32>(block, step, index, purpose), seed);
}

// An integer in 0..bound by multiply-shift.
fn random_below(word: u32, bound: u32) -> u32 {
    return multiply_high(word, bound);
}
