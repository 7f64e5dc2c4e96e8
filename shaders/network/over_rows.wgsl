// The row of ones of a sum over rows, whose product with d_y is the gradient of the bias.
// needs     const OVER_ROWS from the file that imports this one
#import network/product

// Four inputs of a row of the batch, the ones among them.
fn with_ones(x: vec4<f32>, four: u32) -> vec4<f32> {
    let ones = select(0xffffffffu, params.rows - 1u, OVER_ROWS && params.biased == 1u);
    return select(x, vec4<f32>(1.0), vec4<u32>(four * 4u) + vec4<u32>(0u, 1u, 2u, 3u) == vec4<u32>(ones));
}
