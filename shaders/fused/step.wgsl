// A training step up to the weight gradients in one kernel: draw and noise (train/noise), all layers forward, denoising
// score matching (loss/dsm), all layers backward, for plain networks no wider than the tile.
//
//   input = (c_in x_t, features of t),  h = act(z), z = h W + bias;  r = offset + b F;  d_F = 2 w b r / (D B)
//   d_W = h^T d_z,  d_bias = sum of d_z,  d_h = d_z W^T,  d_z below = d_h act'(z)
//
// A workgroup takes its tiles of ROWS rows one after the other and adds up their gradients, a slice of `partials`, which
// optimiser/reduce adds in order. A tile's rows stay in workgroup memory from layer to layer. What the way back needs and
// workgroup memory cannot hold beside them (inputs of the layers, slopes) is put into `scratch`, global memory that this
// workgroup alone touches and that a GPU's cache holds: 8 H bytes a row and hidden layer, read once each.
// A multiply-add takes 1 / (4 EACH) loads of four weights; a step takes 6 P B operations (P parameters) and, besides
// the rows drawn, 8 S P bytes of partial sums. Tiles and slices depend on the sizes only, never on the device.
//
// shapes    data (n, D); table (K, 8 + D + F padded to 8): c_in, m, sigma, a, b, weight, t, 0, D zeros, features; control:
//           lib/control, seed at 8, layers (L + 1, 8) from 12 on, see Layer; weights_n (P), weights_t (M): the network and
//           its mirror; partials (S, P); partial (S, BINS, 2); scratch (S, ROWS, line)
// dispatch  S workgroups; workgroup_id.z is the member of the ensemble
#import lib/draw
#import lib/normal
#import lib/loss_bins
#import lib/control

const FIRST: u32 = 0u;
const LAST: u32 = 2u;
#import fused/product

const SEED: u32 = 8u;
const LAYERS: u32 = 12u;

struct Params {
    rows: u32,       // B, without padding
    dim: u32,        // D
    features: u32,   // F
    times: u32,      // K
    data_rows: u32,  // n
    stratified: u32, // 1: one stratum of times a row
    layers: u32,     // L + 1
    alpha_at: u32,   // where the activations' parameters start in the weights
    slices: u32,     // S
    length: u32,     // P / 4
    line: u32,       // numbers of a row of `scratch`, in fours
    offset_at: u32,  // a x_t - eps in it, in fours
    note_at: u32,    // (time / K or -1, loss, 0, 0) in it, in fours
    // from member to member of an ensemble, filled in by the host
    data_member: u32,
    table_member: u32,
    control_member: u32,
    weights_n_member: u32,
    weights_t_member: u32,
    partials_member: u32,
    partial_member: u32,
    scratch_member: u32,
}

@group(0) @binding(0) var<storage, read> data: array<f32>; // (n, D)
@group(0) @binding(1) var<storage, read> table: array<f32>; // (K, 8 + D + F padded to 8)
@group(0) @binding(2) var<storage, read> control: array<u32>; // [0] the step, [8] the seed, [12] the layers
@group(0) @binding(3) var<storage, read> weights_n: array<vec4<f32>>; // (P / 4) of four outputs
@group(0) @binding(4) var<storage, read> weights_t: array<vec4<f32>>; // (M / 4) of four inputs
@group(0) @binding(5) var<storage, read_write> partials: array<vec4<f32>>; // (S, P / 4) of four outputs
@group(0) @binding(6) var<storage, read_write> partial: array<f32>; // (S, BINS, 2)
@group(0) @binding(7) var<storage, read_write> scratch: array<vec4<f32>>; // (S, ROWS, line) of four
@group(0) @binding(8) var<uniform> params: Params;

// Where an invocation finds what belongs to its member and slice.
struct Own {
    local: u32,
    data: u32,
    table: u32,
    control: u32,
    weights: u32,
    mirror: u32,
    partials: u32,
    partial: u32,
    scratch: u32,
    fresh: bool, // the first tile: nothing to add to
}

struct Layer {
    inputs: u32,
    outputs: u32,
    at: u32,        // its block in the weights, in fours
    mirror_at: u32, // its transposed block, in fours
    input_at: u32,  // its input in a row of `scratch`, in fours
    slope_at: u32,  // the slope of the activation that made its input, likewise
}

fn layer_of(i: u32, own: Own) -> Layer {
    let at = own.control + LAYERS + i * 8u;
    return Layer(control[at], control[at + 1u], control[at + 2u], control[at + 3u], control[at + 4u], control[at + 5u]);
}

// The time that a note tells as its share of all times.
fn time_of(note: f32) -> u32 {
    return u32(max(note, 0.0) * f32(params.times) + 0.5);
}

fn table_row() -> u32 {
    return 8u + 4u * quads(params.dim + params.features);
}

// Rows first .. first + ROWS of the batch, into the tile and, for the way back, the scratch.
fn draw_tile(first: u32, own: Own) {
    let width = params.dim + params.features;
    let seed = vec2<u32>(control[own.control + SEED], control[own.control + SEED + 1u]);
    let step = control[own.control + STEP];
    let urn = Urn(params.rows, params.times, params.data_rows, params.stratified);
    let across = quads(width);
    for (var job = own.local; job < ROWS * across; job += THREADS) {
        let quad = job % across;
        let row = job / across;
        let draw = draw_training(first + row, step, seed, urn);
        let c = own.table + draw.time * table_row(); // c_in, m, sigma, a
        var z = vec4<f32>(0.0);
        if quad * 4u < params.dim { z = normals(random_words(seed, draw.purpose, draw.stream, step, quad)); }
        var x = vec4<f32>(0.0);
        var offset = vec4<f32>(0.0);
#for j in 0..4
        let e${j} = quad * 4u + ${j}u;
        if e${j} < params.dim {
            let noised = table[c + 1u] * data[own.data + draw.row * params.dim + e${j}] + table[c + 2u] * z.${j:xyzw};
            x.${j:xyzw} = table[c] * noised;
            offset.${j:xyzw} = table[c + 3u] * noised - z.${j:xyzw};
        } else if e${j} < width {
            x.${j:xyzw} = table[c + 8u + e${j}];
        }
#end
        let at = own.scratch + row * params.line;
        tile[place(row, quad)] = x;
        scratch[at + quad] = x;
        if quad < quads(params.dim) { scratch[at + params.offset_at + quad] = offset; }
        if quad == 0u {
            let time = select(-1.0, f32(draw.time) / f32(params.times), draw.live);
            scratch[at + params.note_at] = vec4<f32>(time, 0.0, 0.0, 0.0);
        }
    }
    settle();
}

// The tile through layer i, in place; inputs and slopes of the layer above are kept, for there is a way back.
fn forward(i: u32, own: Own) {
    let l = layer_of(i, own);
    let stride = quads(l.outputs);
    let quad = own.local % stride;
    let row = own.local / stride * EACH;
    var sums: Sums;
    if row < ROWS {
        let at = own.weights + l.at + quad;
        sums = sum_n(row, at, stride, l.inputs, weights_n[at + l.inputs * stride]);
    }
    workgroupBarrier();
    if row < ROWS {
        if i + 1u < params.layers {
            let above = layer_of(i + 1u, own);
            let p = weights_n[own.weights + (params.alpha_at + i) / 4u][(params.alpha_at + i) % 4u];
            let mask = there(quad, l.outputs);
#for r in 0..EACH
            // what pads a row weighs nothing further up
            let h${r} = select(vec4<f32>(0.0), activation(sums.s${r}, p), mask);
            let at${r} = own.scratch + (row + ${r}u) * params.line + quad;
            tile[place(row + ${r}u, quad)] = h${r};
            scratch[at${r} + above.input_at] = h${r};
            scratch[at${r} + above.slope_at] = activation_slope(sums.s${r}, p);
#end
        } else {
#for r in 0..EACH
            tile[place(row + ${r}u, quad)] = sums.s${r};
#end
        }
    }
    settle();
}

// The network's output in the tile becomes its gradient, zero for rows that do not count; the loss goes to `partial`.
fn loss(own: Own) {
    if own.local < ROWS {
        let at = own.scratch + own.local * params.line;
        let time = scratch[at + params.note_at].x;
        let c = own.table + time_of(time) * table_row() + 4u; // b, weight
        let b = table[c];
        let weight = table[c + 1u];
        let scale = select(0.0, 2.0 * weight * b / f32(params.dim * params.rows), time >= 0.0);
        var sum = 0.0;
        for (var quad = 0u; quad < quads(params.dim); quad++) {
            let r = scratch[at + params.offset_at + quad] + b * tile[place(own.local, quad)];
            sum += dot(r, r);
            tile[place(own.local, quad)] = scale * r;
        }
        let loss = select(0.0, weight * sum / f32(params.dim), time >= 0.0);
        scratch[at + params.note_at] = vec4<f32>(time, loss, 0.0, 0.0);
    }
    settle();
    if own.local < BINS {
        let at = own.partial + own.local * 2u;
        var sum = 0.0;
        var count = 0.0;
        if !own.fresh {
            sum = partial[at];
            count = partial[at + 1u];
        }
        for (var row = 0u; row < ROWS; row++) {
            let note = scratch[own.scratch + row * params.line + params.note_at];
            if note.x >= 0.0 && loss_bin(time_of(note.x), params.times) == own.local {
                sum += note.y;
                count += 1.0;
            }
        }
        partial[at] = sum;
        partial[at + 1u] = count;
    }
}

// d_W and d_bias of a layer from d_z in the tile and its input in the scratch: eight inputs by four outputs in registers,
// 32 multiply-adds for one load of the tile and two of the scratch that neighbours share.
fn weight_gradient(l: Layer, own: Own) {
    let stride = quads(l.outputs);
    let blocks = (l.inputs + 7u) / 8u;
    for (var job = own.local; job < blocks * stride; job += THREADS) {
        let quad = job % stride;
        let k = job / stride * 8u;
        let at = own.partials + l.at + k * stride + quad;
#for j in 0..8
        var g${j} = vec4<f32>(0.0);
        if !own.fresh && k + ${j}u < l.inputs { g${j} = partials[at + ${j}u * stride]; }
#end
        for (var row = 0u; row < ROWS; row++) {
            let d = tile[place(row, quad)];
            let h_at = own.scratch + row * params.line + l.input_at + k / 4u;
            let low = scratch[h_at];
            let high = scratch[h_at + 1u];
#for j in 0..4
            g${j} += low.${j:xyzw} * d;
            g${j + 4} += high.${j:xyzw} * d;
#end
        }
#for j in 0..8
        if k + ${j}u < l.inputs { partials[at + ${j}u * stride] = g${j}; }
#end
    }
    for (var quad = own.local; quad < stride; quad += THREADS) {
        let at = own.partials + l.at + l.inputs * stride + quad;
        var g = vec4<f32>(0.0);
        if !own.fresh { g = partials[at]; }
        for (var row = 0u; row < ROWS; row++) { g += tile[place(row, quad)]; }
        partials[at] = g;
    }
}

// d_z in the tile becomes d_z of the layer below.
fn backward(l: Layer, own: Own) {
    let stride = quads(l.inputs);
    let quad = own.local % stride;
    let row = own.local / stride * EACH;
    var sums: Sums;
    if row < ROWS { sums = sum_t(row, own.mirror + l.mirror_at + quad, stride, l.outputs, vec4<f32>(0.0)); }
    workgroupBarrier();
    if row < ROWS {
#for r in 0..EACH
        let slope${r} = scratch[own.scratch + (row + ${r}u) * params.line + l.slope_at + quad];
        tile[place(row + ${r}u, quad)] = sums.s${r} * slope${r};
#end
    }
    workgroupBarrier();
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let member = workgroup.z;
    let slice = workgroup.x;
    var own = Own(
        local,
        member * params.data_member,
        member * params.table_member,
        member * params.control_member,
        member * params.weights_n_member,
        member * params.weights_t_member,
        member * params.partials_member + slice * params.length,
        member * params.partial_member + slice * BINS * 2u,
        member * params.scratch_member + slice * ROWS * params.line,
        true,
    );
    let tiles = (params.rows + ROWS - 1u) / ROWS;
    let end = (slice + 1u) * tiles / params.slices;
    for (var t = slice * tiles / params.slices; t < end; t++) {
        draw_tile(t * ROWS, own);
        for (var i = 0u; i < params.layers; i++) { forward(i, own); }
        loss(own);
        for (var above = params.layers; above > 0u; above--) {
            let l = layer_of(above - 1u, own);
            weight_gradient(l, own);
            if above > 1u { backward(l, own); }
        }
        own.fresh = false;
        settle();
    }
}
