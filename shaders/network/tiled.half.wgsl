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
#import network/part

var<workgroup> staged_input: array<vec4<f16>, 260>; // (DEPTH / 4, 64 + 1) of four inputs
var<workgroup> staged_weight: array<vec4<f16>, 256>; // (DEPTH, 16) of four outputs

fn sum_tile(tile: vec3<u32>, local: u32) {
    let part = part_of(tile);
    let across = local % 8u; // outputs 4 across .. + 4 and the same 32 further
    let down = local / 8u * 8u; // the first of eight rows
#for r in 0..8
    var low${r} = vec4<f32>(0.0);
    var high${r} = vec4<f32>(0.0);
#end
    for (var k = part.first; k < part.end; k += DEPTH) {
        if OVER_ROWS {
            // four features of four rows, turned
#for r in 0..4
            let x${r} = shortened(input_of(part, k + local / 16u * 4u + ${r}u, part.row / 4u + local % 16u), params.input_scale);
#end
#for c in 0..4
            staged_input[(local / 16u) * 65u + local % 16u * 4u + ${c}u] =
                vec4<f16>(x0.${c:xyzw}, x1.${c:xyzw}, x2.${c:xyzw}, x3.${c:xyzw});
#end
        } else {
            for (var i = local; i < 256u; i += 64u) {
                let x = input_of(part, part.row + i / 4u, k / 4u + i % 4u);
                staged_input[(i % 4u) * 65u + i / 4u] = shortened(x, params.input_scale);
            }
        }
        for (var i = local; i < 256u; i += 64u) {
            staged_weight[i] = shortened(weight_of(part, k + i / 16u, i % 16u), params.weight_scale);
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
    let bias0 = bias_of(part, across);
    let bias1 = bias_of(part, across + 8u);
#for r in 0..8
    store(part, down + ${r}u, across, low${r} * scale + bias0);
    store(part, down + ${r}u, across + 8u, high${r} * scale + bias1);
#end
}
