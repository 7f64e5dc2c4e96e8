// y = finish(x W + bias) by cooperative matrices: a layer, or an input gradient (with W^T).
// shapes    see network/product
// dispatch  tiles of 64 rows by 64 outputs, workgroups of 128 invocations
// family    matrix: see network/tiled
enable f16;
enable wgpu_cooperative_matrix;
const OVER_ROWS: bool = false;
#import network/tiled

@compute @workgroup_size(128)
fn main(
    @builtin(workgroup_id) tile: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
    @builtin(subgroup_id) subgroup: u32,
) {
    sum_tile(tile, local, subgroup);
}
