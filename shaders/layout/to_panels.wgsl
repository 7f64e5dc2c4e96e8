// Rows to panels: x[b, d] = rows[b, d], zero in the padding.
//
// shapes    rows (B, D) row-major; x (B, D) in panels
// dispatch  one invocation an element of the padded batch
#import lib/index
#import lib/panel

struct Params {
    rows: u32, // B
    dim: u32,  // D
}

@group(0) @binding(0) var<storage, read> rows: array<f32>; // (B, D)
@group(0) @binding(1) var<storage, read_write> x: array<f32>; // (panels, D, 32)
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = linear_index(workgroup, groups, local);
    let b = i / params.dim;
    let d = i % params.dim;
    if b >= (params.rows + 31u) / 32u * 32u { return; }
    x[panel_index(b, d, params.dim)] = select(0.0, rows[min(b, params.rows - 1u) * params.dim + d], b < params.rows);
}
