// Adds the slices of the weight gradients in a fixed order, and measures what comes out: see optimiser/reduce.
//
// shapes    partials (S, P); gradient (P); norms (first_group + ceil(P / 256), 2)
// dispatch  one workgroup, a subgroup of 8 lanes, a 256 gradients
// family    panel: eight numbers a load, no barrier
#import lib/finite
#import lib/eight
#import optimiser/reduce_params

@group(0) @binding(0) var<storage, read> partials: array<vec4<u64>>; // (S, P / 8) of eight
@group(0) @binding(1) var<storage, read_write> gradient: array<vec4<u64>>; // (P / 8) of eight
@group(0) @binding(2) var<storage, read_write> norms: array<f32>; // (groups, 2)
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(8)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    never = params.length == 0u;
    let group = workgroup.y * groups.x + workgroup.x;
    let member = workgroup.z;
    // a software device fetches a parameter anew wherever it is named, lane by lane
    let eights = params.length / 8u;
    let slices = params.slices;
    let partials_at = member * params.partials_member;
    let gradient_at = member * params.gradient_member;
    let end = min((group + 1u) * 32u, eights);
    var squares = 0.0;
    var faults = 0.0;
    for (var i = group * 32u + lane; i < end; i += 8u) {
        var even = vec4<f32>(0.0);
        var odd = vec4<f32>(0.0);
        var at = partials_at + i;
        for (var s = 0u; s < slices; s++) {
            let part = unpack_eight(partials[at]);
            even += part.even;
            odd += part.odd;
            at += eights;
        }
        gradient[gradient_at + i] = pack_eight(Eight(even, odd));
#for h in 0..2
        let four${h} = vec4<f32>(even.${h:xz}, even.${h:yw}, odd.${h:xz}, odd.${h:yw});
        let sound${h} = all_finite(four${h});
        squares += select(0.0, dot(four${h}, four${h}), sound${h});
        faults += select(1.0, 0.0, sound${h});
#end
    }
    var sum = 0.0;
    var bad = 0.0;
#for l in 0..8
    sum += subgroupBroadcast(squares, ${l}u);
    bad += subgroupBroadcast(faults, ${l}u);
#end
    if lane == 0u && group * 256u < params.length {
        let at = member * params.norms_member + (params.first_group + group) * 2u;
        norms[at] = sum;
        norms[at + 1u] = bad;
    }
}
