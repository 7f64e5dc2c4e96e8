// A product of tiles: y = finish(x W + bias), or, OVER_ROWS, the weight gradient x^T d_y.
//
// shapes    see network/product
// dispatch  tiles of 64 rows by 64 outputs, workgroups of 64 invocations; workgroup_id.z is the slice
// family    tile: 16 inputs of the rows and of the weight are staged in workgroup memory (8.3 KiB); each invocation
//           sums eight rows by eight outputs in registers, 64 multiply-adds for 16 staged numbers
// needs     const OVER_ROWS from the file that imports this one
#import network/finished
#import network/part

var<workgroup> staged_input: array<f32, 1088>; // (DEPTH, 64 + 4): the last four avoid bank conflicts
var<workgroup> staged_weight: array<vec4<f32>, 256>; // (DEPTH, 16) of four outputs

fn sum_tile(tile: vec3<u32>, local: u32) {
    let part = part_of(tile);
    let across = local % 8u; // outputs 4 across .. + 4 and the same 32 further
    let down = local / 8u * 8u; // the first of eight rows
#for r in 0..8
    var low${r} = bias_of(part, across);
    var high${r} = bias_of(part, across + 8u);
#end
    for (var k = part.first; k < part.end; k += DEPTH) {
        for (var i = local; i < 256u; i += 64u) {
            var row = part.row + i / 4u;
            var four = k / 4u + i % 4u;
            var to = (i % 4u) * 272u + i / 4u;
            var apart = 68u;
            if OVER_ROWS {
                row = k + i / 16u;
                four = part.row / 4u + i % 16u;
                to = (i / 16u) * 68u + i % 16u * 4u;
                apart = 1u;
            }
            let x = input_of(part, row, four);
            staged_input[to] = x.x;
            staged_input[to + apart] = x.y;
            staged_input[to + 2u * apart] = x.z;
            staged_input[to + 3u * apart] = x.w;
        }
        for (var i = local; i < 256u; i += 64u) { staged_weight[i] = weight_of(part, k + i / 16u, i % 16u); }
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
#for r in 0..8
    store(part, down + ${r}u, across, low${r});
    store(part, down + ${r}u, across + 8u, high${r});
#end
}
