// The weight gradients of all layers from what fused/forward and fused/backward left, over slices of the batch that
// optimiser/reduce adds up in order:
//
//   d_W = x^T d_z,  d_bias = sum of d_z
//
// shapes    control, values, gradients: fused/forward; partials (S, P)
// dispatch  S (L + 1) workgroups, a layer and slice each, one subgroup of 8 lanes; a slice is a share of the tiles;
//           workgroup_id.z is the member of the ensemble
// family    panel: see network/held_gradients
#import fused/rows
#import network/held_gradients
#import network/narrow_gradient

struct Params {
    rows: u32,   // B, without padding
    tiles: u32,  // T
    share: u32,  // panels of 64 rows in a tile
    longer: u32, // tiles that have one more
    layers: u32, // L + 1
    values_line: u32,    // numbers of a row of `values`, in fours
    gradients_line: u32, // of `gradients`
    slices: u32, // S
    length: u32, // P
    // from member to member of an ensemble, filled in by the host
    control_member: u32,
    values_member: u32,
    gradients_member: u32,
    partials_member: u32,
}

@group(0) @binding(0) var<storage, read> control: array<u32>; // [12] the layers
@group(0) @binding(1) var<storage, read> values: array<vec4<u64>>; // (T, ROWS x values_line / 2) of eight
@group(0) @binding(2) var<storage, read> gradients: array<vec4<u64>>; // (T, ROWS x gradients_line / 2) of eight
@group(0) @binding(3) var<storage, read_write> partials: array<vec4<u64>>; // (S, P / 8) of eight outputs
@group(0) @binding(4) var<uniform> params: Params;

fn input_eight(at: u32) -> vec4<u64> {
    return values[at];
}

fn weight_eight(at: u32) -> vec4<u64> {
    return gradients[at];
}

fn output_eight(at: u32) -> vec4<u64> {
    return partials[at];
}

fn set_output(at: u32, eight: vec4<u64>) {
    partials[at] = eight;
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let member = workgroup.z;
    let slice = workgroup.x / params.layers;
    let i = workgroup.x % params.layers;
    let is_head = i + 1u == params.layers;
    let out = member * params.partials_member + slice * (params.length / 8u);
    let first = slice * params.tiles / params.slices;
    let end = (slice + 1u) * params.tiles / params.slices;
    for (var t = first; t < end; t++) {
        let rows = rows_of(t, member);
        let l = layer_of(i, rows);
        let across = eights(l.inputs);
        let stride = eights(l.outputs);
        // what one of the two kinds has to do is nothing for the other: a software device computes both sides of a branch
        let eights_of_head = select(0u, across, is_head);
        let columns = select(stride, 0u, is_head);
        for (var column = 0u; column < eights_of_head; column += 8u) {
            outer_narrow(Outer(
                rows.count / 64u, l.inputs, true, t == first, column + lane, 0u, across, l.input_at, across, l.gradient_at,
                1u, out + l.at, 1u,
            ), lane);
        }
        for (var column = 0u; column < columns; column += 8u) {
            outer(Outer(
                rows.count / 64u, l.inputs, true, t == first, column + lane, 0u, across, l.input_at, across, l.gradient_at,
                stride, out + l.at, stride,
            ), lane);
        }
    }
}
