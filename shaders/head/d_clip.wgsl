// The way back through head/clip, whose derivative is symmetric:
//
//   d_output = v inside the ball, else (R / |F|) (v - F <F, v> / |F|^2)
//
// shapes    output (F), probe (v), d_output (B, D) in panels
// dispatch  one invocation a row of the padded batch
#import lib/index
#import lib/panel

struct Params {
    rows: u32,   // padded B
    dim: u32,    // D
    radius: f32, // R
}

@group(0) @binding(0) var<storage, read> output: array<f32>; // (B, D) in panels
@group(0) @binding(1) var<storage, read> probe: array<f32>; // (B, D) in panels
@group(0) @binding(2) var<storage, read_write> d_output: array<f32>; // (B, D) in panels
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let b = linear_index(workgroup, groups, local);
    if b >= params.rows { return; }
    let at = panel_index(b, 0u, params.dim);
    var square = 0.0;
    var along = 0.0;
    for (var d = 0u; d < params.dim; d++) {
        square += output[at + d] * output[at + d];
        along += output[at + d] * probe[at + d];
    }
    let shrink = params.radius / max(sqrt(square), params.radius);
    let inward = select(0.0, along / max(square, 1e-30), square > params.radius * params.radius);
    for (var d = 0u; d < padded_features(params.dim); d++) {
        d_output[at + d] = select(0.0, shrink * (probe[at + d] - inward * output[at + d]), d < params.dim);
    }
}
