// Numbers rounded to f16; needs `enable f16;` at the head of the kernel.

const GREATEST: f32 = 65504.0; // of f16

// v, scaled, as f16; what exceeds the greatest becomes the greatest.
fn shortened(v: vec4<f32>, scale: f32) -> vec4<f16> {
    return vec4<f16>(clamp(v * scale, vec4<f32>(-GREATEST), vec4<f32>(GREATEST)));
}
