// y = finish(x W + bias) for at most eight outputs: a lane owns four of 32 rows; lane i loads row k + i of the weight and
// broadcasts it.
//
// needs     input_eight(at), weight_eight(at), set_output(at, eight), all in packed eights;
//           finished_narrow(z, slope_at, beside_at, p), see network/finish
#import network/jobs

fn narrow(s: Stream, lane: u32) {
    // a software device fetches a parameter anew wherever it is named, lane by lane
    let inputs = s.inputs;
    let weight_stride = s.weight_stride;
    var bias = Eight(vec4<f32>(0.0), vec4<f32>(0.0));
    if s.biased { bias = unpack_eight(weight_eight(s.weight_at + inputs * weight_stride)); }
    let last = s.rows - 1u;
    for (var first = 0u; first < s.rows; first += 32u) {
#for r in 0..4
        let row${r} = first + ${r * 8}u + lane;
        var x_at${r} = s.input_at + min(row${r}, last) * s.input_stride;
        var even${r} = bias.even;
        var odd${r} = bias.odd;
#end
        for (var k = 0u; k < inputs; k += 8u) {
            // rows past the last weigh nothing
            let row = min(k + lane, inputs - 1u) * weight_stride;
            let w = unpack_eight(select(vec4<u64>(0lu), weight_eight(s.weight_at + row), k + lane < inputs));
#for r in 0..4
            let x${r} = unpack_eight(input_eight(x_at${r}));
            x_at${r} += 1u;
#end
#for i in 0..4
            let we${i} = subgroupBroadcast(w.even, ${i * 2}u);
            let wo${i} = subgroupBroadcast(w.odd, ${i * 2}u);
            let ve${i} = subgroupBroadcast(w.even, ${i * 2 + 1}u);
            let vo${i} = subgroupBroadcast(w.odd, ${i * 2 + 1}u);
#for r in 0..4
            even${r} += x${r}.even.${i:xyzw} * we${i} + x${r}.odd.${i:xyzw} * ve${i};
            odd${r} += x${r}.even.${i:xyzw} * wo${i} + x${r}.odd.${i:xyzw} * vo${i};
#end
#end
        }
#for r in 0..4
        if row${r} <= last {
            let at = row${r} * s.output_stride;
            let y = finished_narrow(Eight(even${r}, odd${r}), s.slope_at + at, s.beside_at + at, s.p);
            set_output(s.output_at + at, pack_eight(y));
        }
#end
    }
}
