// slope of SignReLU by its value h: with h = p z / (1 - z) below 0, p / (1 - z)^2 = (p + h)^2 / p
// four at a time; `p` is the activation's parameter, where it has one.

fn slope_from(h: vec4<f32>, p: f32) -> vec4<f32> {
    // an alpha too small for f32 is 0, and so are its values
    let scale = 1.0 / max(p, 1e-30);
    return select((p + h) * ((p + h) * scale), vec4<f32>(1.0), h > vec4<f32>(0.0));
}
