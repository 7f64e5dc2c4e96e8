// Sums over the atoms of an isotropic normal mixture in few dimensions for rows whose noise is small: blocks of atoms that
// cannot matter are passed over.
//
// A block k of atoms with weight W_k lies in a box. With d and D the distances from y to the nearest and the farthest point
// of the box and u = v + nu^2, its share is at most W_k e^(-d^2 / 2u) and at least W_k e^(-D^2 / 2u). The block with the
// greatest least is summed first. Blocks whose most is below e^-40 of that sum are dropped, so that what is missing is
// below (number of blocks) e^-40 of the whole: less than f32 can show. Boxes are wider than their distances are rounded.
// shapes    as in score/mixture; blocks (K / 128, 3) of four: centre, half the extent, (ln W, 0, 0, 0). All goes to the
//           first slice, the others are left without mass
// dispatch  one invocation a row of the padded batch, for each piece of the blocks: each goes through the blocks at its own pace
#import lib/index
#import lib/oracle
#import lib/panel
#import <axes>

struct Params {
    rows: u32,     // padded B
    times: u32,    // R
    each_row: u32, // 1: row_time has a word a row, 0: one for all
    slices: u32,   // S
    quads: u32,    // K / 4
    stretch: u32,  // quads a slice, of score/mixture
    reach: f32,    // nu^2 below which a row is summed here
    blocks: u32,   // K / 128
    start: u32,    // the first block of this dispatch, which goes on from the sums so far unless it is 0
    stop: u32,     // and the one behind the last
}

@group(0) @binding(0) var<storage, read> points: array<f32>; // (B, D) in panels
@group(0) @binding(1) var<storage, read> times: array<vec4<f32>>; // (R, 2) of four
@group(0) @binding(2) var<storage, read> row_time: array<u32>; // (B) or [0]
@group(0) @binding(3) var<storage, read> atoms: array<vec4<f32>>; // (K / 4, 2 D + 2) of four atoms
@group(0) @binding(4) var<storage, read> blocks: array<vec4<f32>>; // (K / 128, 3) of four
@group(0) @binding(5) var<storage, read_write> partial: array<f32>; // (S B, D + 2) in panels
@group(0) @binding(6) var<uniform> params: Params;

const STRIDE: u32 = 2u * AXES + 2u;
const BLOCK: u32 = 32u;    // quads
const WIDER: f32 = 1e-6;   // of a coordinate's distance

// A point, its coordinates beyond AXES zero.
struct Point {
    high: vec4<f32>,
    low: vec4<f32>,
}

// Sums relative to e^top.
struct Sums {
    top: f32,
    sum: f32,
    pull: vec4<f32>,
}

// Bounds of the logarithm of a block's share, but for a factor that all atoms have: least and most.
fn bounds(block: u32, y: Point, inverse: f32) -> vec2<f32> {
    let centre = abs((blocks[block * 3u] - y.high) - y.low);
    let half = blocks[block * 3u + 1u] + WIDER * centre;
    let farthest = centre + half;
    let nearest = max(centre - half, vec4<f32>(0.0));
    return blocks[block * 3u + 2u].x - 0.5 * inverse * vec2<f32>(dot(farthest, farthest), dot(nearest, nearest));
}

// The atoms of a block.
fn sum_block(block: u32, quads: u32, y: Point, inverse: f32) -> Sums {
    var top = NOTHING;
    var sum = 0.0;
    var pull = vec4<f32>(0.0);
    let end = min((block + 1u) * BLOCK, quads);
    for (var q = block * BLOCK; q < end; q++) {
        let at = q * STRIDE;
#for a in 0..AXES
        let away${a} = (atoms[at + ${a}u] - y.high.${a:xyzw}) + (atoms[at + AXES + ${a}u] - y.low.${a:xyzw});
#end
        var square = away0 * away0;
#for a in 1..AXES
        square += away${a} * away${a};
#end
        let e = atoms[at + 2u * AXES] - 0.5 * square * inverse;
        let highest = max(top, max(max(e.x, e.y), max(e.z, e.w)));
        let keep = exp(top - highest);
        let w = exp(e - highest);
        top = highest;
        sum = sum * keep + ((w.x + w.y) + (w.z + w.w));
        pull = pull * keep;
#for a in 0..AXES
        pull.${a:xyzw} += dot(w, away${a});
#end
    }
    return Sums(top, sum, pull);
}

fn write(out: u32, f: u32, v: f32) {
    partial[panel_index(out, f, AXES + 2u)] = v;
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let b = linear_index(workgroup, groups, local);
    if b >= params.rows { return; }
    let row = times[time_row(row_time[b * params.each_row], params.times) * 2u];
    if row.z >= params.reach { return; }
    let quads = params.quads;
    let count = min(params.blocks, params.stop);
    var y = Point(vec4<f32>(0.0), vec4<f32>(0.0));
#for a in 0..AXES
    let y${a} = in_data_units(points[panel_index(b, ${a}u, AXES)], row.xy);
    y.high.${a:xyzw} = y${a}.x;
    y.low.${a:xyzw} = y${a}.y;
#end
    let total = atoms[2u * AXES + 1u].x + row.z;
    let inverse = 1.0 / total;
    let constant = 0.5 * f32(AXES) * (LN_TAU + log(total));
    var all = Sums(NOTHING, 0.0, vec4<f32>(0.0));
    if params.start > 0u {
        all.top = partial[panel_index(b, 0u, AXES + 2u)] + constant;
        all.sum = partial[panel_index(b, 1u, AXES + 2u)];
#for a in 0..AXES
        all.pull.${a:xyzw} = partial[panel_index(b, ${a + 2}u, AXES + 2u)] * total;
#end
    }
    var block = params.start;
    var best = NOTHING;
    for (var k = params.start; k < count; k++) {
        let sure = bounds(k, y, inverse).x;
        block = select(block, k, sure > best);
        best = max(best, sure);
    }
    var least = max(best, all.top);
    let first = block;
    var next = params.start;
    while block < count {
        let one = sum_block(block, quads, y, inverse);
        let highest = max(all.top, one.top);
        let keep = exp(all.top - highest);
        let gain = exp(one.top - highest);
        all = Sums(highest, all.sum * keep + one.sum * gain, all.pull * keep + one.pull * gain);
        least = max(least, highest);
        for (block = count; next < count && block == count; next++) {
            if next != first && bounds(next, y, inverse).y >= least - NEGLIGIBLE { block = next; }
        }
    }
    let top = all.top - constant;
    write(b, 0u, top);
    write(b, 1u, all.sum);
#for a in 0..AXES
    write(b, ${a + 2}u, all.pull.${a:xyzw} * inverse);
#end
    for (var s = 1u; s < params.slices; s++) {
        for (var f = 0u; f < AXES + 2u; f++) { write(s * params.rows + b, f, select(0.0, top, f == 0u)); }
    }
}
