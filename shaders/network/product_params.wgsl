// Parameters of every product, see network/product.

struct Params {
    rows: u32,          // R
    inputs: u32,        // K
    input_stride: u32,  // from row to row of `input`, in eights
    weight_stride: u32, // from row to row of `weight`, in eights
    output_stride: u32, // N8: from row to row of `output`, `slope`, `beside`, in eights
    output_at: u32,     // where `output` starts, in eights
    output_slice: u32,  // from slice to slice of `output`, in eights
    slices: u32,        // S: a weight gradient is summed in S parts of the batch, each to an output of its own
    biased: u32,        // 1: start from row K of the weight, or add up d_y in row R - 1; 0: start from zero
    input_scale: f32,   // a power of two that brings inputs to the order of 1, for kernels of short numbers
    weight_scale: f32,  // the same for weights
    layer: u32,         // which entry of `alpha` belongs to this layer
    // from member to member of an ensemble, filled in by the host
    input_member: u32,
    weight_member: u32,
    output_member: u32,
    alpha_member: u32,
    slope_member: u32,
    beside_member: u32,
}
