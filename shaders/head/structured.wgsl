// The structured score class (Yakovlev, Puchkin 2025): what follows a network F that is to guess the point of a manifold,
//
//   f = F min(1, R / |F|),   q = m_t^2 s^2 + sigma_t^2,   eps_hat = sigma_t (x - m_t f) / q
//
// with the noise s of the data trained along; score = -eps_hat / sigma_t = -x / q + m_t f / q.
// shapes    input (B, D + F), output (network's F), guess (eps_hat) (B, D) in panels; coefficients (K, 8): c_in, m, sigma, ..
// dispatch  one invocation a row of the padded batch
#import lib/index
#import lib/panel

struct Params {
    rows: u32,     // padded B
    dim: u32,      // D
    features: u32, // F
    times: u32,    // K
    layer: u32,    // which entry of `alpha` is s
    radius: f32,   // R
    // from member to member of an ensemble, filled in by the host
    input_member: u32,
    output_member: u32,
    coefficients_member: u32,
    time_index_member: u32,
    alpha_member: u32,
    guess_member: u32,
}

@group(0) @binding(0) var<storage, read> input: array<f32>; // (B, D + F) in panels
@group(0) @binding(1) var<storage, read> output: array<f32>; // (B, D) in panels
@group(0) @binding(2) var<storage, read> coefficients: array<vec4<f32>>; // (K, 2) of four
@group(0) @binding(3) var<storage, read> time_index: array<u32>; // (B padded)
@group(0) @binding(4) var<storage, read> alpha: array<f32>; // (layers)
@group(0) @binding(5) var<storage, read_write> guess: array<f32>; // (B, D) in panels
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let b = linear_index(workgroup, groups, local);
    if b >= params.rows { return; }
    let member = workgroup.z;
    let time = min(time_index[member * params.time_index_member + b], params.times - 1u);
    let c = coefficients[member * params.coefficients_member + time * 2u]; // c_in, m, sigma, a
    let s = alpha[member * params.alpha_member + params.layer];
    let q = c.y * c.y * s * s + c.z * c.z;
    let input_at = member * params.input_member + panel_index(b, 0u, params.dim + params.features);
    let output_at = member * params.output_member + panel_index(b, 0u, params.dim);
    let guess_at = member * params.guess_member + panel_index(b, 0u, params.dim);
    var square = 0.0;
    for (var d = 0u; d < params.dim; d++) { square += output[output_at + d] * output[output_at + d]; }
    let shrink = params.radius / max(sqrt(square), params.radius);
    for (var d = 0u; d < padded_features(params.dim); d++) {
        let e = c.z * (input[input_at + d] / c.x - c.y * shrink * output[output_at + d]) / q;
        guess[guess_at + d] = select(0.0, e, d < params.dim);
    }
}
