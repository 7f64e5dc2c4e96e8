// Closes a held-out batch: adds the partial losses to `bins` and counts the batch.
//
// shapes    partial (groups, BINS, 2); bins (BINS, 2): sum of losses, rows
// dispatch  one workgroup
#import lib/loss_bins

struct Params {
    groups: u32, // of 256 rows
}

@group(0) @binding(0) var<storage, read> partial: array<f32>; // (groups, BINS, 2)
@group(0) @binding(1) var<storage, read_write> bins: array<f32>; // (BINS, 2)
@group(0) @binding(2) var<storage, read_write> control: array<u32>; // [0] batches so far
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) local: u32) {
    if local < BINS * 2u {
        var sum = bins[local];
        for (var g = 0u; g < params.groups; g++) {
            sum += partial[g * BINS * 2u + local];
        }
        bins[local] = sum;
    }
    if local == 0u { control[0] = control[0] + 1u; }
}
