"""Read arrays as tensors, which is what answers are compared as."""

from typing import Any

import numpy
import torch

from llmlab.checks import values
from llmlab.checks.exercise import Value


def read(answer: Any) -> Any:
    """Return an array of numbers as a tensor, whole ones of int64; all else as it is.

    A learner's list, tensor or array is read by the right one's shape later.
    """
    if not isinstance(answer, numpy.ndarray) or answer.dtype.kind not in "iuf":
        return answer
    if answer.size > values.MOST:
        return answer  # too much of anything, which is said later
    kind = numpy.float64 if answer.dtype.kind == "f" else numpy.int64
    return torch.from_numpy(numpy.array(answer, dtype=kind))


def read_all(answer: Any, gives: tuple[Value, ...], name: str) -> tuple[Any, ...]:
    """Return several values, the arrays among them as tensors."""
    return tuple(map(read, values.unpack(answer, gives, name)))
