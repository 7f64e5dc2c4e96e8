//! Randomness as a pure function: Philox4x32-10 of (seed, purpose, index, step, block).
//!
//! Nothing here has state, so neither batch size nor chunking nor a resumed run can change a draw. The WGSL
//! twin is `shaders/lib/random.wgsl`; the two agree bit for bit on the words and to 1e-6 on the normals.
//! Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).

/// What a stream of random words is for; the fourth word of the Philox counter.
///
/// The numbers are part of the file format: a stored seed must mean the same draws for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Purpose {
    /// Drawing the data set itself.
    Data = 1,
    /// The initial weights.
    Weights = 2,
    /// Which training row goes into which place of a batch (word 0), and at which time (word 1). 4 is not used.
    Batch = 3,
    /// The noise added to a training row.
    Noise = 5,
    /// Times and noises of the held-out loss.
    HeldOut = 6,
    /// Where a reverse process starts.
    SampleStart = 7,
    /// The noise of the reverse steps.
    SampleNoise = 8,
    /// Random projections and other draws of metrics.
    Metric = 9,
    /// A second sample from the data, to which samples are compared.
    Reference = 10,
    /// A third sample from the data, for the floor of a metric.
    Floor = 11,
    /// Shuffling rows into training and held-out parts.
    Split = 12,
    /// Time features with random frequencies.
    Features = 13,
    /// Draws made by tests.
    Test = 14,
    /// Probes of a divergence.
    Probe = 15,
}

/// Philox4x32-10: ten rounds over a 128-bit counter with a 64-bit key.
pub fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let a = u64::from(counter[0]) * 0xD251_1F53;
        let b = u64::from(counter[2]) * 0xCD9E_8D57;
        counter = [(b >> 32) as u32 ^ counter[1] ^ key[0], b as u32, (a >> 32) as u32 ^ counter[3] ^ key[1], a as u32];
        key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
    }
    counter
}

/// The four words at (seed, purpose, index, step, block).
///
/// `index` numbers samples, `step` numbers training or reverse steps, `block` numbers groups of four lanes.
pub fn words(seed: u64, purpose: Purpose, index: u32, step: u32, block: u32) -> [u32; 4] {
    philox([block, step, index, purpose as u32], [seed as u32, (seed >> 32) as u32])
}

/// A word as a number in (0, 1): (word + 1/2) / 2^32, never 0 and never 1.
pub fn unit(word: u32) -> f64 {
    (f64::from(word) + 0.5) / 4_294_967_296.0
}

/// Two independent standard normals from two words (Box and Muller).
pub fn normal_pair(a: u32, b: u32) -> [f64; 2] {
    // -ln u by way of the complement when u > 1/2, where ln u itself would lose its digits
    let minus_ln = if a >= 1 << 31 { -(-unit(!a)).ln_1p() } else { -unit(a).ln() };
    let radius = (2.0 * minus_ln).sqrt();
    let angle = std::f64::consts::TAU * unit(b);
    [radius * angle.cos(), radius * angle.sin()]
}

/// Four standard normals from the four words of one block.
pub fn normals(w: [u32; 4]) -> [f64; 4] {
    let [a, b] = normal_pair(w[0], w[1]);
    let [c, d] = normal_pair(w[2], w[3]);
    [a, b, c, d]
}

/// An integer in 0..bound by multiply-shift (bias below bound / 2^32); bound > 0.
pub fn below(word: u32, bound: u32) -> u32 {
    ((u64::from(word) * u64::from(bound)) >> 32) as u32
}

/// The words of one sample in order, for code on the host that consumes a varying number of them.
#[derive(Debug, Clone)]
pub struct Stream {
    seed: u64,
    purpose: Purpose,
    index: u32,
    step: u32,
    block: u32,
    buffer: [u32; 4],
    used: usize,
}

impl Stream {
    /// The stream of sample `index` (with `step` as a second number), from its first word.
    pub fn new(seed: u64, purpose: Purpose, index: u32, step: u32) -> Self {
        Self { seed, purpose, index, step, block: 0, buffer: [0; 4], used: 4 }
    }
    /// The next word.
    pub fn word(&mut self) -> u32 {
        if self.used == 4 {
            self.buffer = words(self.seed, self.purpose, self.index, self.step, self.block);
            self.block += 1;
            self.used = 0;
        }
        self.used += 1;
        self.buffer[self.used - 1]
    }
    /// The next uniform number in (0, 1), with 32 random bits.
    pub fn unit(&mut self) -> f64 {
        unit(self.word())
    }
    /// The next standard normal; two words are used and the second value of the pair is dropped, so that
    /// no state hides in the stream.
    pub fn normal(&mut self) -> f64 {
        let (a, b) = (self.word(), self.word());
        normal_pair(a, b)[0]
    }
    /// The next integer in 0..bound.
    pub fn below(&mut self, bound: u32) -> u32 {
        below(self.word(), bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_gives_the_published_answers() {
        let all = u32::MAX;
        assert_eq!(philox([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox([all; 4], [all; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        assert_eq!(
            philox([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn normals_have_the_moments_of_a_normal() {
        let n = 1u32 << 16;
        let (mut m1, mut m2, mut m4) = (0.0, 0.0, 0.0);
        for i in 0..n {
            for z in normals(words(7, Purpose::Test, i, 0, 0)) {
                m1 += z;
                m2 += z * z;
                m4 += z * z * z * z;
            }
        }
        let count = f64::from(4 * n);
        // five standard errors of each moment at this count
        assert!((m1 / count).abs() < 5.0 / count.sqrt());
        assert!((m2 / count - 1.0).abs() < 5.0 * (2.0 / count).sqrt());
        assert!((m4 / count - 3.0).abs() < 5.0 * (96.0 / count).sqrt());
    }

    #[test]
    fn the_extreme_words_give_finite_normals() {
        for a in [0, 1, u32::MAX - 1, u32::MAX] {
            for b in [0, 1 << 30, 1 << 31, u32::MAX] {
                assert!(normal_pair(a, b).iter().all(|z| z.is_finite() && z.abs() < 6.8));
            }
        }
    }
}
