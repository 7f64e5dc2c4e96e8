// y = finish(x W + bias) with factors rounded to f16: a layer, or an input gradient (with W^T).
// shapes    see network/product
// dispatch  tiles of 64 rows by 64 outputs, workgroups of 64 invocations
// family    half: see network/tiled
enable f16;
const OVER_ROWS: bool = false;
#import network/tiled
