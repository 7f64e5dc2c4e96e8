// Epilogue: h = activation(z), and its slope kept for the way back.
#import <activation>

@group(0) @binding(4) var<storage, read> alpha: array<f32>; // (layers) parameter of the activation
@group(0) @binding(5) var<storage, read_write> slope: array<vec4<f32>>; // (panels, N, 8) of four rows

fn emit(at: u32, z: vec4<f32>) {
    output[at] = z;
}

fn finish(at: u32, layer: u32) {
    let z = output[at];
    let p = alpha[layer];
    output[at] = activation(z, p);
    slope[at] = activation_slope(z, p);
}
