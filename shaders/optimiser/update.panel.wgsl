// One optimiser step on a block of parameters, its moving average, and the transposed copy: see optimiser/update.
//
// shapes    all (P) but mirror (M)
// dispatch  one workgroup, a subgroup of 8 lanes, a 256 parameters
// family    panel: eight numbers a load, what all of them need is loaded once
#import lib/finite
#import lib/control
#import lib/eight
#import <rule>
#import optimiser/update_params

@group(0) @binding(0) var<storage, read_write> parameters: array<vec4<u64>>; // (P / 8) of eight
@group(0) @binding(1) var<storage, read> gradient: array<vec4<u64>>; // (P / 8) of eight
@group(0) @binding(2) var<storage, read_write> moments: array<vec4<u64>>; // (2, P / 8) of eight
@group(0) @binding(3) var<storage, read_write> average: array<vec4<u64>>; // (P / 8) of eight, exponential moving average
@group(0) @binding(4) var<storage, read_write> mirror: array<f32>; // (M) transposed weights
@group(0) @binding(5) var<storage, read> mirror_index: array<vec4<u64>>; // (P / 8) of eight: place in the mirror, or 0xffffffff
@group(0) @binding(6) var<storage, read> control: array<vec4<u32>>; // (2) of four, see lib/control
@group(0) @binding(7) var<storage, read_write> fault: array<atomic<u32>>; // [0] 0, or 1 + the step that diverged
@group(0) @binding(8) var<uniform> params: Params;

// Numbers 0 to 3 of eight, then 4 to 7: those are judged together. In each the even ones come first.
struct Fours { low: vec4<f32>, high: vec4<f32> }

fn fours(words: vec4<u64>) -> Fours {
    let e = unpack_eight(words);
    return Fours(vec4<f32>(e.even.xy, e.odd.xy), vec4<f32>(e.even.zw, e.odd.zw));
}

fn pack_fours(f: Fours) -> vec4<u64> {
    return pack_eight(Eight(vec4<f32>(f.low.xy, f.high.xy), vec4<f32>(f.low.zw, f.high.zw)));
}

@compute @workgroup_size(8)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let member = workgroup.z;
    let control_at = member * params.control_member;
    let steps = control[control_at];                  // step, base, diverged, scale
    let rates = bitcast<vec4<f32>>(control[control_at + 1u]); // rate, correct1, correct2, keep
    if steps.z != 0u { return; }
    never = params.total == 0u;
    let scale = bitcast<f32>(steps.w);
    let first = params.first / 8u;
    let block = workgroup.y * groups.x + workgroup.x;
    let end = min((block + 1u) * 32u, params.length / 8u);
    let parameters_at = member * params.parameters_member + first;
    let gradient_at = member * params.gradient_member + first;
    let first_at = member * params.moments_member + first;
    let second_at = first_at + params.total / 8u;
    let average_at = member * params.average_member + first;
    let mirror_at = member * params.mirror_member;
    let index_at = member * params.mirror_index_member + first;
    for (var i = block * 32u + lane; i < end; i += 8u) {
        let p = fours(parameters[parameters_at + i]);
        let g = fours(gradient[gradient_at + i]);
        let m1 = fours(moments[first_at + i]);
        let m2 = fours(moments[second_at + i]);
        let mean = fours(average[average_at + i]);
        let low = rule(p.low, scale * g.low, m1.low, m2.low, rates);
        let high = rule(p.high, scale * g.high, m1.high, m2.high, rates);
        let low_is_sound = all_finite(low.p) && all_finite(low.m1) && all_finite(low.m2);
        let high_is_sound = all_finite(high.p) && all_finite(high.m1) && all_finite(high.m2);
        if !low_is_sound || !high_is_sound { atomicStore(&fault[member * params.fault_member], steps.x); }
        let next = Fours(select(p.low, low.p, low_is_sound), select(p.high, high.p, high_is_sound));
        let next1 = Fours(select(m1.low, low.m1, low_is_sound), select(m1.high, high.m1, high_is_sound));
        let next2 = Fours(select(m2.low, low.m2, low_is_sound), select(m2.high, high.m2, high_is_sound));
        let average_low = rates.w * mean.low + (1.0 - rates.w) * next.low;
        let average_high = rates.w * mean.high + (1.0 - rates.w) * next.high;
        parameters[parameters_at + i] = pack_fours(next);
        moments[first_at + i] = pack_fours(next1);
        moments[second_at + i] = pack_fours(next2);
        average[average_at + i] = pack_fours(Fours(
            select(mean.low, average_low, low_is_sound),
            select(mean.high, average_high, high_is_sound),
        ));
        let places = mirror_index[index_at + i];
        let even = vec4<u32>(places & vec4<u64>(0xfffffffflu));
        let odd = vec4<u32>(places >> vec4<u32>(32u));
#for j in 0..2
        store(mirror_at, even.${j:xy}, next.low.${j:xy}, low_is_sound);
        store(mirror_at, odd.${j:xy}, next.low.${j:zw}, low_is_sound);
        store(mirror_at, even.${j:zw}, next.high.${j:xy}, high_is_sound);
        store(mirror_at, odd.${j:zw}, next.high.${j:zw}, high_is_sound);
#end
    }
}

fn store(mirror_at: u32, place: u32, value: f32, is_sound: bool) {
    if is_sound && place != 0xffffffffu { mirror[mirror_at + place] = value; }
}
