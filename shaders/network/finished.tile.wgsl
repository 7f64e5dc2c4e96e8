// What becomes of four sums of a product: see network/finish.
#import <finish>
#import network/product

// Finishes the sums z and stores them at `at` of slice `slice` of an ensemble member. With p = alpha of the layer.
fn store_finished(z: vec4<f32>, at: u32, p: f32, member: u32, slice: u32) {
    var b = z;
    if READS_BESIDE { b = beside[member * params.beside_member + at]; }
    if KEEPS_SLOPE { slope[member * params.slope_member + at] = slope_of(z, p); }
    output[(params.output_at + slice * params.output_slice) * 2u + member * params.output_member + at] = finish(z, b, p);
}
