// network/finish for eight rows at a time, in place.
#import network/finish
#import lib/eight

// Finishes the eight rows whose sums lie in output[at].
fn finish(at: u32) {
    if params.finish == STORE { return; }
    let z = unpack_eight(output[at]);
    let p = alpha[params.layer];
    var y = z;
    if params.finish == INFER || params.finish == TRAIN {
        y = Eight(activation(z.even, p), activation(z.odd, p));
        if params.finish == TRAIN {
            slope[at] = pack_eight(Eight(activation_slope(z.even, p), activation_slope(z.odd, p)));
        }
    } else if params.finish == TIMES_SLOPE {
        let s = unpack_eight(slope[at]);
        y = Eight(z.even * s.even, z.odd * s.odd);
    } else {
        let s = unpack_eight(skip[at]);
        y = Eight(z.even + s.even, z.odd + s.odd);
    }
    output[at] = pack_eight(y);
}
