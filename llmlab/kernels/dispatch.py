"""Dispatch: the operator that multiplies with a layer's weight, by the number of rows.

A layer runs on the operators that it is given as long as they are right here, or else
on the plain ones, which are right everywhere. Which are fastest, `kernels.autotune`
finds out.
"""

from dataclasses import dataclass

import torch

from llmlab.kernels import correctness
from llmlab.kernels.correctness import ROWS
from llmlab.kernels.operators import OPERATORS
from llmlab.kernels.weight_spec import WeightSpec

LIMITS = (1, 32)  # rows up to which the first and the second operator run


@dataclass(frozen=True)
class Dispatch:
    """The operators that run a layer, by the number of rows; they read one layout."""

    operators: tuple[str, ...]  # one for each of ROWS

    @property
    def layout(self) -> str:
        """The name of the layout that they read; KeyError for none of this house."""
        return OPERATORS[self.operators[0]].layout

    def at(self, rows: int) -> str:
        """Return the operator for this number of rows."""
        return self.operators[place(rows)]


def place(rows: int) -> int:
    """Return which of ROWS stands for a number of rows."""
    return sum(rows > limit for limit in LIMITS)


def plain(spec: WeightSpec) -> Dispatch:
    """Return the operators that are right for every form, on every machine."""
    return Dispatch(("plain dynamic" if spec.activations else "plain",) * len(ROWS))


def only(
    operator: str, spec: WeightSpec, *, device: torch.device, dtype: torch.dtype
) -> Dispatch:
    """Dispatch to this one operator; ValueError where it may not be used."""
    if operator == "plain" and spec.activations:
        operator = "plain dynamic"
    chosen = Dispatch((operator,) * len(ROWS))
    if not holds(chosen, spec, device=device, dtype=dtype):
        right = correctness.offered(spec, device=device, dtype=dtype)
        raise ValueError(
            f"operator={operator!r} does not run {spec.format} on {device} in {dtype}, "
            f"or gives wrong sums on this processor; choose one of {list(right)}, or "
            "None for the plain one."
        )
    return chosen


def holds(
    chosen: Dispatch, spec: WeightSpec, *, device: torch.device, dtype: torch.dtype
) -> bool:
    """Say whether all operators of a dispatch run this form, and are right, here."""
    if chosen == plain(spec):
        return True
    fit = correctness.fitting(spec, device=device, dtype=dtype)
    if not set(chosen.operators) <= set(fit):
        return False
    first, like = chosen.operators[0], correctness.likeness(spec)
    return all(
        agree(name, first, dtype)
        and correctness.is_right(name, like, torch.device(device), dtype)
        for name in chosen.operators
    )


def agree(name: str, other: str, dtype: torch.dtype) -> bool:
    """Say whether two operators can share a layer: layout, and what they round to.

    In a float32 model one that rounds to bf16 beside one that does not would let a
    row's answer depend on how many rows stand beside it.
    """
    one, two = OPERATORS[name], OPERATORS[other]
    rounded = dtype in (torch.bfloat16, torch.float16) or one.in_bf16 == two.in_bf16
    return one.layout == two.layout and rounded
