// The direction v in which a derivative is taken: a unit vector, or random signs (Hutchinson).
//
//   v_d = 1 if d = k else 0      or      v_d = +-1, the sign a bit of Philox at (row, k, d)
//
// shapes    probe (B, D) in panels; control[1] is the number of the first row
// dispatch  one invocation a row of the padded batch
#import lib/index
#import lib/panel
#import lib/random

struct Params {
    rows: u32,   // padded B
    dim: u32,    // D
    number: u32, // k
    signs: u32,  // 1: random signs, 0: a unit vector
    seed_low: u32,
    seed_high: u32,
}

@group(0) @binding(0) var<storage, read> control: array<u32>; // [1] first row
@group(0) @binding(1) var<storage, read_write> probe: array<f32>; // (B, D) in panels
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let b = linear_index(workgroup, groups, local);
    if b >= params.rows { return; }
    let seed = vec2<u32>(params.seed_low, params.seed_high);
    var words = vec4<u32>(0u);
    for (var d = 0u; d < padded_features(params.dim); d++) {
        var v = select(0.0, 1.0, d == params.number);
        if params.signs == 1u {
            if d % 128u == 0u {
                words = random_words(seed, PURPOSE_PROBE, control[1] + b, params.number, d / 128u);
            }
            let bit = (words[d / 32u % 4u] >> (d % 32u)) & 1u;
            v = select(1.0, -1.0, bit == 1u);
        }
        probe[panel_index(b, d, params.dim)] = select(0.0, v, d < params.dim);
    }
}
