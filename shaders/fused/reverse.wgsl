// Many stages of a reverse process in one kernel, scores of a plain network included: fused/chain for software devices.
//
//   z = x W_s + b_s, the first layer folded at the time of stage s;  h = act(z);  ...;  F
//   score = -(a x + b F) / sigma;  x <- stage(x, score)
//
// Rows are independent, so a workgroup takes a tile of them through control[2] stages without asking anybody. From layer to
// layer they go between two blocks in memory that stay in the cache of the core. A lane reads there what it wrote itself, as
// in fused/forward; after the states and before the head the lanes wait for each other. How many stages a launch may take is
// bounded by the turns of the loops that they are (TURNS of the host).
//
// shapes    folded (S, D + 2, N8): score/fold_time; weights_n (P); alpha (layers); layers (L + 1, 4): inputs, outputs, where
//           the block starts in the weights in fours, 0; stages, x, base, history as sampler/stage; control[0] is the first
//           stage, control[1] the index of the first sample, control[2] the number of stages, at most S; values (T, 2, ROWS x
//           line): activations, last the states and what the network said
// dispatch  T workgroups, a tile each, one subgroup of 8 lanes
// family    panel: see network/held_weights
#import sampler/move
#import <finish>

// 8 inputs for the first layer, 64 at a time for the others
const FIRST: u32 = 0u;
const LAST: u32 = 2u;
#import network/held_weights
#import network/narrow

const ROWS: u32 = 256u; // of a tile, at most

struct Params {
    dim: u32,     // D, at most 8
    count: u32,   // L + 1
    rows: u32,    // padded B
    share: u32,   // panels of 64 rows in a tile
    longer: u32,  // tiles that have one more
    line: u32,    // eights of a row of a block
    history: u32, // H, at most 5; with 0 no output is kept
    seed_low: u32,
    seed_high: u32,
}

@group(0) @binding(0) var<storage, read> weights_f: array<vec4<u64>>; // (S, D + 2, N8 / 8) of eight: `folded`
@group(0) @binding(1) var<storage, read> weights_n: array<vec4<u64>>; // (P / 8) of eight outputs
@group(0) @binding(2) var<storage, read> alpha: array<f32>; // (layers) parameter of the activation
@group(0) @binding(3) var<storage, read> layers: array<vec4<u32>>; // (L + 1) of four
@group(0) @binding(4) var<storage, read> stages: array<f32>; // (R, 20)
@group(0) @binding(5) var<storage, read> control: array<u32>; // [0] stage, [1] first sample, [2] number of stages
@group(0) @binding(6) var<storage, read_write> x: array<f32>; // (B, D) in panels
@group(0) @binding(7) var<storage, read_write> base: array<f32>; // (B, D) in panels
@group(0) @binding(8) var<storage, read_write> history: array<f32>; // (B, max(H, 1) D) in panels
@group(0) @binding(9) var<storage, read_write> values: array<vec4<u64>>; // (T, 2, ROWS x line) of eight
@group(0) @binding(10) var<uniform> params: Params;

fn input_eight(at: u32) -> vec4<u64> {
    return values[at];
}

fn weight_s(at: u32) -> vec4<u64> {
    return weights_f[at];
}

fn weight_d(at: u32) -> vec4<u64> {
    return weights_n[at];
}

fn weight_eight(at: u32) -> vec4<u64> {
    return weights_n[at];
}

fn output_eight(at: u32) -> vec4<u64> {
    return values[at];
}

fn set_output(at: u32, eight: vec4<u64>) {
    values[at] = eight;
}

fn finished(z: Eight, slope_at: u32, beside_at: u32, p: f32) -> Eight {
    return Eight(finish(z.even, z.even, p), finish(z.odd, z.odd, p));
}

fn finished_narrow(z: Eight, slope_at: u32, beside_at: u32, p: f32) -> Eight {
    return z;
}

// sigma, a, b of the stage, and what the network says of the row
var<private> moment: vec3<f32>;
var<private> said: Eight;

fn score_of(b: u32, d: u32, at: u32) -> f32 {
    let output = select(said.even[d / 2u], said.odd[d / 2u], d % 2u == 1u);
    return -(moment.y * x[at] + moment.z * output) / moment.x;
}

// The state of row b, zeros beyond its coordinates.
fn state(b: u32, dim: u32) -> Eight {
    var eight = Eight(vec4<f32>(0.0), vec4<f32>(0.0));
    let at = panel_index(b, 0u, dim);
    for (var d = 0u; d < dim; d += 2u) {
        eight.even[d / 2u] = x[at + d];
        eight.odd[d / 2u] = select(0.0, x[at + d + 1u], d + 1u < dim);
    }
    return eight;
}

fn eights(n: u32) -> u32 {
    return (n + 7u) / 8u;
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    never = params.rows == 0u;
    let seed = vec2<u32>(params.seed_low, params.seed_high);
    let dim = params.dim;
    let sample = control[1];
    let hidden = params.count - 1u;
    let t = workgroup.x;
    let first = (t * params.share + min(t, params.longer)) * PANEL;
    let rows = (params.share + select(0u, 1u, t < params.longer)) * PANEL;
    // where the two blocks start
    let block = ROWS * params.line;
    let own = t * 2u * block;
    let stride = eights(layers[0].y);
    for (var s = 0u; s < control[2]; s++) {
        for (var row = lane; row < rows; row += 8u) { values[own + row] = pack_eight(state(first + row, dim)); }
        subgroupBarrier();
        let folded_at = s * (dim + 2u) * stride;
        for (var column = 0u; column < stride; column += 8u) {
            stream_s(Stream(
                rows, dim, true, column + lane, alpha[0], own, 1u, folded_at, stride, own + block, stride, 0u, 0u,
            ), lane);
        }
        for (var i = 1u; i < hidden; i++) {
            let l = layers[i];
            let across = eights(l.y);
            for (var column = 0u; column < across; column += 8u) {
                stream_d(Stream(
                    rows, l.x, true, column + lane, alpha[i], own + i % 2u * block, eights(l.x), l.z / 2u, across,
                    own + (i + 1u) % 2u * block, across, 0u, 0u,
                ), lane);
            }
        }
        subgroupBarrier();
        let head = layers[hidden];
        let output_at = own + (hidden + 1u) % 2u * block;
        narrow(Stream(
            rows, head.x, true, 0u, 0.0, own + hidden % 2u * block, eights(head.x), head.z / 2u, 1u, output_at, 1u, 0u, 0u,
        ), lane);
        let numbers = unpack_eight(weights_f[folded_at + (dim + 1u) * stride]); // c_in, a and sigma, b
        moment = vec3<f32>(numbers.odd.x, numbers.even.y, numbers.odd.y);
        let stage = move_of(control[0] + s, params.history);
        for (var row = lane; row < rows; row += 8u) {
            said = unpack_eight(values[output_at + row]);
            move_row(first + row, sample + first + row, stage, dim, seed);
        }
        // the states of the next stage may go where lanes still read
        subgroupBarrier();
    }
}
