// The way back of a training step for a tile of rows, from the gradient at the network's output that fused/forward left to
// those at the outputs of all hidden layers:
//
//   d_h = d_z W^T,  d_z below = d_h act'(z)
//
// shapes    weights (M): transposed; alpha, control, values, gradients: fused/forward; d_z of each layer has its own block
// dispatch  T workgroups, a tile each, one subgroup of 8 lanes; workgroup_id.z is the member of the ensemble
// family    panel: see network/held_weights
#import fused/rows
#import <slope>

// 8 inputs for the head, 64 at a time for what is below
const FIRST: u32 = 0u;
const LAST: u32 = 2u;
#import network/held_weights

struct Params {
    rows: u32,   // B, without padding
    share: u32,  // panels of 64 rows in a tile
    longer: u32, // tiles that have one more
    layers: u32, // L + 1
    values_line: u32,    // numbers of a row of `values`, in fours
    gradients_line: u32, // of `gradients`
    // from member to member of an ensemble, filled in by the host
    control_member: u32,
    weights_member: u32,
    alpha_member: u32,
    values_member: u32,
    gradients_member: u32,
}

@group(0) @binding(0) var<storage, read> control: array<u32>; // [12] the layers
@group(0) @binding(1) var<storage, read> weights: array<vec4<u64>>; // (M / 8) of eight inputs
@group(0) @binding(2) var<storage, read> alpha: array<f32>; // (layers) parameter of the activation
@group(0) @binding(3) var<storage, read> values: array<vec4<u64>>; // (T, ROWS x values_line / 2) of eight
@group(0) @binding(4) var<storage, read_write> gradients: array<vec4<u64>>; // (T, ROWS x gradients_line / 2) of eight
@group(0) @binding(5) var<uniform> params: Params;

fn input_eight(at: u32) -> vec4<u64> {
    return gradients[at];
}

fn weight_s(at: u32) -> vec4<u64> {
    return weights[at];
}

fn weight_d(at: u32) -> vec4<u64> {
    return weights[at];
}

fn output_eight(at: u32) -> vec4<u64> {
    return gradients[at];
}

fn set_output(at: u32, eight: vec4<u64>) {
    gradients[at] = eight;
}

fn finished(z: Eight, slope_at: u32, beside_at: u32, p: f32) -> Eight {
    let b = unpack_eight(values[beside_at]);
    return Eight(z.even * slope_from(b.even, p), z.odd * slope_from(b.odd, p));
}

// From layer i to the one below, eight outputs of that a lane.
fn below(i: u32, column: u32, member: u32, rows: Rows) -> Stream {
    let l = layer_of(i, rows);
    let stride = eights(l.inputs);
    return Stream(
        rows.count, l.outputs, false, column, alpha[member * params.alpha_member + i - 1u], l.gradient_at, eights(l.outputs),
        member * params.weights_member + l.mirror_at, stride, layer_of(i - 1u, rows).gradient_at, stride, 0u, l.slope_at,
    );
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let member = workgroup.z;
    let rows = rows_of(workgroup.x, member);
    let hidden = params.layers - 1u;
    let top = eights(layer_of(hidden, rows).inputs);
    for (var column = 0u; column < top; column += 8u) { stream_s(below(hidden, column + lane, member, rows), lane); }
    for (var i = hidden - 1u; i > 0u; i--) {
        let stride = eights(layer_of(i, rows).inputs);
        for (var column = 0u; column < stride; column += 8u) { stream_d(below(i, column + lane, member, rows), lane); }
    }
}
