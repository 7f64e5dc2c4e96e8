// What a workgroup of a tiled product has to do, and where its numbers lie; the same for every such family.
// needs     const OVER_ROWS, whether the sums run over the rows of the batch (a weight gradient), from the file that
//           imports this one
#import network/product

const TILE_ROWS: u32 = 64u;
const TILE_COLUMNS: u32 = 64u;
const DEPTH: u32 = 16u; // inputs that are staged at a time
// slices end where those of the panel family end, so that both sum the same parts
const SLICE: u32 = 64u;

struct Part {
    member: u32,
    slice: u32,
    first: u32, // of the inputs that are summed
    end: u32,
    row: u32,   // first of the tile's rows
    four: u32,  // first of its outputs, in fours
    alpha: f32, // of the layer
}

fn part_of(tile: vec3<u32>) -> Part {
    let member = tile.z / params.slices;
    let slice = tile.z % params.slices;
    let parts = (params.inputs + SLICE - 1u) / SLICE;
    return Part(
        member,
        slice,
        slice * parts / params.slices * SLICE,
        min((slice + 1u) * parts / params.slices * SLICE, params.inputs),
        tile.y * TILE_ROWS,
        tile.x * (TILE_COLUMNS / 4u),
        alpha[member * params.alpha_member + params.layer],
    );
}

// Four inputs of a row of x, held to what there is; of a weight gradient with the row of ones, whose product with d_y is
// the gradient of the bias.
fn input_of(part: Part, row: u32, four: u32) -> vec4<f32> {
    let stride = params.input_stride * 2u;
    let last = select(params.rows, params.inputs, OVER_ROWS) - 1u;
    let x = input[part.member * params.input_member + min(row, last) * stride + min(four, stride - 1u)];
    let ones = select(0xffffffffu, params.rows - 1u, OVER_ROWS && params.biased == 1u);
    return select(x, vec4<f32>(1.0), vec4<u32>(four * 4u) + vec4<u32>(0u, 1u, 2u, 3u) == vec4<u32>(ones));
}

// Four outputs of input k of the weight, held to what there is; inputs past the last weigh nothing.
fn weight_of(part: Part, k: u32, four: u32) -> vec4<f32> {
    let stride = params.weight_stride * 2u;
    let at = part.member * params.weight_member + min(k, part.end - 1u) * stride + min(part.four + four, stride - 1u);
    return select(vec4<f32>(0.0), weight[at], k < part.end);
}

// What four outputs of a layer start from.
fn bias_of(part: Part, four: u32) -> vec4<f32> {
    if OVER_ROWS || params.biased == 0u { return vec4<f32>(0.0); }
    let stride = params.weight_stride * 2u;
    return weight[part.member * params.weight_member + params.inputs * stride + min(part.four + four, stride - 1u)];
}

// Finishes four outputs of a row of the tile and stores them, if there are such.
fn store(part: Part, row: u32, four: u32, z: vec4<f32>) {
    let stride = params.output_stride * 2u;
    if part.row + row >= params.rows || part.four + four >= stride { return; }
    store_finished(z, (part.row + row) * stride + part.four + four, part.alpha, part.member, part.slice);
}
