// coverage[j, i] += round(256 min(1, 4 r^2) clamp(max(r, 1/2) + 1/2 - d, 0, 1))
//
// d is the distance in pixels from the point to the middle of pixel (i, j): an antialiased disc of radius r a point.
//   u = (x - x_low) x_scale,  v = (y_high - y) y_scale,  d = |(i + 1/2, j + 1/2) - (u, v)|
// Coverage is counted in whole 256ths of a pixel, so the order of the points cannot change the picture; a cell stops
// growing at 0xF0000000, which no number of threads in flight can carry past 2^32.
// Points that are not finite are left out, found by their exponent bits: a compiler may assume that x == x.
//
// One thread a point. Dispatch: ceil(N / 64) workgroups, folded past 65535.

#import lib/index
#import lib/window

struct Params {
    points: u32, // N
    dimensions: u32, // D
    column_x: u32, // < D
    column_y: u32, // < D
    width: u32, // W
    height: u32, // H
    x_low: f32, // value at the left edge of column 0
    x_scale: f32, // columns a unit of x
    y_high: f32, // value at the top edge of row 0
    y_scale: f32, // rows a unit of y
    radius: f32, // r in pixels, 0 to 64
}

@group(0) @binding(0) var<uniform> params: Params; // ()
@group(0) @binding(1) var<storage, read> cloud: array<f32>; // (N, D)
@group(0) @binding(2) var<storage, read_write> coverage: array<atomic<u32>>; // (H, W)

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup_id: vec3<u32>,
    @builtin(num_workgroups) num_workgroups: vec3<u32>,
    @builtin(local_invocation_index) local_invocation_index: u32,
) {
    let point = linear_index(workgroup_id, num_workgroups, local_invocation_index);
    if point >= params.points {
        return;
    }
    let at = in_window(point);
    let radius = clamp(params.radius, 0.0, 64.0);
    let reach = max(radius, 0.5) + 0.5;
    let size = vec2<f32>(f32(params.width), f32(params.height));
    if any(at < vec2<f32>(-reach)) || any(at > size + reach) {
        return;
    }
    // a disc smaller than a pixel keeps the shape of a pixel and loses weight
    let weight = min(1.0, 4.0 * radius * radius);
    let first = vec2<u32>(max(vec2<f32>(0.0), floor(at - reach)));
    let last = vec2<u32>(max(vec2<f32>(0.0), min(size, ceil(at + reach))));
    for (var row = first.y; row < last.y; row++) {
        for (var column = first.x; column < last.x; column++) {
            let offset = vec2<f32>(f32(column), f32(row)) + 0.5 - at;
            let share = clamp(reach - length(offset), 0.0, 1.0) * weight;
            let amount = u32(share * 256.0 + 0.5);
            let cell = row * params.width + column;
            if amount > 0u && atomicLoad(&coverage[cell]) < CEILING {
                atomicAdd(&coverage[cell], amount);
            }
        }
    }
}
