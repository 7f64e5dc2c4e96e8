// Brings what a network says into a ball: f = F min(1, R / |F|), the clip of the structured score class.
//
// shapes    output (F), clipped (f) (B, D) in panels
// dispatch  one invocation a row of the padded batch
#import lib/index
#import lib/panel

struct Params {
    rows: u32,   // padded B
    dim: u32,    // D
    radius: f32, // R
}

@group(0) @binding(0) var<storage, read> output: array<f32>; // (B, D) in panels
@group(0) @binding(1) var<storage, read_write> clipped: array<f32>; // (B, D) in panels
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let b = linear_index(workgroup, groups, local);
    if b >= params.rows { return; }
    let at = panel_index(b, 0u, params.dim);
    var square = 0.0;
    for (var d = 0u; d < params.dim; d++) { square += output[at + d] * output[at + d]; }
    let shrink = params.radius / max(sqrt(square), params.radius);
    for (var d = 0u; d < params.dim; d++) { clipped[at + d] = shrink * output[at + d]; }
}
