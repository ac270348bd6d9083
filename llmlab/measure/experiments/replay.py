"""The operators of one call, seen on their way, so that some can be run again alone.

Those that read a weight are the model's matrix products, in whatever form the weight is
kept, with what unpacks it; those of attention have a name. Both are run again on the
same tensors.

Shapes: whatever the call had.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from llmlab.core.model import LanguageModel

ATTENTION = ("scaled_dot_product", "bmm", "softmax")  # in names of operators
PRODUCTS = ("linear", "mm", "conv")  # of weights that were unpacked for the moment
LOOK_UPS = ("embedding", "index")  # they read rows of a table, not a whole weight

Call = Callable[[], object]


@dataclass(frozen=True)
class Operators:
    """What one call handed to torch: the calls to run again, and how many in all."""

    products: tuple[Call, ...]
    attention: tuple[Call, ...]
    count: int

    @property
    def others(self) -> int:
        """Operators that are not run again."""
        return self.count - len(self.products) - len(self.attention)


@torch.inference_mode()
def operators_of(model: LanguageModel, call: Call) -> Operators:
    """Run a call of the model once and return its operators."""
    weights = [*model.parameters(), *model.buffers()]
    with _Watcher({_memory(each) for each in weights if each.dim() > 1}) as seen:
        call()
    return Operators(tuple(seen.products), tuple(seen.attention), seen.count)


@torch.inference_mode()
def run(calls: tuple[Call, ...]) -> None:
    """Run calls one right after the other."""
    for call in calls:
        call()


class _Watcher(TorchDispatchMode):
    """Lets every operator pass, and keeps those that can be run again."""

    def __init__(self, weights: set[int | None]):
        super().__init__()
        self.weights = weights - {None}
        self.products: list[Call] = []
        self.attention: list[Call] = []
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        self.count += 1
        name = str(function)
        reads = self._reads_a_weight(name, (args, kwargs), result)
        if not reads and any(word in name for word in ATTENTION):
            self.attention.append(_bound(function, args, kwargs))
        elif reads or any(word in name for word in PRODUCTS):
            self.products.append(_bound(function, args, kwargs))
        return result

    def _reads_a_weight(self, name: str, arguments: Any, result: Any) -> bool:
        """Say whether it reads a weight and gives something new."""
        if any(word in name for word in LOOK_UPS):
            return False
        read = {_memory(each) for each in tree_leaves(arguments)} & self.weights
        given = {_memory(each) for each in tree_leaves(result)}
        return bool(read) and not read & given


def _bound(function: Any, args: tuple, kwargs: dict[str, Any]) -> Call:
    return lambda: function(*args, **kwargs)


def _memory(value: Any) -> int | None:
    """Return what tells the memory of a tensor apart; None for what has none."""
    if not isinstance(value, Tensor):
        return None
    try:
        return value.untyped_storage().data_ptr() or None
    except (NotImplementedError, RuntimeError):  # of a form that only a kernel reads
        return id(value)
