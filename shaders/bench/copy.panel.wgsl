// The rate of copying: y = x. Each workgroup takes a range of blocks of eight numbers, one after the other.
//
// shapes    x, y (8 n)
// dispatch  `groups` workgroups
// family    panel: a block is moved as four words of 64 bits, the widest load there is
#import bench/blocks
#import lib/index

struct Params {
    length: u32, // 8 n
    groups: u32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4<u64>>; // (n) of eight
@group(0) @binding(1) var<storage, read_write> y: array<vec4<u64>>; // (n) of eight
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let group = linear_index(workgroup, groups, local) / 64u;
    let span = blocks_of(group, local, params.length, params.groups);
    for (var at = span.x; at < span.y; at += 64u) {
        y[at] = x[at];
    }
}
