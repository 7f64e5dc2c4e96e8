// The rate of multiply-adds on numbers that never leave their registers: x <- a x + b, CHAINS times side by side.
// Neighbouring chains do not wait for each other, which hides the latency of one; nothing is loaded in the loop.
//
// shapes    result (n, CHAINS); chain c of invocation i starts at (i mod 8 + c) / 8
// dispatch  one invocation for CHAINS numbers; each does rounds * LENGTH * CHAINS multiply-adds
#import lib/index

// with a and b they fit sixteen registers; spilled, they would measure the stack
const CHAINS: u32 = 10u;
const LENGTH: u32 = 64u;

struct Params {
    count: u32,  // n
    rounds: u32, // repetitions of the LENGTH multiply-adds that are written out
    a: f32,      // below 1 in magnitude, so that the chains stay finite
    b: f32,
}

@group(0) @binding(0) var<storage, read_write> result: array<f32>; // (n, CHAINS)
@group(0) @binding(1) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = linear_index(workgroup, groups, local);
    if i >= params.count { return; }
    let a = params.a;
    let b = params.b;
#for c in 0..CHAINS
    var x${c} = f32(i % 8u + ${c}u) / 8.0;
#end
    let rounds = params.rounds;
    for (var round = 0u; round < rounds; round++) {
#for n in 0..LENGTH
#for c in 0..CHAINS
        x${c} = a * x${c} + b;
#end
#end
    }
#for c in 0..CHAINS
    result[i * CHAINS + ${c}u] = x${c};
#end
}
