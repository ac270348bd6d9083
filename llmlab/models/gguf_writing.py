"""Write a decoder of the Llama family as a GGUF file, the one that llama.cpp reads.

It is `gguf_llama` the other way round: names, and the rows of query and key in the
order in which llama.cpp turns them in pairs. The library `gguf` rounds and writes.

Shapes: N heads, H head width, D model width.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import Tensor

from llmlab.core import atomic
from llmlab.kernels.quantized_linear import QuantizedLinear
from llmlab.models.config import DecoderConfig
from llmlab.models.decoder import Decoder

TYPES = {"f32": "F32", "f16": "F16", "q8_0": "Q8_0", "q4_0": "Q4_0"}


def write(model: Any, path: str | Path, *, type: str = "q8_0") -> Path:
    """Write a decoder to a GGUF file, whole or not at all; return its path.

    type: of the matrices, f32, f16, q8_0 or q4_0; norms are f32. Layers that are
    quantized already are rounded again. The file has the token ids and no tokenizer.
    Raises ValueError for what llama.cpp's "llama" is not (another family, windows,
    biases, query/key norms, changed sizes), ImportError without the library gguf.
    """
    import gguf

    if type not in TYPES:
        raise ValueError(
            f"type={type!r} is not known; choose one of {', '.join(TYPES)}."
        )
    shape = _checked(model)
    kind = gguf.GGMLQuantizationType[TYPES[type]]
    with atomic.replacing(path) as beside:
        writer = gguf.GGUFWriter(beside, "llama")
        _describe(writer, model, shape)
        for name, weight in _tensors(model, shape):
            numbers = weight.detach().float().contiguous().numpy()
            if weight.dim() == 1 or kind == gguf.GGMLQuantizationType.F32:
                writer.add_tensor(name, numbers)
            else:
                writer.add_tensor(
                    name, gguf.quants.quantize(numbers, kind), raw_dtype=kind
                )
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    return Path(path)


def _checked(model: Any) -> DecoderConfig:
    """Return a model's sizes; ValueError for what the format's llama is not."""
    if not isinstance(model, Decoder):
        raise ValueError(
            f"model is a {model.__class__.__name__}; only decoders of the Llama family "
            "can be written as GGUF."
        )
    shape = model.shape
    strange = {
        "biases": shape.attention_bias or shape.output_bias or shape.mlp_bias,
        "query/key norms": shape.query_key_norm,
        "windows": any(layer.window for layer in model.layers),
        "rotary scaling": model.config.model_type != "llama" or _is_scaled(model),
        "layers of other sizes": len(model.layers) != shape.layers
        or any(
            (layer.attention.key.out_features, layer.mlp.gate.out_features)
            != (shape.kv_heads * shape.head_width, shape.hidden)
            for layer in model.layers
        ),
    }
    for what, there in strange.items():
        if there:
            raise ValueError(
                f"model has {what}, which a GGUF file of the family llama cannot say; "
                "write it with models.save."
            )
    return shape


def _is_scaled(model: Decoder) -> bool:
    rope = getattr(model.config, "rope_parameters", None) or {}
    return rope.get("rope_type", "default") != "default"


def _describe(writer: Any, model: Decoder, shape: DecoderConfig) -> None:
    rope = getattr(model.config, "rope_parameters", None) or {}
    writer.add_name(model.name)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.hidden)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_key_length(shape.head_width)
    writer.add_value_length(shape.head_width)
    writer.add_rope_dimension_count(shape.head_width)
    writer.add_rope_freq_base(float(rope.get("rope_theta", 10_000.0)))
    writer.add_layer_norm_rms_eps(shape.epsilon)
    writer.add_vocab_size(shape.vocabulary)
    writer.add_tokenizer_model("none")


def _tensors(model: Decoder, shape: DecoderConfig) -> Iterator[tuple[str, Tensor]]:
    yield "token_embd.weight", model.embedding.weight
    yield "output_norm.weight", model.norm.weight
    if model.head.weight is not model.embedding.weight:
        yield "output.weight", _weight(model.head)
    for number, layer in enumerate(model.layers):
        attention, mlp = layer.attention, layer.mlp
        parts = {
            "attn_norm": layer.attention_norm.weight,
            "attn_q": in_pairs(_weight(attention.query), shape.heads),
            "attn_k": in_pairs(_weight(attention.key), shape.kv_heads),
            "attn_v": _weight(attention.value),
            "attn_output": _weight(attention.output),
            "ffn_norm": layer.mlp_norm.weight,
            "ffn_gate": _weight(mlp.gate),
            "ffn_up": _weight(mlp.up),
            "ffn_down": _weight(mlp.down),
        }
        for part, weight in parts.items():
            yield f"blk.{number}.{part}.weight", weight


def _weight(layer: Any) -> Tensor:
    if isinstance(layer, QuantizedLinear):
        return layer.quantized().dequantize()
    return layer.weight


def in_pairs(weight: Tensor, heads: int) -> Tensor:
    """Return the rows of a head as llama.cpp orders them: i beside i + H/2."""
    halves = weight.detach().unflatten(0, (heads, 2, -1))  # (N, 2, H/2, D)
    return halves.transpose(1, 2).reshape(weight.shape)
