"""Where norms stand in a model, and which linear layers read what each gives.

Pre-norm models alone: there a norm's answer goes to linear layers and nowhere else. A
module that stands in several places counts in each of them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import nn
from transformers.pytorch_utils import Conv1D

# In a layer of this class: a norm, and the linear layers that read it.
LAYERS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "DecoderLayer": (
        (
            "attention_norm",
            ("attention.query", "attention.key", "attention.value", "attention.joined"),
        ),
        ("mlp_norm", ("mlp.gate", "mlp.up", "mlp.joined")),
    ),
    "T5LayerSelfAttention": (
        ("layer_norm", ("SelfAttention.q", "SelfAttention.k", "SelfAttention.v")),
    ),
    "T5LayerCrossAttention": (("layer_norm", ("EncDecAttention.q",)),),
    "T5LayerFF": (
        (
            "layer_norm",
            ("DenseReluDense.wi", "DenseReluDense.wi_0", "DenseReluDense.wi_1"),
        ),
    ),
    "GPT2Block": (("ln_1", ("attn.c_attn",)), ("ln_2", ("mlp.c_fc",))),
}
HEADS = {  # of a whole model: its last norm and its head
    "Decoder": ("norm", "head"),
    "T5ForConditionalGeneration": ("decoder.final_layer_norm", "lm_head"),
    "GPT2LMHeadModel": ("transformer.ln_f", "lm_head"),
}
POST_NORM = ("BertLayer", "RobertaLayer", "TransformerBlock", "AlbertLayer")
KNOWN = "our decoder, T5 and GPT-2"


@dataclass(frozen=True)
class Place:
    """A norm and its readers, by their names in the model."""

    norm: str
    readers: tuple[str, ...]


def places(model: nn.Module, *, head: bool = False) -> list[Place]:
    """Return the norms that have a scale to fold, in the order of the layers.

    head: the last one, before the head, too. Raises ValueError where there is none,
    and where a scale could not move.
    """
    named = list(model.named_modules(remove_duplicate=False))
    for name, module in named:
        if type(module).__name__ in POST_NORM:
            raise ValueError(
                f"{name or 'model'} is a {type(module).__name__}, which norms behind "
                "its sums: what a norm gives is also the residual, so its scale cannot "
                f"move; fold a pre-norm model, such as {KNOWN}."
            )
    found = [place for name, module in named for place in _of_layer(name, module)]
    if head:
        found += _heads(named)
    found = [p for p in found if _has_scale(model.get_submodule(p.norm))]
    if not found:
        raise ValueError(
            f"model is a {type(model).__name__}, in which no norm has a scale left to "
            f"fold; {KNOWN} have, once."
        )
    _check_readers(model, found)
    _check_shared(model, found)
    return found


def _of_layer(name: str, module: nn.Module) -> Iterator[Place]:
    """Give the norms of a layer; of the readers' names those that it has."""
    prefix = f"{name}." if name else ""
    parts = {part for part, _ in module.named_modules(remove_duplicate=False)}
    for norm, readers in LAYERS.get(type(module).__name__, ()):
        here = tuple(prefix + reader for reader in readers if reader in parts)
        yield Place(prefix + norm, here)


def _heads(named: list[tuple[str, nn.Module]]) -> list[Place]:
    found = []
    for name, module in named:
        if type(module).__name__ in HEADS:
            prefix = f"{name}." if name else ""
            norm, reader = HEADS[type(module).__name__]
            found.append(Place(prefix + norm, (prefix + reader,)))
    if not found:
        raise ValueError(
            f"head=True, and model is a {type(named[0][1]).__name__} without a head "
            "behind its last norm; leave it at head=False."
        )
    return found


def _has_scale(norm: Any) -> bool:
    return getattr(norm, "weight", None) is not None


def _check_readers(model: nn.Module, found: list[Place]) -> None:
    """Raise ValueError for what reads a norm and is no plain linear layer."""
    for place in found:
        for name in place.readers:
            layer = model.get_submodule(name)
            if type(layer) not in (nn.Linear, Conv1D):
                raise ValueError(
                    f"{name} is a {type(layer).__name__}, whose weights are not plain "
                    "numbers; fold the float model first, then quantize or change it."
                )


def _check_shared(model: nn.Module, found: list[Place]) -> None:
    """Raise ValueError for a module that other norms or readers share, too."""
    everywhere = Counter(id(m) for _, m in model.named_modules(remove_duplicate=False))
    norms: dict[int, set[int]] = defaultdict(set)
    places_of: Counter[int] = Counter()
    for place in found:
        norm = model.get_submodule(place.norm)
        for name in (place.norm, *place.readers):
            module = model.get_submodule(name)
            norms[id(module)].add(id(norm))
            places_of[id(module)] += 1
    for place in found:
        for name in (place.norm, *place.readers):
            key = id(model.get_submodule(name))
            if len(norms[key]) > 1 or places_of[key] != everywhere[key]:
                raise ValueError(
                    f"{name} stands in several places of the model, with other norms "
                    "or readers; give each place a module of its own before you fold."
                )
