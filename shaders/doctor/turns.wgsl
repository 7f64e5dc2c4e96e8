// Counts the turns of two loops, one in the other: whether a device lets them turn as often as they are asked to.
//
// shapes    counts (n)
// dispatch  one invocation a count
#import lib/index

struct Params {
    count: u32, // n
    outer: u32, // turns
    inner: u32, // in each
}

@group(0) @binding(0) var<storage, read_write> counts: array<u32>; // (n)
@group(0) @binding(1) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let n = linear_index(workgroup, groups, local);
    if n >= params.count { return; }
    // what is counted depends on what was counted, so that no compiler knows the number
    var turns = 0u;
    for (var i = 0u; i < params.outer; i++) {
        for (var j = 0u; j < params.inner; j++) { turns += 1u + (turns >> 31u); }
    }
    counts[n] = turns;
}
