// Gradients of the layer norm: d_gain_n = sum_b d_y z^,  d_shift_n = sum_b d_y, over one slice of the batch.
//
// shapes    d_y, z (holding z^) (B, N) in panels; partials (S, P), the layer's (2, stride) block starts at `at`
// dispatch  one invocation a feature and slice
#import lib/index
#import lib/panel

struct Params {
    width: u32,  // N
    stride: u32, // N rounded up to 8
    panels: u32,
    slices: u32,   // S
    at: u32,       // where the block starts in a slice
    length: u32,   // P
    // from member to member of an ensemble, filled in by the host
    d_y_member: u32,
    z_member: u32,
    partials_member: u32,
}

@group(0) @binding(0) var<storage, read> d_y: array<f32>; // (B, stride)
@group(0) @binding(1) var<storage, read> z: array<f32>; // (B, stride)
@group(0) @binding(2) var<storage, read_write> partials: array<f32>; // (S, P)
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = linear_index(workgroup, groups, local);
    if i >= params.stride * params.slices { return; }
    let member = workgroup.z;
    let d_y_at = member * params.d_y_member;
    let z_at = member * params.z_member;
    let slice = i / params.stride;
    let n = i % params.stride;
    var gain = 0.0;
    var shift = 0.0;
    // padding columns get a zero gradient and so stay what they are
    if n < params.width {
        let end = (slice + 1u) * params.panels / params.slices;
        for (var panel = slice * params.panels / params.slices; panel < end; panel++) {
            for (var row = panel * PANEL; row < (panel + 1u) * PANEL; row++) {
                let at = row * params.stride + n;
                gain += d_y[d_y_at + at] * z[z_at + at];
                shift += d_y[d_y_at + at];
            }
        }
    }
    let out = member * params.partials_member + slice * params.length + params.at + n;
    partials[out] = gain;
    partials[out + params.stride] = shift;
}
