// Normals of given words, for the self-test: z_i = four standard normals of the four words i.
//
// shapes    words, z (n, 4)
// dispatch  one invocation a four words
#import lib/index
#import lib/normal

struct Params {
    count: u32, // n
}

@group(0) @binding(0) var<storage, read> words: array<vec4<u32>>; // (n) of four
@group(0) @binding(1) var<storage, read_write> z: array<vec4<f32>>; // (n) of four
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = linear_index(workgroup, groups, local);
    if i >= params.count { return; }
    z[i] = normals(words[i]);
}
