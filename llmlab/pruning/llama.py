"""Names and sizes of the Llama family, in our decoder and in transformers' classes.

The places are told in our words ("attention.output") and come back in the model's own
("model.layers.0.self_attn.o_proj").
"""

from collections.abc import Callable
from typing import Any

from torch import nn

from llmlab.models import tensor_names
from llmlab.models.config import FAMILIES, DecoderConfig, unsupported
from llmlab.models.decoder import Decoder


def shape(model: nn.Module) -> DecoderConfig:
    """Return the sizes of a model of the Llama family; ValueError for another."""
    if isinstance(model, Decoder):
        return model.shape
    config: Any = getattr(model, "config", None)
    causal = hasattr(model, "lm_head")
    reason = "it has no configuration" if config is None else unsupported_by(config)
    if reason is not None or not causal:
        raise ValueError(
            f"model is a {type(model).__name__}, and this cuts decoders of the Llama "
            f"family ({', '.join(FAMILIES)}) alone ({reason or 'it has no lm_head'}); "
            "pruning.neurons and pruning.depth take others."
        )
    return DecoderConfig.from_transformers(config)


def unsupported_by(config: Any) -> str | None:
    """Say why a configuration is none of the family, None where it is one."""
    if not hasattr(config, "model_type"):
        return "an RNN has no attention"
    return (unsupported(config) or "").rstrip(".") or None


def head_width(model: nn.Module) -> int:
    """Return the width of a head, H."""
    return shape(model).head_width


def layers(model: nn.Module) -> int:
    """Return how many layers the model has."""
    return sum(1 for _ in _stack(model))


def places(model: nn.Module, part: str) -> list[str]:
    """Return the model's names of a part of every layer, such as "attention.key"."""
    shape(model)
    rename = _rename(model)
    return [rename(f"layers.{index}.{part}") for index in range(layers(model))]


def place(model: nn.Module, name: str) -> str:
    """Return the model's name of a part that is called so in ours: "embedding"."""
    return _rename(model)(name)


def beside(model: nn.Module, name: str, part: str) -> str:
    """Return the name of another layer of the same attention: "key" beside "output"."""
    ours = tensor_names.ours(f"{name}.").removesuffix(".")
    holder = ours.rpartition(".")[0]
    return _rename(model)(f"{holder}.{part}")


def _stack(model: Any) -> Any:
    return model.layers if isinstance(model, Decoder) else model.model.layers


def _rename(model: nn.Module) -> Callable[[str], str]:
    if isinstance(model, Decoder):
        return lambda name: name
    return lambda name: tensor_names.theirs(f"{name}.").removesuffix(".")
