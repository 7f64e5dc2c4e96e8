// From what a network predicts to the score: eps_hat = a x + b F,  score = -eps_hat / sigma.
//
// shapes    points x, output F, scores (B, D) in panels; times (R, 4): c_in, sigma, a, b; row control[0] is the time
// dispatch  one invocation a row of the padded batch
#import lib/index
#import lib/panel

struct Params {
    rows: u32, // padded B
    dim: u32,  // D
}

@group(0) @binding(0) var<storage, read> points: array<f32>; // (B, D) in panels
@group(0) @binding(1) var<storage, read> output: array<f32>; // (B, D) in panels
@group(0) @binding(2) var<storage, read> times: array<vec4<f32>>; // (R) of four
@group(0) @binding(3) var<storage, read> control: array<u32>; // [0] the row of the time
@group(0) @binding(4) var<storage, read_write> scores: array<f32>; // (B, D) in panels
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let b = linear_index(workgroup, groups, local);
    if b >= params.rows { return; }
    let c = times[control[0]];
    for (var d = 0u; d < params.dim; d++) {
        let at = panel_index(b, d, params.dim);
        scores[at] = -(c.z * points[at] + c.w * output[at]) / c.y;
    }
}
