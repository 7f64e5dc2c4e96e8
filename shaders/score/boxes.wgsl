// Sums over uniform boxes with normal noise: along each axis a difference of two normal distribution functions.
//
//   l_k = ln w_k + sum_d [ln mean over the box of N(y_d - u; 0, tau_d^2)],   tau_d^2 = noise_d^2 + nu^2
//
// shapes    points (B, D) in panels, D <= 64; times (R, 8); row_time (B), or one word for all; boxes (K, 1 + 4 D): ln w,
//           lower corner (high, low parts), upper corner (high, low parts); noise (D) variances;
//           partial (S B, D + 2) in panels: top, sum, pull
// dispatch  S times ceil(B / 64) workgroups for each piece of the slices: one invocation a row and slice of the boxes
#import lib/oracle
#import lib/interval
#import lib/panel

const MOST: u32 = 64u; // the largest D

struct Params {
    rows: u32,     // padded B
    dim: u32,      // D
    times: u32,    // R
    each_row: u32, // 1: row_time has a word a row, 0: one for all
    slices: u32,   // S
    boxes: u32,    // K
    stretch: u32,  // boxes a slice
    start: u32,     // of those the first of this dispatch, which goes on from the sums so far unless it is 0
    stop: u32,      // and the one behind the last
}

@group(0) @binding(0) var<storage, read> points: array<f32>; // (B, D) in panels
@group(0) @binding(1) var<storage, read> times: array<vec4<f32>>; // (R, 2) of four
@group(0) @binding(2) var<storage, read> row_time: array<u32>; // (B) or [0]
@group(0) @binding(3) var<storage, read> boxes: array<f32>; // (K, 1 + 4 D)
@group(0) @binding(4) var<storage, read> noise: array<f32>; // (D)
@group(0) @binding(5) var<storage, read_write> partial: array<f32>; // (S B, D + 2) in panels
@group(0) @binding(6) var<uniform> params: Params;

var<private> slopes: array<f32, MOST>;

// The ends of box `at` along axis d as seen from y, in units of tau: (low, high).
fn ends(at: u32, d: u32, y: vec2<f32>, tau: f32) -> vec2<f32> {
    let dim = params.dim;
    let low = (y.x - boxes[at + 1u + d]) + (y.y - boxes[at + 1u + dim + d]);
    let high = (y.x - boxes[at + 1u + 2u * dim + d]) + (y.y - boxes[at + 1u + 3u * dim + d]);
    return vec2<f32>(high, low) / tau;
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
    let end = min(params.boxes, first + min(params.stretch, params.stop));
    for (var k = first + params.start; k < end; k++) {
        let at = k * (1u + 4u * dim);
        // along an axis the density is at most the normal one at the nearest point of the box
        var most = boxes[at];
        for (var d = 0u; d < dim; d++) {
            let tau = sqrt(noise[d] + row.z);
            let e = ends(at, d, in_data_units(points[panel_index(b, d, dim)], row.xy), tau);
            let near = max(max(e.x, -e.y), 0.0);
            most -= 0.5 * near * near + log(tau);
        }
        if most < top - NEGLIGIBLE { continue; }
        var l = boxes[at];
        for (var d = 0u; d < dim; d++) {
            let tau = sqrt(noise[d] + row.z);
            let e = ends(at, d, in_data_units(points[panel_index(b, d, dim)], row.xy), tau);
            let value = log_interval(e.x, e.y);
            l += value.x - log(tau);
            slopes[d] = value.y / tau;
        }
        let highest = max(top, l);
        let keep = exp(top - highest);
        top = highest;
        let weight = exp(l - highest);
        sum = sum * keep + weight;
        for (var d = 0u; d < dim; d++) {
            let place = panel_index(out, d + 2u, dim + 2u);
            partial[place] = partial[place] * keep + weight * slopes[d];
        }
    }
    partial[panel_index(out, 0u, dim + 2u)] = top;
    partial[panel_index(out, 1u, dim + 2u)] = sum;
}
