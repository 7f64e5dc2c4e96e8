// slope of ReLU by its value h
// four at a time; `p` is the activation's parameter, where it has one.

fn slope_from(h: vec4<f32>, p: f32) -> vec4<f32> {
    return select(vec4<f32>(0.0), vec4<f32>(1.0), h > vec4<f32>(0.0));
}
