"""The recurrences of this lab: PyTorch's own, and the gated linear one.

RNN, LSTM and GRU need the state before they can compute the next: T tokens are T steps
whatever the machine. A gated linear recurrence lets its gates see the input alone; the
state then enters linearly, and a parallel scan reads all tokens at once. That is the
core of the RNN's return (minGRU, Feng et al. 2024; Mamba, Gu & Dao 2023).

Shapes: B sequences, T new tokens, D model width.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llmlab.attention_vs_rnn.scan import after, parallel
from llmlab.models.caches.recurrent import State
from llmlab.models.recurrence import CELLS, RecurrentLayer

Scan = Callable[[Tensor, Tensor], Tensor]  # decay and new (B, T, D) -> states
MEMORIES = 1000.0  # tokens that the most patient unit remembers at first


class Recurrent(nn.Module):
    """PyTorch's RNN, LSTM or GRU: fused for many tokens, its cell for one."""

    def __init__(self, cell: str, width: int):
        super().__init__()
        self.recurrence = RecurrentLayer(cell, width, width, norm=False, residual=False)
        self.cell, self.width = cell, width

    @property
    def weights(self) -> tuple[Tensor, ...]:
        """What `cells` takes: input and state matrix, and their biases."""
        return tuple(self.recurrence.rnn.parameters())

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Map (B, T, D) to (B, T, D), going on from a state."""
        return self.recurrence(x, state, x.shape[1])

    def new_state(self, batch: int, length: int) -> State:
        """Return zeros; `length` changes nothing."""
        return _zeros(self, batch, self.width, CELLS[self.cell][2])


class GatedRecurrence(nn.Module):
    """h = forget * h + (1 - forget) * new, behind an output gate; `scan` runs it."""

    def __init__(self, width: int, scan: Scan = parallel):
        super().__init__()
        self.inputs = nn.Linear(width, 3 * width)  # forget gate, new, output gate
        self.output = nn.Linear(width, width, bias=False)
        self.scan, self.width = scan, width
        with torch.no_grad():  # memories of 1 to 1000 tokens (Tallec & Ollivier 2018)
            memories = torch.logspace(0, 1, width, base=MEMORIES)
            self.inputs.bias[:width] = memories.log()

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Map (B, T, D) to (B, T, D), going on from a state."""
        forget, new, output = self.inputs(x).chunk(3, -1)  # (B, T, D)
        new = torch.sigmoid(-forget) * new  # 1 - sigmoid(forget), without cancelling
        decay = torch.sigmoid(forget)
        if state is not None:
            new = after(state[0], decay, new)
        states = self.scan(decay, new)
        return self.output(states * F.silu(output)), (states[:, -1],)

    def new_state(self, batch: int, length: int) -> State:
        """Return zeros; `length` changes nothing."""
        return _zeros(self, batch, self.width, 1)


def _zeros(module: nn.Module, batch: int, width: int, parts: int) -> State:
    like = next(module.parameters())
    return tuple(like.new_zeros(parts, batch, width).unbind())
