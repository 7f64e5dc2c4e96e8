// A product of tiles with factors rounded to f16: y = finish(x W + bias), or, OVER_ROWS, the weight gradient x^T d_y.
//
// Four products are added in f16, such sums in f32. Factors are scaled by powers of two, so that gradients do not fall below
// the smallest f16; what exceeds the greatest becomes the greatest.
// shapes    see network/product
// dispatch  tiles of 64 rows by 64 outputs, workgroups of 64 invocations; workgroup_id.z is the slice
// family    half: 16 inputs of the rows and of the weight are staged in workgroup memory (4.1 KiB); each invocation
//           sums eight rows by eight outputs in registers, 256 multiply-adds for 16 staged vectors of four
// needs     `enable f16` and const OVER_ROWS from the file that imports this one
#import lib/half
#import network/finished
#import network/over_rows

const TILE_ROWS: u32 = 64u;
const TILE_COLUMNS: u32 = 64u;
const DEPTH: u32 = 16u;
// slices end where those of the panel family end, so that both sum the same parts
const SLICE: u32 = 64u;

var<workgroup> staged_input: array<vec4<f16>, 260>; // (DEPTH / 4, 64 + 1) of four inputs
var<workgroup> staged_weight: array<vec4<f16>, 256>; // (DEPTH, 16) of four outputs

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
#for r in 0..8
    var low${r} = vec4<f32>(0.0);
    var high${r} = vec4<f32>(0.0);
#end
    let parts = (params.inputs + SLICE - 1u) / SLICE;
    let end = min((slice + 1u) * parts / params.slices * SLICE, params.inputs);
    for (var k = slice * parts / params.slices * SLICE; k < end; k += DEPTH) {
        if OVER_ROWS {
            let four = tile.y * 16u + local % 16u;
            let at = input_at + (k + local / 16u * 4u) * input_stride + min(four, input_stride - 1u);
#for r in 0..4
            let x${r} = shortened(with_ones(input[at + ${r}u * input_stride], four), params.input_scale);
#end
#for c in 0..4
            staged_input[(local / 16u) * 65u + local % 16u * 4u + ${c}u] =
                vec4<f16>(x0.${c:xyzw}, x1.${c:xyzw}, x2.${c:xyzw}, x3.${c:xyzw});
#end
        } else {
            for (var i = local; i < 256u; i += 64u) {
                let row = min(tile.y * TILE_ROWS + i / 4u, params.rows - 1u);
                let x = input[input_at + row * input_stride + min(k / 4u + i % 4u, input_stride - 1u)];
                staged_input[(i % 4u) * 65u + i / 4u] = shortened(x, params.input_scale);
            }
        }
        for (var i = local; i < 256u; i += 64u) {
            let row = k + i / 16u;
            let w = weight[weight_at + min(row, end - 1u) * weight_stride + min(tile.x * 16u + i % 16u, weight_stride - 1u)];
            // rows past the last weigh nothing
            staged_weight[i] = select(vec4<f16>(0.0h), shortened(w, params.weight_scale), row < end);
        }
        workgroupBarrier();
        for (var q = 0u; q < DEPTH / 4u; q++) {
#for d in 0..4
            let l${d} = staged_weight[(q * 4u + ${d}u) * 16u + across];
            let h${d} = staged_weight[(q * 4u + ${d}u) * 16u + across + 8u];
#end
#for r in 0..8
            let x${r} = staged_input[q * 65u + down + ${r}u];
            low${r} += vec4<f32>(x${r}.x * l0 + x${r}.y * l1 + x${r}.z * l2 + x${r}.w * l3);
            high${r} += vec4<f32>(x${r}.x * h0 + x${r}.y * h1 + x${r}.z * h2 + x${r}.w * h3);
#end
        }
        workgroupBarrier();
    }
    let scale = 1.0 / (params.input_scale * params.weight_scale);
    var bias0 = vec4<f32>(0.0);
    var bias1 = vec4<f32>(0.0);
    if !OVER_ROWS && params.biased == 1u {
        bias0 = weight[weight_at + params.inputs * weight_stride + min(column, weight_stride - 1u)];
        bias1 = weight[weight_at + params.inputs * weight_stride + min(column + 8u, weight_stride - 1u)];
    }
    let first = tile.y * TILE_ROWS + down;
    let at = first * output_stride + column;
#for r in 0..8
    if first + ${r}u < params.rows {
        if column < output_stride { store_finished(low${r} * scale + bias0, at + ${r}u * output_stride, p, member, slice); }
        if column + 8u < output_stride { store_finished(high${r} * scale + bias1, at + ${r}u * output_stride + 8u, p, member, slice); }
    }
#end
}
