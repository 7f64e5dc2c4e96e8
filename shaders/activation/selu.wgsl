// SELU (Klambauer et al. 2017): 1.0507 z for z > 0, else 1.7581 (e^z - 1)
// value and two derivatives at z, four at a time; `p` is the activation's parameter, where it has one.
#import lib/safe_math

fn activation(z: vec4<f32>, p: f32) -> vec4<f32> {
    return select(1.7580993 * (safe_exp(min(z, vec4<f32>(0.0))) - 1.0), 1.050701 * z, z > vec4<f32>(0.0));
}

fn activation_slope(z: vec4<f32>, p: f32) -> vec4<f32> {
    return select(1.7580993 * safe_exp(min(z, vec4<f32>(0.0))), vec4<f32>(1.050701), z > vec4<f32>(0.0));
}

fn activation_curve(z: vec4<f32>, p: f32) -> vec4<f32> {
    return select(1.7580993 * safe_exp(min(z, vec4<f32>(0.0))), vec4<f32>(0.0), z > vec4<f32>(0.0));
}
