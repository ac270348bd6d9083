"""Trace a function of positions, and replay its graph at others.

A graph holds operators and no Python. What a function reads of its positions while it
is traced, a number or a length, stays in the graph as it was.
"""

import contextlib
import linecache
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from llmlab.checks import calls, feedback
from llmlab.checks.exercise import MisfitError
from llmlab.measure import operators

READ = (
    "`.item()`, `int()`, `if` and an index take a number out of a tensor, which a "
    "graph cannot follow: compare all positions at once, positions[:, None]."
)
LISTED = (
    "a loop over `.tolist()`, like `.numpy()` and torch.tensor of numbers, runs while "
    "the graph is made, which then holds today's positions: compare tensors, "
    "positions[:, None]."
)
SLICED = (
    "a slice whose length follows a position needs another graph for each length: "
    "compare all columns instead, torch.arange(length)."
)
PROMISE = "static_mask makes one graph for all positions"
SAME = "the same mask as without a graph"


class Sizes(operators.Counting):
    """Counts operators on their way, and notes the sizes of what they give."""

    def __init__(self):
        super().__init__(composite=False)
        self.sizes: list[torch.Size] = []

    @property
    def computed(self) -> dict[str, int]:
        """Calls by name, but for views: a slice of the whole length is no call."""
        return {n: c for n, c in self.calls.items() if n not in operators.VIEWS}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = super().__torch_dispatch__(function, types, args, kwargs)
        if isinstance(made, Tensor):
            self.sizes.append(made.shape)
        return made


def traced(others: Tensor, function: Callable, *given: Any, **named: Any) -> Any:
    """Call a function, and trace it; MisfitError where its graph errs at others.

    others: as many positions. What is no mask at all is not traced.
    """
    positions, length = (*given, *named.values())
    mask = function(*given, **named)
    if not isinstance(mask, Tensor) or mask.shape != (len(positions), length):
        return mask

    def call(positions: Tensor) -> Any:
        if named:
            return function(**dict(zip(named, (positions, length), strict=True)))
        return function(positions, length)

    with calls.quietly(), torch.no_grad():
        _follow(call, function, positions, others)
    return mask


def _follow(
    call: Callable[[Tensor], Any], function: Callable, positions: Tensor, others: Tensor
) -> None:
    """Raise MisfitError unless the graph for positions is right at others, too."""
    with Sizes() as before:
        call(positions.clone())
    with Sizes() as after:
        right = call(others.clone())
    got, hint, line = "that of the positions that it was made at", LISTED, ""
    try:
        with _no_sources_read():
            graph = make_fx(call)(positions.clone())
        if _alike(graph(others.clone()), right):
            return
    except Exception as error:  # whatever tracing stumbles over
        got, hint, line = "no graph", READ, feedback.line_of(error, function)
    if before.computed == after.computed and before.sizes != after.sizes:
        hint = SLICED
    where = f"it stopped at `{line}`; " if line else ""
    raise MisfitError(PROMISE, expected=SAME, got=got, hint=f"{where}{hint}")


@contextlib.contextmanager
def _no_sources_read() -> Iterator[None]:
    """Let torch note where it is without reading lines, which a grader takes amiss."""
    before = linecache.updatecache
    linecache.updatecache = lambda *_, **__: []
    try:
        yield
    finally:
        linecache.updatecache = before


def _alike(mask: Any, right: Any) -> bool:
    both = isinstance(mask, Tensor) and isinstance(right, Tensor)
    return both and torch.equal(mask, right)
