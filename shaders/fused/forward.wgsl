// The way forth of a training step for a tile of rows: draw and noise (train/noise), all layers, denoising score matching
// (loss/dsm). With fused/backward and fused/gradient it is fused/step for software devices, where every launch costs the
// waking of threads, and where the rows of a tile stay in the cache of the core that works on them.
//
//   input = (c_in x_t, features of t),  h = act(h_below W + bias);  r = offset + b F;  d_F = 2 w b r / (D B)
//
// From layer to layer a lane reads only what it wrote itself, the eights whose number is its own modulo 8, so that layers need
// no barrier between them.
//
// shapes    data (n, D); table (K, 8 + D + F padded to 8): c_in, m, sigma, a, b, weight, t, 0, D zeros, features;
//           control: lib/control, seed at 8, layers (L + 1, 8) from 12 on, see fused/rows; weights (P); alpha (layers);
//           partial (T, BINS, 2); values (T, ROWS x line): input of each layer, slopes where `finish` keeps them, F,
//           a x_t - eps, (time / K or -1, loss); gradients (T, ROWS x line), of which d_F
// dispatch  T workgroups, a tile each, one subgroup of 8 lanes; workgroup_id.z is the member of the ensemble
// family    panel: see network/held_weights
#import lib/draw
#import lib/normal
#import lib/loss_bins
#import lib/control
#import fused/rows
#import <finish>

// 64 inputs at a time
const FIRST: u32 = 1u;
const LAST: u32 = 2u;
#import network/held_weights
#import network/narrow

const SEED: u32 = 8u;

struct Params {
    rows: u32,       // B, without padding
    share: u32,      // panels of 64 rows in a tile
    longer: u32,     // tiles that have one more
    layers: u32,     // L + 1
    values_line: u32,    // numbers of a row of `values`, in fours
    gradients_line: u32, // of `gradients`
    dim: u32,        // D, at most 8
    features: u32,   // F
    times: u32,      // K
    data_rows: u32,  // n
    stratified: u32, // 1: one stratum of times a row
    output_at: u32,  // F in a line of `values`, in fours
    offset_at: u32,  // a x_t - eps
    note_at: u32,    // (time / K or -1, loss)
    // from member to member of an ensemble, filled in by the host
    data_member: u32,
    table_member: u32,
    control_member: u32,
    weights_member: u32,
    alpha_member: u32,
    partial_member: u32,
    values_member: u32,
    gradients_member: u32,
}

@group(0) @binding(0) var<storage, read> data: array<f32>; // (n, D)
@group(0) @binding(1) var<storage, read> table: array<vec4<u64>>; // (K, 1 + (D + F) / 8) of eight
@group(0) @binding(2) var<storage, read> control: array<u32>; // [0] the step, [8] the seed, [12] the layers
@group(0) @binding(3) var<storage, read> weights: array<vec4<u64>>; // (P / 8) of eight outputs
@group(0) @binding(4) var<storage, read> alpha: array<f32>; // (layers) parameter of the activation
@group(0) @binding(5) var<storage, read_write> partial: array<f32>; // (T, BINS, 2)
@group(0) @binding(6) var<storage, read_write> values: array<vec4<u64>>; // (T, ROWS x values_line / 2) of eight
@group(0) @binding(7) var<storage, read_write> gradients: array<vec4<u64>>; // (T, ROWS x gradients_line / 2) of eight
@group(0) @binding(8) var<uniform> params: Params;

fn input_eight(at: u32) -> vec4<u64> {
    return values[at];
}

fn weight_d(at: u32) -> vec4<u64> {
    return weights[at];
}

fn weight_eight(at: u32) -> vec4<u64> {
    return weights[at];
}

fn output_eight(at: u32) -> vec4<u64> {
    return values[at];
}

fn set_output(at: u32, eight: vec4<u64>) {
    values[at] = eight;
}

// of the finishes only infer and train, which read nothing beside
fn finished(z: Eight, slope_at: u32, beside_at: u32, p: f32) -> Eight {
    if KEEPS_SLOPE { values[slope_at] = pack_eight(Eight(slope_of(z.even, p), slope_of(z.odd, p))); }
    return Eight(finish(z.even, z.even, p), finish(z.odd, z.odd, p));
}

fn finished_narrow(z: Eight, slope_at: u32, beside_at: u32, p: f32) -> Eight {
    return z;
}

// All lanes see what the others wrote: the eight of them are one thread of a software device. A barrier of the workgroup would
// say more than is needed and make a coroutine of the kernel, whose variables then live in memory.
fn settle() {
    subgroupBarrier();
}

fn table_row(time: u32, member: u32) -> u32 {
    return member * params.table_member + time * (1u + eights(params.dim + params.features));
}

// Draws the tile's rows, a lane a row.
fn draw_rows(rows: Rows, input_at: u32, member: u32, lane: u32) {
    let seed = vec2<u32>(control[rows.control + SEED], control[rows.control + SEED + 1u]);
    let step = control[rows.control + STEP];
    let urn = Urn(params.rows, params.times, params.data_rows, params.stratified);
    // a software device fetches a parameter anew wherever it is named, lane by lane
    let dim = params.dim;
    let across = eights(dim + params.features);
    let offset_at = rows.values + block(params.offset_at);
    let note_at = rows.values + block(params.note_at);
    let zero = vec4<f32>(0.0);
    let is_even = vec4<u32>(0u, 2u, 4u, 6u) < vec4<u32>(dim);
    let is_odd = vec4<u32>(1u, 3u, 5u, 7u) < vec4<u32>(dim);
    for (var row = lane; row < rows.count; row += 8u) {
        let draw = draw_training(rows.first + row, step, seed, urn);
        let at = table_row(draw.time, member);
        let c = unpack_eight(table[at]); // c_in, sigma, b, t and m, a, weight, 0
        let low = normals(random_words(seed, draw.purpose, draw.stream, step, 0u));
        var high = zero;
        // a loop, because a software device computes both sides of a branch
        for (var d = 4u; d < dim; d = 8u) { high = normals(random_words(seed, draw.purpose, draw.stream, step, 1u)); }
        let eps = Eight(vec4<f32>(low.xz, high.xz), vec4<f32>(low.yw, high.yw));
        var drawn = Eight(zero, zero);
        let data_at = member * params.data_member + draw.row * dim;
        for (var d = 0u; d < dim; d += 2u) {
            drawn.even[d / 2u] = data[data_at + d];
            drawn.odd[d / 2u] = data[data_at + min(d + 1u, dim - 1u)];
        }
        let even = c.odd.x * drawn.even + c.even.y * eps.even;
        let odd = c.odd.x * drawn.odd + c.even.y * eps.odd;
        // the table has zeros where the point belongs
        let known = unpack_eight(table[at + 1u]);
        let x_at = input_at + row * across;
        values[x_at] = pack_eight(Eight(
            known.even + select(zero, c.even.x * even, is_even),
            known.odd + select(zero, c.even.x * odd, is_odd),
        ));
        for (var q = 1u; q < across; q++) { values[x_at + q] = table[at + 1u + q]; }
        values[offset_at + row] = pack_eight(Eight(
            select(zero, c.odd.y * even - eps.even, is_even),
            select(zero, c.odd.y * odd - eps.odd, is_odd),
        ));
        let time = select(-1.0, f32(draw.time) / f32(params.times), draw.live);
        values[note_at + row] = pack_eight(Eight(vec4<f32>(time, zero.xyz), zero));
    }
}

// The gradient at the network's output, a lane a row, zero for rows that do not count; losses go to `partial`.
fn lose(rows: Rows, gradient_at: u32, tile: u32, member: u32, lane: u32) {
    let dim = f32(params.dim);
    let times = params.times;
    let output_at = rows.values + block(params.output_at);
    let offset_at = rows.values + block(params.offset_at);
    let note_at = rows.values + block(params.note_at);
#for b in 0..BINS
    var sum${b} = 0.0;
    var count${b} = 0.0;
#end
    for (var row = lane; row < rows.count; row += 8u) {
        let time = unpack_eight(values[note_at + row]).even.x;
        let live = time >= 0.0;
        let place = u32(max(time, 0.0) * f32(times) + 0.5);
        let c = unpack_eight(table[table_row(place, member)]); // c_in, sigma, b, t and m, a, weight, 0
        let offset = unpack_eight(values[offset_at + row]);
        let output = unpack_eight(values[output_at + row]);
        let even = offset.even + c.even.z * output.even;
        let odd = offset.odd + c.even.z * output.odd;
        let loss = select(0.0, c.odd.z * (dot(even, even) + dot(odd, odd)) / dim, live);
        let scale = select(0.0, 2.0 * c.odd.z * c.even.z / (dim * f32(params.rows)), live);
        gradients[gradient_at + row] = pack_eight(Eight(scale * even, scale * odd));
        let zero = vec3<f32>(0.0);
        values[note_at + row] = pack_eight(Eight(vec4<f32>(time, zero), vec4<f32>(loss, zero)));
        let bin = select(BINS, loss_bin(place, times), live);
#for b in 0..BINS
        sum${b} += select(0.0, loss, bin == ${b}u);
        count${b} += select(0.0, 1.0, bin == ${b}u);
#end
    }
    // lane i writes bins i and i + 8
    var own = vec4<f32>(0.0);
#for b in 0..8
    let all${b} = over_lanes(vec4<f32>(sum${b}, count${b}, sum${b + 8}, count${b + 8}));
    own = select(own, all${b}, lane == ${b}u);
#end
    let at = member * params.partial_member + (tile * BINS + lane) * 2u;
    partial[at] = own.x;
    partial[at + 1u] = own.y;
    partial[at + 16u] = own.z;
    partial[at + 17u] = own.w;
}

fn over_lanes(v: vec4<f32>) -> vec4<f32> {
    var sum = vec4<f32>(0.0);
#for i in 0..8
    sum += subgroupBroadcast(v, ${i}u);
#end
    return sum;
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let member = workgroup.z;
    let rows = rows_of(workgroup.x, member);
    let weights_at = member * params.weights_member;
    let hidden = params.layers - 1u;
    draw_rows(rows, layer_of(0u, rows).input_at, member, lane);
    settle();
    for (var i = 0u; i < hidden; i++) {
        let l = layer_of(i, rows);
        let above = layer_of(i + 1u, rows);
        let stride = eights(l.outputs);
        let p = alpha[member * params.alpha_member + i];
        for (var column = 0u; column < stride; column += 8u) {
            stream_d(Stream(
                rows.count, l.inputs, true, column + lane, p, l.input_at, eights(l.inputs), weights_at + l.at, stride,
                above.input_at, stride, above.slope_at, 0u,
            ), lane);
        }
    }
    settle();
    let head = layer_of(hidden, rows);
    narrow(Stream(
        rows.count, head.inputs, true, 0u, 0.0, head.input_at, eights(head.inputs), weights_at + head.at, 1u,
        rows.values + block(params.output_at), 1u, 0u, 0u,
    ), lane);
    lose(rows, head.gradient_at, workgroup.x, member, lane);
}
