// The directions in which implicit score matching differentiates a network, as further rows of its input:
//
//   v_kd = 1 if d = k else 0     or     v_kd = +-1, the sign a bit of Philox at (place in the batch, step, d)
//
// Time does not move, so the features of time of a tangent are 0.
// shapes    input (R, D + F) in panels, R = (1 + P) B with B padded: the rows of the batch, which are left alone, then the
//           tangents
// dispatch  one invocation a row of the padded batch
#import lib/index
#import lib/panel
#import lib/random

struct Params {
    rows: u32,     // padded B
    probes: u32,   // P
    dim: u32,      // D
    features: u32, // F
    signs: u32,    // 1: random signs, one probe; 0: unit vectors
    // from member to member of an ensemble, filled in by the host
    control_member: u32,
    seeds_member: u32,
    input_member: u32,
}

@group(0) @binding(0) var<storage, read> control: array<u32>; // [0] the step
@group(0) @binding(1) var<storage, read> seeds: array<vec2<u32>>; // (1) low and high word
@group(0) @binding(2) var<storage, read_write> input: array<f32>; // (R, D + F) in panels
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let b = linear_index(workgroup, groups, local);
    if b >= params.rows { return; }
    let member = workgroup.z;
    let seed = seeds[member * params.seeds_member];
    let step = control[member * params.control_member];
    let width = params.dim + params.features;
    for (var k = 0u; k < params.probes; k++) {
        let at = member * params.input_member + panel_index((k + 1u) * params.rows + b, 0u, width);
        var words = vec4<u32>(0u);
        for (var d = 0u; d < padded_features(width); d++) {
            var v = select(0.0, 1.0, d == k);
            if params.signs == 1u {
                if d % 128u == 0u { words = random_words(seed, PURPOSE_PROBE, b, step, d / 128u); }
                let bit = (words[d / 32u % 4u] >> (d % 32u)) & 1u;
                v = select(1.0, -1.0, bit == 1u);
            }
            input[at + d] = select(0.0, v, d < params.dim);
        }
    }
}
