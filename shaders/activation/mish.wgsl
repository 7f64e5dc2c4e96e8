// Mish: z tanh(ln(1 + e^z)) = z (t^2 + 2 t) / (t^2 + 2 t + 2), t = e^z
// value and two derivatives at z, four at a time; `p` is the activation's parameter, where it has one.
#import lib/safe_math

fn mish_gate(z: vec4<f32>) -> vec4<f32> {
    let t = exp(clamp(z, vec4<f32>(-80.0), vec4<f32>(20.0)));
    return t * (t + 2.0) / (t * (t + 2.0) + 2.0);
}

fn mish_gate_slope(z: vec4<f32>) -> vec4<f32> {
    let t = exp(clamp(z, vec4<f32>(-80.0), vec4<f32>(20.0)));
    let d = t * (t + 2.0) + 2.0;
    return 4.0 * t * (t + 1.0) / d / d;
}

fn activation(z: vec4<f32>, p: f32) -> vec4<f32> {
    return z * mish_gate(z);
}

fn activation_slope(z: vec4<f32>, p: f32) -> vec4<f32> {
    return mish_gate(z) + z * mish_gate_slope(z);
}

fn activation_curve(z: vec4<f32>, p: f32) -> vec4<f32> {
    let t = exp(clamp(z, vec4<f32>(-80.0), vec4<f32>(20.0)));
    let d = t * (t + 2.0) + 2.0;
    // second derivative of the gate, with (t + 1)^2 = d - 1
    let gate = 4.0 * t / d * (1.0 - 2.0 * t + 4.0 * t / d) / d;
    return 2.0 * mish_gate_slope(z) + z * gate;
}
