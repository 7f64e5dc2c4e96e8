// d_W = x^T d_y and d_bias = sum of d_y for at most eight outputs, over one slice of the batch: partial sums that
// optimiser/reduce adds up in order.
//
// shapes    input x (B, K), d_output (B, N) in panels; partials (S, P): in each slice the layer's (K + 1, 8) block starts
//           at `at`, the bias gradient in row K
// dispatch  tiles of 64 inputs, one subgroup of 8 lanes each; workgroup_id.z is the slice
// family    panel: see network/narrow_gradient
#import network/narrow_gradient

const TILE_ROWS: u32 = 64u;
const TILE_COLUMNS: u32 = 8u;

struct Params {
    inputs: u32,   // K
    stride: u32,   // from row to row of the input, in eights
    panels: u32,   // panels in the batch
    slices: u32,   // S
    at: u32,       // where the layer starts in a slice, in eights
    length: u32,   // of a slice, in eights
    // from member to member of an ensemble, filled in by the host
    input_member: u32,
    d_output_member: u32,
    partials_member: u32,
}

@group(0) @binding(0) var<storage, read> input: array<vec4<u64>>; // (B, stride) of eight inputs
@group(0) @binding(1) var<storage, read> d_output: array<vec4<u64>>; // (B) of eight outputs
@group(0) @binding(2) var<storage, read_write> partials: array<vec4<u64>>; // (S, P / 8) of eight outputs
@group(0) @binding(3) var<uniform> params: Params;

fn input_eight(at: u32) -> vec4<u64> {
    return input[at];
}

fn weight_eight(at: u32) -> vec4<u64> {
    return d_output[at];
}

fn output_eight(at: u32) -> vec4<u64> {
    return partials[at];
}

fn set_output(at: u32, eight: vec4<u64>) {
    partials[at] = eight;
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    never = params.inputs == 0u;
    let member = tile.z / params.slices;
    let slice = tile.z % params.slices;
    let first = slice * params.panels / params.slices;
    let end = (slice + 1u) * params.panels / params.slices;
    outer_narrow(Outer(
        end - first,
        params.inputs,
        true,
        true,
        tile.y * 8u + lane,
        0u,
        0u,
        member * params.input_member + first * 64u * params.stride,
        params.stride,
        member * params.d_output_member + first * 64u,
        1u,
        member * params.partials_member + slice * params.length + params.at,
        1u,
    ), lane);
}
