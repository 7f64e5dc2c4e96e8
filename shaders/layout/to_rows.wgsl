// Panels to rows, in data units: rows[b, d] = shift_d + scale_d x[b, d].
//
// shapes    x (B, D) in panels; rows (B, D) row-major; units (2, D): shift, scale
// dispatch  one invocation an element
#import lib/index
#import lib/panel

struct Params {
    rows: u32, // B
    dim: u32,  // D
}

@group(0) @binding(0) var<storage, read> x: array<f32>; // (B, D) in panels
@group(0) @binding(1) var<storage, read> units: array<f32>; // (2, D)
@group(0) @binding(2) var<storage, read_write> rows: array<f32>; // (B, D)
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = linear_index(workgroup, groups, local);
    if i >= params.rows * params.dim { return; }
    let d = i % params.dim;
    rows[i] = units[d] + units[params.dim + d] * x[panel_index(i / params.dim, d, params.dim)];
}
