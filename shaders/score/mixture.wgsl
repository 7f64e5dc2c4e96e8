// Sums over the atoms of an isotropic normal mixture in few dimensions, streamed: online softmax, no matrix anywhere.
//
//   l_k = ln w_k - D/2 ln(2 pi (v_k + nu^2)) - |mu_k - y|^2 / (2 (v_k + nu^2)),   grad l_k = (mu_k - y) / (v_k + nu^2)
//
// shapes    points (B, D) in panels; times (R, 8); row_time (B), or one word for all; atoms in quads (K / 4, 2 D + 2) of
//           four: high and low part of each coordinate, ln w, v; partial (S B, D + 2) in panels: top, sum, pull
// dispatch  S times ceil(B / 64) workgroups: one invocation a row and slice of the atoms
#import lib/oracle
#import lib/panel
#import <axes>

struct Params {
    rows: u32,     // padded B
    times: u32,    // R
    each_row: u32, // 1: row_time has a word a row, 0: one for all
    slices: u32,   // S
    quads: u32,    // K / 4
    stretch: u32,  // quads a slice
    alike: u32,    // 1: all atoms have the variance of the first
}

@group(0) @binding(0) var<storage, read> points: array<f32>; // (panels, D, 32)
@group(0) @binding(1) var<storage, read> times: array<vec4<f32>>; // (R, 2) of four
@group(0) @binding(2) var<storage, read> row_time: array<u32>; // (B) or [0]
@group(0) @binding(3) var<storage, read> atoms: array<vec4<f32>>; // (K / 4, 2 D + 2) of four atoms
@group(0) @binding(4) var<storage, read_write> partial: array<f32>; // (S panels, D + 2, 32)
@group(0) @binding(5) var<uniform> params: Params;

const STRIDE: u32 = 2u * AXES + 2u;

// mu - y along axis d for the four atoms of a quad.
fn difference(at: u32, d: u32, y: vec2<f32>) -> vec4<f32> {
    return (atoms[at + d] - y.x) + (atoms[at + AXES + d] - y.y);
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let group = workgroup.y * groups.x + workgroup.x;
    let blocks = (params.rows + 63u) / 64u;
    let slice = group / blocks;
    let b = group % blocks * 64u + local;
    if slice >= params.slices || b >= params.rows { return; }
    let time = time_row(row_time[b * params.each_row], params.times);
    let row = times[time * 2u];
    let y0 = in_data_units(points[panel_index(b, 0u, AXES)], row.xy);
    var y1 = y0;
    var y2 = y0;
    var y3 = y0;
    if AXES > 1u { y1 = in_data_units(points[panel_index(b, 1u, AXES)], row.xy); }
    if AXES > 2u { y2 = in_data_units(points[panel_index(b, 2u, AXES)], row.xy); }
    if AXES > 3u { y3 = in_data_units(points[panel_index(b, 3u, AXES)], row.xy); }
    let half = 0.5 * f32(AXES);
    let first = atoms[2u * AXES + 1u].x + row.z;
    var inverse = vec4<f32>(1.0 / first);
    var norm = vec4<f32>(-half * (LN_TAU + log(first)));
    var top = NOTHING;
    var sum = 0.0;
    var pull = vec4<f32>(0.0);
    let end = min(params.quads, (slice + 1u) * params.stretch);
    for (var q = slice * params.stretch; q < end; q++) {
        let at = q * STRIDE;
        let d0 = difference(at, 0u, y0);
        var d1 = vec4<f32>(0.0);
        var d2 = vec4<f32>(0.0);
        var d3 = vec4<f32>(0.0);
        var square = d0 * d0;
        if AXES > 1u {
            d1 = difference(at, 1u, y1);
            square += d1 * d1;
        }
        if AXES > 2u {
            d2 = difference(at, 2u, y2);
            square += d2 * d2;
        }
        if AXES > 3u {
            d3 = difference(at, 3u, y3);
            square += d3 * d3;
        }
        if params.alike == 0u {
            let total = atoms[at + 2u * AXES + 1u] + row.z;
            inverse = 1.0 / total;
            norm = -half * (LN_TAU + log(total));
        }
        let l = atoms[at + 2u * AXES] + norm - 0.5 * square * inverse;
        let highest = max(top, max(max(l.x, l.y), max(l.z, l.w)));
        let keep = exp(top - highest);
        top = highest;
        let weight = exp(l - highest);
        let force = weight * inverse;
        sum = sum * keep + dot(weight, vec4<f32>(1.0));
        pull = pull * keep;
        pull.x += dot(force, d0);
        if AXES > 1u { pull.y += dot(force, d1); }
        if AXES > 2u { pull.z += dot(force, d2); }
        if AXES > 3u { pull.w += dot(force, d3); }
    }
    let out = slice * params.rows + b;
    partial[panel_index(out, 0u, AXES + 2u)] = top;
    partial[panel_index(out, 1u, AXES + 2u)] = sum;
    partial[panel_index(out, 2u, AXES + 2u)] = pull.x;
    if AXES > 1u { partial[panel_index(out, 3u, AXES + 2u)] = pull.y; }
    if AXES > 2u { partial[panel_index(out, 4u, AXES + 2u)] = pull.z; }
    if AXES > 3u { partial[panel_index(out, 5u, AXES + 2u)] = pull.w; }
}
