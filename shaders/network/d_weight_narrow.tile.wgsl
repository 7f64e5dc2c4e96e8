// d_W = x^T d_y and d_bias = sum of d_y for at most eight outputs, over one slice of the batch: partial sums that
// optimiser/reduce adds up in order.
//
// shapes    input x (B, K), d_output (B, N) in panels; partials (S, P): in each slice the layer's (K + 1, 8) block starts
//           at `at`, the bias gradient in row K
// dispatch  tiles of 64 inputs, workgroups of 64 invocations; workgroup_id.z is the slice
// family    tile: 64 rows of d_y are staged (2 KiB); an invocation sums one input with all outputs

const TILE_ROWS: u32 = 64u;
const TILE_COLUMNS: u32 = 8u;

struct Params {
    inputs: u32,   // K
    stride: u32,   // from row to row of the input, in eights
    panels: u32,   // panels in the batch
    slices: u32,   // S
    at: u32,       // where the layer starts in a slice, in eights
    length: u32,   // of of a slice, in eights
    // from member to member of an ensemble, filled in by the host
    input_member: u32,
    d_output_member: u32,
    partials_member: u32,
}

@group(0) @binding(0) var<storage, read> input: array<f32>; // (B, stride * 8)
@group(0) @binding(1) var<storage, read> d_output: array<vec4<f32>>; // (B, 2) of four outputs
@group(0) @binding(2) var<storage, read_write> partials: array<vec4<f32>>; // (S, P / 4) of four outputs
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> staged: array<vec4<f32>, 128>; // (64, 2) of four outputs

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let k = tile.y * TILE_ROWS + local;
    let member = tile.z / params.slices;
    let slice = tile.z % params.slices;
    let input_at = member * params.input_member;
    let d_output_at = member * params.d_output_member;
    let width = params.stride * 8u;
    var low = vec4<f32>(0.0);
    var high = vec4<f32>(0.0);
    var bias_low = vec4<f32>(0.0);
    var bias_high = vec4<f32>(0.0);
    let end = (slice + 1u) * params.panels / params.slices * 64u;
    for (var b = slice * params.panels / params.slices * 64u; b < end; b += 64u) {
        staged[local] = d_output[d_output_at + b * 2u + local];
        staged[local + 64u] = d_output[d_output_at + b * 2u + local + 64u];
        workgroupBarrier();
        for (var r = 0u; r < 64u; r++) {
            let x = input[input_at + (b + r) * width + min(k, width - 1u)];
            low += x * staged[r * 2u];
            high += x * staged[r * 2u + 1u];
            bias_low += staged[r * 2u];
            bias_high += staged[r * 2u + 1u];
        }
        workgroupBarrier();
    }
    let block = member * params.partials_member + (slice * params.length + params.at) * 2u;
    if k < params.inputs {
        partials[block + k * 2u] = low;
        partials[block + k * 2u + 1u] = high;
    }
    if k == 0u {
        partials[block + params.inputs * 2u] = bias_low;
        partials[block + params.inputs * 2u + 1u] = bias_high;
    }
}
