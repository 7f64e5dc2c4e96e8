// y = finish(x W + bias) for at most eight outputs: a head.
//
// shapes    see network/product
// dispatch  tiles of at most 256 rows, one subgroup of 8 lanes each
// family    panel: see network/narrow
#import network/streamed
#import network/narrow

fn finished_narrow(z: Eight, slope_at: u32, beside_at: u32, p: f32) -> Eight {
    return finished(z, slope_at, beside_at, p);
}

@compute @workgroup_size(8)
fn main(
    @builtin(workgroup_id) tile: vec3<u32>,
    @builtin(num_workgroups) tiles: vec3<u32>,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    narrow(stream_of(tile, tiles, lane), lane);
}
