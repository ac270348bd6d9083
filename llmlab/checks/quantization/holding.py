"""What an object holds on to: every tensor, wherever a learner put it."""

import inspect
from collections.abc import Iterator
from functools import partial
from typing import Any

from torch import Tensor, nn


def held(thing: Any) -> list[Tensor]:
    """Return every tensor that a module, a container or a function keeps alive."""
    seen: dict[int, Any] = {}
    left = [thing]
    while left:
        one = left.pop()
        if id(one) not in seen:
            seen[id(one)] = one
            left += _inside(one)
    return [one for one in seen.values() if isinstance(one, Tensor)]


def _inside(one: Any) -> Iterator[Any]:
    """Yield what lies directly in an object; of a tensor, nothing."""
    if isinstance(one, nn.Module):
        yield from vars(one).values()
    elif isinstance(one, dict):
        yield from one.values()
    elif isinstance(one, list | tuple | set | frozenset):
        yield from one
    elif isinstance(one, partial):
        yield from (one.func, one.args, one.keywords)
    elif inspect.ismethod(one):
        yield from (one.__self__, one.__func__)
    elif inspect.isfunction(one):
        yield from (one.__defaults__ or (), one.__kwdefaults__ or {})
        yield from _cells(one)


def _cells(function: Any) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # a name that has no value yet
            pass
