// Explicit score matching: what is to be guessed is no longer the noise that was drawn but a teacher's score s of x_t,
//
//   eps* = -sigma_t s,   offset = a x_t - eps* = a x_t + sigma_t s     so that eps_hat - eps* = offset + b F
//
// shapes    x, scores, offset (B, D) in panels; coefficients (K, 8): c_in, m, sigma, a, b, weight, t, 0; time_index (B)
// dispatch  one invocation a row of the padded batch
#import lib/index
#import lib/panel

struct Params {
    rows: u32,  // padded B
    dim: u32,   // D
    times: u32, // K
}

@group(0) @binding(0) var<storage, read> x: array<f32>; // (B, D) in panels
@group(0) @binding(1) var<storage, read> scores: array<f32>; // (B, D) in panels
@group(0) @binding(2) var<storage, read> coefficients: array<vec4<f32>>; // (K, 2) of four
@group(0) @binding(3) var<storage, read> time_index: array<u32>; // (B padded)
@group(0) @binding(4) var<storage, read_write> offset: array<f32>; // (B, D) in panels
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let b = linear_index(workgroup, groups, local);
    if b >= params.rows { return; }
    let c = coefficients[min(time_index[b], params.times - 1u) * 2u]; // c_in, m, sigma, a
    for (var d = 0u; d < params.dim; d++) {
        let at = panel_index(b, d, params.dim);
        offset[at] = c.w * x[at] + c.z * scores[at];
    }
}
