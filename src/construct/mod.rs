//! Networks that nobody trained: built neuron by neuron, with a certified error, and run by the kernels of trained ones.
//!
//! [`FAMILIES`] says of what: SignReLU multiplies and divides exactly, ReLU in the limit of depth. [`GATES`] are the pieces,
//! [`Components::built`] puts them together to the score of a finite mixture as a ratio F / G (Sun et al. 2026), and
//! [`atoms`] makes any law a finite mixture by barycentres (Mu et al. 2026). A [`Circuit`](circuit::Circuit) keeps the interval
//! and the error of every value, so the bound of the whole is computed, not measured; [`Points`] measures too.

pub mod atoms;
pub mod circuit;
pub mod decay;
pub mod family;
pub mod gates;
pub mod measure;
pub mod ratio;
#[cfg(test)]
mod tests;

pub use circuit::Built;
pub use family::{FAMILIES, Family};
pub use gates::{GATES, Gate};
pub use measure::{Errors, Points};
pub use ratio::Components;

use crate::distribution::{Covariance, Form, Oracle};
use crate::error::{Error, Problem, Result};
use crate::model::ModelCard;
use crate::network::{Network, NetworkOptions};
use crate::process::Process;

/// The options of the network that a circuit is: `dim` outputs, of whose inputs the others are time features.
pub fn options(built: &Built, dim: usize) -> NetworkOptions {
    let widths: Vec<String> = built.hidden().iter().map(ToString::to_string).collect();
    NetworkOptions {
        hidden: widths.join(","),
        activation: built.family.name.into(),
        time_features: "signal".into(),
        features: built.inputs - dim,
        predict: "centre".into(),
        ..NetworkOptions::default()
    }
}

/// The network of a circuit, and its weights, one vector a group of the layout.
pub fn network(built: &Built, dim: usize) -> Result<(Network, Vec<Vec<f32>>)> {
    let network = Network::new(&options(built, dim), dim)?;
    let layout = &network.layout;
    let mut groups: Vec<Vec<f32>> = layout.groups.iter().map(|&n| vec![0.0; n]).collect();
    groups[0][layout.alpha_at..][..layout.layers.len()].fill(1.0);
    for (layer, forms) in layout.layers.iter().zip(&built.layers) {
        let group = &mut groups[layer.group];
        for (n, form) in forms.iter().enumerate() {
            form.terms.iter().for_each(|&(k, w)| group[layer.at + k * layer.stride() + n] = w as f32);
            group[layer.at + layer.inputs * layer.stride() + n] = form.constant as f32;
        }
    }
    Ok((network, groups))
}

/// The card of a model made of a circuit of `law`; what else it says is that of `like`.
pub fn card(built: &Built, law: &Components, like: ModelCard) -> ModelCard {
    ModelCard { network: options(built, law.dim), variance: law.variance.max(LEAST_VARIANCE), rows: 0, ..like }
}

/// The variance that stands for none: a model's must be above 0.
const LEAST_VARIANCE: f64 = 1e-12;

/// The greatest b = m / sqrt(m^2 v + sigma^2) of a process, that at t0.
pub fn greatest_signal(process: &Process, variance: f64) -> f64 {
    let (m, sigma) = (process.mean(process.t0()), process.sigma(process.t0()));
    m / (m * m * variance + sigma * sigma).sqrt()
}

/// The components of a law, where it is a mixture whose components share one isotropic variance.
pub fn components(oracle: &dyn Oracle, name: &str) -> Result<Components> {
    let refuse = |found: &str| {
        let problem = Problem::new("no network is known that is this law's score").at(name).found(found);
        let expected = "a mixture of normal laws that share one isotropic variance";
        Error::usage(problem.expected(expected).hint("`construct softmax` takes any law, as atoms"))
    };
    let Form::Mixture(law) = oracle.form() else { return Err(refuse("another form")) };
    let Covariance::Isotropic(v) = law.covariance() else { return Err(refuse("covariances that are not isotropic")) };
    if v.iter().any(|w| *w != v[0]) {
        return Err(refuse("components of different variance"));
    }
    Ok(Components { dim: oracle.dim(), weights: law.weights().to_vec(), means: law.means().to_vec(), variance: v[0] })
}
