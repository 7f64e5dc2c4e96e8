// slope of ELU by its value h: 1 + h below 0
// four at a time; `p` is the activation's parameter, where it has one.

fn slope_from(h: vec4<f32>, p: f32) -> vec4<f32> {
    return select(1.0 + h, vec4<f32>(1.0), h > vec4<f32>(0.0));
}
