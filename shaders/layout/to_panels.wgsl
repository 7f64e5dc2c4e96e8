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
@group(0) @binding(1) var<storage, read_write> x: array<f32>; // (B, D) in panels
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = linear_index(workgroup, groups, local);
    let width = padded_features(params.dim);
    let b = i / width;
    let d = i % width;
    if b >= padded_rows(params.rows) { return; }
    let value = rows[min(b, params.rows - 1u) * params.dim + min(d, params.dim - 1u)];
    x[i] = select(0.0, value, b < params.rows && d < params.dim);
}
