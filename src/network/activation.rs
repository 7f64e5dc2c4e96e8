//! The table of activations: name, one line, value, slope and curve in f64, parameter.
//!
//! To add one: a row here and `shaders/activation/<file>.wgsl` with `activation`, `activation_slope` and `activation_curve`.
//! Where the value tells the slope, `shaders/network/slope/<file>.wgsl` with `slope_from` saves keeping it.

/// A slope as a function of the value.
#[derive(Clone, Copy)]
pub struct ByValue {
    /// File below `shaders/` without the ending.
    pub shader: &'static str,
    /// dh/dz (h, p)
    pub slope: fn(f64, f64) -> f64,
}

/// A row of [`ACTIVATIONS`].
pub struct Activation {
    /// What `--activation` takes.
    pub name: &'static str,
    /// One line for help and documentation.
    pub doc: &'static str,
    /// File below `shaders/` without the ending.
    pub shader: &'static str,
    /// h(z, p)
    pub value: fn(f64, f64) -> f64,
    /// dh/dz (z, p)
    pub slope: fn(f64, f64) -> f64,
    /// d^2h/dz^2 (z, p), away from kinks.
    pub curve: fn(f64, f64) -> f64,
    /// The slope where the value tells it: then a training step keeps nothing else.
    pub by_value: Option<ByValue>,
    /// Gain of the He-type initialisations: sqrt(2 / E of slope^2) for a standard normal z, rounded.
    pub gain: f64,
    /// Default of the parameter p, for the activations that have one.
    pub parameter: Option<f64>,
}

impl Activation {
    /// Whether the slope is continuous at parameter p. Where it jumps, the divergence of a network jumps too as its
    /// weights move, and the mean of its gradients is not the gradient of its mean.
    pub fn is_smooth(&self, p: f64) -> bool {
        ((self.slope)(1e-12, p) - (self.slope)(-1e-12, p)).abs() < 1e-9
    }
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

fn normal_pdf(z: f64) -> f64 {
    (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt()
}

fn softplus(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p()
}

const SELU_SCALE: f64 = 1.050_700_987_355_480_5;
const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;

/// Every activation; the command line, the shader lint and the tests walk this table.
pub const ACTIVATIONS: &[Activation] = &[
    Activation {
        name: "relu",
        doc: "max(z, 0)",
        shader: "activation/relu",
        value: |z, _| z.max(0.0),
        slope: |z, _| f64::from(z > 0.0),
        curve: |_, _| 0.0,
        by_value: Some(ByValue { shader: "network/slope/relu", slope: |h, _| f64::from(h > 0.0) }),
        gain: 1.41,
        parameter: None,
    },
    Activation {
        name: "leaky-relu",
        doc: "z for z > 0, else 0.01 z",
        shader: "activation/leaky_relu",
        value: |z, _| if z > 0.0 { z } else { 0.01 * z },
        slope: |z, _| if z > 0.0 { 1.0 } else { 0.01 },
        curve: |_, _| 0.0,
        by_value: Some(ByValue { shader: "network/slope/leaky_relu", slope: |h, _| if h > 0.0 { 1.0 } else { 0.01 } }),
        gain: 1.41,
        parameter: None,
    },
    Activation {
        name: "elu",
        doc: "z for z > 0, else e^z - 1",
        shader: "activation/elu",
        value: |z, _| if z > 0.0 { z } else { z.exp_m1() },
        slope: |z, _| if z > 0.0 { 1.0 } else { z.exp() },
        curve: |z, _| if z > 0.0 { 0.0 } else { z.exp() },
        by_value: Some(ByValue { shader: "network/slope/elu", slope: |h, _| if h > 0.0 { 1.0 } else { 1.0 + h } }),
        gain: 1.25,
        parameter: None,
    },
    Activation {
        name: "selu",
        doc: "self-normalising scaled ELU (Klambauer et al. 2017)",
        shader: "activation/selu",
        value: |z, _| SELU_SCALE * if z > 0.0 { z } else { SELU_ALPHA * z.exp_m1() },
        slope: |z, _| SELU_SCALE * if z > 0.0 { 1.0 } else { SELU_ALPHA * z.exp() },
        curve: |z, _| if z > 0.0 { 0.0 } else { SELU_SCALE * SELU_ALPHA * z.exp() },
        by_value: Some(ByValue {
            shader: "network/slope/selu",
            slope: |h, _| if h > 0.0 { SELU_SCALE } else { SELU_SCALE * SELU_ALPHA + h },
        }),
        gain: 1.0,
        parameter: None,
    },
    Activation {
        name: "gelu",
        doc: "z Phi(z), Phi the normal distribution function",
        shader: "activation/gelu",
        value: |z, _| z * normal_cdf(z),
        slope: |z, _| normal_cdf(z) + z * normal_pdf(z),
        curve: |z, _| normal_pdf(z) * (2.0 - z * z),
        by_value: None,
        gain: 1.48,
        parameter: None,
    },
    Activation {
        name: "silu",
        doc: "z / (1 + e^-z), also called swish",
        shader: "activation/silu",
        value: |z, _| z * sigmoid(z),
        slope: |z, _| sigmoid(z) * (1.0 + z * (1.0 - sigmoid(z))),
        curve: |z, _| {
            let s = sigmoid(z);
            s * (1.0 - s) * (2.0 + z * (1.0 - 2.0 * s))
        },
        by_value: None,
        gain: 1.62,
        parameter: None,
    },
    Activation {
        name: "mish",
        doc: "z tanh(ln(1 + e^z))",
        shader: "activation/mish",
        value: |z, _| z * softplus(z).tanh(),
        slope: |z, _| {
            let t = softplus(z).tanh();
            t + z * (1.0 - t * t) * sigmoid(z)
        },
        curve: |z, _| {
            let (t, s) = (softplus(z).tanh(), sigmoid(z));
            (1.0 - t * t) * s * (2.0 + z * (1.0 - s - 2.0 * t * s))
        },
        by_value: None,
        gain: 1.46,
        parameter: None,
    },
    Activation {
        name: "softplus",
        doc: "ln(1 + e^z)",
        shader: "activation/softplus",
        value: |z, _| softplus(z),
        slope: |z, _| sigmoid(z),
        curve: |z, _| sigmoid(z) * (1.0 - sigmoid(z)),
        by_value: Some(ByValue { shader: "network/slope/softplus", slope: |h, _| 1.0 - (-h).exp() }),
        gain: 1.75,
        parameter: None,
    },
    Activation {
        name: "tanh",
        doc: "hyperbolic tangent",
        shader: "activation/tanh",
        value: |z, _| z.tanh(),
        slope: |z, _| 1.0 - z.tanh() * z.tanh(),
        curve: |z, _| -2.0 * z.tanh() * (1.0 - z.tanh() * z.tanh()),
        by_value: Some(ByValue { shader: "network/slope/tanh", slope: |h, _| 1.0 - h * h }),
        gain: 1.59,
        parameter: None,
    },
    Activation {
        name: "signrelu",
        doc: "z for z > 0, else alpha z / (1 - z) (Li, Feng, Zhou 2022)",
        shader: "activation/signrelu",
        value: |z, p| if z > 0.0 { z } else { p * z / (1.0 - z) },
        slope: |z, p| if z > 0.0 { 1.0 } else { p / ((1.0 - z) * (1.0 - z)) },
        curve: |z, p| if z > 0.0 { 0.0 } else { 2.0 * p / (1.0 - z).powi(3) },
        by_value: Some(ByValue {
            shader: "network/slope/signrelu",
            slope: |h, p| if h > 0.0 { 1.0 } else { (p + h) * ((p + h) / p.max(1e-30)) },
        }),
        gain: 1.3,
        parameter: Some(1.0),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_the_derivatives_of_the_values() {
        let h = 1e-5;
        for a in ACTIVATIONS {
            for z in [-30.0, -3.0, -0.7, -1e-3, 1e-3, 0.4, 2.5, 20.0] {
                for p in [0.5, 1.0, 2.0] {
                    let numeric = ((a.value)(z + h, p) - (a.value)(z - h, p)) / (2.0 * h);
                    let slope = (a.slope)(z, p);
                    assert!((numeric - slope).abs() < 1e-8, "{} at {z}: {numeric} and {slope}", a.name);
                    let numeric = ((a.slope)(z + h, p) - (a.slope)(z - h, p)) / (2.0 * h);
                    if let Some(by_value) = a.by_value {
                        let by_value = (by_value.slope)((a.value)(z, p), p);
                        assert!((by_value - slope).abs() < 1e-12, "{} at {z}: {by_value} and {slope}", a.name);
                    }
                    let curve = (a.curve)(z, p);
                    assert!((numeric - curve).abs() < 1e-8, "{} at {z}: {numeric} and {curve}", a.name);
                }
            }
        }
    }

    #[test]
    fn signrelu_without_its_lower_half_has_a_slope() {
        // an alpha below 1e-45 is 0 on a device
        let a = ACTIVATIONS.iter().find(|a| a.name == "signrelu").unwrap();
        let slope = a.by_value.unwrap().slope;
        assert_eq!([-2.0, 0.0, 3.0].map(|z| slope((a.value)(z, 0.0), 0.0)), [0.0, 0.0, 1.0]);
    }

    #[test]
    fn activations_with_a_kink_are_known() {
        let rough = |p| ACTIVATIONS.iter().filter(|a| !a.is_smooth(p)).map(|a| a.name).collect::<Vec<_>>();
        assert_eq!(rough(1.0), ["relu", "leaky-relu", "selu"]);
        assert_eq!(rough(0.5), ["relu", "leaky-relu", "selu", "signrelu"]);
    }

    #[test]
    fn signrelu_has_the_values_of_its_paper() {
        let a = ACTIVATIONS.iter().find(|a| a.name == "signrelu").unwrap();
        let table =
            [(-10.0, -0.909_091, 0.008_264_46), (-1.0, -0.5, 0.25), (-0.5, -1.0 / 3.0, 0.444_444), (2.0, 2.0, 1.0)];
        for (z, value, slope) in table {
            assert!(((a.value)(z, 1.0) - value).abs() < 1e-6);
            assert!(((a.slope)(z, 1.0) - slope).abs() < 1e-6);
        }
    }
}
