"""From a decoder to the tensors that C reads, or the reason why it cannot.

What the C code takes: every linear layer in symmetric int8 or in int4, a scale a row
or a group; norms and embedding in float32. Biases, query/key norms, windows, shared
layers, heads of their own and layers of different sizes are as in the decoder.
"""

from typing import Any

import torch
from torch import Tensor

from llmlab.kernels.native import layers
from llmlab.kernels.native.matrices import Matrix
from llmlab.kernels.native.weights import Layer, Weights
from llmlab.kernels.quantized_linear import QuantizedLinear
from llmlab.models.decoder import Decoder
from llmlab.models.layers import Attention, DecoderLayer, RMSNorm, SwiGLU

HOW = "quantization.quantize(model, Format(bits=8)) of a model in float32"


class UnsupportedError(ValueError):
    """What a native call cannot take; the message is one sentence."""


def weights(model: Any) -> Weights:
    """Return a decoder's tensors for C; UnsupportedError names what it does not take.

    They share the storage of the model's own where that lies right.
    """
    if type(model) is not Decoder:
        raise UnsupportedError(
            f"{type(model).__name__} is no decoder of the Llama family, the only kind "
            "of model that the native call runs."
        )
    embedding = model.embedding.weight
    if embedding.dtype != torch.float32 or embedding.device.type != "cpu":
        raise UnsupportedError(
            f"the model is in {embedding.dtype} on {embedding.device}, and the native "
            f"call keeps float32 on the CPU; use {HOW}."
        )
    try:
        made: dict[int, Layer] = {}  # one that stands in several places is one
        for number, layer in enumerate(model.layers):
            if id(layer) not in made:
                made[id(layer)] = _layer(f"layers.{number}", layer, model)
        return Weights(
            embedding=embedding.detach(),
            layers=tuple(made[id(layer)] for layer in model.layers),
            norm=_norm("norm", model.norm, model),
            head=_matrix("head", model.head),
            head_width=model.shape.head_width,
            epsilon=model.norm.epsilon,
        )
    except UnsupportedError:
        raise
    except ValueError as error:
        raise UnsupportedError(str(error)) from error


def _layer(name: str, layer: DecoderLayer, model: Decoder) -> Layer:
    _check(name, layer, DecoderLayer)
    attention, mlp = layer.attention, layer.mlp
    _check(f"{name}.attention", attention, Attention)
    _check(f"{name}.mlp", mlp, SwiGLU)
    parts = {
        part: _matrix(f"{name}.attention.{part}", getattr(attention, part))
        for part in ("query", "key", "value", "output")
    }
    parts |= {
        part: _matrix(f"{name}.mlp.{part}", getattr(mlp, part))
        for part in ("gate", "up", "down")
    }
    head_norms: list[Tensor | None] = [None, None]
    if attention.query_norm is not None:
        head_norms = [
            _norm(f"{name}.query_norm", attention.query_norm, model),
            _norm(f"{name}.key_norm", attention.key_norm, model),
        ]
    return Layer(
        **parts,
        attention_norm=_norm(f"{name}.attention_norm", layer.attention_norm, model),
        mlp_norm=_norm(f"{name}.mlp_norm", layer.mlp_norm, model),
        query_norm=head_norms[0],
        key_norm=head_norms[1],
        window=layer.window,
    )


def _matrix(name: str, layer: Any) -> Matrix:
    if type(layer) is not QuantizedLinear:
        raise UnsupportedError(
            f"{name} is a {type(layer).__name__}, and the native call multiplies "
            f"integers; use {HOW}."
        )
    if reason := layers.refusal(layer):
        raise UnsupportedError(f"{name} {reason}; use {HOW}.")
    return layers.matrix(layer)


def _norm(name: str, norm: Any, model: Decoder) -> Tensor:
    _check(name, norm, RMSNorm)
    if norm.epsilon != model.norm.epsilon:
        raise UnsupportedError(
            f"{name} adds {norm.epsilon} and the last norm {model.norm.epsilon}; the "
            "native call knows one epsilon."
        )
    return norm.weight.detach()


def _check(name: str, module: object, kind: type) -> None:
    if type(module) is not kind:
        raise UnsupportedError(
            f"{name} is a {type(module).__name__}, and the native call runs a plain "
            f"{kind.__name__}."
        )
