// Stochastic gradient descent with momentum: m = beta1 m + g + decay p,  p -= rate m

struct Next { p: vec4<f32>, m1: vec4<f32>, m2: vec4<f32> }

// `rates`: rate, 1 / (1 - beta1^t), 1 / (1 - beta2^t), keep
fn rule(p: vec4<f32>, g: vec4<f32>, m1: vec4<f32>, m2: vec4<f32>, rates: vec4<f32>) -> Next {
    let m = params.beta1 * m1 + g + params.decay * p;
    return Next(p - rates.x * m, m, m2);
}
