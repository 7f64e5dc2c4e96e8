// Draws a batch and noises it: x_t = m_t x_0 + sigma_t eps, with t, x_0 and eps from Philox.
//
//   input  = (c_in x_t, time features of t)          what the network sees
//   offset = a x_t - eps                             so that eps_hat - eps = offset + b F for network output F
//
// Rows are drawn with replacement, or, in a held-out pass, taken in order with times spread evenly.
// All functions of time come from the rows of `coefficients`, computed in f64 on the host.
// shapes    data (n, D); coefficients (K, 8): c_in, m, sigma, a, b, weight, t, 0; features (K, D + F padded); B rows in panels
// dispatch  one invocation a row of the padded batch
#import lib/index
#import lib/panel
#import lib/draw
#import lib/normal

struct Params {
    rows: u32,       // B, without padding
    dim: u32,        // D
    features: u32,   // F
    times: u32,      // K
    data_rows: u32,  // n
    held_out: u32,   // 1: rows in order, control[0] counts batches
    draws: u32,      // rows of a held-out pass in all; the data is gone through as often as that takes
    stratified: u32, // 1: one stratum of times a row
    // from member to member of an ensemble, filled in by the host
    data_member: u32,
    coefficients_member: u32,
    features_member: u32,
    control_member: u32,
    seeds_member: u32,
    input_member: u32,
    offset_member: u32,
    time_index_member: u32,
}

@group(0) @binding(0) var<storage, read> data: array<f32>; // (n, D)
@group(0) @binding(1) var<storage, read> coefficients: array<vec4<f32>>; // (K, 2) of four
@group(0) @binding(2) var<storage, read> features: array<vec4<f32>>; // (K, (D + F) / 4) of four, padded: D zeros, the features
@group(0) @binding(3) var<storage, read> control: array<u32>; // [0] the step
@group(0) @binding(4) var<storage, read> seeds: array<vec2<u32>>; // (1) low and high word
@group(0) @binding(5) var<storage, read_write> input: array<vec4<f32>>; // (B, (D + F) / 4) of four in panels
@group(0) @binding(6) var<storage, read_write> offset: array<f32>; // (B, D) in panels
@group(0) @binding(7) var<storage, read_write> time_index: array<u32>; // (B padded), 0xffffffff for rows that do not count
@group(0) @binding(8) var<uniform> params: Params;

fn draw_held_out(b: u32, batch: u32, seed: vec2<u32>) -> Draw {
    let index = batch * params.rows + b;
    // multiples of the golden ratio spread over [0, 1) more evenly than random numbers
    let time = random_below(index * 2654435769u + seed.x, params.times);
    return Draw(index % params.data_rows, time, index, PURPOSE_HELD_OUT, b < params.rows && index < params.draws);
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let b = linear_index(workgroup, groups, local);
    if b >= padded_rows(params.rows) { return; }
    let member = workgroup.z;
    let seed = seeds[member * params.seeds_member];
    let counter = control[member * params.control_member];
    let data_at = member * params.data_member;
    let input_at = member * params.input_member;
    let offset_at = member * params.offset_member;
    let features_at = member * params.features_member;
    var draw = draw_training(b, counter, seed, Urn(params.rows, params.times, params.data_rows, params.stratified));
    if params.held_out == 1u { draw = draw_held_out(b, counter, seed); }
    time_index[member * params.time_index_member + b] = select(0xffffffffu, draw.time, draw.live);
    let c = coefficients[member * params.coefficients_member + draw.time * 2u]; // c_in, m, sigma, a
    let step = select(counter, 0u, params.held_out == 1u);
    // a software device fetches a parameter anew wherever it is named, lane by lane
    let dim = params.dim;
    let quads = padded_features(dim + params.features) / 4u;
    let input_row = input_at + b * quads;
    let offset_row = offset_at + panel_index(b, 0u, dim);
    let data_row = data_at + draw.row * dim;
    let features_row = features_at + draw.time * quads;
    // four by four with zeros for the coordinates, which overwrite them
    for (var q = dim / 4u; q < quads; q++) { input[input_row + q] = features[features_row + q]; }
    var z = vec4<f32>(0.0);
    for (var d = 0u; d < dim; d++) {
        if d % 4u == 0u { z = normals(random_words(seed, draw.purpose, draw.stream, step, d / 4u)); }
        let eps = z.x;
        z = z.yzwx;
        let x = c.y * data[data_row + d] + c.z * eps;
        input[input_row + d / 4u][d % 4u] = c.x * x;
        offset[offset_row + d] = c.w * x - eps;
    }
}
