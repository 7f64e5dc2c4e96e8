// The way back through network/tangent, in place: gradients at h become gradients at z,
//
//   d_z'_k = activation_slope(z) d_h'_k,   d_z = activation_slope(z) d_h + activation_curve(z) sum_k z'_k d_h'_k
//
// shapes    z, d (R, N) in panels, R = (1 + P) B with B padded: the rows of the batch, then P times as many tangents
// dispatch  one invocation a four features of a row of the batch
#import lib/index
#import <activation>

struct Params {
    rows: u32,   // padded B
    probes: u32, // P
    stride: u32, // N rounded up to 8
    layer: u32,
    // from member to member of an ensemble, filled in by the host
    z_member: u32,
    alpha_member: u32,
    d_member: u32,
}

@group(0) @binding(0) var<storage, read> z: array<vec4<f32>>; // (R, stride / 4) of four features
@group(0) @binding(1) var<storage, read> alpha: array<f32>; // (layers)
@group(0) @binding(2) var<storage, read_write> d: array<vec4<f32>>; // (R, stride / 4) of four features
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = linear_index(workgroup, groups, local);
    let size = params.rows * (params.stride / 4u);
    if i >= size { return; }
    let z_at = workgroup.z * params.z_member + i;
    let d_at = workgroup.z * params.d_member + i;
    let p = alpha[workgroup.z * params.alpha_member + params.layer];
    let slope = activation_slope(z[z_at], p);
    var bent = vec4<f32>(0.0);
    for (var k = 1u; k <= params.probes; k++) {
        let above = d[d_at + k * size];
        bent += z[z_at + k * size] * above;
        d[d_at + k * size] = slope * above;
    }
    d[d_at] = slope * d[d_at] + activation_curve(z[z_at], p) * bent;
}
