// The rate of copying: y = x, each invocation every lanes-th block of eight numbers.
//
// shapes    x, y (8 n)
// dispatch  `lanes` invocations
// family    tile: a block is moved as two vectors of four
#import lib/index

struct Params {
    length: u32, // 8 n
    lanes: u32,  // number of invocations
}

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>; // (2 n) of four
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>; // (2 n) of four
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
    for (var at = lane; at < blocks; at += lanes) {
        y[2u * at] = x[2u * at];
        y[2u * at + 1u] = x[2u * at + 1u];
    }
}
