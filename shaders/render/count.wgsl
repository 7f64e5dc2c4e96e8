// counts[floor(v), floor(u)] += 1
//
//   u = (x - x_low) x_scale,  v = (y_high - y) y_scale
// A histogram of a cloud over the pixels of a window; row 0 is the top. Points outside, and points that are not finite
// (found by their exponent bits), are not counted. A cell stops growing at 0xF0000000.
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
}

@group(0) @binding(0) var<uniform> params: Params; // ()
@group(0) @binding(1) var<storage, read> cloud: array<f32>; // (N, D)
@group(0) @binding(2) var<storage, read_write> counts: array<atomic<u32>>; // (H, W)

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
    if any(at < vec2<f32>(0.0)) || any(at >= vec2<f32>(f32(params.width), f32(params.height))) {
        return;
    }
    let cell = u32(at.y) * params.width + u32(at.x);
    if atomicLoad(&counts[cell]) < CEILING {
        atomicAdd(&counts[cell], 1u);
    }
}
