"""The cache of a recurrent model: one state per layer and row, of fixed size.

It holds no tokens, only what is left of them, so its memory does not grow, and it
cannot be taken back by a few tokens: a row can only go on, or start anew.

Shapes: B sequences, D model width.
"""

import torch
from torch import Tensor

from llmlab.models.caches import rows
from llmlab.models.caches.rows import Counts, RaggedCache

State = tuple[Tensor, ...]  # (B, D) each: the hidden state, and an LSTM's cell


class StateCache(RaggedCache):
    """The states of all layers, and how many tokens each row has read."""

    can_rewind = False

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
        rows.check_size(batch, length)
        super().__init__(batch, None, device=device)
        zeros = torch.zeros(layers, parts, batch, width, dtype=dtype, device=device)
        self.states: list[State] = [layer.unbind() for layer in zeros]

    @property
    def bytes(self) -> int:
        """Memory allocated, in bytes."""
        return sum(part.nbytes for state in self.states for part in state)

    def check(self, layers: int, parts: int, width: int) -> None:
        """Raise ValueError where these are not the states of such a model."""
        first = self.states[0]
        held = (len(self.states), len(first), first[0].shape[1])
        if held != (layers, parts, width):
            raise ValueError(
                f"cache holds {held[0]} layers of {held[1]} states of {held[2]}, and "
                f"this model has {layers} of {parts} of {width}; make it with this "
                "model's new_cache(batch, length)."
            )

    def close_states(self, states: list[State], counts: Counts, *, most: int) -> None:
        """Keep the states after `counts` more tokens in each row."""
        self.states = states
        self.advance(counts, most=most)

    def _form(self) -> tuple:
        part = self.states[0][0]
        return (
            "states",
            len(self.states),
            len(self.states[0]),
            part.shape[1],
            part.dtype,
        )

    def _forget(self, wanted: list[int], held: list[int]) -> None:
        device = self.states[0][0].device
        fresh = torch.tensor([not length for length in wanted], device=device)[:, None]
        self.states = [
            tuple(part.masked_fill(fresh, 0) for part in state) for state in self.states
        ]

    def _take(self, old: "StateCache", index: Tensor) -> None:
        self.states = [tuple(part[index] for part in state) for state in old.states]

    def _put(self, one: "StateCache", other: "StateCache") -> None:
        self.states = [
            tuple(map(torch.cat, zip(*states, strict=True)))
            for states in zip(one.states, other.states, strict=True)
        ]
