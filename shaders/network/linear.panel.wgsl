// y = epilogue(x W + bias): one layer of the batched forward pass, and with W^T the input gradient of a layer.
//
// shapes    input (B, K) and output (B, N) in panels (ceil(B / 32), features, 32); weight (K + 1, N4) row-major with
//           N4 = N rounded up to 4 and the bias in row K. B panels, K inputs, N outputs.
// dispatch  tiles of 32 rows by 64 outputs, one subgroup of 8 lanes each
// family    panel: a lane holds four rows of every output; it loads four outputs of a weight row and the
//           subgroup broadcasts them, the one cheap way to share a value between lanes on a software device
#import <epilogue>

const TILE_ROWS: u32 = 32u;
const TILE_COLUMNS: u32 = 64u;

struct Params {
    inputs: u32,  // K
    outputs: u32, // N
    stride: u32,  // N4 / 4
    biased: u32,  // 1: start from row K of the weight, 0: start from zero
    layer: u32,   // which entry of `alpha` belongs to this layer
}

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>; // (panels, K, 8) of four rows
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>; // (K + 1, N4 / 4) of four outputs
@group(0) @binding(2) var<storage, read_write> output: array<vec4<f32>>; // (panels, N, 8) of four rows
@group(0) @binding(3) var<uniform> params: Params;

// Indexed by literals only, so that a compiler keeps every element in a register.
var<private> sum: array<vec4<f32>, 64>;

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let first = tile.x * TILE_COLUMNS;
    let column = first / 4u + lane;
    let panel = tile.y * params.inputs;
    start(select(0.0, 1.0, params.biased == 1u), params.inputs * params.stride + column);
    for (var k = 0u; k < params.inputs; k++) {
        let x = input[(panel + k) * 8u + lane];
        let row = k * params.stride + column;
        add_product(x, weight[row], weight[row + 8u]);
    }
    let at = (tile.y * params.outputs + first) * 8u + lane;
    let live = min(TILE_COLUMNS, params.outputs - first);
    emit_all(at, live);
    // a rolled loop over what was just stored keeps the code of the activation small
    for (var n = 0u; n < live; n++) {
        finish(at + n * 8u, params.layer);
    }
}

// sum = scale * bias, spread from the lanes that hold it.
fn start(scale: f32, row: u32) {
    let low = scale * weight[row];
    let high = scale * weight[row + 8u];
    sum[0] = vec4<f32>(subgroupBroadcast(low.x, 0u));
    sum[1] = vec4<f32>(subgroupBroadcast(low.y, 0u));
    sum[2] = vec4<f32>(subgroupBroadcast(low.z, 0u));
    sum[3] = vec4<f32>(subgroupBroadcast(low.w, 0u));
    sum[4] = vec4<f32>(subgroupBroadcast(low.x, 1u));
    sum[5] = vec4<f32>(subgroupBroadcast(low.y, 1u));
    sum[6] = vec4<f32>(subgroupBroadcast(low.z, 1u));
    sum[7] = vec4<f32>(subgroupBroadcast(low.w, 1u));
    sum[8] = vec4<f32>(subgroupBroadcast(low.x, 2u));
    sum[9] = vec4<f32>(subgroupBroadcast(low.y, 2u));
    sum[10] = vec4<f32>(subgroupBroadcast(low.z, 2u));
    sum[11] = vec4<f32>(subgroupBroadcast(low.w, 2u));
    sum[12] = vec4<f32>(subgroupBroadcast(low.x, 3u));
    sum[13] = vec4<f32>(subgroupBroadcast(low.y, 3u));
    sum[14] = vec4<f32>(subgroupBroadcast(low.z, 3u));
    sum[15] = vec4<f32>(subgroupBroadcast(low.w, 3u));
    sum[16] = vec4<f32>(subgroupBroadcast(low.x, 4u));
    sum[17] = vec4<f32>(subgroupBroadcast(low.y, 4u));
    sum[18] = vec4<f32>(subgroupBroadcast(low.z, 4u));
    sum[19] = vec4<f32>(subgroupBroadcast(low.w, 4u));
    sum[20] = vec4<f32>(subgroupBroadcast(low.x, 5u));
    sum[21] = vec4<f32>(subgroupBroadcast(low.y, 5u));
    sum[22] = vec4<f32>(subgroupBroadcast(low.z, 5u));
    sum[23] = vec4<f32>(subgroupBroadcast(low.w, 5u));
    sum[24] = vec4<f32>(subgroupBroadcast(low.x, 6u));
    sum[25] = vec4<f32>(subgroupBroadcast(low.y, 6u));
    sum[26] = vec4<f32>(subgroupBroadcast(low.z, 6u));
    sum[27] = vec4<f32>(subgroupBroadcast(low.w, 6u));
    sum[28] = vec4<f32>(subgroupBroadcast(low.x, 7u));
    sum[29] = vec4<f32>(subgroupBroadcast(low.y, 7u));
    sum[30] = vec4<f32>(subgroupBroadcast(low.z, 7u));
    sum[31] = vec4<f32>(subgroupBroadcast(low.w, 7u));
    sum[32] = vec4<f32>(subgroupBroadcast(high.x, 0u));
    sum[33] = vec4<f32>(subgroupBroadcast(high.y, 0u));
    sum[34] = vec4<f32>(subgroupBroadcast(high.z, 0u));
    sum[35] = vec4<f32>(subgroupBroadcast(high.w, 0u));
    sum[36] = vec4<f32>(subgroupBroadcast(high.x, 1u));
    sum[37] = vec4<f32>(subgroupBroadcast(high.y, 1u));
    sum[38] = vec4<f32>(subgroupBroadcast(high.z, 1u));
    sum[39] = vec4<f32>(subgroupBroadcast(high.w, 1u));
    sum[40] = vec4<f32>(subgroupBroadcast(high.x, 2u));
    sum[41] = vec4<f32>(subgroupBroadcast(high.y, 2u));
    sum[42] = vec4<f32>(subgroupBroadcast(high.z, 2u));
    sum[43] = vec4<f32>(subgroupBroadcast(high.w, 2u));
    sum[44] = vec4<f32>(subgroupBroadcast(high.x, 3u));
    sum[45] = vec4<f32>(subgroupBroadcast(high.y, 3u));
    sum[46] = vec4<f32>(subgroupBroadcast(high.z, 3u));
    sum[47] = vec4<f32>(subgroupBroadcast(high.w, 3u));
    sum[48] = vec4<f32>(subgroupBroadcast(high.x, 4u));
    sum[49] = vec4<f32>(subgroupBroadcast(high.y, 4u));
    sum[50] = vec4<f32>(subgroupBroadcast(high.z, 4u));
    sum[51] = vec4<f32>(subgroupBroadcast(high.w, 4u));
    sum[52] = vec4<f32>(subgroupBroadcast(high.x, 5u));
    sum[53] = vec4<f32>(subgroupBroadcast(high.y, 5u));
    sum[54] = vec4<f32>(subgroupBroadcast(high.z, 5u));
    sum[55] = vec4<f32>(subgroupBroadcast(high.w, 5u));
    sum[56] = vec4<f32>(subgroupBroadcast(high.x, 6u));
    sum[57] = vec4<f32>(subgroupBroadcast(high.y, 6u));
    sum[58] = vec4<f32>(subgroupBroadcast(high.z, 6u));
    sum[59] = vec4<f32>(subgroupBroadcast(high.w, 6u));
    sum[60] = vec4<f32>(subgroupBroadcast(high.x, 7u));
    sum[61] = vec4<f32>(subgroupBroadcast(high.y, 7u));
    sum[62] = vec4<f32>(subgroupBroadcast(high.z, 7u));
    sum[63] = vec4<f32>(subgroupBroadcast(high.w, 7u));
}

// sum[n] += x * w[n], with the 64 weights of this row spread over the lanes.
fn add_product(x: vec4<f32>, low: vec4<f32>, high: vec4<f32>) {
    sum[0] += x * subgroupBroadcast(low.x, 0u);
    sum[1] += x * subgroupBroadcast(low.y, 0u);
    sum[2] += x * subgroupBroadcast(low.z, 0u);
    sum[3] += x * subgroupBroadcast(low.w, 0u);
    sum[4] += x * subgroupBroadcast(low.x, 1u);
    sum[5] += x * subgroupBroadcast(low.y, 1u);
    sum[6] += x * subgroupBroadcast(low.z, 1u);
    sum[7] += x * subgroupBroadcast(low.w, 1u);
    sum[8] += x * subgroupBroadcast(low.x, 2u);
    sum[9] += x * subgroupBroadcast(low.y, 2u);
    sum[10] += x * subgroupBroadcast(low.z, 2u);
    sum[11] += x * subgroupBroadcast(low.w, 2u);
    sum[12] += x * subgroupBroadcast(low.x, 3u);
    sum[13] += x * subgroupBroadcast(low.y, 3u);
    sum[14] += x * subgroupBroadcast(low.z, 3u);
    sum[15] += x * subgroupBroadcast(low.w, 3u);
    sum[16] += x * subgroupBroadcast(low.x, 4u);
    sum[17] += x * subgroupBroadcast(low.y, 4u);
    sum[18] += x * subgroupBroadcast(low.z, 4u);
    sum[19] += x * subgroupBroadcast(low.w, 4u);
    sum[20] += x * subgroupBroadcast(low.x, 5u);
    sum[21] += x * subgroupBroadcast(low.y, 5u);
    sum[22] += x * subgroupBroadcast(low.z, 5u);
    sum[23] += x * subgroupBroadcast(low.w, 5u);
    sum[24] += x * subgroupBroadcast(low.x, 6u);
    sum[25] += x * subgroupBroadcast(low.y, 6u);
    sum[26] += x * subgroupBroadcast(low.z, 6u);
    sum[27] += x * subgroupBroadcast(low.w, 6u);
    sum[28] += x * subgroupBroadcast(low.x, 7u);
    sum[29] += x * subgroupBroadcast(low.y, 7u);
    sum[30] += x * subgroupBroadcast(low.z, 7u);
    sum[31] += x * subgroupBroadcast(low.w, 7u);
    sum[32] += x * subgroupBroadcast(high.x, 0u);
    sum[33] += x * subgroupBroadcast(high.y, 0u);
    sum[34] += x * subgroupBroadcast(high.z, 0u);
    sum[35] += x * subgroupBroadcast(high.w, 0u);
    sum[36] += x * subgroupBroadcast(high.x, 1u);
    sum[37] += x * subgroupBroadcast(high.y, 1u);
    sum[38] += x * subgroupBroadcast(high.z, 1u);
    sum[39] += x * subgroupBroadcast(high.w, 1u);
    sum[40] += x * subgroupBroadcast(high.x, 2u);
    sum[41] += x * subgroupBroadcast(high.y, 2u);
    sum[42] += x * subgroupBroadcast(high.z, 2u);
    sum[43] += x * subgroupBroadcast(high.w, 2u);
    sum[44] += x * subgroupBroadcast(high.x, 3u);
    sum[45] += x * subgroupBroadcast(high.y, 3u);
    sum[46] += x * subgroupBroadcast(high.z, 3u);
    sum[47] += x * subgroupBroadcast(high.w, 3u);
    sum[48] += x * subgroupBroadcast(high.x, 4u);
    sum[49] += x * subgroupBroadcast(high.y, 4u);
    sum[50] += x * subgroupBroadcast(high.z, 4u);
    sum[51] += x * subgroupBroadcast(high.w, 4u);
    sum[52] += x * subgroupBroadcast(high.x, 5u);
    sum[53] += x * subgroupBroadcast(high.y, 5u);
    sum[54] += x * subgroupBroadcast(high.z, 5u);
    sum[55] += x * subgroupBroadcast(high.w, 5u);
    sum[56] += x * subgroupBroadcast(high.x, 6u);
    sum[57] += x * subgroupBroadcast(high.y, 6u);
    sum[58] += x * subgroupBroadcast(high.z, 6u);
    sum[59] += x * subgroupBroadcast(high.w, 6u);
    sum[60] += x * subgroupBroadcast(high.x, 7u);
    sum[61] += x * subgroupBroadcast(high.y, 7u);
    sum[62] += x * subgroupBroadcast(high.z, 7u);
    sum[63] += x * subgroupBroadcast(high.w, 7u);
}

// Stores the outputs that exist.
fn emit_all(at: u32, live: u32) {
    if live > 0u { emit(at + 0u, sum[0]); }
    if live > 1u { emit(at + 8u, sum[1]); }
    if live > 2u { emit(at + 16u, sum[2]); }
    if live > 3u { emit(at + 24u, sum[3]); }
    if live > 4u { emit(at + 32u, sum[4]); }
    if live > 5u { emit(at + 40u, sum[5]); }
    if live > 6u { emit(at + 48u, sum[6]); }
    if live > 7u { emit(at + 56u, sum[7]); }
    if live > 8u { emit(at + 64u, sum[8]); }
    if live > 9u { emit(at + 72u, sum[9]); }
    if live > 10u { emit(at + 80u, sum[10]); }
    if live > 11u { emit(at + 88u, sum[11]); }
    if live > 12u { emit(at + 96u, sum[12]); }
    if live > 13u { emit(at + 104u, sum[13]); }
    if live > 14u { emit(at + 112u, sum[14]); }
    if live > 15u { emit(at + 120u, sum[15]); }
    if live > 16u { emit(at + 128u, sum[16]); }
    if live > 17u { emit(at + 136u, sum[17]); }
    if live > 18u { emit(at + 144u, sum[18]); }
    if live > 19u { emit(at + 152u, sum[19]); }
    if live > 20u { emit(at + 160u, sum[20]); }
    if live > 21u { emit(at + 168u, sum[21]); }
    if live > 22u { emit(at + 176u, sum[22]); }
    if live > 23u { emit(at + 184u, sum[23]); }
    if live > 24u { emit(at + 192u, sum[24]); }
    if live > 25u { emit(at + 200u, sum[25]); }
    if live > 26u { emit(at + 208u, sum[26]); }
    if live > 27u { emit(at + 216u, sum[27]); }
    if live > 28u { emit(at + 224u, sum[28]); }
    if live > 29u { emit(at + 232u, sum[29]); }
    if live > 30u { emit(at + 240u, sum[30]); }
    if live > 31u { emit(at + 248u, sum[31]); }
    if live > 32u { emit(at + 256u, sum[32]); }
    if live > 33u { emit(at + 264u, sum[33]); }
    if live > 34u { emit(at + 272u, sum[34]); }
    if live > 35u { emit(at + 280u, sum[35]); }
    if live > 36u { emit(at + 288u, sum[36]); }
    if live > 37u { emit(at + 296u, sum[37]); }
    if live > 38u { emit(at + 304u, sum[38]); }
    if live > 39u { emit(at + 312u, sum[39]); }
    if live > 40u { emit(at + 320u, sum[40]); }
    if live > 41u { emit(at + 328u, sum[41]); }
    if live > 42u { emit(at + 336u, sum[42]); }
    if live > 43u { emit(at + 344u, sum[43]); }
    if live > 44u { emit(at + 352u, sum[44]); }
    if live > 45u { emit(at + 360u, sum[45]); }
    if live > 46u { emit(at + 368u, sum[46]); }
    if live > 47u { emit(at + 376u, sum[47]); }
    if live > 48u { emit(at + 384u, sum[48]); }
    if live > 49u { emit(at + 392u, sum[49]); }
    if live > 50u { emit(at + 400u, sum[50]); }
    if live > 51u { emit(at + 408u, sum[51]); }
    if live > 52u { emit(at + 416u, sum[52]); }
    if live > 53u { emit(at + 424u, sum[53]); }
    if live > 54u { emit(at + 432u, sum[54]); }
    if live > 55u { emit(at + 440u, sum[55]); }
    if live > 56u { emit(at + 448u, sum[56]); }
    if live > 57u { emit(at + 456u, sum[57]); }
    if live > 58u { emit(at + 464u, sum[58]); }
    if live > 59u { emit(at + 472u, sum[59]); }
    if live > 60u { emit(at + 480u, sum[60]); }
    if live > 61u { emit(at + 488u, sum[61]); }
    if live > 62u { emit(at + 496u, sum[62]); }
    if live > 63u { emit(at + 504u, sum[63]); }
}
