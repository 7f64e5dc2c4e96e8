// Products of a tile of rows with a matrix, for kernels that keep their rows in workgroup memory from layer to layer.
//
//   s_r = start + sum_k x_rk W_k        for EACH rows r and four outputs of W an invocation
//
// The tile holds x. No invocation has more than one such block, so that all may be summed in registers before the first
// is written back over x. W streams from the cache of the device, four outputs a load, its neighbours the lanes beside:
// 4 EACH multiply-adds a load of four weights and EACH / 4 of the tile, which all lanes with the same rows share.
// needs     const FIRST, LAST from the file that imports this one: the range of `weights_t`, `weights_n`, `weights_f` (the
//           transposed, the plain, the folded) that it binds; a slot <tile> for ROWS, EACH, QUADS, THREADS
#import <tile>
#import <activation>

var<workgroup> tile: array<vec4<f32>, ${ROWS * QUADS}>; // (ROWS, QUADS) of four features, turned about by `place`

// Where four features of a row lie. Rows of different invocations are turned against each other, so that lanes that read
// them at once meet different banks, for which padding would cost memory.
fn place(row: u32, quad: u32) -> u32 {
    return row * QUADS + (quad ^ (row / EACH % 8u));
}

// All invocations of the workgroup see what the others wrote.
fn settle() {
    storageBarrier();
    workgroupBarrier();
}

// Four-padded eights: how many vectors of four a row of `features` takes.
fn quads(features: u32) -> u32 {
    return (features + 7u) / 8u * 2u;
}

struct Sums {
#for r in 0..EACH
    s${r}: vec4<f32>,
#end
}

#for i in FIRST..LAST
// The sums of rows `row`.. over `inputs` rows of the matrix whose four columns start at `at`.
fn sum_${i:tnf}(row: u32, at: u32, stride: u32, inputs: u32, start: vec4<f32>) -> Sums {
#for r in 0..EACH
    var s${r} = start;
#end
    for (var k = 0u; k < inputs; k += 4u) {
        // inputs past the last are zero in the tile, their weights only have to exist
        let w0 = weights_${i:tnf}[at + k * stride];
        let w1 = weights_${i:tnf}[at + min(k + 1u, inputs) * stride];
        let w2 = weights_${i:tnf}[at + min(k + 2u, inputs) * stride];
        let w3 = weights_${i:tnf}[at + min(k + 3u, inputs) * stride];
        let x_at = place(row, k / 4u);
#for r in 0..EACH
        let x${r} = tile[x_at + ${r}u * QUADS];
        s${r} += x${r}.x * w0;
        s${r} += x${r}.y * w1;
        s${r} += x${r}.z * w2;
        s${r} += x${r}.w * w3;
#end
    }
    return Sums(
#for r in 0..EACH
        s${r},
#end
    );
}
#end

// Which of the four outputs of a quad there are, as a mask.
fn there(quad: u32, outputs: u32) -> vec4<bool> {
    return vec4<u32>(quad * 4u) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(outputs);
}
