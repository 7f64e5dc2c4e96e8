// Whether a number is neither NaN nor infinite, by the bits of its exponent: WGSL lets a compiler assume that
// NaN does not occur, so `x != x` may be folded to false.

fn is_finite(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u;
}

fn all_finite(v: vec4<f32>) -> bool {
    return is_finite(v.x) && is_finite(v.y) && is_finite(v.z) && is_finite(v.w);
}
