// d_W = x^T d_y and d_bias = sum of d_y for at most eight outputs, over one slice of the batch: partial sums that
// optimiser/reduce adds up in order.
//
// shapes    input x (B, K), d_output (B, N) in panels; partials (S, P): in each slice the layer's (K + 1, 8) block starts
//           at `at`, the bias gradient in row K
// dispatch  tiles of 64 inputs, one subgroup of 8 lanes each; workgroup_id.z is the slice
// family    panel, for few outputs: a lane owns eight inputs; lane i loads d_y of row b + i and broadcasts it
#import lib/eight

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

@group(0) @binding(0) var<storage, read> input: array<vec4<u64>>; // (B, stride) of eight inputs
@group(0) @binding(1) var<storage, read> d_output: array<vec4<u64>>; // (B) of eight outputs
@group(0) @binding(2) var<storage, read_write> partials: array<vec4<u64>>; // (S, P / 8) of eight outputs
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    // a software device fetches a parameter anew wherever it is named, lane by lane
    let stride = params.stride;
    let member = tile.z / params.slices;
    let slice = tile.z % params.slices;
    let column = tile.y * 8u + lane;
    let input_at = member * params.input_member + column;
    let d_output_at = member * params.d_output_member + lane;
    // sums of the eight inputs with output n
#for n in 0..8
    var even${n} = vec4<f32>(0.0);
    var odd${n} = vec4<f32>(0.0);
#end
    var bias = Eight(vec4<f32>(0.0), vec4<f32>(0.0));
    let end = (slice + 1u) * params.panels / params.slices * 64u;
    for (var b = slice * params.panels / params.slices * 64u; b < end; b += 8u) {
        let y = unpack_eight(d_output[d_output_at + b]);
        bias = Eight(bias.even + y.even, bias.odd + y.odd);
        let x_at = input_at + b * stride;
#for r in 0..8
        let x${r} = unpack_eight(input[x_at + ${r}u * stride]);
#for n in 0..4
        let ye${r}${n} = subgroupBroadcast(y.even.${n:xyzw}, ${r}u);
        even${n * 2} += x${r}.even * ye${r}${n};
        odd${n * 2} += x${r}.odd * ye${r}${n};
        let yo${r}${n} = subgroupBroadcast(y.odd.${n:xyzw}, ${r}u);
        even${n * 2 + 1} += x${r}.even * yo${r}${n};
        odd${n * 2 + 1} += x${r}.odd * yo${r}${n};
#end
#end
    }
    let block = member * params.partials_member + slice * params.length + params.at;
#for c in 0..4
    if column * 8u + ${c * 2}u < params.inputs {
        let e = vec4<f32>(even0.${c:xyzw}, even2.${c:xyzw}, even4.${c:xyzw}, even6.${c:xyzw});
        let o = vec4<f32>(even1.${c:xyzw}, even3.${c:xyzw}, even5.${c:xyzw}, even7.${c:xyzw});
        partials[block + column * 8u + ${c * 2}u] = pack_eight(Eight(e, o));
    }
    if column * 8u + ${c * 2 + 1}u < params.inputs {
        let e = vec4<f32>(odd0.${c:xyzw}, odd2.${c:xyzw}, odd4.${c:xyzw}, odd6.${c:xyzw});
        let o = vec4<f32>(odd1.${c:xyzw}, odd3.${c:xyzw}, odd5.${c:xyzw}, odd7.${c:xyzw});
        partials[block + column * 8u + ${c * 2 + 1}u] = pack_eight(Eight(e, o));
    }
#end
    var sum = Eight(vec4<f32>(0.0), vec4<f32>(0.0));
#for r in 0..8
    sum = Eight(sum.even + subgroupBroadcast(bias.even, ${r}u), sum.odd + subgroupBroadcast(bias.odd, ${r}u));
#end
    if tile.y == 0u && lane == 0u { partials[block + params.inputs] = pack_eight(sum); }
}
