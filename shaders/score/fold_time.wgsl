// The first layer at one time after another, when all points have the same: what it does with the time features is a
// constant, and the input scale goes into the weights, so that points are its only input:
//
//   folded_s = ( c_in W_x ; b + features W_t ; c_in, sigma, a, b )      for the layer  z = (c_in x, features) (W_x ; W_t) + b
//
// shapes    weight (D + F + 1, N8): W_x, W_t, b; folded (S, D + 2, N8), its last row for kernels that do the rest too;
//           times (R, 4): c_in, sigma, a, b; features (R, F); row control[0] + s is the time, or the last one past
//           the end; of S only the max(control[2], 1) that are asked for
// dispatch  one invocation an element of `folded`
#import lib/index

struct Params {
    dim: u32,      // D
    features: u32, // F
    stride: u32,   // N8
    count: u32,    // S
    times: u32,    // R
}

@group(0) @binding(0) var<storage, read> weight: array<f32>; // (D + F + 1, N8)
@group(0) @binding(1) var<storage, read> times: array<vec4<f32>>; // (R) of four
@group(0) @binding(2) var<storage, read> features: array<f32>; // (R, F)
@group(0) @binding(3) var<storage, read> control: array<u32>; // [0] the row of the first time, [2] how many
@group(0) @binding(4) var<storage, read_write> folded: array<f32>; // (S, D + 2, N8)
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = linear_index(workgroup, groups, local);
    let n = i % params.stride;
    let row = i / params.stride % (params.dim + 2u);
    let s = i / params.stride / (params.dim + 2u);
    if s >= min(params.count, max(control[2], 1u)) { return; }
    let time = min(control[0] + s, params.times - 1u);
    if row < params.dim {
        folded[i] = times[time].x * weight[row * params.stride + n];
    } else if row == params.dim {
        var sum = weight[(params.dim + params.features) * params.stride + n];
        for (var f = 0u; f < params.features; f++) {
            sum += features[time * params.features + f] * weight[(params.dim + f) * params.stride + n];
        }
        folded[i] = sum;
    } else {
        folded[i] = select(0.0, times[time][n % 4u], n < 4u);
    }
}
