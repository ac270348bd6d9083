"""What is measured of a layer: reading a text at once, and going on by one token.

Texts are random numbers of the layer's width: which ones changes no time here.

Shapes: T new tokens, D model width.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from llmlab.attention_vs_rnn.layers import MixerLayer
from llmlab.attention_vs_rnn.recurrence import Scan

LENGTHS = (64, 128, 256, 512, 1024, 2048, 4096)

Call = Callable[[], Tensor]
Layers = Mapping[str, MixerLayer]


def prefill(layer: MixerLayer, length: int, *, seed: int = 0) -> Call:
    """Return a call that reads a text of this length, from nothing."""
    x = _text(layer, length, seed)
    return lambda: layer(x)[0]


def decode(layer: MixerLayer, length: int, *, seed: int = 0) -> Call:
    """Return a call that reads the last token of a text of this length.

    The tokens before it are read here, once; each call goes on from the same state.
    """
    x = _text(layer, length, seed)
    with torch.no_grad():
        state = layer.new_state(1, length)
        if length > 1:
            _, state = layer(x[:, :-1], state)
    token = x[:, -1:]  # (1, 1, D)
    with torch.no_grad():
        layer(token, state)  # a cache counts its tokens when somebody goes on from them
    return lambda: layer(token, state)[0]


def scan(scan: Scan, length: int, *, width: int, seed: int = 0) -> Call:
    """Return a call that runs a bare recurrence over a text of this length."""
    generator = torch.Generator().manual_seed(seed)
    decay, new = torch.rand(2, 1, length, width, generator=generator)  # (1, T, D)
    return lambda: scan(decay, new)


def within(
    layers: Layers, length: int, longest: Mapping[str, int]
) -> dict[str, MixerLayer]:
    """Return the layers whose curve reaches this length."""
    return {
        name: layer
        for name, layer in layers.items()
        if length <= longest.get(name, length)
    }


def check(layers: Layers, lengths: Sequence[int]) -> None:
    """Raise ValueError for no layers, or lengths that no text has."""
    if not layers:
        raise ValueError("layers is empty; give at least one, such as from build().")
    if not len(lengths) or min(lengths) < 1:
        raise ValueError(
            f"lengths={tuple(lengths)} must be numbers of tokens from 1, such as "
            "(64, 256, 1024)."
        )


def _text(layer: MixerLayer, length: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(1, length, layer.width, generator=generator)  # (1, T, D)
    return x.to(next(layer.parameters()))
