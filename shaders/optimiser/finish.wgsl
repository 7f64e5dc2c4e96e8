// Between gradient and update: total norm, clipping, divergence, the numbers of this step, the loss history.
//
//   norm = sqrt(sum of norms),  scale = min(1, clip / norm) for clip > 0
//   history row = (loss, norm, scale, rate);  bins += partial losses;  a non-finite loss or gradient sets DIVERGED
//
// shapes    norms (G, 2); partial (groups, BINS, 2); schedule (cap, 4): rate, correct1, correct2, keep; history (cap, 4)
// dispatch  one workgroup
#import lib/finite
#import lib/control
#import lib/loss_bins

struct Params {
    norm_groups: u32, // G
    loss_groups: u32, // of 256 rows
    rows: u32,        // B
    clip: f32,        // largest norm, 0 for none
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
fn main(@builtin(local_invocation_index) local: u32) {
    var sum = 0.0;
    var bad = 0.0;
    for (var g = local; g < params.norm_groups; g += 64u) {
        sum += norms[g * 2u];
        bad += norms[g * 2u + 1u];
    }
    squares[local] = sum;
    faults[local] = bad;
    losses[local] = 0.0;
    if local < BINS * 2u {
        var part = 0.0;
        for (var g = 0u; g < params.loss_groups; g++) { part += partial[g * BINS * 2u + local]; }
        bins[local] = bins[local] + part;
        losses[local] = select(0.0, part, local % 2u == 0u);
    }
    workgroupBarrier();
    if local == 0u { close_step(); }
}

fn close_step() {
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
    let step = control[STEP];
    let row = schedule[step - control[BASE]];
    let sound = bad == 0.0 && is_finite(loss) && is_finite(norm);
    if !sound && fault[0] == 0u { fault[0] = step + 1u; }
    control[DIVERGED] = fault[0];
    control[SCALE] = bitcast<u32>(scale);
    control[RATE] = bitcast<u32>(row.x);
    control[CORRECT1] = bitcast<u32>(row.y);
    control[CORRECT2] = bitcast<u32>(row.z);
    control[KEEP] = bitcast<u32>(row.w);
    history[step - control[BASE]] = vec4<f32>(loss, norm, scale, row.x);
    control[STEP] = step + 1u;
}
