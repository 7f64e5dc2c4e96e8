// One affine stage of any sampler, with scores from a tensor: see sampler/move.
//
// shapes    as there, and scores (B, D) in panels; row control[0] is the stage, control[1] the index of the first sample
// dispatch  one invocation a row of the padded batch
#import lib/index
#import sampler/move

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

fn score_of(b: u32, d: u32, at: u32) -> f32 {
    return scores[at];
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let b = linear_index(workgroup, groups, local);
    if b >= params.rows { return; }
    let seed = vec2<u32>(params.seed_low, params.seed_high);
    move_row(b, control[1] + b, move_of(control[0], params.history), params.dim, seed);
}
