// counts[p] = 0
//
// One thread a cell. Dispatch: ceil(cells / 64) workgroups, folded past 65535.

#import lib/index

struct Params {
    cells: u32, // H W
}

@group(0) @binding(0) var<uniform> params: Params; // ()
@group(0) @binding(1) var<storage, read_write> counts: array<u32>; // (H, W)

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup_id: vec3<u32>,
    @builtin(num_workgroups) num_workgroups: vec3<u32>,
    @builtin(local_invocation_index) local_invocation_index: u32,
) {
    let cell = linear_index(workgroup_id, num_workgroups, local_invocation_index);
    if cell >= params.cells {
        return;
    }
    counts[cell] = 0u;
}
