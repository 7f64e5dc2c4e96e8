// One affine stage of any sampler on one row: its coefficients are computed in f64 on the host (src/process/sampler.rs).
//
//   x'    = c_base base + c_x x + c_score s + sum_j c_history[j] y_j + c_noise xi
//   y     = o_x x + o_score s, which becomes y_0; y_0 becomes y_1, ..
//   base' = base, x', or b_base base + b_x x + b_score s + sum_j b_history[j] y_j        (rule 0, 1, 2)
//
// shapes    x, base (B, D) in panels; history (B, H D) in panels, y of stage r at features (r mod H) D ..; stages (R, 20):
//           c_base, c_x, c_score, c_noise, rule, o_x, o_score, c_history (5), b_base, b_x, b_score, b_history (5)
// needs     `stages`, `x`, `base`, `history` bound as sampler/stage does, and fn score_of(b: u32, d: u32, at: u32) -> f32
//           from the file that imports this one: the score of row b, coordinate d, whose state lies at x[at]
#import lib/panel
#import lib/random
#import lib/normal

const WIDTH = 20u;
const C_HISTORY = 7u;
const B_ROW = 12u;
const B_HISTORY = 15u;

// Row b of the batch, which is sample `sample` of all, through stage `stage`; `kept` is H, at most 5.
fn move_row(b: u32, sample: u32, stage: u32, dim: u32, kept: u32, seed: vec2<u32>) {
    let c = stage * WIDTH;
    let noise = stages[c + 3u];
    let rule = stages[c + 4u];
    var z = vec4<f32>(0.0);
    for (var d = 0u; d < dim; d++) {
        if d % 4u == 0u && noise != 0.0 {
            z = normals(random_words(seed, PURPOSE_SAMPLE_NOISE, sample, stage, d / 4u));
        }
        let at = panel_index(b, d, dim);
        let s = score_of(b, d, at);
        let old = x[at];
        let anchor = base[at];
        var next = stages[c] * anchor + stages[c + 1u] * old + stages[c + 2u] * s;
        var corrected = stages[c + B_ROW] * anchor + stages[c + B_ROW + 1u] * old + stages[c + B_ROW + 2u] * s;
        for (var j = 0u; j < kept; j++) {
            // stage + 2 H - 1 - j is not negative, and the same place modulo H as stage - 1 - j
            let place_of_y = (stage + 2u * kept - 1u - j) % kept;
            let y = history[panel_index(b, place_of_y * dim + d, kept * dim)];
            next += stages[c + C_HISTORY + j] * y;
            corrected += stages[c + B_HISTORY + j] * y;
        }
        if kept > 0u {
            history[panel_index(b, (stage % kept) * dim + d, kept * dim)] = stages[c + 5u] * old + stages[c + 6u] * s;
        }
        next += noise * z.x;
        x[at] = next;
        if rule == 1.0 { base[at] = next; }
        if rule == 2.0 { base[at] = corrected; }
        z = z.yzwx;
    }
}
