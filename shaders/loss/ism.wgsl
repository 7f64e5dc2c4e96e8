// Implicit score matching in noise units: over unit vectors v_k (Hyvarinen 2005), or along one vector of random signs a row
// (sliced, SSM-VR: Song, Garg, Shi, Ermon 2019).
//
//   loss_b     = w_t / D  (|e|^2 - 2 sigma_t div e + D),   e = eps_hat = a_t x + b_t F,
//   div e      = a_t D + b_t c_in sum_k <v_k, F'_k>,   F'_k = (dF/d(input)) v_k
//   d_output   = 2 w_t b_t e / (D B) for F,   -2 w_t sigma_t b_t c_in v_k / (D B) for F'_k
//   partial    = for each group of 256 rows and each bin of time: (sum of losses, rows)
//
// With E[eps | x_t] = -sigma_t grad log p_t its expectation is that of loss/dsm, by parts: + D is E |eps|^2.
// shapes    input (R, D + F), output, d_output (R, D) in panels, R = (1 + P) B with B padded: the rows of the batch, then
//           the tangents; partial (groups, BINS, 2)
// dispatch  one workgroup of 64 a 256 rows of the batch
#import lib/panel
#import loss/rows

struct Params {
    rows: u32,     // B, without padding
    probes: u32,   // P
    dim: u32,      // D
    features: u32, // F
    times: u32,    // K
    // from member to member of an ensemble, filled in by the host
    input_member: u32,
    output_member: u32,
    coefficients_member: u32,
    time_index_member: u32,
    d_output_member: u32,
    partial_member: u32,
}

@group(0) @binding(0) var<storage, read> input: array<f32>; // (R, D + F) in panels
@group(0) @binding(1) var<storage, read> output: array<f32>; // (R, D) in panels
@group(0) @binding(2) var<storage, read> coefficients: array<vec4<f32>>; // (K, 2) of four
@group(0) @binding(3) var<storage, read> time_index: array<u32>; // (B padded)
@group(0) @binding(4) var<storage, read_write> d_output: array<f32>; // (R, D) in panels
@group(0) @binding(5) var<storage, read_write> partial: array<f32>; // (groups, BINS, 2)
@group(0) @binding(6) var<uniform> params: Params;

// sum_k <v_k, F'_k> of row b; the gradient at F'_k is `scale` v_k.
fn tangents(b: u32, scale: f32, member: u32) -> f32 {
    let width = params.dim + params.features;
    var sum = 0.0;
    for (var k = 1u; k <= params.probes; k++) {
        let row = k * padded_rows(params.rows) + b;
        for (var d = 0u; d < padded_features(params.dim); d++) {
            var v = 0.0;
            let at = panel_index(row, d, params.dim);
            if d < params.dim {
                v = input[member * params.input_member + panel_index(row, d, width)];
                sum += v * output[member * params.output_member + at];
            }
            d_output[member * params.d_output_member + at] = scale * v;
        }
    }
    return sum;
}

fn one_row(b: u32, slot: u32, member: u32) {
    if b >= padded_rows(params.rows) { return; }
    let time = time_index[member * params.time_index_member + b];
    let live = time < params.times;
    let row = member * params.coefficients_member + min(time, params.times - 1u) * 2u;
    let c = coefficients[row]; // c_in, m, sigma, a
    let e = coefficients[row + 1u]; // b, weight, t, 0
    let scale = select(0.0, 2.0 * e.y * e.x / f32(params.dim * params.rows), live);
    var sum = 0.0;
    for (var d = 0u; d < padded_features(params.dim); d++) {
        let at = panel_index(b, d, params.dim);
        var guess = 0.0;
        if d < params.dim {
            let x = input[member * params.input_member + panel_index(b, d, params.dim + params.features)] / c.x;
            guess = c.w * x + e.x * output[member * params.output_member + at];
        }
        sum += guess * guess;
        d_output[member * params.d_output_member + at] = scale * guess;
    }
    let along = tangents(b, -scale * c.z * c.x, member);
    if live {
        let dim = f32(params.dim);
        let divergence = c.w * dim + e.x * c.x * along;
        row_loss[slot] = e.y * (sum - 2.0 * c.z * divergence + dim) / dim;
        row_bin[slot] = loss_bin(time, params.times);
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
