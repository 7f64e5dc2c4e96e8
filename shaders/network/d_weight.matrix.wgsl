// d_W = x^T d_y, partial sums over slices of the batch that optimiser/reduce adds up in order.
// shapes    see network/product: rows are the inputs of the layer, inputs the rows of the batch
// dispatch  tiles of 64 rows by 64 outputs, workgroups of 128 invocations; workgroup_id.z is the slice
// family    matrix: see network/tiled
enable f16;
enable wgpu_cooperative_matrix;
const OVER_ROWS: bool = true;
#import network/tiled

@compute @workgroup_size(128)
fn main(
    @builtin(workgroup_id) tile: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
    @builtin(subgroup_id) subgroup: u32,
) {
    sum_tile(tile, local, subgroup);
}
