// Sums over the atoms of a normal mixture with independent coordinates, in any dimension, streamed: online softmax.
//
//   l_k = ln w_k - 1/2 sum_d [ln(2 pi (v_kd + nu^2)) + (mu_kd - y_d)^2 / (v_kd + nu^2)],
//   grad l_k = (mu_kd - y_d) / (v_kd + nu^2)
//
// The sums lie in `partial` while they grow, so that no dimension is too large for registers.
// shapes    points (B, D) in panels; times (R, 8); row_time (B), or one word for all; atoms in quads (K / 4, 2 D + 1 + V)
//           of four: high and low part of each coordinate, ln w, variances; partial (S B, D + 2) in panels
// dispatch  S times ceil(B / 64) workgroups for each piece of the slices: one invocation a row and slice of the atoms
#import lib/oracle
#import lib/panel

struct Params {
    rows: u32,      // padded B
    dim: u32,       // D
    times: u32,     // R
    each_row: u32,  // 1: row_time has a word a row, 0: one for all
    slices: u32,    // S
    quads: u32,     // K / 4
    stretch: u32,   // quads a slice
    start: u32,     // of those the first of this dispatch, which goes on from the sums so far unless it is 0
    stop: u32,      // and the one behind the last
    variances: u32, // V: 1 or D
}

@group(0) @binding(0) var<storage, read> points: array<f32>; // (B, D) in panels
@group(0) @binding(1) var<storage, read> times: array<vec4<f32>>; // (R, 2) of four
@group(0) @binding(2) var<storage, read> row_time: array<u32>; // (B) or [0]
@group(0) @binding(3) var<storage, read> atoms: array<vec4<f32>>; // (K / 4, 2 D + 1 + V) of four atoms
@group(0) @binding(4) var<storage, read_write> partial: array<f32>; // (S B, D + 2) in panels
@group(0) @binding(5) var<uniform> params: Params;

// mu - y along axis d for the four atoms of the quad at `at`.
fn difference(at: u32, d: u32, b: u32, inverse: vec2<f32>) -> vec4<f32> {
    let y = in_data_units(points[panel_index(b, d, params.dim)], inverse);
    return (atoms[at + d] - y.x) + (atoms[at + params.dim + d] - y.y);
}

// v + nu^2 along axis d for the four atoms of the quad at `at`.
fn total(at: u32, d: u32, nu2: f32) -> vec4<f32> {
    return atoms[at + 2u * params.dim + 1u + min(d, params.variances - 1u)] + nu2;
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let share = slice_of(workgroup, groups, params.rows);
    let slice = share.x;
    let b = share.y * 64u + local;
    if slice >= params.slices || b >= params.rows { return; }
    let row = times[time_row(row_time[b * params.each_row], params.times) * 2u];
    let dim = params.dim;
    let stride = 2u * dim + 1u + params.variances;
    let out = slice * params.rows + b;
    var top = NOTHING;
    var sum = 0.0;
    if params.start == 0u {
        for (var d = 0u; d < dim; d++) { partial[panel_index(out, d + 2u, dim + 2u)] = 0.0; }
    } else {
        top = partial[panel_index(out, 0u, dim + 2u)];
        sum = partial[panel_index(out, 1u, dim + 2u)];
    }
    let first = slice * params.stretch;
    let end = min(params.quads, first + min(params.stretch, params.stop));
    for (var q = first + params.start; q < end; q++) {
        let at = q * stride;
        var inverse = 1.0 / total(at, 0u, row.z);
        var norm = log(total(at, 0u, row.z)) * f32(dim);
        var square = vec4<f32>(0.0);
        if params.variances > 1u { norm = vec4<f32>(0.0); }
        for (var d = 0u; d < dim; d++) {
            let z = difference(at, d, b, row.xy);
            if params.variances > 1u {
                let variance = total(at, d, row.z);
                norm += log(variance);
                inverse = 1.0 / variance;
            }
            square += z * z * inverse;
        }
        let l = atoms[at + 2u * dim] - 0.5 * (f32(dim) * LN_TAU + norm + square);
        let highest = max(top, max(max(l.x, l.y), max(l.z, l.w)));
        let keep = exp(top - highest);
        top = highest;
        let weight = exp(l - highest);
        sum = sum * keep + dot(weight, vec4<f32>(1.0));
        for (var d = 0u; d < dim; d++) {
            if params.variances > 1u { inverse = 1.0 / total(at, d, row.z); }
            let place = panel_index(out, d + 2u, dim + 2u);
            partial[place] = partial[place] * keep + dot(weight * inverse, difference(at, d, b, row.xy));
        }
    }
    partial[panel_index(out, 0u, dim + 2u)] = top;
    partial[panel_index(out, 1u, dim + 2u)] = sum;
}
