// What becomes of eight sums of a product: see network/finish. The finish is a slot, not a parameter, because a software
// device computes every branch and pays for loads it does not use.
#import <finish>
#import lib/eight
#import network/product

// Finishes the sums z, whose slope and companion lie at those places, with p = alpha of the layer.
fn finished(z: Eight, slope_at: u32, beside_at: u32, p: f32) -> Eight {
    var b = z;
    if READS_BESIDE { b = unpack_eight(beside[beside_at]); }
    if KEEPS_SLOPE { slope[slope_at] = pack_eight(Eight(slope_of(z.even, p), slope_of(z.odd, p))); }
    return Eight(finish(z.even, b.even, p), finish(z.odd, b.odd, p));
}
