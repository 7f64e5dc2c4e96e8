// Stochastic gradient descent with momentum: m = beta1 m + g + decay p,  p -= rate m

struct Next { p: f32, m1: f32, m2: f32 }

fn rule(p: f32, g: f32, m1: f32, m2: f32, rate: f32) -> Next {
    let m = params.beta1 * m1 + g + params.decay * p;
    return Next(p - rate * m, m, m2);
}
