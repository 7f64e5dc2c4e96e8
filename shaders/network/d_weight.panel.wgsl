// d_W = x^T d_y, partial sums over slices of the batch that optimiser/reduce adds up in order.
//
// shapes    x (K, R) in panels as `input`, d_y (K, N) as `weight`; y (S, R, N). Where `biased`, row R - 1 is the sum of d_y
// dispatch  tiles of about 160 inputs by 64 outputs, one subgroup of 8 lanes each; workgroup_id.z is the slice
// family    panel: a lane keeps d_y of 64 rows of the batch in eight outputs. Of eight inputs at a time it loads eight rows,
//           picks one input after the other from its registers, and the subgroup broadcasts those: nothing is transposed
//           in memory. Its finish is `store`: for tiles it is a product like others
#import network/finished

const TILE_ROWS: u32 = 160u;
const TILE_COLUMNS: u32 = 64u;
const DEPTH: u32 = 64u;

@compute @workgroup_size(8)
fn main(
    @builtin(workgroup_id) tile: vec3<u32>,
    @builtin(num_workgroups) tiles: vec3<u32>,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    // a software device fetches a parameter anew wherever it is named, lane by lane
    let input_stride = params.input_stride;
    let weight_stride = params.weight_stride;
    let output_stride = params.output_stride;
    let member = tile.z / params.slices;
    let slice = tile.z % params.slices;
    let column = tile.x * 8u + lane;
    let exists = column < output_stride;
    let inputs = params.rows - params.biased;
    // tiles share the inputs evenly, eight by eight
    let eights = (inputs + 7u) / 8u;
    let first_eight = tile.y * eights / tiles.y;
    let end_eight = (tile.y + 1u) * eights / tiles.y;
    let sums_bias = exists && tile.y == 0u && params.biased == 1u;
    never = params.rows == 0u;
    let depths = params.inputs / DEPTH;
    let first = slice * depths / params.slices;
    let end = (slice + 1u) * depths / params.slices;
    let input_at = member * params.input_member + lane * 8u * input_stride;
    let weight_at = member * params.weight_member + column;
    let out = params.output_at + member * params.output_member + slice * params.output_slice + column;
    for (var depth = first; depth < end; depth++) {
        let k = depth * DEPTH;
#for i in 0..64
        let w${i} = unpack_eight(weight[weight_at + (k + ${i}u) * weight_stride]);
#end
        for (var eight = first_eight; eight < end_eight; eight++) {
            let x_at = input_at + k * input_stride + eight;
#for j in 0..8
            let x${j} = unpack_eight(input[x_at + ${j}u * input_stride]);
#end
            let count = min(8u, inputs - eight * 8u);
            var at = out + eight * 8u * output_stride;
            for (var i = 0u; i < count; i++) {
                var even = vec4<f32>(0.0);
                var odd = vec4<f32>(0.0);
                if depth > first {
                    let sum = unpack_eight(output[at]);
                    even = sum.even;
                    odd = sum.odd;
                }
                // input i of the eight, by the bits of i: any other way to index registers goes through memory
                let is_odd = (i & 1u) == 1u;
                let is_second = (i & 2u) == 2u;
                let is_later = (i & 4u) == 4u;
#for j in 0..8
                let four${j} = select(x${j}.even, x${j}.odd, is_odd);
                let two${j} = select(four${j}.xy, four${j}.zw, is_later);
                let one${j} = select(two${j}.x, two${j}.y, is_second);
#end
#for l in 0..8
#for j in 0..8
                let x_${l}_${j} = subgroupBroadcast(one${j}, ${l}u);
                even += x_${l}_${j} * w${l * 8 + j}.even;
                odd += x_${l}_${j} * w${l * 8 + j}.odd;
#end
#end
                if exists { output[at] = pack_eight(Eight(even, odd)); }
                at += output_stride;
            }
        }
        if sums_bias {
            let at = out + inputs * output_stride;
            var sum = Eight(vec4<f32>(0.0), vec4<f32>(0.0));
            if depth > first { sum = unpack_eight(output[at]); }
            var even = sum.even;
            var odd = sum.odd;
#for i in 0..64
            even += w${i}.even;
            odd += w${i}.odd;
#end
            output[at] = pack_eight(Eight(even, odd));
        }
    }
}
