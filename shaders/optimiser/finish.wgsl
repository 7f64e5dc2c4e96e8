// Between gradient and update: total norm, clipping, divergence, the numbers of this step, the loss history.
//
//   norm = sqrt(sum of norms),  scale = min(1, clip / norm) for clip > 0
//   history row = (loss, norm, scale, rate);  bins += partial losses;  a non-finite loss or gradient sets DIVERGED
//
// shapes    norms (G, 2); partial (groups, BINS, 2); schedule (cap, 4): rate, correct1, correct2, keep; history (cap, 4)
// dispatch  one workgroup a member of the ensemble
#import lib/finite
#import lib/control
#import lib/loss_bins

struct Params {
    norm_groups: u32, // G
    loss_groups: u32, // parts of the batch whose losses were summed apart
    rows: u32,        // B
    clip: f32,        // largest norm, 0 for none
    // from member to member of an ensemble, filled in by the host
    norms_member: u32,
    partial_member: u32,
    control_member: u32,
    bins_member: u32,
    history_member: u32,
    fault_member: u32,
}

@group(0) @binding(0) var<storage, read> norms: array<f32>; // (G, 2)
@group(0) @binding(1) var<storage, read> partial: array<f32>; // (groups, BINS, 2)
@group(0) @binding(2) var<storage, read> schedule: array<vec4<f32>>; // (cap) of four
@group(0) @binding(3) var<storage, read_write> control: array<u32>; // (8) see lib/control
@group(0) @binding(4) var<storage, read_write> bins: array<f32>; // (BINS, 2)
@group(0) @binding(5) var<storage, read_write> history: array<vec4<f32>>; // (cap) of four
@group(0) @binding(6) var<storage, read_write> fault: array<u32>; // [0] 0, or 1 + the step that diverged
@group(0) @binding(7) var<uniform> params: Params;

var<workgroup> squares: array<f32, 64>;
var<workgroup> faults: array<f32, 64>;
var<workgroup> losses: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let member = workgroup.z;
    let norms_at = member * params.norms_member;
    let partial_at = member * params.partial_member;
    let bin = member * params.bins_member + local;
    var sum = 0.0;
    var bad = 0.0;
    for (var g = local; g < params.norm_groups; g += 64u) {
        sum += norms[norms_at + g * 2u];
        bad += norms[norms_at + g * 2u + 1u];
    }
    squares[local] = sum;
    faults[local] = bad;
    losses[local] = 0.0;
    if local < BINS * 2u {
        var part = 0.0;
        for (var g = 0u; g < params.loss_groups; g++) { part += partial[partial_at + g * BINS * 2u + local]; }
        bins[bin] = bins[bin] + part;
        losses[local] = select(0.0, part, local % 2u == 0u);
    }
    workgroupBarrier();
    if local == 0u { close_step(member); }
}

fn close_step(member: u32) {
    let at = member * params.control_member;
    let fault_at = member * params.fault_member;
    var total = 0.0;
    var bad = 0.0;
    var loss = 0.0;
    for (var j = 0u; j < 64u; j++) {
        total += squares[j];
        bad += faults[j];
        loss += losses[j];
    }
    loss = loss / f32(params.rows);
    let norm = sqrt(total);
    var scale = 1.0;
    if params.clip > 0.0 && norm > params.clip { scale = params.clip / norm; }
    let step = control[at + STEP];
    let row = schedule[step - control[at + BASE]];
    let sound = bad == 0.0 && is_finite(loss) && is_finite(norm);
    if !sound && fault[fault_at] == 0u { fault[fault_at] = step + 1u; }
    control[at + DIVERGED] = fault[fault_at];
    control[at + SCALE] = bitcast<u32>(scale);
    control[at + RATE] = bitcast<u32>(row.x);
    control[at + CORRECT1] = bitcast<u32>(row.y);
    control[at + CORRECT2] = bitcast<u32>(row.z);
    control[at + KEEP] = bitcast<u32>(row.w);
    history[member * params.history_member + step - control[at + BASE]] = vec4<f32>(loss, norm, scale, row.x);
    control[at + STEP] = step + 1u;
}
