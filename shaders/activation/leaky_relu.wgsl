// leaky ReLU: z for z > 0, else 0.01 z
// value and two derivatives at z, four at a time; `p` is the activation's parameter, where it has one.

fn activation(z: vec4<f32>, p: f32) -> vec4<f32> {
    return select(0.01 * z, z, z > vec4<f32>(0.0));
}

fn activation_slope(z: vec4<f32>, p: f32) -> vec4<f32> {
    return select(vec4<f32>(0.01), vec4<f32>(1.0), z > vec4<f32>(0.0));
}

fn activation_curve(z: vec4<f32>, p: f32) -> vec4<f32> {
    return vec4<f32>(0.0);
}
