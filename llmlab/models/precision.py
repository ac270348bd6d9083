"""In which number format a training computes: the one that it is fastest in here.

Under autocast, products are computed in bfloat16 while the weights stay float32. That
halves what they move, and is twice as fast where a processor multiplies bfloat16. Where
it does not (x86-64 with AVX2 only), every number is turned into a float32 and back, and
a product took 7 to 13 times as long. So it is tried.

Source: Micikevicius et al., Mixed Precision Training, ICLR 2018.
"""

import functools
from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llmlab.core import clock, machine
from llmlab.core.arguments import shown

Autocast = torch.dtype | Literal["fastest"] | None

CLEARLY = 1.2  # as fast as float32: less is not worth the rounding of bfloat16
KEPT = {"bf16": torch.bfloat16, "fp16": torch.float16}  # of autocast, in a checkpoint


def fastest_autocast(device: torch.device | str = "cpu") -> torch.dtype | None:
    """Return what trains fastest as `autocast` on a device: torch.bfloat16, or None.

    Tried once per process and device, in a small layer. float16 is never chosen: its
    range is so small that a training needs its losses scaled.
    """
    gain = _gain_of_bf16(machine.device(device).type)
    return torch.bfloat16 if gain > CLEARLY else None


def chosen(
    autocast: Autocast, model: nn.Module, *, before: str | None = None
) -> torch.dtype | None:
    """Return the dtype of autocast for this model, None for none.

    "fastest": what a training that is gone on with computed in `before`, else what is
    fastest here. Only float32 weights gain by it. Raises ValueError for anything else
    than "fastest", None and a dtype that autocast has.
    """
    if autocast is None:
        return None
    if isinstance(autocast, torch.dtype) and autocast in KEPT.values():
        return autocast
    if autocast != "fastest":
        raise ValueError(
            f"autocast={shown(autocast)} is not what products can be computed in; "
            'choose "fastest", torch.bfloat16, or None for the dtype of the weights.'
        )
    if before is not None:
        return KEPT.get(before)
    weight = next(model.parameters())
    return fastest_autocast(weight.device) if weight.dtype == torch.float32 else None


def name(autocast: torch.dtype | None, model: nn.Module) -> str:
    """Return the short name of what a training computes in: "bf16", "fp32"."""
    return machine.dtype_name(autocast or next(model.parameters()).dtype)


@functools.cache
def _gain_of_bf16(kind: str) -> float:
    """Say how many times as fast as in float32 a layer learns."""
    with torch.inference_mode(False), torch.enable_grad():
        draw = torch.Generator().manual_seed(0)
        x, weight = (
            torch.randn(rows, 512, generator=draw).to(kind).requires_grad_()
            for rows in (128, 512)
        )

        def learn(dtype: torch.dtype | None) -> Sequence[Tensor]:
            with torch.autocast(kind, dtype=dtype, enabled=dtype is not None):
                y = F.linear(x, weight)
            return torch.autograd.grad(y.float().sum(), (x, weight))

        dtypes = {"fp32": None, "bf16": torch.bfloat16}
        calls = {
            word: functools.partial(learn, dtype) for word, dtype in dtypes.items()
        }
        seconds = clock.trial(calls)
    return seconds["fp32"] / seconds["bf16"]
