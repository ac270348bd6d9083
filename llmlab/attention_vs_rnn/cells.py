"""One step of a recurrence, as short as its formula, with PyTorch's weights.

A vanilla RNN (Elman 1990) squashes input and state together. An LSTM (Hochreiter &
Schmidhuber 1997) adds a cell that is only scaled and added to, so that gradients
survive. A GRU (Cho et al. 2014) does it with one state and three gates. They are the
reference for what PyTorch fuses into one call, and run one after the other.

Shapes: B sequences, T new tokens, D model width.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from llmlab.models.caches.recurrent import State

Weights = tuple[Tensor, Tensor, Tensor, Tensor]  # nn.LSTM's: ih, hh, and their biases


def rnn_step(x: Tensor, state: State, weights: Weights) -> State:
    """Read x (B, D) into the hidden state (B, D)."""
    read, carried = _both(x, state[0], weights)
    return (torch.tanh(read + carried),)


def lstm_step(x: Tensor, state: State, weights: Weights) -> State:
    """Read x (B, D) into hidden state and cell, (B, D) each."""
    read, carried = _both(x, state[0], weights)  # (B, 4 D)
    i, f, g, o = (read + carried).chunk(4, -1)  # input, forget, cell, output gate
    cell = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(cell), cell


def gru_step(x: Tensor, state: State, weights: Weights) -> State:
    """Read x (B, D) into the hidden state (B, D)."""
    read, carried = _both(x, state[0], weights)  # (B, 3 D)
    reset_in, update_in, new_in = read.chunk(3, -1)
    reset_back, update_back, new_back = carried.chunk(3, -1)
    reset = torch.sigmoid(reset_in + reset_back)
    update = torch.sigmoid(update_in + update_back)
    new = torch.tanh(new_in + reset * new_back)
    return ((1 - update) * new + update * state[0],)


STEPS: dict[str, Callable[[Tensor, State, Weights], State]] = {
    "rnn": rnn_step,
    "lstm": lstm_step,
    "gru": gru_step,
}


def run(cell: str, x: Tensor, state: State, weights: Weights) -> tuple[Tensor, State]:
    """Read x (B, T, D) token by token; return every output and the last state."""
    if cell not in STEPS:
        raise ValueError(f"cell={cell!r} is unknown; choose one of {[*STEPS]}.")
    outputs = []
    for token in x.unbind(1):
        state = STEPS[cell](token, state, weights)
        outputs.append(state[0])
    return torch.stack(outputs, 1), state


def _both(x: Tensor, hidden: Tensor, weights: Weights) -> tuple[Tensor, Tensor]:
    into, back, into_bias, back_bias = weights
    return F.linear(x, into, into_bias), F.linear(hidden, back, back_bias)
