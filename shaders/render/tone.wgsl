// s = 1 - exp(-exposure unit c),  pixels[p] = colours[round(255 s)] with opacity (fade ? opacity s : opacity)
//
// Counters (coverage in 256ths, or counts) to straight-alpha RGBA8, red in the lowest byte. `unit` is what a counter
// of 1 stands for: 1/256 for coverage, 1 over a typical count for a histogram.
//
// One thread a pixel. Dispatch: ceil(cells / 64) workgroups, folded past 65535.

#import lib/index

struct Params {
    cells: u32, // H W
    unit: f32,
    exposure: f32,
    opacity: f32, // 0 to 1
    fade: u32, // 1: opacity follows the tone (clouds); 0: the same everywhere (densities)
}

@group(0) @binding(0) var<uniform> params: Params; // ()
@group(0) @binding(1) var<storage, read> counts: array<u32>; // (H, W)
@group(0) @binding(2) var<storage, read> colours: array<u32>; // (256)
@group(0) @binding(3) var<storage, read_write> pixels: array<u32>; // (H, W)

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup_id: vec3<u32>,
    @builtin(num_workgroups) num_workgroups: vec3<u32>,
    @builtin(local_invocation_index) local_invocation_index: u32,
) {
    let cell = linear_index(workgroup_id, num_workgroups, local_invocation_index);
    if cell >= params.cells {
        return;
    }
    let amount = f32(min(counts[cell], 0xF0000000u)) * params.unit;
    // past 80 the exponential is below every f32 step of 1, and some drivers' exp is not made for larger arguments
    let tone = clamp(1.0 - exp(-min(params.exposure * amount, 80.0)), 0.0, 1.0);
    let colour = colours[u32(255.0 * tone + 0.5)] & 0x00FFFFFFu;
    let alpha = params.opacity * select(1.0, tone, params.fade == 1u);
    pixels[cell] = colour | (u32(255.0 * clamp(alpha, 0.0, 1.0) + 0.5) << 24u);
}
