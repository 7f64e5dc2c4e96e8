"""The standard workload in JAX on the CPU: many steps in one compiled loop."""

import os

import workload as w

options = w.arguments(__doc__)
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["NPROC"] = str(options.threads)  # threads of XLA's pool, read when jax is loaded

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402

FREQUENCIES = jnp.array(w.FREQUENCIES, jnp.float32)


def signrelu(x):
    """x for x >= 0, else x / (1 - x); the slope (1 / (1 - min(x, 0)))^2 is given, not found."""
    return x / (1 - jnp.minimum(x, 0))


signrelu = jax.custom_jvp(signrelu)
signrelu.defjvp(lambda x, dx: (signrelu(x[0]), dx[0] / jnp.square(1 - jnp.minimum(x[0], 0))))
ACTIVATIONS = {"signrelu": signrelu, "relu": jax.nn.relu, "silu": jax.nn.silu}


def parameters(key, cell):
    """[(weights, bias)] of each layer, uniform up to 1 / sqrt(inputs)."""
    def layer(key, inputs, outputs):
        bound, (a, b) = inputs**-0.5, jax.random.split(key)
        return (jax.random.uniform(a, (inputs, outputs), minval=-bound, maxval=bound),
                jax.random.uniform(b, (outputs,), minval=-bound, maxval=bound))

    shapes = w.sizes(cell)
    return [layer(k, *s) for k, s in zip(jax.random.split(key, len(shapes)), shapes)]


def network(layers, activation, x, t):
    """x (B, D); t (B, 1) or (1, 1)."""
    phase = jnp.broadcast_to(t * FREQUENCIES, (len(x), len(FREQUENCIES)))
    h = jnp.concatenate([x, jnp.sin(phase), jnp.cos(phase)], 1)
    for weights, bias in layers[:-1]:
        h = activation(h @ weights + bias)
    weights, bias = layers[-1]
    return h @ weights + bias


def spread(t):
    """sigma_t"""
    return jnp.sqrt(-jnp.expm1(-2 * t))


def adam(layers, gradient, first, second, count):
    """One step of Adam: new parameters, moments and count."""
    each, count = jax.tree.map, count + 1
    first = each(lambda m, g: w.BETA1 * m + (1 - w.BETA1) * g, first, gradient)
    second = each(lambda v, g: w.BETA2 * v + (1 - w.BETA2) * g * g, second, gradient)
    a, b = 1 / (1 - w.BETA1**count), 1 / (1 - w.BETA2**count)
    layers = each(lambda p, m, v: p - w.RATE * a * m / (jnp.sqrt(b * v) + w.EPSILON), layers, first, second)
    return layers, first, second, count


def train(cell):
    data, activation, batch = jnp.array(w.moons(cell["D"])), ACTIVATIONS[cell["act"]], cell["B"]

    def loss(layers, key):
        a, b, c = jax.random.split(key, 3)
        x0 = data[jax.random.randint(a, (batch,), 0, w.ROWS)]
        t = jnp.exp(jax.random.uniform(b, (batch, 1), minval=jnp.log(w.T0), maxval=jnp.log(w.T1)))
        noise = jax.random.normal(c, x0.shape)
        guess = network(layers, activation, jnp.exp(-t) * x0 + spread(t) * noise, t)
        return jnp.mean(jnp.square(guess - noise))

    def step(_, carry):
        layers, first, second, count, key = carry
        key, now = jax.random.split(key)
        return (*adam(layers, jax.grad(loss)(layers, now), first, second, count), key)

    loop = jax.jit(lambda carry, n: jax.lax.fori_loop(0, n, step, carry), donate_argnums=0)
    layers = parameters(jax.random.key(0), cell)
    zeros = [jax.tree.map(jnp.zeros_like, layers) for _ in range(2)]
    state = [(layers, *zeros, jnp.zeros(()), jax.random.key(1))]

    def run(n):
        state[0] = jax.block_until_ready(loop(state[0], n))

    return run


def sample(cell):
    activation, layers = ACTIVATIONS[cell["act"]], parameters(jax.random.key(0), cell)
    times = jnp.linspace(w.T1, w.T0, w.REVERSE_STEPS + 1)

    def step(_, carry):
        x, i, key = carry
        key, a, b = jax.random.split(key, 3)
        x = jax.lax.cond(i == 0, lambda: jax.random.normal(a, x.shape), lambda: x)
        t, h = times[i], times[i] - times[i + 1]
        drift = x - 2 * network(layers, activation, x, t.reshape(1, 1)) / spread(t)
        x = x + h * drift + jnp.sqrt(2 * h) * jax.random.normal(b, x.shape)
        return x, (i + 1) % w.REVERSE_STEPS, key

    loop = jax.jit(lambda carry, n: jax.lax.fori_loop(0, n, step, carry), donate_argnums=0)
    state = [(jnp.zeros((cell["B"], cell["D"])), jnp.zeros((), jnp.int32), jax.random.key(1))]

    def run(n):
        state[0] = jax.block_until_ready(loop(state[0], n))

    return run


w.every_cell(options, "jax", "jit", lambda cell: (train if cell["kind"] == "train" else sample)(cell))
