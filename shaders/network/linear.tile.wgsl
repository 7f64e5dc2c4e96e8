// y = finish(x W + bias): one layer of the batched forward pass, and with W^T the input gradient of a layer.
//
// shapes    input (B, K) and output, slope, skip (B, N) in panels (ceil(B / 32), features, 32); weight (K + 1, N8)
//           row-major with N8 = N rounded up to 8 and the bias in row K. B panels, K inputs, N outputs.
// dispatch  tiles of 32 rows by 64 outputs, workgroups of 64 invocations
// family    tile: 16 rows of the weight and the inputs they meet are staged in workgroup memory (6 KiB); each
//           invocation sums four rows by eight outputs in registers
#import network/finish_four

const TILE_ROWS: u32 = 32u;
const TILE_COLUMNS: u32 = 64u;
const DEPTH: u32 = 16u;

struct Params {
    inputs: u32,  // K
    outputs: u32, // N
    stride: u32,  // N8
    panels: u32,  // panels in the batch
    biased: u32,  // 1: start from row K of the weight, 0: start from zero
    layer: u32,   // which entry of `alpha` belongs to this layer
    finish: u32,  // see network/finish
}

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>; // (panels, K, 8) of four rows)
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>; // (K + 1, N8 / 4) of four outputs)
@group(0) @binding(2) var<storage, read_write> output: array<vec4<f32>>; // (panels, N, 8) of four rows)
@group(0) @binding(3) var<storage, read> alpha: array<f32>; // (layers) parameter of the activation
@group(0) @binding(4) var<storage, read_write> slope: array<vec4<f32>>; // (panels, N, 8) of four rows), by TRAIN and TIMES_SLOPE only
@group(0) @binding(5) var<storage, read> skip: array<vec4<f32>>; // (panels, N, 8) of four rows), by PLUS_SKIP only
@group(0) @binding(6) var<uniform> params: Params;

var<workgroup> staged_input: array<vec4<f32>, 128>; // (DEPTH, 8) of four rows
var<workgroup> staged_weight: array<vec4<f32>, 256>; // (DEPTH, 16) of four outputs

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let quad = local % 8u;
    let first = tile.x * TILE_COLUMNS + (local / 8u) * 8u;
    let stride = params.stride / 4u;
    var b0 = vec4<f32>(0.0);
    var b1 = vec4<f32>(0.0);
    if params.biased == 1u {
        b0 = weight[params.inputs * stride + min(first / 4u, stride - 1u)];
        b1 = weight[params.inputs * stride + min(first / 4u + 1u, stride - 1u)];
    }
    var s0 = vec4<f32>(b0.x);
    var s1 = vec4<f32>(b0.y);
    var s2 = vec4<f32>(b0.z);
    var s3 = vec4<f32>(b0.w);
    var s4 = vec4<f32>(b1.x);
    var s5 = vec4<f32>(b1.y);
    var s6 = vec4<f32>(b1.z);
    var s7 = vec4<f32>(b1.w);
    for (var k = 0u; k < params.inputs; k += DEPTH) {
        for (var i = local; i < 128u; i += 64u) {
            let row = k + i / 8u;
            let x = input[(tile.y * params.inputs + min(row, params.inputs - 1u)) * 8u + i % 8u];
            staged_input[i] = select(vec4<f32>(0.0), x, row < params.inputs);
        }
        for (var i = local; i < 256u; i += 64u) {
            let row = min(k + i / 16u, params.inputs - 1u);
            staged_weight[i] = weight[row * stride + min(tile.x * 16u + i % 16u, stride - 1u)];
        }
        workgroupBarrier();
        for (var d = 0u; d < DEPTH; d++) {
            let x = staged_input[d * 8u + quad];
            let w0 = staged_weight[d * 16u + (local / 8u) * 2u];
            let w1 = staged_weight[d * 16u + (local / 8u) * 2u + 1u];
            s0 += x * w0.x;
            s1 += x * w0.y;
            s2 += x * w0.z;
            s3 += x * w0.w;
            s4 += x * w1.x;
            s5 += x * w1.y;
            s6 += x * w1.z;
            s7 += x * w1.w;
        }
        workgroupBarrier();
    }
    let at = (tile.y * params.outputs + first) * 8u + quad;
    if first + 0u < params.outputs { finish(at + 0u, s0); }
    if first + 1u < params.outputs { finish(at + 8u, s1); }
    if first + 2u < params.outputs { finish(at + 16u, s2); }
    if first + 3u < params.outputs { finish(at + 24u, s3); }
    if first + 4u < params.outputs { finish(at + 32u, s4); }
    if first + 5u < params.outputs { finish(at + 40u, s5); }
    if first + 6u < params.outputs { finish(at + 48u, s6); }
    if first + 7u < params.outputs { finish(at + 56u, s7); }
}
