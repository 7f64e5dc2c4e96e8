// The activation of a layer for the rows of a batch and for tangents, which are derivatives along P directions:
//
//   h = activation(z),   h'_k = activation_slope(z) z'_k
//
// shapes    z, h (R, N) in panels, R = (1 + P) B with B padded: the rows of the batch, then P times as many tangents
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
    h_member: u32,
}

@group(0) @binding(0) var<storage, read> z: array<vec4<f32>>; // (R, stride / 4) of four features
@group(0) @binding(1) var<storage, read> alpha: array<f32>; // (layers)
@group(0) @binding(2) var<storage, read_write> h: array<vec4<f32>>; // (R, stride / 4) of four features
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
    let h_at = workgroup.z * params.h_member + i;
    let p = alpha[workgroup.z * params.alpha_member + params.layer];
    let y = z[z_at];
    h[h_at] = activation(y, p);
    let slope = activation_slope(y, p);
    for (var k = 1u; k <= params.probes; k++) { h[h_at + k * size] = slope * z[z_at + k * size]; }
}
