"""What a step spends on starting operators, by the learner's straight line."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from llmlab import measure
from llmlab.caching.experiments.stepping import BEFORE, Steps
from llmlab.core import arguments, records
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record
from llmlab.graphs.experiments import inputs
from llmlab.graphs.experiments.inputs import Model
from llmlab.graphs.quantities import (
    FIXED,
    OPERATOR_TIME,
    PER_ELEMENT,
    START_SHARE,
    STARTS,
    STEP_TIME,
)
from llmlab.measure import operators
from llmlab.measure.samples import Series

SIZES = (1, 2_000, 4_000, 8_000, 16_000)
REPEATS = 50  # of an operator in a call, whose own cost is shared so
TOKENS, SECONDS = 128, 3.0
STEP, ADDITION = "a decode step", "an addition"

Overhead = Callable[[list[int], list[float]], tuple[float, float]]


@dataclass(frozen=True)
class Starting:
    """Times of one operator by size, its fixed cost, and a step's share of it."""

    facts: tuple[Record, ...]
    operators: operators.Counts
    note: str  # what neighbours did meanwhile, "" if nothing

    @property
    def fixed(self) -> Record:
        """What an operator costs before it computes, by the learner's line."""
        return self._of(FIXED.name)

    @property
    def share(self) -> Record:
        """The share of a step that is starting operators, estimated."""
        return self._of(START_SHARE.name)

    @property
    def said(self) -> str:
        """Say what a start costs, how many a step makes, and what that comes to."""
        step, starts = self._of(STEP_TIME.name), self._of(STARTS.name)
        return (
            f"An operator costs {self.fixed.value_text()} before it computes. Python "
            f"calls {self.operators.total} of them in a step: "
            f"{starts.value_text()} of {step.value_text()}, about "
            f"{self.share.value:.0%} of the step."
        )

    def records(self) -> list[Record]:
        """Return the times by size, the line, the step, and the share."""
        return list(self.facts)

    def _of(self, name: str) -> Record:
        return next(fact for fact in self.facts if fact.name == name)


def step(
    model: Model, overhead: Overhead, *, sizes: Sequence[int] = SIZES,
    tokens: int = TOKENS, seconds: float = SECONDS,
) -> Starting:  # fmt: skip
    """Time one operator at growing sizes and a decode step, and set them in relation.

    overhead: (sizes, seconds) -> (fixed, per_element), in seconds. tokens: in the cache
    of the step. The share is estimated: the fixed cost times the calls from Python in a
    step. ValueError says where an answer is no two numbers.
    """
    inputs.learners("overhead", overhead)
    speed = measure.speed(_calls(model, sizes, tokens), seconds=seconds)
    times = [_time(speed[str(size)].total, size) for size in sizes]
    answer = overhead(list(sizes), [fact.value for fact in times])
    fixed, slope = _checked(answer)
    counts = operators.step(model, cached=tokens, composite=True)
    whole = speed[STEP].total
    details = {"tokens": tokens}
    facts = [*times, whole.record(STEP_TIME, subject=STEP, details=details)]
    starts = fixed * counts.total
    estimates: tuple[tuple[Quantity, float, str, dict[str, int]], ...] = (
        (FIXED, fixed, ADDITION, {}),
        (PER_ELEMENT, slope, ADDITION, {}),
        (STARTS, starts, STEP, {"operators": counts.total}),
        (START_SHARE, starts / whole.median, STEP, {}),
    )
    facts += [
        records.make(what, value, kind="estimated", subject=subject, details=more)
        for what, value, subject, more in estimates
    ]
    return Starting(tuple(facts), counts, speed.note)


def _calls(
    model: Model, sizes: Sequence[int], tokens: int
) -> dict[str, Callable[[], object]]:
    cache = model.new_cache(1, tokens + BEFORE + 1)
    calls: dict[str, Callable[[], object]] = {
        STEP: Steps(model, cache, inputs.tokens(model, tokens))
    }
    for size in sizes:
        calls[str(size)] = partial(_add, torch.ones(size), torch.ones(size))
    return calls


@torch.inference_mode()
def _add(one: Tensor, two: Tensor) -> None:
    for _ in range(REPEATS):
        one + two


def _time(series: Series, size: int) -> Record:
    """Return the time of one operator, from calls of many."""
    low, high = (None if end is None else end / REPEATS
                 for end in (series.low, series.high))  # fmt: skip
    return series.fact(
        OPERATOR_TIME, series.median / REPEATS, low=low, high=high, subject=ADDITION,
        details={"size": size},
    )  # fmt: skip


def _checked(answer: Any) -> tuple[float, float]:
    try:
        fixed, slope = (float(each) for each in answer)
    except (TypeError, ValueError):
        fixed = slope = float("nan")
    if not all(map(arguments.is_number, (fixed, slope))):
        raise ValueError(
            f"overhead gave {arguments.shown(answer)}; return (fixed, per_element), "
            "two numbers of seconds."
        )
    return fixed, slope
