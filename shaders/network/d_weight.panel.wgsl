// d_W = x^T d_y and d_bias = sum of d_y, over one slice of the batch: partial sums that optimiser/reduce adds up in order.
//
// shapes    input (B, K), d_output (B, N) in panels; partials (S, P): in each slice the layer's (K + 1, N8) block starts
//           at `at`, the bias gradient in row K.
// dispatch  tiles of 32 inputs by 32 outputs, one subgroup of 8 lanes each; workgroup_id.z is the slice
// family    panel: a lane holds four inputs of every output of the tile; eight loads bring eight rows
#import lib/eight

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

@group(0) @binding(0) var<storage, read> input: array<vec4<u64>>; // (panels, K, 4) of eight rows
@group(0) @binding(1) var<storage, read> d_output: array<vec4<u64>>; // (panels, N, 4) of eight rows
@group(0) @binding(2) var<storage, read_write> partials: array<vec4<f32>>; // (S, P / 4) of four outputs
@group(0) @binding(3) var<uniform> params: Params;

// sum[n]: inputs (lane, lane + 8, lane + 16, lane + 24) of the tile with its output n; indexed by literals only.
var<private> sum: array<vec4<f32>, 32>;

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
        let y1 = unpack_eight(select(vec4<u64>(0lu), d_output[y + 32u], n + 8u < params.outputs));
        let y2 = unpack_eight(select(vec4<u64>(0lu), d_output[y + 64u], n + 16u < params.outputs));
        let y3 = unpack_eight(select(vec4<u64>(0lu), d_output[y + 96u], n + 24u < params.outputs));
        add_product(x0.even, x1.even, x2.even, x3.even, y0.even, y1.even, y2.even, y3.even);
        add_product(x0.odd, x1.odd, x2.odd, x3.odd, y0.odd, y1.odd, y2.odd, y3.odd);
        bias.x += dot(y0.even + y0.odd, vec4<f32>(1.0));
        bias.y += dot(y1.even + y1.odd, vec4<f32>(1.0));
        bias.z += dot(y2.even + y2.odd, vec4<f32>(1.0));
        bias.w += dot(y3.even + y3.odd, vec4<f32>(1.0));
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
        let bias2 = vec4<f32>(subgroupBroadcast(bias.y, 0u), subgroupBroadcast(bias.y, 1u), subgroupBroadcast(bias.y, 2u), subgroupBroadcast(bias.y, 3u));
        let bias3 = vec4<f32>(subgroupBroadcast(bias.y, 4u), subgroupBroadcast(bias.y, 5u), subgroupBroadcast(bias.y, 6u), subgroupBroadcast(bias.y, 7u));
        let bias4 = vec4<f32>(subgroupBroadcast(bias.z, 0u), subgroupBroadcast(bias.z, 1u), subgroupBroadcast(bias.z, 2u), subgroupBroadcast(bias.z, 3u));
        let bias5 = vec4<f32>(subgroupBroadcast(bias.z, 4u), subgroupBroadcast(bias.z, 5u), subgroupBroadcast(bias.z, 6u), subgroupBroadcast(bias.z, 7u));
        let bias6 = vec4<f32>(subgroupBroadcast(bias.w, 0u), subgroupBroadcast(bias.w, 1u), subgroupBroadcast(bias.w, 2u), subgroupBroadcast(bias.w, 3u));
        let bias7 = vec4<f32>(subgroupBroadcast(bias.w, 4u), subgroupBroadcast(bias.w, 5u), subgroupBroadcast(bias.w, 6u), subgroupBroadcast(bias.w, 7u));
        let row = block + params.inputs * (params.stride / 4u) + column;
        if lane == 0u {
            if live > 0u { partials[row + 0u] = bias0; }
            if live > 1u { partials[row + 1u] = bias1; }
            if live > 2u { partials[row + 2u] = bias2; }
            if live > 3u { partials[row + 3u] = bias3; }
            if live > 4u { partials[row + 4u] = bias4; }
            if live > 5u { partials[row + 5u] = bias5; }
            if live > 6u { partials[row + 6u] = bias6; }
            if live > 7u { partials[row + 7u] = bias7; }
        }
    }
}

// sum[n] += x * y[n] for each of four rows, the outputs spread over the lanes.
fn add_product(x0: vec4<f32>, x1: vec4<f32>, x2: vec4<f32>, x3: vec4<f32>, y0: vec4<f32>, y1: vec4<f32>, y2: vec4<f32>, y3: vec4<f32>) {
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
    sum[8] += r0 * subgroupBroadcast(y1.x, 0u) + r1 * subgroupBroadcast(y1.y, 0u) + r2 * subgroupBroadcast(y1.z, 0u) + r3 * subgroupBroadcast(y1.w, 0u);
    sum[9] += r0 * subgroupBroadcast(y1.x, 1u) + r1 * subgroupBroadcast(y1.y, 1u) + r2 * subgroupBroadcast(y1.z, 1u) + r3 * subgroupBroadcast(y1.w, 1u);
    sum[10] += r0 * subgroupBroadcast(y1.x, 2u) + r1 * subgroupBroadcast(y1.y, 2u) + r2 * subgroupBroadcast(y1.z, 2u) + r3 * subgroupBroadcast(y1.w, 2u);
    sum[11] += r0 * subgroupBroadcast(y1.x, 3u) + r1 * subgroupBroadcast(y1.y, 3u) + r2 * subgroupBroadcast(y1.z, 3u) + r3 * subgroupBroadcast(y1.w, 3u);
    sum[12] += r0 * subgroupBroadcast(y1.x, 4u) + r1 * subgroupBroadcast(y1.y, 4u) + r2 * subgroupBroadcast(y1.z, 4u) + r3 * subgroupBroadcast(y1.w, 4u);
    sum[13] += r0 * subgroupBroadcast(y1.x, 5u) + r1 * subgroupBroadcast(y1.y, 5u) + r2 * subgroupBroadcast(y1.z, 5u) + r3 * subgroupBroadcast(y1.w, 5u);
    sum[14] += r0 * subgroupBroadcast(y1.x, 6u) + r1 * subgroupBroadcast(y1.y, 6u) + r2 * subgroupBroadcast(y1.z, 6u) + r3 * subgroupBroadcast(y1.w, 6u);
    sum[15] += r0 * subgroupBroadcast(y1.x, 7u) + r1 * subgroupBroadcast(y1.y, 7u) + r2 * subgroupBroadcast(y1.z, 7u) + r3 * subgroupBroadcast(y1.w, 7u);
    sum[16] += r0 * subgroupBroadcast(y2.x, 0u) + r1 * subgroupBroadcast(y2.y, 0u) + r2 * subgroupBroadcast(y2.z, 0u) + r3 * subgroupBroadcast(y2.w, 0u);
    sum[17] += r0 * subgroupBroadcast(y2.x, 1u) + r1 * subgroupBroadcast(y2.y, 1u) + r2 * subgroupBroadcast(y2.z, 1u) + r3 * subgroupBroadcast(y2.w, 1u);
    sum[18] += r0 * subgroupBroadcast(y2.x, 2u) + r1 * subgroupBroadcast(y2.y, 2u) + r2 * subgroupBroadcast(y2.z, 2u) + r3 * subgroupBroadcast(y2.w, 2u);
    sum[19] += r0 * subgroupBroadcast(y2.x, 3u) + r1 * subgroupBroadcast(y2.y, 3u) + r2 * subgroupBroadcast(y2.z, 3u) + r3 * subgroupBroadcast(y2.w, 3u);
    sum[20] += r0 * subgroupBroadcast(y2.x, 4u) + r1 * subgroupBroadcast(y2.y, 4u) + r2 * subgroupBroadcast(y2.z, 4u) + r3 * subgroupBroadcast(y2.w, 4u);
    sum[21] += r0 * subgroupBroadcast(y2.x, 5u) + r1 * subgroupBroadcast(y2.y, 5u) + r2 * subgroupBroadcast(y2.z, 5u) + r3 * subgroupBroadcast(y2.w, 5u);
    sum[22] += r0 * subgroupBroadcast(y2.x, 6u) + r1 * subgroupBroadcast(y2.y, 6u) + r2 * subgroupBroadcast(y2.z, 6u) + r3 * subgroupBroadcast(y2.w, 6u);
    sum[23] += r0 * subgroupBroadcast(y2.x, 7u) + r1 * subgroupBroadcast(y2.y, 7u) + r2 * subgroupBroadcast(y2.z, 7u) + r3 * subgroupBroadcast(y2.w, 7u);
    sum[24] += r0 * subgroupBroadcast(y3.x, 0u) + r1 * subgroupBroadcast(y3.y, 0u) + r2 * subgroupBroadcast(y3.z, 0u) + r3 * subgroupBroadcast(y3.w, 0u);
    sum[25] += r0 * subgroupBroadcast(y3.x, 1u) + r1 * subgroupBroadcast(y3.y, 1u) + r2 * subgroupBroadcast(y3.z, 1u) + r3 * subgroupBroadcast(y3.w, 1u);
    sum[26] += r0 * subgroupBroadcast(y3.x, 2u) + r1 * subgroupBroadcast(y3.y, 2u) + r2 * subgroupBroadcast(y3.z, 2u) + r3 * subgroupBroadcast(y3.w, 2u);
    sum[27] += r0 * subgroupBroadcast(y3.x, 3u) + r1 * subgroupBroadcast(y3.y, 3u) + r2 * subgroupBroadcast(y3.z, 3u) + r3 * subgroupBroadcast(y3.w, 3u);
    sum[28] += r0 * subgroupBroadcast(y3.x, 4u) + r1 * subgroupBroadcast(y3.y, 4u) + r2 * subgroupBroadcast(y3.z, 4u) + r3 * subgroupBroadcast(y3.w, 4u);
    sum[29] += r0 * subgroupBroadcast(y3.x, 5u) + r1 * subgroupBroadcast(y3.y, 5u) + r2 * subgroupBroadcast(y3.z, 5u) + r3 * subgroupBroadcast(y3.w, 5u);
    sum[30] += r0 * subgroupBroadcast(y3.x, 6u) + r1 * subgroupBroadcast(y3.y, 6u) + r2 * subgroupBroadcast(y3.z, 6u) + r3 * subgroupBroadcast(y3.w, 6u);
    sum[31] += r0 * subgroupBroadcast(y3.x, 7u) + r1 * subgroupBroadcast(y3.y, 7u) + r2 * subgroupBroadcast(y3.z, 7u) + r3 * subgroupBroadcast(y3.w, 7u);
}

fn store_x(at: u32, live: u32) {
    if live > 0u { partials[at + 0u] = vec4<f32>(sum[0].x, sum[1].x, sum[2].x, sum[3].x); }
    if live > 1u { partials[at + 1u] = vec4<f32>(sum[4].x, sum[5].x, sum[6].x, sum[7].x); }
    if live > 2u { partials[at + 2u] = vec4<f32>(sum[8].x, sum[9].x, sum[10].x, sum[11].x); }
    if live > 3u { partials[at + 3u] = vec4<f32>(sum[12].x, sum[13].x, sum[14].x, sum[15].x); }
    if live > 4u { partials[at + 4u] = vec4<f32>(sum[16].x, sum[17].x, sum[18].x, sum[19].x); }
    if live > 5u { partials[at + 5u] = vec4<f32>(sum[20].x, sum[21].x, sum[22].x, sum[23].x); }
    if live > 6u { partials[at + 6u] = vec4<f32>(sum[24].x, sum[25].x, sum[26].x, sum[27].x); }
    if live > 7u { partials[at + 7u] = vec4<f32>(sum[28].x, sum[29].x, sum[30].x, sum[31].x); }
}

fn store_y(at: u32, live: u32) {
    if live > 0u { partials[at + 0u] = vec4<f32>(sum[0].y, sum[1].y, sum[2].y, sum[3].y); }
    if live > 1u { partials[at + 1u] = vec4<f32>(sum[4].y, sum[5].y, sum[6].y, sum[7].y); }
    if live > 2u { partials[at + 2u] = vec4<f32>(sum[8].y, sum[9].y, sum[10].y, sum[11].y); }
    if live > 3u { partials[at + 3u] = vec4<f32>(sum[12].y, sum[13].y, sum[14].y, sum[15].y); }
    if live > 4u { partials[at + 4u] = vec4<f32>(sum[16].y, sum[17].y, sum[18].y, sum[19].y); }
    if live > 5u { partials[at + 5u] = vec4<f32>(sum[20].y, sum[21].y, sum[22].y, sum[23].y); }
    if live > 6u { partials[at + 6u] = vec4<f32>(sum[24].y, sum[25].y, sum[26].y, sum[27].y); }
    if live > 7u { partials[at + 7u] = vec4<f32>(sum[28].y, sum[29].y, sum[30].y, sum[31].y); }
}

fn store_z(at: u32, live: u32) {
    if live > 0u { partials[at + 0u] = vec4<f32>(sum[0].z, sum[1].z, sum[2].z, sum[3].z); }
    if live > 1u { partials[at + 1u] = vec4<f32>(sum[4].z, sum[5].z, sum[6].z, sum[7].z); }
    if live > 2u { partials[at + 2u] = vec4<f32>(sum[8].z, sum[9].z, sum[10].z, sum[11].z); }
    if live > 3u { partials[at + 3u] = vec4<f32>(sum[12].z, sum[13].z, sum[14].z, sum[15].z); }
    if live > 4u { partials[at + 4u] = vec4<f32>(sum[16].z, sum[17].z, sum[18].z, sum[19].z); }
    if live > 5u { partials[at + 5u] = vec4<f32>(sum[20].z, sum[21].z, sum[22].z, sum[23].z); }
    if live > 6u { partials[at + 6u] = vec4<f32>(sum[24].z, sum[25].z, sum[26].z, sum[27].z); }
    if live > 7u { partials[at + 7u] = vec4<f32>(sum[28].z, sum[29].z, sum[30].z, sum[31].z); }
}

fn store_w(at: u32, live: u32) {
    if live > 0u { partials[at + 0u] = vec4<f32>(sum[0].w, sum[1].w, sum[2].w, sum[3].w); }
    if live > 1u { partials[at + 1u] = vec4<f32>(sum[4].w, sum[5].w, sum[6].w, sum[7].w); }
    if live > 2u { partials[at + 2u] = vec4<f32>(sum[8].w, sum[9].w, sum[10].w, sum[11].w); }
    if live > 3u { partials[at + 3u] = vec4<f32>(sum[12].w, sum[13].w, sum[14].w, sum[15].w); }
    if live > 4u { partials[at + 4u] = vec4<f32>(sum[16].w, sum[17].w, sum[18].w, sum[19].w); }
    if live > 5u { partials[at + 5u] = vec4<f32>(sum[20].w, sum[21].w, sum[22].w, sum[23].w); }
    if live > 6u { partials[at + 6u] = vec4<f32>(sum[24].w, sum[25].w, sum[26].w, sum[27].w); }
    if live > 7u { partials[at + 7u] = vec4<f32>(sum[28].w, sum[29].w, sum[30].w, sum[31].w); }
}
