// Where the reverse process starts: x = spread xi with xi ~ N(0, I), a function of (seed, index of the sample) only.
//
// Earlier outputs of the score begin as 0.
//
// shapes    x, base (B, D) in panels; history (B, H) in panels, H features; control[1] is the index of the first sample
// dispatch  one invocation a row of the padded batch
#import lib/index
#import lib/panel
#import lib/random
#import lib/normal

struct Params {
    rows: u32, // padded B
    dim: u32,
    history: u32, // H
    seed_low: u32,
    seed_high: u32,
    spread: f32, // standard deviation of the prior
}

@group(0) @binding(0) var<storage, read> control: array<u32>; // [0] stage, [1] first sample
@group(0) @binding(1) var<storage, read_write> x: array<f32>; // (B, D) in panels
@group(0) @binding(2) var<storage, read_write> base: array<f32>; // (B, D) in panels
@group(0) @binding(3) var<storage, read_write> history: array<f32>; // (B, H) in panels
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let b = linear_index(workgroup, groups, local);
    if b >= params.rows { return; }
    let seed = vec2<u32>(params.seed_low, params.seed_high);
    var z = vec4<f32>(0.0);
    for (var d = 0u; d < params.dim; d++) {
        if d % 4u == 0u { z = normals(random_words(seed, PURPOSE_SAMPLE_START, control[1] + b, 0u, d / 4u)); }
        let at = panel_index(b, d, params.dim);
        x[at] = params.spread * z.x;
        base[at] = params.spread * z.x;
        z = z.yzwx;
    }
    for (var h = 0u; h < params.history; h++) { history[panel_index(b, h, params.history)] = 0.0; }
}
