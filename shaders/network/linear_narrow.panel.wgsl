// y = finish(x W + bias): one layer of the batched forward pass, and with W^T the input gradient of a layer.
//
// shapes    input (B, K) and output, slope, skip (B, N) in panels (ceil(B / 32), features, 32); weight (K + 1, N8)
//           row-major with N8 = N rounded up to 8 and the bias in row K. B panels, K inputs, N outputs.
// dispatch  tiles of 64 rows by 4 outputs, one subgroup of 8 lanes each
// family    panel, for few outputs (heads): lane i loads the weights of row k + i, so that eight steps need one load
#import network/finish_eight

const TILE_ROWS: u32 = 64u;
const TILE_COLUMNS: u32 = 4u;

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
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>; // (K + 1, N8 / 4) of four outputs)
@group(0) @binding(2) var<storage, read_write> output: array<vec4<u64>>; // (panels, N, 4) of eight rows)
@group(0) @binding(3) var<storage, read> alpha: array<f32>; // (layers) parameter of the activation
@group(0) @binding(4) var<storage, read_write> slope: array<vec4<u64>>; // (panels, N, 4) of eight rows), by TRAIN and TIMES_SLOPE only
@group(0) @binding(5) var<storage, read> skip: array<vec4<u64>>; // (panels, N, 4) of eight rows), by PLUS_SKIP only
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let stride = params.stride / 4u;
    let panel = tile.y * 2u + lane / 4u;
    let x = min(panel, params.panels - 1u) * params.inputs * 4u + lane % 4u;
    var bias = vec4<f32>(0.0);
    if params.biased == 1u { bias = weight[params.inputs * stride + tile.x]; }
    var e0 = vec4<f32>(bias.x);
    var o0 = e0;
    var e1 = vec4<f32>(bias.y);
    var o1 = e1;
    var e2 = vec4<f32>(bias.z);
    var o2 = e2;
    var e3 = vec4<f32>(bias.w);
    var o3 = e3;
    for (var k = 0u; k < params.inputs; k += 8u) {
        // rows past the last weigh nothing
        let w = select(vec4<f32>(0.0), weight[min(k + lane, params.inputs - 1u) * stride + tile.x], k + lane < params.inputs);
        let x0 = unpack_eight(input[x + min(k + 0u, params.inputs - 1u) * 4u]);
        let w00 = subgroupBroadcast(w.x, 0u);
        e0 += x0.even * w00;
        o0 += x0.odd * w00;
        let w01 = subgroupBroadcast(w.y, 0u);
        e1 += x0.even * w01;
        o1 += x0.odd * w01;
        let w02 = subgroupBroadcast(w.z, 0u);
        e2 += x0.even * w02;
        o2 += x0.odd * w02;
        let w03 = subgroupBroadcast(w.w, 0u);
        e3 += x0.even * w03;
        o3 += x0.odd * w03;
        let x1 = unpack_eight(input[x + min(k + 1u, params.inputs - 1u) * 4u]);
        let w10 = subgroupBroadcast(w.x, 1u);
        e0 += x1.even * w10;
        o0 += x1.odd * w10;
        let w11 = subgroupBroadcast(w.y, 1u);
        e1 += x1.even * w11;
        o1 += x1.odd * w11;
        let w12 = subgroupBroadcast(w.z, 1u);
        e2 += x1.even * w12;
        o2 += x1.odd * w12;
        let w13 = subgroupBroadcast(w.w, 1u);
        e3 += x1.even * w13;
        o3 += x1.odd * w13;
        let x2 = unpack_eight(input[x + min(k + 2u, params.inputs - 1u) * 4u]);
        let w20 = subgroupBroadcast(w.x, 2u);
        e0 += x2.even * w20;
        o0 += x2.odd * w20;
        let w21 = subgroupBroadcast(w.y, 2u);
        e1 += x2.even * w21;
        o1 += x2.odd * w21;
        let w22 = subgroupBroadcast(w.z, 2u);
        e2 += x2.even * w22;
        o2 += x2.odd * w22;
        let w23 = subgroupBroadcast(w.w, 2u);
        e3 += x2.even * w23;
        o3 += x2.odd * w23;
        let x3 = unpack_eight(input[x + min(k + 3u, params.inputs - 1u) * 4u]);
        let w30 = subgroupBroadcast(w.x, 3u);
        e0 += x3.even * w30;
        o0 += x3.odd * w30;
        let w31 = subgroupBroadcast(w.y, 3u);
        e1 += x3.even * w31;
        o1 += x3.odd * w31;
        let w32 = subgroupBroadcast(w.z, 3u);
        e2 += x3.even * w32;
        o2 += x3.odd * w32;
        let w33 = subgroupBroadcast(w.w, 3u);
        e3 += x3.even * w33;
        o3 += x3.odd * w33;
        let x4 = unpack_eight(input[x + min(k + 4u, params.inputs - 1u) * 4u]);
        let w40 = subgroupBroadcast(w.x, 4u);
        e0 += x4.even * w40;
        o0 += x4.odd * w40;
        let w41 = subgroupBroadcast(w.y, 4u);
        e1 += x4.even * w41;
        o1 += x4.odd * w41;
        let w42 = subgroupBroadcast(w.z, 4u);
        e2 += x4.even * w42;
        o2 += x4.odd * w42;
        let w43 = subgroupBroadcast(w.w, 4u);
        e3 += x4.even * w43;
        o3 += x4.odd * w43;
        let x5 = unpack_eight(input[x + min(k + 5u, params.inputs - 1u) * 4u]);
        let w50 = subgroupBroadcast(w.x, 5u);
        e0 += x5.even * w50;
        o0 += x5.odd * w50;
        let w51 = subgroupBroadcast(w.y, 5u);
        e1 += x5.even * w51;
        o1 += x5.odd * w51;
        let w52 = subgroupBroadcast(w.z, 5u);
        e2 += x5.even * w52;
        o2 += x5.odd * w52;
        let w53 = subgroupBroadcast(w.w, 5u);
        e3 += x5.even * w53;
        o3 += x5.odd * w53;
        let x6 = unpack_eight(input[x + min(k + 6u, params.inputs - 1u) * 4u]);
        let w60 = subgroupBroadcast(w.x, 6u);
        e0 += x6.even * w60;
        o0 += x6.odd * w60;
        let w61 = subgroupBroadcast(w.y, 6u);
        e1 += x6.even * w61;
        o1 += x6.odd * w61;
        let w62 = subgroupBroadcast(w.z, 6u);
        e2 += x6.even * w62;
        o2 += x6.odd * w62;
        let w63 = subgroupBroadcast(w.w, 6u);
        e3 += x6.even * w63;
        o3 += x6.odd * w63;
        let x7 = unpack_eight(input[x + min(k + 7u, params.inputs - 1u) * 4u]);
        let w70 = subgroupBroadcast(w.x, 7u);
        e0 += x7.even * w70;
        o0 += x7.odd * w70;
        let w71 = subgroupBroadcast(w.y, 7u);
        e1 += x7.even * w71;
        o1 += x7.odd * w71;
        let w72 = subgroupBroadcast(w.z, 7u);
        e2 += x7.even * w72;
        o2 += x7.odd * w72;
        let w73 = subgroupBroadcast(w.w, 7u);
        e3 += x7.even * w73;
        o3 += x7.odd * w73;
    }
    if panel < params.panels {
        let first = tile.x * TILE_COLUMNS;
        let at = (panel * params.outputs + first) * 4u + lane % 4u;
        let live = min(TILE_COLUMNS, params.outputs - first);
        output[at] = pack_eight(Eight(e0, o0));
        if live > 1u { output[at + 4u] = pack_eight(Eight(e1, o1)); }
        if live > 2u { output[at + 8u] = pack_eight(Eight(e2, o2)); }
        if live > 3u { output[at + 12u] = pack_eight(Eight(e3, o3)); }
        for (var n = 0u; n < live; n++) { finish(at + n * 4u); }
    }
}
