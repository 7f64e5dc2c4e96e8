// y = finish(x W + bias) with the weights held in registers: a lane keeps up to 64 inputs of eight outputs and the rows
// stream by; of each row a lane loads eight inputs, which the subgroup broadcasts one by one, the one cheap way to share a
// value between lanes on a software device. More inputs than that take several passes, summed in the output.
//
// needs     const FIRST, LAST from the file that imports this one: it gets stream_s (8 inputs at a time) for FIRST = 0, up to
//           stream_d (64 at a time) for LAST = 2;
//           input_eight(at), weight_s(at) or weight_d(at) or both, output_eight(at), set_output(at, eight), all in packed
//           eights;
//           finished(z, slope_at, beside_at, p), see network/finish
#import network/jobs

#for deep in FIRST..LAST
fn stream_${deep:sd}(s: Stream, lane: u32) {
    // a software device fetches a parameter anew wherever it is named, lane by lane
    let input_stride = s.input_stride;
    let output_stride = s.output_stride;
    let rows = s.rows;
    let exists = s.column < output_stride;
    let weight_at = s.weight_at + min(s.column, s.weight_stride - 1u);
    let depths = (s.inputs + ${deep * 56 + 7}u) / ${deep * 56 + 8}u;
    for (var depth = 0u; depth < depths; depth++) {
        let k = depth * ${deep * 56 + 8}u;
#for i in 0..deep * 56 + 8
        let w${i} = held_${deep:sd}(k + ${i}u, s, weight_at);
#end
        var start = Eight(vec4<f32>(0.0), vec4<f32>(0.0));
        if s.biased { start = unpack_eight(weight_${deep:sd}(weight_at + s.inputs * s.weight_stride)); }
        let finishes = depth + 1u == depths;
        // lanes past the last input hold zeros, rows past the last are not read
        let has = k / 8u + lane < input_stride;
        var x_at = s.input_at + k / 8u + lane;
        var at = s.column;
        var ahead = vec4<u64>(0lu);
        if has { ahead = input_eight(x_at); }
        for (var row = 0u; row < rows; row++) {
            let x = unpack_eight(ahead);
            var even = start.even;
            var odd = start.odd;
            if depth > 0u && exists {
                let sum = unpack_eight(output_eight(s.output_at + at));
                even = sum.even;
                odd = sum.odd;
            }
#for i in 0..deep * 28 + 4
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
            if has && row + 1u < rows { ahead = input_eight(x_at); }
            if exists {
                var y = Eight(even, odd);
                if finishes { y = finished(y, s.slope_at + at, s.beside_at + at, s.p); }
                set_output(s.output_at + at, pack_eight(y));
            }
            at += output_stride;
        }
    }
}

// Eight outputs of row k of the weight that starts at `at`; rows past the last weigh nothing.
fn held_${deep:sd}(k: u32, s: Stream, at: u32) -> Eight {
    return unpack_eight(select(vec4<u64>(0lu), weight_${deep:sd}(at + k * s.weight_stride), k < s.inputs));
}
#end
