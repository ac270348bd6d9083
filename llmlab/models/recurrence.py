"""One recurrent layer, with a path for many tokens and a path for one.

PyTorch's fused RNN reads a whole prompt in one call; its cell is faster for a single
step on the CPU. Both use the same weights. A layer may be normed on its way in and
added to a residual stream, without which deep stacks learn badly.

Shapes: B sequences, T new tokens, D model width.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from llmlab.kernels import abilities
from llmlab.models.caches.recurrent import State
from llmlab.models.caches.rows import Counts

# Fused for many tokens, cell for one, tensors of state, gates.
CELLS: dict[str, tuple[Callable[..., Any], Callable[..., Any], int, int]] = {
    "rnn": (nn.RNN, torch.rnn_tanh_cell, 1, 1),
    "lstm": (nn.LSTM, torch.lstm_cell, 2, 4),
    "gru": (nn.GRU, torch.gru_cell, 1, 3),
}


class RecurrentLayer(nn.Module):
    """One recurrence over (B, T, width in), normed before and added after if asked."""

    def __init__(
        self, cell: str, inputs: int, width: int, *, norm: bool, residual: bool
    ):
        super().__init__()
        fused, self._cell, self._parts, gates = CELLS[cell]
        self.norm = nn.LayerNorm(inputs) if norm else nn.Identity()
        self.rnn = fused(inputs, width, batch_first=True)
        self.residual = residual and inputs == width
        nn.init.xavier_uniform_(self.rnn.weight_ih_l0)
        for gate in self.rnn.weight_hh_l0.data.chunk(gates):
            nn.init.orthogonal_(gate)
        nn.init.zeros_(self.rnn.bias_ih_l0)
        nn.init.zeros_(self.rnn.bias_hh_l0)
        if cell == "lstm":  # an open forget gate lets gradients pass at first
            nn.init.ones_(self.rnn.bias_ih_l0.data[width : 2 * width])

    def forward(
        self, x: Tensor, state: State | None, counts: Counts
    ) -> tuple[Tensor, State]:
        """Return outputs (B, T, D) and the state after each row's last real token.

        counts: T where all tokens are real, else how many each row has.
        """
        normed = self.norm(x)
        if x.shape[1] == 1 and state is not None:
            outputs, state = self._step(normed, state, counts)
        elif not isinstance(counts, int):
            outputs, state = self._ragged(normed, state, counts)
        else:
            outputs, state = self._many(normed, state)
        return x + outputs if self.residual else outputs, state

    def _step(self, x: Tensor, state: State, counts: Counts) -> tuple[Tensor, State]:
        rnn, old = self.rnn, state if len(state) > 1 else state[0]
        weights = rnn.weight_ih_l0, rnn.weight_hh_l0, rnn.bias_ih_l0, rnn.bias_hh_l0
        new = self._cell(x[:, 0], old, *weights)
        new = (new,) if isinstance(new, Tensor) else new
        outputs = new[0][:, None]  # (B, 1, D)
        if not isinstance(counts, int):
            real = torch.as_tensor(counts, device=x.device)[:, None] > 0  # (B, 1)
            new = tuple(
                after.where(real, before)
                for after, before in zip(new, state, strict=True)
            )
        return outputs, new

    def _many(self, x: Any, state: State | None) -> tuple[Any, State]:
        plain = self._must_leave_autocast()
        dtype = self.rnn.weight_ih_l0.dtype
        if state is not None:
            state = tuple(part[None].contiguous() for part in state)  # (1, B, D)
            state = tuple(part.to(dtype) for part in state) if plain else state
        before = state[0] if state is not None and len(state) == 1 else state
        if plain:
            with torch.autocast(self.rnn.weight_ih_l0.device.type, enabled=False):
                outputs, after = self.rnn(x.to(dtype), before)
        else:
            outputs, after = self.rnn(x, before)
        after = (after,) if isinstance(after, Tensor) else after
        return outputs, tuple(part[0] for part in after)

    def _must_leave_autocast(self) -> bool:
        """Say whether this processor has no LSTM in the dtype of autocast."""
        device = self.rnn.weight_ih_l0.device.type
        if self._parts < 2 or not torch.is_autocast_enabled(device):
            return False
        dtype = torch.get_autocast_dtype(device)
        return not abilities.autocast_lstm(dtype, device)

    def _ragged(
        self, x: Tensor, state: State | None, counts: Sequence[int] | Tensor
    ) -> tuple[Tensor, State]:
        """Read rows of unequal length: a packed sequence stops each at its end."""
        if state is None:
            state = (x.new_zeros(len(x), self.rnn.hidden_size),) * self._parts
        rows = [row for row, count in enumerate(counts) if count]  # packing wants > 0
        outputs = x.new_zeros(*x.shape[:2], self.rnn.hidden_size)
        if not rows:
            return outputs, state
        packed = pack_padded_sequence(
            x[rows],
            [int(counts[row]) for row in rows],
            batch_first=True,
            enforce_sorted=False,
        )
        read, after = self._many(packed, tuple(part[rows] for part in state))
        read, _ = pad_packed_sequence(read, batch_first=True, total_length=x.shape[1])
        places = torch.tensor(rows, device=x.device)
        return outputs.index_copy(0, places, read), tuple(
            old.index_copy(0, places, new)
            for old, new in zip(state, after, strict=True)
        )
