// SignReLU (Li, Feng, Zhou 2022): z for z > 0, else p z / (1 - z); slope p / (1 - z)^2
// value and two derivatives at z, four at a time; `p` is the activation's parameter, where it has one.

fn activation(z: vec4<f32>, p: f32) -> vec4<f32> {
    return select(p * z / (1.0 - min(z, vec4<f32>(0.0))), z, z > vec4<f32>(0.0));
}

fn activation_slope(z: vec4<f32>, p: f32) -> vec4<f32> {
    return select(p / ((1.0 - min(z, vec4<f32>(0.0))) * (1.0 - min(z, vec4<f32>(0.0)))), vec4<f32>(1.0), z > vec4<f32>(0.0));
}

fn activation_curve(z: vec4<f32>, p: f32) -> vec4<f32> {
    let u = 1.0 - min(z, vec4<f32>(0.0));
    return select(2.0 * p / (u * u * u), vec4<f32>(0.0), z > vec4<f32>(0.0));
}
