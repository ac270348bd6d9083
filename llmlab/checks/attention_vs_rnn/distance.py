"""Gradients of an output with respect to the inputs, and small models to take them of.

Shapes: T tokens, D model width.
"""

import torch
from torch import Tensor

from llmlab.checks.attention_vs_rnn import mixing

LAST, FIRST, ALL = slice(-1, None), slice(1), slice(None)  # which outputs are added up


def rows(model, x: Tensor, *, outputs: slice = LAST) -> Tensor:
    """Return the gradient of the sum of some outputs, a row for each token (T, D)."""
    with torch.enable_grad():
        x = x.clone().requires_grad_(True)
        return torch.autograd.grad(model(x)[outputs].sum(), x)[0]


def norms(model, x: Tensor, *, outputs: slice = LAST) -> Tensor:
    """Return the norm of each row, the last token first."""
    return rows(model, x, outputs=outputs).norm(dim=-1).flip(0)


def fading(x: Tensor) -> Tensor:
    """Take half of each output from the next; columns weigh 1, 2, 2, 1, 2, 2, ….

    The gradients of its outputs have other entries in each column, so that no mistake
    passes for a norm.
    """
    weight = torch.tensor([1.0, 2.0, 2.0]).repeat(x.shape[1])[: x.shape[1]].to(x)
    outputs = [weight * x[0]]
    for token in x[1:]:
        outputs.append(weight * token - outputs[-1] / 2)
    return torch.stack(outputs)


def attending(x: Tensor) -> Tensor:
    """Let each token attend to what came before."""
    return mixing.attend(x, x, x)


def recurrent(x: Tensor) -> Tensor:
    """Squash each token together with the state before it."""
    states, weight = [torch.zeros_like(x[0])], torch.eye(x.shape[1]).to(x) - 0.3
    for token in x:
        states.append(torch.tanh(weight @ states[-1] + token))
    return torch.stack(states[1:])
