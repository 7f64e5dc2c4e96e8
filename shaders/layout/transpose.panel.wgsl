// x^T with a row of ones below it: what a weight gradient multiplies with d_y, the ones for the bias.
//
// shapes    x (B, F) in panels; transposed (F + 1, B) with B padded, its rows `stride` apart
// dispatch  tiles of 512 rows by 64 features, one subgroup of 8 lanes each
// family    panel: a lane turns blocks of eight rows by eight features in its registers
#import lib/eight

const TILE_ROWS: u32 = 512u;
const TILE_COLUMNS: u32 = 64u;

struct Params {
    rows: u32,     // B, padded
    features: u32, // F
    stride: u32,   // from row to row of `transposed`
    // from member to member of an ensemble, filled in by the host
    x_member: u32,
    transposed_member: u32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4<u64>>; // (B, F8 / 8) of eight features
@group(0) @binding(1) var<storage, read_write> transposed: array<vec4<u64>>; // (F + 1, stride / 8) of eight rows
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    never = params.rows == 0u;
    let stride = (params.features + 7u) / 8u;
    let long = params.stride / 8u;
    let column = tile.x * 8u + lane;
    let end = min((tile.y + 1u) * TILE_ROWS, params.rows) / 8u;
    let feature = column * 8u;
    let x_at = tile.z * params.x_member + min(column, stride - 1u);
    let transposed_at = tile.z * params.transposed_member;
    let ones_at = transposed_at + params.features * long;
    for (var o = tile.y * (TILE_ROWS / 8u); o < end; o++) {
        let source = x_at + o * 8u * stride;
#for r in 0..8
        let v${r} = unpack_eight(x[source + ${r}u * stride]);
#end
        let to = transposed_at + feature * long + o;
#for c in 0..4
        if feature + ${c * 2}u < params.features {
            let e = vec4<f32>(v0.even.${c:xyzw}, v2.even.${c:xyzw}, v4.even.${c:xyzw}, v6.even.${c:xyzw});
            let f = vec4<f32>(v1.even.${c:xyzw}, v3.even.${c:xyzw}, v5.even.${c:xyzw}, v7.even.${c:xyzw});
            transposed[to + ${c * 2}u * long] = pack_eight(Eight(e, f));
        }
        if feature + ${c * 2 + 1}u < params.features {
            let e = vec4<f32>(v0.odd.${c:xyzw}, v2.odd.${c:xyzw}, v4.odd.${c:xyzw}, v6.odd.${c:xyzw});
            let f = vec4<f32>(v1.odd.${c:xyzw}, v3.odd.${c:xyzw}, v5.odd.${c:xyzw}, v7.odd.${c:xyzw});
            transposed[to + ${c * 2 + 1}u * long] = pack_eight(Eight(e, f));
        }
#end
        if column == 0u { transposed[ones_at + o] = pack_eight(Eight(vec4<f32>(1.0), vec4<f32>(1.0))); }
    }
}
