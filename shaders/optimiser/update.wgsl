// One optimiser step on a block of parameters, its moving average, and the transposed copy the way back reads:
//
//   (p, m1, m2) = rule(p, scale * gradient, m1, m2),   ema = keep ema + (1 - keep) p,   mirror[mirror_index] = p
//
// Nothing is written once a step has diverged, nor is a value that would not be finite: it sets DIVERGED instead.
// shapes    all (P) but mirror (M)
// dispatch  one invocation a parameter
#import lib/index
#import lib/finite
#import lib/control
#import <rule>

struct Params {
    first: u32,  // first parameter that is trained
    length: u32, // number of parameters that are trained
    beta1: f32,
    beta2: f32,
    epsilon: f32,
    decay: f32, // weight decay
}

@group(0) @binding(0) var<storage, read_write> parameters: array<f32>; // (P)
@group(0) @binding(1) var<storage, read> gradient: array<f32>; // (P)
@group(0) @binding(2) var<storage, read_write> moment1: array<f32>; // (P)
@group(0) @binding(3) var<storage, read_write> moment2: array<f32>; // (P)
@group(0) @binding(4) var<storage, read_write> average: array<f32>; // (P) exponential moving average
@group(0) @binding(5) var<storage, read_write> mirror: array<f32>; // (M) transposed weights
@group(0) @binding(6) var<storage, read> mirror_index: array<u32>; // (P) place in the mirror, or 0xffffffff
@group(0) @binding(7) var<storage, read_write> control: array<atomic<u32>>; // (8) see lib/control
@group(0) @binding(8) var<uniform> params: Params;

fn control_f32(word: u32) -> f32 {
    return bitcast<f32>(atomicLoad(&control[word]));
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let n = linear_index(workgroup, groups, local);
    if n >= params.length || atomicLoad(&control[DIVERGED]) != 0u { return; }
    let i = params.first + n;
    let g = control_f32(SCALE) * gradient[i];
    let next = rule(parameters[i], g, moment1[i], moment2[i], control_f32(RATE));
    if !is_finite(next.p) || !is_finite(next.m1) || !is_finite(next.m2) {
        atomicStore(&control[DIVERGED], atomicLoad(&control[STEP]));
        return;
    }
    parameters[i] = next.p;
    moment1[i] = next.m1;
    moment2[i] = next.m2;
    let keep = control_f32(KEEP);
    average[i] = keep * average[i] + (1.0 - keep) * next.p;
    let at = mirror_index[i];
    if at != 0xffffffffu { mirror[at] = next.p; }
}
