// Adds the gradients of the trained noise s of head/structured over the rows of one slice of the batch.
//
//   partials[slice, at] = sum over the rows of the slice of d_s
//
// shapes    d_s (B padded); partials (S, P)
// dispatch  one workgroup a slice
#import lib/panel

struct Params {
    panels: u32,
    slices: u32, // S
    at: u32,     // place in a slice
    length: u32, // P
    // from member to member of an ensemble, filled in by the host
    d_s_member: u32,
    partials_member: u32,
}

@group(0) @binding(0) var<storage, read> d_s: array<f32>; // (B padded)
@group(0) @binding(1) var<storage, read_write> partials: array<f32>; // (S, P)
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> sums: array<f32, 64>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let slice = workgroup.y * groups.x + workgroup.x;
    let d_s_at = workgroup.z * params.d_s_member;
    var sum = 0.0;
    let end = (slice + 1u) * params.panels / params.slices * PANEL;
    for (var b = slice * params.panels / params.slices * PANEL + local; b < end; b += 64u) { sum += d_s[d_s_at + b]; }
    sums[local] = sum;
    workgroupBarrier();
    if local == 0u && slice < params.slices {
        var total = 0.0;
        for (var j = 0u; j < 64u; j++) { total += sums[j]; }
        partials[workgroup.z * params.partials_member + slice * params.length + params.at] = total;
    }
}
