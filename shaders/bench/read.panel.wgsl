// The rate of reading: sums over all words of `x`, `passes` times over. Each workgroup takes a range of blocks of eight
// numbers, one after the other; invocation i of its 64 takes every 64th of them from the i-th on.
//
// shapes    x (8 n); sums (groups, 64)
// dispatch  `groups` workgroups
// family    panel: a block is loaded as four words of 64 bits, the widest load there is
#import bench/blocks
#import lib/eight
#import lib/index

struct Params {
    length: u32, // 8 n
    groups: u32,
    passes: u32, // more than 1 reads what is in the caches
}

@group(0) @binding(0) var<storage, read> x: array<vec4<u64>>; // (n) of eight
@group(0) @binding(1) var<storage, read_write> sums: array<f32>; // (groups, 64)
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let group = linear_index(workgroup, groups, local) / 64u;
    if group >= params.groups { return; }
    let span = blocks_of(group, local, params.length, params.groups);
    let passes = params.passes;
    var sum = vec4<f32>(0.0);
    for (var turn = 0u; turn < passes; turn++) {
        for (var at = span.x; at < span.y; at += 64u) {
            let eight = unpack_eight(x[at]);
            sum += eight.even + eight.odd;
        }
    }
    sums[group * 64u + local] = (sum.x + sum.y) + (sum.z + sum.w);
}
