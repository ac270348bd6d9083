"""Floating-point formats of few bits, compared by what rounding to them costs.

A float spends bits on an exponent: its steps grow with the number, so large and small
weights have the same relative error, and no scale is needed. NF4 keeps 16 levels at the
quantiles of a bell curve, where most weights are, with one scale for a group. These are
the formats to compare by error; kernels here exist for bf16.

Shapes: O output features, I input features.
Sources: Micikevicius et al. 2022 (fp8); Dettmers et al., QLoRA, 2023 (NF4).
"""

import torch
from torch import Tensor

from llmlab.core.arguments import shown
from llmlab.kernels import parameters
from llmlab.quantization import formats

DTYPES = {
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
    "fp8 e4m3": torch.float8_e4m3fn,
    "fp8 e5m2": torch.float8_e5m2,
}
NF4 = (  # QLoRA, appendix E: quantiles of N(0, 1), scaled to 1, with an exact zero
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453,
    -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0,
    0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
)  # fmt: skip


def cast(weight: Tensor, name: str) -> Tensor:
    """Round every number to a format of `DTYPES`; float32 comes back.

    fp8 is cast within one scale for the whole tensor, which lifts its largest magnitude
    to the format's, as accelerators do; a larger number would be lost.
    """
    if not isinstance(name, str) or name not in DTYPES:
        raise ValueError(
            f"name={shown(name)} is no format; choose one of {list(DTYPES)}."
        )
    formats.grouped(weight, "tensor")  # refuses what cannot be rounded
    weight, dtype = weight.float(), DTYPES[name]
    largest = weight.abs().amax()
    if not name.startswith("fp8"):
        if torch.isinf(largest.to(dtype)):
            raise ValueError(
                f"weight holds {float(largest):g}, and name={name!r} ends at "
                f"{torch.finfo(dtype).max:g}; choose a wider format or scale it down."
            )
        return weight.to(dtype).float()
    scale = torch.where(largest > 0, largest / torch.finfo(dtype).max, 1.0)
    return (weight / scale).to(dtype).float() * scale


def nf4(weight: Tensor, *, group_size: formats.GroupSize = 64) -> Tensor:
    """Round (O, I) to the nearest of 16 levels times its group's largest magnitude.

    That is kept in bf16, rounded up: 4 bits a weight and 16 a group.
    """
    groups = formats.grouped(weight, group_size)  # (O, G, C)
    if group_size == "tensor":
        scales = groups.abs().amax()
    else:
        scales = groups.abs().amax(-1, keepdim=True)
    scales = parameters.round_up(scales, torch.bfloat16)
    levels = torch.tensor(NF4, device=weight.device)
    between = (levels[1:] + levels[:-1]) / 2
    shares = groups / scales
    return (levels[torch.bucketize(shares, between)] * scales).flatten(1)


def error(weight: Tensor, rounded: Tensor) -> float:
    """Return the relative error of rounding: |rounded - weight| / |weight|, 2-norms."""
    exact = weight.double()
    size = exact.norm()
    return float((rounded.double() - exact).norm() / size) if size else 0.0
