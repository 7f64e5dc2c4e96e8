//! Where the numbers of a network lie: weights, biases, norms and activation parameters in few long vectors.
//!
//! A layer's block is (K + 1, N8), inputs by outputs with the bias in row K and N8 = N rounded up to 8; padding is
//! zero and stays zero. The mirror holds the transposed weights (N + 1, K8) with a zero row, for the way back. Blocks
//! are packed into groups of bounded length, so that every group and its partial gradients can be bound at once.

use crate::error::{Error, Problem, Result};
use crate::random::{Purpose, Stream};
use crate::recording::pad;

/// Longest group in numbers: 32 MiB, so that four slices of partial gradients fit a 128 MiB binding.
const GROUP: usize = 1 << 23;
/// Blocks start at multiples of 256 bytes, which every device allows a binding to start at.
const ALIGN: usize = 64;

/// One linear layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// K
    pub inputs: usize,
    /// N
    pub outputs: usize,
    /// Which group its block lies in.
    pub group: usize,
    /// Start of the weight block (K + 1, N8) in the group.
    pub at: usize,
    /// Start of the transposed block (N + 1, K8) in the group's mirror.
    pub mirror_at: usize,
    /// Start of (2, N8) gain and shift, for layers that are normed.
    pub norm_at: Option<usize>,
}

impl Layer {
    /// N rounded up to 8.
    pub fn stride(&self) -> usize {
        pad(self.outputs, 8)
    }
    /// K rounded up to 8.
    pub fn mirror_stride(&self) -> usize {
        pad(self.inputs, 8)
    }
    /// Length of the weight block.
    pub fn block_len(&self) -> usize {
        (self.inputs + 1) * self.stride()
    }
    /// Length of the transposed block.
    pub fn mirror_len(&self) -> usize {
        (self.outputs + 1) * self.mirror_stride()
    }
}

/// Places of everything in a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Hidden layers and the head, in order.
    pub layers: Vec<Layer>,
    /// Length of each group.
    pub groups: Vec<usize>,
    /// Length of each group's mirror.
    pub mirrors: Vec<usize>,
    /// Start of the activation parameters (one a layer) in group 0.
    pub alpha_at: usize,
}

impl Layout {
    /// Packs layers of widths `widths[0] -> widths[1] -> ...`, the hidden ones normed if `normed`.
    pub fn new(widths: &[usize], normed: bool) -> Self {
        let count = widths.len() - 1;
        let mut layout = Self { layers: Vec::new(), groups: vec![pad(count, ALIGN)], mirrors: vec![0], alpha_at: 0 };
        for (i, pair) in widths.windows(2).enumerate() {
            let mut layer = Layer { inputs: pair[0], outputs: pair[1], group: 0, at: 0, mirror_at: 0, norm_at: None };
            let norm = if normed && i + 1 < count { pad(2 * layer.stride(), ALIGN) } else { 0 };
            let length = pad(layer.block_len(), ALIGN) + norm;
            let last = layout.groups.len() - 1;
            if layout.groups[last] + length > GROUP && layout.groups[last] > 0 {
                layout.groups.push(0);
                layout.mirrors.push(0);
            }
            layer.group = layout.groups.len() - 1;
            layer.at = layout.groups[layer.group];
            layer.norm_at = (norm > 0).then(|| layer.at + pad(layer.block_len(), ALIGN));
            layer.mirror_at = layout.mirrors[layer.group];
            layout.groups[layer.group] += length;
            layout.mirrors[layer.group] += pad(layer.mirror_len(), ALIGN);
            layout.layers.push(layer);
        }
        layout
    }

    /// Weights and biases, without padding: the number papers count.
    pub fn parameters(&self) -> usize {
        self.layers
            .iter()
            .map(|l| (l.inputs + 1) * l.outputs + if l.norm_at.is_some() { 2 * l.outputs } else { 0 })
            .sum()
    }

    /// For every number of group `group`: its place in the mirror, or `u32::MAX`.
    pub fn mirror_index(&self, group: usize) -> Vec<u32> {
        let mut index = vec![u32::MAX; self.groups[group]];
        for l in self.layers.iter().filter(|l| l.group == group) {
            for k in 0..l.inputs {
                for n in 0..l.outputs {
                    index[l.at + k * l.stride() + n] = (l.mirror_at + n * l.mirror_stride() + k) as u32;
                }
            }
        }
        index
    }

    /// The mirror of the values of one group.
    pub fn mirror(&self, group: usize, values: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; self.mirrors[group]];
        for (value, at) in values.iter().zip(self.mirror_index(group)) {
            if at != u32::MAX {
                out[at as usize] = *value;
            }
        }
        out
    }

    /// Initial values of every group.
    pub fn initial(&self, init: &Init, gain: f64, alpha: f64, seed: u64) -> Vec<Vec<f32>> {
        let mut groups: Vec<Vec<f32>> = self.groups.iter().map(|&n| vec![0.0; n]).collect();
        for i in 0..self.layers.len() {
            groups[0][self.alpha_at + i] = alpha as f32;
        }
        for (i, l) in self.layers.iter().enumerate() {
            let last = i + 1 == self.layers.len();
            let mut stream = Stream::new(seed, Purpose::Weights, i as u32, 0);
            let group = &mut groups[l.group];
            // PyTorch's order, output by output, so that its initial values can be compared
            for n in 0..l.outputs {
                for k in 0..=l.inputs {
                    let value =
                        (init.draw)(&mut stream, l.inputs, l.outputs, if last { 1.0 } else { gain }, k == l.inputs);
                    group[l.at + k * l.stride() + n] = value as f32;
                }
                if let Some(at) = l.norm_at {
                    group[at + n] = 1.0;
                }
            }
        }
        groups
    }

    /// The tensors of a checkpoint, as (name, shape, values): `layers.{i}.weight` [out, in], `layers.{i}.bias` [out], `norms.{i}.weight` and
    /// `.bias` [out], `alpha` [layers]; names start with `prefix`.
    pub fn export(&self, prefix: &str, groups: &[Vec<f32>]) -> Vec<(String, Vec<usize>, Vec<f32>)> {
        let mut out = Vec::new();
        for (i, l) in self.layers.iter().enumerate() {
            let g = &groups[l.group];
            let column = |n: usize| (0..l.inputs).map(move |k| g[l.at + k * l.stride() + n]);
            let weight: Vec<f32> = (0..l.outputs).flat_map(column).collect();
            let bias = g[l.at + l.inputs * l.stride()..][..l.outputs].to_vec();
            out.push((format!("{prefix}layers.{i}.weight"), vec![l.outputs, l.inputs], weight));
            out.push((format!("{prefix}layers.{i}.bias"), vec![l.outputs], bias));
            if let Some(at) = l.norm_at {
                let norm = |from: usize| g[from..from + l.outputs].to_vec();
                out.push((format!("{prefix}norms.{i}.weight"), vec![l.outputs], norm(at)));
                out.push((format!("{prefix}norms.{i}.bias"), vec![l.outputs], norm(at + l.stride())));
            }
        }
        let alpha = groups[0][self.alpha_at..self.alpha_at + self.layers.len()].to_vec();
        out.push((format!("{prefix}alpha"), vec![self.layers.len()], alpha));
        out
    }

    /// The groups that `export` wrote, read with `get(name, shape)`.
    pub fn import<'a>(&self, prefix: &str, get: impl Fn(&str, &[usize]) -> Result<&'a [f32]>) -> Result<Vec<Vec<f32>>> {
        let mut groups: Vec<Vec<f32>> = self.groups.iter().map(|&n| vec![0.0; n]).collect();
        for (i, l) in self.layers.iter().enumerate() {
            let weight = get(&format!("{prefix}layers.{i}.weight"), &[l.outputs, l.inputs])?;
            let bias = get(&format!("{prefix}layers.{i}.bias"), &[l.outputs])?;
            let g = &mut groups[l.group];
            for n in 0..l.outputs {
                for k in 0..l.inputs {
                    g[l.at + k * l.stride() + n] = weight[n * l.inputs + k];
                }
                g[l.at + l.inputs * l.stride() + n] = bias[n];
            }
            if let Some(at) = l.norm_at {
                g[at..at + l.outputs].copy_from_slice(get(&format!("{prefix}norms.{i}.weight"), &[l.outputs])?);
                g[at + l.stride()..][..l.outputs]
                    .copy_from_slice(get(&format!("{prefix}norms.{i}.bias"), &[l.outputs])?);
            }
        }
        let count = self.layers.len();
        groups[0][self.alpha_at..self.alpha_at + count].copy_from_slice(get(&format!("{prefix}alpha"), &[count])?);
        Ok(groups)
    }
}

/// A row of [`INITS`].
pub struct Init {
    /// What `--init` takes.
    pub name: &'static str,
    /// One line for help and documentation.
    pub doc: &'static str,
    /// Draws a weight or (last argument) a bias: stream, fan-in, fan-out, gain, is bias.
    pub draw: fn(&mut Stream, usize, usize, f64, bool) -> f64,
}

/// Every initialisation.
pub const INITS: &[Init] = &[
    Init {
        name: "pytorch",
        doc: "weights and biases uniform on +-1/sqrt(fan-in), the default of torch.nn.Linear",
        draw: |s, fan_in, _, _, _| (2.0 * s.unit() - 1.0) / (fan_in as f64).sqrt(),
    },
    Init {
        name: "he",
        doc: "weights N(0, gain^2 / fan-in), biases 0 (He et al. 2015), with the gain of the activation",
        draw: |s, fan_in, _, gain, bias| if bias { 0.0 } else { gain * s.normal() / (fan_in as f64).sqrt() },
    },
    Init {
        name: "xavier",
        doc: "weights uniform on +-sqrt(6 / (fan-in + fan-out)), biases 0 (Glorot, Bengio 2010)",
        draw: |s, fan_in, fan_out, _, bias| {
            if bias { 0.0 } else { (2.0 * s.unit() - 1.0) * (6.0 / (fan_in + fan_out) as f64).sqrt() }
        },
    },
    Init {
        name: "lecun",
        doc: "weights N(0, 1 / fan-in), biases 0 (LeCun et al. 1998)",
        draw: |s, fan_in, _, _, bias| if bias { 0.0 } else { s.normal() / (fan_in as f64).sqrt() },
    },
];

/// The row of a table with this name, or an error that lists the names.
pub fn row<'a, T>(table: &'a [T], name_of: fn(&T) -> &'static str, flag: &str, name: &str) -> Result<&'a T> {
    table.iter().find(|r| name_of(r) == name).ok_or_else(|| {
        let names: Vec<&str> = table.iter().map(name_of).collect();
        let mut problem = Problem::new("there is no such choice")
            .at(flag)
            .found(format!("`{name}`"))
            .expected(format!("one of {}", names.join(", ")));
        if let Some(near) = crate::error::nearest(name, names.iter().copied()) {
            problem = problem.hint(format!("did you mean `{near}`?"));
        }
        Error::usage(problem)
    })
}
