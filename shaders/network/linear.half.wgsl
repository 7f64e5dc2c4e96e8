// y = finish(x W + bias) with factors rounded to f16: a layer, or an input gradient (with W^T).
// shapes    see network/product
// dispatch  tiles of 64 rows by 64 outputs, workgroups of 64 invocations
// family    half: see network/tiled
enable f16;
const OVER_ROWS: bool = false;
#import network/tiled

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    sum_tile(tile, local);
}
