// y = finish(x W + bias) for at most eight inputs: the input gradient of a head.
// shapes    see network/product
// dispatch  tiles of at most 256 rows by 64 outputs, one subgroup of 8 lanes each
// family    panel: see network/held_weights

// 8 inputs at a time
const FIRST: u32 = 0u;
const LAST: u32 = 1u;
#import network/held_weights
#import network/streamed

@compute @workgroup_size(8)
fn main(
    @builtin(workgroup_id) tile: vec3<u32>,
    @builtin(num_workgroups) tiles: vec3<u32>,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    stream_s(stream_of(tile, tiles, lane), lane);
}
