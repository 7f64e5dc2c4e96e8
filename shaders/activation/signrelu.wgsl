// SignReLU (Li, Feng, Zhou 2022): z for z > 0, else p z / (1 - z); slope p / (1 - z)^2
// value and derivative at z, four rows at a time; `p` is the activation's parameter, where it has one.

fn activation(z: vec4<f32>, p: f32) -> vec4<f32> {
    return select(p * z / (1.0 - min(z, vec4<f32>(0.0))), z, z > vec4<f32>(0.0));
}

fn activation_slope(z: vec4<f32>, p: f32) -> vec4<f32> {
    return select(p / ((1.0 - min(z, vec4<f32>(0.0))) * (1.0 - min(z, vec4<f32>(0.0)))), vec4<f32>(1.0), z > vec4<f32>(0.0));
}
