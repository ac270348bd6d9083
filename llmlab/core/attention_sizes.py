"""The sizes of a model's attention, read from any configuration of transformers.

What attention keeps of a token follows from three numbers, whatever the family calls
them: so the memory of a cache can be worked out before a model is loaded.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class AttentionShape:
    """How many keys a token leaves in a layer, and how wide one is."""

    layers: int  # L
    heads: int  # N, of the queries
    kv_heads: int  # K, of the keys and values
    head_width: int  # H


def attention_shape(model: Any) -> AttentionShape:
    """Return the sizes of a model's attention, or of a configuration's.

    model: a causal model, as `models.load` returns it, or a configuration of
    transformers. Raises ValueError for what has no attention, such as an RNN.
    """
    config = getattr(model, "config", model)
    text = config.get_text_config() if hasattr(config, "get_text_config") else config
    heads = getattr(text, "num_attention_heads", None)
    if not heads:
        raise ValueError(
            f"model={type(model).__name__} says no number of attention heads; give a "
            "causal model with attention, or its configuration."
        )
    width = getattr(text, "head_dim", None) or text.hidden_size // heads
    return AttentionShape(
        layers=text.num_hidden_layers,
        heads=heads,
        kv_heads=kv_heads(text, heads),
        head_width=width,
    )


def kv_heads(config: Any, heads: int) -> int:
    """Return the heads of keys and values beside so many of the queries.

    Families say it in three ways.
    """
    for name in ("num_key_value_heads", "num_kv_heads"):
        if given := getattr(config, name, None):
            return 1 if _shares_one(config) else given
    return 1 if _shares_one(config) else heads


def _shares_one(config: Any) -> bool:
    """Say whether all queries share one key; Falcon's newer design does not."""
    is_newer = getattr(config, "new_decoder_architecture", False)
    return bool(getattr(config, "multi_query", False)) and not is_newer
