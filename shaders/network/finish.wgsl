// What becomes of the sums of a product, by `params.finish`.
//
//   STORE        y = z
//   INFER        y = activation(z)
//   TRAIN        y = activation(z), and its slope is kept for the way back
//   TIMES_SLOPE  y = z * beside, the slope: an input gradient carried through the activation below
//   PLUS_SKIP    y = z + beside: an input gradient and what came round the layer
#import <activation>

const STORE: u32 = 0u;
const INFER: u32 = 1u;
const TRAIN: u32 = 2u;
const TIMES_SLOPE: u32 = 3u;
const PLUS_SKIP: u32 = 4u;
