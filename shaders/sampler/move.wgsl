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

struct Move {
    stage: u32,
    kept: u32, // H, at most 5
    // the first two rows of three coefficients: x', then base' by rule 2
    base: f32,
    x: f32,
    score: f32,
    b_base: f32,
    b_x: f32,
    b_score: f32,
    noise: f32,
    rule: f32,
    o_x: f32,
    o_score: f32,
}

// What stage `stage` does, `kept` being H. For all rows the same, so a kernel reads it once.
fn move_of(stage: u32, kept: u32) -> Move {
    let c = stage * WIDTH;
    let b = c + B_ROW;
    return Move(
        stage, kept, stages[c], stages[c + 1u], stages[c + 2u], stages[b], stages[b + 1u], stages[b + 2u], stages[c + 3u],
        stages[c + 4u], stages[c + 5u], stages[c + 6u],
    );
}

// Row b of the batch, which is sample `sample` of all, through a stage.
fn move_row(b: u32, sample: u32, m: Move, dim: u32, seed: vec2<u32>) {
    let c = m.stage * WIDTH;
    var z = vec4<f32>(0.0);
    for (var d = 0u; d < dim; d++) {
        if d % 4u == 0u && m.noise != 0.0 {
            z = normals(random_words(seed, PURPOSE_SAMPLE_NOISE, sample, m.stage, d / 4u));
        }
        let at = panel_index(b, d, dim);
        let s = score_of(b, d, at);
        let old = x[at];
        let anchor = base[at];
        var next = m.base * anchor + m.x * old + m.score * s;
        var corrected = m.b_base * anchor + m.b_x * old + m.b_score * s;
        for (var j = 0u; j < m.kept; j++) {
            // stage + 2 H - 1 - j is not negative, and the same place modulo H as stage - 1 - j
            let place_of_y = (m.stage + 2u * m.kept - 1u - j) % m.kept;
            let y = history[panel_index(b, place_of_y * dim + d, m.kept * dim)];
            next += stages[c + C_HISTORY + j] * y;
            corrected += stages[c + B_HISTORY + j] * y;
        }
        if m.kept > 0u {
            history[panel_index(b, (m.stage % m.kept) * dim + d, m.kept * dim)] = m.o_x * old + m.o_score * s;
        }
        next += m.noise * z.x;
        x[at] = next;
        if m.rule == 1.0 { base[at] = next; }
        if m.rule == 2.0 { base[at] = corrected; }
        z = z.yzwx;
    }
}
