// Closes a held-out batch: adds the partial losses to `bins` and counts the batch.
//
// shapes    partial (groups, BINS, 2); bins (BINS, 2): sum of losses, rows
// dispatch  one workgroup a member of the ensemble
#import lib/loss_bins

struct Params {
    groups: u32, // of 256 rows
    // from member to member of an ensemble, filled in by the host
    partial_member: u32,
    bins_member: u32,
    control_member: u32,
}

@group(0) @binding(0) var<storage, read> partial: array<f32>; // (groups, BINS, 2)
@group(0) @binding(1) var<storage, read_write> bins: array<f32>; // (BINS, 2)
@group(0) @binding(2) var<storage, read_write> control: array<u32>; // [0] batches so far
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let member = workgroup.z;
    let bin = member * params.bins_member + local;
    if local < BINS * 2u {
        var sum = bins[bin];
        for (var g = 0u; g < params.groups; g++) {
            sum += partial[member * params.partial_member + g * BINS * 2u + local];
        }
        bins[bin] = sum;
    }
    if local == 0u {
        let at = member * params.control_member;
        control[at] = control[at] + 1u;
    }
}
