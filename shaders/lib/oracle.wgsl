// What all exact scores share. They work in the units of the data, where the law does not move:
//
//   y = x / m,  nu = sigma / m:   log p_t(x) = log q_nu(y) - D ln m,  score(x) = (1 / m) grad log q_nu(y)
//
// with q_nu the law of X_0 + nu Z. Coordinates are pairs of f32 (high + low), so that y - mu is right to the last digit
// of f32 however near the two are. A kernel leaves, for each row and slice of its atoms, sums relative to the largest
// term: top, sum e^(l - top), sum e^(l - top) grad l; `score/gather` adds the slices up.
//
// A row of the table of times is: 1/m (high 12 bits, rest), nu^2, 1/m, -D ln m, m, sigma, 0.

const NOTHING: f32 = -1e30;       // a logarithm of no mass
const NEGLIGIBLE: f32 = 40.0;     // e^-40 of the largest term is dropped
const LN_TAU: f32 = 1.8378770664; // ln(2 pi)

// x as a sum of two numbers of 12 digits each, so that products of high parts are exact.
fn split(x: f32) -> vec2<f32> {
    let high = bitcast<f32>(bitcast<u32>(x) & 0xfffff000u);
    return vec2<f32>(high, x - high);
}

// x / m as high + low, from 1/m in two parts.
fn in_data_units(x: f32, inverse: vec2<f32>) -> vec2<f32> {
    let s = split(x);
    return vec2<f32>(s.x * inverse.x, s.x * inverse.y + s.y * (inverse.x + inverse.y));
}

// Which row of the times a row of the batch has: its own, or the one that all share.
fn time_row(listed: u32, times: u32) -> u32 {
    return min(listed, times - 1u);
}

// Which slice of the atoms (x) and which block of 64 rows (y) a workgroup has, of `rows` rows.
fn slice_of(workgroup: vec3<u32>, groups: vec3<u32>, rows: u32) -> vec2<u32> {
    let group = workgroup.y * groups.x + workgroup.x;
    let blocks = (rows + 63u) / 64u;
    return vec2<u32>(group / blocks, group % blocks);
}
