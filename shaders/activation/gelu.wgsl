// GELU: z Phi(z) with the normal distribution function Phi
// value and two derivatives at z, four at a time; `p` is the activation's parameter, where it has one.
#import lib/safe_math

fn activation(z: vec4<f32>, p: f32) -> vec4<f32> {
    return z * normal_cdf(z);
}

fn activation_slope(z: vec4<f32>, p: f32) -> vec4<f32> {
    return normal_cdf(z) + z * 0.39894228 * safe_exp(-0.5 * z * z);
}

fn activation_curve(z: vec4<f32>, p: f32) -> vec4<f32> {
    return 0.39894228 * safe_exp(-0.5 * z * z) * (2.0 - z * z);
}
