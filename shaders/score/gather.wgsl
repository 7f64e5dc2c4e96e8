// Adds up the slices of an exact score: score = (1 / m) sum pull / sum, log density = ln sum - D ln m, in one fixed order.
//
// shapes    partial (S B, D + 2) in panels: top, sum, pull, of each slice; times (R, 8); row_time (B), or one word for all;
//           scores (B, D) in panels; logs (B)
// dispatch  one invocation a row of the padded batch
#import lib/index
#import lib/oracle
#import lib/panel

struct Params {
    rows: u32,     // padded B
    dim: u32,      // D
    times: u32,    // R
    each_row: u32, // 1: row_time has a word a row, 0: one for all
    slices: u32,   // S
}

@group(0) @binding(0) var<storage, read> partial: array<f32>; // (S B, D + 2) in panels
@group(0) @binding(1) var<storage, read> times: array<vec4<f32>>; // (R, 2) of four
@group(0) @binding(2) var<storage, read> row_time: array<u32>; // (B) or [0]
@group(0) @binding(3) var<storage, read_write> scores: array<f32>; // (B, D) in panels
@group(0) @binding(4) var<storage, read_write> logs: array<f32>; // (B)
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let b = linear_index(workgroup, groups, local);
    if b >= params.rows { return; }
    let width = params.dim + 2u;
    let time = time_row(row_time[b * params.each_row], params.times);
    var top = NOTHING;
    for (var s = 0u; s < params.slices; s++) {
        top = max(top, partial[panel_index(s * params.rows + b, 0u, width)]);
    }
    var sum = 0.0;
    for (var s = 0u; s < params.slices; s++) {
        let at = s * params.rows + b;
        sum += exp(partial[panel_index(at, 0u, width)] - top) * partial[panel_index(at, 1u, width)];
    }
    let factor = times[time * 2u].w / sum;
    for (var d = 0u; d < params.dim; d++) {
        var pull = 0.0;
        for (var s = 0u; s < params.slices; s++) {
            let at = s * params.rows + b;
            pull += exp(partial[panel_index(at, 0u, width)] - top) * partial[panel_index(at, d + 2u, width)];
        }
        scores[panel_index(b, d, params.dim)] = pull * factor;
    }
    logs[b] = top + log(sum) + times[time * 2u + 1u].x;
}
