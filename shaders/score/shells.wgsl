// Sums over spheres with a common centre plus isotropic noise (the von Mises-Fisher integral):
//
//   s2 = noise^2 + nu^2,  r = |y| inside the span,  kappa = R r / s2,  F the mean of e^(kappa <u, e>) over the unit sphere
//   l = ln w - D/2 ln(2 pi s2) - ((r - R)^2 + |y outside|^2) / (2 s2) + (ln F - kappa)
//   grad l = -y / s2 inside + (R - C s2 / r) / (r s2) y inside,   C = kappa (1 - d ln F / d kappa)
//
// ln F - kappa and C come from a table over v = ln(1 + kappa / kappa_0), evenly spaced, with their slopes (cubic Hermite):
// Bessel functions are for f64 on the host.
// shapes    points (B, D) in panels; times (R, 8); row_time (B), or one word for all; shells (K, 2): ln w, R;
//           centre (D, 2): high, low; frame (span, D) orthonormal rows; table (N, 4): ln F - kappa, its slope, C, its slope;
//           partial (B, D + 2) in panels: top, sum, pull
// dispatch  ceil(B / 64) workgroups: one invocation a row
#import lib/oracle
#import lib/panel

struct Params {
    rows: u32,     // padded B
    dim: u32,      // D
    times: u32,    // R
    each_row: u32, // 1: row_time has a word a row, 0: one for all
    slices: u32,   // 1
    shells: u32,   // K
    span: u32,     // dimension of the subspace
    framed: u32,   // 0: the span is the first coordinates
    nodes: u32,    // N
    spacing: f32,  // of the table, in v
    scale: f32,    // kappa_0
    noise: f32,    // variance of the noise
}

@group(0) @binding(0) var<storage, read> points: array<f32>; // (B, D) in panels
@group(0) @binding(1) var<storage, read> times: array<vec4<f32>>; // (R, 2) of four
@group(0) @binding(2) var<storage, read> row_time: array<u32>; // (B) or [0]
@group(0) @binding(3) var<storage, read> shells: array<vec2<f32>>; // (K) of two
@group(0) @binding(4) var<storage, read> centre: array<vec2<f32>>; // (D) of two
@group(0) @binding(5) var<storage, read> frame: array<f32>; // (span, D)
@group(0) @binding(6) var<storage, read> table: array<vec4<f32>>; // (N) of four
@group(0) @binding(7) var<storage, read_write> partial: array<f32>; // (B, D + 2) in panels
@group(0) @binding(8) var<uniform> params: Params;

// (ln F - kappa, C) at kappa.
fn average(kappa: f32) -> vec2<f32> {
    let v = log(1.0 + kappa / params.scale) / params.spacing;
    let i = min(u32(v), params.nodes - 2u);
    let u = v - f32(i);
    let a = table[i];
    let b = table[i + 1u];
    let rise = b.xz - a.xz;
    let left = a.yw * params.spacing - rise;
    let right = rise - b.yw * params.spacing;
    return a.xz + u * rise + u * (1.0 - u) * (left * (1.0 - u) + right * u);
}

fn coordinate(b: u32, d: u32, inverse: vec2<f32>) -> f32 {
    let y = in_data_units(points[panel_index(b, d, params.dim)], inverse);
    return (y.x - centre[d].x) + (y.y - centre[d].y);
}

// Coordinate number i inside the span.
fn inside(b: u32, i: u32, inverse: vec2<f32>) -> f32 {
    if params.framed == 0u { return coordinate(b, i, inverse); }
    var sum = 0.0;
    for (var d = 0u; d < params.dim; d++) {
        sum += frame[i * params.dim + d] * coordinate(b, d, inverse);
    }
    return sum;
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let b = (workgroup.y * groups.x + workgroup.x) * 64u + local;
    if b >= params.rows { return; }
    let row = times[time_row(row_time[b * params.each_row], params.times) * 2u];
    let dim = params.dim;
    let s2 = params.noise + row.z;
    var all = 0.0;
    for (var d = select(params.span, 0u, params.framed == 1u); d < dim; d++) {
        let y = coordinate(b, d, row.xy);
        all += y * y;
    }
    var r2 = 0.0;
    for (var i = 0u; i < params.span; i++) {
        let y = inside(b, i, row.xy);
        r2 += y * y;
    }
    let outside = select(all, max(all - r2, 0.0), params.framed == 1u);
    let r = max(sqrt(r2), 1e-18);
    var top = NOTHING;
    var sum = 0.0;
    var radial = 0.0;
    for (var k = 0u; k < params.shells; k++) {
        let radius = shells[k].y;
        let f = average(radius * r / s2);
        let l = shells[k].x - 0.5 * f32(dim) * (LN_TAU + log(s2)) - 0.5 * ((r - radius) * (r - radius) + outside) / s2 + f.x;
        let highest = max(top, l);
        let keep = exp(top - highest);
        top = highest;
        let weight = exp(l - highest);
        sum = sum * keep + weight;
        radial = radial * keep + weight * ((radius - r) / s2 - f.y / r);
    }
    partial[panel_index(b, 0u, dim + 2u)] = top;
    partial[panel_index(b, 1u, dim + 2u)] = sum;
    for (var d = 0u; d < dim; d++) {
        let across = select(-coordinate(b, d, row.xy) / s2 * sum, 0.0, params.framed == 0u && d < params.span);
        partial[panel_index(b, d + 2u, dim + 2u)] = across;
    }
    for (var i = 0u; i < params.span; i++) {
        // inside the span the radial pull takes the place of -y / s2
        let y = inside(b, i, row.xy);
        let along = y / r * radial;
        if params.framed == 0u {
            partial[panel_index(b, i + 2u, dim + 2u)] = along;
        } else {
            for (var d = 0u; d < dim; d++) {
                let place = panel_index(b, d + 2u, dim + 2u);
                partial[place] = partial[place] + frame[i * dim + d] * (along + y / s2 * sum);
            }
        }
    }
}
