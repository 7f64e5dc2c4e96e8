//! Twins of `shaders/network`.

use super::{Call, at, fault};
use crate::error::Result;
use crate::network::{ACTIVATIONS, Activation};
use crate::recording::PANEL;

pub(super) fn activation(call: &Call) -> Result<&'static Activation> {
    let file = call.slot_path("activation")?;
    ACTIVATIONS.iter().find(|a| a.shader == file).ok_or_else(|| fault(format!("{file} is no activation")))
}

/// What tells a slope from what the slot's file reads and the activation's parameter.
pub fn slope_from(call: &Call) -> Result<fn(f64, f64) -> f64> {
    let file = call.slot_path("slope")?;
    let by_value = ACTIVATIONS.iter().filter_map(|a| a.by_value).find(|v| v.shader == file);
    Ok(by_value.map_or(|kept, _| kept, |v| v.slope))
}

/// y = finish(x W + bias), with the finishes of `shaders/network/finish`
pub fn linear(call: &mut Call) -> Result<()> {
    let (rows, inputs) = (call.u("rows")?, call.u("inputs")?);
    let [x_stride, w_stride, y_stride] = ["input_stride", "weight_stride", "output_stride"].map(|n| call.u(n));
    let (x_stride, w_stride, y_stride) = (8 * x_stride?, 8 * w_stride?, 8 * y_stride?);
    let (biased, layer) = (call.u("biased")? == 1, call.u("layer")?);
    let (x, w) = (call.f("input")?, call.f("weight")?);
    let mut y = vec![0.0; rows * y_stride];
    for r in 0..rows {
        for n in 0..y_stride {
            let mut sum = if biased { w[inputs * w_stride + n] } else { 0.0 };
            for k in 0..inputs {
                sum += x[r * x_stride + k] * w[k * w_stride + n];
            }
            y[r * y_stride + n] = sum;
        }
    }
    let p = call.f("alpha")?[layer];
    match call.slot("finish")?.as_str() {
        "store" => {}
        "infer" => {
            let a = activation(call)?;
            y.iter_mut().for_each(|z| *z = (a.value)(*z, p));
        }
        "train" => {
            let a = activation(call)?;
            let slope: Vec<f64> = y.iter().map(|&z| (a.slope)(z, p)).collect();
            call.set("slope", &slope)?;
            y.iter_mut().for_each(|z| *z = (a.value)(*z, p));
        }
        "times_slope" => {
            let slope = slope_from(call)?;
            y.iter_mut().zip(call.f("beside")?).for_each(|(y, b)| *y *= slope(b, p));
        }
        "plus_skip" => y.iter_mut().zip(call.f("beside")?).for_each(|(y, s)| *y += s),
        other => return Err(fault(format!("{other} is no finish"))),
    }
    let mut out = call.f("output")?;
    out[..y.len()].copy_from_slice(&y);
    call.set("output", &out)
}

/// Rows of the batch that slice `s` of `slices` sums over.
fn slice_rows(s: usize, slices: usize, panels: usize) -> std::ops::Range<usize> {
    s * panels / slices * PANEL..(s + 1) * panels / slices * PANEL
}

/// d_W = x^T d_y and, where biased, d_bias = sum of d_y below it, slice by slice
pub fn d_weight(call: &mut Call) -> Result<()> {
    let (rows, batch, slices) = (call.u("rows")?, call.u("inputs")?, call.u("slices")?);
    let [x_stride, y_stride] = [8 * call.u("input_stride")?, 8 * call.u("output_stride")?];
    let (start, length) = (8 * call.u("output_at")?, 8 * call.u("output_slice")?);
    let biased = call.u("biased")? == 1;
    let (x, dy) = (call.f("input")?, call.f("weight")?);
    let mut out = call.f("output")?;
    for s in 0..slices {
        for (k, n) in (0..rows).flat_map(|k| (0..y_stride).map(move |n| (k, n))) {
            let of_row =
                |b: usize| if biased && k + 1 == rows { 1.0 } else { x[b * x_stride + k] } * dy[b * y_stride + n];
            out[start + s * length + k * y_stride + n] = slice_rows(s, slices, batch / PANEL).map(of_row).sum();
        }
    }
    call.set("output", &out)
}

/// d_W = x^T d_y and d_bias = sum of d_y for at most eight outputs, slice by slice
pub fn d_weight_narrow(call: &mut Call) -> Result<()> {
    let inputs = call.u("inputs")?;
    let (panels, slices) = (call.u("panels")?, call.u("slices")?);
    let (start, length) = (8 * call.u("at")?, 8 * call.u("length")?);
    let (x, dy) = (call.f("input")?, call.f("d_output")?);
    let mut out = call.f("partials")?;
    for s in 0..slices {
        for n in 0..8 {
            for k in 0..=inputs {
                let mut sum = 0.0;
                for b in slice_rows(s, slices, panels) {
                    let input = if k < inputs { x[at(b, k, inputs)] } else { 1.0 };
                    sum += input * dy[8 * b + n];
                }
                out[s * length + start + k * 8 + n] = sum;
            }
        }
    }
    call.set("partials", &out)
}

/// Layer norm, activation, skip
pub fn block(call: &mut Call) -> Result<()> {
    let (rows, width, stride) = (call.u("rows")?, call.u("width")?, call.u("stride")?);
    let (normed, skipped) = (call.u("normed")? == 1, call.u("skipped")? == 1);
    let (a, p) = (activation(call)?, call.f("alpha")?[call.u("layer")?]);
    let (previous, norm) = (call.f("previous")?, call.f("norm")?);
    let (mut z, mut h, mut slope, mut spread) = (call.f("z")?, call.f("h")?, call.f("slope")?, call.f("spread")?);
    for b in 0..rows {
        if normed {
            let row: Vec<f64> = (0..width).map(|n| z[at(b, n, width)]).collect();
            let mean = row.iter().sum::<f64>() / width as f64;
            let variance = row.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / width as f64;
            let scale = 1.0 / (variance + 1e-5).sqrt();
            spread[b] = scale;
            (0..stride).for_each(|n| z[b * stride + n] = if n < width { (row[n] - mean) * scale } else { 0.0 });
        }
        for n in 0..stride {
            let i = b * stride + n;
            let y = if normed { norm[n] * z[i] + norm[stride + n] } else { z[i] };
            slope[i] = (a.slope)(y, p);
            h[i] = (a.value)(y, p) + if skipped { previous[i] } else { 0.0 };
        }
    }
    call.set("z", &z)?;
    call.set("h", &h)?;
    call.set("slope", &slope)?;
    call.set("spread", &spread)
}

/// The way back through `block`
pub fn d_block(call: &mut Call) -> Result<()> {
    let (rows, width, stride) = (call.u("rows")?, call.u("width")?, call.u("stride")?);
    let normed = call.u("normed")? == 1;
    let (dh, slope, z) = (call.f("d_h")?, call.f("slope")?, call.f("z")?);
    let (norm, spread) = (call.f("norm")?, call.f("spread")?);
    let (mut dy, mut dz) = (call.f("d_y")?, call.f("d_z")?);
    for b in 0..rows {
        let index: Vec<usize> = (0..width).map(|n| at(b, n, width)).collect();
        for n in width..stride {
            (dy[b * stride + n], dz[b * stride + n]) = (0.0, 0.0);
        }
        index.iter().for_each(|&i| dy[i] = dh[i] * slope[i]);
        if !normed {
            index.iter().for_each(|&i| dz[i] = dy[i]);
            continue;
        }
        let d: Vec<f64> = index.iter().enumerate().map(|(n, &i)| norm[n] * dy[i]).collect();
        let mean = d.iter().sum::<f64>() / width as f64;
        let along = d.iter().zip(&index).map(|(d, &i)| d * z[i]).sum::<f64>() / width as f64;
        for (n, &i) in index.iter().enumerate() {
            dz[i] = spread[b] * (d[n] - mean - z[i] * along);
        }
    }
    call.set("d_y", &dy)?;
    call.set("d_z", &dz)
}

/// Gradients of gain and shift
pub fn d_norm(call: &mut Call) -> Result<()> {
    let (width, stride, panels, slices) = (call.u("width")?, call.u("stride")?, call.u("panels")?, call.u("slices")?);
    let (start, length) = (call.u("at")?, call.u("length")?);
    let (dy, z) = (call.f("d_y")?, call.f("z")?);
    let mut out = call.f("partials")?;
    for s in 0..slices {
        for n in 0..stride {
            let rows = || slice_rows(s, slices, panels).filter(|_| n < width).map(|b| at(b, n, width));
            out[s * length + start + n] = rows().map(|i| dy[i] * z[i]).sum();
            out[s * length + start + stride + n] = rows().map(|i| dy[i]).sum();
        }
    }
    call.set("partials", &out)
}

/// Gradient of SignReLU's alpha, from z recovered through the slope
pub fn d_alpha(call: &mut Call) -> Result<()> {
    let (width, panels, slices) = (call.u("width")?, call.u("panels")?, call.u("slices")?);
    let (start, length) = (call.u("at")?, call.u("length")?);
    let p = call.f("alpha")?[call.u("layer")?];
    let (dy, slope) = (call.f("d_y")?, call.f("slope")?);
    let mut out = call.f("partials")?;
    for s in 0..slices {
        let mut sum = 0.0;
        for b in slice_rows(s, slices, panels) {
            for n in 0..width {
                let i = at(b, n, width);
                if slope[i] != 1.0 {
                    // slope = p / (1 - z)^2, d h / d p = z / (1 - z), d_h = d_y / slope
                    let z = 1.0 - (p / slope[i].max(1e-30)).sqrt();
                    sum += dy[i] / slope[i].max(1e-30) * z / (1.0 - z);
                }
            }
        }
        out[s * length + start] = sum;
    }
    call.set("partials", &out)
}
