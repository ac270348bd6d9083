"""The numbers that make a decoder, read from a transformers configuration.

One decoder serves the whole Llama family; what differs between Llama, Mistral, Qwen2
and Qwen3 is a handful of fields, and this table of them is all that the layers see.
"""

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

FAMILIES = ("llama", "mistral", "qwen2", "qwen3")
ROTARY_TYPES = ("default", "linear", "llama3", "yarn")  # the rest depend on length


@dataclass(frozen=True)
class DecoderConfig:
    """Sizes and choices of a decoder of the Llama family."""

    width: int  # D
    hidden: int  # F
    heads: int  # N
    kv_heads: int  # K
    head_width: int  # H
    vocabulary: int  # V
    layers: int  # L
    context: int
    epsilon: float
    tied: bool
    attention_bias: bool
    output_bias: bool
    mlp_bias: bool
    query_key_norm: bool
    windows: tuple[int | None, ...]  # per layer: how far back attention may look
    rotary_frequencies: Tensor = field(repr=False, compare=False)  # (H/2,)
    rotary_scaling: float = 1.0

    @classmethod
    def from_transformers(cls, config: Any) -> "DecoderConfig":
        """Read a transformers configuration of the Llama family.

        Raises ValueError for another family or a rotary type that changes with length,
        and for sizes that no decoder has.
        """
        if reason := unsupported(config):
            raise ValueError(reason)
        _check_sizes(config)
        family, layers = config.model_type, config.num_hidden_layers
        heads = config.num_attention_heads
        head_width = getattr(config, "head_dim", None) or config.hidden_size // heads
        bias = family == "qwen2" or bool(getattr(config, "attention_bias", False))
        frequencies, scaling = _rotary(config, head_width)
        return cls(
            width=config.hidden_size,
            hidden=config.intermediate_size,
            heads=heads,
            kv_heads=getattr(config, "num_key_value_heads", None) or heads,
            head_width=head_width,
            vocabulary=config.vocab_size,
            layers=layers,
            context=config.max_position_embeddings,
            epsilon=config.rms_norm_eps,
            tied=bool(config.tie_word_embeddings),
            attention_bias=bias,
            output_bias=bias and family != "qwen2",
            mlp_bias=bool(getattr(config, "mlp_bias", False)),
            query_key_norm=family == "qwen3",
            windows=_windows(config, layers),
            rotary_frequencies=frequencies,
            rotary_scaling=scaling,
        )


SIZES = (
    "vocab_size", "hidden_size", "intermediate_size", "num_attention_heads",
    "num_hidden_layers", "max_position_embeddings",
)  # fmt: skip


def _check_sizes(config: Any) -> None:
    """Raise ValueError for a size below 1 and for a head that cannot be turned."""
    for name in SIZES:
        if getattr(config, name) < 1:
            raise ValueError(f"{name}={getattr(config, name)} must be at least 1")
    head_width = getattr(config, "head_dim", None)
    if head_width is not None and (head_width < 2 or head_width % 2):
        raise ValueError(
            f"head_dim={head_width} must be even, since places are turned in pairs"
        )


def unsupported(config: Any) -> str | None:
    """Say why our decoder cannot take this configuration, or None if it can."""
    if config.model_type not in FAMILIES:
        return f"model_type={config.model_type!r} is not one of {FAMILIES}."
    kind = _rotary_parameters(config).get("rope_type", "default")
    if kind not in ROTARY_TYPES:
        return f"rope_type={kind!r} is not one of {ROTARY_TYPES}."
    if getattr(config, "hidden_act", "silu") != "silu":
        return f"hidden_act={config.hidden_act!r} is not 'silu'."
    return None


def _rotary_parameters(config: Any) -> dict[str, Any]:
    return getattr(config, "rope_parameters", None) or {}


def _rotary(config: Any, head_width: int) -> tuple[Tensor, float]:
    import torch
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    parameters = _rotary_parameters(config)
    kind = parameters.get("rope_type", "default")
    if kind != "default":
        with torch.device("cpu"):  # also where the model is built without memory
            frequencies, scaling = ROPE_INIT_FUNCTIONS[kind](config, "cpu")
        return frequencies, float(scaling)
    exponents = torch.arange(0, head_width, 2, device="cpu").float() / head_width
    return 1.0 / parameters.get("rope_theta", 10_000.0) ** exponents, 1.0


def _windows(config: Any, layers: int) -> tuple[int | None, ...]:
    """Return what each layer sees back, read as transformers reads this family."""
    window = getattr(config, "sliding_window", None)
    if config.model_type == "llama":  # a stray entry means nothing there
        return (None,) * layers
    if config.model_type == "mistral":  # one window for all
        return (window,) * layers
    if not getattr(config, "use_sliding_window", True):
        window = None
    kinds = getattr(config, "layer_types", None) or ["sliding_attention"] * layers
    return tuple(window if kind == "sliding_attention" else None for kind in kinds)
