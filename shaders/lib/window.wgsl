// A cloud as the pixels of a window see it; row 0 is the top:
//   u = (x - x_low) x_scale,  v = (y_high - y) y_scale
// needs `cloud` (N, D), `params` with the window, from the file that imports this one
#import lib/finite

// Counts stop growing here; no number of threads in flight can carry them past 2^32.
const CEILING: u32 = 0xF0000000u;

// (u, v) of a point in pixels; far outside the window for one that is not finite.
fn in_window(point: u32) -> vec2<f32> {
    let u = (cloud[point * params.dimensions + params.column_x] - params.x_low) * params.x_scale;
    let v = (params.y_high - cloud[point * params.dimensions + params.column_y]) * params.y_scale;
    if !is_finite(u) || !is_finite(v) { return vec2<f32>(-1e9); }
    return vec2<f32>(u, v);
}
