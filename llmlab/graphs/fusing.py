"""Fuse what reads the same: query, key and value in one product, gate and up in one.

Three products of one input are one product with a taller matrix: fewer operators to
start, the same multiplications, the same bytes of weights. The rows are joined once,
before anything runs; the answer is cut where they were joined. With grouped heads the
parts are unequal. Queries and keys lie side by side, so one rotation turns both.

Fuse first, then quantize: rows keep scales of their own, and what they read is rounded
once instead of three times.

Shapes: B sequences, T new tokens, D model width, N query heads, K key/value heads, H
head width.
Source: Megatron-LM, Shoeybi et al., 2019, joins the three; vLLM's QKVParallelLinear.
"""

from typing import Any

import torch
from torch import Tensor, nn

from llmlab.core import arguments, wanted
from llmlab.core.model import Model
from llmlab.graphs import joined
from llmlab.graphs.folding import UnscaledNorm
from llmlab.graphs.joined import QKV, CalledAttention, FusedAttention, FusedSwiGLU
from llmlab.models import surgery
from llmlab.models.decoder import Decoder
from llmlab.models.layers import Attention, RMSNorm, SwiGLU

FIRST = "fuse the float model first, then quantize it: quantize(fuse(model), …)"


def qkv(x: Tensor, query: Tensor, key: Tensor, value: Tensor) -> joined.Three:
    """Return the queries, keys and values of x (tokens, D), by one product.

    query, key, value: weights, (outputs, D) each, of unequal heights.
    """
    rows = torch.cat((query, key, value))
    heights = [len(query), len(key), len(value)]
    q, k, v = (x @ rows.T).split(heights, -1)
    return q, k, v


def fuse(model: Model, *, qkv: QKV | None = None) -> Model:
    """Return a decoder whose layers compute q, k, v in one product, gate and up in one.

    Biases and query/key norms are kept. qkv: compute q, k and v of each layer by this
    function in every step, instead of by weights that were joined before. Raises
    ValueError for other models and for layers that are not plain linear ones.
    """
    _check_decoder("fuse", model)
    if qkv is not None:
        arguments.function("qkv", qkv, way="give a function like fusing.qkv")
    parts: dict[str, nn.Module] = {}
    for name, module in model.named_modules():
        if type(module) is Attention:
            _check_plain(name, module, ("query", "key", "value"))
            parts[name] = joined.attention(module, qkv)
        elif type(module) is SwiGLU:
            _check_plain(name, module, ("gate", "up"))
            parts[name] = FusedSwiGLU(module)
    if not parts:
        raise ValueError("model is fused already; unfuse(model) takes it apart.")
    return surgery.replace(model, parts)


def unfuse(model: Model) -> Model:
    """Return a decoder in plain layers and norms again, which a file can hold.

    A folded norm becomes one whose scale is 1. Raises ValueError for other models.
    """
    _check_decoder("unfuse", model)
    like = model.get_parameter("embedding.weight")
    parts: dict[str, nn.Module] = {}
    for name, module in model.named_modules():
        if isinstance(module, FusedAttention | CalledAttention | FusedSwiGLU):
            parts[name] = module.apart()
        elif isinstance(module, UnscaledNorm):
            parts[name] = _scaled(module, like)
    return surgery.replace(model, parts)


def _scaled(norm: UnscaledNorm, like: Tensor) -> RMSNorm:
    made = RMSNorm(norm.width, norm.epsilon).to(like.device, like.dtype)
    return made.requires_grad_(like.requires_grad)


def _check_decoder(verb: str, model: Any) -> None:
    wanted.module("model", model)
    if not isinstance(model, Decoder):
        raise ValueError(
            f"model is a {type(model).__name__}, and {verb} knows the layers of our "
            "decoder alone; load a model of the Llama family, such as "
            "models.load('coder')."
        )


def _check_plain(name: str, module: nn.Module, parts: tuple[str, ...]) -> None:
    """Raise ValueError where a part cannot be joined row by row."""
    dtypes = set()
    for part in parts:
        layer = module.get_submodule(part)
        if type(layer) is not nn.Linear:
            raise ValueError(
                f"{name}.{part} is a {type(layer).__name__}, whose rows cannot be "
                f"joined; {FIRST}."
            )
        dtypes.add((layer.weight.dtype, layer.weight.device))
    if len(dtypes) > 1:
        raise ValueError(
            f"{name} has {', '.join(parts)} in several formats or on several devices; "
            "bring them to one first, model.to(…)."
        )
