//! Twins of `shaders/optimiser`. Words of `control` are those of `shaders/lib/control.wgsl`.

use super::{BINS, Call};
use crate::error::Result;

const STEP: usize = 0;
const BASE: usize = 1;
const DIVERGED: usize = 2;
const SCALE: usize = 3;
const RATE: usize = 4;
const CORRECT1: usize = 5;
const CORRECT2: usize = 6;
const KEEP: usize = 7;

/// Adds the slices and measures the gradient
pub fn reduce(call: &mut Call) -> Result<()> {
    let (length, slices, first) = (call.u("length")?, call.u("slices")?, call.u("first_group")?);
    let (partials, mut gradient, mut norms) = (call.f("partials")?, call.f("gradient")?, call.f("norms")?);
    for i in 0..length {
        gradient[i] = (0..slices).map(|s| partials[s * length + i]).sum();
    }
    for (g, block) in gradient[..length].chunks(256).enumerate() {
        // four numbers are judged together, as the device loads them
        let sound = |q: &&[f64]| q.iter().all(|v| v.is_finite());
        norms[2 * (first + g)] = block.chunks(4).filter(sound).flatten().map(|v| v * v).sum();
        norms[2 * (first + g) + 1] = block.chunks(4).filter(|q| !sound(q)).count() as f64;
    }
    call.set("gradient", &gradient)?;
    call.set("norms", &norms)
}

/// Norm, clipping, divergence, history
pub fn finish(call: &mut Call) -> Result<()> {
    let (norm_groups, loss_groups, rows) = (call.u("norm_groups")?, call.u("loss_groups")?, call.u("rows")?);
    let clip = call.p("clip")?;
    let (norms, partial, schedule) = (call.f("norms")?, call.f("partial")?, call.f("schedule")?);
    let (mut control, mut bins, mut history) = (call.words("control")?, call.f("bins")?, call.f("history")?);
    let norm = (0..norm_groups).map(|g| norms[2 * g]).sum::<f64>().sqrt();
    let bad: f64 = (0..norm_groups).map(|g| norms[2 * g + 1]).sum();
    let mut loss = 0.0;
    for i in 0..2 * BINS {
        let part: f64 = (0..loss_groups).map(|g| partial[g * 2 * BINS + i]).sum();
        bins[i] += part;
        loss += if i % 2 == 0 { part } else { 0.0 };
    }
    loss /= rows as f64;
    let scale = if clip > 0.0 && norm > clip { clip / norm } else { 1.0 };
    let row = (control[STEP] - control[BASE]) as usize;
    let mut fault = call.words("fault")?;
    if (bad != 0.0 || !loss.is_finite() || !norm.is_finite()) && fault[0] == 0 {
        fault[0] = control[STEP] + 1;
    }
    control[DIVERGED] = fault[0];
    call.set_words("fault", &fault)?;
    let rates = &schedule[4 * row..4 * row + 4];
    control[SCALE] = (scale as f32).to_bits();
    for (word, rate) in [RATE, CORRECT1, CORRECT2, KEEP].into_iter().zip(rates) {
        control[word] = (*rate as f32).to_bits();
    }
    history[4 * row..4 * row + 4].copy_from_slice(&[loss, norm, scale, rates[0]]);
    control[STEP] += 1;
    call.set("bins", &bins)?;
    call.set("history", &history)?;
    call.set_words("control", &control)
}

/// One optimiser step
pub fn update(call: &mut Call) -> Result<()> {
    let (first, length) = (call.u("first")?, call.u("length")?);
    let (beta1, beta2, epsilon, decay) = (call.p("beta1")?, call.p("beta2")?, call.p("epsilon")?, call.p("decay")?);
    let (control, mut fault) = (call.words("control")?, call.words("fault")?);
    if control[DIVERGED] != 0 {
        return Ok(());
    }
    let real = |word: usize| f64::from(f32::from_bits(control[word]));
    let (scale, rate, c1, c2, keep) = (real(SCALE), real(RATE), real(CORRECT1), real(CORRECT2), real(KEEP));
    let gradient = call.f("gradient")?;
    let (mut p, mut m1) = (call.f("parameters")?, call.f("moments")?);
    let mut m2 = m1.split_off(call.u("total")?);
    let (mut average, mut mirror, index) = (call.f("average")?, call.f("mirror")?, call.words("mirror_index")?);
    let rule = call.slot("rule")?;
    let mut updated = Vec::with_capacity(length);
    for i in first..first + length {
        let mut g = scale * gradient[i];
        let next = match rule.as_str() {
            "sgd" => {
                let m = beta1 * m1[i] + g + decay * p[i];
                [p[i] - rate * m, m, m2[i]]
            }
            "adam" | "adamw" => {
                let coupled = if rule == "adam" { decay } else { 0.0 };
                let shrink = if rule == "adamw" { 1.0 - rate * decay } else { 1.0 };
                g += coupled * p[i];
                let a = beta1 * m1[i] + (1.0 - beta1) * g;
                let b = beta2 * m2[i] + (1.0 - beta2) * g * g;
                [shrink * p[i] - rate * c1 * a / ((c2 * b).sqrt() + epsilon), a, b]
            }
            other => return Err(super::fault(format!("optimiser rule {other} has no twin"))),
        };
        updated.push(next);
    }
    for (four, quad) in updated.chunks(4).enumerate() {
        // four parameters are judged together, as the device stores them
        if quad.iter().flatten().any(|v| !v.is_finite()) {
            fault[0] = control[STEP];
            continue;
        }
        for (j, next) in quad.iter().enumerate() {
            let i = first + 4 * four + j;
            [p[i], m1[i], m2[i]] = *next;
            average[i] = keep * average[i] + (1.0 - keep) * p[i];
            if index[i] != u32::MAX {
                mirror[index[i] as usize] = p[i];
            }
        }
    }
    m1.extend(m2);
    for (name, values) in [("parameters", p), ("moments", m1), ("average", average), ("mirror", mirror)] {
        call.set(name, &values)?;
    }
    call.set_words("fault", &fault)
}
