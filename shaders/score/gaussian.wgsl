// The exact score of a normal law with independent coordinates: s_d = (m mu_d - x_d) / (m^2 v_d + sigma^2).
//
// The difference is taken first, so that no digits are lost near the mean however small the variance is.
// shapes    points x, scores (B, D) in panels; laws (R, D, 2): m mu_d, 1 / (m^2 v_d + sigma^2); row control[0] is the time
// dispatch  one invocation a row of the padded batch
#import lib/index
#import lib/panel

struct Params {
    rows: u32, // padded B
    dim: u32,  // D
}

@group(0) @binding(0) var<storage, read> points: array<f32>; // (B, D) in panels
@group(0) @binding(1) var<storage, read> laws: array<vec2<f32>>; // (R, D) of two
@group(0) @binding(2) var<storage, read> control: array<u32>; // [0] the row of the time
@group(0) @binding(3) var<storage, read_write> scores: array<f32>; // (B, D) in panels
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let b = linear_index(workgroup, groups, local);
    if b >= params.rows { return; }
    for (var d = 0u; d < params.dim; d++) {
        let law = laws[control[0] * params.dim + d];
        let at = panel_index(b, d, params.dim);
        scores[at] = (law.x - points[at]) * law.y;
    }
}
