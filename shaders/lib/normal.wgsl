// Standard normals from random words (Box and Muller), within 1e-6 of the f64 twin `random::normal_pair`.
// WGSL promises sin and cos only to 2^-11 and log only to an absolute error, so both are evaluated here by
// polynomials after an exact reduction in integers.

// -ln((word + 1/2) / 2^32), accurate in relative terms at both ends.
fn minus_ln_unit(word: u32) -> f32 {
    // u = mantissa * 2^exponent with mantissa in [sqrt(1/2), sqrt(2)); above 1/2 by way of the complement 1 - u
    let upper = word >= 0x80000000u;
    if upper {
        // -ln(1 - v) = 2 atanh(v / (2 - v)), v = 1 - u
        let v = (f32(~word) + 0.5) * 2.3283064365386963e-10;
        let w = v / (2.0 - v);
        let s = w * w;
        let far = 0.11111111 + s * (0.09090909 + s * (0.07692308 + s * 0.06666667));
        let tail = s * (0.33333333 + s * (0.2 + s * (0.14285714 + s * far)));
        return 2.0 * w * (1.0 + tail);
    }
    let u = f32(word) + 0.5;
    let bits = bitcast<u32>(u);
    var exponent = i32(bits >> 23u) - 127;
    var mantissa = bitcast<f32>((bits & 0x007fffffu) | 0x3f800000u);
    if mantissa > 1.4142135 {
        mantissa = 0.5 * mantissa;
        exponent = exponent + 1;
    }
    let w = (mantissa - 1.0) / (mantissa + 1.0);
    let s = w * w;
    let ln_mantissa = 2.0 * w * (1.0 + s * (0.33333333 + s * (0.2 + s * (0.14285714 + s * 0.11111111))));
    return f32(32 - exponent) * 0.69314718 - ln_mantissa;
}

// (cos, sin) of 2 pi (word + 1/2) / 2^32.
fn circle(word: u32) -> vec2<f32> {
    // octant by the top three bits; the angle within it in [0, pi/4]
    let octant = word >> 29u;
    let within = word & 0x1fffffffu;
    let odd = (octant & 1u) == 1u;
    let step = select(within, 0x1fffffffu - within, odd);
    let a = (f32(step) + 0.5) * 1.4629180792671596e-9;
    let s = a * a;
    let sine = a * (1.0 + s * (-0.16666667 + s * (8.3333333e-3 + s * (-1.9841270e-4 + s * 2.7557319e-6))));
    let cosine = 1.0 + s * (-0.5 + s * (0.041666667 + s * (-1.3888889e-3 + s * (2.4801587e-5 - s * 2.7557319e-7))));
    // mirror within the quadrant, then turn by quadrants
    let first = select(vec2<f32>(cosine, sine), vec2<f32>(sine, cosine), odd);
    switch octant >> 1u {
        case 0u: { return first; }
        case 1u: { return vec2<f32>(-first.y, first.x); }
        case 2u: { return -first; }
        default: { return vec2<f32>(first.y, -first.x); }
    }
}

// Four independent standard normals from four words.
fn normals(words: vec4<u32>) -> vec4<f32> {
    let a = sqrt(max(0.0, 2.0 * minus_ln_unit(words.x))) * circle(words.y);
    let b = sqrt(max(0.0, 2.0 * minus_ln_unit(words.z))) * circle(words.w);
    return vec4<f32>(a, b);
}
