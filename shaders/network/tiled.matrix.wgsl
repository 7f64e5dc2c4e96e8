// A product of tiles by cooperative matrices: y = finish(x W + bias), or, OVER_ROWS, the weight gradient x^T d_y.
//
// Factors are rounded to f16 as in the family half; products and sums are the matrix units', in f32.
// shapes    see network/product
// dispatch  tiles of 64 rows by 64 outputs, workgroups of 128 invocations; workgroup_id.z is the slice
// family    matrix: four subgroups of 32 lanes sum 32 rows by 32 outputs each, as 2 x 2 matrices of 16 x 16; 16 inputs at a
//           time are staged in workgroup memory, through which the sums leave as well, half the rows at a time (12 KiB)
// needs     both `enable`s and const OVER_ROWS from the file that imports this one
#import lib/half
#import network/finished
#import network/over_rows

const TILE_ROWS: u32 = 64u;
const TILE_COLUMNS: u32 = 64u;
const DEPTH: u32 = 16u;
// slices end where those of the panel family end, so that both sum the same parts
const SLICE: u32 = 64u;

var<workgroup> staged_input: array<f16, 1024>; // (64, DEPTH)
var<workgroup> staged_weight: array<f16, 1024>; // (DEPTH, 64)
var<workgroup> sums: array<f32, 2048>; // (32, 64)

fn sum_tile(tile: vec3<u32>, local: u32, subgroup: u32) {
    let member = tile.z / params.slices;
    let slice = tile.z % params.slices;
    let p = alpha[member * params.alpha_member + params.layer];
    let weight_at = member * params.weight_member;
    let input_at = member * params.input_member;
    let input_stride = params.input_stride * 2u;
    let weight_stride = params.weight_stride * 2u;
    let output_stride = params.output_stride * 2u;
    let down = subgroup / 2u; // which half of the rows
    let across = subgroup % 2u * 32u; // first of the subgroup's outputs
    for (var i = local; i < 2048u; i += 128u) { sums[i] = 0.0; }
    workgroupBarrier();
#for i in 0..2
#for j in 0..2
    var c${i}${j} = coopLoadT<coop_mat16x16<f32, C>>(&sums[0], 64u);
#end
#end
    let parts = (params.inputs + SLICE - 1u) / SLICE;
    let end = min((slice + 1u) * parts / params.slices * SLICE, params.inputs);
    for (var k = slice * parts / params.slices * SLICE; k < end; k += DEPTH) {
        for (var i = local; i < 256u; i += 128u) {
            var row = min(tile.y * TILE_ROWS + i / 4u, params.rows - 1u);
            var four = k / 4u + i % 4u;
            var to = i * 4u;
            var apart = 1u;
            if OVER_ROWS {
                row = min(k + i / 16u, params.inputs - 1u);
                four = tile.y * 16u + i % 16u;
                to = (i % 16u) * 4u * DEPTH + i / 16u;
                apart = DEPTH;
            }
            let x = shortened(with_ones(input[input_at + row * input_stride + min(four, input_stride - 1u)], four), params.input_scale);
            staged_input[to] = x.x;
            staged_input[to + apart] = x.y;
            staged_input[to + 2u * apart] = x.z;
            staged_input[to + 3u * apart] = x.w;
        }
        for (var i = local; i < 256u; i += 128u) {
            let row = k + i / 16u;
            let place = min(row, end - 1u) * weight_stride + min(tile.x * 16u + i % 16u, weight_stride - 1u);
            // rows past the last weigh nothing
            let w = select(vec4<f16>(0.0h), shortened(weight[weight_at + place], params.weight_scale), row < end);
            staged_weight[i * 4u] = w.x;
            staged_weight[i * 4u + 1u] = w.y;
            staged_weight[i * 4u + 2u] = w.z;
            staged_weight[i * 4u + 3u] = w.w;
        }
        workgroupBarrier();
#for i in 0..2
        let a${i} = coopLoadT<coop_mat16x16<f16, A>>(&staged_input[(down * 32u + ${i * 16}u) * DEPTH], DEPTH);
        let b${i} = coopLoadT<coop_mat16x16<f16, B>>(&staged_weight[across + ${i * 16}u], 64u);
#end
#for i in 0..2
#for j in 0..2
        c${i}${j} = coopMultiplyAdd(a${i}, b${j}, c${i}${j});
#end
#end
        workgroupBarrier();
    }
    let scale = 1.0 / (params.input_scale * params.weight_scale);
    for (var h = 0u; h < 2u; h++) {
        if down == h {
#for i in 0..2
#for j in 0..2
            coopStoreT(c${i}${j}, &sums[${i * 1024}u + across + ${j * 16}u], 64u);
#end
#end
        }
        workgroupBarrier();
        for (var i = local; i < 512u; i += 128u) {
            let row = tile.y * TILE_ROWS + h * 32u + i / 16u;
            let column = tile.x * 16u + i % 16u;
            if row < params.rows && column < output_stride {
                var bias = vec4<f32>(0.0);
                if !OVER_ROWS && params.biased == 1u { bias = weight[weight_at + params.inputs * weight_stride + column]; }
                let sum = vec4<f32>(sums[i * 4u], sums[i * 4u + 1u], sums[i * 4u + 2u], sums[i * 4u + 3u]);
                store_finished(sum * scale + bias, row * output_stride + column, p, member, slice);
            }
        }
        workgroupBarrier();
    }
}
