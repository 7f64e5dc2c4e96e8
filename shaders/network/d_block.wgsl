// The way back through network/block:
//
//   d_y = d_h slope,   d_z^ = gain d_y,   d_z = spread (d_z^ - mean d_z^ - z^ mean(d_z^ z^))    (layer norm; else d_z = d_y)
//
// shapes    (B, N) in panels; z holds z^; gradients of padding features are zero
// dispatch  one invocation a row of the padded batch
#import lib/index

struct Params {
    rows: u32,   // padded B
    width: u32,  // N
    stride: u32, // N rounded up to 8
    normed: u32,
}

@group(0) @binding(0) var<storage, read> d_h: array<f32>; // (B, stride)
@group(0) @binding(1) var<storage, read> slope: array<f32>; // (B, stride)
@group(0) @binding(2) var<storage, read> z: array<f32>; // (B, stride)
@group(0) @binding(3) var<storage, read> norm: array<f32>; // (2, stride): gain, shift
@group(0) @binding(4) var<storage, read> spread: array<f32>; // (B)
@group(0) @binding(5) var<storage, read_write> d_y: array<f32>; // (B, stride)
@group(0) @binding(6) var<storage, read_write> d_z: array<f32>; // (B, stride)
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let b = linear_index(workgroup, groups, local);
    if b >= params.rows { return; }
    var mean = 0.0;
    var along = 0.0;
    for (var n = 0u; n < params.stride; n++) {
        let at = b * params.stride + n;
        let d = select(0.0, d_h[at] * slope[at], n < params.width);
        d_y[at] = d;
        if params.normed == 1u {
            mean += norm[n] * d;
            along += norm[n] * d * z[at];
        }
    }
    mean /= f32(params.width);
    along /= f32(params.width);
    for (var n = 0u; n < params.stride; n++) {
        let at = b * params.stride + n;
        var d = d_y[at];
        if params.normed == 1u { d = spread[b] * (norm[n] * d - mean - z[at] * along); }
        d_z[at] = select(0.0, d, n < params.width);
    }
}
