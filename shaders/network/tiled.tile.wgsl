// A product of tiles: y = finish(x W + bias), or, OVER_ROWS, the weight gradient x^T d_y.
//
// shapes    see network/product
// dispatch  tiles of 64 rows by 64 outputs, workgroups of 64 invocations; workgroup_id.z is the slice
// family    tile: 16 inputs of the rows and of the weight are staged in workgroup memory (8.3 KiB); each invocation
//           sums eight rows by eight outputs in registers, 64 multiply-adds for 16 staged numbers
// needs     const OVER_ROWS from the file that imports this one
#import network/finished
#import network/over_rows

const TILE_ROWS: u32 = 64u;
const TILE_COLUMNS: u32 = 64u;
const DEPTH: u32 = 16u;
// slices end where those of the panel family end, so that both sum the same parts
const SLICE: u32 = 64u;

var<workgroup> staged_input: array<f32, 1088>; // (DEPTH, 64 + 4): the last four avoid bank conflicts
var<workgroup> staged_weight: array<vec4<f32>, 256>; // (DEPTH, 16) of four outputs

fn sum_tile(tile: vec3<u32>, local: u32) {
    let member = tile.z / params.slices;
    let slice = tile.z % params.slices;
    let p = alpha[member * params.alpha_member + params.layer];
    let weight_at = member * params.weight_member;
    let input_at = member * params.input_member;
    let input_stride = params.input_stride * 2u;
    let weight_stride = params.weight_stride * 2u;
    let output_stride = params.output_stride * 2u;
    let across = local % 8u; // outputs 4 across .. + 4 and the same 32 further
    let down = local / 8u * 8u; // the first of eight rows
    let column = tile.x * 16u + across;
    var bias0 = vec4<f32>(0.0);
    var bias1 = vec4<f32>(0.0);
    if !OVER_ROWS && params.biased == 1u {
        bias0 = weight[weight_at + params.inputs * weight_stride + min(column, weight_stride - 1u)];
        bias1 = weight[weight_at + params.inputs * weight_stride + min(column + 8u, weight_stride - 1u)];
    }
#for r in 0..8
    var low${r} = bias0;
    var high${r} = bias1;
#end
    let parts = (params.inputs + SLICE - 1u) / SLICE;
    let end = min((slice + 1u) * parts / params.slices * SLICE, params.inputs);
    for (var k = slice * parts / params.slices * SLICE; k < end; k += DEPTH) {
        for (var i = local; i < 256u; i += 64u) {
            var row = min(tile.y * TILE_ROWS + i / 4u, params.rows - 1u);
            var four = k / 4u + i % 4u;
            var to = (i % 4u) * 272u + i / 4u;
            var apart = 68u;
            if OVER_ROWS {
                row = min(k + i / 16u, params.inputs - 1u);
                four = tile.y * 16u + i % 16u;
                to = (i / 16u) * 68u + i % 16u * 4u;
                apart = 1u;
            }
            let x = with_ones(input[input_at + row * input_stride + min(four, input_stride - 1u)], four);
            staged_input[to] = x.x;
            staged_input[to + apart] = x.y;
            staged_input[to + 2u * apart] = x.z;
            staged_input[to + 3u * apart] = x.w;
        }
        for (var i = local; i < 256u; i += 64u) {
            let row = k + i / 16u;
            let w = weight[weight_at + min(row, end - 1u) * weight_stride + min(tile.x * 16u + i % 16u, weight_stride - 1u)];
            // rows past the last weigh nothing
            staged_weight[i] = select(vec4<f32>(0.0), w, row < end);
        }
        workgroupBarrier();
        for (var d = 0u; d < DEPTH; d++) {
            let w0 = staged_weight[d * 16u + across];
            let w1 = staged_weight[d * 16u + across + 8u];
#for r in 0..8
            let x${r} = staged_input[d * 68u + down + ${r}u];
            low${r} += x${r} * w0;
            high${r} += x${r} * w1;
#end
        }
        workgroupBarrier();
    }
    let first = tile.y * TILE_ROWS + down;
    let at = first * output_stride + column;
#for r in 0..8
    if first + ${r}u < params.rows {
        if column < output_stride { store_finished(low${r}, at + ${r}u * output_stride, p, member, slice); }
        if column + 8u < output_stride { store_finished(high${r}, at + ${r}u * output_stride + 8u, p, member, slice); }
    }
#end
}
