"""Products of matrices that a call starts, and how much they multiply."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from llmlab.checks import values
from llmlab.measure import operators

# Under no_grad matmul, linear and einsum arrive as these.
PRODUCTS = frozenset(
    """mm addmm bmm baddbmm addbmm mv addmv addr dot vdot matmul linear einsum _int_mm
    _addmm_activation convolution""".split()
)


@dataclass(frozen=True, eq=False)
class Ran:
    """What a call gave, and of its products how many there were and how large."""

    answer: Any
    products: int
    multiplied: int  # multiplications of two numbers in all of them


class Watching(operators.Counting):
    """Counts operators on their way, and how much the products among them multiply."""

    def __init__(self):
        super().__init__(composite=False)
        self.multiplied = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = super().__torch_dispatch__(function, types, args, kwargs)
        if function.overloadpacket.__name__ in PRODUCTS:
            self.multiplied += _multiplied(made, args)
        return made


def _multiplied(made: Any, args: tuple) -> int:
    """Return the size of a product times the length of what is summed in it."""
    factors = [one for one in args if isinstance(one, Tensor) and one.ndim]
    return made.numel() * factors[-2].shape[-1] if len(factors) > 1 else 0


def counted(function: Callable, *arguments: Any, **named: Any) -> Any:
    """Call a function and count its products; None and what is none stay as they are.

    What is yielded is pulled here, as products begin only then.
    """
    with torch.inference_mode(False), torch.no_grad(), Watching() as watch:
        answer = function(*arguments, **named)
        if hasattr(answer, "__next__"):
            answer = values.pulled(answer, 3)
    if answer is None:
        return None
    calls = watch.calls
    made = sum(calls[name] for name in PRODUCTS)
    return Ran(answer, made, watch.multiplied)
