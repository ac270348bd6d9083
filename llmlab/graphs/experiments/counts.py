"""The operators of a decode step, counted by the learner and by the package."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx
from transformers.pytorch_utils import Conv1D

from llmlab.core import arguments, records
from llmlab.core.records import Record
from llmlab.graphs.experiments import inputs
from llmlab.graphs.experiments.inputs import Model
from llmlab.graphs.quantities import CALLS, KERNELS, OWN_COUNT, VIEWS_OF_A_CALL
from llmlab.measure import operators
from llmlab.measure.operators import Counts
from llmlab.models import listening

TOKENS = 128
WHOLE, REST, SUMS = "the step", "elsewhere", "sums"
STAGES = {  # what is called within such a module counts as this
    "norms": ("RMSNorm", "UnscaledNorm", "LayerNorm"),
    "linear layers": ("Linear", "Conv1D"),
    "attention": ("Attention", "FusedAttention", "CalledAttention", "GPT2Attention"),
    "MLP": ("SwiGLU", "FusedSwiGLU", "GPT2MLP"),
}

CountOperators = Callable[[list[Any]], dict[str, int]]


@dataclass(frozen=True)
class Counted:
    """Calls, kernels and views of a step, by stage, and the learner's count."""

    facts: tuple[Record, ...]
    yours: Mapping[str, int]
    ours: Counts

    @property
    def wrong(self) -> dict[str, tuple[int, int]]:
        """Operators of which the learner's count is not the package's: both counts."""
        right = _kernels(self.ours)
        return {
            name: (self.yours.get(name, 0), right.get(name, 0))
            for name in sorted({*self.yours, *right})
            if self.yours.get(name, 0) != right.get(name, 0)
        }

    @property
    def said(self) -> str:
        """Say whether both counts agree, and where they do not."""
        total = sum(self.yours.values())
        if not self.wrong:
            return (
                f"Your count of the traced step is {total} operators that compute, and "
                f"torch was handed the same {self.ours.kernels}; {self.ours.views} "
                "views came with them."
            )
        name, (yours, ours) = next(iter(self.wrong.items()))
        return (
            f"Your count of the traced step is {total}, and torch was handed "
            f"{self.ours.kernels}: of {name} you count {yours}, and there are {ours}."
        )

    def records(self) -> list[Record]:
        """Return calls, kernels and views of each stage and of all of them."""
        return list(self.facts)


def counted(
    model: Model, count_operators: CountOperators, *, tokens: int = TOKENS
) -> Counted:
    """Trace a decode step, count its operators both ways, and say where they belong.

    count_operators: the nodes of an FX graph -> how often each operator by name.
    tokens: in the cache. ValueError says where an answer is no such count.
    """
    inputs.learners("count_operators", count_operators)
    yours = _checked(count_operators(list(traced(model, tokens=tokens).graph.nodes)))
    kernels = by_stage(model, tokens=tokens)
    calls = by_stage(model, tokens=tokens, composite=True)
    facts = []
    for stage, counts in kernels.items():
        values = (CALLS, calls[stage].total), (KERNELS, counts.kernels)
        for what, value in (*values, (VIEWS_OF_A_CALL, counts.views)):
            facts.append(records.measured(what, value, subject=stage))
    own = sum(yours.values())
    facts.append(records.make(OWN_COUNT, own, kind="estimated", subject=WHOLE))
    return Counted(tuple(facts), yours, kernels[WHOLE])


def traced(model: Model, *, tokens: int = TOKENS) -> torch.fx.GraphModule:
    """Return the FX graph of one decode step behind so many tokens."""
    cache, token = inputs.filled(model, tokens)
    with torch.no_grad():
        return make_fx(lambda token: model.forward(token, cache, last=True))(token)


def by_stage(
    model: Model, *, tokens: int = TOKENS, composite: bool = False
) -> dict[str, Counts]:
    """Count one decode step by stage, the innermost one; the whole step comes last."""
    parts = _heard(model, _stages(model), tokens, composite=composite)
    made: dict[str, Counter[str]] = {}
    for stage, name in parts.called:
        made.setdefault(stage, Counter())[name] += 1
    order = [stage for stage in (*STAGES, REST) if stage in made]
    counts = {stage: Counts(dict(made[stage]), composite) for stage in order}
    return counts | {WHOLE: parts.counter.counts}


def layer(
    model: Model, number: int = 0, *, tokens: int = TOKENS
) -> list[tuple[str, str]]:
    """Return what computes in one layer of a decode step, in order: (stage, operator).

    "sums" are what the layer adds itself. Raises ValueError for a layer that is not
    there.
    """
    most = len(model.layers) - 1
    arguments.whole("number", number, most=most, way=f"{most + 1} layers are there")
    modules = model.named_modules()
    own = next(name for name, each in modules if each is model.layers[number])
    stages = _stages(model).items()
    names = {name: stage for name, stage in stages if name.startswith(f"{own}.")}
    parts = _heard(model, names | {own: SUMS}, tokens, composite=False)
    shared = [each for each in model.layers if each is model.layers[number]]
    inside_it = [(stage, name) for stage, name in parts.called if stage != REST]
    once = inside_it[: len(inside_it) // len(shared)]  # each time is like the first
    return [(stage, name) for stage, name in once if name not in operators.VIEWS]


def _stages(model: Model) -> dict[str, str]:
    """Return the stage of every module that has one, by its name."""
    return {
        name: stage
        for name, module in model.named_modules()
        for stage, kinds in STAGES.items()
        if type(module).__name__ in kinds and isinstance(module, nn.Module | Conv1D)
    }


def _heard(
    model: Model, names: Mapping[str, str], tokens: int, *, composite: bool
) -> "_Parts":
    """Run a decode step, and listen at these modules to what each of them calls."""
    with torch.inference_mode(composite):
        cache, token = inputs.filled(model, tokens)
        with operators.counting(composite=composite) as counter:
            parts = _Parts(names, counter)
            with (
                listening.hearing(model, list(names), parts.enter),
                listening.hearing(model, list(names), parts.leave, outputs=True),
            ):
                model.forward(token, cache, last=True)
            parts.settle()
    return parts


class _Parts:
    """Gives what was called since the last look to the stage that is running."""

    def __init__(self, names: Mapping[str, str], counter: operators.Counting):
        self.names, self.counter = names, counter
        self.inside: list[str] = []
        self.called: list[tuple[str, str]] = []  # stage and operator, in order

    def enter(self, name: str, tensor: Tensor) -> None:
        self.settle()
        self.inside.append(self.names[name])

    def leave(self, name: str, tensor: Tensor) -> None:
        self.settle()
        self.inside.pop()

    def settle(self) -> None:
        new = self.counter.order[len(self.called) :]
        stage = self.inside[-1] if self.inside else REST
        self.called += [(stage, name) for name in new]


def _kernels(counts: Counts) -> dict[str, int]:
    return {n: c for n, c in counts.calls.items() if n not in operators.VIEWS}


def _checked(answer: Any) -> dict[str, int]:
    pairs: Iterable = answer.items() if isinstance(answer, Mapping) else [(0, answer)]
    if all(isinstance(n, str) and arguments.is_whole(c) for n, c in pairs):
        return dict(answer)
    raise ValueError(
        f"count_operators gave {arguments.shown(answer)}; return a dict of names and "
        'how often each is called, such as {"mm": 1}.'
    )
