// y = finish(x W + bias): a layer, or an input gradient (with W^T).
// shapes    see network/product
// dispatch  tiles of at most 256 rows by 64 outputs, one subgroup of 8 lanes each
// family    panel: see network/held_weights

const TILE_ROWS: u32 = 256u;
const TILE_COLUMNS: u32 = 64u;
const DEPTH: u32 = 64u;
#import network/held_weights

@compute @workgroup_size(8)
fn main(
    @builtin(workgroup_id) tile: vec3<u32>,
    @builtin(num_workgroups) tiles: vec3<u32>,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    sum_tile(tile, tiles, lane);
}
