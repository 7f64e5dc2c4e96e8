// Gradient of SignReLU's parameter in one layer, over one slice of the batch.
//
//   for z < 0: slope = alpha / u^2 with u = 1 - z, and d h / d alpha = z / u, so  d_h d h/d alpha = d_y u (1 - u) / alpha;
//   for z > 0 the slope is exactly 1 and alpha does not matter. Source: Li, Feng, Zhou 2022; derivative derived here.
//
// shapes    d_y = d_h slope and slope (B, N) in panels; partials (S, P), alpha's gradient at `at`
// dispatch  one workgroup a slice
#import lib/panel

struct Params {
    width: u32, // N
    panels: u32,
    slices: u32,   // S
    at: u32,       // place in a slice
    length: u32,   // P
    layer: u32,
    // from member to member of an ensemble, filled in by the host
    d_y_member: u32,
    slope_member: u32,
    alpha_member: u32,
    partials_member: u32,
}

@group(0) @binding(0) var<storage, read> d_y: array<vec4<f32>>; // (B, stride / 4) of four features
@group(0) @binding(1) var<storage, read> slope: array<vec4<f32>>; // (B, stride / 4) of four features
@group(0) @binding(2) var<storage, read> alpha: array<f32>; // (layers)
@group(0) @binding(3) var<storage, read_write> partials: array<f32>; // (S, P)
@group(0) @binding(4) var<uniform> params: Params;

var<workgroup> sums: array<f32, 64>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let slice = workgroup.y * groups.x + workgroup.x;
    let panel = PANEL * (padded_features(params.width) / 4u);
    let member = workgroup.z;
    let d_y_at = member * params.d_y_member;
    let slope_at = member * params.slope_member;
    let p = alpha[member * params.alpha_member + params.layer];
    var sum = 0.0;
    let end = (slice + 1u) * params.panels / params.slices * panel;
    for (var i = slice * params.panels / params.slices * panel + local; i < end; i += 64u) {
        // slopes too small for their inverse belong to units whose gradient has vanished
        let s = max(slope[slope_at + i], vec4<f32>(1e-30));
        let u = sqrt(p / s);
        sum += dot(select(d_y[d_y_at + i] * u * (1.0 - u) / p, vec4<f32>(0.0), s == vec4<f32>(1.0)), vec4<f32>(1.0));
    }
    sums[local] = sum;
    workgroupBarrier();
    if local == 0u && slice < params.slices {
        var total = 0.0;
        for (var j = 0u; j < 64u; j++) { total += sums[j]; }
        partials[member * params.partials_member + slice * params.length + params.at] = total;
    }
}
