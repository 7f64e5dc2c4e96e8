// d_W = x^T d_y and d_bias = sum of d_y, over one slice of the batch: partial sums that optimiser/reduce adds up in order.
//
// shapes    input (B, K), d_output (B, N) in panels; partials (S, P): in each slice the layer's (K + 1, N8) block starts
//           at `at`, the bias gradient in row K.
// dispatch  tiles of 32 inputs by 8 outputs, one subgroup of 8 lanes each; workgroup_id.z is the slice
// family    panel, for few outputs (heads)
#import lib/eight

const TILE_ROWS: u32 = 32u;
const TILE_COLUMNS: u32 = 8u;

struct Params {
    inputs: u32,   // K
    outputs: u32,  // N
    stride: u32,   // N8
    panels: u32,   // panels in the batch
    slices: u32,   // S
    at: u32,       // where the layer starts in a slice, in vec4
    partials: u32, // length of a slice, in vec4
}

@group(0) @binding(0) var<storage, read> input: array<vec4<u64>>; // (panels, K, 4) of eight rows
@group(0) @binding(1) var<storage, read> d_output: array<vec4<u64>>; // (panels, N, 4) of eight rows
@group(0) @binding(2) var<storage, read_write> partials: array<vec4<f32>>; // (S, P / 4) of four outputs
@group(0) @binding(3) var<uniform> params: Params;

// sum[n]: inputs (lane, lane + 8, lane + 16, lane + 24) of the tile with its output n; indexed by literals only.
var<private> sum: array<vec4<f32>, 8>;

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let k = tile.y * TILE_ROWS + lane;
    let n = tile.x * TILE_COLUMNS + lane;
    var bias = vec4<f32>(0.0);
    let end = (tile.z + 1u) * params.panels / params.slices * 4u;
    // inputs past the last are summed but never stored; outputs past the last count as zero, so that padding stays zero
    for (var octet = tile.z * params.panels / params.slices * 4u; octet < end; octet++) {
        let x = (octet / 4u * params.inputs + k) * 4u + octet % 4u;
        let y = (octet / 4u * params.outputs + n) * 4u + octet % 4u;
        let x0 = unpack_eight(input[x]);
        let x1 = unpack_eight(input[x + 32u]);
        let x2 = unpack_eight(input[x + 64u]);
        let x3 = unpack_eight(input[x + 96u]);
        let y0 = unpack_eight(select(vec4<u64>(0lu), d_output[y], n < params.outputs));
        add_product(x0.even, x1.even, x2.even, x3.even, y0.even);
        add_product(x0.odd, x1.odd, x2.odd, x3.odd, y0.odd);
        bias.x += dot(y0.even + y0.odd, vec4<f32>(1.0));
    }
    let block = tile.z * params.partials + params.at;
    let column = tile.x * TILE_COLUMNS / 4u;
    let live = (params.stride / 4u) - column;
    if k + 0u < params.inputs { store_x(block + (k + 0u) * (params.stride / 4u) + column, live); }
    if k + 8u < params.inputs { store_y(block + (k + 8u) * (params.stride / 4u) + column, live); }
    if k + 16u < params.inputs { store_z(block + (k + 16u) * (params.stride / 4u) + column, live); }
    if k + 24u < params.inputs { store_w(block + (k + 24u) * (params.stride / 4u) + column, live); }
    if tile.y == 0u {
        let bias0 = vec4<f32>(subgroupBroadcast(bias.x, 0u), subgroupBroadcast(bias.x, 1u), subgroupBroadcast(bias.x, 2u), subgroupBroadcast(bias.x, 3u));
        let bias1 = vec4<f32>(subgroupBroadcast(bias.x, 4u), subgroupBroadcast(bias.x, 5u), subgroupBroadcast(bias.x, 6u), subgroupBroadcast(bias.x, 7u));
        let row = block + params.inputs * (params.stride / 4u) + column;
        if lane == 0u {
            if live > 0u { partials[row + 0u] = bias0; }
            if live > 1u { partials[row + 1u] = bias1; }
        }
    }
}

// sum[n] += x * y[n] for each of four rows, the outputs spread over the lanes.
fn add_product(x0: vec4<f32>, x1: vec4<f32>, x2: vec4<f32>, x3: vec4<f32>, y0: vec4<f32>) {
    let r0 = vec4<f32>(x0.x, x1.x, x2.x, x3.x);
    let r1 = vec4<f32>(x0.y, x1.y, x2.y, x3.y);
    let r2 = vec4<f32>(x0.z, x1.z, x2.z, x3.z);
    let r3 = vec4<f32>(x0.w, x1.w, x2.w, x3.w);
    sum[0] += r0 * subgroupBroadcast(y0.x, 0u) + r1 * subgroupBroadcast(y0.y, 0u) + r2 * subgroupBroadcast(y0.z, 0u) + r3 * subgroupBroadcast(y0.w, 0u);
    sum[1] += r0 * subgroupBroadcast(y0.x, 1u) + r1 * subgroupBroadcast(y0.y, 1u) + r2 * subgroupBroadcast(y0.z, 1u) + r3 * subgroupBroadcast(y0.w, 1u);
    sum[2] += r0 * subgroupBroadcast(y0.x, 2u) + r1 * subgroupBroadcast(y0.y, 2u) + r2 * subgroupBroadcast(y0.z, 2u) + r3 * subgroupBroadcast(y0.w, 2u);
    sum[3] += r0 * subgroupBroadcast(y0.x, 3u) + r1 * subgroupBroadcast(y0.y, 3u) + r2 * subgroupBroadcast(y0.z, 3u) + r3 * subgroupBroadcast(y0.w, 3u);
    sum[4] += r0 * subgroupBroadcast(y0.x, 4u) + r1 * subgroupBroadcast(y0.y, 4u) + r2 * subgroupBroadcast(y0.z, 4u) + r3 * subgroupBroadcast(y0.w, 4u);
    sum[5] += r0 * subgroupBroadcast(y0.x, 5u) + r1 * subgroupBroadcast(y0.y, 5u) + r2 * subgroupBroadcast(y0.z, 5u) + r3 * subgroupBroadcast(y0.w, 5u);
    sum[6] += r0 * subgroupBroadcast(y0.x, 6u) + r1 * subgroupBroadcast(y0.y, 6u) + r2 * subgroupBroadcast(y0.z, 6u) + r3 * subgroupBroadcast(y0.w, 6u);
    sum[7] += r0 * subgroupBroadcast(y0.x, 7u) + r1 * subgroupBroadcast(y0.y, 7u) + r2 * subgroupBroadcast(y0.z, 7u) + r3 * subgroupBroadcast(y0.w, 7u);
}

fn store_x(at: u32, live: u32) {
    if live > 0u { partials[at + 0u] = vec4<f32>(sum[0].x, sum[1].x, sum[2].x, sum[3].x); }
    if live > 1u { partials[at + 1u] = vec4<f32>(sum[4].x, sum[5].x, sum[6].x, sum[7].x); }
}

fn store_y(at: u32, live: u32) {
    if live > 0u { partials[at + 0u] = vec4<f32>(sum[0].y, sum[1].y, sum[2].y, sum[3].y); }
    if live > 1u { partials[at + 1u] = vec4<f32>(sum[4].y, sum[5].y, sum[6].y, sum[7].y); }
}

fn store_z(at: u32, live: u32) {
    if live > 0u { partials[at + 0u] = vec4<f32>(sum[0].z, sum[1].z, sum[2].z, sum[3].z); }
    if live > 1u { partials[at + 1u] = vec4<f32>(sum[4].z, sum[5].z, sum[6].z, sum[7].z); }
}

fn store_w(at: u32, live: u32) {
    if live > 0u { partials[at + 0u] = vec4<f32>(sum[0].w, sum[1].w, sum[2].w, sum[3].w); }
    if live > 1u { partials[at + 1u] = vec4<f32>(sum[4].w, sum[5].w, sum[6].w, sum[7].w); }
}
