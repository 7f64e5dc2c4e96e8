// Adds the slices of the weight gradients in a fixed order, and measures what comes out:
//
//   gradient_i = sum_s partials_si,   norms_g = (sum of gradient_i^2, number of non-finite gradient_i) for 256 i each
//
// shapes    partials (S, P); gradient (P); norms (first_group + ceil(P / 256), 2)
// dispatch  one workgroup of 64 a 256 gradients
#import lib/finite
#import optimiser/reduce_params

@group(0) @binding(0) var<storage, read> partials: array<vec4<f32>>; // (S, P / 4) of four
@group(0) @binding(1) var<storage, read_write> gradient: array<vec4<f32>>; // (P / 4) of four
@group(0) @binding(2) var<storage, read_write> norms: array<f32>; // (groups, 2)
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> squares: array<f32, 64>;
var<workgroup> faults: array<f32, 64>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let group = workgroup.y * groups.x + workgroup.x;
    let member = workgroup.z;
    let quarter = params.length / 4u;
    let i = group * 64u + local;
    var g = vec4<f32>(0.0);
    if i < quarter {
        // a software device fetches a parameter anew wherever it is named, lane by lane
        let slices = params.slices;
        var at = member * params.partials_member + i;
        for (var s = 0u; s < slices; s++) {
            g += partials[at];
            at += quarter;
        }
        gradient[member * params.gradient_member + i] = g;
    }
    let sound = all_finite(g);
    squares[local] = select(0.0, dot(g, g), sound);
    faults[local] = select(1.0, 0.0, sound);
    workgroupBarrier();
    if local == 0u && group * 256u < params.length {
        var sum = 0.0;
        var bad = 0.0;
        for (var j = 0u; j < 64u; j++) {
            sum += squares[j];
            bad += faults[j];
        }
        let at = member * params.norms_member + (params.first_group + group) * 2u;
        norms[at] = sum;
        norms[at + 1u] = bad;
    }
}
