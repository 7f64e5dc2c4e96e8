// network/finish for eight outputs at a time.
#import network/product
#import lib/eight

// Finishes the sums z, whose slope and companion lie at those places, with p = alpha of the layer and mode = params.finish.
fn finish(z: Eight, slope_at: u32, beside_at: u32, p: f32, mode: u32) -> Eight {
    var y = z;
    // a loop that runs once or not at all: a software device computes both sides of an `if`, but leaves a loop
    let activates = select(0u, 1u, mode == INFER || mode == TRAIN);
    for (var once = 0u; once < activates; once++) {
        y = Eight(activation(z.even, p), activation(z.odd, p));
        if mode == TRAIN {
            slope[slope_at] = pack_eight(Eight(activation_slope(z.even, p), activation_slope(z.odd, p)));
        }
    }
    if mode == TIMES_SLOPE || mode == PLUS_SKIP {
        let s = unpack_eight(beside[beside_at]);
        let plus = mode == PLUS_SKIP;
        y = Eight(select(z.even * s.even, z.even + s.even, plus), select(z.odd * s.odd, z.odd + s.odd, plus));
    }
    return y;
}
