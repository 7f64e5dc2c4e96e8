// The way back through network/block:
//
//   d_y = d_h slope,   d_z^ = gain d_y,   d_z = spread (d_z^ - mean d_z^ - z^ mean(d_z^ z^))    (layer norm; else d_z = d_y)
//
// shapes    (B, N) in panels; z holds z^
// dispatch  one invocation a four rows
#import lib/index

struct Params {
    width: u32, // N
    quads: u32, // panels * 8
    normed: u32,
}

@group(0) @binding(0) var<storage, read> d_h: array<vec4<f32>>; // (panels, N, 8) of four rows
@group(0) @binding(1) var<storage, read> slope: array<vec4<f32>>; // (panels, N, 8) of four rows
@group(0) @binding(2) var<storage, read> z: array<vec4<f32>>; // (panels, N, 8) of four rows
@group(0) @binding(3) var<storage, read> norm: array<f32>; // (2, stride): gain, shift
@group(0) @binding(4) var<storage, read> spread: array<vec4<f32>>; // (panels, 8) of four rows
@group(0) @binding(5) var<storage, read_write> d_y: array<vec4<f32>>; // (panels, N, 8) of four rows
@group(0) @binding(6) var<storage, read_write> d_z: array<vec4<f32>>; // (panels, N, 8) of four rows
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
    var mean = vec4<f32>(0.0);
    var along = vec4<f32>(0.0);
    for (var n = 0u; n < params.width; n++) {
        let at = first + n * 8u;
        let d = d_h[at] * slope[at];
        d_y[at] = d;
        if params.normed == 1u {
            mean += norm[n] * d;
            along += norm[n] * d * z[at];
        }
    }
    mean /= f32(params.width);
    along /= f32(params.width);
    for (var n = 0u; n < params.width; n++) {
        let at = first + n * 8u;
        var d = d_y[at];
        if params.normed == 1u { d = spread[quad] * (norm[n] * d - mean - z[at] * along); }
        d_z[at] = d;
    }
}
