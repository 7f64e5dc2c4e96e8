// slope of softplus by its value h: 1 - e^-h
// four at a time; `p` is the activation's parameter, where it has one.
#import lib/safe_math

fn slope_from(h: vec4<f32>, p: f32) -> vec4<f32> {
    return 1.0 - safe_exp(-h);
}
