// Which row, which time and which noise a place in a batch gets, as a function of (seed, place, step).
#import lib/random

struct Draw {
    row: u32,    // of the data
    time: u32,   // of the coefficients
    stream: u32, // Philox index of the noise
    purpose: u32,
    live: bool,
}

// What there is to draw from.
struct Urn {
    rows: u32,       // B, without padding
    times: u32,      // K
    data_rows: u32,  // n
    stratified: u32, // 1: one stratum of times a row
}

fn draw_training(b: u32, step: u32, seed: vec2<u32>, urn: Urn) -> Draw {
    let words = random_words(seed, PURPOSE_BATCH, b, step, 0u);
    var time = random_below(words.y, urn.times);
    if urn.stratified == 1u {
        let low = b * urn.times / urn.rows;
        let high = (b + 1u) * urn.times / urn.rows;
        time = min(low + random_below(words.y, max(high - low, 1u)), urn.times - 1u);
    }
    return Draw(random_below(words.x, urn.data_rows), time, b, PURPOSE_NOISE, b < urn.rows);
}
