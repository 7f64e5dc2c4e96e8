// The rate of reading: sums over all words of `x`, each invocation over every lanes-th block of eight numbers,
// `passes` times over.
//
// shapes    x (8 n); sums (lanes); sums_i = passes sum_j sum(x[8 (i + j lanes) ..][..8]) over i + j lanes < n
// dispatch  one invocation a sum
// family    panel: a block is loaded as four words of 64 bits, the widest load there is
#import lib/eight
#import lib/index

struct Params {
    length: u32, // 8 n
    lanes: u32,  // number of invocations
    passes: u32, // more than 1 reads what is in the caches
}

@group(0) @binding(0) var<storage, read> x: array<vec4<u64>>; // (n) of eight
@group(0) @binding(1) var<storage, read_write> sums: array<f32>; // (lanes)
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let lane = linear_index(workgroup, groups, local);
    let lanes = params.lanes;
    if lane >= lanes { return; }
    let blocks = params.length / 8u;
    var sum = vec4<f32>(0.0);
    let passes = params.passes;
    for (var pass_number = 0u; pass_number < passes; pass_number++) {
        for (var at = lane; at < blocks; at += lanes) {
            let eight = unpack_eight(x[at]);
            sum += eight.even + eight.odd;
        }
    }
    sums[lane] = (sum.x + sum.y) + (sum.z + sum.w);
}
