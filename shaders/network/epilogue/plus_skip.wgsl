// Epilogue of the input gradient of a layer with a skip connection: what came round the layer is added.

@group(0) @binding(4) var<storage, read> d_skip: array<vec4<f32>>; // (panels, N, 8) of four rows

fn emit(at: u32, d_h: vec4<f32>) {
    output[at] = d_h + d_skip[at];
}

fn finish(at: u32, layer: u32) {}
