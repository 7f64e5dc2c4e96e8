// Epilogue: h = activation(z).
#import <activation>

@group(0) @binding(4) var<storage, read> alpha: array<f32>; // (layers) parameter of the activation

fn emit(at: u32, z: vec4<f32>) {
    output[at] = z;
}

fn finish(at: u32, layer: u32) {
    output[at] = activation(output[at], alpha[layer]);
}
