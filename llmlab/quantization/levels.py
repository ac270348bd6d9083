"""A weight's histogram as records: what a picture lays the levels of a grid over.

Shapes: O output features, I input features.
"""

import torch
from torch import Tensor

from llmlab.core import records
from llmlab.core.records import Record
from llmlab.quantization import formats
from llmlab.quantization.quantities import SHARE_OF_WEIGHTS

BINS = 81  # an odd number: zero lies in the middle of one


def histogram(weight: Tensor, *, subject: str = "") -> list[Record]:
    """Return the share of weights (O, I) between each two ends, about zero.

    Records "share of weights" with details low and high. Raises ValueError as
    `formats.quantize_weight`.
    """
    weight = formats.grouped(weight, "tensor")
    end = float(weight.abs().amax()) or 1.0
    counts = torch.histc(weight, BINS, -end, end)
    ends = torch.linspace(-end, end, BINS + 1).tolist()
    return [
        records.measured(
            SHARE_OF_WEIGHTS, count / weight.numel(), subject=subject,
            details={"low": low, "high": high},
        )
        for count, low, high in zip(counts.tolist(), ends, ends[1:], strict=False)
    ]  # fmt: skip
