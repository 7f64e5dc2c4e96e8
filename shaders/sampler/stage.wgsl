// One affine stage of any sampler: its coefficients are computed in f64 on the host (src/process/sampler.rs).
//
//   x' = c_base base + c_x x + c_score s + c_previous s_previous + c_noise xi,    then s_previous = s;
//   at the last stage of a step also base = x'
//
// shapes    x, base, scores, previous (B, D) in panels; stages (R, 8): c_base, c_x, c_score, c_previous, c_noise, last, 0, 0;
//           row control[0] is the stage, control[1] the index of the first sample
// dispatch  one invocation a row of the padded batch
#import lib/index
#import lib/panel
#import lib/random
#import lib/normal

struct Params {
    rows: u32, // padded B
    dim: u32,
    seed_low: u32,
    seed_high: u32,
}

@group(0) @binding(0) var<storage, read> scores: array<f32>; // (B, D) in panels
@group(0) @binding(1) var<storage, read> stages: array<vec4<f32>>; // (R, 2) of four
@group(0) @binding(2) var<storage, read> control: array<u32>; // [0] stage, [1] first sample
@group(0) @binding(3) var<storage, read_write> x: array<f32>; // (B, D) in panels
@group(0) @binding(4) var<storage, read_write> base: array<f32>; // (B, D) in panels
@group(0) @binding(5) var<storage, read_write> previous: array<f32>; // (B, D) in panels
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
    let c = stages[stage * 2u]; // c_base, c_x, c_score, c_previous
    let e = stages[stage * 2u + 1u]; // c_noise, last
    var z = vec4<f32>(0.0);
    for (var d = 0u; d < params.dim; d++) {
        if d % 4u == 0u && e.x != 0.0 {
            z = normals(random_words(seed, PURPOSE_SAMPLE_NOISE, control[1] + b, stage, d / 4u));
        }
        let at = panel_index(b, d, params.dim);
        let s = scores[at];
        let next = c.x * base[at] + c.y * x[at] + c.z * s + c.w * previous[at] + e.x * z.x;
        previous[at] = s;
        x[at] = next;
        if e.y == 1.0 { base[at] = next; }
        z = z.yzwx;
    }
}
