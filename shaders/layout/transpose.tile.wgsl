// x^T with a row of ones below it: what a weight gradient multiplies with d_y, the ones for the bias.
//
// shapes    x (B, F) in panels; transposed (F + 1, B) with B padded, its rows `stride` apart
// dispatch  tiles of 16 rows by 16 features, workgroups of 256 invocations
// family    tile: through workgroup memory (1.1 KiB), so that both sides are read and written in order
#import lib/panel

const TILE_ROWS: u32 = 16u;
const TILE_COLUMNS: u32 = 16u;

struct Params {
    rows: u32,     // B, padded
    features: u32, // F
    stride: u32,   // from row to row of `transposed`
    // from member to member of an ensemble, filled in by the host
    x_member: u32,
    transposed_member: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>; // (B, F8)
@group(0) @binding(1) var<storage, read_write> transposed: array<f32>; // (F + 1, stride)
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> staged: array<f32, 272>; // (16 features, 16 + 1 rows)

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let fast = local % 16u;
    let slow = local / 16u;
    let feature = tile.x * TILE_COLUMNS + fast;
    let row = min(tile.y * TILE_ROWS + slow, params.rows - 1u);
    let value = x[tile.z * params.x_member + panel_index(row, min(feature, params.features - 1u), params.features)];
    staged[fast * 17u + slow] = select(1.0, value, feature < params.features);
    workgroupBarrier();
    let to_feature = tile.x * TILE_COLUMNS + slow;
    let to_row = tile.y * TILE_ROWS + fast;
    if to_feature <= params.features && to_row < params.rows {
        transposed[tile.z * params.transposed_member + to_feature * params.stride + to_row] = staged[slow * 17u + fast];
    }
}
