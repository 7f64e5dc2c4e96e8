// Transcendental functions whose WGSL built-ins are too loose or overflow on some drivers.

// exp with its argument held where f32 neither overflows nor matters.
fn safe_exp(x: vec4<f32>) -> vec4<f32> {
    return exp(clamp(x, vec4<f32>(-80.0), vec4<f32>(80.0)));
}

// tanh: a series near 0, where the built-in loses its digits, and no overflow far out.
fn safe_tanh(x: vec4<f32>) -> vec4<f32> {
    let s = x * x;
    let near = x * (1.0 + s * (-0.33333333 + s * (0.13333333 + s * (-0.053968254 + s * 0.021869488))));
    let e = exp(2.0 * clamp(x, vec4<f32>(-10.0), vec4<f32>(10.0)));
    return select(1.0 - 2.0 / (e + 1.0), near, abs(x) < vec4<f32>(0.2));
}

// 1 / (1 + e^-x)
fn sigmoid(x: vec4<f32>) -> vec4<f32> {
    return 1.0 / (1.0 + safe_exp(-x));
}

// ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|)
fn softplus(x: vec4<f32>) -> vec4<f32> {
    return max(x, vec4<f32>(0.0)) + log(1.0 + safe_exp(-abs(x)));
}

// The normal distribution function by Abramowitz and Stegun 7.1.26, absolute error 7.5e-8.
fn normal_cdf(x: vec4<f32>) -> vec4<f32> {
    let y = abs(x) * 0.70710678;
    let t = 1.0 / (1.0 + 0.3275911 * y);
    let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    let upper = 0.5 * p * safe_exp(-y * y);
    return select(1.0 - upper, upper, x < vec4<f32>(0.0));
}
