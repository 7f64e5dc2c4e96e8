"""The standard workload in PyTorch, eager, on the CPU, as somebody who knows PyTorch would write it."""

import math
import os

import workload as w

options = w.arguments(__doc__)
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = str(options.threads)  # read when torch is loaded

import torch  # noqa: E402
from torch import nn  # noqa: E402

torch.set_num_threads(options.threads)


class SignReLU(torch.autograd.Function):
    """x for x >= 0, else x / (1 - x): with r = 1 / (1 - min(x, 0)) the value is x r and the slope r^2."""

    @staticmethod
    def forward(ctx, x):
        r = x.clamp(max=0).neg_().add_(1).reciprocal_()
        ctx.save_for_backward(r)
        return x * r

    @staticmethod
    def backward(ctx, above):
        (r,) = ctx.saved_tensors
        return above * r.square()


ACTIVATIONS = {"signrelu": SignReLU.apply, "relu": torch.relu, "silu": nn.functional.silu}


class Network(nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(i, o) for i, o in w.sizes(cell))
        self.activation = ACTIVATIONS[cell["act"]]
        self.register_buffer("frequencies", torch.tensor(w.FREQUENCIES, dtype=torch.float32))

    def forward(self, x, t):
        """x (B, D); t (B, 1) or (1, 1)."""
        phase = t * self.frequencies
        waves = [phase.sin().expand(len(x), -1), phase.cos().expand(len(x), -1)]
        h = torch.cat([x, *waves], 1)
        for layer in self.layers[:-1]:
            h = self.activation(layer(h))
        return self.layers[-1](h)


def spread(t):
    """sigma_t"""
    return torch.sqrt(-torch.expm1(-2 * t))


def train(cell):
    batch, network, data = cell["B"], Network(cell), torch.from_numpy(w.moons(cell["D"]))
    adam = torch.optim.Adam(network.parameters(), lr=w.RATE, betas=(w.BETA1, w.BETA2), eps=w.EPSILON, fused=True)
    low, high = math.log(w.T0), math.log(w.T1)

    def run(n):
        for _ in range(n):
            x0 = data[torch.randint(w.ROWS, (batch,))]
            t = torch.empty(batch, 1).uniform_(low, high).exp_()
            noise = torch.randn_like(x0)
            loss = nn.functional.mse_loss(network(torch.exp(-t) * x0 + spread(t) * noise, t), noise)
            adam.zero_grad(set_to_none=True)
            loss.backward()
            adam.step()

    return run


def sample(cell):
    network, times = Network(cell), torch.linspace(w.T1, w.T0, w.REVERSE_STEPS + 1)
    state = {"x": None, "i": w.REVERSE_STEPS}

    @torch.no_grad()
    def run(n):
        for _ in range(n):
            if state["i"] == w.REVERSE_STEPS:
                state.update(x=torch.randn(cell["B"], cell["D"]), i=0)
            x, i = state["x"], state["i"]
            t, h = times[i].view(1, 1), times[i] - times[i + 1]
            step = x - 2 * network(x, t) / spread(t)
            state.update(x=x + h * step + torch.sqrt(2 * h) * torch.randn_like(x), i=i + 1)

    return run


w.every_cell(options, "torch", "eager", lambda cell: (train if cell["kind"] == "train" else sample)(cell))
