// Bindings and parameters of every product y = finish(x W + bias): layers, their input gradients and, with x^T for x
// and d_y for W, the weight gradients.
//
// shapes    x (R, K), W (K + 1, N) with the bias in row K, y (S, R, N); rows lie `..._stride` apart
#import network/finish

struct Params {
    rows: u32,          // R
    inputs: u32,        // K
    input_stride: u32,  // from row to row of `input`, in eights
    weight_stride: u32, // from row to row of `weight`, in eights
    output_stride: u32, // N8: from row to row of `output`, `slope`, `beside`, in eights
    output_at: u32,     // where `output` starts, in eights
    output_slice: u32,  // from slice to slice of `output`, in eights
    slices: u32,        // S: the inputs are summed in S parts, each to an output of its own
    biased: u32,        // 1: start from row K of the weight, 0: start from zero
    layer: u32,         // which entry of `alpha` belongs to this layer
    finish: u32,        // see network/finish
    // from member to member of an ensemble, filled in by the host
    input_member: u32,
    weight_member: u32,
    output_member: u32,
    alpha_member: u32,
    slope_member: u32,
    beside_member: u32,
}

@group(0) @binding(0) var<storage, read> input: array<vec4<u64>>; // (R, input_stride) of eight inputs
@group(0) @binding(1) var<storage, read> weight: array<vec4<u64>>; // (K + 1, weight_stride) of eight outputs
@group(0) @binding(2) var<storage, read_write> output: array<vec4<u64>>; // (S, R, output_stride) of eight outputs
@group(0) @binding(3) var<storage, read> alpha: array<f32>; // (layers) parameter of the activation
@group(0) @binding(4) var<storage, read_write> slope: array<vec4<u64>>; // (R, output_stride) of eight outputs, written by TRAIN
@group(0) @binding(5) var<storage, read> beside: array<vec4<u64>>; // (R, output_stride) of eight outputs, see network/finish
@group(0) @binding(6) var<uniform> params: Params;
