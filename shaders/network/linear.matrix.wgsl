// y = finish(x W + bias) by cooperative matrices: a layer, or an input gradient (with W^T).
// shapes    see network/product
// dispatch  tiles of 64 rows by 64 outputs, workgroups of 128 invocations
// family    matrix: see network/tiled
enable f16;
enable wgpu_cooperative_matrix;
const OVER_ROWS: bool = false;
#import network/tiled
