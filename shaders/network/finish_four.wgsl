// network/finish for four rows at a time.
#import network/finish

// Finishes four rows with sums z and stores them at `at`.
fn finish(at: u32, z: vec4<f32>) {
    var y = z;
    let p = alpha[params.layer];
    if params.finish == INFER || params.finish == TRAIN {
        y = activation(z, p);
        if params.finish == TRAIN { slope[at] = activation_slope(z, p); }
    } else if params.finish == TIMES_SLOPE {
        y = z * slope[at];
    } else if params.finish == PLUS_SKIP {
        y = z + skip[at];
    }
    output[at] = y;
}
