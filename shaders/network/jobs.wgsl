// What the parts of the panel kernels are asked to do: one tile of a product. Where numbers lie is told in eights.
#import lib/eight

// y = finish(x W + bias) for rows that stream by.
struct Stream {
    rows: u32,
    inputs: u32,
    biased: bool, // whether to start from row `inputs` of the weight
    column: u32, // eight outputs, of as many as a stride has
    p: f32,      // parameter of the activation
    // where the first row lies, and from row to row, all in eights
    input_at: u32,
    input_stride: u32,
    weight_at: u32,
    weight_stride: u32,
    output_at: u32,
    output_stride: u32,
    slope_at: u32,
    beside_at: u32,
}

// d_W = x^T d_y with d_y for `weight`, and d_bias = sum of d_y.
struct Outer {
    rows: u32, // of the batch, in 64s
    inputs: u32,
    biased: bool, // whether the sum of d_y goes below the last input
    fresh: bool,  // whether there are no sums yet to add to
    column: u32,  // eight outputs, of as many as a stride has
    first: u32,   // eight inputs
    end: u32,
    // where the first row lies, and from row to row, all in eights
    input_at: u32,
    input_stride: u32,
    weight_at: u32,
    weight_stride: u32,
    output_at: u32,
    output_stride: u32,
}
