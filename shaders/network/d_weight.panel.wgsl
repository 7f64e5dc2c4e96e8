// d_W = x^T d_y, partial sums over slices of the batch that optimiser/reduce adds up in order.
//
// shapes    x (K, R) in panels as `input`, d_y (K, N) as `weight`; y (S, R, N). Where `biased`, row R - 1 is the sum of d_y
// dispatch  tiles of about 160 inputs by 64 outputs, one subgroup of 8 lanes each; workgroup_id.z is the slice
// family    panel: see network/held_gradients. Its finish is `store`: for tiles it is a product like others
#import network/finished
#import network/held_gradients
#import network/product_eights

const TILE_ROWS: u32 = 160u;
const TILE_COLUMNS: u32 = 64u;

@compute @workgroup_size(8)
fn main(
    @builtin(workgroup_id) tile: vec3<u32>,
    @builtin(num_workgroups) tiles: vec3<u32>,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    never = params.rows == 0u;
    let member = tile.z / params.slices;
    let slice = tile.z % params.slices;
    let inputs = params.rows - params.biased;
    // tiles share the inputs evenly, eight by eight
    let eights = (inputs + 7u) / 8u;
    let depths = params.inputs / 64u;
    let first = slice * depths / params.slices;
    let end = (slice + 1u) * depths / params.slices;
    outer(Outer(
        end - first,
        inputs,
        tile.y == 0u && params.biased == 1u,
        true,
        tile.x * 8u + lane,
        tile.y * eights / tiles.y,
        (tile.y + 1u) * eights / tiles.y,
        member * params.input_member + first * 64u * params.input_stride,
        params.input_stride,
        member * params.weight_member + first * 64u * params.weight_stride,
        params.weight_stride,
        params.output_at + member * params.output_member + slice * params.output_slice,
        params.output_stride,
    ), lane);
}
