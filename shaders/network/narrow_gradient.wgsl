// d_W = x^T d_y and d_bias = sum of d_y for at most eight outputs: a lane owns eight inputs, `column`; lane i loads d_y of row
// b + i, one eight, and broadcasts it. Of the job neither `first` and `end` nor `weight_stride` matter.
//
// needs     input_eight(at), weight_eight(at) for d_y, output_eight(at), set_output(at, eight), all in packed eights
#import network/jobs

fn outer_narrow(o: Outer, lane: u32) {
    // a software device fetches a parameter anew wherever it is named, lane by lane
    let stride = o.input_stride;
    let input_at = o.input_at + min(o.column, stride - 1u);
    let weight_at = o.weight_at + lane;
    // sums of the eight inputs with output n
#for n in 0..8
    var even${n} = vec4<f32>(0.0);
    var odd${n} = vec4<f32>(0.0);
#end
    var bias = Eight(vec4<f32>(0.0), vec4<f32>(0.0));
    for (var b = 0u; b < o.rows * 64u; b += 8u) {
        let y = unpack_eight(weight_eight(weight_at + b));
        bias = Eight(bias.even + y.even, bias.odd + y.odd);
        let x_at = input_at + b * stride;
#for r in 0..8
        let x${r} = unpack_eight(input_eight(x_at + ${r}u * stride));
#for n in 0..4
        let ye${r}${n} = subgroupBroadcast(y.even.${n:xyzw}, ${r}u);
        even${n * 2} += x${r}.even * ye${r}${n};
        odd${n * 2} += x${r}.odd * ye${r}${n};
        let yo${r}${n} = subgroupBroadcast(y.odd.${n:xyzw}, ${r}u);
        even${n * 2 + 1} += x${r}.even * yo${r}${n};
        odd${n * 2 + 1} += x${r}.odd * yo${r}${n};
#end
#end
    }
#for c in 0..4
    keep(o, o.column * 8u + ${c * 2}u, Eight(
        vec4<f32>(even0.${c:xyzw}, even2.${c:xyzw}, even4.${c:xyzw}, even6.${c:xyzw}),
        vec4<f32>(even1.${c:xyzw}, even3.${c:xyzw}, even5.${c:xyzw}, even7.${c:xyzw}),
    ), o.inputs);
    keep(o, o.column * 8u + ${c * 2 + 1}u, Eight(
        vec4<f32>(odd0.${c:xyzw}, odd2.${c:xyzw}, odd4.${c:xyzw}, odd6.${c:xyzw}),
        vec4<f32>(odd1.${c:xyzw}, odd3.${c:xyzw}, odd5.${c:xyzw}, odd7.${c:xyzw}),
    ), o.inputs);
#end
    var sum = Eight(vec4<f32>(0.0), vec4<f32>(0.0));
#for r in 0..8
    sum = Eight(sum.even + subgroupBroadcast(bias.even, ${r}u), sum.odd + subgroupBroadcast(bias.odd, ${r}u));
#end
    keep(o, o.inputs, sum, select(0u, o.inputs + 1u, o.biased && o.column == 0u));
}

// Row k of the gradient, if it is below `end`.
fn keep(o: Outer, k: u32, sum: Eight, end: u32) {
    if k < end {
        let at = o.output_at + k * o.output_stride;
        var all = sum;
        if !o.fresh {
            let before = unpack_eight(output_eight(at));
            all = Eight(before.even + sum.even, before.odd + sum.odd);
        }
        set_output(at, pack_eight(all));
    }
}
