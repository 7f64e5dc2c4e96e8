// y = finish(x W + bias) with the weights held in registers: a lane keeps DEPTH inputs of eight outputs and the rows
// stream by; of each row a lane loads eight inputs, which the subgroup broadcasts one by one, the one cheap way to share a
// value between lanes on a software device. More inputs than DEPTH take several passes, summed in `output`.
//
// shapes    see network/product
// dispatch  tiles of at most 256 rows by 64 outputs, one subgroup of 8 lanes each
// needs     const DEPTH, a multiple of 8 up to 64, from the file that imports this one
#import network/finished

fn sum_tile(tile: vec3<u32>, tiles: vec3<u32>, lane: u32) {
    // a software device fetches a parameter anew wherever it is named, lane by lane
    let input_stride = params.input_stride;
    let output_stride = params.output_stride;
    let member = tile.z;
    let p = alpha[member * params.alpha_member + params.layer];
    let weight_at = member * params.weight_member + tile.x * 8u + lane;
    let column = tile.x * 8u + lane;
    // tiles share the rows evenly, so that the last one is not a sliver
    let first_row = tile.y * params.rows / tiles.y;
    let end_row = (tile.y + 1u) * params.rows / tiles.y;
    never = params.rows == 0u;
    let exists = column < output_stride;
    let depths = (params.inputs + DEPTH - 1u) / DEPTH;
    for (var depth = 0u; depth < depths; depth++) {
        let k = depth * DEPTH;
#for i in 0..DEPTH
        let w${i} = held(k + ${i}u, weight_at);
#end
        var start = Eight(vec4<f32>(0.0), vec4<f32>(0.0));
        if params.biased == 1u { start = unpack_eight(weight[weight_at + params.inputs * params.weight_stride]); }
        let finishes = depth + 1u == depths;
        var x_at = member * params.input_member + first_row * input_stride + k / 8u + min(lane, DEPTH / 8u - 1u);
        var at = first_row * output_stride + column;
        let slope_at = member * params.slope_member;
        let beside_at = member * params.beside_member;
        let out = member * params.output_member;
        var ahead = input[x_at];
        for (var row = first_row; row < end_row; row++) {
            let x = unpack_eight(ahead);
            var even = start.even;
            var odd = start.odd;
            if depth > 0u {
                let sum = unpack_eight(output[out + at]);
                even = sum.even;
                odd = sum.odd;
            }
#for i in 0..DEPTH / 2
            let x${i * 2} = subgroupBroadcast(x.even.${i % 4:xyzw}, ${i / 4}u);
            even += x${i * 2} * w${i * 2}.even;
            odd += x${i * 2} * w${i * 2}.odd;
            let x${i * 2 + 1} = subgroupBroadcast(x.odd.${i % 4:xyzw}, ${i / 4}u);
            even += x${i * 2 + 1} * w${i * 2 + 1}.even;
            odd += x${i * 2 + 1} * w${i * 2 + 1}.odd;
#end
            // The next row is loaded here, not where it is needed: a load ends a block of instructions, and where what becomes
            // of the sums is in one block with them, llvmpipe's compiler finishes output after output, at half the speed.
            x_at += input_stride;
            ahead = input[x_at];
            if exists {
                var y = Eight(even, odd);
                if finishes { y = finished(y, slope_at + at, beside_at + at, p); }
                output[out + at] = pack_eight(y);
            }
            at += output_stride;
        }
    }
}

// Eight outputs of row k of the weight that starts at `at`; rows past the last weigh nothing.
fn held(k: u32, at: u32) -> Eight {
    return unpack_eight(select(vec4<u64>(0lu), weight[at + k * params.weight_stride], k < params.inputs));
}
