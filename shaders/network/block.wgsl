// What follows the product of a hidden layer with layer norm or a skip connection:
//
//   z^ = (z - mean z) / sqrt(var z + 1e-5)  over the features of a row    (layer norm; else z^ = y = z)
//   y = gain z^ + shift,   h = activation(y) + previous                   (skip; else no `previous`)
//
// shapes    (B, N) in panels; z is replaced by z^; spread (B): 1 / sqrt(var z + 1e-5)
// dispatch  one invocation a row of the padded batch
#import lib/index
#import <activation>

struct Params {
    rows: u32,   // padded B
    width: u32,  // N
    stride: u32, // N rounded up to 8
    normed: u32,
    skipped: u32,
    layer: u32,
    // from member to member of an ensemble, filled in by the host
    z_member: u32,
    previous_member: u32,
    norm_member: u32,
    alpha_member: u32,
    h_member: u32,
    slope_member: u32,
    spread_member: u32,
}

@group(0) @binding(0) var<storage, read_write> z: array<vec4<f32>>; // (B, stride / 4) of four features
@group(0) @binding(1) var<storage, read> previous: array<vec4<f32>>; // (B, stride / 4) of four features
@group(0) @binding(2) var<storage, read> norm: array<vec4<f32>>; // (2, stride / 4) of four features: gain, shift
@group(0) @binding(3) var<storage, read> alpha: array<f32>; // (layers)
@group(0) @binding(4) var<storage, read_write> h: array<vec4<f32>>; // (B, stride / 4) of four features
@group(0) @binding(5) var<storage, read_write> slope: array<vec4<f32>>; // (B, stride / 4) of four features
@group(0) @binding(6) var<storage, read_write> spread: array<f32>; // (B)
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let b = linear_index(workgroup, groups, local);
    if b >= params.rows { return; }
    let member = workgroup.z;
    let quads = params.stride / 4u;
    let z_at = member * params.z_member + b * quads;
    let norm_at = member * params.norm_member;
    if params.normed == 1u { spread[member * params.spread_member + b] = normalise(z_at, quads); }
    let p = alpha[member * params.alpha_member + params.layer];
    for (var q = 0u; q < quads; q++) {
        let at = b * quads + q;
        var y = z[z_at + q];
        if params.normed == 1u { y = norm[norm_at + q] * y + norm[norm_at + quads + q]; }
        var out = activation(y, p);
        slope[member * params.slope_member + at] = activation_slope(y, p);
        if params.skipped == 1u { out += previous[member * params.previous_member + at]; }
        h[member * params.h_member + at] = out;
    }
}

// 1 where the four features from 4 q on exist, 0 in the padding.
fn exists(q: u32) -> vec4<f32> {
    return select(vec4<f32>(0.0), vec4<f32>(1.0), vec4<u32>(4u * q) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(params.width));
}

// 1 / sqrt(var z + 1e-5) of the row at `at`, which is normalised. Two passes: the mean first, so that the variance does
// not cancel.
fn normalise(at: u32, quads: u32) -> f32 {
    var sum = 0.0;
    for (var q = 0u; q < quads; q++) { sum += dot(z[at + q], exists(q)); }
    let mean = sum / f32(params.width);
    var variance = 0.0;
    for (var q = 0u; q < quads; q++) {
        let d = (z[at + q] - mean) * exists(q);
        variance += dot(d, d);
    }
    let scale = 1.0 / sqrt(variance / f32(params.width) + 1e-5);
    for (var q = 0u; q < quads; q++) { z[at + q] = (z[at + q] - mean) * scale * exists(q); }
    return scale;
}
