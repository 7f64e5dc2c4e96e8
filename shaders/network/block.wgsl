// What follows the product of a hidden layer with layer norm or a skip connection:
//
//   z^ = (z - mean z) / sqrt(var z + 1e-5)  over the features of a row    (layer norm; else z^ = y = z)
//   y = gain z^ + shift,   h = activation(y) + previous                   (skip; else no `previous`)
//
// shapes    (B, N) in panels; z is replaced by z^; spread (panels, 8) of four rows: 1 / sqrt(var z + 1e-5)
// dispatch  one invocation a four rows
#import lib/index
#import <activation>

struct Params {
    width: u32,  // N
    quads: u32,  // panels * 8
    stride: u32, // N rounded up to 8
    normed: u32,
    skipped: u32,
    layer: u32,
}

@group(0) @binding(0) var<storage, read_write> z: array<vec4<f32>>; // (panels, N, 8) of four rows
@group(0) @binding(1) var<storage, read> previous: array<vec4<f32>>; // (panels, N, 8) of four rows
@group(0) @binding(2) var<storage, read> norm: array<f32>; // (2, stride): gain, shift
@group(0) @binding(3) var<storage, read> alpha: array<f32>; // (layers)
@group(0) @binding(4) var<storage, read_write> h: array<vec4<f32>>; // (panels, N, 8) of four rows
@group(0) @binding(5) var<storage, read_write> slope: array<vec4<f32>>; // (panels, N, 8) of four rows
@group(0) @binding(6) var<storage, read_write> spread: array<vec4<f32>>; // (panels, 8) of four rows
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let quad = linear_index(workgroup, groups, local);
    if quad >= params.quads { return; }
    let first = quad / 8u * params.width * 8u + quad % 8u;
    if params.normed == 1u { normalise(first, quad); }
    let p = alpha[params.layer];
    for (var n = 0u; n < params.width; n++) {
        let at = first + n * 8u;
        var y = z[at];
        if params.normed == 1u { y = norm[n] * y + norm[params.stride + n]; }
        var out = activation(y, p);
        slope[at] = activation_slope(y, p);
        if params.skipped == 1u { out += previous[at]; }
        h[at] = out;
    }
}

// Two passes: the mean first, so that the variance does not cancel.
fn normalise(first: u32, quad: u32) {
    var mean = vec4<f32>(0.0);
    for (var n = 0u; n < params.width; n++) { mean += z[first + n * 8u]; }
    mean /= f32(params.width);
    var variance = vec4<f32>(0.0);
    for (var n = 0u; n < params.width; n++) {
        let d = z[first + n * 8u] - mean;
        variance += d * d;
    }
    let scale = 1.0 / sqrt(variance / f32(params.width) + 1e-5);
    spread[quad] = scale;
    for (var n = 0u; n < params.width; n++) { z[first + n * 8u] = (z[first + n * 8u] - mean) * scale; }
}
