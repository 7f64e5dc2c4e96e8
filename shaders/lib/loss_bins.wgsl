// Loss by time: BINS bins over the rows of the coefficients, which are ordered by time.

const BINS: u32 = 16u;

// The bin of row `time` of `times`.
fn loss_bin(time: u32, times: u32) -> u32 {
    return time * BINS / times;
}
