// Sums over the components of a normal mixture with full covariances, each in the axes of its own covariance:
//
//   z = V_k (mu_k - y),   l_k = ln w_k - 1/2 sum_e [ln(2 pi (l_ke + nu^2)) + z_e^2 / (l_ke + nu^2)],
//   grad l_k = V_k^T (z / (l_k + nu^2))
//
// shapes    points (B, D) in panels, D <= 64; times (R, 8); row_time (B), or one word for all; components
//           (K, 1 + 3 D + D D): ln w, high and low part of the mean, eigenvalues, unit eigenvectors as rows;
//           partial (S B, D + 2) in panels: top, sum, pull
// dispatch  S times ceil(B / 64) workgroups for each piece of the slices: one invocation a row and slice of the components
#import lib/oracle
#import lib/panel

const MOST: u32 = 64u; // the largest D

struct Params {
    rows: u32,       // padded B
    dim: u32,        // D
    times: u32,      // R
    each_row: u32,   // 1: row_time has a word a row, 0: one for all
    slices: u32,     // S
    components: u32, // K
    stretch: u32,    // components a slice
    start: u32,     // of those the first of this dispatch, which goes on from the sums so far unless it is 0
    stop: u32,      // and the one behind the last
}

@group(0) @binding(0) var<storage, read> points: array<f32>; // (B, D) in panels
@group(0) @binding(1) var<storage, read> times: array<vec4<f32>>; // (R, 2) of four
@group(0) @binding(2) var<storage, read> row_time: array<u32>; // (B) or [0]
@group(0) @binding(3) var<storage, read> components: array<f32>; // (K, 1 + 3 D + D D)
@group(0) @binding(4) var<storage, read_write> partial: array<f32>; // (S B, D + 2) in panels
@group(0) @binding(5) var<uniform> params: Params;

var<private> away: array<f32, MOST>; // mu - y
var<private> turned: array<f32, MOST>; // z / (l + nu^2)

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
    let end = min(params.components, first + min(params.stretch, params.stop));
    for (var k = first + params.start; k < end; k++) {
        let at = k * (1u + 3u * dim + dim * dim);
        for (var d = 0u; d < dim; d++) {
            let y = in_data_units(points[panel_index(b, d, dim)], row.xy);
            away[d] = (components[at + 1u + d] - y.x) + (components[at + 1u + dim + d] - y.y);
        }
        var l = components[at] - 0.5 * f32(dim) * LN_TAU;
        for (var e = 0u; e < dim; e++) {
            var z = 0.0;
            for (var d = 0u; d < dim; d++) {
                z += components[at + 1u + 3u * dim + e * dim + d] * away[d];
            }
            let variance = components[at + 1u + 2u * dim + e] + row.z;
            turned[e] = z / variance;
            l -= 0.5 * (log(variance) + z * turned[e]);
        }
        if l < top - NEGLIGIBLE { continue; }
        let highest = max(top, l);
        let keep = exp(top - highest);
        top = highest;
        let weight = exp(l - highest);
        sum = sum * keep + weight;
        for (var d = 0u; d < dim; d++) {
            var force = 0.0;
            for (var e = 0u; e < dim; e++) {
                force += components[at + 1u + 3u * dim + e * dim + d] * turned[e];
            }
            let place = panel_index(out, d + 2u, dim + 2u);
            partial[place] = partial[place] * keep + weight * force;
        }
    }
    partial[panel_index(out, 0u, dim + 2u)] = top;
    partial[panel_index(out, 1u, dim + 2u)] = sum;
}
