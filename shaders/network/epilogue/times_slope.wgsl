// Epilogue of the input gradient: d_z = d_h * slope, which carries it through the activation below.

@group(0) @binding(4) var<storage, read> slope: array<vec4<f32>>; // (panels, N, 8) of four rows

fn emit(at: u32, d_h: vec4<f32>) {
    output[at] = d_h * slope[at];
}

fn finish(at: u32, layer: u32) {}
