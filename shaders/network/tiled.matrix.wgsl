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
#import network/part

var<workgroup> staged_input: array<f16, 1024>; // (64, DEPTH)
var<workgroup> staged_weight: array<f16, 1024>; // (DEPTH, 64)
var<workgroup> sums: array<f32, 2048>; // (32, 64)

fn sum_tile(tile: vec3<u32>, local: u32, subgroup: u32) {
    let part = part_of(tile);
    let down = subgroup / 2u; // which half of the rows
    let across = subgroup % 2u * 32u; // first of the subgroup's outputs
    for (var i = local; i < 2048u; i += 128u) { sums[i] = 0.0; }
    workgroupBarrier();
#for i in 0..2
#for j in 0..2
    var c${i}${j} = coopLoadT<coop_mat16x16<f32, C>>(&sums[0], 64u);
#end
#end
    for (var k = part.first; k < part.end; k += DEPTH) {
        for (var i = local; i < 256u; i += 128u) {
            var row = part.row + i / 4u;
            var four = k / 4u + i % 4u;
            var to = i * 4u;
            var apart = 1u;
            if OVER_ROWS {
                row = k + i / 16u;
                four = part.row / 4u + i % 16u;
                to = (i % 16u) * 4u * DEPTH + i / 16u;
                apart = DEPTH;
            }
            let x = shortened(input_of(part, row, four), params.input_scale);
            staged_input[to] = x.x;
            staged_input[to + apart] = x.y;
            staged_input[to + 2u * apart] = x.z;
            staged_input[to + 3u * apart] = x.w;
        }
        for (var i = local; i < 256u; i += 128u) {
            let w = shortened(weight_of(part, k + i / 16u, i % 16u), params.weight_scale);
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
            let sum = vec4<f32>(sums[i * 4u], sums[i * 4u + 1u], sums[i * 4u + 2u], sums[i * 4u + 3u]);
            store(part, h * 32u + i / 16u, i % 16u, sum * scale + bias_of(part, i % 16u));
        }
        workgroupBarrier();
    }
}
