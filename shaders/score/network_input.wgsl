// What the network sees of points that all have the same time: input = (c_in x, time features).
//
// shapes    points (B, D) in panels; times (R, 4): c_in, sigma, a, b; features (R, F); row control[0] is the time
// dispatch  one invocation a row of the padded batch
#import lib/index
#import lib/panel

struct Params {
    rows: u32, // padded B
    dim: u32,
    features: u32, // F
}

@group(0) @binding(0) var<storage, read> points: array<f32>; // (B, D) in panels
@group(0) @binding(1) var<storage, read> times: array<vec4<f32>>; // (R) of four
@group(0) @binding(2) var<storage, read> features: array<f32>; // (R, F)
@group(0) @binding(3) var<storage, read> control: array<u32>; // [0] the row of the time
@group(0) @binding(4) var<storage, read_write> input: array<f32>; // (B, D + F) in panels
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let b = linear_index(workgroup, groups, local);
    if b >= params.rows { return; }
    let time = control[0];
    let width = params.dim + params.features;
    let c_in = times[time].x;
    for (var d = 0u; d < params.dim; d++) {
        input[panel_index(b, d, width)] = c_in * points[panel_index(b, d, params.dim)];
    }
    for (var f = 0u; f < params.features; f++) {
        input[panel_index(b, params.dim + f, width)] = features[time * params.features + f];
    }
    for (var f = width; f < padded_features(width); f++) { input[panel_index(b, f, width)] = 0.0; }
}
