// Adam (Kingma, Ba 2015), weight decay added to the gradient:
//   m1 = beta1 m1 + (1 - beta1) g,  m2 = beta2 m2 + (1 - beta2) g^2,  p -= rate m1^ / (sqrt(m2^) + epsilon)

struct Next { p: f32, m1: f32, m2: f32 }

fn rule(p: f32, gradient: f32, m1: f32, m2: f32, rate: f32) -> Next {
    let g = gradient + params.decay * p;
    let a = params.beta1 * m1 + (1.0 - params.beta1) * g;
    let b = params.beta2 * m2 + (1.0 - params.beta2) * g * g;
    return Next(p - rate * control_f32(CORRECT1) * a / (sqrt(control_f32(CORRECT2) * b) + params.epsilon), a, b);
}
