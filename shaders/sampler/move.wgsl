// One affine stage of any sampler on one row: its coefficients are computed in f64 on the host (src/process/sampler.rs).
//
//   x' = c_base base + c_x x + c_score s + c_previous s_previous + c_noise xi,    then s_previous = s;
//   at the last stage of a step also base = x'
//
// needs     `stages`, `x`, `base`, `previous` bound as sampler/stage does, and fn score_of(b: u32, d: u32, at: u32) -> f32
//           from the file that imports this one: the score of row b, coordinate d, whose state lies at x[at]
#import lib/panel
#import lib/random
#import lib/normal

// Row b of the batch, which is sample `sample` of all, through stage `stage`.
fn move_row(b: u32, sample: u32, stage: u32, dim: u32, seed: vec2<u32>) {
    let c = stages[stage * 2u]; // c_base, c_x, c_score, c_previous
    let e = stages[stage * 2u + 1u]; // c_noise, last
    var z = vec4<f32>(0.0);
    for (var d = 0u; d < dim; d++) {
        if d % 4u == 0u && e.x != 0.0 {
            z = normals(random_words(seed, PURPOSE_SAMPLE_NOISE, sample, stage, d / 4u));
        }
        let at = panel_index(b, d, dim);
        let s = score_of(b, d, at);
        let next = c.x * base[at] + c.y * x[at] + c.z * s + c.w * previous[at] + e.x * z.x;
        previous[at] = s;
        x[at] = next;
        if e.y == 1.0 { base[at] = next; }
        z = z.yzwx;
    }
}
