// Many stages of a reverse process in one kernel: scores of a plain network no wider than the tile, then sampler/move.
//
//   z = x W_s + b_s, the first layer folded at the time of stage s;  h = act(z);  ...;  F
//   score = -(a x + b F) / sigma;  x <- stage(x, score)
//
// Rows are independent, so a workgroup takes its ROWS rows through control[2] stages without asking anybody. They go from
// layer to layer in workgroup memory; states are read and written in global memory, 16 D bytes a row and stage, by this
// workgroup only. A stage takes 2 P B operations (P parameters); the weights are read B / ROWS times from the cache of
// the device. The host cuts a process into launches of bounded time.
//
// shapes    folded (S, D + 2, N8): score/fold_time; weights_n (P); layers (L + 1, 4): inputs, outputs, where the block
//           starts in the weights in fours, 0; stages, x, base, history as sampler/stage; control[0] is the first stage,
//           control[1] the index of the first sample, control[2] the number of stages, at most S
// dispatch  one workgroup ROWS rows of the padded batch
const FIRST: u32 = 1u;
const LAST: u32 = 3u;
#import fused/product
#import sampler/move

struct Params {
    dim: u32,      // D
    count: u32,    // L + 1
    rows: u32,     // padded B
    alpha_at: u32, // where the activations' parameters start in the weights
    history: u32,  // H, at most 5; with 0 no output is kept
    seed_low: u32,
    seed_high: u32,
}

@group(0) @binding(0) var<storage, read> weights_f: array<vec4<f32>>; // (S, D + 2, N8 / 4) of four: `folded`
@group(0) @binding(1) var<storage, read> weights_n: array<vec4<f32>>; // (P / 4) of four outputs
@group(0) @binding(2) var<storage, read> layers: array<vec4<u32>>; // (L + 1) of four
@group(0) @binding(3) var<storage, read> stages: array<f32>; // (R, 20)
@group(0) @binding(4) var<storage, read> control: array<u32>; // [0] stage, [1] first sample, [2] number of stages
@group(0) @binding(5) var<storage, read_write> x: array<f32>; // (B, D) in panels
@group(0) @binding(6) var<storage, read_write> base: array<f32>; // (B, D) in panels
@group(0) @binding(7) var<storage, read_write> history: array<f32>; // (B, max(H, 1) D) in panels
@group(0) @binding(8) var<uniform> params: Params;

// sigma, a, b of the stage
var<private> moment: vec3<f32>;

fn score_of(b: u32, d: u32, at: u32) -> f32 {
    let output = tile[place(b % ROWS, d / 4u)][d % 4u];
    return -(moment.y * x[at] + moment.z * output) / moment.x;
}

// The states of the tile's rows from memory.
fn load(first: u32, local: u32) {
    let across = quads(params.dim);
    for (var job = local; job < ROWS * across; job += THREADS) {
        let d = job % across * 4u;
        let row = job / across;
        let at = panel_index(first + row, d, params.dim);
        let all = vec4<f32>(x[at], x[at + 1u], x[at + 2u], x[at + 3u]);
        // what pads a row weighs nothing
        tile[place(row, d / 4u)] = select(vec4<f32>(0.0), all, there(d / 4u, params.dim));
    }
    workgroupBarrier();
}

// The tile through layer i, in place; the first one is that of stage `s` of this launch.
fn forward(i: u32, s: u32, local: u32) {
    let l = layers[i];
    let stride = quads(l.y);
    let quad = local % stride;
    let row = local / stride * EACH;
    var sums: Sums;
    if row < ROWS {
        if i == 0u {
            let at = s * (params.dim + 2u) * stride + quad;
            sums = sum_f(row, at, stride, params.dim, weights_f[at + params.dim * stride]);
        } else {
            let at = l.z + quad;
            sums = sum_n(row, at, stride, l.x, weights_n[at + l.x * stride]);
        }
    }
    workgroupBarrier();
    if row < ROWS {
        if i + 1u < params.count {
            let p = weights_n[(params.alpha_at + i) / 4u][(params.alpha_at + i) % 4u];
            let mask = there(quad, l.y);
#for r in 0..EACH
            tile[place(row + ${r}u, quad)] = select(vec4<f32>(0.0), activation(sums.s${r}, p), mask);
#end
        } else {
#for r in 0..EACH
            tile[place(row + ${r}u, quad)] = sums.s${r};
#end
        }
    }
    workgroupBarrier();
}

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let first = (workgroup.y * groups.x + workgroup.x) * ROWS;
    if first >= params.rows { return; }
    let seed = vec2<u32>(params.seed_low, params.seed_high);
    let stride = quads(layers[0].y);
    for (var s = 0u; s < control[2]; s++) {
        load(first, local);
        for (var i = 0u; i < params.count; i++) { forward(i, s, local); }
        moment = weights_f[(s * (params.dim + 2u) + params.dim + 1u) * stride].yzw;
        if local < ROWS {
            let b = first + local;
            move_row(b, control[1] + b, move_of(control[0] + s, params.history), params.dim, seed);
        }
        settle();
    }
}
