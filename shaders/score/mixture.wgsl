// Sums over the atoms of an isotropic normal mixture in few dimensions, streamed: online softmax, no matrix anywhere.
//
//   l_k = ln w_k - D/2 ln(2 pi (v_k + nu^2)) - |mu_k - y|^2 / (2 (v_k + nu^2)),   grad l_k = (mu_k - y) / (v_k + nu^2)
//
// Four rows of the batch meet four atoms at a time, so that what is loaded is used four times; vectors run along rows.
// shapes    points (B, D) in panels; times (R, 8); row_time (B), or one word for all; atoms in quads (K / 4, 2 D + 2) of
//           four: high and low part of each coordinate, ln w, v; partial (S B, D + 2) in panels: top, sum, pull
// dispatch  S times ceil(B / 256) workgroups: one invocation four rows and a slice of the atoms
#import lib/oracle
#import lib/panel
#import <axes>
#import <variance>

struct Params {
    rows: u32,     // padded B
    times: u32,    // R
    each_row: u32, // 1: row_time has a word a row, 0: one for all
    slices: u32,   // S
    quads: u32,    // K / 4
    stretch: u32,  // quads a slice
    reach: f32,    // nu^2 below which a row is left to score/mixture_culled
}

@group(0) @binding(0) var<storage, read> points: array<f32>; // (B, D) in panels
@group(0) @binding(1) var<storage, read> times: array<vec4<f32>>; // (R, 2) of four
@group(0) @binding(2) var<storage, read> row_time: array<u32>; // (B) or [0]
@group(0) @binding(3) var<storage, read> atoms: array<vec4<f32>>; // (K / 4, 2 D + 2) of four atoms
@group(0) @binding(4) var<storage, read_write> partial: array<f32>; // (S B, D + 2) in panels
@group(0) @binding(5) var<uniform> params: Params;

const STRIDE: u32 = 2u * AXES + 2u;

// A coordinate of four rows: high and low part.
struct Four {
    high: vec4<f32>,
    low: vec4<f32>,
}

// The coordinates of four rows, those beyond AXES unused.
struct Rows {
    x: Four,
    y: Four,
    z: Four,
    w: Four,
}

// One atom: high and low parts of its coordinates.
struct Atom {
    high: vec4<f32>,
    low: vec4<f32>,
}

fn load(b: u32, d: u32, inverse: array<vec2<f32>, 4>) -> Four {
    let p = in_data_units(points[panel_index(b, d, AXES)], inverse[0]);
    let q = in_data_units(points[panel_index(b + 1u, d, AXES)], inverse[1]);
    let r = in_data_units(points[panel_index(b + 2u, d, AXES)], inverse[2]);
    let s = in_data_units(points[panel_index(b + 3u, d, AXES)], inverse[3]);
    return Four(vec4<f32>(p.x, q.x, r.x, s.x), vec4<f32>(p.y, q.y, r.y, s.y));
}

// mu - y along one axis.
fn away(high: f32, low: f32, y: Four) -> vec4<f32> {
    return (high - y.high) + (low - y.low);
}

fn square(a: Atom, y: Rows) -> vec4<f32> {
    let d0 = away(a.high.x, a.low.x, y.x);
    var sum = d0 * d0;
    if AXES > 1u {
        let d1 = away(a.high.y, a.low.y, y.y);
        sum += d1 * d1;
    }
    if AXES > 2u {
        let d2 = away(a.high.z, a.low.z, y.z);
        sum += d2 * d2;
    }
    if AXES > 3u {
        let d3 = away(a.high.w, a.low.w, y.w);
        sum += d3 * d3;
    }
    return sum;
}

fn write(out: u32, f: u32, v: vec4<f32>) {
    partial[panel_index(out, f, AXES + 2u)] = v.x;
    partial[panel_index(out + 1u, f, AXES + 2u)] = v.y;
    partial[panel_index(out + 2u, f, AXES + 2u)] = v.z;
    partial[panel_index(out + 3u, f, AXES + 2u)] = v.w;
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let share = slice_of(workgroup, groups, (params.rows + 3u) / 4u);
    let slice = share.x;
    let b = (share.y * 64u + local) * 4u;
    if slice >= params.slices || b >= params.rows { return; }
    var inverses: array<vec2<f32>, 4>;
    var nu2 = vec4<f32>(0.0);
    for (var i = 0u; i < 4u; i++) {
        let row = times[time_row(row_time[(b + i) * params.each_row], params.times) * 2u];
        inverses[i] = row.xy;
        nu2[i] = row.z;
    }
    if all(nu2 < vec4<f32>(params.reach)) { return; }
    var y: Rows;
    y.x = load(b, 0u, inverses);
    if AXES > 1u { y.y = load(b, 1u, inverses); }
    if AXES > 2u { y.z = load(b, 2u, inverses); }
    if AXES > 3u { y.w = load(b, 3u, inverses); }
    let half = 0.5 * f32(AXES);
    // of all atoms where they are alike
    let total = atoms[2u * AXES + 1u].x + nu2;
    var i0 = 1.0 / total;
    var i1 = i0;
    var i2 = i0;
    var i3 = i0;
    var n0 = -half * (LN_TAU + log(total));
    var n1 = n0;
    var n2 = n0;
    var n3 = n0;
    var top = vec4<f32>(NOTHING);
    var sum = vec4<f32>(0.0);
    var px = vec4<f32>(0.0);
    var py = vec4<f32>(0.0);
    var pz = vec4<f32>(0.0);
    var pw = vec4<f32>(0.0);
    let end = min(params.quads, (slice + 1u) * params.stretch);
    for (var q = slice * params.stretch; q < end; q++) {
        let at = q * STRIDE;
        let h0 = atoms[at];
        let l0 = atoms[at + AXES];
        var h1 = h0;
        var l1 = l0;
        var h2 = h0;
        var l2 = l0;
        var h3 = h0;
        var l3 = l0;
        if AXES > 1u {
            h1 = atoms[at + 1u];
            l1 = atoms[at + AXES + 1u];
        }
        if AXES > 2u {
            h2 = atoms[at + 2u];
            l2 = atoms[at + AXES + 2u];
        }
        if AXES > 3u {
            h3 = atoms[at + 3u];
            l3 = atoms[at + AXES + 3u];
        }
        let weights = atoms[at + 2u * AXES];
        if !ALIKE {
            let v = atoms[at + 2u * AXES + 1u];
            i0 = 1.0 / (v.x + nu2);
            i1 = 1.0 / (v.y + nu2);
            i2 = 1.0 / (v.z + nu2);
            i3 = 1.0 / (v.w + nu2);
            n0 = half * (log(i0) - LN_TAU);
            n1 = half * (log(i1) - LN_TAU);
            n2 = half * (log(i2) - LN_TAU);
            n3 = half * (log(i3) - LN_TAU);
        }
        let a0 = Atom(vec4<f32>(h0.x, h1.x, h2.x, h3.x), vec4<f32>(l0.x, l1.x, l2.x, l3.x));
        let a1 = Atom(vec4<f32>(h0.y, h1.y, h2.y, h3.y), vec4<f32>(l0.y, l1.y, l2.y, l3.y));
        let a2 = Atom(vec4<f32>(h0.z, h1.z, h2.z, h3.z), vec4<f32>(l0.z, l1.z, l2.z, l3.z));
        let a3 = Atom(vec4<f32>(h0.w, h1.w, h2.w, h3.w), vec4<f32>(l0.w, l1.w, l2.w, l3.w));
        let e0 = weights.x + n0 - 0.5 * square(a0, y) * i0;
        let e1 = weights.y + n1 - 0.5 * square(a1, y) * i1;
        let e2 = weights.z + n2 - 0.5 * square(a2, y) * i2;
        let e3 = weights.w + n3 - 0.5 * square(a3, y) * i3;
        let highest = max(top, max(max(e0, e1), max(e2, e3)));
        let keep = exp(top - highest);
        top = highest;
        let w0 = exp(e0 - highest);
        let w1 = exp(e1 - highest);
        let w2 = exp(e2 - highest);
        let w3 = exp(e3 - highest);
        sum = sum * keep + ((w0 + w1) + (w2 + w3));
        let f0 = w0 * i0;
        let f1 = w1 * i1;
        let f2 = w2 * i2;
        let f3 = w3 * i3;
        px = px * keep + (f0 * away(a0.high.x, a0.low.x, y.x) + f1 * away(a1.high.x, a1.low.x, y.x)
            + (f2 * away(a2.high.x, a2.low.x, y.x) + f3 * away(a3.high.x, a3.low.x, y.x)));
        if AXES > 1u {
            py = py * keep + (f0 * away(a0.high.y, a0.low.y, y.y) + f1 * away(a1.high.y, a1.low.y, y.y)
                + (f2 * away(a2.high.y, a2.low.y, y.y) + f3 * away(a3.high.y, a3.low.y, y.y)));
        }
        if AXES > 2u {
            pz = pz * keep + (f0 * away(a0.high.z, a0.low.z, y.z) + f1 * away(a1.high.z, a1.low.z, y.z)
                + (f2 * away(a2.high.z, a2.low.z, y.z) + f3 * away(a3.high.z, a3.low.z, y.z)));
        }
        if AXES > 3u {
            pw = pw * keep + (f0 * away(a0.high.w, a0.low.w, y.w) + f1 * away(a1.high.w, a1.low.w, y.w)
                + (f2 * away(a2.high.w, a2.low.w, y.w) + f3 * away(a3.high.w, a3.low.w, y.w)));
        }
    }
    let out = slice * params.rows + b;
    write(out, 0u, top);
    write(out, 1u, sum);
    write(out, 2u, px);
    if AXES > 1u { write(out, 3u, py); }
    if AXES > 2u { write(out, 4u, pz); }
    if AXES > 3u { write(out, 5u, pw); }
}
