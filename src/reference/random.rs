//! Twins of `shaders/doctor` and of `shaders/score/gaussian`.

use super::{Call, at};
use crate::error::Result;
use crate::random::normals as normals_of;

/// Ten Philox rounds
pub fn philox(call: &mut Call) -> Result<()> {
    let (counters, keys) = (call.words("counters")?, call.words("keys")?);
    let one = |(c, k): (&[u32], &[u32])| crate::random::philox([c[0], c[1], c[2], c[3]], [k[0], k[1]]);
    let words: Vec<u32> = counters.chunks_exact(4).zip(keys.chunks_exact(2)).flat_map(one).collect();
    call.set_words("words", &words)
}

/// Normals of words
pub fn normals(call: &mut Call) -> Result<()> {
    let z: Vec<f64> = call.words("words")?.chunks_exact(4).flat_map(|w| normals_of([w[0], w[1], w[2], w[3]])).collect();
    call.set("z", &z)
}

/// Turns of nested loops
pub fn turns(call: &mut Call) -> Result<()> {
    let (outer, inner) = (call.u("outer")? as u32, call.u("inner")? as u32);
    let counts = vec![outer * inner; call.u("count")?];
    call.set_words("counts", &counts)
}

/// The score of a normal law
pub fn gaussian(call: &mut Call) -> Result<()> {
    let (rows, dim) = (call.u("rows")?, call.u("dim")?);
    let (points, laws) = (call.f("points")?, call.f("laws")?);
    let time = call.words("control")?[0] as usize;
    let mut scores = call.f("scores")?;
    for b in 0..rows {
        for d in 0..dim {
            let [mean, precision] = [0, 1].map(|i| laws[2 * (time * dim + d) + i]);
            scores[at(b, d, dim)] = (mean - points[at(b, d, dim)]) * precision;
        }
    }
    call.set("scores", &scores)
}
