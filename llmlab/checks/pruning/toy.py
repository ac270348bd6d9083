"""A model of two layers that learns in a few steps, for the check of `iterative`.

Shapes: B rows of a batch, D = 6 inputs and outputs.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

WIDTH, ROWS, BATCHES = 6, 8, 4


def layers(seed: int = 0) -> list[nn.Linear]:
    """Return two linear layers of float64, the same ones for a seed."""
    dice = torch.Generator().manual_seed(seed)
    made = [nn.Linear(WIDTH, WIDTH, bias=False).double() for _ in range(2)]
    for layer in made:
        shape = layer.weight.shape
        layer.weight.data = torch.randn(shape, generator=dice, dtype=torch.float64) / 2
    return made


def reading(layers: Sequence[nn.Linear], seed: int = 0) -> Callable[[], Tensor]:
    """Return a function without arguments: the loss of the layers on the next batch."""
    dice = torch.Generator().manual_seed(seed + 1)
    shape = BATCHES, ROWS, WIDTH
    x, y = (torch.randn(shape, generator=dice, dtype=torch.float64) for _ in range(2))
    first, second = layers
    place = [0]

    def loss() -> Tensor:
        batch = place[0] % BATCHES
        place[0] += 1
        return (second(first(x[batch]).tanh()) - y[batch]).square().mean()

    return loss


class Momentum(torch.optim.SGD):
    """SGD with momentum; a message shows it as the example writes it."""

    def __repr__(self) -> str:
        return "check.optimizer(little)"


def optimizer(layers: Sequence[nn.Linear]) -> torch.optim.Optimizer:
    """Return an optimizer with momentum over the weights of the layers."""
    return Momentum([one.weight for one in layers], lr=0.05, momentum=0.9)
