// AdamW (Loshchilov, Hutter 2019): Adam with weight decay apart from the gradient:
//   p = (1 - rate decay) p - rate m1^ / (sqrt(m2^) + epsilon)

struct Next { p: vec4<f32>, m1: vec4<f32>, m2: vec4<f32> }

// `rates`: rate, 1 / (1 - beta1^t), 1 / (1 - beta2^t), keep
fn rule(p: vec4<f32>, g: vec4<f32>, m1: vec4<f32>, m2: vec4<f32>, rates: vec4<f32>) -> Next {
    let a = params.beta1 * m1 + (1.0 - params.beta1) * g;
    let b = params.beta2 * m2 + (1.0 - params.beta2) * g * g;
    let shrunk = p - rates.x * params.decay * p;
    return Next(shrunk - rates.x * rates.y * a / (sqrt(rates.z * b) + params.epsilon), a, b);
}
