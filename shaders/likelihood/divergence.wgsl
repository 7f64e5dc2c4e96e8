// Adds what one probe says of the divergence of a network's score, score = -(a x + b F(c_in x)) / sigma:
//
//   sums_b += w <v, (d score / dx) v> = -w (a <v, v> + b c_in <v, v^T dF/d(input)>) / sigma
//
// shapes    probe v (B, D) in panels; gradient v^T dF/d(input) (B, D + F) in panels, its first D features are used; times
//           (R, 4): c_in, sigma, a, b; weights (R): w; sums (B) of this probe; row control[0] is the time
// dispatch  one invocation a row of the padded batch
#import lib/index
#import lib/panel

struct Params {
    rows: u32,   // padded B
    dim: u32,    // D
    inputs: u32, // D + F
}

@group(0) @binding(0) var<storage, read> probe: array<f32>; // (B, D) in panels
@group(0) @binding(1) var<storage, read> gradient: array<f32>; // (B, D + F) in panels
@group(0) @binding(2) var<storage, read> times: array<vec4<f32>>; // (R) of four
@group(0) @binding(3) var<storage, read> weights: array<f32>; // (R)
@group(0) @binding(4) var<storage, read> control: array<u32>; // [0] the row of the time
@group(0) @binding(5) var<storage, read_write> sums: array<f32>; // (B)
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let b = linear_index(workgroup, groups, local);
    if b >= params.rows { return; }
    var length = 0.0;
    var along = 0.0;
    for (var d = 0u; d < params.dim; d++) {
        let v = probe[panel_index(b, d, params.dim)];
        length += v * v;
        along += v * gradient[panel_index(b, d, params.inputs)];
    }
    let c = times[control[0]];
    sums[b] -= weights[control[0]] * (c.z * length + c.w * c.x * along) / c.y;
}
