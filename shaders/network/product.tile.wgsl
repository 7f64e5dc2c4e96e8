// Bindings and parameters of every product: y = finish(x W + bias) for layers and their input gradients, x^T d_y for the
// weight gradients, with d_y for W.
//
// shapes    x (R, K), W (K + 1, N) with the bias in row K, y (R, N); a weight gradient has x (K, R), W (K, N), y (S, R, N),
//           and where `biased`, row R - 1 is the sum of d_y; rows lie `..._stride` apart
#import network/product_params

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>; // (R, input_stride) of four inputs
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>; // (K + 1, weight_stride) of four outputs
@group(0) @binding(2) var<storage, read_write> output: array<vec4<f32>>; // (S, R, output_stride) of four outputs
@group(0) @binding(3) var<storage, read> alpha: array<f32>; // (layers) parameter of the activation
@group(0) @binding(4) var<storage, read_write> slope: array<vec4<f32>>; // (R, output_stride) of four outputs, written by finish/train
@group(0) @binding(5) var<storage, read> beside: array<vec4<f32>>; // (R, output_stride) of four outputs, what the finish adds or multiplies with
@group(0) @binding(6) var<uniform> params: Params;
