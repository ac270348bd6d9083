"""The cache of a recurrent model: one state per layer and row, of fixed size.

It holds no tokens, only what is left of them, so its memory does not grow, and it
cannot be taken back by a few tokens: a row can only go on, or start anew.

Shapes: B sequences, D model width.
"""

import torch
from torch import Tensor

State = tuple[Tensor, ...]  # (B, D) each: the hidden state, and an LSTM's cell


class StateCache:
    """The states of all layers, and how many tokens each row has read."""

    def __init__(
        self,
        *,
        layers: int,
        parts: int,
        batch: int,
        length: int,
        width: int,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ):
        if batch < 1 or length < 1:
            raise ValueError(
                f"batch={batch}, length={length}: a cache serves at least one token of "
                "one sequence; choose batch >= 1 and length >= 1."
            )
        zeros = torch.zeros(layers, parts, batch, width, dtype=dtype, device=device)
        self.states: list[State] = [layer.unbind() for layer in zeros]
        self.lengths = [0] * batch
        self._held = [0] * batch  # tokens that the states have really read

    @property
    def bytes(self) -> int:
        """Memory allocated, in bytes."""
        return sum(part.nbytes for state in self.states for part in state)

    def open(self) -> list[State]:
        """Return the states; a row whose length was set to 0 starts anew.

        Raises ValueError when a row was to go back by some of its tokens.
        """
        if self.lengths != self._held:
            for row, (length, held) in enumerate(
                zip(self.lengths, self._held, strict=True)
            ):
                if length not in (0, held):
                    raise ValueError(
                        f"lengths[{row}]={length} after {held} tokens: a recurrent "
                        "state cannot take tokens back; set it to 0 and read again."
                    )
            fresh = torch.tensor([not length for length in self.lengths])
            fresh = fresh[:, None].to(self.states[0][0].device)  # (B, 1)
            self.states = [
                tuple(part.masked_fill(fresh, 0) for part in state)
                for state in self.states
            ]
            self._held = list(self.lengths)
        return self.states

    def close(self, states: list[State], counts: list[int]) -> None:
        """Keep the states after `counts` more tokens in each row."""
        self.states = states
        self._held = [old + new for old, new in zip(self.lengths, counts, strict=True)]
        self.lengths = list(self._held)
