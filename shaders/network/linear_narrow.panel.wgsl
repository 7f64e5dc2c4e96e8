// y = finish(x W + bias) for at most eight outputs: a head.
//
// shapes    see network/product
// dispatch  tiles of 256 rows, one subgroup of 8 lanes each
// family    panel, for few outputs: a lane owns four of 32 rows; lane i loads row k + i of the weight and broadcasts it
#import network/finished

const TILE_ROWS: u32 = 256u;
const TILE_COLUMNS: u32 = 8u;

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    // a software device fetches a parameter anew wherever it is named, lane by lane
    let inputs = params.inputs;
    let weight_stride = params.weight_stride;
    let member = tile.z;
    let p = alpha[member * params.alpha_member + params.layer];
    let weight_at = member * params.weight_member;
    let input_at = member * params.input_member;
    let output_at = member * params.output_member;
    let slope_at = member * params.slope_member;
    let beside_at = member * params.beside_member;
    var bias = Eight(vec4<f32>(0.0), vec4<f32>(0.0));
    if params.biased == 1u { bias = unpack_eight(weight[weight_at + params.inputs * params.weight_stride]); }
    let last = params.rows - 1u;
    let end = min((tile.y + 1u) * TILE_ROWS, params.rows);
    for (var first = tile.y * TILE_ROWS; first < end; first += 32u) {
#for r in 0..4
        let row${r} = first + ${r * 8}u + lane;
        var x_at${r} = input_at + min(row${r}, last) * params.input_stride;
        var even${r} = bias.even;
        var odd${r} = bias.odd;
#end
        for (var k = 0u; k < inputs; k += 8u) {
            // rows past the last weigh nothing
            let row = min(k + lane, inputs - 1u) * weight_stride;
            let w = unpack_eight(select(vec4<u64>(0lu), weight[weight_at + row], k + lane < inputs));
#for r in 0..4
            let x${r} = unpack_eight(input[x_at${r}]);
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
            let at = row${r} * params.output_stride;
            output[output_at + at] =
                pack_eight(finished(Eight(even${r}, odd${r}), slope_at + at, beside_at + at, p));
        }
#end
    }
}
