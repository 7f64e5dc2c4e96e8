// y = epilogue(x W + bias): one layer of the batched forward pass, and with W^T the input gradient of a layer.
//
// shapes    input (B, K) and output (B, N) in panels (ceil(B / 32), features, 32); weight (K + 1, N4) row-major with
//           N4 = N rounded up to 4 and the bias in row K. B panels, K inputs, N outputs.
// dispatch  tiles of 32 rows by 4 outputs, one subgroup of 8 lanes each
// family    panel, for few outputs (heads): lane i loads the weights of row k + i, so that eight steps need one load
#import <epilogue>

const TILE_ROWS: u32 = 32u;
const TILE_COLUMNS: u32 = 4u;

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

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let first = tile.x * TILE_COLUMNS;
    let panel = tile.y * params.inputs * 8u + lane;
    let bias = select(0.0, 1.0, params.biased == 1u) * weight[params.inputs * params.stride + tile.x];
    var s0 = vec4<f32>(bias.x);
    var s1 = vec4<f32>(bias.y);
    var s2 = vec4<f32>(bias.z);
    var s3 = vec4<f32>(bias.w);
    for (var k = 0u; k < params.inputs; k += 8u) {
        // rows past the last are multiplied by inputs that are taken as zero
        let w = weight[min(k + lane, params.inputs - 1u) * params.stride + tile.x];
        let x0 = select(vec4<f32>(0.0), input[panel + min(k + 0u, params.inputs - 1u) * 8u], k + 0u < params.inputs);
        s0 += x0 * subgroupBroadcast(w.x, 0u);
        s1 += x0 * subgroupBroadcast(w.y, 0u);
        s2 += x0 * subgroupBroadcast(w.z, 0u);
        s3 += x0 * subgroupBroadcast(w.w, 0u);
        let x1 = select(vec4<f32>(0.0), input[panel + min(k + 1u, params.inputs - 1u) * 8u], k + 1u < params.inputs);
        s0 += x1 * subgroupBroadcast(w.x, 1u);
        s1 += x1 * subgroupBroadcast(w.y, 1u);
        s2 += x1 * subgroupBroadcast(w.z, 1u);
        s3 += x1 * subgroupBroadcast(w.w, 1u);
        let x2 = select(vec4<f32>(0.0), input[panel + min(k + 2u, params.inputs - 1u) * 8u], k + 2u < params.inputs);
        s0 += x2 * subgroupBroadcast(w.x, 2u);
        s1 += x2 * subgroupBroadcast(w.y, 2u);
        s2 += x2 * subgroupBroadcast(w.z, 2u);
        s3 += x2 * subgroupBroadcast(w.w, 2u);
        let x3 = select(vec4<f32>(0.0), input[panel + min(k + 3u, params.inputs - 1u) * 8u], k + 3u < params.inputs);
        s0 += x3 * subgroupBroadcast(w.x, 3u);
        s1 += x3 * subgroupBroadcast(w.y, 3u);
        s2 += x3 * subgroupBroadcast(w.z, 3u);
        s3 += x3 * subgroupBroadcast(w.w, 3u);
        let x4 = select(vec4<f32>(0.0), input[panel + min(k + 4u, params.inputs - 1u) * 8u], k + 4u < params.inputs);
        s0 += x4 * subgroupBroadcast(w.x, 4u);
        s1 += x4 * subgroupBroadcast(w.y, 4u);
        s2 += x4 * subgroupBroadcast(w.z, 4u);
        s3 += x4 * subgroupBroadcast(w.w, 4u);
        let x5 = select(vec4<f32>(0.0), input[panel + min(k + 5u, params.inputs - 1u) * 8u], k + 5u < params.inputs);
        s0 += x5 * subgroupBroadcast(w.x, 5u);
        s1 += x5 * subgroupBroadcast(w.y, 5u);
        s2 += x5 * subgroupBroadcast(w.z, 5u);
        s3 += x5 * subgroupBroadcast(w.w, 5u);
        let x6 = select(vec4<f32>(0.0), input[panel + min(k + 6u, params.inputs - 1u) * 8u], k + 6u < params.inputs);
        s0 += x6 * subgroupBroadcast(w.x, 6u);
        s1 += x6 * subgroupBroadcast(w.y, 6u);
        s2 += x6 * subgroupBroadcast(w.z, 6u);
        s3 += x6 * subgroupBroadcast(w.w, 6u);
        let x7 = select(vec4<f32>(0.0), input[panel + min(k + 7u, params.inputs - 1u) * 8u], k + 7u < params.inputs);
        s0 += x7 * subgroupBroadcast(w.x, 7u);
        s1 += x7 * subgroupBroadcast(w.y, 7u);
        s2 += x7 * subgroupBroadcast(w.z, 7u);
        s3 += x7 * subgroupBroadcast(w.w, 7u);
    }
    let at = (tile.y * params.outputs + first) * 8u + lane;
    let live = min(TILE_COLUMNS, params.outputs - first);
    emit(at, s0);
    if live > 1u { emit(at + 8u, s1); }
    if live > 2u { emit(at + 16u, s2); }
    if live > 3u { emit(at + 24u, s3); }
    for (var n = 0u; n < live; n++) {
        finish(at + n * 8u, params.layer);
    }
}
