// SiLU (swish): z / (1 + e^-z)
// value and derivative at z, four rows at a time; `p` is the activation's parameter, where it has one.
#import lib/safe_math

fn activation(z: vec4<f32>, p: f32) -> vec4<f32> {
    return z * sigmoid(z);
}

fn activation_slope(z: vec4<f32>, p: f32) -> vec4<f32> {
    return sigmoid(z) * (1.0 + z * (1.0 - sigmoid(z)));
}
