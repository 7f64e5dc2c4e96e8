// SiLU (swish): z / (1 + e^-z)
// value and two derivatives at z, four at a time; `p` is the activation's parameter, where it has one.
#import lib/safe_math

fn activation(z: vec4<f32>, p: f32) -> vec4<f32> {
    return z * sigmoid(z);
}

fn activation_slope(z: vec4<f32>, p: f32) -> vec4<f32> {
    return sigmoid(z) * (1.0 + z * (1.0 - sigmoid(z)));
}

fn activation_curve(z: vec4<f32>, p: f32) -> vec4<f32> {
    let s = sigmoid(z);
    return s * (1.0 - s) * (2.0 + z * (1.0 - 2.0 * s));
}
