//! The recordings of a training: one step, and one batch of the held-out loss.

use crate::error::Result;
use crate::network::{BackWorkspace, HeadWorkspace, Moments, Network, Tangents, Weights, Workspace, row};
use crate::recording::{Arena, Dispatch, PANEL, Recording, Tensor, Work, pad, panels};
use crate::reference::BINS;

use super::fused::{Fused, control_words};
use super::losses::{implicit, probes};
use super::options::{OPTIMISERS, TrainOptions};
use super::teacher::{Lesson, Teacher};
use super::times::TIMES;

/// Longest run of steps between two readbacks: rows of the schedule and of the history.
pub const CHUNK: usize = 1024;

/// Every tensor of a training.
pub struct Tensors {
    pub data: Tensor,
    pub held_out: Tensor,
    pub coefficients: Tensor,
    /// (K, D + F padded): inputs of the network at each time, with zeros for the point.
    pub features: Tensor,
    pub control: Tensor,
    pub held_control: Tensor,
    pub schedule: Tensor,
    pub history: Tensor,
    pub bins: Tensor,
    pub held_bins: Tensor,
    pub weights: Weights,
    pub average: Weights,
    pub moments: Vec<Tensor>,
    pub fault: Tensor,
    pub seeds: Tensor,
    pub mirror: Vec<Tensor>,
    pub mirror_index: Vec<Tensor>,
    pub work: Workspace,
    pub back: BackWorkspace,
    /// What implicit score matching has instead of a plain batch.
    pub tangents: Option<Tangents>,
    /// What a head with a trained noise has behind the network.
    pub head: Option<HeadWorkspace>,
    offset: Tensor,
    time_index: Tensor,
    partial: Tensor,
    gradient: Vec<Tensor>,
    norms: Tensor,
}

/// Slices of the batch whose weight gradients are summed apart: enough to fill a device, few enough to add up fast,
/// and no more than fit one binding. Depends on the sizes only, so that results do not depend on the device.
/// A slice has at most 4096 rows, as the turns that kernels take over it are limited ([`crate::recording::TURNS`]): the longest loops are those
/// of 202 turns for 64 rows of a product and, for a gradient of alpha, of one for 256 numbers of a layer.
fn slices(rows: usize, longest_group: usize) -> usize {
    let most = ((1 << 25) / longest_group.max(1)).max(1);
    (panels(rows) / 2).clamp(1, 8).max(rows.div_ceil(4096)).min(most)
}

impl Tensors {
    /// Plans the tensors for `rows` training rows and `held` held-out rows; refuses losses that the network cannot have.
    pub fn new(arena: &mut Arena, network: &Network, options: &TrainOptions, rows: usize, held: usize) -> Result<Self> {
        let batch = options.batch_size;
        let probes = probes(options, network)?;
        let layout = &network.layout;
        let longest = layout.groups.iter().copied().max().unwrap_or(0);
        let groups = |arena: &mut Arena, label: &str| -> Vec<Tensor> {
            layout.groups.iter().map(|&n| arena.f32(label, &[n])).collect()
        };
        let norm_groups: usize = layout.groups.iter().map(|n| n.div_ceil(256)).sum();
        let further = probes.map_or(0, |p| slices(p.count * batch, longest));
        Ok(Self {
            data: arena.f32("training rows", &[rows, network.dim]),
            held_out: arena.f32("held-out rows", &[held.max(1), network.dim]),
            coefficients: arena.f32("coefficients", &[TIMES, 8]),
            features: arena.f32("time features", &[TIMES, pad(network.dim + network.options.features, 8)]),
            control: arena.u32("control", &[control_words(network)]),
            held_control: arena.u32("held-out control", &[8]),
            schedule: arena.shared_f32("schedule", &[CHUNK, 4]),
            history: arena.f32("history", &[CHUNK, 4]),
            bins: arena.f32("loss bins", &[BINS, 2]),
            held_bins: arena.f32("held-out loss bins", &[BINS, 2]),
            weights: Weights::new(arena, "weights", layout),
            average: Weights::new(arena, "moving average", layout),
            moments: layout.groups.iter().map(|&n| arena.f32("moments", &[2, n])).collect(),
            fault: arena.u32("fault", &[4]),
            seeds: arena.u32("seeds", &[2]),
            mirror: layout.mirrors.iter().map(|&n| arena.f32("transposed weights", &[n])).collect(),
            mirror_index: layout.groups.iter().map(|&n| arena.shared_u32("mirror index", &[n])).collect(),
            work: network.workspace(arena, batch, true),
            back: network.back_workspace_and(arena, batch, slices(batch, longest), further),
            tangents: probes.map(|p| network.tangents(arena, batch, p.count)),
            head: network.head_workspace(arena, batch),
            offset: arena.panel("offset", batch, network.dim),
            time_index: arena.u32("time index", &[pad(batch, PANEL)]),
            partial: arena.f32("partial losses", &[batch.div_ceil(256), BINS, 2]),
            gradient: groups(arena, "gradient"),
            norms: arena.f32("gradient norms", &[norm_groups, 2]),
        })
    }

    fn moments(&self) -> Moments<'_> {
        Moments { coefficients: &self.coefficients, time_index: &self.time_index }
    }

    /// (B padded): the time of each row of the last batch, 0xffffffff for rows that do not count.
    pub fn time_index(&self) -> &Tensor {
        &self.time_index
    }

    /// (groups, BINS, 2): sums of the losses and rows of the last batch.
    pub fn partial(&self) -> &Tensor {
        &self.partial
    }

    /// The gradient of each group, after a step.
    pub fn gradient(&self) -> &[Tensor] {
        &self.gradient
    }
}

fn noise(network: &Network, options: &TrainOptions, t: &Tensors, held_out: Option<usize>) -> Dispatch {
    let input = match &t.tangents {
        Some(own) if held_out.is_none() => own.batch(&own.input),
        _ => t.work.input.clone(),
    };
    let (data, control) = if held_out.is_some() { (&t.held_out, &t.held_control) } else { (&t.data, &t.control) };
    Dispatch::new("train/noise", Work::Items(pad(options.batch_size, PANEL)))
        .bind("data", data)
        .bind("coefficients", &t.coefficients)
        .bind("features", &t.features)
        .bind("control", control)
        .bind("seeds", &t.seeds)
        .bind("input", &input)
        .bind("offset", &t.offset)
        .bind("time_index", &t.time_index)
        .param("rows", options.batch_size)
        .param("dim", network.dim)
        .param("features", network.options.features)
        .param("times", TIMES)
        .param("data_rows", data.shape[0])
        .param("held_out", held_out.is_some())
        .param("draws", held_out.unwrap_or(0))
        .param("stratified", !options.no_stratify)
}

/// F of the batch and, behind it, the noise loss.
fn forward_and_loss(rec: &mut Recording, network: &Network, options: &TrainOptions, t: &Tensors, weights: &Weights) {
    network.forward(rec, weights, &t.work);
    if let Some(head) = &t.head {
        network.shape_output(rec, weights, &t.work, &t.moments(), head);
    }
    rec.push(loss(network, options, t));
}

fn loss(network: &Network, options: &TrainOptions, t: &Tensors) -> Dispatch {
    let (output, d_output) = match &t.head {
        Some(head) => (&head.guess, &head.d_guess),
        None => (&t.work.output, &t.back.d_output),
    };
    Dispatch::new("loss/dsm", Work::Groups(options.batch_size.div_ceil(256)))
        .bind("output", output)
        .bind("offset", &t.offset)
        .bind("coefficients", &t.coefficients)
        .bind("time_index", &t.time_index)
        .bind("d_output", d_output)
        .bind("partial", &t.partial)
        .param("rows", options.batch_size)
        .param("dim", network.dim)
        .param("times", TIMES)
}

/// One training step, from drawing the batch to the moving average.
pub fn training(
    network: &Network,
    options: &TrainOptions,
    t: &Tensors,
    teachers: &[Teacher],
    fused: Option<&Fused>,
) -> Result<Recording> {
    let mut rec = Recording::new("training step");
    let (all_partials, slices, partial) = match fused {
        Some(f) => {
            f.step(&mut rec, network, options, t);
            (std::slice::from_ref(&f.partials), f.slices, &f.partial)
        }
        None => {
            rec.push(noise(network, options, t, None));
            for (m, teacher) in teachers.iter().enumerate() {
                let lesson = Lesson {
                    input: &t.work.input.of_member(m),
                    coefficients: &t.coefficients.of_member(m),
                    time_index: &t.time_index.of_member(m),
                    offset: &t.offset.of_member(m),
                };
                teacher.record(&mut rec, network, &lesson);
            }
            match probes(options, network)? {
                Some(probes) => implicit(&mut rec, network, options, t, probes),
                None => {
                    forward_and_loss(&mut rec, network, options, t, &t.weights);
                    if let Some(head) = &t.head {
                        network.d_shape_output(&mut rec, &t.weights, &t.work, &t.moments(), (head, &t.back));
                    }
                    network.backward(&mut rec, &t.weights, &t.mirror, &t.work, &t.back);
                }
            }
            (t.back.partials.as_slice(), t.back.slices(), &t.partial)
        }
    };
    let mut first_group = 0;
    for (partials, gradient) in all_partials.iter().zip(&t.gradient) {
        let length = gradient.len();
        rec.push(
            Dispatch::new("optimiser/reduce", Work::Groups(length.div_ceil(256)))
                .bind("partials", partials)
                .bind("gradient", gradient)
                .bind("norms", &t.norms)
                .param("length", length)
                .param("slices", slices)
                .param("first_group", first_group),
        );
        first_group += length.div_ceil(256);
    }
    rec.push(
        Dispatch::new("optimiser/finish", Work::Groups(1))
            .bind("norms", &t.norms)
            .bind("partial", partial)
            .bind("schedule", &t.schedule)
            .bind("control", &t.control)
            .bind("bins", &t.bins)
            .bind("history", &t.history)
            .bind("fault", &t.fault)
            .param("norm_groups", first_group)
            .param("loss_groups", partial.shape[0])
            .param("rows", options.batch_size)
            .param("clip", options.clip as f32),
    );
    let rule = row(OPTIMISERS, |o| o.name, "--optimiser", &options.optimiser)?.shader;
    for (group, (first, length)) in network.trained().into_iter().enumerate().filter(|(_, (_, n))| *n > 0) {
        rec.push(
            Dispatch::new("optimiser/update", Work::Groups(length.div_ceil(256)))
                .slot("rule", rule)
                .bind("parameters", &t.weights.groups[group])
                .bind("gradient", &t.gradient[group])
                .bind("moments", &t.moments[group])
                .bind("average", &t.average.groups[group])
                .bind("mirror", &t.mirror[group])
                .bind("mirror_index", &t.mirror_index[group])
                .bind("control", &t.control)
                .bind("fault", &t.fault)
                .param("first", first)
                .param("length", length)
                .param("total", t.gradient[group].len())
                .param("beta1", options.beta1 as f32)
                .param("beta2", options.beta2 as f32)
                .param("epsilon", options.epsilon as f32)
                .param("decay", options.weight_decay as f32),
        );
    }
    Ok(rec)
}

/// One batch of the held-out loss, of the averaged weights.
pub fn held_out(network: &Network, options: &TrainOptions, t: &Tensors, draws: usize) -> Recording {
    let mut rec = Recording::new("held-out loss");
    rec.push(noise(network, options, t, Some(draws)));
    forward_and_loss(&mut rec, network, options, t, &t.average);
    rec.push(
        Dispatch::new("loss/tally", Work::Groups(1))
            .bind("partial", &t.partial)
            .bind("bins", &t.held_bins)
            .bind("control", &t.held_control)
            .param("groups", options.batch_size.div_ceil(256)),
    );
    rec
}

#[cfg(test)]
mod tests {
    use super::slices;

    #[test]
    fn no_slice_is_longer_than_the_loops_of_a_device() {
        assert_eq!([64, 512, 4096, 32_768].map(|rows| slices(rows, 1000)), [1, 4, 8, 8]);
        for rows in [32_769usize, 1 << 20] {
            assert!(rows.div_ceil(slices(rows, 1000)) <= 4096);
        }
        // but all of them fit a binding
        assert_eq!(slices(1 << 20, 1 << 24), 2);
    }
}
