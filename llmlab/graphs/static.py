"""A decode step of a fixed size: what compilers want, and graphs that never change.

A growing cache gives every step other shapes, so what was compiled for one does not fit
the next. Here keys and values always have S places. A mask says which of them a token
may see, and new ones are written where the positions say. All that changes from step to
step is numbers in tensors. It costs attention over places that are still empty.

Step drives the model's own layers, folded and fused ones among them, and asks nothing
of Python that depends on a number in a tensor.

Shapes: L layers, B sequences, T new tokens, S places, K key/value heads, H head width,
V vocabulary.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from llmlab.core import arguments, wanted
from llmlab.models.decoder import Decoder

Layers = Tensor | Sequence[Tensor]  # (L, B, K, S, H), or L of (B, K, S, H)
StaticMask = Callable[[Tensor, int], Tensor]
Caches = tuple[Layers, Layers]
MOST = 2**20  # places: more has no model here


def static_mask(positions: Tensor, length: int) -> Tensor:
    """Return (T, S) bool: which of S places the tokens at these positions may see.

    Each sees itself and what stands before it. positions: (T,) whole numbers. length:
    S. It reads no number of the tensor in Python, so a graph of it serves every step.
    """
    places = torch.arange(length, device=positions.device)
    return places <= positions[:, None]


class Step(nn.Module):
    """One call of a decoder on caches of a fixed size."""

    cosines: Tensor
    sines: Tensor

    def __init__(
        self,
        model: Any,
        *,
        length: int,
        batch: int = 1,
        tokens: int = 1,
        mask: StaticMask | None = None,
        in_place: bool = True,
    ):
        """Take the layers of a decoder; nothing is copied.

        length: S places of every cache. batch: B, fixed too. tokens: T of the program
        that is made of it; of several, as of a prompt, only the last one's logits are
        computed. mask: in the place of `static_mask`. in_place: write into the caches
        that come in; False leaves them and returns new ones, as formats without writing
        want. Raises ValueError for what is no decoder of ours, and for sizes that it
        cannot have.
        """
        super().__init__()
        self.model = _decoder(model)
        way = f"the model's context is {model.context}"
        self.length = arguments.whole(
            "length", length, least=1, most=model.context, way=way
        )
        self.batch = arguments.whole("batch", batch, least=1, most=MOST)
        way = f"the caches have {length} places"
        self.tokens = arguments.whole("tokens", tokens, least=1, most=length, way=way)
        way = "give a function like static.static_mask, or None"
        self.mask = (
            static_mask if mask is None else arguments.function("mask", mask, way=way)
        )
        self.in_place = bool(in_place)
        self._reserve()

    def _reserve(self) -> None:
        weight = self.model.embedding.weight
        self.model.rotary.reserve(self.length, weight)
        for name, part in zip(
            ("cosines", "sines"), self.model.rotary.table, strict=True
        ):
            self.register_buffer(name, part[: self.length].clone(), persistent=False)

    def forward(
        self, tokens: Tensor, positions: Tensor, keys: Layers, values: Layers
    ) -> tuple[Tensor, Layers, Layers]:
        """Return the logits (B, T, V) of tokens (B, T), and both caches with them.

        They are (B, 1, V), of the last token, where the step was made for several.
        positions: (T,) int64, where the tokens stand in all rows, below S. keys,
        values: of all layers, one tensor or a list. Raises ValueError for other sizes,
        positions beyond S, and an answer of `mask` that is no (T, S) of bool.
        """
        self._check(tokens, positions, keys, values)
        x = wanted.looked_up(self.model.embedding, tokens)  # (B, T, D)
        rotary = self._looked_up(positions)
        masks = self._masks(positions)
        made: list[tuple[Tensor, Tensor]] = []
        for index, layer in enumerate(self.model.layers):
            extend = partial(
                self._extend, made, (keys[index], values[index]), positions,
                masks[layer.window],
            )  # fmt: skip
            x = layer(x, rotary, extend)
        x = x[:, -1:] if self.tokens > 1 else x
        logits = self.model.head(self.model.norm(x))
        if self.in_place:
            return logits, keys, values
        new_keys, new_values = (list(part) for part in zip(*made, strict=True))
        if isinstance(keys, Tensor):
            return logits, torch.stack(new_keys), torch.stack(new_values)
        return logits, new_keys, new_values

    def example(self, tokens: int | None = None) -> tuple[Tensor, Tensor, list, list]:
        """Return inputs of the right sizes, all zeros; tokens: T, or its own."""
        tokens = self.tokens if tokens is None else tokens
        device = self.cosines.device
        cache = self.model.new_cache(self.batch, self.length)
        keys, values = (list(part) for part in zip(*cache.layers, strict=True))
        new = torch.zeros(self.batch, tokens, dtype=torch.int64, device=device)
        return new, torch.arange(tokens, device=device), keys, values

    def _extend(
        self, made: list, old: tuple[Tensor, Tensor], positions: Tensor, mask: Tensor,
        keys: Tensor, values: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
        """Write the new keys and values (B, K, T, H) to their places; return all."""
        pairs = zip(old, (keys, values), strict=True)
        if self.in_place:
            both = [all_.index_copy_(2, positions, new) for all_, new in pairs]
        else:
            both = [all_.index_copy(2, positions, new) for all_, new in pairs]
        made.append((both[0], both[1]))
        return both[0], both[1], mask

    def _looked_up(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Return cosines and sines (1, 1, T, H); the look-up notices what is beyond."""
        try:
            both = [
                part.index_select(0, positions) for part in (self.cosines, self.sines)
            ]
        except IndexError:
            raise ValueError(
                f"positions={arguments.shown(positions.tolist())} must be whole "
                f"numbers from 0 to {self.length - 1}: the caches have {self.length} "
                "places; make the step with a larger length."
            ) from None
        return both[0][None, None], both[1][None, None]

    def _masks(self, positions: Tensor) -> dict[int | None, Tensor]:
        """Return the mask (1, 1, T, S) of every window that a layer has."""
        seen = self.mask(positions, self.length)
        size = (len(positions), self.length)
        if not isinstance(seen, Tensor) or (tuple(seen.shape), seen.dtype) != (
            size, torch.bool,
        ):  # fmt: skip
            got = (
                f"a tensor of {tuple(seen.shape)} and {seen.dtype}"
                if isinstance(seen, Tensor)
                else arguments.shown(seen)
            )
            raise ValueError(
                f"mask gave {got}; return a tensor of {size} and torch.bool, true "
                "where a token may look."
            )
        places = torch.arange(self.length, device=positions.device)
        masks: dict[int | None, Tensor] = {}
        for layer in self.model.layers:
            near = seen
            if layer.window is not None:
                near = seen & (places > positions[:, None] - layer.window)
            masks.setdefault(layer.window, near[None, None])
        return masks

    def _check(self, tokens: Any, positions: Any, keys: Layers, values: Layers) -> None:
        """Look at sizes alone, which a graph holds as constants."""
        if tokens.dim() != 2 or tokens.shape[0] != self.batch:
            raise ValueError(
                f"tokens have the size {tuple(tokens.shape)}, and this step takes "
                f"{self.batch} rows; make it with batch= as many as there are."
            )
        if tuple(positions.shape) != (tokens.shape[1],):
            raise ValueError(
                f"positions have the size {tuple(positions.shape)}; give one for each "
                f"of {tokens.shape[1]} new tokens, the same for all rows."
            )
        count = len(self.model.layers)
        for name, layers in (("keys", keys), ("values", values)):
            sizes = {(len(part), part.shape[2]) for part in layers}
            if len(layers) != count or sizes != {(self.batch, self.length)}:
                raise ValueError(
                    f"{name} are {len(layers)} layers of (rows, places) "
                    f"{sorted(sizes)}, and this step takes {count} of "
                    f"({self.batch}, {self.length}); make them with the model's "
                    f"new_cache({self.batch}, {self.length})."
                )


def _decoder(model: Any) -> Any:
    """Return a decoder; ValueError for all else."""
    wanted.module("model", model)
    if isinstance(model, Decoder):
        return model
    raise ValueError(
        f"model is a {type(model).__name__}; a static step drives the layers of a "
        "decoder of the Llama family, such as models.load('coder')."
    )
