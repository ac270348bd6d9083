"""Count what a call starts: the operators that it hands to torch, by name.

There are two answers, so a count says its mode. Under `no_grad`, a call arrives in the
pieces that kernels run: `linear` as a transpose and a product. In inference mode, which
generation uses, torch hands the same pieces on without showing them, and what can be
counted are the calls that Python makes (`composite=True`). A view computes nothing: it
is another way to look at the same numbers.

Source: torch.utils._python_dispatch; He, Making Deep Learning Go Brrrr, 2022, for the
question.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from llmlab.core import arguments, records, wanted
from llmlab.core.model import LanguageModel
from llmlab.core.records import Record
from llmlab.measure import labels
from llmlab.measure.quantities import CALLS, KERNELS, VIEWS_OF_A_CALL

__all__ = ["VIEWS", "Counting", "Counts", "check_call", "count", "count_operators"]
__all__ += ["counting", "step"]

TOKENS = 1024  # read at once before operators are counted: more takes memory
MOST = 2**31  # rows: more does not fit into any machine

# What gives another look at the same numbers, or picks one result of several.
VIEWS = frozenset(
    """_conj _neg_view _reshape_alias _unsafe_view alias as_strided chunk detach
    diagonal expand expand_as flatten getitem imag lift_fresh movedim narrow numpy_T
    permute real reshape select slice split split_with_sizes squeeze swapaxes t
    tensor_split transpose unbind unflatten unfold unsafe_chunk unsafe_split
    unsafe_split_with_sizes unsqueeze view view_as view_as_complex
    view_as_real""".split()
)


@dataclass(frozen=True)
class Counts:
    """How often a call handed each operator to torch."""

    calls: Mapping[str, int]  # by name, such as "mm"; overloads are one
    composite: bool = False  # as Python calls them, or as kernels are run

    @property
    def total(self) -> int:
        """All operators, views included."""
        return sum(self.calls.values())

    @property
    def views(self) -> int:
        """Operators that compute nothing."""
        return sum(n for name, n in self.calls.items() if name in VIEWS)

    @property
    def kernels(self) -> int:
        """Operators that compute or copy something."""
        return self.total - self.views

    def records(self, *, subject: str = "") -> list[Record]:
        """Return what computes and what views; calls where those were counted."""
        facts = [(KERNELS, self.kernels), (VIEWS_OF_A_CALL, self.views)]
        if self.composite:
            facts = [(CALLS, self.total)]
        return [records.measured(what, n, subject=subject) for what, n in facts]

    def __str__(self) -> str:
        return f"{self.total} operators, {self.views} of them views"


class Counting(TorchDispatchMode):
    """Sees every operator on its way and lets it pass."""

    def __init__(self, *, composite: bool):
        super().__init__()
        self.order: list[str] = []  # each call, one after the other
        self.composite = composite

    @property
    def counts(self) -> Counts:
        """What was seen so far."""
        return Counts(dict(self.calls), self.composite)

    @property
    def calls(self) -> Counter[str]:
        """How often each operator was called so far."""
        return Counter(self.order)

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.order.append(function.overloadpacket.__name__)
        return function(*args, **(kwargs or {}))


@contextlib.contextmanager
def counting(*, composite: bool = False) -> Iterator[Counting]:
    """Count what is called within a block, without gradients."""
    with _mode(composite), Counting(composite=composite) as counter:
        yield counter


def count(call: Callable[[], object], *, composite: bool = False) -> Counts:
    """Count the operators that one call of a function hands to torch.

    composite: as Python calls them, in inference mode; else as they reach kernels,
    under no_grad. A cache that was made in inference mode cannot be written to outside
    of it: make it within the call. Raises ValueError for what is no function.
    """
    way = "give a function of no arguments, such as lambda: model(tokens)"
    arguments.function("call", call, way=way)
    with counting(composite=composite) as counter:
        call()
    return counter.counts


def step(
    model: LanguageModel,
    *,
    tokens: int = 1,
    cached: int = 0,
    batch: int = 1,
    composite: bool = False,
) -> Counts:
    """Count the operators of one forward call, as generation runs it.

    tokens: new ones of every row. cached: those that the cache holds before. composite:
    as in `count`. Raises ValueError for what is no causal model, and beyond its
    context.
    """
    check_call(model, tokens, cached, batch)
    with _mode(composite):
        cache = model.new_cache(batch, cached + tokens)
        size = (int(batch), int(cached + tokens))
        new = torch.zeros(size, dtype=torch.long, device=labels.device(model))
        read = new[:, :cached].split(max(1, TOKENS // size[0]), 1) if cached else ()
        for part in read:
            model.forward(part, cache, last=True)
        asked = new[:, cached:]  # cut before: what the caller does is not the step's
        with Counting(composite=composite) as counter:
            model.forward(asked, cache, last=True)
    return counter.counts


def count_operators(nodes: Iterable[Any]) -> dict[str, int]:
    """Count by name what an FX graph's nodes compute: no inputs, constants and views.

    nodes: of `torch.fx`, each with op ("call_function" for what is called), target (the
    operator, whose `__name__` is "mm.default" for aten's mm) and a name of its own.
    """
    called = [node.target.__name__ for node in nodes if node.op == "call_function"]
    names = [name.partition(".")[0] for name in called]
    return dict(Counter(name for name in names if name not in VIEWS))


def check_call(model: LanguageModel, tokens: int, cached: int, batch: int) -> None:
    """Raise ValueError for a call that a model cannot take."""
    wanted.causal("model", model)
    arguments.whole("batch", batch, least=1, most=MOST)
    most = model.context
    way = f"the model's context is {most}"
    arguments.whole("cached", cached, most=most - 1, way=way)
    arguments.whole("tokens", tokens, least=1, most=most - cached, way=way)


@contextlib.contextmanager
def _mode(composite: bool) -> Iterator[None]:
    """Run in inference mode, or surely outside of it and without gradients."""
    if not isinstance(composite, bool):
        raise ValueError(
            f"composite={arguments.shown(composite)} is neither True (calls as Python "
            "makes them) nor False (as they reach kernels)."
        )
    with torch.inference_mode(composite), torch.no_grad():
        yield
