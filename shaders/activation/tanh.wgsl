// tanh
// value and two derivatives at z, four at a time; `p` is the activation's parameter, where it has one.
#import lib/safe_math

fn activation(z: vec4<f32>, p: f32) -> vec4<f32> {
    return safe_tanh(z);
}

fn activation_slope(z: vec4<f32>, p: f32) -> vec4<f32> {
    return 1.0 - safe_tanh(z) * safe_tanh(z);
}

fn activation_curve(z: vec4<f32>, p: f32) -> vec4<f32> {
    let t = safe_tanh(z);
    return -2.0 * t * (1.0 - t * t);
}
