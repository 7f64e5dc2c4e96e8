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
    // from member to member of an ensemble, filled in by the host
    d_h_member: u32,
    slope_member: u32,
    z_member: u32,
    norm_member: u32,
    spread_member: u32,
    d_y_member: u32,
    d_z_member: u32,
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
    let member = workgroup.z;
    let row = b * params.stride;
    let d_h_at = member * params.d_h_member + row;
    let slope_at = member * params.slope_member + row;
    let z_at = member * params.z_member + row;
    let norm_at = member * params.norm_member;
    let d_y_at = member * params.d_y_member + row;
    let d_z_at = member * params.d_z_member + row;
    let scale = spread[member * params.spread_member + b];
    var mean = 0.0;
    var along = 0.0;
    for (var n = 0u; n < params.stride; n++) {
        let d = select(0.0, d_h[d_h_at + n] * slope[slope_at + n], n < params.width);
        d_y[d_y_at + n] = d;
        if params.normed == 1u {
            mean += norm[norm_at + n] * d;
            along += norm[norm_at + n] * d * z[z_at + n];
        }
    }
    mean /= f32(params.width);
    along /= f32(params.width);
    for (var n = 0u; n < params.stride; n++) {
        var d = d_y[d_y_at + n];
        if params.normed == 1u { d = scale * (norm[norm_at + n] * d - mean - z[z_at + n] * along); }
        d_z[d_z_at + n] = select(0.0, d, n < params.width);
    }
}
