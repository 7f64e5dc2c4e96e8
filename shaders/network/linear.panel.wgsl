// y = finish(x W + bias): one layer of the batched forward pass, and with W^T the input gradient of a layer.
//
// shapes    input (B, K) and output, slope, skip (B, N) in panels (ceil(B / 32), features, 32); weight (K + 1, N8)
//           row-major with N8 = N rounded up to 8 and the bias in row K. B panels, K inputs, N outputs.
// dispatch  tiles of 64 rows by 64 outputs, one subgroup of 8 lanes each
// family    panel: a lane holds eight rows of every output; it loads eight outputs of a weight row and the subgroup
//           broadcasts them, the one cheap way to share a value between lanes on a software device
#import network/finish_eight

const TILE_ROWS: u32 = 64u;
const TILE_COLUMNS: u32 = 64u;

struct Params {
    inputs: u32,  // K
    outputs: u32, // N
    stride: u32,  // N8
    panels: u32,  // panels in the batch
    biased: u32,  // 1: start from row K of the weight, 0: start from zero
    layer: u32,   // which entry of `alpha` belongs to this layer
    finish: u32,  // see network/finish
}

@group(0) @binding(0) var<storage, read> input: array<vec4<u64>>; // (panels, K, 4) of eight rows)
@group(0) @binding(1) var<storage, read> weight: array<vec4<u64>>; // (K + 1, N8 / 8) of eight outputs)
@group(0) @binding(2) var<storage, read_write> output: array<vec4<u64>>; // (panels, N, 4) of eight rows)
@group(0) @binding(3) var<storage, read> alpha: array<f32>; // (layers) parameter of the activation
@group(0) @binding(4) var<storage, read_write> slope: array<vec4<u64>>; // (panels, N, 4) of eight rows), by TRAIN and TIMES_SLOPE only
@group(0) @binding(5) var<storage, read> skip: array<vec4<u64>>; // (panels, N, 4) of eight rows), by PLUS_SKIP only
@group(0) @binding(6) var<uniform> params: Params;

// Sums of a lane's even and odd rows; indexed by literals only, so that each stays in a register.
var<private> even: array<vec4<f32>, 64>;
var<private> odd: array<vec4<f32>, 64>;

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let stride = params.stride / 8u;
    let column = min(tile.x * 8u + lane, stride - 1u);
    let panel = tile.y * 2u + lane / 4u;
    let x = min(panel, params.panels - 1u) * params.inputs * 4u + lane % 4u;
    if params.biased == 1u {
        start(unpack_eight(weight[params.inputs * stride + column]));
    } else {
        start(Eight(vec4<f32>(0.0), vec4<f32>(0.0)));
    }
    for (var k = 0u; k < params.inputs; k++) {
        add_product(unpack_eight(input[x + k * 4u]), unpack_eight(weight[k * stride + column]));
    }
    if panel < params.panels {
        let at = (panel * params.outputs + tile.x * TILE_COLUMNS) * 4u + lane % 4u;
        let live = min(TILE_COLUMNS, params.outputs - tile.x * TILE_COLUMNS);
        store_all(at, live);
        // a rolled loop over what was just stored keeps the code of the activation small
        for (var n = 0u; n < live; n++) { finish(at + n * 4u); }
    }
}

// sum[n] = bias of output n, spread from the lane that holds it.
fn start(bias: Eight) {
    even[0] = vec4<f32>(subgroupBroadcast(bias.even.x, 0u));
    odd[0] = even[0];
    even[1] = vec4<f32>(subgroupBroadcast(bias.odd.x, 0u));
    odd[1] = even[1];
    even[2] = vec4<f32>(subgroupBroadcast(bias.even.y, 0u));
    odd[2] = even[2];
    even[3] = vec4<f32>(subgroupBroadcast(bias.odd.y, 0u));
    odd[3] = even[3];
    even[4] = vec4<f32>(subgroupBroadcast(bias.even.z, 0u));
    odd[4] = even[4];
    even[5] = vec4<f32>(subgroupBroadcast(bias.odd.z, 0u));
    odd[5] = even[5];
    even[6] = vec4<f32>(subgroupBroadcast(bias.even.w, 0u));
    odd[6] = even[6];
    even[7] = vec4<f32>(subgroupBroadcast(bias.odd.w, 0u));
    odd[7] = even[7];
    even[8] = vec4<f32>(subgroupBroadcast(bias.even.x, 1u));
    odd[8] = even[8];
    even[9] = vec4<f32>(subgroupBroadcast(bias.odd.x, 1u));
    odd[9] = even[9];
    even[10] = vec4<f32>(subgroupBroadcast(bias.even.y, 1u));
    odd[10] = even[10];
    even[11] = vec4<f32>(subgroupBroadcast(bias.odd.y, 1u));
    odd[11] = even[11];
    even[12] = vec4<f32>(subgroupBroadcast(bias.even.z, 1u));
    odd[12] = even[12];
    even[13] = vec4<f32>(subgroupBroadcast(bias.odd.z, 1u));
    odd[13] = even[13];
    even[14] = vec4<f32>(subgroupBroadcast(bias.even.w, 1u));
    odd[14] = even[14];
    even[15] = vec4<f32>(subgroupBroadcast(bias.odd.w, 1u));
    odd[15] = even[15];
    even[16] = vec4<f32>(subgroupBroadcast(bias.even.x, 2u));
    odd[16] = even[16];
    even[17] = vec4<f32>(subgroupBroadcast(bias.odd.x, 2u));
    odd[17] = even[17];
    even[18] = vec4<f32>(subgroupBroadcast(bias.even.y, 2u));
    odd[18] = even[18];
    even[19] = vec4<f32>(subgroupBroadcast(bias.odd.y, 2u));
    odd[19] = even[19];
    even[20] = vec4<f32>(subgroupBroadcast(bias.even.z, 2u));
    odd[20] = even[20];
    even[21] = vec4<f32>(subgroupBroadcast(bias.odd.z, 2u));
    odd[21] = even[21];
    even[22] = vec4<f32>(subgroupBroadcast(bias.even.w, 2u));
    odd[22] = even[22];
    even[23] = vec4<f32>(subgroupBroadcast(bias.odd.w, 2u));
    odd[23] = even[23];
    even[24] = vec4<f32>(subgroupBroadcast(bias.even.x, 3u));
    odd[24] = even[24];
    even[25] = vec4<f32>(subgroupBroadcast(bias.odd.x, 3u));
    odd[25] = even[25];
    even[26] = vec4<f32>(subgroupBroadcast(bias.even.y, 3u));
    odd[26] = even[26];
    even[27] = vec4<f32>(subgroupBroadcast(bias.odd.y, 3u));
    odd[27] = even[27];
    even[28] = vec4<f32>(subgroupBroadcast(bias.even.z, 3u));
    odd[28] = even[28];
    even[29] = vec4<f32>(subgroupBroadcast(bias.odd.z, 3u));
    odd[29] = even[29];
    even[30] = vec4<f32>(subgroupBroadcast(bias.even.w, 3u));
    odd[30] = even[30];
    even[31] = vec4<f32>(subgroupBroadcast(bias.odd.w, 3u));
    odd[31] = even[31];
    even[32] = vec4<f32>(subgroupBroadcast(bias.even.x, 4u));
    odd[32] = even[32];
    even[33] = vec4<f32>(subgroupBroadcast(bias.odd.x, 4u));
    odd[33] = even[33];
    even[34] = vec4<f32>(subgroupBroadcast(bias.even.y, 4u));
    odd[34] = even[34];
    even[35] = vec4<f32>(subgroupBroadcast(bias.odd.y, 4u));
    odd[35] = even[35];
    even[36] = vec4<f32>(subgroupBroadcast(bias.even.z, 4u));
    odd[36] = even[36];
    even[37] = vec4<f32>(subgroupBroadcast(bias.odd.z, 4u));
    odd[37] = even[37];
    even[38] = vec4<f32>(subgroupBroadcast(bias.even.w, 4u));
    odd[38] = even[38];
    even[39] = vec4<f32>(subgroupBroadcast(bias.odd.w, 4u));
    odd[39] = even[39];
    even[40] = vec4<f32>(subgroupBroadcast(bias.even.x, 5u));
    odd[40] = even[40];
    even[41] = vec4<f32>(subgroupBroadcast(bias.odd.x, 5u));
    odd[41] = even[41];
    even[42] = vec4<f32>(subgroupBroadcast(bias.even.y, 5u));
    odd[42] = even[42];
    even[43] = vec4<f32>(subgroupBroadcast(bias.odd.y, 5u));
    odd[43] = even[43];
    even[44] = vec4<f32>(subgroupBroadcast(bias.even.z, 5u));
    odd[44] = even[44];
    even[45] = vec4<f32>(subgroupBroadcast(bias.odd.z, 5u));
    odd[45] = even[45];
    even[46] = vec4<f32>(subgroupBroadcast(bias.even.w, 5u));
    odd[46] = even[46];
    even[47] = vec4<f32>(subgroupBroadcast(bias.odd.w, 5u));
    odd[47] = even[47];
    even[48] = vec4<f32>(subgroupBroadcast(bias.even.x, 6u));
    odd[48] = even[48];
    even[49] = vec4<f32>(subgroupBroadcast(bias.odd.x, 6u));
    odd[49] = even[49];
    even[50] = vec4<f32>(subgroupBroadcast(bias.even.y, 6u));
    odd[50] = even[50];
    even[51] = vec4<f32>(subgroupBroadcast(bias.odd.y, 6u));
    odd[51] = even[51];
    even[52] = vec4<f32>(subgroupBroadcast(bias.even.z, 6u));
    odd[52] = even[52];
    even[53] = vec4<f32>(subgroupBroadcast(bias.odd.z, 6u));
    odd[53] = even[53];
    even[54] = vec4<f32>(subgroupBroadcast(bias.even.w, 6u));
    odd[54] = even[54];
    even[55] = vec4<f32>(subgroupBroadcast(bias.odd.w, 6u));
    odd[55] = even[55];
    even[56] = vec4<f32>(subgroupBroadcast(bias.even.x, 7u));
    odd[56] = even[56];
    even[57] = vec4<f32>(subgroupBroadcast(bias.odd.x, 7u));
    odd[57] = even[57];
    even[58] = vec4<f32>(subgroupBroadcast(bias.even.y, 7u));
    odd[58] = even[58];
    even[59] = vec4<f32>(subgroupBroadcast(bias.odd.y, 7u));
    odd[59] = even[59];
    even[60] = vec4<f32>(subgroupBroadcast(bias.even.z, 7u));
    odd[60] = even[60];
    even[61] = vec4<f32>(subgroupBroadcast(bias.odd.z, 7u));
    odd[61] = even[61];
    even[62] = vec4<f32>(subgroupBroadcast(bias.even.w, 7u));
    odd[62] = even[62];
    even[63] = vec4<f32>(subgroupBroadcast(bias.odd.w, 7u));
    odd[63] = even[63];
}

// sum[n] += x * w[n], with the 64 weights of this row spread over the lanes.
fn add_product(x: Eight, w: Eight) {
    let w0 = subgroupBroadcast(w.even.x, 0u);
    even[0] += x.even * w0;
    odd[0] += x.odd * w0;
    let w1 = subgroupBroadcast(w.odd.x, 0u);
    even[1] += x.even * w1;
    odd[1] += x.odd * w1;
    let w2 = subgroupBroadcast(w.even.y, 0u);
    even[2] += x.even * w2;
    odd[2] += x.odd * w2;
    let w3 = subgroupBroadcast(w.odd.y, 0u);
    even[3] += x.even * w3;
    odd[3] += x.odd * w3;
    let w4 = subgroupBroadcast(w.even.z, 0u);
    even[4] += x.even * w4;
    odd[4] += x.odd * w4;
    let w5 = subgroupBroadcast(w.odd.z, 0u);
    even[5] += x.even * w5;
    odd[5] += x.odd * w5;
    let w6 = subgroupBroadcast(w.even.w, 0u);
    even[6] += x.even * w6;
    odd[6] += x.odd * w6;
    let w7 = subgroupBroadcast(w.odd.w, 0u);
    even[7] += x.even * w7;
    odd[7] += x.odd * w7;
    let w8 = subgroupBroadcast(w.even.x, 1u);
    even[8] += x.even * w8;
    odd[8] += x.odd * w8;
    let w9 = subgroupBroadcast(w.odd.x, 1u);
    even[9] += x.even * w9;
    odd[9] += x.odd * w9;
    let w10 = subgroupBroadcast(w.even.y, 1u);
    even[10] += x.even * w10;
    odd[10] += x.odd * w10;
    let w11 = subgroupBroadcast(w.odd.y, 1u);
    even[11] += x.even * w11;
    odd[11] += x.odd * w11;
    let w12 = subgroupBroadcast(w.even.z, 1u);
    even[12] += x.even * w12;
    odd[12] += x.odd * w12;
    let w13 = subgroupBroadcast(w.odd.z, 1u);
    even[13] += x.even * w13;
    odd[13] += x.odd * w13;
    let w14 = subgroupBroadcast(w.even.w, 1u);
    even[14] += x.even * w14;
    odd[14] += x.odd * w14;
    let w15 = subgroupBroadcast(w.odd.w, 1u);
    even[15] += x.even * w15;
    odd[15] += x.odd * w15;
    let w16 = subgroupBroadcast(w.even.x, 2u);
    even[16] += x.even * w16;
    odd[16] += x.odd * w16;
    let w17 = subgroupBroadcast(w.odd.x, 2u);
    even[17] += x.even * w17;
    odd[17] += x.odd * w17;
    let w18 = subgroupBroadcast(w.even.y, 2u);
    even[18] += x.even * w18;
    odd[18] += x.odd * w18;
    let w19 = subgroupBroadcast(w.odd.y, 2u);
    even[19] += x.even * w19;
    odd[19] += x.odd * w19;
    let w20 = subgroupBroadcast(w.even.z, 2u);
    even[20] += x.even * w20;
    odd[20] += x.odd * w20;
    let w21 = subgroupBroadcast(w.odd.z, 2u);
    even[21] += x.even * w21;
    odd[21] += x.odd * w21;
    let w22 = subgroupBroadcast(w.even.w, 2u);
    even[22] += x.even * w22;
    odd[22] += x.odd * w22;
    let w23 = subgroupBroadcast(w.odd.w, 2u);
    even[23] += x.even * w23;
    odd[23] += x.odd * w23;
    let w24 = subgroupBroadcast(w.even.x, 3u);
    even[24] += x.even * w24;
    odd[24] += x.odd * w24;
    let w25 = subgroupBroadcast(w.odd.x, 3u);
    even[25] += x.even * w25;
    odd[25] += x.odd * w25;
    let w26 = subgroupBroadcast(w.even.y, 3u);
    even[26] += x.even * w26;
    odd[26] += x.odd * w26;
    let w27 = subgroupBroadcast(w.odd.y, 3u);
    even[27] += x.even * w27;
    odd[27] += x.odd * w27;
    let w28 = subgroupBroadcast(w.even.z, 3u);
    even[28] += x.even * w28;
    odd[28] += x.odd * w28;
    let w29 = subgroupBroadcast(w.odd.z, 3u);
    even[29] += x.even * w29;
    odd[29] += x.odd * w29;
    let w30 = subgroupBroadcast(w.even.w, 3u);
    even[30] += x.even * w30;
    odd[30] += x.odd * w30;
    let w31 = subgroupBroadcast(w.odd.w, 3u);
    even[31] += x.even * w31;
    odd[31] += x.odd * w31;
    let w32 = subgroupBroadcast(w.even.x, 4u);
    even[32] += x.even * w32;
    odd[32] += x.odd * w32;
    let w33 = subgroupBroadcast(w.odd.x, 4u);
    even[33] += x.even * w33;
    odd[33] += x.odd * w33;
    let w34 = subgroupBroadcast(w.even.y, 4u);
    even[34] += x.even * w34;
    odd[34] += x.odd * w34;
    let w35 = subgroupBroadcast(w.odd.y, 4u);
    even[35] += x.even * w35;
    odd[35] += x.odd * w35;
    let w36 = subgroupBroadcast(w.even.z, 4u);
    even[36] += x.even * w36;
    odd[36] += x.odd * w36;
    let w37 = subgroupBroadcast(w.odd.z, 4u);
    even[37] += x.even * w37;
    odd[37] += x.odd * w37;
    let w38 = subgroupBroadcast(w.even.w, 4u);
    even[38] += x.even * w38;
    odd[38] += x.odd * w38;
    let w39 = subgroupBroadcast(w.odd.w, 4u);
    even[39] += x.even * w39;
    odd[39] += x.odd * w39;
    let w40 = subgroupBroadcast(w.even.x, 5u);
    even[40] += x.even * w40;
    odd[40] += x.odd * w40;
    let w41 = subgroupBroadcast(w.odd.x, 5u);
    even[41] += x.even * w41;
    odd[41] += x.odd * w41;
    let w42 = subgroupBroadcast(w.even.y, 5u);
    even[42] += x.even * w42;
    odd[42] += x.odd * w42;
    let w43 = subgroupBroadcast(w.odd.y, 5u);
    even[43] += x.even * w43;
    odd[43] += x.odd * w43;
    let w44 = subgroupBroadcast(w.even.z, 5u);
    even[44] += x.even * w44;
    odd[44] += x.odd * w44;
    let w45 = subgroupBroadcast(w.odd.z, 5u);
    even[45] += x.even * w45;
    odd[45] += x.odd * w45;
    let w46 = subgroupBroadcast(w.even.w, 5u);
    even[46] += x.even * w46;
    odd[46] += x.odd * w46;
    let w47 = subgroupBroadcast(w.odd.w, 5u);
    even[47] += x.even * w47;
    odd[47] += x.odd * w47;
    let w48 = subgroupBroadcast(w.even.x, 6u);
    even[48] += x.even * w48;
    odd[48] += x.odd * w48;
    let w49 = subgroupBroadcast(w.odd.x, 6u);
    even[49] += x.even * w49;
    odd[49] += x.odd * w49;
    let w50 = subgroupBroadcast(w.even.y, 6u);
    even[50] += x.even * w50;
    odd[50] += x.odd * w50;
    let w51 = subgroupBroadcast(w.odd.y, 6u);
    even[51] += x.even * w51;
    odd[51] += x.odd * w51;
    let w52 = subgroupBroadcast(w.even.z, 6u);
    even[52] += x.even * w52;
    odd[52] += x.odd * w52;
    let w53 = subgroupBroadcast(w.odd.z, 6u);
    even[53] += x.even * w53;
    odd[53] += x.odd * w53;
    let w54 = subgroupBroadcast(w.even.w, 6u);
    even[54] += x.even * w54;
    odd[54] += x.odd * w54;
    let w55 = subgroupBroadcast(w.odd.w, 6u);
    even[55] += x.even * w55;
    odd[55] += x.odd * w55;
    let w56 = subgroupBroadcast(w.even.x, 7u);
    even[56] += x.even * w56;
    odd[56] += x.odd * w56;
    let w57 = subgroupBroadcast(w.odd.x, 7u);
    even[57] += x.even * w57;
    odd[57] += x.odd * w57;
    let w58 = subgroupBroadcast(w.even.y, 7u);
    even[58] += x.even * w58;
    odd[58] += x.odd * w58;
    let w59 = subgroupBroadcast(w.odd.y, 7u);
    even[59] += x.even * w59;
    odd[59] += x.odd * w59;
    let w60 = subgroupBroadcast(w.even.z, 7u);
    even[60] += x.even * w60;
    odd[60] += x.odd * w60;
    let w61 = subgroupBroadcast(w.odd.z, 7u);
    even[61] += x.even * w61;
    odd[61] += x.odd * w61;
    let w62 = subgroupBroadcast(w.even.w, 7u);
    even[62] += x.even * w62;
    odd[62] += x.odd * w62;
    let w63 = subgroupBroadcast(w.odd.w, 7u);
    even[63] += x.even * w63;
    odd[63] += x.odd * w63;
}

// Stores the outputs that exist.
fn store_all(at: u32, live: u32) {
    if live > 0u { output[at + 0u] = pack_eight(Eight(even[0], odd[0])); }
    if live > 1u { output[at + 4u] = pack_eight(Eight(even[1], odd[1])); }
    if live > 2u { output[at + 8u] = pack_eight(Eight(even[2], odd[2])); }
    if live > 3u { output[at + 12u] = pack_eight(Eight(even[3], odd[3])); }
    if live > 4u { output[at + 16u] = pack_eight(Eight(even[4], odd[4])); }
    if live > 5u { output[at + 20u] = pack_eight(Eight(even[5], odd[5])); }
    if live > 6u { output[at + 24u] = pack_eight(Eight(even[6], odd[6])); }
    if live > 7u { output[at + 28u] = pack_eight(Eight(even[7], odd[7])); }
    if live > 8u { output[at + 32u] = pack_eight(Eight(even[8], odd[8])); }
    if live > 9u { output[at + 36u] = pack_eight(Eight(even[9], odd[9])); }
    if live > 10u { output[at + 40u] = pack_eight(Eight(even[10], odd[10])); }
    if live > 11u { output[at + 44u] = pack_eight(Eight(even[11], odd[11])); }
    if live > 12u { output[at + 48u] = pack_eight(Eight(even[12], odd[12])); }
    if live > 13u { output[at + 52u] = pack_eight(Eight(even[13], odd[13])); }
    if live > 14u { output[at + 56u] = pack_eight(Eight(even[14], odd[14])); }
    if live > 15u { output[at + 60u] = pack_eight(Eight(even[15], odd[15])); }
    if live > 16u { output[at + 64u] = pack_eight(Eight(even[16], odd[16])); }
    if live > 17u { output[at + 68u] = pack_eight(Eight(even[17], odd[17])); }
    if live > 18u { output[at + 72u] = pack_eight(Eight(even[18], odd[18])); }
    if live > 19u { output[at + 76u] = pack_eight(Eight(even[19], odd[19])); }
    if live > 20u { output[at + 80u] = pack_eight(Eight(even[20], odd[20])); }
    if live > 21u { output[at + 84u] = pack_eight(Eight(even[21], odd[21])); }
    if live > 22u { output[at + 88u] = pack_eight(Eight(even[22], odd[22])); }
    if live > 23u { output[at + 92u] = pack_eight(Eight(even[23], odd[23])); }
    if live > 24u { output[at + 96u] = pack_eight(Eight(even[24], odd[24])); }
    if live > 25u { output[at + 100u] = pack_eight(Eight(even[25], odd[25])); }
    if live > 26u { output[at + 104u] = pack_eight(Eight(even[26], odd[26])); }
    if live > 27u { output[at + 108u] = pack_eight(Eight(even[27], odd[27])); }
    if live > 28u { output[at + 112u] = pack_eight(Eight(even[28], odd[28])); }
    if live > 29u { output[at + 116u] = pack_eight(Eight(even[29], odd[29])); }
    if live > 30u { output[at + 120u] = pack_eight(Eight(even[30], odd[30])); }
    if live > 31u { output[at + 124u] = pack_eight(Eight(even[31], odd[31])); }
    if live > 32u { output[at + 128u] = pack_eight(Eight(even[32], odd[32])); }
    if live > 33u { output[at + 132u] = pack_eight(Eight(even[33], odd[33])); }
    if live > 34u { output[at + 136u] = pack_eight(Eight(even[34], odd[34])); }
    if live > 35u { output[at + 140u] = pack_eight(Eight(even[35], odd[35])); }
    if live > 36u { output[at + 144u] = pack_eight(Eight(even[36], odd[36])); }
    if live > 37u { output[at + 148u] = pack_eight(Eight(even[37], odd[37])); }
    if live > 38u { output[at + 152u] = pack_eight(Eight(even[38], odd[38])); }
    if live > 39u { output[at + 156u] = pack_eight(Eight(even[39], odd[39])); }
    if live > 40u { output[at + 160u] = pack_eight(Eight(even[40], odd[40])); }
    if live > 41u { output[at + 164u] = pack_eight(Eight(even[41], odd[41])); }
    if live > 42u { output[at + 168u] = pack_eight(Eight(even[42], odd[42])); }
    if live > 43u { output[at + 172u] = pack_eight(Eight(even[43], odd[43])); }
    if live > 44u { output[at + 176u] = pack_eight(Eight(even[44], odd[44])); }
    if live > 45u { output[at + 180u] = pack_eight(Eight(even[45], odd[45])); }
    if live > 46u { output[at + 184u] = pack_eight(Eight(even[46], odd[46])); }
    if live > 47u { output[at + 188u] = pack_eight(Eight(even[47], odd[47])); }
    if live > 48u { output[at + 192u] = pack_eight(Eight(even[48], odd[48])); }
    if live > 49u { output[at + 196u] = pack_eight(Eight(even[49], odd[49])); }
    if live > 50u { output[at + 200u] = pack_eight(Eight(even[50], odd[50])); }
    if live > 51u { output[at + 204u] = pack_eight(Eight(even[51], odd[51])); }
    if live > 52u { output[at + 208u] = pack_eight(Eight(even[52], odd[52])); }
    if live > 53u { output[at + 212u] = pack_eight(Eight(even[53], odd[53])); }
    if live > 54u { output[at + 216u] = pack_eight(Eight(even[54], odd[54])); }
    if live > 55u { output[at + 220u] = pack_eight(Eight(even[55], odd[55])); }
    if live > 56u { output[at + 224u] = pack_eight(Eight(even[56], odd[56])); }
    if live > 57u { output[at + 228u] = pack_eight(Eight(even[57], odd[57])); }
    if live > 58u { output[at + 232u] = pack_eight(Eight(even[58], odd[58])); }
    if live > 59u { output[at + 236u] = pack_eight(Eight(even[59], odd[59])); }
    if live > 60u { output[at + 240u] = pack_eight(Eight(even[60], odd[60])); }
    if live > 61u { output[at + 244u] = pack_eight(Eight(even[61], odd[61])); }
    if live > 62u { output[at + 248u] = pack_eight(Eight(even[62], odd[62])); }
    if live > 63u { output[at + 252u] = pack_eight(Eight(even[63], odd[63])); }
}
