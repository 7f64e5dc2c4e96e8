// Denoising score matching, in noise units (Vincent 2011; weight 1 is lambda = sigma_t^2):
//
//   loss_b     = w_t / D  sum_d r_bd^2,   r = offset + b_t F = eps_hat - eps
//   d_output   = 2 w_t b_t r / (D B)
//   partial    = for each group of 256 rows and each bin of time: (sum of losses, rows)
//
// shapes    output (network's F), offset, d_output (B, D) in panels; partial (groups, BINS, 2)
// dispatch  one workgroup of 64 a 256 rows
#import lib/panel
#import loss/rows

struct Params {
    rows: u32,  // B, without padding
    dim: u32,   // D
    times: u32, // K
    // from member to member of an ensemble, filled in by the host
    output_member: u32,
    offset_member: u32,
    coefficients_member: u32,
    time_index_member: u32,
    d_output_member: u32,
    partial_member: u32,
}

@group(0) @binding(0) var<storage, read> output: array<f32>; // (B, D) in panels
@group(0) @binding(1) var<storage, read> offset: array<f32>; // (B, D) in panels
@group(0) @binding(2) var<storage, read> coefficients: array<vec4<f32>>; // (K, 2) of four
@group(0) @binding(3) var<storage, read> time_index: array<u32>; // (B padded)
@group(0) @binding(4) var<storage, read_write> d_output: array<f32>; // (B, D) in panels
@group(0) @binding(5) var<storage, read_write> partial: array<f32>; // (groups, BINS, 2)
@group(0) @binding(6) var<uniform> params: Params;

fn one_row(b: u32, slot: u32, member: u32) {
    if b >= padded_rows(params.rows) { return; }
    // a software device fetches a parameter anew wherever it is named, lane by lane
    let dim = params.dim;
    let times = params.times;
    let time = time_index[member * params.time_index_member + b];
    let live = time < times;
    let c = coefficients[member * params.coefficients_member + min(time, times - 1u) * 2u + 1u]; // b, weight, t, 0
    let scale = select(0.0, 2.0 * c.y * c.x / f32(dim * params.rows), live);
    let row = panel_index(b, 0u, dim);
    let offset_at = member * params.offset_member + row;
    let output_at = member * params.output_member + row;
    let d_output_at = member * params.d_output_member + row;
    var sum = 0.0;
    for (var d = 0u; d < dim; d++) {
        let r = offset[offset_at + d] + c.x * output[output_at + d];
        sum += r * r;
        d_output[d_output_at + d] = scale * r;
    }
    // weight gradients of padding must vanish
    for (var d = dim; d < padded_features(dim); d++) { d_output[d_output_at + d] = 0.0; }
    if live {
        row_loss[slot] = c.y * sum / f32(dim);
        row_bin[slot] = loss_bin(time, times);
    }
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    sum_rows(workgroup.y * groups.x + workgroup.x, local, workgroup.z);
}
