// d_W = x^T d_y, d_bias = sum of d_y, with the gradients held in registers: a lane keeps d_y of 64 rows of the batch in eight
// outputs. Of eight inputs at a time it loads eight rows, picks one input after the other from its registers, and the
// subgroup broadcasts those: nothing is transposed in memory.
//
// needs     input_eight(at), weight_eight(at) for d_y, output_eight(at), set_output(at, eight), all in packed eights
#import network/jobs

fn outer(o: Outer, lane: u32) {
    // a software device fetches a parameter anew wherever it is named, lane by lane
    let input_stride = o.input_stride;
    let weight_stride = o.weight_stride;
    let output_stride = o.output_stride;
    let inputs = o.inputs;
    let exists = o.column < output_stride;
    let sums_bias = exists && o.biased;
    let input_at = o.input_at + lane * 8u * input_stride;
    let weight_at = o.weight_at + min(o.column, weight_stride - 1u);
    let out = o.output_at + o.column;
    for (var depth = 0u; depth < o.rows; depth++) {
        let k = depth * 64u;
        let adds = !o.fresh || depth > 0u;
#for i in 0..64
        let w${i} = unpack_eight(weight_eight(weight_at + (k + ${i}u) * weight_stride));
#end
        for (var eight = o.first; eight < o.end; eight++) {
            let x_at = input_at + k * input_stride + eight;
#for j in 0..8
            let x${j} = unpack_eight(input_eight(x_at + ${j}u * input_stride));
#end
            let count = min(8u, inputs - eight * 8u);
            var at = out + eight * 8u * output_stride;
            for (var i = 0u; i < count; i++) {
                var even = vec4<f32>(0.0);
                var odd = vec4<f32>(0.0);
                if adds {
                    let sum = unpack_eight(output_eight(at));
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
                if exists { set_output(at, pack_eight(Eight(even, odd))); }
                at += output_stride;
            }
        }
        if sums_bias {
            let at = out + inputs * output_stride;
            var sum = Eight(vec4<f32>(0.0), vec4<f32>(0.0));
            if adds { sum = unpack_eight(output_eight(at)); }
            var even = sum.even;
            var odd = sum.odd;
#for i in 0..64
            even += w${i}.even;
            odd += w${i}.odd;
#end
            set_output(at, pack_eight(Eight(even, odd)));
        }
    }
}
