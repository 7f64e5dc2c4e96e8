// The way back through head/structured: with g = d loss / d eps_hat,
//
//   d_f = -(sigma_t m_t / q) g,   d_F = d_f inside the ball, else (R / |F|) (d_f - F <F, d_f> / |F|^2)
//   d_s of a row = -(2 m_t^2 s / q) <g, eps_hat>
//
// shapes    output (network's F), guess (eps_hat), d_guess (g), d_output (d_F) (B, D) in panels; d_s (B padded);
//           coefficients (K, 8): c_in, m, sigma, ..
// dispatch  one invocation a row of the padded batch
#import lib/index
#import lib/panel

struct Params {
    rows: u32,   // padded B
    dim: u32,    // D
    times: u32,  // K
    layer: u32,  // which entry of `alpha` is s
    radius: f32, // R
    // from member to member of an ensemble, filled in by the host
    output_member: u32,
    guess_member: u32,
    d_guess_member: u32,
    coefficients_member: u32,
    time_index_member: u32,
    alpha_member: u32,
    d_output_member: u32,
    d_s_member: u32,
}

@group(0) @binding(0) var<storage, read> output: array<f32>; // (B, D) in panels
@group(0) @binding(1) var<storage, read> guess: array<f32>; // (B, D) in panels
@group(0) @binding(2) var<storage, read> d_guess: array<f32>; // (B, D) in panels
@group(0) @binding(3) var<storage, read> coefficients: array<vec4<f32>>; // (K, 2) of four
@group(0) @binding(4) var<storage, read> time_index: array<u32>; // (B padded)
@group(0) @binding(5) var<storage, read> alpha: array<f32>; // (layers)
@group(0) @binding(6) var<storage, read_write> d_output: array<f32>; // (B, D) in panels
@group(0) @binding(7) var<storage, read_write> d_s: array<f32>; // (B padded)
@group(0) @binding(8) var<uniform> params: Params;

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
    let at = panel_index(b, 0u, params.dim);
    let output_at = member * params.output_member + at;
    let guess_at = member * params.guess_member + at;
    let d_guess_at = member * params.d_guess_member + at;
    let d_output_at = member * params.d_output_member + at;
    var square = 0.0;
    var along = 0.0;
    var of_s = 0.0;
    for (var d = 0u; d < params.dim; d++) {
        let f = output[output_at + d];
        let g = d_guess[d_guess_at + d];
        square += f * f;
        along += f * g;
        of_s += g * guess[guess_at + d];
    }
    let clips = square > params.radius * params.radius;
    let shrink = params.radius / max(sqrt(square), params.radius);
    let inward = select(0.0, along / max(square, 1e-30), clips);
    for (var d = 0u; d < padded_features(params.dim); d++) {
        let v = -c.z * c.y / q * shrink * (d_guess[d_guess_at + d] - inward * output[output_at + d]);
        d_output[d_output_at + d] = select(0.0, v, d < params.dim);
    }
    d_s[member * params.d_s_member + b] = -2.0 * c.y * c.y * s / q * of_s;
}
