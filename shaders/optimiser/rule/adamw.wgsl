// AdamW (Loshchilov, Hutter 2019): Adam with weight decay apart from the gradient:
//   p = (1 - rate decay) p - rate m1^ / (sqrt(m2^) + epsilon)

struct Next { p: f32, m1: f32, m2: f32 }

fn rule(p: f32, g: f32, m1: f32, m2: f32, rate: f32) -> Next {
    let a = params.beta1 * m1 + (1.0 - params.beta1) * g;
    let b = params.beta2 * m2 + (1.0 - params.beta2) * g * g;
    let shrunk = p - rate * params.decay * p;
    return Next(shrunk - rate * control_f32(CORRECT1) * a / (sqrt(control_f32(CORRECT2) * b) + params.epsilon), a, b);
}
