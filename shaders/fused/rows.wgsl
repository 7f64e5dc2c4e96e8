// Where the rows of a tile lie for fused/forward, backward and gradient: in `values` and in `gradients` a tile has a block of
// (ROWS, features) for each place of a line (`Line` of the network on the host), one behind the other, in packed eights.
//
// needs     `control`; `params` with rows, share, longer, values_line, gradients_line, and ..._member of `control`, `values`,
//           `gradients`
#import lib/eight
#import network/jobs

const ROWS: u32 = 256u; // of a tile, at most
const PANEL: u32 = 64u;
const LAYERS: u32 = 12u; // where the layers start in `control`

struct Rows {
    first: u32,   // row of the batch
    count: u32,   // whole panels
    values: u32,    // its first block there
    gradients: u32, // likewise
    control: u32, // of its member
}

// Tile t of the batch: `share` panels, and one more for the first `longer` tiles. The host divides, because llvmpipe's compiler
// moves a division into every loop that uses the quotient. What follows may pack eights.
fn rows_of(t: u32, member: u32) -> Rows {
    never = params.rows == 0u;
    let first = t * params.share + min(t, params.longer);
    let count = params.share + select(0u, 1u, t < params.longer);
    return Rows(
        first * PANEL,
        count * PANEL,
        member * params.values_member + t * ROWS * (params.values_line / 2u),
        member * params.gradients_member + t * ROWS * (params.gradients_line / 2u),
        member * params.control_member,
    );
}

// How far behind the first block that at place `at` of a line starts, which is in fours.
fn block(at: u32) -> u32 {
    return at / 2u * ROWS;
}

struct Layer {
    inputs: u32,
    outputs: u32,
    at: u32,          // its block in the weights, in eights
    mirror_at: u32,   // its transposed block, likewise
    input_at: u32,    // block of its input
    slope_at: u32,    // block of what tells the slope of the activation that made its input
    gradient_at: u32, // block of the gradient at its output
}

fn layer_of(i: u32, rows: Rows) -> Layer {
    let at = rows.control + LAYERS + i * 8u;
    return Layer(
        control[at],
        control[at + 1u],
        control[at + 2u] / 2u,
        control[at + 3u] / 2u,
        rows.values + block(control[at + 4u]),
        rows.values + block(control[at + 5u]),
        rows.gradients + block(control[at + 6u]),
    );
}

fn eights(n: u32) -> u32 {
    return (n + 7u) / 8u;
}
