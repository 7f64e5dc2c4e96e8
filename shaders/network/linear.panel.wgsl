// y = finish(x W + bias): a layer, or an input gradient (with W^T).
// shapes    see network/product
// dispatch  tiles of at most 256 rows by 64 outputs, one subgroup of 8 lanes each
// family    panel: see network/held_weights

// 64 inputs at a time
const FIRST: u32 = 1u;
const LAST: u32 = 2u;
#import network/held_weights
#import network/streamed

@compute @workgroup_size(8)
fn main(
    @builtin(workgroup_id) tile: vec3<u32>,
    @builtin(num_workgroups) tiles: vec3<u32>,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    stream_d(stream_of(tile, tiles, lane), lane);
}
