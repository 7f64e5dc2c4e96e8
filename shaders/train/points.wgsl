// The noised points that a network's input was made of: x_t = (first D inputs) / c_in.
//
// shapes    input (B, D + F), x (B, D) in panels; coefficients (K, 8): c_in, m, sigma, a, b, weight, t, 0; time_index (B)
// dispatch  one invocation a row of the padded batch
#import lib/index
#import lib/panel

struct Params {
    rows: u32,     // padded B
    dim: u32,      // D
    features: u32, // F
    times: u32,    // K
}

@group(0) @binding(0) var<storage, read> input: array<f32>; // (B, D + F) in panels
@group(0) @binding(1) var<storage, read> coefficients: array<vec4<f32>>; // (K, 2) of four
@group(0) @binding(2) var<storage, read> time_index: array<u32>; // (B padded)
@group(0) @binding(3) var<storage, read_write> x: array<f32>; // (B, D) in panels
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let b = linear_index(workgroup, groups, local);
    if b >= params.rows { return; }
    let c_in = coefficients[min(time_index[b], params.times - 1u) * 2u].x;
    for (var d = 0u; d < params.dim; d++) {
        x[panel_index(b, d, params.dim)] = input[panel_index(b, d, params.dim + params.features)] / c_in;
    }
}
