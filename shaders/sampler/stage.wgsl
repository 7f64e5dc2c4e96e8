// One affine stage of any sampler: its coefficients are computed in f64 on the host (src/process/sampler.rs).
//
//   x'    = c_base base + c_x x + c_score s + sum_j c_history[j] y_j + c_noise xi
//   y     = o_x x + o_score s, which becomes y_0; y_0 becomes y_1, ..
//   base' = base, x', or b_base base + b_x x + b_score s + sum_j b_history[j] y_j        (rule 0, 1, 2)
//
// shapes    x, base, scores (B, D) in panels; history (B, H D) in panels, y of stage r at features (r mod H) D ..; stages
//           (R, 20): c_base, c_x, c_score, c_noise, rule, o_x, o_score, c_history (5), b_base, b_x, b_score, b_history (5);
//           row control[0] is the stage, control[1] the index of the first sample
// dispatch  one invocation a row of the padded batch
#import lib/index
#import lib/panel
#import lib/random
#import lib/normal

const WIDTH = 20u;
const C_HISTORY = 7u;
const B_ROW = 12u;
const B_HISTORY = 15u;

struct Params {
    rows: u32, // padded B
    dim: u32,
    history: u32, // H, at most 5; with 0 no output is kept
    seed_low: u32,
    seed_high: u32,
}

@group(0) @binding(0) var<storage, read> scores: array<f32>; // (B, D) in panels
@group(0) @binding(1) var<storage, read> stages: array<f32>; // (R, 20)
@group(0) @binding(2) var<storage, read> control: array<u32>; // [0] stage, [1] first sample
@group(0) @binding(3) var<storage, read_write> x: array<f32>; // (B, D) in panels
@group(0) @binding(4) var<storage, read_write> base: array<f32>; // (B, D) in panels
@group(0) @binding(5) var<storage, read_write> history: array<f32>; // (B, max(H, 1) D) in panels
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let b = linear_index(workgroup, groups, local);
    if b >= params.rows { return; }
    let seed = vec2<u32>(params.seed_low, params.seed_high);
    let stage = control[0];
    let c = stage * WIDTH;
    let noise = stages[c + 3u];
    let rule = stages[c + 4u];
    let kept = params.history;
    var z = vec4<f32>(0.0);
    for (var d = 0u; d < params.dim; d++) {
        if d % 4u == 0u && noise != 0.0 {
            z = normals(random_words(seed, PURPOSE_SAMPLE_NOISE, control[1] + b, stage, d / 4u));
        }
        let at = panel_index(b, d, params.dim);
        let s = scores[at];
        let old = x[at];
        let anchor = base[at];
        var next = stages[c] * anchor + stages[c + 1u] * old + stages[c + 2u] * s;
        var corrected = stages[c + B_ROW] * anchor + stages[c + B_ROW + 1u] * old + stages[c + B_ROW + 2u] * s;
        for (var j = 0u; j < kept; j++) {
            // stage + 2 H - 1 - j is not negative, and the same place modulo H as stage - 1 - j
            let place = (stage + 2u * kept - 1u - j) % kept;
            let y = history[panel_index(b, place * params.dim + d, kept * params.dim)];
            next += stages[c + C_HISTORY + j] * y;
            corrected += stages[c + B_HISTORY + j] * y;
        }
        if kept > 0u {
            history[panel_index(b, (stage % kept) * params.dim + d, kept * params.dim)] =
                stages[c + 5u] * old + stages[c + 6u] * s;
        }
        next += noise * z.x;
        x[at] = next;
        if rule == 1.0 { base[at] = next; }
        if rule == 2.0 { base[at] = corrected; }
        z = z.yzwx;
    }
}
