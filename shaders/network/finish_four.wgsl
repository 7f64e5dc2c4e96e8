// network/finish for four outputs at a time.
#import network/product

// Finishes the sums z and stores them at `at` of slice `slice` of an ensemble member. With p = alpha of the layer.
fn finish(z: vec4<f32>, at: u32, p: f32, member: u32, slice: u32) {
    var y = z;
    if params.finish == INFER || params.finish == TRAIN {
        y = activation(z, p);
        if params.finish == TRAIN { slope[member * params.slope_member + at] = activation_slope(z, p); }
    } else if params.finish == TIMES_SLOPE {
        y = z * beside[member * params.beside_member + at];
    } else if params.finish == PLUS_SKIP {
        y = z + beside[member * params.beside_member + at];
    }
    output[(params.output_at + slice * params.output_slice) * 2u + member * params.output_member + at] = y;
}
