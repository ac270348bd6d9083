"""Fold the scale of a norm, and its shift, into the linear layers behind it.

A norm divides, then multiplies every column by a learnt scale and adds a learnt shift.
Linear layers that read the result can hold both: (x s + t) Wᵀ + b = x (W s)ᵀ + (W t +
b). One operator a norm less, for nothing at run time. It is exact but for rounding:
products are made in fp32 at least and cast once, yet in bf16 the folded weights are
rounded again. Where the normed stream is also the residual (post-norm, BERT), the scale
cannot move.

Shapes: D model width, O outputs of a linear layer.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llmlab.core import arguments, wanted
from llmlab.core.model import Model
from llmlab.graphs.places import Place, places
from llmlab.models import surgery
from llmlab.models.layers import RMSNorm

Fold = Callable[
    [Tensor, Tensor | None, Tensor, Tensor | None], tuple[Tensor, Tensor | None]
]


def fold_norm(
    scale: Tensor, shift: Tensor | None, weight: Tensor, bias: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    """Return the weight (O, D) and bias (O,) that hold a norm's scale and shift (D,).

    None where there is no shift, as in RMSNorm, and no bias. Nothing is changed in
    place.
    """
    if shift is not None:
        moved = weight @ shift
        bias = moved if bias is None else bias + moved
    return weight * scale, bias


def fold_norms(model: Model, *, head: bool = False, fold: Fold | None = None) -> Model:
    """Return a model whose norms have no scale: the linear layers behind hold it.

    Of our decoder, T5 and GPT-2 (whose Conv1D become linear layers). head: also the
    last norm, into the head; one that is tied to the embedding gets a weight of its own
    for it, `head_bytes` more. fold: in the place of `fold_norm`. Raises ValueError for
    post-norm models, quantized or shared layers, norms that are not finite, and for an
    answer of `fold` that is no weight and bias.
    """
    wanted.module("model", model)
    if not isinstance(head, bool):
        raise ValueError(
            f"head={arguments.shown(head)} is neither True (fold the last norm into "
            "the head, too) nor False."
        )
    if fold is not None:
        arguments.function("fold", fold, way="give a function like folding.fold_norm")
    new: dict[str, nn.Module] = {}
    for place in places(model, head=head):
        norm = model.get_submodule(place.norm)
        if place.norm not in new:
            new[place.norm] = _unscaled(place.norm, norm)
        for name in place.readers:
            with torch.no_grad():
                layer = model.get_submodule(name)
                new[name] = _folded(name, layer, norm, fold or fold_norm)
    return surgery.replace(model, new)


def head_bytes(model: nn.Module) -> int:
    """Return the bytes that `fold_norms(model, head=True)` adds: 0, or a head's."""
    wanted.module("model", model)
    place: Place = places(model, head=True)[-1]
    weight = model.get_submodule(place.readers[0]).get_parameter("weight")
    tables = [m.weight for m in model.modules() if isinstance(m, nn.Embedding)]
    return weight.nbytes if any(weight is table for table in tables) else 0


class UnscaledNorm(nn.Module):
    """A norm without scale and shift: RMSNorm, or LayerNorm where it is centered."""

    def __init__(
        self, width: int, epsilon: float, *, centered: bool = False, fp32: bool = False
    ):
        """Norm rows of this width. fp32: take their mean square so, whatever comes."""
        super().__init__()
        self.width, self.epsilon = width, epsilon
        self.centered, self.fp32 = centered, fp32

    def forward(self, x: Tensor) -> Tensor:
        if self.centered:
            return F.layer_norm(x, (self.width,), None, None, self.epsilon)
        if x.dtype in (torch.bfloat16, torch.float16):  # as models.layers.RMSNorm does
            return F.rms_norm(x, (self.width,), None, self.epsilon)
        squares = (x.float() if self.fp32 else x).square()
        return x * torch.rsqrt(squares.mean(-1, keepdim=True) + self.epsilon)

    def extra_repr(self) -> str:
        return f"{self.width}, its scale is in the layers behind"


def _unscaled(name: str, norm: Any) -> nn.Module:
    """Return the norm without scale and shift; ValueError if these are no numbers."""
    for kind, tensor in norm.named_parameters():
        if not torch.isfinite(tensor).all():
            raise ValueError(
                f"{name} has a {kind} with NaN or infinite numbers, which would go "
                "into the layers behind; look for what made it so."
            )
    width = norm.weight.numel()
    if isinstance(norm, nn.LayerNorm):
        return UnscaledNorm(width, norm.eps, centered=True)
    if isinstance(norm, RMSNorm):
        return UnscaledNorm(width, norm.epsilon)
    return UnscaledNorm(width, norm.variance_epsilon, fp32=True)  # T5, in transformers


def _folded(name: str, layer: Any, norm: Any, fold: Fold) -> nn.Linear:
    """Return a linear layer that reads what the norm gives without its scale."""
    weight, old = surgery.weight_of(layer), layer.weight
    dtype = torch.promote_types(weight.dtype, torch.float32)

    def exact(tensor: Tensor) -> Tensor:
        return tensor.detach().to(dtype, copy=True)

    shift = getattr(norm, "bias", None)
    answer = fold(
        exact(norm.weight),
        None if shift is None else exact(shift),
        exact(weight),
        None if layer.bias is None else exact(layer.bias),
    )
    needs_bias = shift is not None or layer.bias is not None
    folded, bias = _checked(name, answer, weight, needs_bias=needs_bias)
    outputs, inputs = weight.shape
    with torch.device("meta"):
        linear = nn.Linear(inputs, outputs, bias=bias is not None)
    for word, tensor in (("weight", folded), ("bias", bias)):
        if tensor is not None:
            kept = tensor.detach().to(old).contiguous()
            setattr(linear, word, nn.Parameter(kept, requires_grad=old.requires_grad))
    return linear.train(layer.training)


def _checked(
    name: str, answer: Any, weight: Tensor, *, needs_bias: bool
) -> tuple[Tensor, Tensor | None]:
    """Return what a fold gave; ValueError where it is no weight and bias."""
    shape = tuple(weight.shape)
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise ValueError(
            f"fold gave {arguments.shown(answer)} for {name}; return (weight, bias)."
        )
    folded, bias = answer
    for word, tensor, size in (("weight", folded, shape), ("bias", bias, shape[:1])):
        if word == "bias" and tensor is None and not needs_bias:
            continue
        if not isinstance(tensor, Tensor) or tuple(tensor.shape) != size:
            got = tuple(tensor.shape) if isinstance(tensor, Tensor) else tensor
            raise ValueError(
                f"fold gave a {word} of {arguments.shown(got)} for {name}; it must be "
                f"a tensor of the size {size}."
            )
        if not torch.isfinite(tensor).all():
            raise ValueError(f"fold gave a {word} with NaN or infinity for {name}.")
    return folded, bias
