// One optimiser step on a block of parameters, its moving average, and the transposed copy the way back reads:
//
//   (p, m1, m2) = rule(p, scale * gradient, m1, m2),   ema = keep ema + (1 - keep) p,   mirror[mirror_index] = p
//
// Nothing is written once a step has diverged, nor are values that would not be finite: they set the fault instead.
// shapes    all (P) but mirror (M)
// dispatch  one workgroup of 64 a 256 parameters
#import lib/index
#import lib/finite
#import lib/control
#import <rule>
#import optimiser/update_params

@group(0) @binding(0) var<storage, read_write> parameters: array<vec4<f32>>; // (P / 4) of four
@group(0) @binding(1) var<storage, read> gradient: array<vec4<f32>>; // (P / 4) of four
@group(0) @binding(2) var<storage, read_write> moments: array<vec4<f32>>; // (2, P / 4) of four
@group(0) @binding(3) var<storage, read_write> average: array<vec4<f32>>; // (P / 4) of four, exponential moving average
@group(0) @binding(4) var<storage, read_write> mirror: array<f32>; // (M) transposed weights
@group(0) @binding(5) var<storage, read> mirror_index: array<vec4<u32>>; // (P / 4) of four: place in the mirror, or 0xffffffff
@group(0) @binding(6) var<storage, read> control: array<vec4<u32>>; // (2) of four, see lib/control
@group(0) @binding(7) var<storage, read_write> fault: array<atomic<u32>>; // [0] 0, or 1 + the step that diverged
@group(0) @binding(8) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let n = linear_index(workgroup, groups, local);
    if n * 4u >= params.length { return; }
    let member = workgroup.z;
    let control_at = member * params.control_member;
    let steps = control[control_at];                  // step, base, diverged, scale
    let rates = bitcast<vec4<f32>>(control[control_at + 1u]); // rate, correct1, correct2, keep
    if steps.z != 0u { return; }
    let i = params.first / 4u + n;
    let own = member * params.parameters_member + i;
    let first = member * params.moments_member + i;
    let second = first + params.total / 4u;
    let g = bitcast<f32>(steps.w) * gradient[member * params.gradient_member + i];
    let next = rule(parameters[own], g, moments[first], moments[second], rates);
    if !all_finite(next.p) || !all_finite(next.m1) || !all_finite(next.m2) {
        atomicStore(&fault[member * params.fault_member], steps.x);
        return;
    }
    parameters[own] = next.p;
    moments[first] = next.m1;
    moments[second] = next.m2;
    let mean = member * params.average_member + i;
    average[mean] = rates.w * average[mean] + (1.0 - rates.w) * next.p;
    let at = mirror_index[member * params.mirror_index_member + i];
    let mirror_at = member * params.mirror_member;
    if at.x != 0xffffffffu { mirror[mirror_at + at.x] = next.p.x; }
    if at.y != 0xffffffffu { mirror[mirror_at + at.y] = next.p.y; }
    if at.z != 0xffffffffu { mirror[mirror_at + at.z] = next.p.z; }
    if at.w != 0xffffffffu { mirror[mirror_at + at.w] = next.p.w; }
}
