// Ten Philox rounds over given counters with given keys, for the self-test: words_i = philox(counters_i, keys_i).
//
// shapes    counters, words (n, 4); keys (n, 2)
// dispatch  one invocation a counter
#import lib/index
#import lib/random

struct Params {
    count: u32, // n
}

@group(0) @binding(0) var<storage, read> counters: array<vec4<u32>>; // (n) of four
@group(0) @binding(1) var<storage, read> keys: array<vec2<u32>>; // (n) of two
@group(0) @binding(2) var<storage, read_write> words: array<vec4<u32>>; // (n) of four
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = linear_index(workgroup, groups, local);
    if i >= params.count { return; }
    words[i] = philox(counters[i], keys[i]);
}
