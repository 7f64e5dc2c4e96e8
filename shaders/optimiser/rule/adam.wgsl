// Adam (Kingma, Ba 2015), weight decay added to the gradient:
//   m1 = beta1 m1 + (1 - beta1) g,  m2 = beta2 m2 + (1 - beta2) g^2,  p -= rate m1^ / (sqrt(m2^) + epsilon)

struct Next { p: vec4<f32>, m1: vec4<f32>, m2: vec4<f32> }

// `rates`: rate, 1 / (1 - beta1^t), 1 / (1 - beta2^t), keep
fn rule(p: vec4<f32>, gradient: vec4<f32>, m1: vec4<f32>, m2: vec4<f32>, rates: vec4<f32>) -> Next {
    let g = gradient + params.decay * p;
    let a = params.beta1 * m1 + (1.0 - params.beta1) * g;
    let b = params.beta2 * m2 + (1.0 - params.beta2) * g * g;
    return Next(p - rates.x * rates.y * a / (sqrt(rates.z * b) + params.epsilon), a, b);
}
