// What a workgroup of a panel kernel has to do of a product.
//
// shapes    see network/product
#import network/finished
#import network/jobs
#import network/product_eights

const TILE_ROWS: u32 = 256u;
const TILE_COLUMNS: u32 = 64u;

// What a workgroup has to do.
fn stream_of(tile: vec3<u32>, tiles: vec3<u32>, lane: u32) -> Stream {
    never = params.rows == 0u;
    let member = tile.z;
    // tiles share the rows evenly, so that the last one is not a sliver
    let each = params.rows / tiles.y;
    let more = params.rows % tiles.y;
    let first = tile.y * each + min(tile.y, more);
    let end = first + each + select(0u, 1u, tile.y < more);
    let at = first * params.output_stride;
    return Stream(
        end - first,
        params.inputs,
        params.biased == 1u,
        tile.x * 8u + lane,
        alpha[member * params.alpha_member + params.layer],
        member * params.input_member + first * params.input_stride,
        params.input_stride,
        member * params.weight_member,
        params.weight_stride,
        member * params.output_member + at,
        params.output_stride,
        member * params.slope_member + at,
        member * params.beside_member + at,
    );
}
