// d_W = x^T d_y and d_bias = sum of d_y, over one slice of the batch: partial sums that optimiser/reduce adds up in order.
//
// shapes    input (B, K), d_output (B, N) in panels; partials (S, P): in each slice the layer's (K + 1, N8) block starts
//           at `at`, the bias gradient in row K.
// dispatch  tiles of 32 inputs by 32 outputs, workgroups of 64 invocations; workgroup_id.z is the slice
// family    tile: one panel of both factors is staged in workgroup memory (8 KiB); each invocation sums four inputs
//           by four outputs in registers

const TILE_ROWS: u32 = 32u;
const TILE_COLUMNS: u32 = 32u;

struct Params {
    inputs: u32,   // K
    outputs: u32,  // N
    stride: u32,   // N8
    panels: u32,   // panels in the batch
    slices: u32,   // S
    at: u32,       // where the layer starts in a slice, in vec4
    partials: u32, // length of a slice, in vec4
}

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>; // (panels, K, 8) of four rows
@group(0) @binding(1) var<storage, read> d_output: array<vec4<f32>>; // (panels, N, 8) of four rows
@group(0) @binding(2) var<storage, read_write> partials: array<vec4<f32>>; // (S, P / 4) of four outputs
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> staged_x: array<vec4<f32>, 288>; // (32 inputs, 8 + 1) of four rows; the ninth avoids bank conflicts
var<workgroup> staged_y: array<vec4<f32>, 288>; // (32 outputs, 8 + 1) of four rows

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let k = (local / 8u) * 4u;
    let n = (local % 8u) * 4u;
    var s0 = vec4<f32>(0.0);
    var s1 = vec4<f32>(0.0);
    var s2 = vec4<f32>(0.0);
    var s3 = vec4<f32>(0.0);
    var bias = vec4<f32>(0.0);
    let end = (tile.z + 1u) * params.panels / params.slices;
    for (var panel = tile.z * params.panels / params.slices; panel < end; panel++) {
        for (var i = local; i < 256u; i += 64u) {
            let x = min(tile.y * TILE_ROWS + i / 8u, params.inputs - 1u);
            let column = tile.x * TILE_COLUMNS + i / 8u;
            let y = min(column, params.outputs - 1u);
            staged_x[i / 8u * 9u + i % 8u] = input[(panel * params.inputs + x) * 8u + i % 8u];
            staged_y[i / 8u * 9u + i % 8u] = select(vec4<f32>(0.0), d_output[(panel * params.outputs + y) * 8u + i % 8u], column < params.outputs);
        }
        workgroupBarrier();
        for (var quad = 0u; quad < 8u; quad++) {
            let y0 = staged_y[n * 9u + quad];
            let y1 = staged_y[(n + 1u) * 9u + quad];
            let y2 = staged_y[(n + 2u) * 9u + quad];
            let y3 = staged_y[(n + 3u) * 9u + quad];
            let x0 = staged_x[(k + 0u) * 9u + quad];
            s0 += vec4<f32>(dot(x0, y0), dot(x0, y1), dot(x0, y2), dot(x0, y3));
            let x1 = staged_x[(k + 1u) * 9u + quad];
            s1 += vec4<f32>(dot(x1, y0), dot(x1, y1), dot(x1, y2), dot(x1, y3));
            let x2 = staged_x[(k + 2u) * 9u + quad];
            s2 += vec4<f32>(dot(x2, y0), dot(x2, y1), dot(x2, y2), dot(x2, y3));
            let x3 = staged_x[(k + 3u) * 9u + quad];
            s3 += vec4<f32>(dot(x3, y0), dot(x3, y1), dot(x3, y2), dot(x3, y3));
            let one = vec4<f32>(1.0);
            bias += vec4<f32>(dot(one, y0), dot(one, y1), dot(one, y2), dot(one, y3));
        }
        workgroupBarrier();
    }
    let column = tile.x * (TILE_COLUMNS / 4u) + n / 4u;
    let at = tile.z * params.partials + params.at + column;
    let row = tile.y * TILE_ROWS + k;
    if column < (params.stride / 4u) {
        if row + 0u < params.inputs { partials[at + (row + 0u) * (params.stride / 4u)] = s0; }
        if row + 1u < params.inputs { partials[at + (row + 1u) * (params.stride / 4u)] = s1; }
        if row + 2u < params.inputs { partials[at + (row + 2u) * (params.stride / 4u)] = s2; }
        if row + 3u < params.inputs { partials[at + (row + 3u) * (params.stride / 4u)] = s3; }
        if row == 0u { partials[at + params.inputs * (params.stride / 4u)] = bias; }
    }
}
