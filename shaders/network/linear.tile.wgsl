// y = finish(x W + bias): a layer, or an input gradient (with W^T).
// shapes    see network/product
// dispatch  tiles of 64 rows by 64 outputs, workgroups of 64 invocations
// family    tile: see network/tiled
const OVER_ROWS: bool = false;
#import network/tiled
