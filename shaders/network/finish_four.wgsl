// network/finish for four outputs at a time.
#import network/product

// Finishes the sums z and stores them at `at`. With p = alpha of the layer.
fn finish(z: vec4<f32>, at: u32, p: f32) {
    var y = z;
    if params.finish == INFER || params.finish == TRAIN {
        y = activation(z, p);
        if params.finish == TRAIN { slope[at] = activation_slope(z, p); }
    } else if params.finish == TIMES_SLOPE {
        y = z * beside[at];
    } else if params.finish == PLUS_SKIP {
        y = z + beside[at];
    }
    output[at] = y;
}
